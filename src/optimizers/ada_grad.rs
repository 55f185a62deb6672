use super::Rule;
use crate::tensor::Tensor;

/// AdaGrad, `h += g * g; w -= lr * g / (sqrt(h) + eps)` (Duchi, Hazan and Singer, 2011).
///
/// ```
/// # use catena::prelude::*;
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = AdaGrad::new(0.001).setup(&model);
/// ```
#[derive(Debug, Clone)]
pub struct AdaGrad {
    /// Learning rate.
    pub lr: f64,
    /// Keeps the division safe.
    pub eps: f64,
}

impl AdaGrad {
    /// With this learning rate and `eps` 1e-8.
    pub fn new(lr: f64) -> AdaGrad {
        AdaGrad { lr, eps: 1e-8 }
    }
}

impl Default for AdaGrad {
    fn default() -> AdaGrad {
        AdaGrad::new(0.001)
    }
}

impl Rule for AdaGrad {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["h"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        states[0] = states[0].add(&g.mul(&g));
        w.sub(&g.mul_scalar(self.lr).div(&states[0].sqrt().add_scalar(self.eps)))
    }
}
