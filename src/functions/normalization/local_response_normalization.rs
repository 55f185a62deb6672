use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{
        family::{Elementwise, map},
        math::square,
    },
    shape::{InvalidType, Meta, ensure},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

/// Options of [`local_response_normalization_with`]; the defaults are Chainer's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalResponseNormalization {
    /// Channels in a window, itself among them; 5.
    pub n: usize,
    /// What is added to the sum; 2.
    pub k: f64,
    /// Factor of the sum; 1e-4.
    pub alpha: f64,
    /// Exponent; 0.75.
    pub beta: f64,
}

impl Default for LocalResponseNormalization {
    fn default() -> LocalResponseNormalization {
        LocalResponseNormalization { n: 5, k: 2.0, alpha: 1e-4, beta: 0.75 }
    }
}

/// `x` divided by what its channel's neighbours show: `y = x / (k + alpha * sum(x_j * x_j))^beta`.
///
/// The sum is over the `n` channels around a channel of `x`, `(N, C, ..)`. One launch forward, with the elementwise
/// functions that follow, and one or two backward (Krizhevsky et al., "ImageNet Classification with Deep Convolutional
/// Neural Networks", 2012).
///
/// Launches: 1 forward, 2 backward.
///
/// # Panics
/// When `x` is no float or has less than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([1, 3, 2, 2], DType::F32, &Device::cpu()));
/// let y = F::local_response_normalization(&x);
/// assert!((y.data().to_vec::<f32>().unwrap()[0] - 2.0003f32.powf(-0.75)).abs() < 1e-6);
/// ```
#[track_caller]
pub fn local_response_normalization(x: &Variable) -> Variable {
    local_response_normalization_with(x, &LocalResponseNormalization::default())
}

/// As [`local_response_normalization`], with options.
///
/// # Panics
/// When `x` is no float or has less than two axes.
#[track_caller]
pub fn local_response_normalization_with(x: &Variable, options: &LocalResponseNormalization) -> Variable {
    let sums = apply(ChannelSums { reach: options.n / 2 }, &[&square(x)]);
    damped(x, &(sums * options.alpha + options.k), options.beta)
}

/// `x * s^-power` for positive `s`.
fn damped(x: &Variable, s: &Variable, power: f64) -> Variable {
    if power == 0.75 { map(DampedByRoots, [x, s]) } else { map(Damped(power), [x, s]) }
}

/// The gradients of `y = x * s^-power`: that of `s` takes no power of its own.
fn gradients(saved: &Saved, gy: &Variable, power: f64) -> [Option<Variable>; 2] {
    let (s, y) = (saved.input(1), saved.output(0));
    [saved.needs(0).then(|| damped(gy, s, power)), saved.needs(1).then(|| gy * y / s * -power)]
}

#[derive(Debug, Clone)]
struct Damped(f64);

impl Elementwise<2, 1> for Damped {
    const NAME: &str = "damped";
    const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("normalization/damped.wgsl")];
    const RETAIN: Retain = Retain::INPUTS.output(0);

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x, s]: [R; 2], [power]: [R; 1]) -> R {
        x * R::exp(-power * R::ln(s))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        gradients(saved, gy, self.0)
    }
}

/// `x * s^-0.75`, by two roots instead of a logarithm and an exponential.
#[derive(Debug, Clone)]
struct DampedByRoots;

impl Elementwise<2> for DampedByRoots {
    const NAME: &str = "damped_by_roots";
    const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("normalization/damped.wgsl")];
    const RETAIN: Retain = Retain::INPUTS.output(0);

    fn reference<R: Real>([x, s]: [R; 2], []: [R; 0]) -> R {
        let root = R::sqrt(s);
        x / (root * R::sqrt(root))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        gradients(saved, gy, 0.75)
    }
}

/// Sums over neighbouring channels: its own adjoint.
#[derive(Debug, Clone, Copy)]
struct ChannelSums {
    reach: usize,
}

impl Function for ChannelSums {
    fn name(&self) -> &'static str {
        "local_response_normalization"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let x = &xs[0];
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        ensure!(x.ndim(), >=, 2);
        Ok(xs.to_vec())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].box_sum(1, self.reach).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| apply(*self, &[gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let strong = |n: usize| LocalResponseNormalization { n, k: 1.0, alpha: 0.5, beta: 0.6 };
    let case =
        move |name: &str, n: usize| Case::new(name, move |x| local_response_normalization_with(&x[0], &strong(n)));
    vec![
        Case::new("local_response_normalization", |x| local_response_normalization(&x[0])).input([2, 7, 2, 3]),
        case("local_response_normalization/strong", 3).input([2, 6, 2, 3]),
        case("local_response_normalization/all_channels", 9).input([1, 3, 4]),
        case("local_response_normalization/fours", 5).input([2, 4, 2, 6]),
        Case::new("local_response_normalization/roots", |x| {
            let options = LocalResponseNormalization { n: 3, k: 1.0, alpha: 0.5, beta: 0.75 };
            local_response_normalization_with(&x[0], &options)
        })
        .input([2, 4, 2, 3]),
        case("local_response_normalization/rows", 5).input([3, 6]),
        case("local_response_normalization/empty", 5).input([0, 6, 2]),
    ]
}
