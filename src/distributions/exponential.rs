use super::{Distribution, KlDivergence, impossible_where, inner_uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Exponential distributions: density `lam exp(-lam x)` from 0 on.
///
/// ```
/// # use catena::{distributions::{Distribution, Exponential}, prelude::*};
/// let [zero, two] = [0.0f32, 2.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert!((Exponential::new(&two).prob(&zero).item().unwrap() - 2.0).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Exponential {
    /// The rate.
    pub lam: Variable,
}

impl Exponential {
    /// By rates above 0.
    pub fn new(lam: &Variable) -> Exponential {
        Exponential { lam: lam.clone() }
    }

    /// The probability of a value of at most `x`, where `x` is not below 0.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    pub fn cdf(&self, x: &Variable) -> Variable {
        -F::expm1(&-(&self.lam * x))
    }

    /// The value that is not exceeded with probability `p`: `-log(1 - p) / lam`.
    ///
    /// # Panics
    /// When `p` does not broadcast with the parameters.
    pub fn icdf(&self, p: &Variable) -> Variable {
        -F::log1p(&-p) / &self.lam
    }
}

impl Distribution for Exponential {
    fn batch_shape(&self) -> Shape {
        self.lam.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let density = F::log(&self.lam) - &self.lam * x;
        impossible_where(x.data().less(&x.data().full_like(0.0)), &density)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        -F::log(&inner_uniforms(shape, &self.lam)) / &self.lam
    }

    fn entropy(&self) -> Variable {
        1.0 - F::log(&self.lam)
    }

    fn mean(&self) -> Variable {
        1.0 / &self.lam
    }

    fn variance(&self) -> Variable {
        F::square(&self.mean())
    }
}

impl KlDivergence for Exponential {
    fn kl_divergence(&self, q: &Exponential) -> Variable {
        let ratio = &q.lam / &self.lam;
        &ratio - F::log(&ratio) - 1.0
    }
}
