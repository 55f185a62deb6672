use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("math/select.wgsl")];

/// `x` limited to `low..=high`.
///
/// The gradient at both ends is one. Any shape; numbers.
///
/// # Panics
/// When `x` is a truth value, or `low > high`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-3.0f32, 0.5, 3.0], [3], &Device::cpu()));
/// assert_eq!(F::clip(&x, -1.0, 1.0).data().to_vec::<f32>().unwrap(), [-1.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn clip(x: &Variable, low: f64, high: f64) -> Variable {
    map(Clip::new(low, high), [x])
}

impl Tensor {
    /// Limited to `low..=high`: see [`clip`].
    ///
    /// # Panics
    /// When it is a truth value, or `low > high`.
    #[track_caller]
    pub fn clip(&self, low: f64, high: f64) -> Tensor {
        map_tensors(Clip::new(low, high), [self])
    }
}

#[derive(Debug, Clone)]
struct Clip {
    low: f64,
    high: f64,
}

impl Clip {
    #[track_caller]
    fn new(low: f64, high: f64) -> Clip {
        assert!(low <= high, "clip: expected low <= high, got {low} > {high}");
        Clip { low, high }
    }
}

impl Elementwise<1, 2> for Clip {
    const NAME: &str = "clip";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;

    fn scalars(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    fn reference<R: Real>([x]: [R; 1], [low, high]: [R; 2]) -> R {
        R::select(x > high, high, R::select(x < low, low, x))
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(map(ClipGrad(self.clone()), [saved.input(0), gy]))]
    }
}

/// `gy` where `low <= x <= high`, else 0.
#[derive(Debug, Clone)]
struct ClipGrad(Clip);

impl Elementwise<2, 2> for ClipGrad {
    const NAME: &str = "clip_grad";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::NOTHING.input(0);

    fn scalars(&self) -> [f64; 2] {
        self.0.scalars()
    }

    fn reference<R: Real>([x, gy]: [R; 2], [low, high]: [R; 2]) -> R {
        R::select((x >= low) & (x <= high), gy, R::ZERO)
    }

    fn backward(&self, saved: &Saved, ggx: &Variable) -> [Option<Variable>; 2] {
        [None, Some(map(self.clone(), [saved.input(0), ggx]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let ends = || arr1(&[-0.5f64, 0.5, -1.0, 1.0, f64::NAN]).into_dyn();
    vec![
        Case::new("clip", |x| clip(&x[0], -0.5, 0.25)).input([3, 5]).avoiding(-0.5).avoiding(0.25),
        Case::new("clip/ends", |x| clip(&x[0], -0.5, 0.5)).exact(ends()).order(0),
        Case::new("clip/ends_gradient", |x| map(ClipGrad(Clip::new(-0.5, 0.5)), [&x[0], &x[1]]))
            .exact(ends())
            .input([5])
            .order(0),
        Case::new("clip/integers", |x| clip(&x[0], -3.0, 4.0)).integers([9], -9, 9),
    ]
}
