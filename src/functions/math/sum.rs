use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    functions::array::{broadcast_to, with_shape},
    kernel::Reduction,
    shape::{InvalidType, Meta, axes, ensure, reduced},
    tensor::Tensor,
};

/// The sum of all elements, a scalar.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::sum(&x).item().unwrap(), 6.0);
/// ```
#[track_caller]
pub fn sum(x: &Variable) -> Variable {
    sum_axes(x, None, false)
}

/// Sums over `axes` (all of them for `None`), which are dropped or kept with length 1.
///
/// # Panics
/// When `x` is no float, or an axis is out of range or repeated.
#[track_caller]
pub fn sum_axes(x: &Variable, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    apply(Sum { axes: axes.map(<[isize]>::to_vec), keepdims }, &[x])
}

impl Tensor {
    /// Sums over `axes` (all of them for `None`); `bool` and `uint8` are summed as `int32`.
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn sum(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.reduce(Reduction::Sum, axes, keepdims)
    }
}

#[derive(Debug)]
struct Sum {
    axes: Option<Vec<isize>>,
    keepdims: bool,
}

impl Function for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].dtype.is_float(), "x.dtype.kind == f", "{}", xs[0].dtype);
        let over = axes(self.axes.as_deref(), xs[0].ndim())?;
        Ok(vec![Meta::new(reduced(&xs[0].shape, &over, self.keepdims), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].sum(self.axes.as_deref(), self.keepdims).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let shape = &saved.meta(0).shape;
        let over = axes(self.axes.as_deref(), shape.len()).expect("checked in the forward pass");
        vec![gys[0].as_ref().map(|gy| broadcast_to(&with_shape(gy, reduced(shape, &over, true)), shape))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("sum", |x| sum(&x[0])).input([2, 3, 4]),
        Case::new("sum/axis0", |x| sum_axes(&x[0], Some(&[0]), false)).input([5, 3]),
        Case::new("sum/axes", |x| sum_axes(&x[0], Some(&[0, -1]), false)).input([2, 3, 4]),
        Case::new("sum/middle", |x| sum_axes(&x[0], Some(&[1]), true)).input([2, 3, 4]),
        Case::new("sum/long_rows", |x| sum_axes(&x[0], Some(&[1]), false)).input([3, 300]),
        Case::new("sum/long", |x| sum(&x[0])).input([40_000]).order(1).tolerance(1e-4),
        Case::new("sum/none", |x| sum_axes(&x[0], Some(&[]), false)).input([2, 3]),
        Case::new("sum/empty", |x| sum_axes(&x[0], Some(&[0]), false)).input([0, 3]),
        Case::new("sum/of_expression", |x| sum_axes(&(&x[0] * &x[1]), Some(&[0]), false)).input([4, 3]).input([3]),
        Case::new("sum/of_view", |x| sum_axes(&crate::functions::transpose(&x[0], None), Some(&[0]), false))
            .input([4, 3]),
    ]
}
