use super::Rule;
use crate::tensor::Tensor;

/// Graves' RMSprop with momentum (Graves, 2013).
///
/// `n = alpha * n + (1 - alpha) * g * g; m = alpha * m + (1 - alpha) * g;
/// delta = momentum * delta - lr * g / sqrt(n - m * m + eps); w += delta`, with `m` kept under the name `g`.
///
/// ```
/// # use catena::{optimizers::RMSpropGraves, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = RMSpropGraves::default().setup(&model);
/// optimizer.lr *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct RMSpropGraves {
    /// Learning rate.
    pub lr: f64,
    /// Decay of both means.
    pub alpha: f64,
    /// Share of the last step in the next.
    pub momentum: f64,
    /// Keeps the division safe.
    pub eps: f64,
}

impl RMSpropGraves {
    /// With this value of `lr`, `alpha` 0.95, `momentum` 0.9 and `eps` 1e-4.
    pub fn new(lr: f64) -> RMSpropGraves {
        RMSpropGraves { lr, alpha: 0.95, momentum: 0.9, eps: 1e-4 }
    }
}

impl Default for RMSpropGraves {
    fn default() -> RMSpropGraves {
        RMSpropGraves::new(1e-4)
    }
}

impl Rule for RMSpropGraves {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["n", "g", "delta"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let mean = |m: &Tensor, x: &Tensor| m.mul_scalar(self.alpha).add(&x.mul_scalar(1.0 - self.alpha));
        let (n, m) = (mean(&states[0], &g.mul(&g)), mean(&states[1], &g));
        let root = n.sub(&m.mul(&m)).add_scalar(self.eps).sqrt();
        let delta = states[2].mul_scalar(self.momentum).sub(&g.mul_scalar(self.lr).div(&root));
        let w = w.add(&delta);
        (states[0], states[1], states[2]) = (n, m, delta);
        w
    }
}
