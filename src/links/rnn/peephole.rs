use super::{
    joined::Joined,
    lstm::{LstmInit, zeros_like},
    state::{State, expect_rows},
};
use crate::{
    autograd::Variable,
    functions::rnn::{peephole_lstm, peephole_weights},
    links::{Layer, Linear},
};

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
        let of_input = self.upward.forward(x);
        let zeros = || zeros_like(x, of_input.shape()[1] / 4);
        let (c, h) = (self.c.get().unwrap_or_else(zeros), self.h.get().unwrap_or_else(zeros));
        expect_rows("StatefulPeepholeLSTM", &h, x);
        let of = [&self.lateral, &self.peep_i, &self.peep_f].map(Linear::weights);
        let w = self.joined.get(&of.each_ref(), || vec![peephole_weights(&of[0], &of[1], &of[2])]);
        let (c, h) = peephole_lstm(&c, &h, &of_input, &w[0], &self.peep_o.weights());
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
