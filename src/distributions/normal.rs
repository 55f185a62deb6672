use super::{Distribution, KlDivergence, normals, over_common_shape};
use crate::{
    autograd::Variable,
    device::Device,
    functions as F,
    shape::{DType, Shape},
    tensor::Tensor,
};
use std::f64::consts::{E, TAU};

/// Normal distributions of a mean and a standard deviation: density
/// `exp(-(x - loc)^2 / (2 scale^2)) / (scale sqrt(2 pi))`.
///
/// ```
/// # use catena::{distributions::{Distribution, Normal}, prelude::*};
/// let normal = Normal::standard([], &Device::cpu());
/// let x = Variable::constant(Tensor::scalar(0.0f32, &Device::cpu()));
/// assert!((normal.prob(&x).item().unwrap() - 0.3989423).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Normal {
    /// The mean.
    pub loc: Variable,
    /// The standard deviation.
    pub scale: Variable,
}

impl Normal {
    /// Over the common shape of both.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: &Variable, scale: &Variable) -> Normal {
        let [loc, scale] = over_common_shape([loc, scale]);
        Normal { loc, scale }
    }

    /// By the logarithm of the standard deviation, as encoders give it.
    ///
    /// # Panics
    /// When the shapes do not broadcast.
    #[track_caller]
    pub fn from_log_scale(loc: &Variable, log_scale: &Variable) -> Normal {
        Normal::new(loc, &F::exp(log_scale))
    }

    /// Mean 0 and standard deviation 1.
    pub fn standard(shape: impl Into<Shape>, device: &Device) -> Normal {
        let shape = shape.into();
        let full = |v: f64| Variable::constant(Tensor::full(shape.clone(), v, DType::F32, device));
        Normal { loc: full(0.0), scale: full(1.0) }
    }

    fn standardised(&self, x: &Variable) -> Variable {
        (x - &self.loc) / &self.scale
    }

    /// The probability of a value of at most `x`.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    pub fn cdf(&self, x: &Variable) -> Variable {
        F::ndtr(&self.standardised(x))
    }

    /// The value that is not exceeded with probability `p`.
    ///
    /// # Panics
    /// When `p` does not broadcast with the parameters.
    pub fn icdf(&self, p: &Variable) -> Variable {
        &self.loc + &self.scale * F::ndtri(p)
    }
}

impl Distribution for Normal {
    fn batch_shape(&self) -> Shape {
        self.loc.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let z = self.standardised(x);
        F::square(&z) * -0.5 - F::log(&self.scale) - 0.5 * TAU.ln()
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        &self.loc + &self.scale * normals(shape, &self.loc)
    }

    fn entropy(&self) -> Variable {
        F::log(&self.scale) + 0.5 * (TAU * E).ln()
    }

    fn mean(&self) -> Variable {
        self.loc.clone()
    }

    fn variance(&self) -> Variable {
        F::square(&self.scale)
    }

    fn stddev(&self) -> Variable {
        self.scale.clone()
    }
}

impl KlDivergence for Normal {
    fn kl_divergence(&self, q: &Normal) -> Variable {
        let ratio = F::square(&(&self.scale / &q.scale));
        let apart = F::square(&((&self.loc - &q.loc) / &q.scale));
        (&ratio + apart - F::log(&ratio) - 1.0) * 0.5
    }
}
