use super::{
    initializers::{Initializer, Zero},
    parameter::Parameter,
};
use crate::{
    autograd::Variable,
    functions::{self as F, Reduce},
    tensor::Tensor,
};

crate::chain! {
    /// The costs of a linear-chain conditional random field; see [`crf1d`](crate::functions::crf1d).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let crf = L::CRF1d::new(2);
    /// let x = Variable::new(Tensor::zeros([1, 2], DType::F32, &Device::cpu()));
    /// let y = Variable::constant(Tensor::from_slice(&[1], [1], &Device::cpu()));
    /// let loss = crf.forward(&[&x, &x], &[&y, &y], F::Reduce::Mean);
    /// assert!((loss.item().unwrap() - 4f64.ln()).abs() < 1e-6);
    /// ```
    #[derive(Debug)]
    pub struct CRF1d {
        /// What one label after another costs, `(labels, labels)`.
        pub cost: Parameter,
    }
}

impl CRF1d {
    /// A field over `labels` labels; every cost is zero.
    pub fn new(labels: usize) -> CRF1d {
        CRF1d::with_cost(labels, Zero)
    }

    /// As [`CRF1d::new`], with other initial costs.
    pub fn with_cost(labels: usize, initializer: impl Initializer) -> CRF1d {
        CRF1d { cost: Parameter::new([labels, labels], initializer) }
    }

    /// The negative log-likelihood of label sequences.
    ///
    /// # Panics
    /// As [`crf1d`](crate::functions::crf1d).
    #[track_caller]
    pub fn forward(&self, xs: &[&Variable], ys: &[&Variable], reduce: Reduce) -> Variable {
        F::crf1d(&self.cost.variable(), xs, ys, reduce)
    }

    /// As [`CRF1d::forward`] of whole sequences of any lengths, in any order: scores `(length, labels)` and labels
    /// `(length,)`. Losses of each are in the order of the sequences.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let crf = L::CRF1d::new(2);
    /// let [short, long] = [1, 3].map(|n| Variable::new(Tensor::zeros([n, 2], DType::F32, &Device::cpu())));
    /// let [one, three] = [1, 3].map(|n| Variable::constant(Tensor::zeros([n], DType::I32, &Device::cpu())));
    /// let losses = crf.forward_transposed(&[&short, &long], &[&one, &three], F::Reduce::No);
    /// let losses = losses.data().to_vec::<f32>().unwrap();
    /// assert!((losses[0] - 2f32.ln()).abs() < 1e-6 && (losses[1] - 8f32.ln()).abs() < 1e-6);
    /// ```
    ///
    /// # Panics
    /// As [`crf1d`](crate::functions::crf1d).
    #[track_caller]
    pub fn forward_transposed(&self, xs: &[&Variable], ys: &[&Variable], reduce: Reduce) -> Variable {
        let order = longest_first(xs);
        let (xs, ys) = (by_time(xs, &order), by_time(ys, &order));
        let loss = self.forward(&xs.iter().collect::<Vec<_>>(), &ys.iter().collect::<Vec<_>>(), reduce);
        if reduce == Reduce::No { given_order(&loss, &order) } else { loss }
    }

    /// The scores of the likeliest label sequences, and the sequences.
    ///
    /// # Panics
    /// As [`argmax_crf1d`](crate::functions::argmax_crf1d).
    #[track_caller]
    pub fn argmax(&self, xs: &[&Variable]) -> (Variable, Vec<Variable>) {
        F::argmax_crf1d(&self.cost.variable(), xs)
    }

    /// As [`CRF1d::argmax`] of whole sequences of any lengths, in any order; scores and label sequences in that order.
    ///
    /// # Panics
    /// As [`argmax_crf1d`](crate::functions::argmax_crf1d).
    #[track_caller]
    pub fn argmax_transposed(&self, xs: &[&Variable]) -> (Variable, Vec<Variable>) {
        let order = longest_first(xs);
        let xs = by_time(xs, &order);
        let (scores, path) = self.argmax(&xs.iter().collect::<Vec<_>>());
        let sorted = F::transpose_sequence(&path.iter().collect::<Vec<_>>());
        let mut paths = sorted.clone();
        for (&i, path) in order.iter().zip(sorted) {
            paths[i as usize] = path;
        }
        (given_order(&scores, &order), paths)
    }
}

/// The numbers of the sequences, the longest first.
fn longest_first(xs: &[&Variable]) -> Vec<i32> {
    let mut order: Vec<i32> = (0..xs.len() as i32).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(xs[i as usize].shape().first().copied().unwrap_or(0)));
    order
}

/// What was computed of the longest first, in the order of the sequences.
fn given_order(x: &Variable, order: &[i32]) -> Variable {
    F::permutate(x, &Variable::constant(Tensor::from_slice(order, [order.len()], x.device())), 0, true)
}

/// The rows of each time.
#[track_caller]
fn by_time(xs: &[&Variable], order: &[i32]) -> Vec<Variable> {
    F::transpose_sequence(&order.iter().filter_map(|&i| xs.get(i as usize).copied()).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, links::initializers::Constant};

    #[test]
    fn whole_sequences_in_any_order_are_those_of_each_by_itself() {
        let crf = CRF1d::with_cost(2, Constant(0.5));
        let scores = [0.3f32, -0.2, 1.0, 0.1, -0.7, 0.4];
        let xs = [1, 3, 2].map(|n| Variable::new(Tensor::from_slice(&scores[..2 * n], [n, 2], &Device::cpu())));
        let ys = [1, 3, 2].map(|n| Variable::constant(Tensor::from_slice(&[1, 0, 1][..n], [n], &Device::cpu())));
        let (xs, ys): (Vec<&Variable>, Vec<&Variable>) = (xs.iter().collect(), ys.iter().collect());
        let reals = |v: &Variable| v.data().to_vec::<f32>().expect("values");
        let losses = reals(&crf.forward_transposed(&xs, &ys, Reduce::No));
        let mean = crf.forward_transposed(&xs, &ys, Reduce::Mean).item().expect("a number");
        assert!((mean - f64::from(losses.iter().sum::<f32>()) / 3.0).abs() < 1e-6);
        let (best, paths) = crf.argmax_transposed(&xs);
        for i in 0..3 {
            let loss = reals(&crf.forward_transposed(&xs[i..=i], &ys[i..=i], Reduce::Mean));
            assert!((loss[0] - losses[i]).abs() < 1e-6, "{i}: {loss:?} and {losses:?}");
            let (alone, path) = crf.argmax_transposed(&xs[i..=i]);
            assert!((reals(&alone)[0] - reals(&best)[i]).abs() < 1e-6);
            let labels = |v: &Variable| v.data().to_vec::<i32>().expect("labels");
            assert_eq!(labels(&path[0]), labels(&paths[i]));
            assert_eq!(paths[i].size(), xs[i].shape()[0]);
        }
    }
}
