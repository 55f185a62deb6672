use super::Rule;
use crate::{kernel::Reduction, tensor::Tensor};

/// Muon (Jordan et al., 2024): momentum whose matrices are brought to orthogonal ones, for the hidden layers of a network.
///
/// `m = momentum * m + g`, `u = g + momentum * m` (or `m` without `nesterov`), and for a parameter of two or more axes,
/// seen as a matrix of `shape[0]` rows, `w -= lr * (sqrt(max(1, rows / columns)) * orthogonal(u) + weight_decay_rate * w)`.
/// `orthogonal` sets all singular values to about 1 by `steps` Newton-Schulz iterations
/// `x <- 3.4445 x - 4.7750 (x xT) x + 2.0315 (x xT)^2 x`, from `x = u / |u|`; they end between 0.7 and 1.2. Parameters of
/// fewer axes move by `adam_lr` with AdamW, as do embeddings and last layers if a second optimizer has them.
///
/// ```
/// # use catena::{optimizers::Muon, prelude::*};
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = Muon::default().setup(&model);
/// optimizer.weight_decay_rate = 0.01;
/// ```
#[derive(Debug, Clone)]
pub struct Muon {
    /// Learning rate of matrices.
    pub lr: f64,
    /// Decay of the momentum.
    pub momentum: f64,
    /// Whether the step looks one decay ahead.
    pub nesterov: bool,
    /// Newton-Schulz iterations.
    pub steps: usize,
    /// Decay of the weights themselves.
    pub weight_decay_rate: f64,
    /// Learning rate of Adam, for what is no matrix.
    pub adam_lr: f64,
}

impl Muon {
    /// With this learning rate, momentum 0.95, five iterations, and 3e-4 for what is no matrix.
    pub fn new(lr: f64) -> Muon {
        Muon { lr, momentum: 0.95, nesterov: true, steps: 5, weight_decay_rate: 0.0, adam_lr: 3e-4 }
    }
}

impl Default for Muon {
    fn default() -> Muon {
        Muon::new(0.02)
    }
}

/// The nearest matrix with singular values of about 1.
fn orthogonal(u: &Tensor, steps: usize) -> Tensor {
    let norm = u.mul(u).reduce(Reduction::Sum, None, false).sqrt().add_scalar(1e-7);
    let mut x = u.div(&norm);
    // The smaller of both products.
    let tall = x.shape()[0] > x.shape()[1];
    for _ in 0..steps {
        let a = x.matmul(&x, tall, !tall);
        let b = a.mul_scalar(-4.7750).add(&a.matmul(&a, false, false).mul_scalar(2.0315));
        let bx = if tall { x.matmul(&b, false, false) } else { b.matmul(&x, false, false) };
        x = x.mul_scalar(3.4445).add(&bx);
    }
    x
}

impl Rule for Muon {
    fn states(&self) -> &'static [&'static str] {
        &["m", "v"]
    }

    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor {
        if w.ndim() < 2 || w.size() == 0 {
            let mut adam = super::Adam::new(self.adam_lr);
            adam.weight_decay_rate = self.adam_lr * self.weight_decay_rate;
            return adam.step(t, w, g, states);
        }
        let m = states[0].mul_scalar(self.momentum).add(&g);
        let u = if self.nesterov { g.add(&m.mul_scalar(self.momentum)) } else { m.clone() };
        states[0] = m;
        let rows = w.shape()[0];
        let columns = w.size() / rows;
        let step = orthogonal(&u.reshape([rows as isize, columns as isize]), self.steps);
        let scale = (rows as f64 / columns as f64).max(1.0).sqrt();
        let step = step.with_shape(w.shape()).mul_scalar(self.lr * scale);
        w.mul_scalar(1.0 - self.lr * self.weight_decay_rate).sub(&step)
    }
}
