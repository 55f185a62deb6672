use super::{Distribution, KlDivergence, uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape, tensor::Tensor};

/// Bernoulli distributions, by the logit of the probability of 1.
///
/// ```
/// # use catena::{distributions::{Bernoulli, Distribution}, prelude::*};
/// let half = Bernoulli::new(&Variable::constant(Tensor::zeros([4], DType::F32, &Device::cpu())));
/// assert!((half.entropy().data().to_vec::<f32>().unwrap()[0] - 2f32.ln()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Bernoulli {
    /// `log(p / (1 - p))`.
    pub logit: Variable,
}

impl Bernoulli {
    /// By the logits, which may be infinite.
    pub fn new(logit: &Variable) -> Bernoulli {
        Bernoulli { logit: logit.clone() }
    }

    /// By the probabilities.
    pub fn from_p(p: &Variable) -> Bernoulli {
        Bernoulli { logit: F::log(p) - F::log1p(&-p) }
    }

    /// The probability of 1.
    pub fn p(&self) -> Variable {
        F::sigmoid(&self.logit)
    }
}

impl Distribution for Bernoulli {
    fn batch_shape(&self) -> Shape {
        self.logit.shape().clone()
    }

    /// At values 0 and 1; between them it goes in a straight line, as a loss of grey values wants it.
    fn log_prob(&self, x: &Variable) -> Variable {
        // Either term alone: at a probability of 0 or 1, 0 * infinity would be NaN.
        let (one, zero) = (F::softplus(&-&self.logit), F::softplus(&self.logit));
        let pick = |weight: Variable, cost: &Variable| {
            let none = weight.data().equal(&weight.data().full_like(0.0));
            let nothing = Variable::constant(Tensor::zeros((), cost.dtype(), cost.device()));
            &weight * F::where_(&Variable::constant(none), &nothing, cost)
        };
        -(pick(x.clone(), &one) + pick(1.0 - x, &zero))
    }

    /// Zeros and ones, through which no gradient flows.
    fn sample(&self, shape: &[usize]) -> Variable {
        let p = F::sigmoid(&self.logit);
        let u = uniforms(shape, &p);
        Variable::constant(u.less(p.data()).cast(p.dtype()))
    }

    fn entropy(&self) -> Variable {
        // p softplus(-l) + (1 - p) softplus(l) = softplus(l) - p l, and 0 at both ends.
        let p = self.p();
        let l = F::clip(&self.logit, -80.0, 80.0);
        F::softplus(&l) - p * l
    }

    fn mean(&self) -> Variable {
        self.p()
    }

    fn variance(&self) -> Variable {
        self.p() * F::sigmoid(&-&self.logit)
    }
}

impl KlDivergence for Bernoulli {
    fn kl_divergence(&self, q: &Bernoulli) -> Variable {
        let p = self.p();
        p * (&self.logit - &q.logit) - F::softplus(&self.logit) + F::softplus(&q.logit)
    }
}
