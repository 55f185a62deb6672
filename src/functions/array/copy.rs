use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    device::Device,
    shape::{InvalidType, Meta},
    tensor::Tensor,
};

/// `x` on another device; its gradient comes back to the device of `x`.
///
/// # Panics
/// For `float64` to a GPU, which has none.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::ones([2], DType::F32, &Device::cpu()));
/// assert_eq!(F::copy(&x, &Device::cpu()).device(), &Device::cpu());
/// ```
#[track_caller]
pub fn copy(x: &Variable, device: &Device) -> Variable {
    apply(Copy { from: x.device().clone(), to: device.clone() }, &[x])
}

#[derive(Debug)]
struct Copy {
    from: Device,
    to: Device,
}

impl Function for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![xs[0].clone()])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].to_device(&self.to).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| copy(gy, &self.from))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("copy", |x| copy(&copy(&(&x[0] * &x[0]), &Device::cpu()), x[0].device())).input([2, 3])]
}
