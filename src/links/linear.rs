use super::{
    initializers::{Initializer, LeCunNormal, Zero},
    link::Layer,
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F};

crate::chain! {
    /// A fully connected layer, `y = x W^T + b`, with `W` of shape `(out, in)`.
    ///
    /// `x` is `(n, in)`; further axes are taken together as one.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Linear::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct Linear {
        /// Weights, `(out, in)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
        #[plain]
        out_size: usize,
    }
}

impl Linear {
    /// A layer from `in_size` to `out_size` values: weights by [`LeCunNormal`], bias zero.
    pub fn new(in_size: usize, out_size: usize) -> Linear {
        Linear::with(in_size, out_size, LeCunNormal::default())
    }

    /// As [`Linear::new`], with weights by another initializer.
    pub fn with(in_size: usize, out_size: usize, initial_w: impl Initializer) -> Linear {
        let layer = Linear { W: Parameter::lazy(initial_w), b: Some(Parameter::new(out_size, Zero)), out_size };
        layer.W.initialize([out_size, in_size]);
        layer
    }

    /// A layer that learns its input size at the first call.
    pub fn lazy(out_size: usize) -> Linear {
        Linear { W: Parameter::lazy(LeCunNormal::default()), b: Some(Parameter::new(out_size, Zero)), out_size }
    }

    /// A layer whose input size may not be known yet.
    pub(super) fn with_lazy(in_size: Option<usize>, out_size: usize, initial_w: impl Initializer) -> Linear {
        let layer = Linear { W: Parameter::lazy(initial_w), b: Some(Parameter::new(out_size, Zero)), out_size };
        if let Some(in_size) = in_size {
            layer.W.initialize([out_size, in_size]);
        }
        layer
    }

    /// The same layer without a bias.
    #[must_use]
    pub fn nobias(self) -> Linear {
        Linear { b: None, ..self }
    }

    /// `y = x W^T + b`.
    ///
    /// # Panics
    /// When `x` has another number of values a row than the layer takes.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        self.forward_axes(x, 1)
    }

    /// As [`Linear::forward`], with the first `n_batch_axes` axes of `x` kept and the others taken together:
    /// `(batch.., in..)` gives `(batch.., out)`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Linear::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([4, 5, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward_axes(&x, 2).shape()[..], [4, 5, 2]);
    /// ```
    ///
    /// # Panics
    /// When `x` has another number of values at a place than the layer takes, or there is no batch axis, or none other.
    #[track_caller]
    pub fn forward_axes(&self, x: &Variable, n_batch_axes: usize) -> Variable {
        if let Some(rest) = x.shape().get(n_batch_axes..).filter(|_| n_batch_axes > 0) {
            self.learn_size(rest.iter().product());
        }
        F::linear_axes(x, &self.weights(), self.bias().as_ref(), n_batch_axes)
    }

    /// Fixes the input size, unless that was done before.
    pub(super) fn learn_size(&self, in_size: usize) {
        if !self.W.is_initialized() {
            self.W.initialize([self.out_size, in_size]);
        }
    }

    /// The weights in the graph.
    #[track_caller]
    pub(super) fn weights(&self) -> Variable {
        self.W.variable()
    }

    /// The bias in the graph.
    pub(super) fn bias(&self) -> Option<Variable> {
        self.b.as_ref().map(Parameter::variable)
    }
}

impl Layer for Linear {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Linear::forward(self, x)
    }
}
