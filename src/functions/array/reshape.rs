use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{self, InvalidType, Meta, Shape},
    tensor::Tensor,
};

/// The same elements under another shape; one length may be `-1`, which takes what is left.
///
/// # Panics
/// When the number of elements differs.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()));
/// assert_eq!(F::reshape(&x, [2, -1]).shape()[..], [2, 3]);
/// ```
#[track_caller]
pub fn reshape(x: &Variable, shape: impl AsRef<[isize]>) -> Variable {
    apply(Reshape { shape: shape.as_ref().to_vec() }, &[x])
}

/// The same elements under a shape whose lengths are all known.
///
/// # Panics
/// When the number of elements differs.
#[track_caller]
pub fn with_shape(x: &Variable, shape: impl Into<Shape>) -> Variable {
    let shape = shape.into();
    if *x.shape() == shape {
        return x.clone();
    }
    reshape(x, shape.iter().map(|&d| d as isize).collect::<Vec<_>>())
}

#[derive(Debug)]
struct Reshape {
    shape: Vec<isize>,
}

impl Function for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(shape::reshape(&xs[0].shape, &self.shape)?, xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].reshape(&self.shape).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| with_shape(gy, saved.meta(0).shape.clone()))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("reshape", |x| reshape(&x[0], [4, -1])).input([2, 6]),
        Case::new("reshape/scalar", |x| reshape(&x[0], [])).input([1, 1]),
        Case::new("reshape/empty", |x| reshape(&x[0], [0, 2])).input([0, 3]),
        Case::new("reshape/of_transposed", |x| reshape(&super::transpose(&x[0], None), [3, 4])).input([2, 6]),
    ]
}
