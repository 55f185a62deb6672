//! Copies: to another dtype, layout or device, and of several tensors into one.

use super::{elementwise, fuse, rows};
use crate::{
    device::{Buffer, Device},
    error::{Error, Result},
    shape::{self, DType, Shape, Slice, View},
    tensor::{Op, Pointwise, Real, State, Storage, Tensor, block, expect, wgsl},
};

struct Identity;
impl Pointwise<1, 0> for Identity {
    #[inline(always)]
    fn at<R: Real>([x]: [R; 1], _: [R; 0]) -> R {
        x
    }
}

struct Truth;
impl Pointwise<1, 0> for Truth {
    #[inline(always)]
    fn at<R: Real>([x]: [R; 1], _: [R; 0]) -> R {
        R::select(x != R::ZERO, R::ONE, R::ZERO)
    }
}

/// `x`: a copy, or a conversion by the dtype of its result.
const IDENTITY: Op = Op {
    name: "identity",
    files: &[wgsl!("family/identity.wgsl"), wgsl!("math/is_nan.wgsl")],
    arity: 1,
    indexed: false,
    cheap: true,
    f32: block::<f32, Identity, 1, 0>,
    f64: block::<f64, Identity, 1, 0>,
};

/// 1 where `x` is not 0, else 0.
const TRUTH: Op = Op {
    name: "truth",
    files: &[wgsl!("family/identity.wgsl"), wgsl!("math/is_nan.wgsl")],
    arity: 1,
    indexed: false,
    cheap: false,
    f32: block::<f32, Truth, 1, 0>,
    f64: block::<f64, Truth, 1, 0>,
};

impl Tensor {
    /// Converted to `dtype`: floats round to nearest, floats to integers towards zero, `bool` is whether it is not 0.
    ///
    /// # Panics
    /// For `float64` on a GPU, which has none.
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.clone();
        }
        if let Err(error) = holds(self.device(), dtype) {
            panic!("cast: {error}");
        }
        let op = if dtype == DType::Bool { TRUTH } else { IDENTITY };
        Tensor::map(op, &[], &[self], self.shape().clone(), dtype)
    }

    /// The same values in row-major order; a copy only where they are not.
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() {
            return self.clone();
        }
        Tensor::map(IDENTITY, &[], &[self], self.shape().clone(), self.dtype())
    }

    /// The same elements under another shape; one length may be `-1`, which takes what is left.
    ///
    /// # Panics
    /// When the number of elements differs.
    #[track_caller]
    pub fn reshape(&self, shape: impl AsRef<[isize]>) -> Tensor {
        let shape = expect("reshape", shape::reshape(self.shape(), shape.as_ref()), &[self]);
        self.with_shape(&shape)
    }

    /// The same elements under another shape of equal size.
    pub(crate) fn with_shape(&self, shape: &Shape) -> Tensor {
        match self.try_reshape_view(shape) {
            Some(view) => view,
            None => self.contiguous().try_reshape_view(shape).expect("a contiguous tensor takes any shape of its size"),
        }
    }

    /// Tensors joined along an axis.
    ///
    /// # Panics
    /// When there is none, or other axes, dtypes or devices differ.
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], axis: isize) -> Tensor {
        let metas: Vec<_> = tensors.iter().map(|t| t.meta()).collect();
        let (_, axis) = expect("concat", shape::concat(&metas, axis), tensors);
        super::same_device("concat", tensors);
        let group = tensors.iter().map(|&t| t.clone()).collect();
        Tensor::joined(vec![group], axis).swap_remove(0)
    }

    /// Groups of tensors, each joined along an axis, all in the same memory, one after the other.
    pub(crate) fn joined(groups: Vec<Vec<Tensor>>, axis: usize) -> Vec<Tensor> {
        let (dtype, device) = (groups[0][0].dtype(), groups[0][0].device().clone());
        let (mut size, mut parts, mut views) = (0, vec![], vec![]);
        for group in groups {
            let length = group.iter().map(|t| t.shape()[axis]).sum();
            let whole = View { offset: size, ..View::contiguous(group[0].shape().with(axis, length)) };
            size += whole.size();
            let mut start = 0;
            for part in group {
                let offset = whole.offset + start * whole.strides[axis] as usize;
                start += part.shape()[axis];
                let region = View { shape: part.shape().clone(), strides: whole.strides.clone(), offset };
                parts.push((part, region));
            }
            views.push(whole);
        }
        let whole = assemble(&Shape::from(size), dtype, &device, |buffer| fuse::joint(parts, buffer));
        views.into_iter().map(|view| whole.with_view(view)).collect()
    }

    /// A matrix of tensors of one shape, each in a region of rows and columns: disjoint regions that are all of it, written
    /// by one kernel where it has the bindings.
    pub(crate) fn laid(shape: &Shape, parts: Vec<(Tensor, [Slice; 2])>) -> Tensor {
        let (dtype, device) = (parts[0].0.dtype(), parts[0].0.device().clone());
        let whole = View::contiguous(shape.clone());
        let parts = parts.into_iter().map(|(part, region)| (part, whole.slice(&region))).collect();
        assemble(shape, dtype, &device, |buffer| fuse::joint(parts, buffer))
    }

    /// `fill` of `shape` with this tensor in the place of a basic index; of zeros, the adjoint of [`Tensor::slice`].
    pub(crate) fn embed(&self, shape: &Shape, index: &[Slice], fill: f64) -> Tensor {
        let view = View::contiguous(shape.clone()).slice(index);
        Tensor::collage(shape, fill, &[(self, view)])
    }

    /// `fill` of `shape`, but for tensors (one at least) in regions of it, later ones over earlier ones.
    pub(crate) fn collage(shape: &Shape, fill: f64, parts: &[(&Tensor, View)]) -> Tensor {
        let (dtype, device) = (parts[0].0.dtype(), parts[0].0.device().clone());
        let whole = (Tensor::full(shape.clone(), fill, dtype, &device), View::contiguous(shape.clone()));
        let parts = parts.iter().filter(|(t, _)| t.size() > 0).map(|(t, view)| ((*t).clone(), view.clone()));
        // Regions may overlap: one after the other.
        let all = std::iter::once(whole).chain(parts);
        assemble(shape, dtype, &device, |buffer| {
            all.into_iter().try_for_each(|(part, view)| elementwise::assign(part, buffer, &view))
        })
    }

    /// The tensor on another device.
    ///
    /// # Panics
    /// For `float64` to a GPU; the message names the cast to make.
    #[track_caller]
    pub fn to_device(&self, device: &Device) -> Tensor {
        if self.device() == device {
            return self.clone();
        }
        if let Err(error) = holds(device, self.dtype()) {
            panic!("to_device: {error}");
        }
        let moved = self.to_host().and_then(|a| Tensor::from_host(a, device));
        moved.unwrap_or_else(|error| rows::failed(device, self.shape(), self.dtype(), error))
    }

    /// A copy that shares nothing with this tensor.
    pub fn copy(&self) -> Tensor {
        let copy = Tensor::map(IDENTITY, &[], &[self], self.shape().clone(), self.dtype());
        copy.force();
        copy
    }

    /// The values with their own, forced memory; for tensors that are kept for long.
    pub(crate) fn settle(&self) -> Tensor {
        let t = if self.is_whole() { self.clone() } else { self.contiguous() };
        t.force();
        t
    }

    /// Whether the device failed while it was computed.
    pub fn failure(&self) -> Option<Error> {
        self.force();
        match &*self.storage.state.lock() {
            State::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }
}

/// Whether a device can hold a dtype.
pub(super) fn holds(device: &Device, dtype: DType) -> Result<()> {
    let no = |need: &str, hint: &str| {
        Err(Error::Unsupported {
            what: format!("a tensor of {dtype}"),
            device: device.name(),
            need: need.into(),
            hint: hint.into(),
        })
    };
    match (device, dtype) {
        (Device::Gpu(_), DType::F64) => {
            no("shaders have no 64-bit floats", "cast(DType::F32) first, or stay on the CPU device")
        }
        (Device::Gpu(gpu), DType::F16) if !gpu.has_f16() => {
            no("the adapter lacks the feature shader-f16", "cast(DType::F32) first")
        }
        _ => Ok(()),
    }
}

/// A new tensor from others written into its memory.
fn assemble(shape: &Shape, dtype: DType, device: &Device, write: impl FnOnce(&Buffer) -> Result<()>) -> Tensor {
    let run = || -> Result<Tensor> {
        let buffer = device.allocate(fuse::bytes(device, dtype, shape.size()))?;
        write(&buffer)?;
        device.check()?;
        Ok(Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), buffer, None), shape.clone()))
    };
    run().unwrap_or_else(|error| rows::failed(device, shape, dtype, error))
}
