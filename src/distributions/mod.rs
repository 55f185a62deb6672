//! Probability distributions: densities, draws, entropies and divergences, all of them in the graph.
//!
//! A distribution has parameters of a *batch shape* (many distributions side by side) and gives values of an *event
//! shape* (`()` for numbers). Draws are of shape `sample + batch + event`; gradients flow through them wherever the
//! parameters are continuous.
//!
//! ```
//! use catena::{
//!     distributions::{Distribution, Normal, kl_divergence},
//!     prelude::*,
//! };
//!
//! let device = Device::cpu();
//! let [loc, scale] = [0.5, 2.0].map(|v| Variable::new(Tensor::full([3], v, DType::F32, &device)));
//! let q = Normal::new(&loc, &scale);
//! let z = q.sample(&[10]);
//! assert_eq!(z.shape()[..], [10, 3]);
//! let kl = F::sum(&kl_divergence(&q, &Normal::standard([3], &device)));
//! (F::mean(&z) + kl).backward();
//! assert!(loc.grad().is_some() && scale.grad().is_some());
//! ```

mod bernoulli;
mod beta;
mod categorical;
mod cauchy;
mod chisquare;
mod dirichlet;
mod exponential;
mod gamma;
mod geometric;
mod gumbel;
mod independent;
mod laplace;
mod log_normal;
mod multivariate_normal;
mod normal;
mod one_hot_categorical;
mod pareto;
mod poisson;
mod uniform;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use categorical::Categorical;
pub use cauchy::Cauchy;
pub use chisquare::Chisquare;
pub use dirichlet::Dirichlet;
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use geometric::Geometric;
pub use gumbel::Gumbel;
pub use independent::Independent;
pub use laplace::Laplace;
pub use log_normal::LogNormal;
pub use multivariate_normal::MultivariateNormal;
pub use normal::Normal;
pub use one_hot_categorical::OneHotCategorical;
pub use pareto::Pareto;
pub use poisson::Poisson;
pub use uniform::Uniform;

use crate::{autograd::Variable, functions as F, random, shape::Shape, tensor::Tensor};
use std::fmt::Debug;

/// What every distribution can do.
pub trait Distribution: Debug + Send + Sync {
    /// The shape of its parameters: so many distributions side by side.
    fn batch_shape(&self) -> Shape;

    /// The shape of one value.
    fn event_shape(&self) -> Shape {
        Shape::scalar()
    }

    /// The logarithm of the density or probability at `x`, of shape `.. + batch`.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    fn log_prob(&self, x: &Variable) -> Variable;

    /// The density or probability at `x`.
    ///
    /// # Panics
    /// When `x` does not broadcast with the parameters.
    fn prob(&self, x: &Variable) -> Variable {
        F::exp(&self.log_prob(x))
    }

    /// Independent draws of shape `shape + batch + event`, from the thread's [generator](crate::random).
    fn sample(&self, shape: &[usize]) -> Variable;

    /// The entropy, `-E[log_prob(x)]`, of the batch shape.
    fn entropy(&self) -> Variable;

    /// The mean, of shape `batch + event`.
    fn mean(&self) -> Variable;

    /// The variance of each element, of shape `batch + event`.
    fn variance(&self) -> Variable;

    /// The standard deviation of each element, of shape `batch + event`.
    fn stddev(&self) -> Variable {
        F::sqrt(&self.variance())
    }
}

/// Pairs of distributions whose Kullback-Leibler divergence is known in closed form.
pub trait KlDivergence<Q: ?Sized = Self>: Distribution {
    /// `E_p[log p(x) - log q(x)]`, of the batch shape.
    fn kl_divergence(&self, q: &Q) -> Variable;
}

/// The Kullback-Leibler divergence `E_p[log p(x) - log q(x)]`, of the batch shape.
///
/// # Panics
/// When the parameters' shapes do not broadcast.
pub fn kl_divergence<P: KlDivergence<Q> + ?Sized, Q: ?Sized>(p: &P, q: &Q) -> Variable {
    p.kl_divergence(q)
}

/// The cross entropy `-E_p[log q(x)]`, of the batch shape: the entropy of `p` and its divergence from `q`.
///
/// ```
/// # use catena::{distributions::{Exponential, cross_entropy}, prelude::*};
/// let [one, two] = [1.0f32, 2.0].map(|v| Exponential::new(&Variable::constant(Tensor::scalar(v, &Device::cpu()))));
/// assert!((cross_entropy(&one, &two).item().unwrap() - (2.0 - 2f64.ln())).abs() < 1e-6);
/// ```
///
/// # Panics
/// When the parameters' shapes do not broadcast, or the entropy of `p` has no closed form.
pub fn cross_entropy<P: KlDivergence<Q> + ?Sized, Q: ?Sized>(p: &P, q: &Q) -> Variable {
    p.entropy() + p.kl_divergence(q)
}

/// Parameters over their common shape.
#[track_caller]
fn over_common_shape<const N: usize>(parameters: [&Variable; N]) -> [Variable; N] {
    let mut broadcast = F::broadcast(&parameters).into_iter();
    std::array::from_fn(|_| broadcast.next().expect("as many as came"))
}

/// `shape + batch`.
fn sampled(shape: &[usize], batch: &[usize]) -> Shape {
    shape.iter().chain(batch).copied().collect()
}

/// Uniform draws on `[0, 1)` like `like`, over `shape` before its own.
fn uniforms(shape: &[usize], like: &Variable) -> Tensor {
    let shape = sampled(shape, like.shape());
    let draw = random::take(shape.size() as u64);
    Tensor::uniform_at(draw, 0.0, 1.0, shape, like.dtype(), like.device())
}

/// Uniform draws on `(0, 1)` like `like`, over `shape` before its own, of which no function of distribution goes to
/// infinity.
fn inner_uniforms(shape: &[usize], like: &Variable) -> Variable {
    // Uniform numbers are multiples of 2^-24; in the middle between them none is an end.
    const HALF: f64 = 1.0 / 33_554_432.0;
    Variable::constant(uniforms(shape, like).add_scalar(HALF).clip(HALF, 1.0 - 2.0 * HALF))
}

/// Standard normal draws like `like`, over `shape` before its own.
fn normals(shape: &[usize], like: &Variable) -> Variable {
    let shape = sampled(shape, like.shape());
    let draw = random::take(2 * shape.size() as u64);
    Variable::constant(Tensor::normal_at(draw, shape, like.dtype(), like.device()))
}

/// `value` where a tensor of `bool` does not hold, else negative infinity.
fn impossible_where(outside: Tensor, value: &Variable) -> Variable {
    let never = Variable::constant(value.data().full_like(f64::NEG_INFINITY));
    F::where_(&Variable::constant(outside), &never, value)
}

/// `value` where a tensor of `bool` does not hold, else infinity.
fn infinite_where(beyond: Tensor, value: &Variable) -> Variable {
    let infinite = Variable::constant(value.data().full_like(f64::INFINITY));
    F::where_(&Variable::constant(beyond), &infinite, value)
}
