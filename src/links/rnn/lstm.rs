use super::state::{State, expect_rows, join, split};
use crate::{
    autograd::Variable,
    functions as F,
    kernel::philox::Generator,
    links::{
        Layer, Linear,
        initializers::{Initializer, LeCunNormal},
    },
    shape::Shape,
    tensor::Tensor,
};
use std::sync::Arc;

/// How the weights of an LSTM link begin.
///
/// ```
/// # use catena::{links::{LstmInit, initializers::Orthogonal}, prelude::*};
/// let link = L::LSTM::with(3, 2, &LstmInit::default().lateral(Orthogonal::default()).forget_bias(0.0));
/// assert_eq!(link.upward.b.as_ref().unwrap().data().to_vec::<f32>().unwrap(), [0.0; 8]);
/// ```
#[derive(Debug, Clone)]
pub struct LstmInit {
    lateral: Arc<dyn Initializer>,
    upward: Arc<dyn Initializer>,
    bias: f32,
    forget_bias: f32,
}

impl Default for LstmInit {
    /// Weights by [`LeCunNormal`], the bias of the forget gate 1, other biases 0.
    fn default() -> LstmInit {
        let normal = || Arc::new(LeCunNormal::default());
        LstmInit { lateral: normal(), upward: normal(), bias: 0.0, forget_bias: 1.0 }
    }
}

impl LstmInit {
    /// Weights on the last output, each gate's by itself.
    #[must_use]
    pub fn lateral(self, initializer: impl Initializer) -> LstmInit {
        LstmInit { lateral: Arc::new(initializer), ..self }
    }

    /// Weights on the input, each gate's by itself.
    #[must_use]
    pub fn upward(self, initializer: impl Initializer) -> LstmInit {
        LstmInit { upward: Arc::new(initializer), ..self }
    }

    /// Biases of the gates other than the forget gate.
    #[must_use]
    pub fn bias(self, bias: f32) -> LstmInit {
        LstmInit { bias, ..self }
    }

    /// Bias of the forget gate: 1 keeps what is known at first (Jozefowicz et al., 2015); 0 was Chainer 1's.
    #[must_use]
    pub fn forget_bias(self, bias: f32) -> LstmInit {
        LstmInit { forget_bias: bias, ..self }
    }

    /// The layers on the input and on the last output.
    pub(super) fn layers(&self, in_size: Option<usize>, out_size: usize) -> (Linear, Linear) {
        let upward = Linear::with_lazy(in_size, 4 * out_size, Parts(self.upward.clone(), 4));
        let lateral = Linear::with_lazy(Some(out_size), 4 * out_size, Parts(self.lateral.clone(), 4)).nobias();
        let bias: Vec<f32> = [self.bias, self.bias, self.forget_bias, self.bias].repeat(out_size);
        let device = crate::device::Device::cpu();
        upward.b.as_ref().expect("it has a bias").set_data(Tensor::from_slice(&bias, [4 * out_size], &device));
        (upward, lateral)
    }
}

/// Equal parts of the first axis, each drawn by itself.
#[derive(Debug)]
pub(super) struct Parts(pub Arc<dyn Initializer>, pub usize);

impl Initializer for Parts {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        let part = shape.with(0, shape[0] / self.1);
        (0..self.1).flat_map(|_| self.0.draw(&part, generator)).collect()
    }
}

crate::chain! {
    /// Long short-term memory without a state of its own: [`lstm`](crate::functions::lstm()) with weights.
    ///
    /// `upward` (with bias) acts on the input and `lateral` (without) on the last output; rows of both are the gates
    /// `a, i, f, o` of a unit side by side.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let cell = L::StatelessLSTM::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let (c, h) = cell.forward(None, None, &x);
    /// let (c, h) = cell.forward(Some(&c), Some(&h), &x);
    /// assert_eq!((&c.shape()[..], &h.shape()[..]), (&[4, 2][..], &[4, 2][..]));
    /// ```
    #[derive(Debug)]
    pub struct StatelessLSTM {
        /// On the input, `(4 out, in)`.
        pub upward: Linear,
        /// On the last output, `(4 out, out)`.
        pub lateral: Linear,
        #[plain]
        out_size: usize,
    }
}

impl StatelessLSTM {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> StatelessLSTM {
        StatelessLSTM::with(in_size, out_size, &LstmInit::default())
    }

    /// As [`StatelessLSTM::new`], with other initial values.
    pub fn with(in_size: usize, out_size: usize, init: &LstmInit) -> StatelessLSTM {
        let (upward, lateral) = init.layers(Some(in_size), out_size);
        StatelessLSTM { upward, lateral, out_size }
    }

    /// A cell that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> StatelessLSTM {
        let (upward, lateral) = LstmInit::default().layers(None, out_size);
        StatelessLSTM { upward, lateral, out_size }
    }

    /// The next cell and output from the last ones, which are zeros at first, and an input `(B, in)`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, c: Option<&Variable>, h: Option<&Variable>, x: &Variable) -> (Variable, Variable) {
        step("StatelessLSTM", [&self.upward, &self.lateral], [c, h], x)
    }

    /// Number of values of the state.
    pub fn out_size(&self) -> usize {
        self.out_size
    }
}

/// A step of an LSTM, by its layers on the input and on the output; a cell or output that is not there is zero.
#[track_caller]
fn step(link: &str, layers: [&Linear; 2], [c, h]: [Option<&Variable>; 2], x: &Variable) -> (Variable, Variable) {
    let gates = gates(link, layers, h, x);
    let zeros = || zeros_like(x, gates.shape()[1] / 4);
    F::lstm(&c.cloned().unwrap_or_else(zeros), &gates)
}

/// What the gates of an LSTM are computed from.
#[track_caller]
pub(super) fn gates(link: &str, [upward, lateral]: [&Linear; 2], h: Option<&Variable>, x: &Variable) -> Variable {
    let gates = upward.forward(x);
    match h {
        Some(h) => {
            expect_rows(link, h, x);
            gates + lateral.forward(h)
        }
        None => gates,
    }
}

/// A state of zeros for the rows of an input.
pub(super) fn zeros_like(x: &Variable, units: usize) -> Variable {
    Variable::constant(Tensor::zeros([x.shape()[0], units], x.dtype(), x.device()))
}

crate::chain! {
    /// Long short-term memory that remembers its cell and its last output: see [`StatelessLSTM`].
    ///
    /// A call with fewer rows than the last leaves the others' states as they are, so that a batch sorted by length may
    /// shrink. Truncated backpropagation is [`unchain_backward`](Variable::unchain_backward) of the loss.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let lstm = L::LSTM::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let first = lstm.forward(&x).data().to_vec::<f32>().unwrap();
    /// assert_ne!(lstm.forward(&x).data().to_vec::<f32>().unwrap(), first);
    /// lstm.reset_state();
    /// assert_eq!(lstm.forward(&x).data().to_vec::<f32>().unwrap(), first);
    /// ```
    #[derive(Debug)]
    pub struct LSTM {
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
    }
}

impl LSTM {
    /// From `in_size` to `out_size` values a step.
    pub fn new(in_size: usize, out_size: usize) -> LSTM {
        LSTM::with(in_size, out_size, &LstmInit::default())
    }

    /// As [`LSTM::new`], with other initial values.
    pub fn with(in_size: usize, out_size: usize, init: &LstmInit) -> LSTM {
        let (upward, lateral) = init.layers(Some(in_size), out_size);
        LSTM { upward, lateral, c: State::default(), h: State::default() }
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> LSTM {
        let (upward, lateral) = LstmInit::default().layers(None, out_size);
        LSTM { upward, lateral, c: State::default(), h: State::default() }
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
    /// When shapes do not fit, or the batch is larger than the state.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let batch = x.shape()[0];
        let (h, rest) = match self.h.get() {
            Some(h) => {
                let (now, rest) = split("LSTM", &h, batch);
                (Some(now), rest)
            }
            None => (None, None),
        };
        let (c, y) = step("LSTM", [&self.upward, &self.lateral], [self.c.get().as_ref(), h.as_ref()], x);
        self.c.set(Some(c));
        self.h.set(Some(join(&y, rest)));
        y
    }
}

impl Layer for LSTM {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        LSTM::forward(self, x)
    }
}

impl Initializer for Arc<dyn Initializer> {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        (**self).draw(shape, generator)
    }
}
