use super::{
    lstm::{LstmInit, gates, zeros_like},
    state::State,
};
use crate::{
    autograd::Variable,
    functions::rnn::zoneout_lstm,
    links::{Layer, Linear},
};

crate::chain! {
    /// Long short-term memory that in training keeps each value of its state with some probability, with a state of its
    /// own.
    ///
    /// As [`LSTM`](super::LSTM), but a value of the cell stays as it was with probability `c_ratio`, one of the output with
    /// probability `h_ratio`: see [`zoneout`](crate::functions::zoneout()). Krueger et al., 2016.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let lstm = L::StatefulZoneoutLSTM::new(3, 2, 0.5, 0.5);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(lstm.forward(&x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct StatefulZoneoutLSTM {
        /// On the input, `(4 out, in)`.
        pub upward: Linear,
        /// On the last output, `(4 out, out)`.
        pub lateral: Linear,
        /// The cell.
        #[plain]
        pub c: State,
        /// The last output.
        #[plain]
        pub h: State,
        #[plain]
        c_ratio: f64,
        #[plain]
        h_ratio: f64,
    }
}

impl StatefulZoneoutLSTM {
    /// From `in_size` to `out_size` values a step; Chainer's ratios are 0.5.
    pub fn new(in_size: usize, out_size: usize, c_ratio: f64, h_ratio: f64) -> StatefulZoneoutLSTM {
        StatefulZoneoutLSTM::of_size(Some(in_size), out_size, c_ratio, h_ratio)
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize, c_ratio: f64, h_ratio: f64) -> StatefulZoneoutLSTM {
        StatefulZoneoutLSTM::of_size(None, out_size, c_ratio, h_ratio)
    }

    fn of_size(in_size: Option<usize>, out_size: usize, c_ratio: f64, h_ratio: f64) -> StatefulZoneoutLSTM {
        let (upward, lateral) = LstmInit::default().layers(in_size, out_size);
        StatefulZoneoutLSTM { upward, lateral, c: State::default(), h: State::default(), c_ratio, h_ratio }
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
    /// When shapes do not fit, or a ratio is not within 0 and 1.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let layers = [&self.upward, &self.lateral];
        let gates = gates("StatefulZoneoutLSTM", layers, self.h.get().as_ref(), x);
        let zeros = || zeros_like(x, gates.shape()[1] / 4);
        let (c, h) = (self.c.get().unwrap_or_else(zeros), self.h.get().unwrap_or_else(zeros));
        let (c, h) = zoneout_lstm(&c, &h, &gates, [self.c_ratio, self.h_ratio]);
        self.set_state(&c, &h);
        h
    }
}

impl Layer for StatefulZoneoutLSTM {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        StatefulZoneoutLSTM::forward(self, x)
    }
}
