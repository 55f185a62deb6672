use super::Rule;
use crate::tensor::Tensor;

/// SMORMS3 (Funk, 2015): the step is bounded by how well the gradients of late agree.
///
/// `r = 1 / (mem + 1); m = (1 - r) * m + r * g; n = (1 - r) * n + r * g * g; x = m * m / (n + eps);
/// w -= g * min(lr, x) / (sqrt(n) + eps); mem = 1 + mem * (1 - x)`, with `m` and `n` kept as `g` and `g2`, and `mem` one at first.
///
/// ```
/// # use catena::{optimizers::SMORMS3, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = SMORMS3::default().setup(&model);
/// optimizer.lr *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct SMORMS3 {
    /// Learning rate.
    pub lr: f64,
    /// Keeps the division safe.
    pub eps: f64,
}

impl SMORMS3 {
    /// With this value of `lr`, `eps` 1e-16.
    pub fn new(lr: f64) -> SMORMS3 {
        SMORMS3 { lr, eps: 1e-16 }
    }
}

impl Default for SMORMS3 {
    fn default() -> SMORMS3 {
        SMORMS3::new(0.001)
    }
}

impl Rule for SMORMS3 {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["mem", "g", "g2"]
    }

    fn initial(&self, state: &str, w: &Tensor) -> Tensor {
        w.full_like(if state == "mem" { 1.0 } else { 0.0 })
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let mem = &states[0];
        let r = mem.full_like(1.0).div(&mem.add_scalar(1.0));
        let toward = |m: &Tensor, x: &Tensor| m.add(&x.sub(m).mul(&r));
        let (m, n) = (toward(&states[1], &g), toward(&states[2], &g.mul(&g)));
        let x = m.mul(&m).div(&n.add_scalar(self.eps));
        let bound = x.minimum(&x.full_like(self.lr));
        let w = w.sub(&g.mul(&bound).div(&n.sqrt().add_scalar(self.eps)));
        let mem = mem.sub(&mem.mul(&x)).add_scalar(1.0);
        (states[0], states[1], states[2]) = (mem, m, n);
        w
    }
}
