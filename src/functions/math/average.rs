use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{broadcast_to, with_shape},
        math::{sum, sum_axes},
    },
    kernel::moments::variance,
    shape::{self, ensure, reduced},
    tensor::{Tensor, expect},
};

/// The mean of all elements, a scalar.
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()));
/// assert_eq!(F::mean(&x).item().unwrap(), 1.5);
/// ```
#[track_caller]
pub fn mean(x: &Variable) -> Variable {
    average(x, None, None, false)
}

/// The mean over `axes` (all of them for `None`), which are dropped or kept with length 1.
///
/// # Panics
/// When `x` is no float, or an axis is out of range or repeated.
#[track_caller]
pub fn mean_axes(x: &Variable, axes: Option<&[isize]>, keepdims: bool) -> Variable {
    average(x, axes, None, keepdims)
}

/// The mean over `axes` (all of them for `None`), or with weights `sum(x * weights) / sum(weights)`.
///
/// `weights` have the shape of `x`, or with one axis given the length of that axis.
///
/// # Panics
/// When `x` is no float, an axis is out of range or repeated, or weights come with several axes or do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()).reshape([2, 2]));
/// let w = Variable::constant(Tensor::from_slice(&[3.0f32, 1.0], [2], &Device::cpu()));
/// assert_eq!(F::average(&x, Some(&[1]), Some(&w), false).data().to_vec::<f32>().unwrap(), [0.25, 2.25]);
/// ```
#[track_caller]
pub fn average(x: &Variable, axes: Option<&[isize]>, weights: Option<&Variable>, keepdims: bool) -> Variable {
    let _named = crate::shape::named("average");
    let over = expect("average", shape::axes(axes, x.ndim()), &[x.data()]);
    let Some(w) = weights else {
        let count: usize = over.iter().map(|&a| x.shape()[a]).product();
        return sum_axes(x, axes, keepdims) * (1.0 / count as f64);
    };
    let lengths = match axes {
        None => x.shape().clone(),
        Some(_) => reduced(x.shape(), &(0..x.ndim()).filter(|a| !over.contains(a)).collect::<Vec<_>>(), false),
    };
    let fits = || {
        ensure!(axes.is_none() || over.len() == 1, "one axis with weights", "axes = {axes:?}");
        ensure!(*w.shape() == lengths, format!("weights.shape == {lengths}"), "{}", w.shape());
        Ok(())
    };
    expect("average", fits(), &[x.data(), w.data()]);
    let total = sum(w);
    let aligned = match axes {
        None => w.clone(),
        Some(_) => {
            let mut shape = vec![1; x.ndim()];
            shape[over[0]] = lengths[0];
            with_shape(w, shape)
        }
    };
    let weighted = sum_axes(&(x * aligned), axes, keepdims);
    let total = broadcast_to(&total, weighted.shape());
    weighted / total
}

impl Tensor {
    /// The mean over `axes` (all of them for `None`).
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn mean(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        let count = self.averaged("mean", axes);
        self.sum(axes, keepdims).mul_scalar(1.0 / count as f64)
    }

    /// The mean of squared differences from the mean over `axes` (all of them for `None`), in two passes, and corrected for
    /// the rounding of the mean.
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn var(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.var_ddof(axes, 0, keepdims)
    }

    /// The root of [`Tensor::var`].
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn std(&self, axes: Option<&[isize]>, keepdims: bool) -> Tensor {
        self.std_ddof(axes, 0, keepdims)
    }

    /// The sum of squared differences from the mean over `axes` (all of them for `None`), divided by `n - ddof` for `n`
    /// elements: without bias for 1.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &Device::cpu());
    /// assert_eq!(x.var_ddof(None, 1, false).item().unwrap(), 1.0);
    /// ```
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn var_ddof(&self, axes: Option<&[isize]>, ddof: usize, keepdims: bool) -> Tensor {
        self.deviations("var", axes, ddof, keepdims, false)
    }

    /// The root of [`Tensor::var_ddof`].
    ///
    /// # Panics
    /// When it is no float, or an axis is out of range or repeated.
    #[track_caller]
    pub fn std_ddof(&self, axes: Option<&[isize]>, ddof: usize, keepdims: bool) -> Tensor {
        self.deviations("std", axes, ddof, keepdims, true)
    }

    /// Variances, or their roots: by one kernel that reads each row twice, or two where a row is in parts; by sums where a
    /// kernel does not see the whole.
    #[track_caller]
    fn deviations(&self, name: &str, axes: Option<&[isize]>, ddof: usize, keepdims: bool, root: bool) -> Tensor {
        let count = self.averaged(name, axes);
        let left = count.saturating_sub(ddof) as f64;
        let over = shape::axes(axes, self.ndim()).expect("checked above");
        if self.size() > 0
            && let Some(found) = variance(self, &over, count as f64 / left, root)
        {
            return found.with_shape(&reduced(self.shape(), &over, keepdims));
        }
        let centred = self.sub(&self.mean(axes, true));
        let squares = centred.mul(&centred).sum(axes, keepdims);
        // What the mean is off by, of a long sum of large numbers, is the mean of what should be centred.
        let off = centred.sum(axes, keepdims);
        let sum = squares.sub(&off.mul(&off).mul_scalar(1.0 / count as f64));
        let variance = sum.mul_scalar(1.0 / left);
        if root { variance.sqrt() } else { variance }
    }

    /// The number of elements that a mean over `axes` is taken of.
    #[track_caller]
    fn averaged(&self, name: &str, axes: Option<&[isize]>) -> usize {
        let over = || {
            ensure!(self.dtype().is_float(), "x.dtype.kind == f", "{}", self.dtype());
            shape::axes(axes, self.ndim())
        };
        expect(name, over(), &[self]).iter().map(|&a| self.shape()[a]).product()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("average", |x| average(&x[0], Some(&[1]), None, true)).input([2, 3, 4]),
        Case::new("average/all", |x| mean(&x[0])).input([2, 3, 4]),
        Case::new("average/axes", |x| mean_axes(&x[0], Some(&[0, -1]), false)).input([2, 3, 4]),
        Case::new("average/weights", |x| average(&x[0], Some(&[1]), Some(&x[1]), false)).input([2, 3, 4]).input_in(
            [3],
            0.5,
            1.5,
        ),
        Case::new("average/weights_kept", |x| average(&x[0], Some(&[-1]), Some(&x[1]), true)).input([2, 3]).input_in(
            [3],
            0.5,
            1.5,
        ),
        Case::new("average/weights_of_all", |x| average(&x[0], None, Some(&x[1]), false)).input([2, 3]).input_in(
            [2, 3],
            0.5,
            1.5,
        ),
        Case::new("average/deviation", |x| Variable::constant(x[0].data().std(Some(&[0]), true)))
            .input([3, 5])
            .order(0),
        Case::new("average/variance", |x| Variable::constant(x[0].data().var(Some(&[1]), false)))
            .input([3, 5])
            .order(0),
    ]
}
