use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{
        array::with_shape,
        family::{Elementwise, map, op},
    },
    kernel::Reduction,
    shape::{InvalidType, Meta, Shape, axes, ensure, reduced},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr2;

/// The largest element, a scalar.
///
/// # Panics
/// When `x` is no float or empty.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()));
/// assert_eq!(F::max(&x).item().unwrap(), 3.0);
/// ```
#[track_caller]
pub fn max(x: &Variable) -> Variable {
    max_axes(x, None, false)
}

/// The largest elements over `axes` (all of them for `None`), which are dropped or kept with length 1.
///
/// Every element that equals the largest gets the full gradient. A NaN is the largest, and gets none.
///
/// # Panics
/// When `x` is no float, an axis is out of range or repeated, or there is nothing to choose from.
#[track_caller]
pub fn max_axes(x: &Variable, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    extreme(x, Reduction::Max, axes, keepdims)
}

#[track_caller]
pub(super) fn extreme(x: &Variable, reduction: Reduction, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    apply(Extreme { reduction, axes: axes.map(<[isize]>::to_vec), keepdims }, &[x])
}

impl Tensor {
    /// The largest elements over `axes` (all of them for `None`); NaN if any is NaN.
    ///
    /// # Panics
    /// When an axis is out of range or repeated, or there is nothing to choose from.
    #[track_caller]
    pub fn max(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.reduce(Reduction::Max, axes, keepdims)
    }
}

#[derive(Debug)]
struct Extreme {
    reduction: Reduction,
    axes: Option<Vec<isize>>,
    keepdims: bool,
}

impl Function for Extreme {
    fn name(&self) -> &'static str {
        if self.reduction == Reduction::Max { "max" } else { "min" }
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let x = &xs[0];
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        let out = reduced(&x.shape, &axes(self.axes.as_deref(), x.ndim())?, self.keepdims);
        ensure!(x.shape.size() > 0 || out.size() == 0, "at least one element to choose from", "{}", x.shape);
        Ok(vec![Meta::new(out, x.dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].reduce(self.reduction, self.axes.as_deref(), self.keepdims).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let x = saved.input(0);
        let over = axes(self.axes.as_deref(), x.ndim()).expect("checked in the forward pass");
        let kept = reduced(x.shape(), &over, true);
        let y = with_shape(saved.output(0), kept.clone());
        vec![gys[0].as_ref().map(|gy| map(WhereEqual, [x, &y, &with_shape(gy, kept)]))]
    }
}

/// `z` where `x == y`, else 0, over `shape`.
pub(crate) fn where_equal(x: &Tensor, y: &Tensor, z: &Tensor, shape: impl Into<Shape>) -> Tensor {
    Tensor::map(op::<WhereEqual, 3, 0>(), &[], &[x, y, z], shape.into(), z.dtype())
}

/// `gy` where `x` is the extreme `y`, else 0.
#[derive(Debug, Clone)]
struct WhereEqual;

impl Elementwise<3> for WhereEqual {
    const NAME: &str = "where_equal";
    const FILES: &[Wgsl] = &[wgsl!("math/extreme.wgsl")];
    const RETAIN: Retain = Retain::NOTHING.input(0).input(1);

    fn reference<R: Real>([x, y, gy]: [R; 3], []: [R; 0]) -> R {
        R::select(x == y, gy, R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 3] {
        [None, None, Some(map(WhereEqual, [saved.input(0), saved.input(1), ggx]))]
    }
}

/// Rows with ties, for `max` and `min`.
pub(super) fn ties() -> ndarray::ArrayD<f64> {
    arr2(&[[1.0, 3.0, 3.0, 1.0], [2.0, 2.0, 2.0, 2.0]]).into_dyn()
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("max", |x| max(&x[0])).input([2, 3, 4]),
        Case::new("max/axis", |x| max_axes(&x[0], Some(&[1]), false)).input([2, 3, 4]),
        Case::new("max/axes_kept", |x| max_axes(&x[0], Some(&[0, -1]), true)).input([2, 3, 4]),
        Case::new("max/long", |x| max_axes(&x[0], Some(&[1]), false)).input([3, 300]).order(1),
        Case::new("max/ties", |x| max_axes(&x[0], Some(&[1]), false)).exact(ties()).order(0),
        Case::new("max/gradient_of_ties", |x| gradient(&max_axes(&x[0], Some(&[1]), false), &x[0]))
            .exact(ties())
            .order(0),
        Case::new("max/nan", |x| max_axes(&x[0], Some(&[1]), false))
            .exact(arr2(&[[1.0, f64::NAN, 3.0], [f64::NEG_INFINITY; 3]]).into_dyn())
            .order(0),
        Case::new("max/empty", |x| max_axes(&x[0], Some(&[0]), false)).input([3, 0]),
        Case::new("max/of_expression", |x| max_axes(&(&x[0] * &x[1]), Some(&[1]), false)).input([3, 4]).input([4]),
    ]
}

/// The gradient of the sum of `y`, for cases whose finite differences do not exist.
pub(super) fn gradient(y: &Variable, x: &Variable) -> Variable {
    let options = crate::autograd::Grad::default();
    crate::autograd::grad(&[&super::sum(y)], &[x], options).swap_remove(0).expect("y depends on x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, shape::DType};

    #[test]
    fn every_tie_gets_the_full_gradient() {
        let x = Variable::new(Tensor::from_slice(&[1.0f32, 3.0, 3.0], [3], &Device::cpu()));
        assert_eq!(gradient(&max(&x), &x).data().to_vec::<f32>().unwrap(), [0.0, 1.0, 1.0]);
    }

    #[test]
    #[should_panic(expected = "at least one element to choose from")]
    fn nothing_has_no_largest() {
        max(&Variable::new(Tensor::zeros([0, 3], DType::F32, &Device::cpu())));
    }
}
