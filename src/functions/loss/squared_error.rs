use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("loss/error.wgsl")];

/// `(a - b)^2`, element by element.
///
/// Floats of one shape.
///
/// Launches: 1 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes differ.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::new(Tensor::from_slice(&[1.0f32, 2.0], [2], &Device::cpu()));
/// let b = Variable::new(Tensor::from_slice(&[3.0f32, 2.0], [2], &Device::cpu()));
/// assert_eq!(F::squared_error(&a, &b).data().to_vec::<f32>().unwrap(), [4.0, 0.0]);
/// ```
#[track_caller]
pub fn squared_error(a: &Variable, b: &Variable) -> Variable {
    super::same_shape(SquaredError::NAME, a, b);
    map(SquaredError, [a, b])
}

#[derive(Debug, Clone)]
pub(super) struct SquaredError;

impl Elementwise<2> for SquaredError {
    const NAME: &str = "squared_error";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        (a - b) * (a - b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let of = |c: f64| map(ScaledDifference(c), [saved.input(0), saved.input(1), gy]);
        [saved.needs(0).then(|| of(2.0)), saved.needs(1).then(|| of(-2.0))]
    }
}

/// `c * (a - b) * gy`.
#[derive(Debug, Clone)]
pub(super) struct ScaledDifference(pub f64);

impl Elementwise<3, 1> for ScaledDifference {
    const NAME: &str = "squared_error_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([a, b, gy]: [R; 3], [c]: [R; 1]) -> R {
        c * (a - b) * gy
    }

    fn backward(&self, saved: &Saved, g: &Variable) -> [Option<Variable>; 3] {
        let [a, b, gy] = std::array::from_fn(|i| saved.input(i));
        [
            saved.needs(0).then(|| gy * g * self.0),
            saved.needs(1).then(|| gy * g * -self.0),
            saved.needs(2).then(|| map(self.clone(), [a, b, g])),
        ]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("squared_error", |x| squared_error(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("squared_error/itself", |x| squared_error(&x[0], &x[0])).input([3]),
    ]
}
