use super::Rule;
use crate::tensor::Tensor;

/// RMSprop, `ms = alpha * ms + (1 - alpha) * g * g; w -= lr * g / (sqrt(ms) + eps)` (Tieleman and Hinton, 2012).
///
/// ```
/// # use catena::prelude::*;
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = RMSprop::new(0.01).setup(&model);
/// ```
#[derive(Debug, Clone)]
pub struct RMSprop {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the mean square.
    pub alpha: f64,
    /// Keeps the division safe.
    pub eps: f64,
    /// Whether `eps` is added below the root instead, `g / sqrt(ms + eps)`.
    pub eps_inside_sqrt: bool,
}

impl RMSprop {
    /// With this learning rate, `alpha` 0.99 and `eps` 1e-8.
    pub fn new(lr: f64) -> RMSprop {
        RMSprop { lr, alpha: 0.99, eps: 1e-8, eps_inside_sqrt: false }
    }
}

impl Default for RMSprop {
    fn default() -> RMSprop {
        RMSprop::new(0.01)
    }
}

impl Rule for RMSprop {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["ms"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        states[0] = states[0].mul_scalar(self.alpha).add(&g.mul(&g).mul_scalar(1.0 - self.alpha));
        let root = if self.eps_inside_sqrt {
            states[0].add_scalar(self.eps).sqrt()
        } else {
            states[0].sqrt().add_scalar(self.eps)
        };
        w.sub(&g.mul_scalar(self.lr).div(&root))
    }
}
