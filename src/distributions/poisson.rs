use super::{Distribution, KlDivergence, sampled, uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape};
use std::f64::consts::TAU;

/// Poisson distributions: probability `lam^x exp(-lam) / x!` of 0, 1, 2, ..
///
/// ```
/// # use catena::{distributions::{Distribution, Poisson}, prelude::*};
/// let two = Variable::constant(Tensor::scalar(2.0f32, &Device::cpu()));
/// assert!((Poisson::new(&two).prob(&two).item().unwrap() - 2.0 * (-2f64).exp()).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Poisson {
    /// The rate, which is the mean.
    pub lam: Variable,
}

impl Poisson {
    /// By rates above 0.
    pub fn new(lam: &Variable) -> Poisson {
        Poisson { lam: lam.clone() }
    }
}

/// Rates below are drawn by their distribution functions, others by trying.
const LARGE: f64 = 10.0;

/// A uniform number of 24 bits leaves at most 32 events of a rate of [`LARGE`].
const EVENTS: usize = 36;

/// One try in four is refused at most: all of them once in 10^7 times, and then the rate stands.
const TRIES: usize = 12;

/// The number of events whose distribution function does not reach a uniform number.
fn few(lam: &Variable) -> Variable {
    let u = Variable::constant(uniforms(&[], lam));
    let mut term = F::exp(&-lam);
    let mut reached = term.clone();
    let below = |reached: &Variable| Variable::constant(reached.data().less_equal(u.data()).cast(lam.dtype()));
    let mut events = below(&reached);
    for n in 1..EVENTS {
        term = term * lam * (1.0 / n as f64);
        reached += &term;
        events += below(&reached);
        for v in [&term, &reached, &events] {
            v.data().force();
        }
    }
    events
}

/// The logarithm of the probability of `n` events by Stirling's series, which does not cancel where both are large.
fn log_prob_of_many(lam: &Variable, n: &Variable) -> Variable {
    let one = Variable::constant(n.data().full_like(1.0));
    let some = F::maximum(n, &one);
    let off = (lam - &some) / &some;
    let log_p = &some * (F::log1p(&off) - off) - 0.5 * F::log(&(&some * TAU)) - 1.0 / (&some * 12.0);
    let none = Variable::constant(n.data().equal(&n.data().full_like(0.0)));
    F::where_(&none, &-lam, &log_p)
}

/// By transformed rejection (Hörmann, "The transformed rejection method for generating Poisson random variables", 1993).
fn many(lam: &Variable) -> Variable {
    let b = F::sqrt(lam) * 2.53 + 0.931;
    let a = &b * 0.02483 - 0.059;
    let alpha = 1.1328 / (&b - 3.4) + 1.1239;
    let mut events = F::floor(lam);
    for _ in 0..TRIES {
        let [u, v] = [0, 1].map(|_| Variable::constant(uniforms(&[], lam)));
        let u = u - 0.5;
        let us = 0.5 - F::absolute(&u);
        let n = F::floor(&((&a * 2.0 / &us + &b) * u + lam + 0.43));
        let bound = log_prob_of_many(lam, &n);
        let tried = F::log(&(v * &alpha / (&a / F::square(&us) + &b)));
        let fits = n.data().greater_equal(&n.data().full_like(0.0)).logical_and(&tried.data().less_equal(bound.data()));
        events = F::where_(&Variable::constant(fits), &n, &events);
        events.data().force();
    }
    events
}

impl Distribution for Poisson {
    fn batch_shape(&self) -> Shape {
        self.lam.shape().clone()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        x * F::log(&self.lam) - &self.lam - F::lgamma(&(x + 1.0))
    }

    /// Whole numbers in the dtype of the rates, through which no gradient flows.
    fn sample(&self, shape: &[usize]) -> Variable {
        let lam = F::broadcast_to(&self.lam.detach(), sampled(shape, self.lam.shape()));
        let bound = Variable::constant(lam.data().full_like(LARGE));
        let small = Variable::constant(lam.data().less(bound.data()));
        let (few, many) = (few(&F::minimum(&lam, &bound)), many(&F::maximum(&lam, &bound)));
        F::where_(&small, &few, &many)
    }

    /// # Panics
    /// Always: it has no closed form.
    fn entropy(&self) -> Variable {
        panic!("Poisson: its entropy has no closed form");
    }

    fn mean(&self) -> Variable {
        self.lam.clone()
    }

    fn variance(&self) -> Variable {
        self.lam.clone()
    }
}

impl KlDivergence for Poisson {
    fn kl_divergence(&self, q: &Poisson) -> Variable {
        &self.lam * F::log(&(&self.lam / &q.lam)) - &self.lam + &q.lam
    }
}
