use super::{Categorical, Distribution, KlDivergence};
use crate::{autograd::Variable, functions as F, shape::Shape, tensor::Tensor};

/// [`Categorical`] distributions whose values are one-hot vectors over the classes.
///
/// ```
/// # use catena::{distributions::{Distribution, OneHotCategorical}, prelude::*};
/// let fair = OneHotCategorical::new(&Variable::new(Tensor::zeros([2, 4], DType::F32, &Device::cpu())));
/// let draws = fair.sample(&[5]);
/// assert_eq!(draws.shape()[..], [5, 2, 4]);
/// assert_eq!(F::sum(&draws).item().unwrap(), 10.0);
/// ```
#[derive(Debug, Clone)]
pub struct OneHotCategorical {
    /// Of the numbers of the classes.
    classes: Categorical,
}

impl OneHotCategorical {
    /// By logits: logarithms of the probabilities up to a constant.
    ///
    /// # Panics
    /// When there is no axis.
    #[track_caller]
    pub fn new(logits: &Variable) -> OneHotCategorical {
        let shape = logits.shape();
        assert!(!shape.is_empty(), "OneHotCategorical: expected logits along the last axis, got shape ()");
        OneHotCategorical { classes: Categorical::new(logits) }
    }

    /// By probabilities that add up to 1.
    ///
    /// # Panics
    /// When there is no axis.
    #[track_caller]
    pub fn from_p(p: &Variable) -> OneHotCategorical {
        let shape = p.shape();
        assert!(!shape.is_empty(), "OneHotCategorical: expected probabilities along the last axis, got shape ()");
        OneHotCategorical { classes: Categorical::from_p(p) }
    }

    /// The probabilities.
    pub fn p(&self) -> Variable {
        self.classes.p()
    }
}

impl Distribution for OneHotCategorical {
    fn batch_shape(&self) -> Shape {
        self.classes.batch_shape()
    }

    fn event_shape(&self) -> Shape {
        let shape = self.classes.log_p().shape();
        Shape::from(shape[shape.len() - 1])
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let log_p = self.classes.log_p();
        // A class that is not named counts for nothing, even one of no probability.
        let named = x.data().not_equal(&x.data().full_like(0.0));
        let nothing = Variable::constant(log_p.data().full_like(0.0));
        F::sum_axes(&(F::where_(&Variable::constant(named), log_p, &nothing) * x), Some(&[-1]), false)
    }

    /// One-hot vectors, through which no gradient flows; see [`gumbel_softmax`](crate::functions::gumbel_softmax) for
    /// nearly one-hot draws through which it does.
    fn sample(&self, shape: &[usize]) -> Variable {
        let log_p = self.classes.log_p();
        let drawn = self.classes.sample(shape);
        let numbers = Tensor::arange(self.event_shape().size(), log_p.device()).cast(drawn.dtype());
        Variable::constant(drawn.data().expand_dims(-1).equal(&numbers).cast(log_p.dtype()))
    }

    fn entropy(&self) -> Variable {
        self.classes.entropy()
    }

    fn mean(&self) -> Variable {
        self.p()
    }

    fn variance(&self) -> Variable {
        let p = self.p();
        &p * (1.0 - &p)
    }
}

impl KlDivergence for OneHotCategorical {
    fn kl_divergence(&self, q: &OneHotCategorical) -> Variable {
        self.classes.kl_divergence(&q.classes)
    }
}
