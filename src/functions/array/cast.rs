use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{DType, InvalidType, Meta},
    tensor::Tensor,
};

/// `x` converted to `dtype`; the gradient is converted back.
///
/// # Panics
/// When the device cannot hold the dtype.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.5f32, -2.5], [2], &Device::cpu()));
/// assert_eq!(F::cast(&x, DType::I32).data().to_vec::<i32>().unwrap(), [1, -2]);
/// ```
#[track_caller]
pub fn cast(x: &Variable, dtype: DType) -> Variable {
    if x.dtype() == dtype { x.clone() } else { apply(Cast(dtype), &[x]) }
}

#[derive(Debug)]
struct Cast(DType);

impl Function for Cast {
    fn name(&self) -> &'static str {
        "cast"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(xs[0].shape.clone(), self.0)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].cast(self.0).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| cast(gy, saved.meta(0).dtype))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cast", |x| {
            let other = if x[0].dtype() == DType::F64 { DType::F64 } else { DType::F32 };
            cast(&(&x[0] * 2.0), other)
        })
        .input([2, 3]),
        Case::new("cast/integers", |x| cast(&x[0], DType::I32)).input_in([9], -3.0, 3.0).order(0),
    ]
}
