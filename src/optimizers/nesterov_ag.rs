use super::Rule;
use crate::tensor::Tensor;

/// Nesterov's accelerated gradient, `v = momentum * v - lr * g; w += momentum^2 * v - (1 + momentum) * lr * g`
/// (Nesterov, 1983), in the form that Chainer has.
///
/// ```
/// # use catena::{optimizers::NesterovAG, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = NesterovAG::default().setup(&model);
/// optimizer.lr *= 0.5;
/// ```
#[derive(Debug, Clone)]
pub struct NesterovAG {
    /// Learning rate.
    pub lr: f64,
    /// Share of the last step in the next.
    pub momentum: f64,
}

impl NesterovAG {
    /// With this value of `lr`, `momentum` 0.9.
    pub fn new(lr: f64) -> NesterovAG {
        NesterovAG { lr, momentum: 0.9 }
    }
}

impl Default for NesterovAG {
    fn default() -> NesterovAG {
        NesterovAG::new(0.01)
    }
}

impl Rule for NesterovAG {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &["v"]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        let step = g.mul_scalar(self.lr);
        states[0] = states[0].mul_scalar(self.momentum).sub(&step);
        w.add(&states[0].mul_scalar(self.momentum * self.momentum)).sub(&step.mul_scalar(1.0 + self.momentum))
    }
}
