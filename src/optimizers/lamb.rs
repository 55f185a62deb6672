use super::Rule;
use crate::{kernel::Reduction, tensor::Tensor};

/// LAMB (You et al., 2020): Adam's direction at the scale of each parameter's norm, for very large batches.
///
/// `m += (1 - beta1) * (g - m); v += (1 - beta2) * (g * g - v)`,
/// `r = m_hat / (sqrt(v_hat) + eps) + weight_decay_rate * w` with `m_hat = m / (1 - beta1^t)` and
/// `v_hat = v / (1 - beta2^t)`, then `w -= lr * |w| / |r| * r`; a norm of zero on either side counts as the ratio 1.
///
/// ```
/// # use catena::{optimizers::LAMB, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = LAMB::new(0.01).setup(&model);
/// // Biases are usually left at their own scale.
/// optimizer.adjust(|path| path.ends_with("/b"), |rule| rule.scales = false);
/// ```
#[derive(Debug, Clone)]
pub struct LAMB {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the mean gradient.
    pub beta1: f64,
    /// Decay of the mean square.
    pub beta2: f64,
    /// Keeps the division safe.
    pub eps: f64,
    /// Decay of the weights.
    pub weight_decay_rate: f64,
    /// Whether steps are brought to the parameter's norm; without, this is AdamW.
    pub scales: bool,
}

impl LAMB {
    /// With this learning rate, decays 0.9 and 0.999, `eps` 1e-6 and no decay of the weights.
    pub fn new(lr: f64) -> LAMB {
        LAMB { lr, beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay_rate: 0.0, scales: true }
    }
}

impl Default for LAMB {
    fn default() -> LAMB {
        LAMB::new(1e-3)
    }
}

impl Rule for LAMB {
    fn states(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let (m, v) = (&states[0], &states[1]);
        let m = m.add(&g.sub(m).mul_scalar(1.0 - self.beta1));
        let v = v.add(&g.mul(&g).sub(v).mul_scalar(1.0 - self.beta2));
        let corrected = |beta: f64| 1.0 / (1.0 - beta.powf(t as f64));
        let root = v.mul_scalar(corrected(self.beta2)).sqrt().add_scalar(self.eps);
        let mut r = m.mul_scalar(corrected(self.beta1)).div(&root);
        if self.weight_decay_rate != 0.0 {
            r = r.add(&w.mul_scalar(self.weight_decay_rate));
        }
        (states[0], states[1]) = (m, v);
        if self.scales {
            let norm = |x: &Tensor| x.mul(x).reduce(Reduction::Sum, None, false).sqrt();
            let (size, slope) = (norm(&w), norm(&r));
            let known = size.mul(&slope).greater(&size.full_like(0.0));
            let ratio = known.where_(&size.div(&slope), &size.full_like(1.0));
            r = r.mul(&ratio);
        }
        w.sub(&r.mul_scalar(self.lr))
    }
}
