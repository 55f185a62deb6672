use super::{Distribution, Gamma, KlDivergence};
use crate::{autograd::Variable, shape::Shape};

/// Chi-square distributions of `k` degrees of freedom: density `x^(k/2 - 1) exp(-x / 2) / (Gamma(k/2) 2^(k/2))`.
///
/// ```
/// # use catena::{distributions::{Chisquare, Distribution}, prelude::*};
/// let two = Variable::constant(Tensor::scalar(2.0f32, &Device::cpu()));
/// assert!((Chisquare::new(&two).prob(&two).item().unwrap() - 0.5 * (-1f64).exp()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Chisquare {
    /// The degrees of freedom.
    pub k: Variable,
    /// The same as a gamma distribution.
    gamma: Gamma,
}

impl Chisquare {
    /// By degrees of freedom above 0.
    pub fn new(k: &Variable) -> Chisquare {
        let two = Variable::constant(k.data().full_like(2.0));
        Chisquare { k: k.clone(), gamma: Gamma::new(&(k * 0.5), &two) }
    }
}

impl Distribution for Chisquare {
    fn batch_shape(&self) -> Shape {
        self.k.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        self.gamma.log_prob(x)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        self.gamma.sample(shape)
    }

    fn entropy(&self) -> Variable {
        self.gamma.entropy()
    }

    fn mean(&self) -> Variable {
        self.k.clone()
    }

    fn variance(&self) -> Variable {
        &self.k * 2.0
    }
}

impl KlDivergence for Chisquare {
    fn kl_divergence(&self, q: &Chisquare) -> Variable {
        self.gamma.kl_divergence(&q.gamma)
    }
}
