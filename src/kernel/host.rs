//! Values back to the program: the calls that wait, and their forms to await.

use super::fuse;
use crate::{
    device::{Buffer, Device, gpu::Download},
    error::{Error, Result},
    shape::{DType, Element},
    tensor::{HostArray, Tensor},
};
use half::f16;
use ndarray::{ArrayD, ArrayViewD, IxDyn, ShapeBuilder};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

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

/// Values on their way to the host: a future, or something to [`wait`](ReadBack::wait) for.
///
/// What was recorded before it was asked for is under way; recording goes on meanwhile.
#[must_use = "nothing waits for the values"]
pub struct ReadBack<T> {
    data: Data,
    source: Tensor,
    convert: fn(&Tensor, Arrived) -> T,
}

enum Data {
    Here(Arrived),
    Coming(Box<Download>),
    Failed(Error),
}

/// The elements of a whole storage.
enum Arrived {
    /// In the memory of the CPU device, from this element on.
    Host(Buffer, usize),
    /// From a GPU's memory.
    Bytes(Vec<u8>),
}

impl<T> ReadBack<T> {
    fn new(tensor: &Tensor, convert: fn(&Tensor, Arrived) -> T) -> ReadBack<T> {
        // A part of a large tensor comes back alone; a whole one as it lies, whatever the order of its axes.
        let part = tensor.size() * 2 <= tensor.storage.len || tensor.view.strides.iter().any(|&s| s < 0);
        let source = if part { tensor.contiguous() } else { tensor.clone() };
        let data = match source.buffer() {
            Err(error) => {
                if let Device::Gpu(gpu) = source.device() {
                    gpu.told();
                }
                Data::Failed(error)
            }
            Ok((buffer, at)) => match buffer.device() {
                Device::Cpu(_) => {
                    let bytes = source.storage.len * source.dtype().size();
                    buffer.device().count_read_back(bytes as u64);
                    Data::Here(Arrived::Host(buffer, at))
                }
                Device::Gpu(_) if source.size() == 0 => Data::Here(Arrived::Bytes(vec![])),
                Device::Gpu(gpu) => {
                    let width = fuse::width(buffer.device(), source.dtype());
                    let download = gpu.download(&buffer, at as u64 * width, source.storage.len as u64 * width);
                    Data::Coming(Box::new(download))
                }
            },
        };
        ReadBack { data, source, convert }
    }

    /// Waits for the values.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    pub fn wait(self) -> Result<T> {
        let arrived = match self.data {
            Data::Here(arrived) => arrived,
            Data::Coming(download) => Arrived::Bytes(download.wait()?),
            Data::Failed(error) => return Err(error),
        };
        Ok((self.convert)(&self.source, arrived))
    }
}

impl<T> Future for ReadBack<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let arrived = match &mut self.data {
            Data::Coming(download) => match Pin::new(download).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(bytes) => Arrived::Bytes(bytes?),
            },
            Data::Failed(error) => return Poll::Ready(Err(error.clone())),
            Data::Here(arrived) => std::mem::replace(arrived, Arrived::Bytes(vec![])),
        };
        Poll::Ready(Ok((self.convert)(&self.source, arrived)))
    }
}

impl Tensor {
    /// The values as an array on the host.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    pub fn to_host(&self) -> Result<HostArray> {
        self.to_host_async().wait()
    }

    /// As [`Tensor::to_host`], without waiting.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(3, &Device::best());
    /// let coming = x.add(&x).to_host_async();
    /// // .. the program goes on; an executor awaits `coming`, or:
    /// assert_eq!(coming.wait().unwrap().to_f32().sum(), 6.0);
    /// ```
    pub fn to_host_async(&self) -> ReadBack<HostArray> {
        fn array<E: Element>(source: &Tensor, arrived: Arrived) -> HostArray
        where
            HostArray: From<ArrayD<E>>,
        {
            let values = values::<E>(source, arrived);
            ArrayD::from_shape_vec(IxDyn(source.shape()), values).expect("as many values as the shape says").into()
        }
        let convert = match self.dtype() {
            DType::F16 => array::<f16>,
            DType::F32 => array::<f32>,
            DType::F64 => array::<f64>,
            DType::I32 => array::<i32>,
            DType::U32 => array::<u32>,
            DType::U8 => array::<u8>,
            DType::Bool => array::<bool>,
        };
        ReadBack::new(self, convert)
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
        ReadBack::new(self, values::<E>).wait()
    }

    /// Shows the values to `f` as an array: those of a tensor on the CPU where they lie, those of another after they
    /// came to the host.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]).transpose(None);
    /// assert_eq!(x.with_array::<f32, _>(|a| a[[2, 1]]).unwrap(), 5.0);
    /// ```
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    ///
    /// # Panics
    /// When `E` is not the tensor's element type.
    #[track_caller]
    pub fn with_array<E: Element, T>(&self, f: impl FnOnce(ArrayViewD<'_, E>) -> T) -> Result<T> {
        assert_eq!(E::DTYPE, self.dtype(), "with_array: the tensor holds {}, not {}", self.dtype(), E::DTYPE);
        let forward = self.view.strides.iter().all(|&s| s >= 0);
        if self.device().is_cpu() && forward && self.size() > 0 {
            let (buffer, at) = self.buffer()?;
            let strides: Vec<usize> = self.view.strides.iter().map(|&s| s as usize).collect();
            // SAFETY: this tensor holds the storage, which nobody writes while it is held.
            let whole = unsafe { buffer.host::<E>(at, self.storage.len) };
            let shape = IxDyn(self.shape()).strides(IxDyn(&strides));
            // Strides of zero show an element more than once, which `ndarray` takes in views of this kind alone.
            if let Ok(view) = ArrayViewD::from_shape(shape, &whole[self.view.offset..]) {
                return Ok(f(view));
            }
        }
        let values = self.to_vec::<E>()?;
        Ok(f(ArrayViewD::from_shape(IxDyn(self.shape()), &values).expect("as many values as the shape says")))
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
        self.item_async().wait()
    }

    /// As [`Tensor::item`], without waiting.
    ///
    /// # Panics
    /// When there is not exactly one element.
    #[track_caller]
    pub fn item_async(&self) -> ReadBack<f64> {
        assert_eq!(self.size(), 1, "item: expected a tensor of one element, got shape {}", self.shape());
        fn first<E: Element>(source: &Tensor, arrived: Arrived) -> f64 {
            values::<E>(source, arrived)[0].to_f64()
        }
        let convert = match self.dtype() {
            DType::F16 => first::<f16>,
            DType::F32 => first::<f32>,
            DType::F64 => first::<f64>,
            DType::I32 => first::<i32>,
            DType::U32 => first::<u32>,
            DType::U8 => first::<u8>,
            DType::Bool => first::<bool>,
        };
        ReadBack::new(self, convert)
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
}

/// The elements of a view, in row-major order, from those of its storage.
fn values<E: Element>(source: &Tensor, arrived: Arrived) -> Vec<E> {
    if source.size() == 0 {
        return vec![];
    }
    let len = source.storage.len;
    let pick = |all: &[E]| {
        let mut out = Vec::with_capacity(source.size());
        source.view.for_each(|at| out.push(all[at]));
        out
    };
    match arrived {
        Arrived::Host(buffer, at) => {
            // SAFETY: a ready storage is written by nobody.
            let all = unsafe { buffer.host::<E>(at, len) };
            if source.is_whole() { all.to_vec() } else { pick(all) }
        }
        Arrived::Bytes(bytes) => {
            let all = if matches!(E::DTYPE, DType::U8 | DType::Bool) {
                bytes.chunks_exact(4).map(|w| E::from_f64(f64::from(w[0]))).collect()
            } else {
                let mut all = vec![E::ZERO; len];
                assert_eq!(bytes.len(), len * size_of::<E>(), "the bytes that were asked for");
                // SAFETY: the element types left take any bytes, and there are as many as the vector has.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), all.as_mut_ptr().cast::<u8>(), bytes.len()) };
                all
            };
            if source.is_whole() { all } else { pick(&all) }
        }
    }
}
