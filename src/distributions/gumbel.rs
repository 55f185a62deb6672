use super::{Distribution, KlDivergence, inner_uniforms, over_common_shape};
use crate::{autograd::Variable, functions as F, shape::Shape};
use std::f64::consts::PI;

/// Euler's constant.
const EULER: f64 = 0.577_215_664_901_532_9;

/// Gumbel distributions: density `exp(-z - exp(-z)) / scale` with `z = (x - loc) / scale`.
///
/// ```
/// # use catena::{distributions::{Distribution, Gumbel}, prelude::*};
/// let [zero, one] = [0.0f32, 1.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert!((Gumbel::new(&zero, &one).prob(&zero).item().unwrap() - (-1f64).exp()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Gumbel {
    /// The most likely value.
    pub loc: Variable,
    /// The scale.
    pub scale: Variable,
}

impl Gumbel {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Variable, scale: &Variable) -> Gumbel {
        let [loc, scale] = over_common_shape([loc, scale]);
        Gumbel { loc, scale }
    }
}

impl Distribution for Gumbel {
    fn batch_shape(&self) -> Shape {
        self.loc.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let z = (x - &self.loc) / &self.scale;
        -F::log(&self.scale) - &z - F::exp(&-&z)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        let late = -F::log(&inner_uniforms(shape, &self.loc));
        &self.loc - &self.scale * F::log(&late)
    }

    fn entropy(&self) -> Variable {
        F::log(&self.scale) + (EULER + 1.0)
    }

    fn mean(&self) -> Variable {
        &self.loc + &self.scale * EULER
    }

    fn variance(&self) -> Variable {
        F::square(&self.scale) * (PI * PI / 6.0)
    }
}

impl KlDivergence for Gumbel {
    fn kl_divergence(&self, q: &Gumbel) -> Variable {
        let ratio = &self.scale / &q.scale;
        let apart = (&self.loc - &q.loc) / &q.scale;
        F::exp(&(F::lgamma(&(&ratio + 1.0)) - &apart)) + &apart - F::log(&ratio) + (&ratio - 1.0) * EULER - 1.0
    }
}
