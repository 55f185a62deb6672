use super::index::{Index, Plan};
use crate::{
    autograd::{Case, Variable},
    shape::{self, ensure},
    tensor::{Tensor, expect},
};

/// Elements by their positions along an axis, `y[i, j, k] = x[i, indices[i, j, k], k]` for axis 1; PyTorch's `gather`.
///
/// `indices` are `int32` with as many axes as `x` and count from the end where they are negative; other axes than the one
/// taken along are repeated to a common length. An element that is named several times gets the sum of its gradients.
///
/// # Panics
/// When an axis is out of range, shapes do not fit, or a position that came from the host is out of range. One that was
/// computed on a device is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[3.0f32, 1.0, 2.0, 4.0, 6.0, 5.0], [2, 3], &Device::cpu()));
/// let order = Variable::constant(x.data().argsort(1));
/// let y = F::take_along_axis(&x, &order, 1);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
/// ```
#[track_caller]
pub fn take_along_axis(x: &Variable, indices: &Variable, axis: isize) -> Variable {
    let _named = shape::named("take_along_axis");
    plan("take_along_axis", x, indices, axis).take(x)
}

/// `a` with `b` added by position along an axis, `y[i, indices[i, j, k], k] += b[i, j, k]` for axis 1: the adjoint of
/// [`take_along_axis`].
///
/// # Panics
/// As [`take_along_axis`], and when `b` has not the shape that it would give.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let indices = Variable::constant(Tensor::from_slice(&[2, 2, 0, 1], [2, 2], &Device::cpu()));
/// let b = Variable::constant(Tensor::ones([2, 2], DType::F32, &Device::cpu()));
/// let y = F::scatter_add_along_axis(&a, &indices, &b, 1);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [0.0, 0.0, 2.0, 1.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn scatter_add_along_axis(a: &Variable, indices: &Variable, b: &Variable, axis: isize) -> Variable {
    let _named = shape::named("scatter_add_along_axis");
    let plan = plan("scatter_add_along_axis", a, indices, axis);
    let fits = || {
        ensure!(a.dtype(), ==, b.dtype());
        ensure!(*b.shape() == plan.out(), format!("b.shape == {}", plan.out()), "{}", b.shape());
        Ok(())
    };
    expect("scatter_add_along_axis", fits(), &[a.data(), indices.data(), b.data()]);
    a + plan.put(b)
}

/// Positions along every axis: those given along one, the element's own along the others.
#[track_caller]
fn plan(name: &'static str, x: &Variable, indices: &Variable, axis: isize) -> Plan {
    let fits = || {
        let axis = shape::axis(axis, x.ndim())?;
        ensure!(indices.ndim(), ==, x.ndim());
        Ok(axis)
    };
    let along = expect(name, fits(), &[x.data(), indices.data()]);
    let place = |axis: usize| {
        if axis == along {
            return Index::from(indices);
        }
        let mut shape = vec![1; x.ndim()];
        shape[axis] = x.shape()[axis];
        Index::At(Variable::constant(Tensor::count(x.shape()[axis], x.device()).with_shape(&shape.into())))
    };
    let index: Vec<Index> = (0..x.ndim()).map(place).collect();
    Plan::new(name, x, &index).unwrap_or_else(|_| unreachable!("one part is an array"))
}

impl Tensor {
    /// Elements by their positions along an axis: see [`take_along_axis`].
    ///
    /// # Panics
    /// As [`take_along_axis`].
    #[track_caller]
    pub fn take_along_axis(&self, indices: &Tensor, axis: isize) -> Tensor {
        let [x, indices] = [self, indices].map(|t| Variable::constant(t.clone()));
        take_along_axis(&x, &indices, axis).data().clone()
    }

    /// With `b` added by position along an axis: see [`scatter_add_along_axis`].
    ///
    /// # Panics
    /// As [`scatter_add_along_axis`].
    #[track_caller]
    pub fn scatter_add_along_axis(&self, indices: &Tensor, b: &Tensor, axis: isize) -> Tensor {
        let [a, indices, b] = [self, indices, b].map(|t| Variable::constant(t.clone()));
        scatter_add_along_axis(&a, &indices, &b, axis).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("take_along_axis", |x| take_along_axis(&x[1], &x[0], 1)).integers([3, 5], 0, 4).input([3, 4]),
        Case::new("take_along_axis/first", |x| take_along_axis(&x[1], &x[0], 0)).integers([2, 4], -3, 3).input([3, 4]),
        Case::new("take_along_axis/middle", |x| take_along_axis(&x[1], &x[0], -2))
            .integers([2, 5, 3], 0, 4)
            .input([2, 4, 3]),
        Case::new("take_along_axis/repeated", |x| take_along_axis(&x[1], &x[0], 1))
            .integers([1, 2], 0, 4)
            .input([3, 4]),
        Case::new("take_along_axis/empty", |x| take_along_axis(&x[1], &x[0], 1)).integers([3, 0], 0, 4).input([3, 4]),
        Case::new("take_along_axis/added", |x| scatter_add_along_axis(&x[1], &x[0], &x[2], 1))
            .integers([3, 5], 0, 4)
            .input([3, 4])
            .input([3, 5]),
        Case::new("take_along_axis/added_first", |x| scatter_add_along_axis(&x[1], &x[0], &x[2], 0))
            .integers([5, 2], -3, 3)
            .input([3, 2])
            .input([5, 2]),
    ]
}
