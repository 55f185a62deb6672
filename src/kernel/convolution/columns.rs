//! Both gradients on software adapters by products of plain matrices: one side of them is what lies under each element of each
//! window, a column for each window.
//!
//! To the images, one product gives those columns, and a sum what lies over each pixel: its products are those of the forward
//! pass, where gathering takes 1.2 to 2.6 times as many (windows over the edges of the results count as zeros). To the
//! filters, the columns are laid out and multiplied with the results' gradient. Products of matrices read by vectors, where
//! gathering reads element by element: windows that are no multiple of four get zeros after them. The workspace is the columns
//! and the results' gradient, [`WORKSPACE`] at most.

use super::{
    forward::windows,
    gather::{over_the_edge, signed, strides},
};
use crate::{
    device::{Device, Gpu, Tag},
    error::Result,
    kernel::{
        WORKSPACE, elementwise,
        emit::{Index, Kernel, fold},
    },
    shape::{ConvolutionShape, DType, Shape, Slice},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

/// Windows of an image that are enough for a product. Such images are taken one at a time: their results' gradient is a matrix
/// as it is, and of the columns more stays in the cache.
const LARGE: usize = 4096;

/// The images whose columns fit the workspace; none where this way does not pay.
pub(super) fn images(s: &ConvolutionShape, x: &Tensor) -> usize {
    let software = matches!(x.device(), Device::Gpu(gpu) if gpu.is_software());
    if !software || x.dtype() != DType::F32 || s.filters < 8 || s.taps() == 1 {
        return 0;
    }
    let most = match x.device() {
        Device::Gpu(gpu) => WORKSPACE.min(gpu.max_binding() as usize),
        Device::Cpu(_) => WORKSPACE,
    };
    let fit = most / (s.groups * (s.channels * s.taps() + s.filters) * pitch(s) * 4).max(1);
    if s.area() >= LARGE { fit.min(1) } else { fit }
}

/// From the windows of one image to those of the next; a few are not worth that many zeros.
fn pitch(s: &ConvolutionShape) -> usize {
    let area = s.area();
    if area < 32 { area } else { area.next_multiple_of(4) }
}

/// `gy` with zeros after its last axis, the windows of an image.
fn padded(gy: Tensor, s: &ConvolutionShape) -> Tensor {
    let (area, pitch) = (s.area(), pitch(s));
    if area == pitch {
        return gy;
    }
    let index = [Slice::ALL, Slice::ALL, Slice::ALL, (0..area).into()];
    Tag::Workspace.during(|| gy.embed(&gy.shape().with(3, pitch), &index, 0.0))
}

pub(super) fn as_shape(x: &Tensor, shape: &[usize]) -> Tensor {
    let shape = Shape::from(shape);
    x.try_reshape_view(&shape).unwrap_or_else(|| x.contiguous().with_shape(&shape))
}

/// Filters as `(1, G, C * taps, F)`, so that they are read by vectors where they can be.
fn turned(w: &Tensor, s: &ConvolutionShape) -> Tensor {
    let elements = s.channels * s.taps();
    let turned = as_shape(w, &[1, s.groups, s.filters, elements]).transpose(Some(&[0, 1, 3, 2]));
    if elements.is_multiple_of(4) { turned } else { turned.contiguous() }
}

/// The gradient to the images, pending.
pub(super) fn data(gy: &Tensor, w: &Tensor, s: &ConvolutionShape) -> Tensor {
    let gy = padded(as_shape(gy, &[s.images, s.groups, s.filters, s.area()]), s);
    let elements = turned(w, s).matmul(&gy, false, false);
    Tag::Workspace.during(|| elements.force());
    let (device, dtype) = (elements.device().clone(), elements.dtype());
    let root = Root::Kernel(Arc::new(AddWindows(s.clone())));
    elementwise::pending(&device, root, &[&elements], s.images_shape(), dtype)
}

/// The gradient to the filters, pending.
pub(super) fn weights(x: &Tensor, gy: &Tensor, s: &ConvolutionShape) -> Tensor {
    let (steps, windows) = (s.channels * s.taps(), s.images * pitch(s));
    let root = Root::Kernel(Arc::new(LayWindows(s.clone())));
    let shape = Shape::from([s.groups, steps, windows]);
    let columns = elementwise::pending(x.device(), root, &[x], shape, x.dtype());
    let gy = as_shape(gy, &[s.images, s.groups, s.filters, s.area()]).transpose(Some(&[1, 2, 0, 3]));
    let gy = Tag::Workspace.during(|| {
        columns.force();
        as_shape(&padded(gy, s), &[s.groups, s.filters, windows])
    });
    as_shape(&gy.matmul(&columns, false, true), &s.filters_shape())
}

/// Fours of windows that a thread lays out.
const SPAN: usize = 256;

/// Images to what lies under the elements of windows, `(G, C * taps, N * windows)`.
#[derive(Debug)]
struct LayWindows(ConvolutionShape);

impl LayWindows {
    fn run_gpu(&self, gpu: &Arc<Gpu>, x: &Tensor, plan: &Plan) -> Result<()> {
        let s = &self.0;
        let (buffer, at) = x.buffer()?;
        let fours = pitch(s).is_multiple_of(4);
        let file =
            if fours { wgsl!("convolution/lay_windows_fours.wgsl") } else { wgsl!("convolution/lay_windows.wgsl") };
        let files = [file];
        let mut kernel = Kernel::new("convolution_lay_windows", gpu, plan.compute, &files);
        kernel.memory("x", &buffer, x.dtype(), true);
        let pairs = s.groups * s.channels * s.taps() * s.images;
        let groups = if fours {
            kernel.constant("EDGES", u32::from(over_the_edge(&[windows(s)], s.stride, s.image) > 0));
            kernel.epilogue_fours(plan, Index::Flat);
            let segments = (pitch(s) / 4).div_ceil(SPAN);
            kernel.word("threads", pairs * segments);
            kernel.word("segments", segments);
            kernel.word("span", SPAN);
            kernel.word("pitch", pitch(s));
            kernel.word("area", s.area());
            (pairs * segments).div_ceil(8)
        } else {
            kernel.epilogue(plan, Index::Flat);
            let lines = pairs * s.area() / s.windows[2];
            kernel.word("lines", lines);
            lines.div_ceil(64)
        };
        kernel.word("source", at + x.view.offset);
        kernel.word("images", s.images);
        for (name, stride) in ["s_image", "s_channel", "s_0", "s_1", "s_2"].into_iter().zip(strides(x)) {
            signed(&mut kernel, name, stride);
        }
        geometry(&mut kernel, s);
        kernel.launch(fold(groups));
        Ok(())
    }
}

impl Launcher for LayWindows {
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

/// How windows lie, as parameters.
fn geometry(kernel: &mut Kernel<'_>, s: &ConvolutionShape) {
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
        kernel.word("pitch", pitch(s));
        geometry(&mut kernel, s);
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
