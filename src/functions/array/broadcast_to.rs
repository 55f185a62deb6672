use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    functions::math::sum_to,
    shape::{self, InvalidType, Meta, Shape},
    tensor::Tensor,
};

/// `x` repeated to `shape` by NumPy's rules; copies nothing.
///
/// # Panics
/// When the shape of `x` does not broadcast to `shape`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(3, &Device::cpu()));
/// assert_eq!(F::broadcast_to(&x, [2, 3]).shape()[..], [2, 3]);
/// ```
#[track_caller]
pub fn broadcast_to(x: &Variable, shape: impl Into<Shape>) -> Variable {
    let shape = shape.into();
    if *x.shape() == shape {
        return x.clone();
    }
    apply(BroadcastTo { shape }, &[x])
}

#[derive(Debug)]
struct BroadcastTo {
    shape: Shape,
}

impl Function for BroadcastTo {
    fn name(&self) -> &'static str {
        "broadcast_to"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        shape::broadcast_to(&xs[0].shape, &self.shape)?;
        Ok(vec![Meta::new(self.shape.clone(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].broadcast_to(&self.shape).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| sum_to(gy, saved.meta(0).shape.clone()))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("broadcast_to", |x| broadcast_to(&x[0], [2, 3, 4])).input([3, 1]),
        Case::new("broadcast_to/scalar", |x| broadcast_to(&x[0], [2, 3])).input(()),
        Case::new("broadcast_to/empty", |x| broadcast_to(&x[0], [0, 3])).input([1, 3]),
    ]
}
