//! The fault record as a tensor, so that a step can depend on it without waiting for it.

use crate::{
    device::Device,
    shape::{DType, Shape, View},
    tensor::{Op, Pointwise, Real, Storage, Tensor, block, wgsl},
};

struct Guard;
impl Pointwise<3, 0> for Guard {
    #[inline(always)]
    fn at<R: Real>([flag, new, old]: [R; 3], []: [R; 0]) -> R {
        R::select(flag == R::ZERO, new, old)
    }
}

/// `new` unless the flag is set.
const GUARD: Op = Op {
    name: "guard",
    files: &[wgsl!("family/guard.wgsl")],
    arity: 3,
    indexed: false,
    cheap: false,
    f32: block::<f32, Guard, 3, 0>,
    f64: block::<f64, Guard, 3, 0>,
};

/// Nonzero once a kernel has met a bad index; `None` while no kernel launched so far could have.
pub(crate) fn fault_flag(device: &Device) -> Option<Tensor> {
    let Device::Gpu(gpu) = device else { return None };
    let record = gpu.fault_record()?;
    let storage = Storage::ready(device.clone(), DType::Bool, 1, record, None);
    Some(Tensor { storage, view: View::contiguous(Shape::scalar()) })
}

impl Tensor {
    /// `new` where this flag is zero, else `old`.
    pub(crate) fn where_zero(&self, new: &Tensor, old: &Tensor) -> Tensor {
        Tensor::map(GUARD, &[], &[self, new, old], new.shape().clone(), new.dtype())
    }
}
