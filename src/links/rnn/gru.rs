use super::state::{State, join, split};
use crate::{
    autograd::Variable,
    functions as F,
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
        let (w, u): (Arc<dyn Initializer>, Arc<dyn Initializer>) = (Arc::new(initial_w), Arc::new(initial_u));
        let on_input = || Linear::with(in_size, out_size, w.clone());
        let on_state = || Linear::with(out_size, out_size, u.clone());
        StatelessGRU {
            W_r: on_input(),
            U_r: on_state(),
            W_z: on_input(),
            U_z: on_state(),
            W: on_input(),
            U: on_state(),
        }
    }

    /// The next state, which is the output, from the last, none at first, and an input `(B, in)`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, h: Option<&Variable>, x: &Variable) -> Variable {
        let (z, g) = (self.W_z.forward(x), self.W.forward(x));
        // Without a state its biases are not there either, as in Chainer.
        let Some(h) = h else { return F::sigmoid(&z) * F::tanh(&g) };
        let r = F::sigmoid(&(self.W_r.forward(x) + self.U_r.forward(h)));
        let z = F::sigmoid(&(z + self.U_z.forward(h)));
        let g = F::tanh(&(g + self.U.forward(&(r * h))));
        F::linear_interpolate(&z, &g, h)
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
