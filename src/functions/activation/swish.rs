use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        activation::sigmoid,
        family::{Elementwise, map},
        math::aligned,
    },
    tensor::{Real, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("activation/sigmoid.wgsl"), wgsl!("activation/swish.wgsl")];

/// Swish, `x * sigmoid(beta * x)`.
///
/// `x` has shape `(n, ..)`, and `beta` as many of the lengths after `n` as it has axes: none for one, the channels for
/// one each. Floats.
///
/// # Panics
/// When dtypes differ or are no floats, or `beta` has another shape.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-200.0f32, 200.0], [1, 2], &Device::cpu()));
/// let beta = Variable::new(Tensor::scalar(1.0f32, &Device::cpu()));
/// assert_eq!(F::swish(&x, &beta).data().to_vec::<f32>().unwrap(), [0.0, 200.0]);
/// ```
#[track_caller]
pub fn swish(x: &Variable, beta: &Variable) -> Variable {
    let beta = aligned("swish", x, beta, 1);
    map(Swish, [x, &beta])
}

#[derive(Debug, Clone)]
struct Swish;

impl Elementwise<2> for Swish {
    const NAME: &str = "swish";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([x, beta]: [R; 2], []: [R; 0]) -> R {
        x * R::sigmoid(beta * x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (x, beta) = (saved.input(0), saved.input(1));
        let s = sigmoid(&(beta * x));
        let y = x * &s;
        let of_x = saved.needs(0).then(|| {
            let by = beta * &y;
            gy * (&s * (1.0 - &by) + by)
        });
        [of_x, saved.needs(1).then(|| gy * (&y * (x - &y)))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("swish", |x| swish(&x[0], &x[1])).input([3, 5]).input([5]),
        Case::new("swish/scalar", |x| swish(&x[0], &x[1])).input_in([3, 5], -4.0, 4.0).input(()),
        Case::new("swish/channels", |x| swish(&x[0], &x[1])).input([2, 3, 4]).input([3]),
    ]
}
