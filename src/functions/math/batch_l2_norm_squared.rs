use super::sum_axes;
use crate::{
    autograd::{Case, Variable},
    shape::ensure,
    tensor::{Tensor, expect},
};

/// The sum of squares of each sample, `(N, ..)` to `(N,)`.
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::batch_l2_norm_squared(&x).data().to_vec::<f32>().unwrap(), [12.0, 12.0]);
/// ```
#[track_caller]
pub fn batch_l2_norm_squared(x: &Variable) -> Variable {
    let _named = crate::shape::named("batch_l2_norm_squared");
    let fits = || {
        ensure!(x.ndim(), >=, 2);
        Ok(())
    };
    expect("batch_l2_norm_squared", fits(), &[x.data()]);
    let axes: Vec<isize> = (1..x.ndim() as isize).collect();
    sum_axes(&(x * x), Some(&axes), false)
}

impl Tensor {
    /// The Euclidean norm over `axes` (all of them for `None`).
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn norm(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.mul(self).sum(axes, keepdims).sqrt()
    }

    /// The norm of an order `p`, `(sum |x|^p)^(1/p)`, over `axes` (all of them for `None`): of all elements as one vector.
    ///
    /// Infinity gives the largest magnitude, minus infinity the smallest, and 0 the number of elements that are not zero.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[3.0f32, -4.0], [2], &Device::cpu());
    /// let norm = |order| x.norm_of(order, None, false).item().unwrap();
    /// assert_eq!([norm(1.0), norm(2.0), norm(f64::INFINITY)], [7.0, 5.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// When it is no float, an axis is out of range or repeated, or the extreme of no elements is asked for.
    #[track_caller]
    pub fn norm_of(&self, order: f64, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        let _named = crate::shape::named("norm");
        let float = || {
            ensure!(self.dtype().is_float(), "x.dtype.kind == f", "{}", self.dtype());
            Ok(())
        };
        expect("norm", float(), &[self]);
        match order {
            0.0 => self.count_nonzero(axes, keepdims).cast(self.dtype()),
            1.0 => self.abs().sum(axes, keepdims),
            2.0 => self.norm(axes, keepdims),
            f64::INFINITY => self.abs().max(axes, keepdims),
            f64::NEG_INFINITY => self.abs().min(axes, keepdims),
            order => self.abs().powf(order).sum(axes, keepdims).powf(1.0 / order),
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("batch_l2_norm_squared", |x| batch_l2_norm_squared(&x[0])).input([3, 4, 2]),
        Case::new("batch_l2_norm_squared/norm", |x| Variable::constant(x[0].data().norm(Some(&[1]), false)))
            .input([3, 4])
            .order(0),
        Case::new("batch_l2_norm_squared/empty", |x| batch_l2_norm_squared(&x[0])).input([2, 0]),
    ]
}
