use super::{Distribution, KlDivergence, over_common_shape, sampled};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Gamma distributions of shape `k` and scale `theta`: density `x^(k-1) exp(-x / theta) / (Gamma(k) theta^k)`.
///
/// ```
/// # use catena::{distributions::{Distribution, Gamma}, prelude::*};
/// let one = Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()));
/// let exponential = Gamma::new(&one, &one);
/// assert!((exponential.prob(&one).item().unwrap() - (-1f64).exp()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Gamma {
    /// The shape.
    pub k: Variable,
    /// The scale.
    pub theta: Variable,
}

impl Gamma {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(k: &Variable, theta: &Variable) -> Gamma {
        let [k, theta] = over_common_shape([k, theta]);
        Gamma { k, theta }
    }
}

impl Distribution for Gamma {
    fn batch_shape(&self) -> Shape {
        self.k.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        (&self.k - 1.0) * F::log(x) - x / &self.theta - F::lgamma(&self.k) - &self.k * F::log(&self.theta)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        let k = F::broadcast_to(&self.k, sampled(shape, self.k.shape()));
        F::standard_gamma(&k) * &self.theta
    }

    fn entropy(&self) -> Variable {
        &self.k + F::log(&self.theta) + F::lgamma(&self.k) + (1.0 - &self.k) * F::digamma(&self.k)
    }

    fn mean(&self) -> Variable {
        &self.k * &self.theta
    }

    fn variance(&self) -> Variable {
        &self.k * F::square(&self.theta)
    }
}

impl KlDivergence for Gamma {
    fn kl_divergence(&self, q: &Gamma) -> Variable {
        (&self.k - &q.k) * F::digamma(&self.k) - F::lgamma(&self.k)
            + F::lgamma(&q.k)
            + &q.k * (F::log(&q.theta) - F::log(&self.theta))
            + &self.k * (&self.theta / &q.theta - 1.0)
    }
}
