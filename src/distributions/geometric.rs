use super::{Distribution, KlDivergence, inner_uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Geometric distributions, of the number of tries up to the first success: probability `p (1 - p)^(x - 1)` of 1, 2, ..
///
/// ```
/// # use catena::{distributions::{Distribution, Geometric}, prelude::*};
/// let [half, three] = [0.5f32, 3.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert!((Geometric::new(&half).prob(&three).item().unwrap() - 0.125).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Geometric {
    /// The probability of success.
    pub p: Variable,
}

impl Geometric {
    /// By probabilities above 0 and below 1.
    pub fn new(p: &Variable) -> Geometric {
        Geometric { p: p.clone() }
    }

    /// The logarithm of the probability of failure.
    fn log_failure(&self) -> Variable {
        F::log1p(&-&self.p)
    }
}

impl Distribution for Geometric {
    fn batch_shape(&self) -> Shape {
        self.p.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        (x - 1.0) * self.log_failure() + F::log(&self.p)
    }

    /// Whole numbers in the dtype of the parameters, through which no gradient flows.
    fn sample(&self, shape: &[usize]) -> Variable {
        let tries = F::log(&inner_uniforms(shape, &self.p)) / self.log_failure().detach();
        F::maximum(&F::ceil(&tries), &Variable::constant(tries.data().full_like(1.0)))
    }

    fn entropy(&self) -> Variable {
        -((1.0 / &self.p - 1.0) * self.log_failure() + F::log(&self.p))
    }

    fn mean(&self) -> Variable {
        1.0 / &self.p
    }

    fn variance(&self) -> Variable {
        (1.0 - &self.p) / F::square(&self.p)
    }
}

impl KlDivergence for Geometric {
    fn kl_divergence(&self, q: &Geometric) -> Variable {
        (1.0 / &self.p - 1.0) * (self.log_failure() - q.log_failure()) + F::log(&(&self.p / &q.p))
    }
}
