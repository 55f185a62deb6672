use super::{Distribution, KlDivergence, inner_uniforms, over_common_shape};
use crate::{autograd::Variable, functions as F, shape::Shape};
use std::f64::consts::E;

/// Laplace distributions: density `exp(-|x - loc| / scale) / (2 scale)`.
///
/// ```
/// # use catena::{distributions::{Distribution, Laplace}, prelude::*};
/// let [zero, one] = [0.0f32, 1.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert_eq!(Laplace::new(&zero, &one).prob(&zero).item().unwrap(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct Laplace {
    /// The mean.
    pub loc: Variable,
    /// The mean distance from it.
    pub scale: Variable,
}

impl Laplace {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Variable, scale: &Variable) -> Laplace {
        let [loc, scale] = over_common_shape([loc, scale]);
        Laplace { loc, scale }
    }

    /// The value that is not exceeded with probability `p`: `loc - scale * sign(p - 1/2) * log(1 - 2 |p - 1/2|)`.
    ///
    /// # Panics
    /// When `p` does not broadcast with the parameters.
    pub fn icdf(&self, p: &Variable) -> Variable {
        let off = p - 0.5;
        &self.loc - &self.scale * F::sign(&off) * F::log1p(&(F::absolute(&off) * -2.0))
    }

    /// The probability of a value of at most `x`.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    pub fn cdf(&self, x: &Variable) -> Variable {
        let z = (x - &self.loc) / &self.scale;
        0.5 - 0.5 * F::sign(&z) * F::expm1(&-F::absolute(&z))
    }
}

impl Distribution for Laplace {
    fn batch_shape(&self) -> Shape {
        self.loc.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        -(F::absolute(&(x - &self.loc)) / &self.scale) - F::log(&(&self.scale * 2.0))
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        self.icdf(&inner_uniforms(shape, &self.loc))
    }

    fn entropy(&self) -> Variable {
        F::log(&(&self.scale * (2.0 * E)))
    }

    fn mean(&self) -> Variable {
        self.loc.clone()
    }

    fn variance(&self) -> Variable {
        F::square(&self.scale) * 2.0
    }
}

impl KlDivergence for Laplace {
    fn kl_divergence(&self, q: &Laplace) -> Variable {
        let apart = F::absolute(&(&self.loc - &q.loc));
        let ratio = &self.scale / &q.scale;
        &apart / &q.scale + &ratio * F::exp(&-(&apart / &self.scale)) - F::log(&ratio) - 1.0
    }
}
