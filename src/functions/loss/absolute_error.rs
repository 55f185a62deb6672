use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map},
    tensor::{Real, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("loss/error.wgsl")];

/// `|a - b|`, element by element; where they are equal the gradient is 0.
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
/// assert_eq!(F::absolute_error(&a, &b).data().to_vec::<f32>().unwrap(), [2.0, 0.0]);
/// ```
#[track_caller]
pub fn absolute_error(a: &Variable, b: &Variable) -> Variable {
    super::same_shape(AbsoluteError::NAME, a, b);
    map(AbsoluteError, [a, b])
}

#[derive(Debug, Clone)]
pub(super) struct AbsoluteError;

impl Elementwise<2> for AbsoluteError {
    const NAME: &str = "absolute_error";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        R::abs(a - b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let of = |c: f64| map(ScaledSign(c), [saved.input(0), saved.input(1), gy]);
        [saved.needs(0).then(|| of(1.0)), saved.needs(1).then(|| of(-1.0))]
    }
}

/// `c * sign(a - b) * gy`.
#[derive(Debug, Clone)]
pub(super) struct ScaledSign(pub f64);

impl Elementwise<3, 1> for ScaledSign {
    const NAME: &str = "absolute_error_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([a, b, gy]: [R; 3], [c]: [R; 1]) -> R {
        // Of equal numbers zero, and NaN where there is no difference.
        R::select(a > b, c, R::select(a < b, -c, a - b)) * gy
    }

    fn backward(&self, saved: &Saved, g: &Variable) -> [Option<Variable>; 3] {
        [None, None, Some(map(self.clone(), [saved.input(0), saved.input(1), g]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    use ndarray::arr1;
    vec![
        Case::new("absolute_error", |x| absolute_error(&x[0], &x[1])).input([3, 4]).input([3, 4]),
        Case::new("absolute_error/kink", |x| absolute_error(&x[0], &x[1]))
            .exact(arr1(&[0.0f64, 1.0]).into_dyn())
            .exact(arr1(&[0.0f64, 3.0]).into_dyn())
            .order(0),
    ]
}
