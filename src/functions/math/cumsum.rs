use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    functions::array::{flatten, flip, swapaxes},
    shape::{self, InvalidType, Meta, ensure},
    tensor::{Tensor, expect},
};

/// Running sums along an axis, `y[i] = x[0] + .. + x[i]`; without an axis, `x` is flattened.
///
/// # Panics
/// When `x` is no float, or the axis is out of range.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()));
/// assert_eq!(F::cumsum(&x, Some(0)).data().to_vec::<f32>().unwrap(), [0.0, 1.0, 3.0, 6.0]);
/// ```
#[track_caller]
pub fn cumsum(x: &Variable, axis: Option<isize>) -> Variable {
    along("cumsum", x, axis, |x| apply(Cumsum, &[x]))
}

/// A function of the last axis along another one, or of the flattened variable.
#[track_caller]
pub(super) fn along(name: &str, x: &Variable, axis: Option<isize>, f: impl Fn(&Variable) -> Variable) -> Variable {
    let float = || {
        shape::ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
        Ok(())
    };
    expect(name, float(), &[x.data()]);
    let Some(axis) = axis else { return f(&flatten(x)) };
    let axis = expect(name, shape::axis(axis, x.ndim()), &[x.data()]);
    if axis + 1 == x.ndim() {
        return f(x);
    }
    swapaxes(&f(&swapaxes(x, axis as isize, -1)), axis as isize, -1)
}

impl Tensor {
    /// Running sums along an axis; without one, of the flattened tensor. `bool` and `uint8` are summed as `int32`.
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn cumsum(&self, axis: Option<isize>) -> Tensor {
        use crate::shape::DType;
        if matches!(self.dtype(), DType::Bool | DType::U8) {
            return self.cast(DType::I32).cumsum(axis);
        }
        match axis {
            None => self.reshape([-1]).running_sum(),
            Some(axis) => self.swapaxes(axis, -1).running_sum().swapaxes(axis, -1),
        }
    }
}

/// Along the last axis.
#[derive(Debug)]
struct Cumsum;

impl Function for Cumsum {
    fn name(&self) -> &'static str {
        "cumsum"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].dtype.is_float(), "x.dtype.kind == f", "{}", xs[0].dtype);
        Ok(xs.to_vec())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].running_sum().into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| flip(&apply(Cumsum, &[&flip(gy, -1)]), -1))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cumsum", |x| cumsum(&x[0], Some(1))).input([2, 3, 4]),
        Case::new("cumsum/last", |x| cumsum(&x[0], Some(-1))).input([2, 5]),
        Case::new("cumsum/flat", |x| cumsum(&x[0], None)).input([2, 3]),
        Case::new("cumsum/long", |x| cumsum(&x[0], Some(1))).input([3, 1500]).order(1).tolerance(1e-4),
        Case::new("cumsum/middling", |x| cumsum(&x[0], Some(0))).input([300, 5]).order(1).tolerance(1e-4),
        Case::new("cumsum/empty", |x| cumsum(&x[0], Some(0))).input([0, 2]),
        Case::new("cumsum/scalar", |x| cumsum(&x[0], None)).input(()),
    ]
}
