use crate::{
    autograd::{Case, Saved, Variable},
    functions::family::{Elementwise, map, map_tensors},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("math/arithmetic.wgsl")];

/// `-x`; also written `-&x`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, -2.0], [2], &Device::cpu()));
/// assert_eq!((-&x).data().to_vec::<f32>().unwrap(), [-1.0, 2.0]);
/// ```
#[track_caller]
pub fn neg(x: &Variable) -> Variable {
    map(Neg, [x])
}

impl Tensor {
    /// `-self`; also written `-&a`.
    #[track_caller]
    #[allow(clippy::should_implement_trait)]
    pub fn neg(&self) -> Tensor {
        map_tensors(Neg, [self])
    }
}

#[derive(Debug, Clone)]
struct Neg;

impl Elementwise<1> for Neg {
    const NAME: &str = "neg";
    const FILES: &[Wgsl] = FILES;
    const INTEGERS: bool = true;
    const CHEAP: bool = true;

    fn reference<R: Real>([x]: [R; 1], []: [R; 0]) -> R {
        -x
    }

    fn backward(&self, _: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(-gy)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![Case::new("neg", |x| neg(&x[0])).input([3, 5])]
}
