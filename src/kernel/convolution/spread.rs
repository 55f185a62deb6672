//! The gradient to the images on software adapters: what each result gives each element of its window, by one product of
//! matrices, and then the sum of what lies over each pixel.
//!
//! Its products are those of the forward pass, where gathering takes 1.2 to 2.6 times as many (windows over the edges of the
//! results count as zeros), and they read their operands by vectors. Its workspace is that of the elements of all
//! windows, [`WORKSPACE`] at most.

use crate::{
    device::{Device, Gpu},
    error::Result,
    kernel::{
        elementwise,
        emit::{Index, Kernel, fold},
    },
    shape::{ConvolutionShape, DType, Shape},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

/// Bytes that the elements of windows may take.
const WORKSPACE: usize = 64 << 20;

/// The images whose windows' elements fit the workspace; none where this way does not pay.
pub(super) fn images(s: &ConvolutionShape, gy: &Tensor) -> usize {
    let software = matches!(gy.device(), Device::Gpu(gpu) if gpu.is_software());
    if !software || gy.dtype() != DType::F32 || s.filters < 8 || s.taps() == 1 {
        return 0;
    }
    let most = match gy.device() {
        Device::Gpu(gpu) => WORKSPACE.min(gpu.max_binding() as usize),
        Device::Cpu(_) => WORKSPACE,
    };
    most / (s.groups * s.channels * s.taps() * s.area() * 4).max(1)
}

/// The gradient to the images, pending.
pub(super) fn spread(gy: &Tensor, w: &Tensor, s: &ConvolutionShape) -> Tensor {
    let as_shape = |x: &Tensor, shape: &[usize]| {
        let shape = Shape::from(shape);
        x.try_reshape_view(&shape).unwrap_or_else(|| x.contiguous().with_shape(&shape))
    };
    let w = as_shape(w, &[1, s.groups, s.filters, s.channels * s.taps()]);
    let gy = as_shape(gy, &[s.images, s.groups, s.filters, s.area()]);
    let elements = w.matmul(&gy, true, false);
    elements.force();
    let (device, dtype) = (elements.device().clone(), elements.dtype());
    let root = Root::Kernel(Arc::new(AddWindows(s.clone())));
    elementwise::pending(&device, root, &[&elements], s.images_shape(), dtype)
}

/// Elements of windows, `(N, G, C * taps, windows)`, to images.
#[derive(Debug)]
struct AddWindows(ConvolutionShape);

impl AddWindows {
    fn run_gpu(&self, gpu: &Arc<Gpu>, elements: &Tensor, plan: &Plan) -> Result<()> {
        let s = &self.0;
        let (buffer, at) = elements.buffer()?;
        let files = [wgsl!("convolution/add_windows.wgsl")];
        let mut kernel = Kernel::new("convolution_add_windows", gpu, plan.compute, &files);
        kernel.constant("STRIDED", u32::from(s.stride != [1; 3]));
        kernel.memory("x", &buffer, elements.dtype(), true);
        kernel.epilogue(plan, Index::Flat);
        kernel.word("source", at + elements.view.offset);
        kernel.word("n", plan.shape.size());
        for (names, values) in [
            (["size0", "size1", "size2"], s.image),
            (["pad0", "pad1", "pad2"], s.pad),
            (["kernel0", "kernel1", "kernel2"], s.kernel),
            (["dilate0", "dilate1", "dilate2"], s.dilate),
            (["stride0", "stride1", "stride2"], s.stride),
            (["count0", "count1", "count2"], s.windows),
        ] {
            names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
        }
        kernel.launch(fold(plan.shape.size().div_ceil(64)));
        Ok(())
    }
}

impl Launcher for AddWindows {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        match &plan.device {
            Device::Gpu(gpu) if plan.shape.size() > 0 => self.run_gpu(gpu, &args[0], plan),
            _ => Ok(()),
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}
