//! Losses over a vocabulary of which a few words are drawn.

use super::{
    initializers::{LeCunNormal, Zero},
    parameter::Parameter,
};
use crate::{
    autograd::Variable,
    device::Device,
    functions::{self as F, Reduce},
    random,
    tensor::Tensor,
};
use std::sync::Arc;

/// Draws numbers with given frequencies in constant time, by Walker's method of aliases.
///
/// ```
/// # use catena::prelude::*;
/// let sampler = L::WalkerAlias::new(&[1.0, 0.0, 3.0]);
/// assert!(sampler.sample(100).iter().all(|&i| i != 1));
/// ```
#[derive(Debug, Clone)]
pub struct WalkerAlias {
    /// For each number, how much of its share is its own, and whose the rest is.
    shares: Arc<[(f32, i32)]>,
}

impl WalkerAlias {
    /// Number `i` is drawn in proportion to `weights[i]`.
    ///
    /// # Panics
    /// When no weight is above zero, or one is below it or no number.
    #[track_caller]
    pub fn new(weights: &[f64]) -> WalkerAlias {
        let total: f64 = weights.iter().sum();
        let sound = total > 0.0 && total.is_finite() && weights.iter().all(|&w| w >= 0.0);
        assert!(sound, "WalkerAlias: expected weights not below 0, and one above it");
        let n = weights.len() as f64;
        let mut left: Vec<f64> = weights.iter().map(|w| w / total * n).collect();
        let mut shares: Vec<(f32, i32)> = (0..weights.len()).map(|i| (1.0, i as i32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..weights.len()).partition(|&i| left[i] < 1.0);
        while let (Some(s), Some(&l)) = (small.pop(), large.last()) {
            shares[s] = (left[s] as f32, l as i32);
            left[l] -= 1.0 - left[s];
            if left[l] < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        // What rounding left over belongs to a number that has a weight.
        let heaviest = (0..weights.len()).fold(0, |best, i| if weights[i] > weights[best] { i } else { best });
        for i in small {
            if weights[i] == 0.0 {
                shares[i] = (0.0, heaviest as i32);
            }
        }
        WalkerAlias { shares: shares.into() }
    }

    /// `n` numbers, drawn from the thread's [generator](crate::random).
    pub fn sample(&self, n: usize) -> Vec<i32> {
        let mut u = vec![0.0f64; n];
        random::with(|g| g.fill_uniform_f64(&mut u));
        let one = |u: f64| {
            let at = u * self.shares.len() as f64;
            let i = (at as usize).min(self.shares.len() - 1);
            let (own, other) = self.shares[i];
            if at - (i as f64) < f64::from(own) { i as i32 } else { other }
        };
        u.into_iter().map(one).collect()
    }

    /// As [`WalkerAlias::sample`], as `(rows, n)` on a device.
    fn rows(&self, rows: usize, n: usize, device: &Device) -> Variable {
        Variable::constant(Tensor::from_slice(&self.sample(rows * n), [rows, n], device))
    }
}

crate::chain! {
    /// The negative sampling loss of word vectors; see [`negative_sampling`](crate::functions::negative_sampling).
    ///
    /// Words are drawn in proportion to their counts to the power of 3/4 (Mikolov et al., "Distributed Representations of
    /// Words and Phrases and their Compositionality", 2013).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let loss = L::NegativeSampling::new(4, &[5.0, 3.0, 2.0], 2);
    /// let x = Variable::new(Tensor::ones([2, 4], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::from_slice(&[0, 2], [2], &Device::cpu()));
    /// assert!((loss.forward(&x, &t, F::Reduce::Sum).item().unwrap() - 6.0 * 2f64.ln()).abs() < 1e-5);
    /// ```
    #[derive(Debug)]
    pub struct NegativeSampling {
        /// Vectors, `(words, in)`.
        pub W: Parameter,
        #[plain]
        sampler: WalkerAlias,
        #[plain]
        sample_size: usize,
    }
}

impl NegativeSampling {
    /// Vectors of `in_size` values for as many words as there are `counts`; `sample_size` words are drawn for each target.
    ///
    /// # Panics
    /// When no count is above zero.
    #[track_caller]
    pub fn new(in_size: usize, counts: &[f64], sample_size: usize) -> NegativeSampling {
        NegativeSampling::with_power(in_size, counts, sample_size, 0.75)
    }

    /// As [`NegativeSampling::new`], with counts to another power.
    ///
    /// # Panics
    /// When no count is above zero.
    #[track_caller]
    pub fn with_power(in_size: usize, counts: &[f64], sample_size: usize, power: f64) -> NegativeSampling {
        let weights: Vec<f64> = counts.iter().map(|c| c.powf(power)).collect();
        let vectors = Parameter::new([counts.len(), in_size], Zero);
        NegativeSampling { W: vectors, sampler: WalkerAlias::new(&weights), sample_size }
    }

    /// The loss of `x`, `(n, in)`, for the words `t`, `(n,)` of `int32`; a word of -1 counts for nothing.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, t: &Variable, reduce: Reduce) -> Variable {
        self.forward_samples(x, t, reduce).0
    }

    /// As [`NegativeSampling::forward`], and the words that were drawn, `(n, sample_size)` of `int32`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let loss = L::NegativeSampling::new(4, &[5.0, 3.0, 2.0], 2);
    /// let x = Variable::new(Tensor::ones([2, 4], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::from_slice(&[0, 2], [2], &Device::cpu()));
    /// let (y, samples) = loss.forward_samples(&x, &t, F::Reduce::Sum);
    /// assert_eq!(samples.shape()[..], [2, 2]);
    /// let again = loss.forward_with_samples(&x, &t, &samples, F::Reduce::Sum);
    /// assert_eq!(y.item().unwrap(), again.item().unwrap());
    /// ```
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward_samples(&self, x: &Variable, t: &Variable, reduce: Reduce) -> (Variable, Variable) {
        let samples = self.sampler.rows(t.size(), self.sample_size, x.device());
        (self.forward_with_samples(x, t, &samples, reduce), samples)
    }

    /// As [`NegativeSampling::forward`], for words that were drawn before.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward_with_samples(&self, x: &Variable, t: &Variable, samples: &Variable, reduce: Reduce) -> Variable {
        F::negative_sampling(x, t, &self.W.variable(), samples, reduce)
    }
}

crate::chain! {
    /// The BlackOut loss of word vectors; see [`black_out`](crate::functions::black_out).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let loss = L::BlackOut::new(4, &[5.0, 3.0, 2.0], 2);
    /// let x = Variable::new(Tensor::ones([2, 4], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::from_slice(&[0, 2], [2], &Device::cpu()));
    /// assert!(loss.forward(&x, &t).item().unwrap().is_finite());
    /// ```
    #[derive(Debug)]
    pub struct BlackOut {
        /// Vectors, `(words, in)`.
        pub W: Parameter,
        #[plain]
        sampler: WalkerAlias,
        #[plain]
        sample_size: usize,
    }
}

impl BlackOut {
    /// Vectors of `in_size` values for as many words as there are `counts`; `sample_size` words are drawn for each target.
    ///
    /// # Panics
    /// When no count is above zero.
    #[track_caller]
    pub fn new(in_size: usize, counts: &[f64], sample_size: usize) -> BlackOut {
        let vectors = Parameter::new([counts.len(), in_size], LeCunNormal::default());
        BlackOut { W: vectors, sampler: WalkerAlias::new(counts), sample_size }
    }

    /// The mean loss of `x`, `(n, in)`, for the words `t`, `(n,)` of `int32`.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, t: &Variable) -> Variable {
        let samples = self.sampler.rows(t.size(), self.sample_size, x.device());
        F::black_out(x, t, &self.W.variable(), &samples, Reduce::Mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_those_of_the_weights() {
        let weights = [4.0, 1.0, 0.0, 2.5, 0.5];
        let mut seen = [0usize; 5];
        WalkerAlias::new(&weights).sample(200_000).iter().for_each(|&i| seen[i as usize] += 1);
        for (n, w) in seen.iter().zip(weights) {
            assert!((*n as f64 / 200_000.0 - w / 8.0).abs() < 0.005, "{seen:?}");
        }
        assert_eq!(seen[2], 0);
    }
}
