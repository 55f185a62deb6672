use super::cumprod::running_product;
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::array::{delayed, flip, transpose, with_shape},
    kernel::Reduction,
    shape::{InvalidType, Meta, Shape, axes, ensure, reduced},
    tensor::Tensor,
};
use ndarray::arr2;

/// The product of all elements, a scalar.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[2.0f32, 3.0], [2], &Device::cpu()));
/// assert_eq!(F::prod(&x).item().unwrap(), 6.0);
/// ```
#[track_caller]
pub fn prod(x: &Variable) -> Variable {
    prod_axes(x, None, false)
}

/// The product over `axes` (all of them for `None`), which are dropped or kept with length 1.
///
/// Gradients of any order are right also where elements are zero.
///
/// # Panics
/// When `x` is no float, or an axis is out of range or repeated.
#[track_caller]
pub fn prod_axes(x: &Variable, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    apply(Prod { axes: axes.map(<[isize]>::to_vec), keepdims }, &[x])
}

impl Tensor {
    /// The product over `axes` (all of them for `None`); `bool` and `uint8` are multiplied as `int32`.
    ///
    /// # Panics
    /// When an axis is out of range or repeated.
    #[track_caller]
    pub fn prod(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.reduce(Reduction::Prod, axes, keepdims)
    }
}

#[derive(Debug)]
struct Prod {
    axes: Option<Vec<isize>>,
    keepdims: bool,
}

impl Function for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].dtype.is_float(), "x.dtype.kind == f", "{}", xs[0].dtype);
        let over = axes(self.axes.as_deref(), xs[0].ndim())?;
        Ok(vec![Meta::new(reduced(&xs[0].shape, &over, self.keepdims), xs[0].dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].prod(self.axes.as_deref(), self.keepdims).into()
    }

    // The product of the others is that of those before times that of those after: nothing is divided by x.
    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let x = saved.input(0);
        let over = axes(self.axes.as_deref(), x.ndim()).expect("checked in the forward pass");
        let order: Vec<usize> = (0..x.ndim()).filter(|a| !over.contains(a)).chain(over.iter().copied()).collect();
        let signed: Vec<isize> = order.iter().map(|&a| a as isize).collect();
        let ordered: Shape = order.iter().map(|&a| x.shape()[a]).collect();
        let count: usize = over.iter().map(|&a| x.shape()[a]).product();
        let mut rows = reduced(x.shape(), &over, false);
        rows.push(count);
        let row = with_shape(&transpose(x, Some(&signed)), rows.clone());
        let before = delayed(&running_product(&row), 1.0);
        let after = flip(&delayed(&running_product(&flip(&row, -1)), 1.0), -1);
        let last = rows.len() - 1;
        let gx = |gy: &Variable| {
            let gx = with_shape(&(before * after * with_shape(gy, rows.with(last, 1))), ordered);
            let mut back = vec![0; order.len()];
            order.iter().enumerate().for_each(|(to, &from)| back[from] = to as isize);
            transpose(&gx, Some(&back))
        };
        vec![gys[0].as_ref().map(gx)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("prod", |x| prod(&x[0])).input([2, 3, 2]),
        Case::new("prod/axis", |x| prod_axes(&x[0], Some(&[1]), true)).input([2, 3, 4]),
        Case::new("prod/axes", |x| prod_axes(&x[0], Some(&[0, -1]), false)).input([2, 3, 4]),
        Case::new("prod/zeros", |x| prod_axes(&x[0], Some(&[1]), false))
            .exact(arr2(&[[1.5, 0.0, 2.0], [0.0, 3.0, 0.0], [1.0, 2.0, 3.0]]).into_dyn()),
        Case::new("prod/empty", |x| prod_axes(&x[0], Some(&[1]), false)).input([2, 0]),
    ]
}
