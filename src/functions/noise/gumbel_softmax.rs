use crate::{
    autograd::{Case, Variable},
    functions::activation::softmax_axis,
    kernel::philox::Generator,
    random,
    tensor::Tensor,
};

/// Gumbel softmax of temperature 0.1 along axis 1: see [`gumbel_softmax_with`].
///
/// # Panics
/// As [`gumbel_softmax_with`].
///
/// ```
/// # use catena::prelude::*;
/// let log_pi = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let y = F::sum_axes(&F::gumbel_softmax(&log_pi), Some(&[1]), false);
/// assert!(y.data().to_vec::<f32>().unwrap().iter().all(|s| (s - 1.0).abs() < 1e-6));
/// ```
#[track_caller]
pub fn gumbel_softmax(log_pi: &Variable) -> Variable {
    gumbel_softmax_with(log_pi, 0.1, 1)
}

/// `softmax((log_pi + g) / tau)` along `axis`, with `g` of Gumbel's distribution: nearly one-hot draws of a category
/// with the probabilities `e^log_pi`, through which gradients flow.
///
/// The numbers come from the thread's [generator](crate::random). Any shape with that axis; floats.
///
/// # Panics
/// When `log_pi` is no float or `axis` is out of range.
#[track_caller]
pub fn gumbel_softmax_with(log_pi: &Variable, tau: f64, axis: isize) -> Variable {
    let _named = crate::shape::named("gumbel_softmax");
    // One of 2^24 uniform numbers is zero, and none is one: neither logarithm may be infinite.
    const LEAST: f64 = 1.0 / 33_554_432.0;
    let draw = random::take(log_pi.size() as u64);
    let u = Tensor::uniform_at(draw, 0.0, 1.0, log_pi.shape().clone(), log_pi.dtype(), log_pi.device());
    let g = u.clip(LEAST, 1.0).log().neg().log().neg();
    softmax_axis(&((log_pi + Variable::constant(g)) * (1.0 / tau)), axis)
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &Variable, axis: isize| {
        let before = random::set_generator(Generator::new(5));
        let y = gumbel_softmax_with(x, 0.7, axis);
        random::set_generator(before);
        y
    };
    vec![
        Case::new("gumbel_softmax", move |x| seeded(&x[0], 1)).input([3, 7]).tolerance(2e-5),
        Case::new("gumbel_softmax/axis0", move |x| seeded(&x[0], 0)).input([3, 4]).tolerance(2e-5),
    ]
}
