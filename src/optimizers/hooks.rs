//! Hooks: they see and change all gradients before a step, or gradients and values after it.

use crate::{kernel::Reduction, random, tensor::Tensor};
use std::fmt::Debug;

/// Changes gradients before an optimizer uses them, fused into the step, or afterwards: see
/// [`Optimizer::add_post_hook`](super::Optimizer::add_post_hook).
pub trait Hook: Debug + Send + Sync + 'static {
    /// The name by which it is removed.
    fn name(&self) -> &'static str;

    /// Whether it may see several parameters as one, laid end to end with zeros between them. Such a hook asks nothing of
    /// a parameter's shape, nor of a norm of its own; the joint norm of all is fine.
    fn per_element(&self) -> bool {
        false
    }

    /// Changes the gradients of step `t`; after the step, also the values.
    fn apply(&self, t: u64, gradients: &mut [Gradient]);
}

/// A parameter's values and its gradient, as a [`Hook`] sees them.
#[derive(Debug)]
pub struct Gradient {
    /// The values. Others in their place count after the step alone.
    pub w: Tensor,
    /// The gradient, to be changed.
    pub g: Tensor,
}

/// Adds `rate * w` to each gradient.
///
/// ```
/// # use catena::prelude::*;
/// let mut optimizer = Sgd::new(0.1).setup(&L::Linear::new(3, 2));
/// optimizer.add_hook(WeightDecay(1e-4));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WeightDecay(
    /// The rate.
    pub f64,
);

impl Hook for WeightDecay {
    fn name(&self) -> &'static str {
        "WeightDecay"
    }

    fn per_element(&self) -> bool {
        true
    }

    fn apply(&self, _: u64, gradients: &mut [Gradient]) {
        for Gradient { w, g } in gradients {
            *g = g.add(&w.mul_scalar(self.0));
        }
    }
}

/// Scales all gradients down together when their joint norm exceeds a threshold.
///
/// `g *= min(1, threshold / norm)`, where the norm is `sqrt(sum of g * g)` over all parameters; gradients of norm zero
/// stay. The norm is not read back.
///
/// ```
/// # use catena::prelude::*;
/// let mut optimizer = Sgd::new(0.1).setup(&L::Linear::new(3, 2));
/// optimizer.add_hook(GradientClipping(5.0));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GradientClipping(
    /// The largest norm.
    pub f64,
);

impl Hook for GradientClipping {
    fn name(&self) -> &'static str {
        "GradientClipping"
    }

    fn per_element(&self) -> bool {
        true
    }

    fn apply(&self, _: u64, gradients: &mut [Gradient]) {
        let squares = gradients.iter().map(|Gradient { g, .. }| g.mul(g).reduce(Reduction::Sum, None, false));
        let Some(total) = squares.reduce(|a, b| a.add(&b)) else { return };
        let threshold = total.full_like(self.0);
        // Of a norm below the threshold, zero included, the ratio is at least one.
        let rate = threshold.div(&total.sqrt().maximum(&threshold));
        rate.force();
        for Gradient { g, .. } in gradients {
            *g = g.mul(&rate);
        }
    }
}

/// Adds `rate * sign(w)` to each gradient.
#[derive(Debug, Clone, Copy)]
pub struct Lasso(
    /// The rate.
    pub f64,
);

impl Hook for Lasso {
    fn name(&self) -> &'static str {
        "Lasso"
    }

    fn per_element(&self) -> bool {
        true
    }

    fn apply(&self, _: u64, gradients: &mut [Gradient]) {
        for Gradient { w, g } in gradients {
            *g = g.add(&w.sign().mul_scalar(self.0));
        }
    }
}

/// Brings every element of each gradient within bounds.
#[derive(Debug, Clone, Copy)]
pub struct GradientHardClipping {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Hook for GradientHardClipping {
    fn name(&self) -> &'static str {
        "GradientHardClipping"
    }

    fn per_element(&self) -> bool {
        true
    }

    fn apply(&self, _: u64, gradients: &mut [Gradient]) {
        for Gradient { g, .. } in gradients {
            *g = g.clip(self.low, self.high);
        }
    }
}

/// Adds normal noise of variance `eta / (1 + t)^0.55` to each gradient (Neelakantan et al., 2015).
#[derive(Debug, Clone, Copy)]
pub struct GradientNoise {
    /// Scale of the variance.
    pub eta: f64,
}

impl Hook for GradientNoise {
    fn name(&self) -> &'static str {
        "GradientNoise"
    }

    fn per_element(&self) -> bool {
        true
    }

    fn apply(&self, t: u64, gradients: &mut [Gradient]) {
        // Chainer counts the updates before this one.
        let deviation = (self.eta / (t as f64).powf(0.55)).sqrt();
        for Gradient { g, .. } in gradients {
            let noise = random::with(|r| Tensor::randn(r, g.shape().clone(), g.dtype(), g.device()));
            *g = g.add(&noise.mul_scalar(deviation));
        }
    }
}

/// Scales each gradient to its parameter, `rate = |w| / (eps + |g| + weight_decay * |w|)` (You, Gitman and Ginsburg,
/// 2017), after adding `weight_decay * w`; parameters whose norm is no more than the threshold keep theirs.
#[derive(Debug, Clone, Copy)]
pub struct GradientLARS {
    /// Norm of a parameter up to which its gradient is not scaled.
    pub threshold: f64,
    /// Decay of the weights.
    pub weight_decay: f64,
    /// Keeps the division safe.
    pub eps: f64,
}

impl Default for GradientLARS {
    fn default() -> GradientLARS {
        GradientLARS { threshold: 0.01, weight_decay: 0.0, eps: 1e-9 }
    }
}

impl Hook for GradientLARS {
    fn name(&self) -> &'static str {
        "GradientLARS"
    }

    fn apply(&self, _: u64, gradients: &mut [Gradient]) {
        let norm = |x: &Tensor| x.mul(x).reduce(Reduction::Sum, None, false).sqrt();
        for Gradient { w, g } in gradients {
            let (size, slope) = (norm(w), norm(g));
            let scale = slope.add(&size.mul_scalar(self.weight_decay)).add_scalar(self.eps);
            let local = size.div(&scale);
            let small = size.less_equal(&size.full_like(self.threshold));
            let rate = small.where_(&local.full_like(1.0), &local);
            rate.force();
            *g = g.add(&w.mul_scalar(self.weight_decay)).mul(&rate);
        }
    }
}
