//! Tensors from values, and of constants.

use super::{copy::holds, fuse, philox::Generator};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Element, Shape},
    tensor::{HostArray, Op, Real, Scalar, Storage, Tensor, Wgsl, wgsl},
};
use half::f16;
use ndarray::ArrayD;
use std::sync::Arc;

fn constant<R: Real>(_: &[&[R]], scalars: &[Scalar], _: usize, out: &mut [R]) {
    out.fill(R::of(scalars[0].real()));
}

fn count<R: Real>(_: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let (start, step) = (scalars[0].real(), scalars[1].real());
    out.iter_mut().enumerate().for_each(|(i, o)| *o = R::of(start + step * (at + i) as f64));
}

const FILES: &[Wgsl] = &[wgsl!("family/create.wgsl")];

/// The same number everywhere.
const CONSTANT: Op = Op {
    name: "constant",
    files: FILES,
    arity: 0,
    indexed: false,
    cheap: false,
    f32: constant::<f32>,
    f64: constant::<f64>,
};

/// `start + step * i`.
const COUNT: Op =
    Op { name: "count", files: FILES, arity: 0, indexed: true, cheap: false, f32: count::<f32>, f64: count::<f64> };

impl Tensor {
    /// A tensor of one number; takes no memory until it is needed by itself.
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: f64, dtype: DType, device: &Device) -> Tensor {
        expect_held(device, dtype);
        Tensor::map_on(device, CONSTANT, &[Scalar::F(value)], &[], shape.into(), dtype)
    }

    /// Zeros.
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Tensor {
        Tensor::full(shape, 0.0, dtype, device)
    }

    /// Ones.
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>, dtype: DType, device: &Device) -> Tensor {
        Tensor::full(shape, 1.0, dtype, device)
    }

    /// One number of the same shape, dtype and device as this tensor.
    pub fn full_like(&self, value: f64) -> Tensor {
        Tensor::full(self.shape().clone(), value, self.dtype(), self.device())
    }

    /// Zeros of the same shape, dtype and device as this tensor.
    pub fn zeros_like(&self) -> Tensor {
        self.full_like(0.0)
    }

    /// Ones of the same shape, dtype and device as this tensor.
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1.0)
    }

    /// `start, start + step, ..` below `stop` (above it, where the step is negative), as `float32`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange_step(1.0, 2.0, 0.5, &Device::cpu());
    /// assert_eq!(x.to_vec::<f32>().unwrap(), [1.0, 1.5]);
    /// ```
    ///
    /// # Panics
    /// When the step is zero.
    #[track_caller]
    pub fn arange_step(start: f64, stop: f64, step: f64, device: &Device) -> Tensor {
        assert!(step != 0.0, "arange_step: a step of zero");
        let n = ((stop - start) / step).ceil().max(0.0) as usize;
        Tensor::map_on(device, COUNT, &[Scalar::F(start), Scalar::F(step)], &[], Shape::from(n), DType::F32)
    }

    /// `0, 1, .., n - 1` as `float32`.
    pub fn arange(n: usize, device: &Device) -> Tensor {
        Tensor::map_on(device, COUNT, &[Scalar::F(0.0), Scalar::F(1.0)], &[], Shape::from(n), DType::F32)
    }

    /// `n` numbers at equal distances, the first `start` and the last `stop`, as `float32`.
    pub fn linspace(start: f64, stop: f64, n: usize, device: &Device) -> Tensor {
        let step = if n > 1 { (stop - start) / (n - 1) as f64 } else { 0.0 };
        Tensor::map_on(device, COUNT, &[Scalar::F(start), Scalar::F(step)], &[], Shape::from(n), DType::F32)
    }

    /// `0, 1, .., n - 1` as `int32`.
    pub(crate) fn count(n: usize, device: &Device) -> Tensor {
        Tensor::map_on(device, COUNT, &[Scalar::F(0.0), Scalar::F(1.0)], &[], Shape::from(n), DType::I32)
    }

    /// A tensor from values in row-major order.
    ///
    /// # Panics
    /// When the shape has another number of elements, or the device cannot hold the dtype.
    #[track_caller]
    pub fn from_slice<E: Element>(values: &[E], shape: impl Into<Shape>, device: &Device) -> Tensor {
        let shape = shape.into();
        assert_eq!(values.len(), shape.size(), "from_slice: {} values for shape {shape}", values.len());
        expect_held(device, E::DTYPE);
        match upload(values, device) {
            Ok((buffer, range)) => {
                Tensor::whole(Storage::ready(device.clone(), E::DTYPE, values.len(), buffer, range), shape)
            }
            Err(error) => super::rows::failed(device, &shape, E::DTYPE, error),
        }
    }

    /// A tensor of values in row-major order, which are given away: on the CPU they stay where they are.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0], [2, 2], &Device::cpu());
    /// assert_eq!(x.sum(None, false).item().unwrap(), 10.0);
    /// ```
    ///
    /// # Panics
    /// When the shape has another number of elements, or the device cannot hold the dtype.
    #[track_caller]
    pub fn from_vec<E: Element>(values: Vec<E>, shape: impl Into<Shape>, device: &Device) -> Tensor {
        let shape = shape.into();
        assert_eq!(values.len(), shape.size(), "from_vec: {} values for shape {shape}", values.len());
        if !device.is_cpu() || values.is_empty() {
            return Tensor::from_slice(&values, shape, device);
        }
        let (range, n) = (range(&values), values.len());
        Tensor::whole(Storage::ready(device.clone(), E::DTYPE, n, Buffer::taken(values, device), range), shape)
    }

    /// A tensor without axes.
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn scalar<E: Element>(value: E, device: &Device) -> Tensor {
        Tensor::from_slice(&[value], (), device)
    }

    /// A tensor from an array on the host; on the CPU one in row-major order stays where it is.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::error::Error::Unsupported) for `float64` to a GPU; out of memory.
    pub fn from_host(array: impl Into<HostArray>, device: &Device) -> Result<Tensor> {
        fn put<E: Element>(a: ArrayD<E>, device: &Device) -> Result<Tensor> {
            let shape = Shape::from(a.shape());
            if device.is_cpu() && a.is_standard_layout() {
                let n = a.len();
                match a.into_raw_vec_and_offset() {
                    (values, None | Some(0)) if values.len() == n => {
                        return Ok(Tensor::from_vec(values, shape, device));
                    }
                    (values, at) => {
                        let at = at.unwrap_or(0);
                        return Ok(Tensor::from_slice(&values[at..at + n], shape, device));
                    }
                }
            }
            let a = a.as_standard_layout();
            let values = a.as_slice().expect("standard layout is contiguous");
            let (buffer, range) = upload(values, device)?;
            let storage = Storage::ready(device.clone(), E::DTYPE, values.len(), buffer, range);
            Ok(Tensor::whole(storage, shape))
        }
        let array = array.into();
        holds(device, array.dtype())?;
        match array {
            HostArray::F16(a) => put(a, device),
            HostArray::F32(a) => put(a, device),
            HostArray::F64(a) => put(a, device),
            HostArray::I32(a) => put(a, device),
            HostArray::U32(a) => put(a, device),
            HostArray::U8(a) => put(a, device),
            HostArray::Bool(a) => put(a, device),
        }
    }

    /// Independent draws from the uniform distribution on `[0, 1)`, multiples of `2^-24`; the same on every device.
    ///
    /// They are computed where they are used: nothing is uploaded, and nothing stored unless it is held.
    ///
    /// # Panics
    /// When the device cannot hold the dtype, or it is no float.
    #[track_caller]
    pub fn rand(generator: &mut Generator, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Tensor {
        let shape = shape.into();
        expect_drawn("rand", dtype, device);
        Tensor::uniform_at(generator.take(shape.size() as u64), 0.0, 1.0, shape, dtype, device)
    }

    /// Independent draws from the normal distribution of mean 0 and variance 1; the same on every device but for the
    /// rounding of a root, within `1e-5`.
    ///
    /// They are computed where they are used, as those of [`Tensor::rand`].
    ///
    /// # Panics
    /// When the device cannot hold the dtype, or it is no float.
    #[track_caller]
    pub fn randn(generator: &mut Generator, shape: impl Into<Shape>, dtype: DType, device: &Device) -> Tensor {
        let shape = shape.into();
        expect_drawn("randn", dtype, device);
        Tensor::normal_at(generator.take(2 * shape.size() as u64), shape, dtype, device)
    }

    /// Independent draws, 1 with probability `p` and else 0; the same on every device.
    ///
    /// They are computed where they are used, as those of [`Tensor::rand`].
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn bernoulli(
        generator: &mut Generator,
        p: f64,
        shape: impl Into<Shape>,
        dtype: DType,
        device: &Device,
    ) -> Tensor {
        let shape = shape.into();
        expect_held(device, dtype);
        // In singles whatever the dtype: a seed means the same numbers everywhere.
        let u = Tensor::uniform_at(generator.take(shape.size() as u64), 0.0, 1.0, shape, DType::F32, device);
        u.less(&Tensor::full((), p, DType::F32, device)).cast(dtype)
    }

    /// Independent draws from the integers `low..high`, as `int32`; the same on every device.
    ///
    /// They are computed where they are used, as those of [`Tensor::rand`].
    ///
    /// # Panics
    /// When there is no such integer.
    #[track_caller]
    pub fn randint(generator: &mut Generator, low: i32, high: i32, shape: impl Into<Shape>, device: &Device) -> Tensor {
        assert!(low < high, "randint: the range {low}..{high} is empty");
        let shape = shape.into();
        Tensor::randint_at(generator.take(shape.size() as u64), low, high, shape, device)
    }

    /// `0, 1, .., n - 1` in random order, as `int32`; the same on every device, where it is drawn.
    ///
    /// Random words of 32 bits are sorted. Of two that are equal the first stays the first: the chance of any such two is
    /// about `n^2 / 2^33`.
    ///
    /// ```
    /// # use catena::{kernel::philox::Generator, prelude::*};
    /// let order = Tensor::permutation(&mut Generator::new(0), 5, &Device::cpu());
    /// assert_eq!(order.sort(0).to_vec::<i32>().unwrap(), [0, 1, 2, 3, 4]);
    /// ```
    pub fn permutation(generator: &mut Generator, n: usize, device: &Device) -> Tensor {
        Tensor::words_at(generator.take(n as u64), Shape::from(n), device).argsort(0)
    }
}

#[track_caller]
fn expect_drawn(name: &str, dtype: DType, device: &Device) {
    assert!(dtype.is_float(), "{name}: expected a float dtype, got {dtype}");
    expect_held(device, dtype);
}

#[track_caller]
fn expect_held(device: &Device, dtype: DType) {
    if let Err(error) = holds(device, dtype) {
        panic!("{error}");
    }
}

/// Values into new memory, and the range of integers.
fn upload<E: Element>(values: &[E], device: &Device) -> Result<(Buffer, Option<(i64, i64)>)> {
    let buffer = device.allocate(fuse::bytes(device, E::DTYPE, values.len()))?;
    let range = range(values);
    match device {
        Device::Cpu(_) => {
            // SAFETY: fresh memory.
            unsafe { buffer.host_mut::<E>(0, values.len()) }.copy_from_slice(values);
            device.count_upload(size_of_val(values) as u64);
        }
        Device::Gpu(gpu) => {
            let any: &dyn std::any::Any = &E::ZERO;
            // SAFETY: a slice of plain elements, as bytes.
            let bytes = unsafe { std::slice::from_raw_parts(values.as_ptr().cast::<u8>(), size_of_val(values)) };
            if any.is::<u8>() || any.is::<bool>() {
                let words: Vec<u32> = bytes.iter().map(|&b| u32::from(b)).collect();
                gpu.upload(&buffer, bytemuck::cast_slice(&words));
            } else if any.is::<f16>() && bytes.len() % 4 != 0 {
                let mut padded = bytes.to_vec();
                padded.extend([0; 2]);
                gpu.upload(&buffer, &padded);
            } else {
                gpu.upload(&buffer, bytes);
            }
        }
    }
    device.check()?;
    Ok((buffer, range))
}

fn range<E: Element>(values: &[E]) -> Option<(i64, i64)> {
    if !matches!(E::DTYPE, DType::I32 | DType::U32 | DType::U8) || values.is_empty() {
        return None;
    }
    let each = || values.iter().map(|v| v.to_f64() as i64);
    Some((each().min()?, each().max()?))
}

/// The range of a tensor's integers, where they came from the host.
pub(crate) fn known_range(t: &Tensor) -> Option<(i64, i64)> {
    let storage: &Arc<Storage> = &t.storage;
    storage.range
}

/// Whether every id came from the host and names one of `rows` rows, or is the one that is ignored.
pub(crate) fn known_within(ids: &Tensor, rows: usize, ignore: Option<i32>) -> bool {
    let Some((low, high)) = known_range(ids) else { return false };
    let ignore = ignore.map(i64::from);
    let below = low >= 0 || (low == -1 && ignore == Some(-1));
    below && (high < rows as i64 || (high == rows as i64 && ignore == Some(high)))
}
