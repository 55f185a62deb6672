//! Groups of a channel or two, as in depthwise convolutions: too few results share a pixel for a product of matrices.

mod cpu;
mod gpu;

pub(super) use cpu::{run_cpu, run_data_cpu, run_weights_cpu};
pub(super) use gpu::{run_data_gpu, run_gpu, run_weights_gpu, sharing};

use crate::shape::ConvolutionShape;

/// Filters of a group, each of its channels, up to which this takes less time than tiles do.
const PAIRS: usize = 4;

/// Whether groups are so small.
pub(super) fn pays(s: &ConvolutionShape) -> bool {
    (1..=PAIRS).contains(&(s.channels * s.filters)) && s.taps() > 1 && s.area() > 0
}

/// The gradient to the images as a convolution of the results' gradient, where windows are neighbours.
fn turned(s: &ConvolutionShape) -> Option<ConvolutionShape> {
    let mut pad = [0; 3];
    for (axis, pad) in pad.iter_mut().enumerate() {
        *pad = ((s.kernel[axis] - 1) * s.dilate[axis]).checked_sub(s.pad[axis])?;
    }
    let (channels, filters, image, windows) = (s.filters, s.channels, s.windows, s.image);
    (s.stride == [1; 3]).then(|| ConvolutionShape { channels, filters, image, windows, pad, ..s.clone() })
}
