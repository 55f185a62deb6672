use super::{
    joined::Joined,
    lstm::{LstmInit, gates, zeros_like},
    state::State,
};
use crate::{
    autograd::Variable,
    functions as F,
    links::{Layer, Linear},
};

/// The gates `a, i, f, o` of an LSTM's products, each `(B, units)`.
pub(super) fn split_gates(x: &Variable) -> [Variable; 4] {
    let (batch, units) = (x.shape()[0], x.shape()[1] / 4);
    let parts = F::split_axis(&F::with_shape(x, [batch, units, 4]), 4, 2);
    std::array::from_fn(|k| F::with_shape(&parts[k], [batch, units]))
}

crate::chain! {
    /// Long short-term memory whose gates see the cell, with a state of its own.
    ///
    /// As [`LSTM`](super::LSTM), with `peep_i(c)` and `peep_f(c)` of the last cell added to the input and the forget gate,
    /// and `peep_o(c')` of the next to the output gate. Gers and Schmidhuber, 2000.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let lstm = L::StatefulPeepholeLSTM::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(lstm.forward(&x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct StatefulPeepholeLSTM {
        /// On the input, `(4 out, in)`.
        pub upward: Linear,
        /// On the last output, `(4 out, out)`.
        pub lateral: Linear,
        /// From the cell to the input gate, `(out, out)`.
        pub peep_i: Linear,
        /// From the cell to the forget gate, `(out, out)`.
        pub peep_f: Linear,
        /// From the next cell to the output gate, `(out, out)`.
        pub peep_o: Linear,
        #[plain]
        joined: Joined,
        /// The cell.
        #[plain]
        pub c: State,
        /// The last output.
        #[plain]
        pub h: State,
    }
}

impl StatefulPeepholeLSTM {
    /// From `in_size` to `out_size` values a step; all biases begin with 0.
    pub fn new(in_size: usize, out_size: usize) -> StatefulPeepholeLSTM {
        StatefulPeepholeLSTM::of_size(Some(in_size), out_size)
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> StatefulPeepholeLSTM {
        StatefulPeepholeLSTM::of_size(None, out_size)
    }

    fn of_size(in_size: Option<usize>, out_size: usize) -> StatefulPeepholeLSTM {
        let (upward, lateral) = LstmInit::default().forget_bias(0.0).layers(in_size, out_size);
        let peep = || Linear::new(out_size, out_size).nobias();
        StatefulPeepholeLSTM {
            upward,
            lateral,
            peep_i: peep(),
            peep_f: peep(),
            peep_o: peep(),
            joined: Joined::default(),
            c: State::default(),
            h: State::default(),
        }
    }

    /// Forgets cell and output.
    pub fn reset_state(&self) {
        self.c.set(None);
        self.h.set(None);
    }

    /// Goes on from this cell and output.
    pub fn set_state(&self, c: &Variable, h: &Variable) {
        self.c.set(Some(c.clone()));
        self.h.set(Some(h.clone()));
    }

    /// The next output.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let gates = gates(&self.upward, &self.lateral, self.h.get().as_ref(), x);
        let c = self.c.get().unwrap_or_else(|| zeros_like(x, gates.shape()[1] / 4));
        let [a, i, f, o] = split_gates(&gates);
        let (of_i, of_f) = (self.peep_i.weights(), self.peep_f.weights());
        let w = self.joined.get(&[&of_i, &of_f], || vec![F::concat(&[&of_i, &of_f], 0)]);
        let of_cell = F::split_axis(&F::linear(&c, &w[0], None), 2, 1);
        let (i, f) = (F::sigmoid(&(i + &of_cell[0])), F::sigmoid(&(f + &of_cell[1])));
        let c = F::tanh(&a) * i + f * &c;
        let h = F::sigmoid(&(o + self.peep_o.forward(&c))) * F::tanh(&c);
        self.set_state(&c, &h);
        h
    }
}

impl Layer for StatefulPeepholeLSTM {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        StatefulPeepholeLSTM::forward(self, x)
    }
}
