use super::{Distribution, KlDivergence, Normal, impossible_where};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Log-normal distributions, of values whose logarithms are normal: density
/// `exp(-(log x - mu)^2 / (2 sigma^2)) / (x sigma sqrt(2 pi))` above 0.
///
/// ```
/// # use catena::{distributions::{Distribution, LogNormal}, prelude::*};
/// let [zero, one] = [0.0f32, 1.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert!((LogNormal::new(&zero, &one).mean().item().unwrap() - 0.5f64.exp()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct LogNormal {
    /// Of the logarithms.
    normal: Normal,
}

impl LogNormal {
    /// By the mean and the standard deviation of the logarithms, over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(mu: &Variable, sigma: &Variable) -> LogNormal {
        LogNormal { normal: Normal::new(mu, sigma) }
    }

    /// The means of the logarithms.
    pub fn mu(&self) -> &Variable {
        &self.normal.loc
    }

    /// The standard deviations of the logarithms.
    pub fn sigma(&self) -> &Variable {
        &self.normal.scale
    }
}

impl Distribution for LogNormal {
    fn batch_shape(&self) -> Shape {
        self.normal.batch_shape()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let log = F::log(x);
        let density = self.normal.log_prob(&log) - log;
        impossible_where(x.data().less_equal(&x.data().full_like(0.0)), &density)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        F::exp(&self.normal.sample(shape))
    }

    fn entropy(&self) -> Variable {
        self.normal.entropy() + self.mu()
    }

    fn mean(&self) -> Variable {
        F::exp(&(self.mu() + F::square(self.sigma()) * 0.5))
    }

    fn variance(&self) -> Variable {
        F::expm1(&F::square(self.sigma())) * F::square(&self.mean())
    }
}

impl KlDivergence for LogNormal {
    fn kl_divergence(&self, q: &LogNormal) -> Variable {
        self.normal.kl_divergence(&q.normal)
    }
}
