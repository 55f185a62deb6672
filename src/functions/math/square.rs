use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// The square, `x * x`.
///
/// Any shape; numbers.
///
/// # Panics
/// When `x` is a truth value.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[3.0f32, -2.0], [2], &Device::cpu()));
/// assert_eq!(F::square(&x).data().to_vec::<f32>().unwrap(), [9.0, 4.0]);
/// ```
#[track_caller]
pub fn square(x: &Variable) -> Variable {
    map(Square, [x])
}

impl Tensor {
    /// `x * x`: see [`square`].
    ///
    /// # Panics
    /// When it is a truth value.
    #[track_caller]
    pub fn square(&self) -> Tensor {
        map_tensors(Square, [self])
    }
}

#[derive(Debug, Clone)]
struct Square;

impl Elementwise<1> for Square {
    const NAME: &str = "square";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;
    const INTEGERS: bool = true;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        x * x
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(gy * saved.input(0) * 2.0)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("square", |x| square(&x[0])).input([3, 5]),
        Case::new("square/integers", |x| square(&x[0])).integers([7], -9, 9),
    ]
}
