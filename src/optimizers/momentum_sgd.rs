use super::Rule;
use crate::tensor::Tensor;

/// Gradient descent with momentum, `v = momentum * v - lr * g; w += v`.
///
/// ```
/// # use catena::prelude::*;
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = MomentumSGD::new(0.01).setup(&model);
/// optimizer.momentum = 0.95;
/// ```
#[derive(Debug, Clone)]
pub struct MomentumSGD {
    /// Learning rate.
    pub lr: f64,
    /// Share of the last step in the next.
    pub momentum: f64,
}

impl MomentumSGD {
    /// With this learning rate and a momentum of 0.9.
    pub fn new(lr: f64) -> MomentumSGD {
        MomentumSGD { lr, momentum: 0.9 }
    }
}

impl Default for MomentumSGD {
    fn default() -> MomentumSGD {
        MomentumSGD::new(0.01)
    }
}

impl Rule for MomentumSGD {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        states[0] = states[0].mul_scalar(self.momentum).sub(&g.mul_scalar(self.lr));
        w.add(&states[0])
    }
}
