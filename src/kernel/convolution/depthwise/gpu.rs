//! On a GPU: a thread for four neighbouring windows, which share most of the pixels under them.

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
    kernel::emit::{Index, Kernel, fold},
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
        signed(&mut kernel, name, stride);
    }
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
