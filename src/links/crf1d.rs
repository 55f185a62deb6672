use super::{initializers::Zero, parameter::Parameter};
use crate::{
    autograd::Variable,
    functions::{self as F, Reduce},
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
        CRF1d { cost: Parameter::new([labels, labels], Zero) }
    }

    /// The negative log-likelihood of label sequences.
    ///
    /// # Panics
    /// As [`crf1d`](crate::functions::crf1d).
    #[track_caller]
    pub fn forward(&self, xs: &[&Variable], ys: &[&Variable], reduce: Reduce) -> Variable {
        F::crf1d(&self.cost.variable(), xs, ys, reduce)
    }

    /// The scores of the likeliest label sequences, and the sequences.
    ///
    /// # Panics
    /// As [`argmax_crf1d`](crate::functions::argmax_crf1d).
    #[track_caller]
    pub fn argmax(&self, xs: &[&Variable]) -> (Variable, Vec<Variable>) {
        F::argmax_crf1d(&self.cost.variable(), xs)
    }
}
