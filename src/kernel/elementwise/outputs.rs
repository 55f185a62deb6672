//! Where results on the CPU are stored: of any dtype, in order or in strided regions.

use super::blocks::{BLOCK, Blocks, Lane, walk};
use crate::{
    device::Buffer,
    shape::{DType, Element, View, collapse},
    tensor::expr::{Output, Plan, Source},
};
use half::f16;

/// Where the outputs of a plan go, block by block.
pub(super) struct Outputs<'a> {
    outputs: Vec<&'a Output>,
    regions: Vec<Option<Region>>,
    pub wanted: Vec<Source>,
}

impl<'a> Outputs<'a> {
    pub fn new(outputs: Vec<&'a Output>) -> Outputs<'a> {
        let regions = outputs.iter().map(|o| o.region.as_ref().map(Region::new)).collect();
        Outputs { regions, wanted: outputs.iter().map(|o| o.source).collect(), outputs }
    }

    /// Stores the elements of output `w` from `at` on, converted to its dtype.
    pub fn store<R: Lane>(&self, w: usize, at: usize, values: &[R]) {
        let output = self.outputs[w];
        // SAFETY: an output is known to nobody else until it is ready, and blocks do not overlap.
        unsafe {
            match &self.regions[w] {
                Some(region) => region.store(&output.buffer, output.storage.dtype, at, values),
                None => store(&output.buffer, output.storage.dtype, output.offset + at, 1, values),
            }
        }
    }
}

/// The operators that follow a kernel on the CPU, applied to parts of its results while they are in the cache.
pub(in crate::kernel) struct Epilogue<'a, R> {
    blocks: Blocks<'a, R>,
    outputs: Outputs<'a>,
}

impl<'a, R: Lane> Epilogue<'a, R> {
    pub fn new(plan: &'a Plan) -> Self {
        Epilogue { blocks: Blocks::new(plan), outputs: Outputs::new(plan.outputs.iter().collect()) }
    }

    /// The output that is the kernel's results as they are, where there is no other.
    pub fn nothing(&self) -> Option<&'a Output> {
        let [output] = self.outputs.outputs[..] else { return None };
        let same = matches!(output.source, Source::Kernel) && output.storage.dtype == R::DTYPE;
        (same && output.region.is_none()).then_some(output)
    }

    /// Stores the plan's outputs for the elements from `at` on, of which these are the kernel's results.
    pub fn apply(&self, at: usize, results: &[R]) {
        for (i, part) in results.chunks(BLOCK).enumerate() {
            let at = at + i * BLOCK;
            self.blocks.compute_into(at, part.len(), part, &[], &self.outputs.wanted, |w, values| {
                self.outputs.store(w, at, values);
            });
        }
    }
}

/// A strided region of memory with its axes merged, to be written in blocks.
pub(super) struct Region {
    dims: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl Region {
    pub fn new(view: &View) -> Region {
        let (dims, mut strides) = collapse(&view.shape, &[&view.strides]);
        Region { dims, strides: strides.remove(0), offset: view.offset }
    }

    /// Stores the block of the region's elements from position `at` on.
    ///
    /// # Safety
    /// Nobody else reads or writes these elements, and they are within the buffer.
    pub unsafe fn store<R: Lane>(&self, buffer: &Buffer, dtype: DType, at: usize, values: &[R]) {
        walk(&self.dims, &self.strides, at, values.len(), |from, offset, step, run| {
            let first = (self.offset as isize + offset) as usize;
            // SAFETY: by the caller's promise.
            unsafe { store(buffer, dtype, first, step, &values[from..from + run]) }
        });
    }
}

/// A result on the CPU that is written in order: where it lies, or by way of other memory where it is strided or of another
/// dtype than what is computed.
pub(in crate::kernel) struct Writing<'a, R> {
    buffer: &'a Buffer,
    dtype: DType,
    region: Region,
    direct: bool,
    lane: std::marker::PhantomData<R>,
}

impl<'a, R: Lane> Writing<'a, R> {
    pub fn new(buffer: &'a Buffer, dtype: DType, view: &View) -> Self {
        let direct = dtype == R::DTYPE && view.is_contiguous();
        Writing { buffer, dtype, region: Region::new(view), direct, lane: std::marker::PhantomData }
    }

    /// Has `f` fill elements `at..at + n`.
    ///
    /// # Safety
    /// Nobody else reads or writes these elements, and they are within the buffer.
    pub unsafe fn write(&self, at: usize, n: usize, kept: &mut Vec<R>, f: impl FnOnce(&mut [R])) {
        if self.direct {
            // SAFETY: by the caller's promise.
            return f(unsafe { self.buffer.host_mut::<R>(self.region.offset + at, n) });
        }
        kept.resize(n, R::ZERO);
        f(kept);
        // SAFETY: by the caller's promise.
        unsafe { self.region.store(self.buffer, self.dtype, at, kept) };
    }
}

/// Stores values `step` elements apart, converted to the dtype.
///
/// # Safety
/// Nobody else reads or writes these elements, and they are within the buffer.
unsafe fn store<R: Lane>(buffer: &Buffer, dtype: DType, at: usize, step: isize, values: &[R]) {
    /// # Safety
    /// As of `store`.
    unsafe fn put<E: Element, R: Lane>((buffer, at, step): (&Buffer, usize, isize), values: &[R], f: impl Fn(R) -> E) {
        // SAFETY: by the caller's promise.
        unsafe {
            if step == 1 {
                let out = buffer.host_mut::<E>(at, values.len());
                out.iter_mut().zip(values).for_each(|(o, &v)| *o = f(v));
            } else {
                let first = buffer.host_mut::<E>(at, values.len().min(1)).as_mut_ptr();
                for (i, &v) in values.iter().enumerate() {
                    *first.offset(i as isize * step) = f(v);
                }
            }
        }
    }
    let buffer = (buffer, at, step);
    // SAFETY: by the caller's promise.
    unsafe {
        match dtype {
            DType::F32 => put::<f32, R>(buffer, values, |v| v.to_f64() as f32),
            DType::F64 => put::<f64, R>(buffer, values, |v| v.to_f64()),
            DType::F16 => put::<f16, R>(buffer, values, |v| f16::from_f64(v.to_f64())),
            DType::I32 => put::<i32, R>(buffer, values, |v| v.to_f64() as i32),
            DType::U32 => put::<u32, R>(buffer, values, |v| v.to_f64() as u32),
            DType::U8 => put::<u8, R>(buffer, values, |v| v.to_f64() as u8),
            DType::Bool => put::<u8, R>(buffer, values, |v| u8::from(v != R::ZERO)),
        }
    }
}
