use super::{
    joined::{Joined, biases},
    state::{State, join, split},
};
use crate::{
    autograd::Variable,
    functions::{
        self as F,
        rnn::{gru, joined},
    },
    links::{
        Layer, Linear,
        initializers::{Initializer, LeCunNormal},
    },
};
use std::sync::Arc;

crate::chain! {
    /// Gated recurrent units without a state of their own.
    ///
    /// `r = s(W_r x + U_r h)`, `z = s(W_z x + U_z h)`, `g = tanh(W x + U (r h))` and `h' = (1 - z) h + z g`, all products
    /// with a bias, where `s` is the logistic function. Cho et al., 2014.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let cell = L::StatelessGRU::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let h = cell.forward(None, &x);
    /// assert_eq!(cell.forward(Some(&h), &x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct StatelessGRU {
        /// The reset gate's weights on the input.
        pub W_r: Linear,
        /// The reset gate's weights on the state.
        pub U_r: Linear,
        /// The update gate's weights on the input.
        pub W_z: Linear,
        /// The update gate's weights on the state.
        pub U_z: Linear,
        /// The candidate's weights on the input.
        pub W: Linear,
        /// The candidate's weights on the state.
        pub U: Linear,
        #[plain]
        joined: Joined,
    }
}

impl StatelessGRU {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> StatelessGRU {
        StatelessGRU::with(in_size, out_size, LeCunNormal::default(), LeCunNormal::default())
    }

    /// As [`StatelessGRU::new`], with weights on the input and on the state by these initializers.
    pub fn with(
        in_size: usize,
        out_size: usize,
        initial_w: impl Initializer,
        initial_u: impl Initializer,
    ) -> StatelessGRU {
        StatelessGRU::with_lazy(Some(in_size), out_size, Arc::new(initial_w), Arc::new(initial_u))
    }

    /// A cell that learns its input size at the first call.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let cell = L::StatelessGRU::lazy(2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(cell.forward(None, &x).shape()[..], [4, 2]);
    /// assert_eq!(cell.W_r.W.shape().unwrap()[..], [2, 3]);
    /// ```
    pub fn lazy(out_size: usize) -> StatelessGRU {
        let normal = || Arc::new(LeCunNormal::default());
        StatelessGRU::with_lazy(None, out_size, normal(), normal())
    }

    fn with_lazy(
        in_size: Option<usize>,
        out_size: usize,
        initial_w: Arc<dyn Initializer>,
        initial_u: Arc<dyn Initializer>,
    ) -> StatelessGRU {
        let on_input = || Linear::with_lazy(in_size, out_size, initial_w.clone());
        let on_state = || Linear::with(out_size, out_size, initial_u.clone());
        StatelessGRU {
            W_r: on_input(),
            U_r: on_state(),
            W_z: on_input(),
            U_z: on_state(),
            W: on_input(),
            U: on_state(),
            joined: Joined::default(),
        }
    }

    /// The next state, which is the output, from the last, none at first, and an input `(B, in)`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, h: Option<&Variable>, x: &Variable) -> Variable {
        for w in [&self.W_r, &self.W_z, &self.W] {
            w.learn_size(x.shape()[1..].iter().product());
        }
        let Some(h) = h else {
            // Without a state its biases are not there either, as in Chainer.
            return F::sigmoid(&self.W_z.forward(x)) * F::tanh(&self.W.forward(x));
        };
        let joined = self.joined();
        let [on_input, u_rz, bias @ ..] = &joined[..] else { unreachable!("weights on the input and on the state") };
        gru(&F::linear(x, on_input, bias.first()), h, u_rz, &self.U.weights())
    }

    /// Weights on the input, on the state for both gates, and the biases' sums, if there are biases.
    #[track_caller]
    fn joined(&self) -> Vec<Variable> {
        let (on_input, on_state) = ([&self.W_r, &self.W_z, &self.W], [&self.U_r, &self.U_z, &self.U]);
        let (w, u) = (on_input.map(Linear::weights), on_state.map(Linear::weights));
        let b = on_input.iter().zip(on_state).map(|(w, u)| w.bias().into_iter().chain(u.bias()).collect());
        let b: Vec<Vec<Variable>> = b.collect();
        let of = w.iter().chain(&u[..2]).chain(b.iter().flatten());
        self.joined.get(&of.collect::<Vec<_>>(), || {
            let each = |weights: &[Variable]| weights.iter().map(|w| vec![w.clone()]).collect();
            joined(&[each(&w), each(&u[..2])].into_iter().chain(biases(b.clone())).collect::<Vec<_>>())
        })
    }
}

/// [`StatefulGRU`].
pub type GRU = StatefulGRU;

/// Gated recurrent units that remember their state: see [`StatelessGRU`].
///
/// A call with fewer rows than the last leaves the others' states as they are.
///
/// ```
/// # use catena::prelude::*;
/// let gru = L::GRU::new(3, 2);
/// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// gru.forward(&x);
/// assert!(gru.h.get().is_some());
/// gru.reset_state();
/// assert!(gru.h.get().is_none());
/// ```
#[derive(Debug)]
pub struct StatefulGRU {
    /// The weights.
    pub cell: StatelessGRU,
    /// The state.
    pub h: State,
}

super::transparent!(StatefulGRU, cell, h: State::default());

impl StatefulGRU {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> StatefulGRU {
        StatefulGRU { cell: StatelessGRU::new(in_size, out_size), h: State::default() }
    }

    /// As [`StatefulGRU::new`], with weights on the input and on the state by these initializers.
    pub fn with(
        in_size: usize,
        out_size: usize,
        initial_w: impl Initializer,
        initial_u: impl Initializer,
    ) -> StatefulGRU {
        StatefulGRU { cell: StatelessGRU::with(in_size, out_size, initial_w, initial_u), h: State::default() }
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> StatefulGRU {
        StatefulGRU { cell: StatelessGRU::lazy(out_size), h: State::default() }
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
            Some(h) => {
                let (now, rest) = split("StatefulGRU", &h, x.shape()[0]);
                (Some(now), rest)
            }
            None => (None, None),
        };
        let y = self.cell.forward(h.as_ref(), x);
        self.h.set(Some(join(&y, rest)));
        y
    }
}

impl Layer for StatefulGRU {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        StatefulGRU::forward(self, x)
    }
}
