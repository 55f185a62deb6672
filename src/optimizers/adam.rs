use super::Rule;
use crate::tensor::Tensor;

/// Adam (Kingma and Ba, 2015) and its kin, as Chainer has them.
///
/// `m += (1 - beta1) * (g - m); v += (1 - beta2) * (g * g - v)`, then
/// `w -= eta * (alpha_t * m / (sqrt(v) + eps) + weight_decay_rate * w)` with
/// `alpha_t = alpha * sqrt(1 - beta2^t) / (1 - beta1^t)`: `eps` is added to the root of `v` as it is.
///
/// [`Adam::w`] decays weights apart from the gradient (Loshchilov and Hutter, 2019), [`Adam::ams_grad`] never forgets a
/// large `v` (Reddi, Kale and Kumar, 2018), [`Adam::ada_bound`] and [`Adam::ams_bound`] keep each step between bounds
/// that close on `final_lr` (Luo et al., 2019).
///
/// ```
/// # use catena::prelude::*;
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = Adam::new(0.001).setup(&model);
/// ```
#[derive(Debug, Clone)]
pub struct Adam {
    /// Step size.
    pub alpha: f64,
    /// Decay of the mean gradient.
    pub beta1: f64,
    /// Decay of the mean square.
    pub beta2: f64,
    /// Keeps the division safe.
    pub eps: f64,
    /// Schedule multiplier.
    pub eta: f64,
    /// Decay of the weights themselves, apart from the gradient.
    pub weight_decay_rate: f64,
    /// What bounded steps close on.
    pub final_lr: f64,
    /// How fast they do.
    pub gamma: f64,
    base_alpha: f64,
    amsgrad: bool,
    adabound: bool,
}

impl Adam {
    /// With this step size and the usual decays 0.9 and 0.999, `eps` 1e-8.
    pub fn new(alpha: f64) -> Adam {
        Adam {
            alpha,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            eta: 1.0,
            weight_decay_rate: 0.0,
            final_lr: 0.1,
            gamma: 1e-3,
            base_alpha: alpha,
            amsgrad: false,
            adabound: false,
        }
    }

    /// AdamW, with this step size and decay of the weights.
    pub fn w(alpha: f64, weight_decay_rate: f64) -> Adam {
        Adam { weight_decay_rate, ..Adam::new(alpha) }
    }

    /// AMSGrad, with this step size.
    pub fn ams_grad(alpha: f64) -> Adam {
        Adam { amsgrad: true, ..Adam::new(alpha) }
    }

    /// AdaBound, with this step size and the one it closes on.
    pub fn ada_bound(alpha: f64, final_lr: f64) -> Adam {
        Adam { adabound: true, final_lr, ..Adam::new(alpha) }
    }

    /// AMSBound, with this step size and the one it closes on.
    pub fn ams_bound(alpha: f64, final_lr: f64) -> Adam {
        Adam { amsgrad: true, ..Adam::ada_bound(alpha, final_lr) }
    }

    /// The step size with the correction of both means' bias in step `t`.
    pub fn alpha_t(&self, t: u64) -> f64 {
        let t = t as f64;
        self.alpha * (1.0 - self.beta2.powf(t)).sqrt() / (1.0 - self.beta1.powf(t))
    }
}

impl Default for Adam {
    fn default() -> Adam {
        Adam::new(0.001)
    }
}

/// [`Adam::w`] by Chainer's name.
#[allow(non_snake_case, reason = "Chainer's name")]
pub fn AdamW(alpha: f64, weight_decay_rate: f64) -> Adam {
    Adam::w(alpha, weight_decay_rate)
}

/// [`Adam::ams_grad`] by Chainer's name.
#[allow(non_snake_case, reason = "Chainer's name")]
pub fn AMSGrad(alpha: f64) -> Adam {
    Adam::ams_grad(alpha)
}

/// [`Adam::ada_bound`] by Chainer's name.
#[allow(non_snake_case, reason = "Chainer's name")]
pub fn AdaBound(alpha: f64, final_lr: f64) -> Adam {
    Adam::ada_bound(alpha, final_lr)
}

/// [`Adam::ams_bound`] by Chainer's name.
#[allow(non_snake_case, reason = "Chainer's name")]
pub fn AMSBound(alpha: f64, final_lr: f64) -> Adam {
    Adam::ams_bound(alpha, final_lr)
}

impl Rule for Adam {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        if self.amsgrad { &["m", "v", "vhat"] } else { &["m", "v"] }
    }

    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let (m, v) = (&states[0], &states[1]);
        let m = m.add(&g.sub(m).mul_scalar(1.0 - self.beta1));
        let v = v.add(&g.mul(&g).sub(v).mul_scalar(1.0 - self.beta2));
        if self.amsgrad {
            states[2] = states[2].maximum(&v);
        }
        let root = if self.amsgrad { &states[2] } else { &v }.sqrt().add_scalar(self.eps);
        let step = if self.adabound {
            let final_lr = self.final_lr * self.alpha / self.base_alpha;
            let low = final_lr * (1.0 - 1.0 / (self.gamma * t as f64 + 1.0));
            let high = final_lr * (1.0 + 1.0 / (self.gamma * t as f64));
            root.full_like(self.alpha_t(t)).div(&root).clip(low, high).mul(&m).mul_scalar(self.eta)
        } else {
            m.mul_scalar(self.eta * self.alpha_t(t)).div(&root)
        };
        (states[0], states[1]) = (m, v);
        let w = if self.weight_decay_rate == 0.0 { w } else { w.mul_scalar(1.0 - self.eta * self.weight_decay_rate) };
        w.sub(&step)
    }
}
