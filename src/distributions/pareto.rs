use super::{Distribution, KlDivergence, impossible_where, infinite_where, inner_uniforms, over_common_shape};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Pareto distributions: density `alpha scale^alpha / x^(alpha + 1)` from `scale` on.
///
/// ```
/// # use catena::{distributions::{Distribution, Pareto}, prelude::*};
/// let [one, three] = [1.0f32, 3.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// assert_eq!(Pareto::new(&one, &three).mean().item().unwrap(), 1.5);
/// ```
#[derive(Debug, Clone)]
pub struct Pareto {
    /// The smallest value.
    pub scale: Variable,
    /// How fast the density falls.
    pub alpha: Variable,
}

impl Pareto {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(scale: &Variable, alpha: &Variable) -> Pareto {
        let [scale, alpha] = over_common_shape([scale, alpha]);
        Pareto { scale, alpha }
    }

    /// `moment` where `alpha` is above `least`, else infinity.
    fn above(&self, least: f64, moment: &Variable) -> Variable {
        let alpha = self.alpha.data();
        infinite_where(alpha.less_equal(&alpha.full_like(least)), moment)
    }
}

impl Distribution for Pareto {
    fn batch_shape(&self) -> Shape {
        self.scale.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let density = F::log(&self.alpha) + &self.alpha * F::log(&self.scale) - (&self.alpha + 1.0) * F::log(x);
        impossible_where(x.data().less(self.scale.data()), &density)
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        &self.scale * F::exp(&(-F::log(&inner_uniforms(shape, &self.scale)) / &self.alpha))
    }

    fn entropy(&self) -> Variable {
        F::log(&(&self.scale / &self.alpha)) + 1.0 / &self.alpha + 1.0
    }

    /// Infinite where `alpha` is not above 1.
    fn mean(&self) -> Variable {
        self.above(1.0, &(&self.alpha * &self.scale / (&self.alpha - 1.0)))
    }

    /// Infinite where `alpha` is not above 2.
    fn variance(&self) -> Variable {
        let ratio = &self.scale / (&self.alpha - 1.0);
        self.above(2.0, &(F::square(&ratio) * &self.alpha / (&self.alpha - 2.0)))
    }
}

impl KlDivergence for Pareto {
    /// Infinite where `q` begins later.
    fn kl_divergence(&self, q: &Pareto) -> Variable {
        let ratio = &q.alpha / &self.alpha;
        let kl = &q.alpha * F::log(&(&self.scale / &q.scale)) - F::log(&ratio) + &ratio - 1.0;
        infinite_where(self.scale.data().less(q.scale.data()), &kl)
    }
}
