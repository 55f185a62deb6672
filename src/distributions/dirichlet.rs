use super::{Distribution, KlDivergence, sampled};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Dirichlet distributions of concentrations `alpha` along the last axis: density
/// `prod x_i^(alpha_i - 1) * Gamma(sum alpha) / prod Gamma(alpha_i)` over positive numbers that add up to 1.
///
/// ```
/// # use catena::{distributions::{Dirichlet, Distribution}, prelude::*};
/// let flat = Dirichlet::new(&Variable::new(Tensor::ones([3], DType::F32, &Device::cpu())));
/// let total = F::sum(&flat.sample(&[]));
/// assert!((total.item().unwrap() - 1.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Dirichlet {
    /// The concentrations.
    pub alpha: Variable,
}

impl Dirichlet {
    /// Along the last axis of `alpha`.
    ///
    /// # Panics
    /// When there is no axis.
    #[track_caller]
    pub fn new(alpha: &Variable) -> Dirichlet {
        assert!(!alpha.shape().is_empty(), "Dirichlet: expected concentrations along the last axis, got shape ()");
        Dirichlet { alpha: alpha.clone() }
    }

    fn total(&self, keepdims: bool) -> Variable {
        last_sum(&self.alpha, keepdims)
    }

    fn log_normalizer(&self) -> Variable {
        last_sum(&F::lgamma(&self.alpha), false) - F::lgamma(&self.total(false))
    }

    fn classes(&self) -> usize {
        self.alpha.shape()[self.alpha.shape().len() - 1]
    }
}

fn last_sum(x: &Variable, keepdims: bool) -> Variable {
    F::sum_axes(x, Some(&[-1]), keepdims)
}

impl Distribution for Dirichlet {
    fn batch_shape(&self) -> Shape {
        let shape = self.alpha.shape();
        shape[..shape.len() - 1].iter().copied().collect()
    }

    fn event_shape(&self) -> Shape {
        Shape::from(self.classes())
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        last_sum(&((&self.alpha - 1.0) * F::log(x)), false) - self.log_normalizer()
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        let draws = F::standard_gamma(&F::broadcast_to(&self.alpha, sampled(shape, self.alpha.shape())));
        &draws / last_sum(&draws, true)
    }

    fn entropy(&self) -> Variable {
        let total = self.total(false);
        self.log_normalizer() + (&total - self.classes() as f64) * F::digamma(&total)
            - last_sum(&((&self.alpha - 1.0) * F::digamma(&self.alpha)), false)
    }

    fn mean(&self) -> Variable {
        &self.alpha / self.total(true)
    }

    fn variance(&self) -> Variable {
        let (mean, total) = (self.mean(), self.total(true));
        &mean * (1.0 - &mean) / (total + 1.0)
    }
}

impl KlDivergence for Dirichlet {
    fn kl_divergence(&self, q: &Dirichlet) -> Variable {
        let log = F::digamma(&self.alpha) - F::digamma(&self.total(true));
        q.log_normalizer() - self.log_normalizer() + last_sum(&((&self.alpha - &q.alpha) * log), false)
    }
}
