use super::{linear, parts::in_parts};
use crate::{
    autograd::{Case, Variable},
    functions::array::{
        Padding, concat, get_item, pad as pad_with, spatial_transformer_sampler, transpose, with_shape,
    },
    kernel::WORKSPACE,
    shape::{Sides, Slice, ensure, same_float},
    tensor::{Tensor, expect},
};

/// Convolution whose windows are bent, `(N, C, H, W)` under `(O, C, kh, kw)` to `(N, O, H_out, W_out)`.
///
/// `offset`, `(N, 2 * kh * kw, H_out, W_out)`, says how far each element of each window is moved: first along the width,
/// for all elements, then along the height. Values between pixels are weighed from the four nearest. See
/// [Deformable Convolutional Networks](https://arxiv.org/abs/1703.06211).
///
/// What lies under the windows is read for some images at a time, so that it takes 64 MiB at most unless one image takes
/// more; where that is not the whole batch, it is read again in the backward pass.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let still = Variable::constant(Tensor::zeros([1, 18, 4, 4], DType::F32, &Device::cpu()));
/// let (x, w) = (ones(&[1, 2, 6, 6]), ones(&[3, 2, 3, 3]));
/// let y = F::deformable_convolution_2d_sampler(&x, &still, &w, None, 1, 0);
/// assert!((y.data().to_vec::<f32>().unwrap()[0] - 18.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn deformable_convolution_2d_sampler(
    x: &Variable,
    offset: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    stride: impl Into<Sides>,
    pad: impl Into<Sides>,
) -> Variable {
    let _named = crate::shape::named(NAME);
    within([x, offset, w], b, stride.into(), pad.into(), WORKSPACE)
}

const NAME: &str = "deformable_convolution_2d_sampler";

#[track_caller]
fn within(
    [x, offset, w]: [&Variable; 3],
    b: Option<&Variable>,
    stride: Sides,
    pad: Sides,
    workspace: usize,
) -> Variable {
    let fits = || {
        let metas: Vec<_> = [x, offset, w].into_iter().chain(b).map(|v| v.data().meta()).collect();
        same_float(&metas)?;
        ensure!(x.ndim(), ==, 4);
        ensure!(offset.ndim(), ==, 4);
        ensure!(w.ndim(), ==, 4);
        ensure!(w.shape()[1], ==, x.shape()[1]);
        ensure!(offset.shape()[0], ==, x.shape()[0]);
        if let Some(b) = b {
            ensure!(b.ndim(), ==, 1);
            ensure!(b.shape()[0], ==, w.shape()[0]);
        }
        let (stride, pad) = (stride.of("stride", 2)?, pad.of("pad", 2)?);
        let taps = w.shape()[2] * w.shape()[3];
        ensure!(offset.shape()[1] == 2 * taps, format!("offset.shape[1] == {}", 2 * taps), "{}", offset.shape()[1]);
        for a in 0..2 {
            let (padded, k) = (x.shape()[2 + a] + 2 * pad[a], w.shape()[2 + a]);
            ensure!(
                stride[a] > 0 && padded >= k && k > 0,
                "windows within the padded image",
                "{} and {}",
                x.shape(),
                w.shape()
            );
            let windows = (padded - k) / stride[a] + 1;
            ensure!(
                offset.shape()[2 + a] == windows,
                format!("offset.shape[{}] == {windows}", 2 + a),
                "{}",
                offset.shape()
            );
        }
        Ok(([stride[0], stride[1]], [pad[0], pad[1]]))
    };
    let (stride, pad) = expect(NAME, fits(), &[x.data(), offset.data(), w.data()]);
    // Four neighbours of each element, their weighed sum in two orders, and as much again of gradients.
    let image = 12 * 4 * x.shape()[1] * w.shape()[2] * w.shape()[3] * offset.shape()[2] * offset.shape()[3];
    let xs: Vec<&Variable> = [x, offset, w].into_iter().chain(b).collect();
    in_parts(workspace / image.max(1), 2, &xs, move |xs| sampled([&xs[0], &xs[1], &xs[2]], xs.get(3), stride, pad))
}

fn sampled([x, offset, w]: [&Variable; 3], b: Option<&Variable>, stride: [usize; 2], [ph, pw]: [usize; 2]) -> Variable {
    let ([n, c, h, width], [o, _, kh, kw]) = (&x.shape()[..], &w.shape()[..]) else { unreachable!("checked") };
    let (n, c, taps) = (*n, *c, kh * kw);
    let [rows, columns] = [offset.shape()[2], offset.shape()[3]];
    // Where an element lies that is not moved, in pixels of the padded image: along the width, then the height.
    let number = |count: usize, step: usize, shape: [usize; 4]| {
        let numbers: Vec<f64> = (0..count).map(|i| (i * step) as f64).collect();
        Tensor::from_slice(&numbers, shape, &crate::device::Device::cpu()).cast(x.dtype()).to_device(x.device())
    };
    let still = |axis: usize| {
        let windows = [number(rows, stride[0], [1, 1, rows, 1]), number(columns, stride[1], [1, 1, 1, columns])];
        let elements = match axis {
            0 => number(*kh, 1, [1, *kh, 1, 1]).broadcast_to([1, *kh, *kw, 1]),
            _ => number(*kw, 1, [1, 1, *kw, 1]).broadcast_to([1, *kh, *kw, 1]),
        };
        Variable::constant(windows[axis].add(&elements.reshape([1, taps as isize, 1, 1])))
    };
    let part = |from: usize| get_item(offset, &[Slice::ALL, (from..from + taps).into()]);
    let scaled = |at: Variable, n: usize| (at * (1.0 / (n as f64 - 1.0)) - 0.5) * 2.0;
    let across = scaled(part(0) + still(1), width + 2 * pw);
    let down = scaled(part(taps) + still(0), h + 2 * ph);
    let grid = with_shape(&concat(&[&across, &down], 1), [n, 2, taps, rows * columns]);
    let padded = pad_with(x, &[(0, 0), (0, 0), (ph, ph), (pw, pw)], Padding::Constant(0.0));
    let under = transpose(&spatial_transformer_sampler(&padded, &grid), Some(&[0, 3, 1, 2]));
    let y = linear(&with_shape(&under, [n * rows * columns, c * taps]), &with_shape(w, [*o, c * taps]), b);
    transpose(&with_shape(&y, [n, rows, columns, *o]), Some(&[0, 3, 1, 2]))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        // The offsets keep away from pixels, where the weights have a kink.
        Case::new("deformable_convolution_2d_sampler", |x| {
            deformable_convolution_2d_sampler(&x[0], &x[1], &x[2], Some(&x[3]), 1, 1)
        })
        .input([1, 2, 4, 4])
        .input_in([1, 8, 5, 5], 0.2, 0.8)
        .input([3, 2, 2, 2])
        .input([3])
        .tolerance(1e-4),
        Case::new("deformable_convolution_2d_sampler/in_parts", |x| {
            within([&x[0], &x[1], &x[2]], Some(&x[3]), 1.into(), 0.into(), 1)
        })
        .input([3, 2, 3, 3])
        .input_in([3, 8, 2, 2], 0.2, 0.8)
        .input([3, 2, 2, 2])
        .input([3])
        .tolerance(1e-4),
        Case::new("deformable_convolution_2d_sampler/strides", |x| {
            deformable_convolution_2d_sampler(&x[0], &x[1], &x[2], None, 2, 0)
        })
        .input([2, 1, 5, 5])
        .input_in([2, 18, 2, 2], -0.8, -0.2)
        .input([2, 1, 3, 3])
        .tolerance(1e-4),
    ]
}
