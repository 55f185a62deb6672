use super::{Distribution, KlDivergence, impossible_where, infinite_where, over_common_shape, uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Uniform distributions on `[low, high]`: density `1 / (high - low)`.
///
/// ```
/// # use catena::{distributions::{Distribution, Uniform}, prelude::*};
/// let [zero, two] = [0.0f32, 2.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert_eq!(Uniform::new(&zero, &two).prob(&two).item().unwrap(), 0.5);
/// ```
#[derive(Debug, Clone)]
pub struct Uniform {
    /// The smallest value.
    pub low: Variable,
    /// The largest.
    pub high: Variable,
}

impl Uniform {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(low: &Variable, high: &Variable) -> Uniform {
        let [low, high] = over_common_shape([low, high]);
        Uniform { low, high }
    }

    fn width(&self) -> Variable {
        &self.high - &self.low
    }
}

impl Distribution for Uniform {
    fn batch_shape(&self) -> Shape {
        self.low.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        // Brings the density to the common shape; x itself does not matter.
        let density = x * 0.0 - F::log(&self.width());
        let outside = x.data().less(self.low.data()).logical_or(&x.data().greater(self.high.data()));
        impossible_where(outside, &density)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        &self.low + self.width() * Variable::constant(uniforms(shape, &self.low))
    }

    fn entropy(&self) -> Variable {
        F::log(&self.width())
    }

    fn mean(&self) -> Variable {
        (&self.low + &self.high) * 0.5
    }

    fn variance(&self) -> Variable {
        F::square(&self.width()) * (1.0 / 12.0)
    }
}

impl KlDivergence for Uniform {
    /// Infinite where `q` does not reach as far.
    fn kl_divergence(&self, q: &Uniform) -> Variable {
        let kl = F::log(&(q.width() / self.width()));
        let beyond = self.low.data().less(q.low.data()).logical_or(&self.high.data().greater(q.high.data()));
        infinite_where(beyond, &kl)
    }
}
