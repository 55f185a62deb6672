use crate::{
    autograd::Variable,
    functions::{
        self as F,
        rnn::{Cell, Layers, Order, pack, unpack},
    },
    links::{
        Link, Parameter, Path, Replica, Visit,
        initializers::{Initializer, LeCunNormal, Zero},
    },
    tensor::Tensor,
};
use std::sync::Arc;

/// The weights of one layer in one direction: `w0`, `b0`, `w1` and so on.
#[derive(Debug)]
struct Weights {
    w: Vec<Parameter>,
    b: Vec<Parameter>,
}

/// Layers and directions, named `0`, `1` and so on.
#[derive(Debug)]
struct Stack {
    layers: Layers,
    weights: Vec<Weights>,
    units: usize,
}

impl Stack {
    #[track_caller]
    fn new(layers: Layers, in_size: usize, units: usize, initial_w: Arc<dyn Initializer>) -> Stack {
        let (name, dropout) = (layers.name, layers.dropout);
        assert!(layers.layers > 0, "{name}: expected at least one layer, got none");
        assert!((0.0..1.0).contains(&dropout), "{name}: expected 0.0 <= dropout < 1.0, got {dropout}");
        let (directions, each) = (if layers.both_ways { 2 } else { 1 }, layers.cell.weights());
        let weights = (0..layers.layers * directions)
            .map(|at| {
                let inputs = if at < directions { in_size } else { units * directions };
                let from = |j: usize| if j < each / 2 { inputs } else { units };
                Weights {
                    w: (0..each).map(|j| Parameter::new([units, from(j)], initial_w.clone())).collect(),
                    b: (0..each).map(|_| Parameter::new(units, Zero)).collect(),
                }
            })
            .collect();
        Stack { layers, weights, units }
    }

    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (i, weights) in self.weights.iter().enumerate() {
            path.child(&i.to_string(), |path| {
                for (j, (w, b)) in weights.w.iter().zip(&weights.b).enumerate() {
                    path.child(&format!("w{j}"), |path| w.visit(path, visitor));
                    path.child(&format!("b{j}"), |path| b.visit(path, visitor));
                }
            });
        }
    }

    fn replicate(&self, replica: Replica) -> Stack {
        let one = |weights: &Weights| Weights { w: weights.w.replicate(replica), b: weights.b.replicate(replica) };
        Stack { layers: self.layers, weights: self.weights.iter().map(one).collect(), units: self.units }
    }

    /// Runs sequences of any order: states and outputs come back in theirs.
    #[track_caller]
    fn forward(
        &self,
        hx: Option<&Variable>,
        cx: Option<&Variable>,
        xs: &[Variable],
    ) -> (Variable, Option<Variable>, Vec<Variable>) {
        let name = self.layers.name;
        assert!(!xs.is_empty(), "{name}: expected at least one sequence, got none");
        let inputs = self.weights[0].w[0].shape().map_or(0, |s| s[1]);
        for (i, x) in xs.iter().enumerate() {
            let fits = x.ndim() == 2 && x.shape()[1] == inputs;
            assert!(fits, "{name}: expected sequences of shape (length, {inputs}), got {} at position {i}", x.shape());
            assert!(x.shape()[0] > 0, "{name}: expected sequences of one step at least, got none at position {i}");
        }
        let (stacks, batch) = (self.weights.len(), xs.len());
        let lengths: Vec<usize> = xs.iter().map(|x| x.shape()[0]).collect();
        let order = Order::new(&lengths, xs[0].device());
        let sorted = order.sorted.iter().enumerate().all(|(i, &at)| i == at as usize);
        let permutation = Variable::constant(Tensor::from_slice(&order.sorted, [batch], xs[0].device()));
        let state = |s: Option<&Variable>| {
            let expected = [stacks, batch, self.units];
            let Some(s) = s else {
                return Variable::constant(Tensor::zeros(expected, xs[0].dtype(), xs[0].device()));
            };
            assert!(s.shape()[..] == expected, "{name}: expected a state of shape {expected:?}, got {}", s.shape());
            if sorted { s.clone() } else { F::permutate(s, &permutation, 1, false) }
        };
        let hx = state(hx);
        let cx = (self.layers.cell == Cell::Lstm).then(|| state(cx));
        let variables = |of: fn(&Weights) -> &[Parameter]| -> Vec<Vec<Variable>> {
            self.weights.iter().map(|w| of(w).iter().map(Parameter::variable).collect()).collect()
        };
        let (ws, bs) = (variables(|w| &w.w), variables(|w| &w.b));
        let packed = pack(&xs.iter().collect::<Vec<_>>(), &order);
        let (hy, cy, y) = self.layers.over_packed(&hx, cx.as_ref(), &ws, &bs, &packed, &order.sizes);
        let back = |s: Variable| if sorted { s } else { F::permutate(&s, &permutation, 1, true) };
        (back(hy), cy.map(back), unpack(&y, &order))
    }
}

/// The link over a [`Stack`], with the names of its layers at its own level as in a `ChainList`.
macro_rules! n_step {
    ($(
        $(#[$doc:meta])*
        $name:ident($cell:expr, $both_ways:expr);
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Stack);

        impl $name {
            /// `n_layers` layers from `in_size` to `out_size` values a step, which drop values between them with
            /// probability `dropout`; weights by [`LeCunNormal`], biases zero.
            ///
            /// # Panics
            /// When there is no layer, or not `0 <= dropout < 1`.
            #[track_caller]
            pub fn new(n_layers: usize, in_size: usize, out_size: usize, dropout: f64) -> $name {
                $name::with(n_layers, in_size, out_size, dropout, LeCunNormal::default())
            }

            /// As `new`, with weights by another initializer.
            ///
            /// # Panics
            /// As `new`.
            #[track_caller]
            pub fn with(
                n_layers: usize,
                in_size: usize,
                out_size: usize,
                dropout: f64,
                initial_w: impl Initializer,
            ) -> $name {
                let name = stringify!($name);
                let layers = Layers { name, cell: $cell, layers: n_layers, both_ways: $both_ways, dropout };
                $name(Stack::new(layers, in_size, out_size, Arc::new(initial_w)))
            }
        }

        impl Link for $name {
            fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
                self.0.visit(path, visitor);
            }

            fn replicate(&self, replica: Replica) -> $name {
                $name(self.0.replicate(replica))
            }

            fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
                Box::new(self.replicate(replica))
            }
        }
    )*};
}

n_step! {
    /// Layers of long short-term memory over whole sequences of any lengths, in any order.
    ///
    /// [`n_step_lstm`](crate::functions::n_step_lstm()) with weights, `w0` to `w7` and `b0` to `b7` of each layer.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let lstm = L::NStepLSTM::new(2, 3, 4, 0.1);
    /// let x = |n: usize| Variable::constant(Tensor::ones([n, 3], DType::F32, &Device::cpu()));
    /// let (hy, cy, ys) = lstm.forward(None, None, &[x(2), x(5)]);
    /// assert_eq!((&hy.shape()[..], &ys[1].shape()[..]), (&[2, 2, 4][..], &[5, 4][..]));
    /// ```
    NStepLSTM(Cell::Lstm, false);
    /// As [`NStepLSTM`], with each layer in both directions: [`n_step_bilstm`](crate::functions::n_step_bilstm()).
    NStepBiLSTM(Cell::Lstm, true);
    /// Layers of gated recurrent units over whole sequences of any lengths, in any order.
    ///
    /// [`n_step_gru`](crate::functions::n_step_gru()) with weights, `w0` to `w5` and `b0` to `b5` of each layer.
    NStepGRU(Cell::Gru, false);
    /// As [`NStepGRU`], with each layer in both directions: [`n_step_bigru`](crate::functions::n_step_bigru()).
    NStepBiGRU(Cell::Gru, true);
    /// Plain recurrent layers with the hyperbolic tangent over whole sequences of any lengths, in any order.
    ///
    /// [`n_step_rnn`](crate::functions::n_step_rnn()) with weights, `w0`, `w1`, `b0` and `b1` of each layer.
    NStepRNNTanh(Cell::Tanh, false);
    /// As [`NStepRNNTanh`], with the rectifier.
    NStepRNNReLU(Cell::Relu, false);
    /// As [`NStepRNNTanh`], with each layer in both directions: [`n_step_birnn`](crate::functions::n_step_birnn()).
    NStepBiRNNTanh(Cell::Tanh, true);
    /// As [`NStepBiRNNTanh`], with the rectifier.
    NStepBiRNNReLU(Cell::Relu, true);
}

macro_rules! with_cell {
    ($($name:ident)*) => {$(
        impl $name {
            /// The last states and cells, `(layers, sequences, out)`, or twice as many in both directions, and each
            /// sequence's outputs. States not given are zero.
            ///
            /// # Panics
            /// When there is no sequence or an empty one, or shapes do not fit.
            #[track_caller]
            pub fn forward(
                &self,
                hx: Option<&Variable>,
                cx: Option<&Variable>,
                xs: &[Variable],
            ) -> (Variable, Variable, Vec<Variable>) {
                let (hy, cy, ys) = self.0.forward(hx, cx, xs);
                (hy, cy.expect("an LSTM has a cell"), ys)
            }
        }
    )*};
}
with_cell!(NStepLSTM NStepBiLSTM);

macro_rules! without_cell {
    ($($name:ident)*) => {$(
        impl $name {
            /// The last states, `(layers, sequences, out)`, or twice as many in both directions, and each sequence's
            /// outputs. States not given are zero.
            ///
            /// # Panics
            /// When there is no sequence or an empty one, or shapes do not fit.
            #[track_caller]
            pub fn forward(&self, hx: Option<&Variable>, xs: &[Variable]) -> (Variable, Vec<Variable>) {
                let (hy, _, ys) = self.0.forward(hx, None, xs);
                (hy, ys)
            }
        }
    )*};
}
without_cell!(NStepGRU NStepBiGRU NStepRNNTanh NStepRNNReLU NStepBiRNNTanh NStepBiRNNReLU);
