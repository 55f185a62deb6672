use super::{Distribution, inner_uniforms, over_common_shape};
use crate::{autograd::Variable, functions as F, shape::Shape};
use std::f64::consts::PI;

/// Cauchy distributions: density `scale / (pi ((x - loc)^2 + scale^2))`.
///
/// ```
/// # use catena::{distributions::{Cauchy, Distribution}, prelude::*};
/// let [zero, one] = [0.0f32, 1.0].map(|v| Variable::constant(Tensor::scalar(v, &Device::cpu())));
/// let p = Cauchy::new(&zero, &one).prob(&one).item().unwrap();
/// assert!((p - 0.5 / std::f64::consts::PI).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Cauchy {
    /// The median.
    pub loc: Variable,
    /// The distance from it that half of the values do not exceed.
    pub scale: Variable,
}

impl Cauchy {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Variable, scale: &Variable) -> Cauchy {
        let [loc, scale] = over_common_shape([loc, scale]);
        Cauchy { loc, scale }
    }

    /// The probability of a value of at most `x`.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    pub fn cdf(&self, x: &Variable) -> Variable {
        F::arctan(&((x - &self.loc) / &self.scale)) * (1.0 / PI) + 0.5
    }

    /// The value that is not exceeded with probability `p`: `loc + scale * tan(pi (p - 1/2))`.
    ///
    /// # Panics
    /// When `p` does not broadcast with the parameters.
    pub fn icdf(&self, p: &Variable) -> Variable {
        &self.loc + &self.scale * F::tan(&((p - 0.5) * PI))
    }

    fn undefined(&self) -> Variable {
        Variable::constant(self.loc.data().full_like(f64::NAN))
    }
}

impl Distribution for Cauchy {
    fn batch_shape(&self) -> Shape {
        self.loc.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let z = (x - &self.loc) / &self.scale;
        -F::log1p(&F::square(&z)) - F::log(&(&self.scale * PI))
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        self.icdf(&inner_uniforms(shape, &self.loc))
    }

    fn entropy(&self) -> Variable {
        F::log(&(&self.scale * (4.0 * PI)))
    }

    /// NaN: the tails are too heavy for a mean.
    fn mean(&self) -> Variable {
        self.undefined()
    }

    /// NaN: the tails are too heavy for a variance.
    fn variance(&self) -> Variable {
        self.undefined()
    }
}
