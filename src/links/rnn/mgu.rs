use super::{
    joined::{Joined, biases},
    lstm::zeros_like,
    state::{State, join, split},
};
use crate::{
    autograd::Variable,
    functions::{
        self as F,
        rnn::{mgu, mgu_weights},
    },
    links::{Layer, Linear, initializers::LeCunNormal},
};

crate::chain! {
    /// Minimal gated units without a state of their own.
    ///
    /// `f = s(W_f [h, x])`, `g = tanh(W_h [f h, x])` and `h' = (1 - f) h + f g`, products with a bias, where `s` is the
    /// logistic function and `[ , ]` stands for joining. Zhou et al., 2016.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let cell = L::StatelessMGU::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let h = Variable::constant(Tensor::zeros([4, 2], DType::F32, &Device::cpu()));
    /// assert_eq!(cell.forward(&h, &x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct StatelessMGU {
        /// The gate's weights, `(out, out + in)`.
        pub W_f: Linear,
        /// The candidate's weights, `(out, out + in)`.
        pub W_h: Linear,
        #[plain]
        joined: Joined,
        #[plain]
        out_size: usize,
    }
}

impl StatelessMGU {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> StatelessMGU {
        StatelessMGU::of_size(Some(in_size), out_size)
    }

    /// A cell that learns its input size at the first call.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let cell = L::StatelessMGU::lazy(2);
    /// let [x, h] = [3, 2].map(|n| Variable::constant(Tensor::ones([4, n], DType::F32, &Device::cpu())));
    /// assert_eq!(cell.forward(&h, &x).shape()[..], [4, 2]);
    /// assert_eq!(cell.W_f.W.shape().unwrap()[..], [2, 5]);
    /// ```
    pub fn lazy(out_size: usize) -> StatelessMGU {
        StatelessMGU::of_size(None, out_size)
    }

    fn of_size(in_size: Option<usize>, out_size: usize) -> StatelessMGU {
        let layer = || Linear::with_lazy(in_size.map(|n| n + out_size), out_size, LeCunNormal::default());
        StatelessMGU { W_f: layer(), W_h: layer(), joined: Joined::default(), out_size }
    }

    /// The next state, which is the output, from the last and an input `(B, in)`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, h: &Variable, x: &Variable) -> Variable {
        for w in [&self.W_f, &self.W_h] {
            w.learn_size(x.shape()[1..].iter().product::<usize>() + self.out_size);
        }
        let layers = [&self.W_f, &self.W_h];
        let (w, b) = (layers.map(Linear::weights), layers.map(|l| l.bias().into_iter().collect::<Vec<_>>()));
        let of: Vec<&Variable> = w.iter().chain(b.iter().flatten()).collect();
        let joined = self.joined.get(&of, || {
            let b: Vec<Variable> = biases(b.to_vec()).into_iter().flatten().flatten().collect();
            mgu_weights(&w.iter().chain(&b).collect::<Vec<_>>())
        });
        let [on_input, u_f, u_h, bias @ ..] = &joined[..] else {
            unreachable!("weights on the input and on the state")
        };
        mgu(&F::linear(x, on_input, bias.first()), h, u_f, u_h)
    }
}

/// Minimal gated units that remember their state: see [`StatelessMGU`].
///
/// ```
/// # use catena::prelude::*;
/// let mgu = L::StatefulMGU::new(3, 2);
/// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// assert_eq!(mgu.forward(&x).shape()[..], [4, 2]);
/// ```
#[derive(Debug)]
pub struct StatefulMGU {
    /// The weights.
    pub cell: StatelessMGU,
    /// The state.
    pub h: State,
}

super::transparent!(StatefulMGU, cell, h: State::default());

impl StatefulMGU {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> StatefulMGU {
        StatefulMGU { cell: StatelessMGU::new(in_size, out_size), h: State::default() }
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> StatefulMGU {
        StatefulMGU { cell: StatelessMGU::lazy(out_size), h: State::default() }
    }

    /// Forgets the state.
    pub fn reset_state(&self) {
        self.h.set(None);
    }

    /// Goes on from this state.
    pub fn set_state(&self, h: &Variable) {
        self.h.set(Some(h.clone()));
    }

    /// The next state, which is the output.
    ///
    /// # Panics
    /// When shapes do not fit, or the batch is larger than the state.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let (h, rest) = match self.h.get() {
            Some(h) => split("StatefulMGU", &h, x.shape()[0]),
            None => (zeros_like(x, self.cell.out_size), None),
        };
        let y = self.cell.forward(&h, x);
        self.h.set(Some(join(&y, rest)));
        y
    }
}

impl Layer for StatefulMGU {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        StatefulMGU::forward(self, x)
    }
}
