use super::{Distribution, KlDivergence, over_common_shape, sampled};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Beta distributions: density `x^(a-1) (1 - x)^(b-1) / B(a, b)` on `(0, 1)`.
///
/// ```
/// # use catena::{distributions::{Beta, Distribution}, prelude::*};
/// let [two, half] = [2.0f32, 0.5].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert!((Beta::new(&two, &two).prob(&half).item().unwrap() - 1.5).abs() < 1e-5);
/// ```
#[derive(Debug, Clone)]
pub struct Beta {
    /// Grows towards 1.
    pub a: Variable,
    /// Grows towards 0.
    pub b: Variable,
}

impl Beta {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(a: &Variable, b: &Variable) -> Beta {
        let [a, b] = over_common_shape([a, b]);
        Beta { a, b }
    }

    fn log_beta(&self) -> Variable {
        F::lgamma(&self.a) + F::lgamma(&self.b) - F::lgamma(&(&self.a + &self.b))
    }
}

impl Distribution for Beta {
    fn batch_shape(&self) -> Shape {
        self.a.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        (&self.a - 1.0) * F::log(x) + (&self.b - 1.0) * F::log1p(&-x) - self.log_beta()
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        let draw = |p: &Variable| F::standard_gamma(&F::broadcast_to(p, sampled(shape, p.shape())));
        let (a, b) = (draw(&self.a), draw(&self.b));
        &a / (&a + b)
    }

    fn entropy(&self) -> Variable {
        let both = &self.a + &self.b;
        self.log_beta() - (&self.a - 1.0) * F::digamma(&self.a) - (&self.b - 1.0) * F::digamma(&self.b)
            + (&both - 2.0) * F::digamma(&both)
    }

    fn mean(&self) -> Variable {
        &self.a / (&self.a + &self.b)
    }

    fn variance(&self) -> Variable {
        let both = &self.a + &self.b;
        &self.a * &self.b / (F::square(&both) * (&both + 1.0))
    }
}

impl KlDivergence for Beta {
    fn kl_divergence(&self, q: &Beta) -> Variable {
        let both = &self.a + &self.b;
        q.log_beta() - self.log_beta()
            + (&self.a - &q.a) * F::digamma(&self.a)
            + (&self.b - &q.b) * F::digamma(&self.b)
            + (&q.a + &q.b - &both) * F::digamma(&both)
    }
}
