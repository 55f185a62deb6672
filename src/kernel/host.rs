//! Values back to the program: the calls that wait.

use super::fuse;
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Element},
    tensor::{HostArray, Tensor},
};
use half::f16;
use ndarray::{ArrayD, IxDyn};

impl Device {
    /// Waits until everything launched has run.
    ///
    /// # Errors
    /// The first failure since the last blocking call.
    pub fn synchronize(&self) -> Result<()> {
        fuse::force_all(self);
        match self {
            Device::Cpu(_) => Ok(()),
            Device::Gpu(gpu) => gpu.synchronize(),
        }
    }
}

impl Tensor {
    /// The values as an array on the host.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    pub fn to_host(&self) -> Result<HostArray> {
        Ok(match self.dtype() {
            DType::F16 => self.array::<f16>()?.into(),
            DType::F32 => self.array::<f32>()?.into(),
            DType::F64 => self.array::<f64>()?.into(),
            DType::I32 => self.array::<i32>()?.into(),
            DType::U32 => self.array::<u32>()?.into(),
            DType::U8 => self.array::<u8>()?.into(),
            DType::Bool => self.array::<bool>()?.into(),
        })
    }

    /// The values in row-major order.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    ///
    /// # Panics
    /// When `E` is not the tensor's element type.
    #[track_caller]
    pub fn to_vec<E: Element>(&self) -> Result<Vec<E>> {
        assert_eq!(E::DTYPE, self.dtype(), "to_vec: the tensor holds {}, not {}", self.dtype(), E::DTYPE);
        self.values()
    }

    /// The one element, as `f64`.
    ///
    /// # Errors
    /// Whatever failed on the device while it was computed.
    ///
    /// # Panics
    /// When there is not exactly one element.
    #[track_caller]
    pub fn item(&self) -> Result<f64> {
        assert_eq!(self.size(), 1, "item: expected a tensor of one element, got shape {}", self.shape());
        Ok(self.to_host()?.to_f64().iter().next().copied().unwrap_or_default())
    }

    /// Every value as `f64`, on the host.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    pub fn to_f64(&self) -> Result<ArrayD<f64>> {
        Ok(self.to_host()?.to_f64())
    }

    /// Every value as `f64` for a check of arguments, which owes its caller no earlier failure: that one stays for the next
    /// blocking call.
    pub(crate) fn peek(&self) -> Option<ArrayD<f64>> {
        self.to_f64()
            .or_else(|earlier| {
                let values = self.to_f64();
                if let Device::Gpu(gpu) = self.device() {
                    gpu.fail(earlier);
                }
                values
            })
            .ok()
    }

    fn array<E: Element>(&self) -> Result<ArrayD<E>> {
        let values = self.values::<E>()?;
        Ok(ArrayD::from_shape_vec(IxDyn(self.shape()), values).expect("as many values as the shape says"))
    }

    fn values<E: Element>(&self) -> Result<Vec<E>> {
        if self.size() == 0 {
            self.force();
            return self.failure().map_or(Ok(vec![]), Err);
        }
        // A part of a large tensor comes back alone; a whole one as it lies, whatever the order of its axes.
        let source = if self.size() * 2 <= self.storage.len || self.view.strides.iter().any(|&s| s < 0) {
            self.contiguous()
        } else {
            self.clone()
        };
        let (buffer, base) = source.buffer()?;
        let len = source.storage.len;
        let all = download::<E>(&buffer, base, len)?;
        if source.is_whole() {
            return Ok(all);
        }
        let mut out = Vec::with_capacity(source.size());
        source.view.for_each(|at| out.push(all[at]));
        Ok(out)
    }
}

fn download<E: Element>(buffer: &Buffer, start: usize, len: usize) -> Result<Vec<E>> {
    match buffer.device() {
        Device::Cpu(_) => {
            buffer.device().count_read_back((len * size_of::<E>()) as u64);
            // SAFETY: a ready storage is written by nobody.
            Ok(unsafe { buffer.host::<E>(start, len) }.to_vec())
        }
        Device::Gpu(gpu) => {
            let width = fuse::width(buffer.device(), E::DTYPE);
            let bytes = gpu.download(buffer, start as u64 * width, len as u64 * width)?;
            if matches!(E::DTYPE, DType::U8 | DType::Bool) {
                return Ok(bytes.chunks_exact(4).map(|w| E::from_f64(f64::from(w[0]))).collect());
            }
            let mut out = vec![E::ZERO; len];
            // SAFETY: the element types left take any bytes, and there are as many as the vector has.
            unsafe {
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), out.as_mut_ptr().cast::<u8>(), len * size_of::<E>())
            };
            Ok(out)
        }
    }
}
