use super::Rule;
use crate::tensor::Tensor;

/// Momentum whose step follows a change of the learning rate at once, `v = momentum * v - g; w += lr * v`.
///
/// ```
/// # use catena::{optimizers::CorrectedMomentumSGD, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = CorrectedMomentumSGD::default().setup(&model);
/// optimizer.lr *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct CorrectedMomentumSGD {
    /// Learning rate.
    pub lr: f64,
    /// Share of the last step in the next.
    pub momentum: f64,
}

impl CorrectedMomentumSGD {
    /// With this value of `lr`, `momentum` 0.9.
    pub fn new(lr: f64) -> CorrectedMomentumSGD {
        CorrectedMomentumSGD { lr, momentum: 0.9 }
    }
}

impl Default for CorrectedMomentumSGD {
    fn default() -> CorrectedMomentumSGD {
        CorrectedMomentumSGD::new(0.01)
    }
}

impl Rule for CorrectedMomentumSGD {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        states[0] = states[0].mul_scalar(self.momentum).sub(&g);
        w.add(&states[0].mul_scalar(self.lr))
    }
}
