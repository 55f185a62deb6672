use super::{Distribution, KlDivergence, normals, sampled};
use crate::{autograd::Variable, functions as F, shape::Shape};
use std::f64::consts::{E, TAU};

/// Normal distributions of vectors, of mean `loc` `(.., d)` and covariance `L LT` with the lower triangle `L` `(.., d, d)`.
///
/// ```
/// # use catena::{distributions::{Distribution, MultivariateNormal}, prelude::*};
/// let loc = Variable::constant(Tensor::zeros([2], DType::F32, &Device::cpu()));
/// let root = Variable::constant(Tensor::eye(2, DType::F32, &Device::cpu()));
/// let p = MultivariateNormal::new(&loc, &root).prob(&loc).item().unwrap();
/// assert!((p - 1.0 / std::f64::consts::TAU).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct MultivariateNormal {
    /// The mean.
    pub loc: Variable,
    /// The lower triangle, with positive numbers on the diagonal.
    pub scale_tril: Variable,
}

impl MultivariateNormal {
    /// By mean and triangle; what lies above the diagonal does not matter.
    ///
    /// # Panics
    /// When `loc` has no axis, or the triangle is not of shape `loc.shape + (d,)`.
    #[track_caller]
    pub fn new(loc: &Variable, scale_tril: &Variable) -> MultivariateNormal {
        let mut expected = loc.shape().clone();
        expected.push(loc.shape().last().copied().unwrap_or(0));
        assert!(
            !loc.shape().is_empty() && *scale_tril.shape() == expected,
            "MultivariateNormal: expected a mean of shape (.., d) and a triangle of shape {expected}, got {} and {}",
            loc.shape(),
            scale_tril.shape()
        );
        MultivariateNormal { loc: loc.clone(), scale_tril: F::tril(scale_tril, 0) }
    }

    fn dimensions(&self) -> usize {
        self.loc.shape()[self.loc.shape().len() - 1]
    }

    fn log_det(&self) -> Variable {
        F::sum_axes(&F::log(&F::diagonal(&self.scale_tril, 0, -2, -1)), Some(&[-1]), false)
    }

    /// The inverse of the triangle, `(.., d, d)`.
    fn inverse(&self) -> Variable {
        let d = self.dimensions() as isize;
        let flat = F::reshape(&self.scale_tril, [-1, d, d]);
        let shape: Vec<isize> = self.scale_tril.shape().iter().map(|&n| n as isize).collect();
        F::reshape(&F::batch_inv(&flat), shape)
    }

    /// The covariance, `(.., d, d)`.
    pub fn covariance(&self) -> Variable {
        F::matmul_transposed(&self.scale_tril, &self.scale_tril, false, true)
    }
}

/// `A x` for matrices `(.., d, d)` and vectors `(.., d)`, over their common shape.
fn apply(a: &Variable, x: &Variable) -> Variable {
    F::sum_axes(&(a * F::expand_dims(x, -2)), Some(&[-1]), false)
}

impl Distribution for MultivariateNormal {
    fn batch_shape(&self) -> Shape {
        let shape = self.loc.shape();
        shape[..shape.len() - 1].iter().copied().collect()
    }

    fn event_shape(&self) -> Shape {
        Shape::from(self.dimensions())
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        let z = apply(&self.inverse(), &(x - &self.loc));
        let square = F::sum_axes(&F::square(&z), Some(&[-1]), false);
        square * -0.5 - self.log_det() - 0.5 * self.dimensions() as f64 * TAU.ln()
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        let eps = normals(shape, &self.loc);
        debug_assert_eq!(*eps.shape(), sampled(shape, self.loc.shape()));
        &self.loc + apply(&self.scale_tril, &eps)
    }

    fn entropy(&self) -> Variable {
        self.log_det() + 0.5 * self.dimensions() as f64 * (TAU * E).ln()
    }

    fn mean(&self) -> Variable {
        self.loc.clone()
    }

    fn variance(&self) -> Variable {
        F::sum_axes(&F::square(&self.scale_tril), Some(&[-1]), false)
    }
}

impl KlDivergence for MultivariateNormal {
    fn kl_divergence(&self, q: &MultivariateNormal) -> Variable {
        let inverse = q.inverse();
        let ratio = F::matmul(&inverse, &self.scale_tril);
        let trace = F::sum_axes(&F::square(&ratio), Some(&[-2, -1]), false);
        let apart = F::sum_axes(&F::square(&apply(&inverse, &(&q.loc - &self.loc))), Some(&[-1]), false);
        q.log_det() - self.log_det() + (trace + apart - self.dimensions() as f64) * 0.5
    }
}
