use super::Rule;
use crate::tensor::Tensor;

/// M-SVAG (Balles and Hennig, 2018): momentum damped where the gradients' variance exceeds their mean.
///
/// `m += (1 - beta) * (g - m); v += (1 - beta) * (g * g - v)`, both corrected for their bias by `1 - beta^t`; with
/// `rho = (1 - beta) * (1 + beta^t) / ((1 + beta) * (1 - beta^t))` (at most 0.9999) and `s = (v - m * m) / (1 - rho)`,
/// `w -= eta * (lr * m * m * m / (m * m + rho * s) + weight_decay_rate * w)`.
///
/// ```
/// # use catena::{optimizers::MSVAG, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = MSVAG::default().setup(&model);
/// optimizer.lr *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct MSVAG {
    /// Learning rate.
    pub lr: f64,
    /// Decay of both means.
    pub beta: f64,
    /// Schedule multiplier.
    pub eta: f64,
    /// Decay of the weights themselves, apart from the gradient.
    pub weight_decay_rate: f64,
}

impl MSVAG {
    /// With this learning rate and `beta` 0.9.
    pub fn new(lr: f64) -> MSVAG {
        MSVAG { lr, beta: 0.9, eta: 1.0, weight_decay_rate: 0.0 }
    }
}

impl Default for MSVAG {
    fn default() -> MSVAG {
        MSVAG::new(0.1)
    }
}

impl Rule for MSVAG {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let power = self.beta.powf(t as f64);
        let rho = ((1.0 - self.beta) * (1.0 + power) / ((1.0 + self.beta) * (1.0 - power))).min(0.9999);
        let (m, v) = (&states[0], &states[1]);
        let m = m.add(&g.sub(m).mul_scalar(1.0 - self.beta));
        let v = v.add(&g.mul(&g).sub(v).mul_scalar(1.0 - self.beta));
        let (mean, square) = (m.mul_scalar(1.0 / (1.0 - power)), v.mul_scalar(1.0 / (1.0 - power)));
        let m2 = mean.mul(&mean);
        // One gradient has no variance: what rounding makes of it must not be blown up by `1 / (1 - rho)`.
        let spread = square.sub(&m2).mul_scalar(if t == 1 { 0.0 } else { rho / (1.0 - rho) });
        // Rounding may leave a variance below zero; where all gradients were zero the ratio is taken as one.
        let tiny = m2.full_like(1e-30);
        let factor = m2.maximum(&tiny).div(&m2.add(&spread).maximum(&tiny)).clip(0.0, 1.0);
        (states[0], states[1]) = (m, v);
        let decayed = w.mul_scalar(1.0 - self.eta * self.weight_decay_rate);
        decayed.sub(&mean.mul(&factor).mul_scalar(self.eta * self.lr))
    }
}
