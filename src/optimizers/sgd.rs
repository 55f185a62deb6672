use super::Rule;
use crate::tensor::Tensor;

/// Stochastic gradient descent, `w -= lr * g`.
///
/// ```
/// # use catena::prelude::*;
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = Sgd::new(0.01).setup(&model);
/// ```
#[derive(Debug, Clone)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
}

impl Sgd {
    /// With this learning rate.
    pub fn new(lr: f64) -> Sgd {
        Sgd { lr }
    }
}

/// Chainer's name of [`Sgd`].
pub type SGD = Sgd;

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd::new(0.01)
    }
}

impl Rule for Sgd {
    fn per_element(&self) -> bool {
        true
    }

    fn states(&self) -> &'static [&'static str] {
        &[]
    }

    fn step(&self, _: u64, w: Tensor, g: Tensor, _: &mut [Tensor]) -> Tensor {
        w.sub(&g.mul_scalar(self.lr))
    }
}
