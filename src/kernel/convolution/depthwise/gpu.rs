//! On a GPU: a thread for four neighbouring windows, which share most of the pixels under them; of the gradient to the filters
//! threads go along lines of results.

use super::{
    super::{
        forward::windows,
        gather::{over_the_edge, signed, strides},
    },
    turned,
};
use crate::{
    device::Gpu,
    error::Result,
    kernel::{
        emit::{Index, Kernel, fold},
        matmul::{add_parts, parts_buffer, parts_within},
    },
    shape::{ConvolutionShape, Shape},
    tensor::{Tensor, expr::Plan, wgsl},
};
use std::sync::Arc;

/// Which elements of the filters are multiplied: the first, and the distances of groups, filters, channels and elements.
struct Filters {
    first: isize,
    group: isize,
    filter: isize,
    channel: isize,
    tap: isize,
}

pub(in super::super) fn run_gpu(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    x: &Tensor,
    w: &Tensor,
    plan: &Plan,
) -> Result<()> {
    let taps = s.taps() as isize;
    let channels = s.channels as isize;
    let place = Filters {
        first: 0,
        group: s.filters as isize * channels * taps,
        filter: channels * taps,
        channel: taps,
        tap: 1,
    };
    launch(gpu, s, x, w, &place, plan)
}

/// The gradient to the images where windows are neighbours; tells whether they are.
pub(in super::super) fn run_data_gpu(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    gy: &Tensor,
    w: &Tensor,
    plan: &Plan,
) -> Result<bool> {
    let Some(turned) = turned(s) else { return Ok(false) };
    let taps = s.taps() as isize;
    let channels = s.channels as isize;
    let place = Filters {
        first: taps - 1,
        group: s.filters as isize * channels * taps,
        filter: taps,
        channel: channels * taps,
        tap: -1,
    };
    launch(gpu, &turned, gy, w, &place, plan).map(|()| true)
}

fn launch(gpu: &Arc<Gpu>, s: &ConvolutionShape, x: &Tensor, w: &Tensor, place: &Filters, plan: &Plan) -> Result<()> {
    let size = Shape::from([w.size()]);
    let w = w.try_reshape_view(&size).unwrap_or_else(|| w.contiguous().with_shape(&size));
    let ((source, at), (weights, weights_at)) = (x.buffer()?, w.buffer()?);
    let fours = s.windows[2].is_multiple_of(4);
    let edges = !fours || over_the_edge(&[windows(s)], s.stride, s.image) > 0;
    let put = if fours { wgsl!("convolution/put_line_fours.wgsl") } else { wgsl!("convolution/put_line.wgsl") };
    let files = [wgsl!("convolution/depthwise.wgsl"), put];
    let mut kernel = Kernel::new("convolution_depthwise", gpu, plan.compute, &files);
    kernel.constant("SLIDING", u32::from(s.stride[2] == 1 && s.dilate[2] == 1));
    kernel.constant("EDGES", u32::from(edges));
    kernel.memory("x", &source, x.dtype(), true);
    kernel.memory("w", &weights, w.dtype(), true);
    if fours {
        kernel.epilogue_fours(plan, Index::Flat);
    } else {
        kernel.epilogue(plan, Index::Flat);
    }
    let segments = s.windows[2].div_ceil(4);
    let results = s.groups * s.filters;
    let threads = s.images * results * s.windows[0] * s.windows[1] * segments;
    for (name, value) in [
        ("threads", threads),
        ("segments", segments),
        ("results", results),
        ("filters", s.filters),
        ("channels", s.channels),
        ("source", at + x.view.offset),
    ] {
        kernel.word(name, value);
    }
    geometry(&mut kernel, s, x);
    let apart = w.view.strides[0];
    let first = (weights_at + w.view.offset) as isize + place.first * apart;
    signed(&mut kernel, "w_source", first);
    for (name, elements) in
        [("w_group", place.group), ("w_filter", place.filter), ("w_channel", place.channel), ("w_tap", place.tap)]
    {
        signed(&mut kernel, name, elements * apart);
    }
    kernel.launch(fold(threads.div_ceil(64)));
    Ok(())
}

/// The parameters of windows and of the images.
fn geometry(kernel: &mut Kernel<'_>, s: &ConvolutionShape, x: &Tensor) {
    for (names, values) in [
        (["size0", "size1", "size2"], s.image),
        (["count0", "count1", "count2"], s.windows),
        (["pad0", "pad1", "pad2"], s.pad),
        (["kernel0", "kernel1", "kernel2"], s.kernel),
        (["stride0", "stride1", "stride2"], s.stride),
        (["dilate0", "dilate1", "dilate2"], s.dilate),
    ] {
        names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
    }
    for (name, stride) in ["s_image", "s_channel", "s_0", "s_1", "s_2"].into_iter().zip(strides(x)) {
        signed(kernel, name, stride);
    }
}

/// Elements along the last axis of a filter whose sums a thread has.
const LINE: usize = 8;
/// Windows that one thread goes over at most: on llvmpipe its loops end after 65,535 steps in all.
const LONGEST: usize = 16_384;

/// How many threads share a line of a filter's elements, neighbours of each other in memory on a GPU; processors go along lines
/// of results one after the other.
pub(in super::super) fn sharing(gpu: &Gpu) -> usize {
    if gpu.is_software() { 1 } else { 64 }
}

/// The gradient to the filters, `across` threads to a line of their elements, where those are short along the last axis; tells
/// whether they are.
pub(in super::super) fn run_weights_gpu(
    gpu: &Arc<Gpu>,
    s: &ConvolutionShape,
    [x, gy]: [&Tensor; 2],
    across: usize,
    plan: &Plan,
) -> Result<bool> {
    let [k0, k1, k2] = s.kernel;
    let [c0, c1, c2] = s.windows;
    if k2 > LINE || c2 + k2 > LONGEST {
        return Ok(false);
    }
    let (tasks, lines) = (s.groups * s.filters * s.channels * k0 * k1, s.images * c0 * c1);
    // Enough threads for what the adapter has at once, and no more than have some windows each.
    let wanted = if gpu.is_software() { 256 } else { 1 << 16 };
    let parts = (wanted / (tasks * across)).min(lines * c2 / (across * 64)).max(1);
    // A line that is skipped is a step too. There may be no images: then sums are zero.
    let part = lines.div_ceil(parts).clamp(1, across * LONGEST / (c2 + k2)).next_multiple_of(across);
    let parts = lines.div_ceil(part).max(1);
    if parts_within(gpu, parts, plan) < parts {
        return Ok(false);
    }
    let ((source, at), (gradient, gradient_at)) = (x.buffer()?, gy.buffer()?);
    let put = if parts > 1 { wgsl!("gemm/put_part.wgsl") } else { wgsl!("gemm/put_flat.wgsl") };
    let files = [wgsl!("convolution/depthwise_weights.wgsl"), put];
    let mut kernel = Kernel::new("convolution_depthwise_weights", gpu, plan.compute, &files);
    kernel.constant("ACROSS", across as u32);
    kernel.constant("WIDE", u32::from(k2 > LINE / 2));
    kernel.constant("SLIDING", u32::from(s.stride[2] == 1 && s.dilate[2] == 1));
    kernel.memory("x", &source, x.dtype(), true);
    kernel.memory("g", &gradient, gy.dtype(), true);
    for (name, value) in [
        ("tasks", tasks),
        ("taps01", k0 * k1),
        ("lines", lines),
        ("part", part),
        ("parts", parts),
        ("filters", s.filters),
        ("channels", s.channels),
        ("source", at + x.view.offset),
        ("g_source", gradient_at + gy.view.offset),
    ] {
        kernel.word(name, value);
    }
    geometry(&mut kernel, s, x);
    for (name, stride) in ["g_image", "g_channel", "g_0", "g_1", "g_2"].into_iter().zip(strides(gy)) {
        signed(&mut kernel, name, stride);
    }
    let threads = tasks * parts * across;
    // As results of a product with a vector.
    for (name, value) in [("batches", 1), ("m", plan.shape.size()), ("n", 1)] {
        kernel.word(name, value);
    }
    if parts > 1 {
        let buffer = parts_buffer(&mut kernel, parts, plan)?;
        kernel.launch(fold(threads.div_ceil(64)));
        add_parts(buffer, parts, plan)?;
    } else {
        kernel.epilogue(plan, Index::Flat);
        kernel.launch(fold(threads.div_ceil(64)));
    }
    Ok(true)
}
