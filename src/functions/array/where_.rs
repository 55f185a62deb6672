use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    shape::{DType, InvalidType, Meta, ensure},
    tensor::{HostArray, Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

/// `a` where `condition` holds, else `b`, over the broadcast shape.
///
/// `condition` is of `bool`, as comparisons of tensors give; `a` and `b` have one dtype.
///
/// # Panics
/// When `condition` is not of `bool`, dtypes differ or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [2], &Device::cpu()));
/// let negative = x.data().less(&x.data().full_like(0.0)).into();
/// assert_eq!(F::where_(&negative, &(&x * 10.0), &x).data().to_vec::<f32>().unwrap(), [-10.0, 2.0]);
/// ```
#[track_caller]
pub fn where_(condition: &Variable, a: &Variable, b: &Variable) -> Variable {
    map(Where, [condition, a, b])
}

impl Tensor {
    /// `a` where this tensor of `bool` holds, else `b`: see [`where_`].
    ///
    /// # Panics
    /// When it is not of `bool`, dtypes differ or shapes do not broadcast.
    #[track_caller]
    pub fn where_(&self, a: &Tensor, b: &Tensor) -> Tensor {
        map_tensors(Where, [self, a, b])
    }

    /// `value` where `mask`, a tensor of `bool`, holds.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(3, &Device::cpu());
    /// let large = x.greater(&x.full_like(0.5));
    /// assert_eq!(x.masked_fill(&large, -1.0).to_vec::<f32>().unwrap(), [0.0, -1.0, -1.0]);
    /// ```
    ///
    /// # Panics
    /// When the mask is not of `bool`, or does not broadcast.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Tensor {
        let value = Tensor::full((), value, self.dtype(), self.device());
        map_tensors(Where, [mask, &value, self])
    }
}

#[derive(Debug, Clone)]
struct Where;

impl Elementwise<3> for Where {
    const NAME: &str = "where";
    const FILES: &[Wgsl] = FILES;
    const CHEAP: bool = true;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
        let (condition, a, b) = (&xs[0], &xs[1], &xs[2]);
        ensure!(condition.dtype, ==, DType::Bool);
        ensure!(a.dtype, ==, b.dtype);
        Ok(a.dtype)
    }

    fn reference<R: Real>([c, a, b]: [R; 3], []: [R; 0]) -> R {
        R::select(c != R::ZERO, a, b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 3] {
        let zeros = Variable::constant(gy.data().full_like(0.0));
        let c = saved.input(0);
        [None, saved.needs(1).then(|| map(Where, [c, gy, &zeros])), saved.needs(2).then(|| map(Where, [c, &zeros, gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mask = || HostArray::Bool(arr1(&[true, false, true, true, false]).into_dyn());
    vec![
        Case::new("where_", |x| where_(&x[0], &x[1], &x[2])).exact(mask()).input([3, 5]).input([3, 5]),
        Case::new("where_/broadcast", |x| where_(&x[0], &x[1], &x[2])).exact(mask()).input([3, 1]).input(()),
        Case::new("where_/integers", |x| where_(&x[0], &x[1], &x[2])).exact(mask()).integers([5], -9, 9).integers(
            [5],
            -9,
            9,
        ),
        Case::new("where_/comparison", |x| where_(&x[0].data().less(x[1].data()).into(), &x[0], &(&x[1] * 2.0)))
            .input([3, 4])
            .input_in([4], 1.0, 2.0),
        Case::new("where_/empty", |x| where_(&x[0], &x[1], &x[1])).exact(mask()).input([0, 5]),
    ]
}
