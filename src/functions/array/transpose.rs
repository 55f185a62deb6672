use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{InvalidType, Meta, permutation},
    tensor::Tensor,
};

/// The axes in another order, reversed for `None`; copies nothing.
///
/// # Panics
/// When `axes` is not a permutation.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
/// assert_eq!(F::transpose(&x, Some(&[0, 2, 1])).shape()[..], [2, 4, 3]);
/// ```
#[track_caller]
pub fn transpose(x: &Variable, axes: Option<&[isize]>) -> Variable {
    apply(Transpose { axes: axes.map(<[isize]>::to_vec) }, &[x])
}

#[derive(Debug)]
struct Transpose {
    axes: Option<Vec<isize>>,
}

impl Function for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let axes = permutation(self.axes.as_deref(), xs[0].ndim())?;
        Ok(vec![Meta::new(axes.iter().map(|&a| xs[0].shape[a]).collect::<crate::shape::Shape>(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].transpose(self.axes.as_deref()).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let axes = permutation(self.axes.as_deref(), saved.meta(0).ndim()).expect("checked in the forward pass");
        let mut inverse = vec![0; axes.len()];
        for (to, &from) in axes.iter().enumerate() {
            inverse[from] = to as isize;
        }
        vec![gys[0].as_ref().map(|gy| transpose(gy, Some(&inverse)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("transpose", |x| transpose(&x[0], None)).input([2, 3]),
        Case::new("transpose/axes", |x| transpose(&x[0], Some(&[1, -1, 0]))).input([2, 3, 4]),
    ]
}
