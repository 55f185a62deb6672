use super::Rule;
use crate::tensor::Tensor;

/// Lion (Chen et al., 2023): the sign of an interpolation of gradient and momentum.
///
/// `w -= lr * (sign(beta1 * m + (1 - beta1) * g) + weight_decay_rate * w); m = beta2 * m + (1 - beta2) * g`.
///
/// ```
/// # use catena::{optimizers::Lion, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = Lion::default().setup(&model);
/// optimizer.weight_decay_rate = 0.1;
/// ```
#[derive(Debug, Clone)]
pub struct Lion {
    /// Learning rate.
    pub lr: f64,
    /// Share of the momentum in the step.
    pub beta1: f64,
    /// Decay of the momentum.
    pub beta2: f64,
    /// Decay of the weights themselves.
    pub weight_decay_rate: f64,
}

impl Lion {
    /// With this learning rate and decays 0.9 and 0.99.
    pub fn new(lr: f64) -> Lion {
        Lion { lr, beta1: 0.9, beta2: 0.99, weight_decay_rate: 0.0 }
    }
}

impl Default for Lion {
    fn default() -> Lion {
        Lion::new(1e-4)
    }
}

impl Rule for Lion {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["m"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let mix = |m: &Tensor, beta: f64| m.mul_scalar(beta).add(&g.mul_scalar(1.0 - beta));
        let step = mix(&states[0], self.beta1).sign();
        states[0] = mix(&states[0], self.beta2);
        w.mul_scalar(1.0 - self.lr * self.weight_decay_rate).sub(&step.mul_scalar(self.lr))
    }
}
