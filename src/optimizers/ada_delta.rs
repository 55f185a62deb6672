use super::Rule;
use crate::tensor::Tensor;

/// AdaDelta (Zeiler, 2012): the step is the gradient times the ratio of the running root mean squares of steps and gradients.
///
/// `msg = rho * msg + (1 - rho) * g * g; dx = g * sqrt((msdx + eps) / (msg + eps)); msdx = rho * msdx + (1 - rho) * dx * dx;
/// w -= dx`
///
/// ```
/// # use catena::{optimizers::AdaDelta, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = AdaDelta::default().setup(&model);
/// optimizer.rho *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct AdaDelta {
    /// Decay of both means.
    pub rho: f64,
    /// Keeps the division safe.
    pub eps: f64,
}

impl AdaDelta {
    /// With this value of `rho`, `eps` 1e-6.
    pub fn new(rho: f64) -> AdaDelta {
        AdaDelta { rho, eps: 1e-6 }
    }
}

impl Default for AdaDelta {
    fn default() -> AdaDelta {
        AdaDelta::new(0.95)
    }
}

impl Rule for AdaDelta {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["msg", "msdx"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let mean = |m: &Tensor, x: &Tensor| m.mul_scalar(self.rho).add(&x.mul(x).mul_scalar(1.0 - self.rho));
        let msg = mean(&states[0], &g);
        let dx = g.mul(&states[1].add_scalar(self.eps).div(&msg.add_scalar(self.eps)).sqrt());
        (states[0], states[1]) = (msg, mean(&states[1], &dx));
        w.sub(&dx)
    }
}
