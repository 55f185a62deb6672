//! Activations with parameters, and layers around an activation.

use super::{
    initializers::{Constant, LeCunNormal, One, Zero},
    linear::Linear,
    link::Layer,
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F, shape::Shape};

crate::chain! {
    /// The largest of `pool_size` linear maps, for each of `out_size` outputs.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Maxout::new(3, 4, 2);
    /// let x = Variable::constant(Tensor::ones([5, 3], DType::F32, &Device::cpu()));
    /// assert_eq!((layer.forward(&x).shape()[1], layer.linear.W.shape().unwrap()[0]), (4, 8));
    /// ```
    #[derive(Debug)]
    pub struct Maxout {
        /// All the maps.
        pub linear: Linear,
        #[plain]
        pool_size: usize,
    }
}

impl Maxout {
    /// Maps from `in_size` values, `pool_size` for each of `out_size`.
    pub fn new(in_size: usize, out_size: usize, pool_size: usize) -> Maxout {
        Maxout { linear: Linear::new(in_size, out_size * pool_size), pool_size }
    }

    /// As [`Maxout::new`], with the input's size learnt at the first call.
    pub fn lazy(out_size: usize, pool_size: usize) -> Maxout {
        Maxout { linear: Linear::lazy(out_size * pool_size), pool_size }
    }

    /// The largest of the maps of `x`.
    ///
    /// # Panics
    /// When `x` has another number of values a row than the layer takes.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        F::maxout(&self.linear.forward(x), self.pool_size)
    }
}

crate::chain! {
    /// The rectifier whose slope below zero, `W`, is learnt; see [`prelu`](crate::functions::prelu).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::PReLU::new(());
    /// let x = Variable::constant(Tensor::from_slice(&[-4.0f32, 2.0], [1, 2], &Device::cpu()));
    /// assert_eq!(layer.forward(&x).data().to_vec::<f32>().unwrap(), [-1.0, 2.0]);
    /// ```
    #[derive(Debug)]
    pub struct PReLU {
        /// Slopes.
        pub W: Parameter,
    }
}

impl PReLU {
    /// Slopes of 0.25, one of them for `()`, one a channel for their number.
    pub fn new(shape: impl Into<Shape>) -> PReLU {
        PReLU { W: Parameter::new(shape, Constant(0.25)) }
    }

    /// `x` where it is not negative, else `W * x`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        F::prelu(x, &self.W.variable())
    }
}

crate::chain! {
    /// `x * sigmoid(beta * x)` with `beta` learnt; see [`swish`](crate::functions::swish).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Swish::new(2);
    /// let x = Variable::constant(Tensor::zeros([1, 2], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).data().to_vec::<f32>().unwrap(), [0.0, 0.0]);
    /// ```
    #[derive(Debug)]
    pub struct Swish {
        /// Steepness.
        pub beta: Parameter,
    }
}

impl Swish {
    /// Steepness of one, of a shape as [`swish`](crate::functions::swish) takes it.
    pub fn new(shape: impl Into<Shape>) -> Swish {
        Swish { beta: Parameter::new(shape, One) }
    }

    /// `x * sigmoid(beta * x)`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        F::swish(x, &self.beta.variable())
    }
}

crate::chain! {
    /// A linear layer of which each weight is dropped for each example in training; see
    /// [`simplified_dropconnect`](crate::functions::simplified_dropconnect).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::SimplifiedDropconnect::new(3, 2, 0.5);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct SimplifiedDropconnect {
        /// Weights, `(out, in)`.
        pub W: Parameter,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
        #[plain]
        ratio: f64,
        #[plain]
        out_size: usize,
    }
}

impl SimplifiedDropconnect {
    /// A layer from `in_size` to `out_size` values whose weights are dropped with probability `ratio`.
    pub fn new(in_size: usize, out_size: usize, ratio: f64) -> SimplifiedDropconnect {
        let layer = SimplifiedDropconnect::lazy(out_size, ratio);
        layer.W.initialize([out_size, in_size]);
        layer
    }

    /// As [`SimplifiedDropconnect::new`], with the input's size learnt at the first call.
    pub fn lazy(out_size: usize, ratio: f64) -> SimplifiedDropconnect {
        let b = Some(Parameter::new(out_size, Zero));
        SimplifiedDropconnect { W: Parameter::lazy(LeCunNormal::default()), b, ratio, out_size }
    }

    /// The same layer without a bias.
    #[must_use]
    pub fn nobias(self) -> SimplifiedDropconnect {
        SimplifiedDropconnect { b: None, ..self }
    }

    /// `y = x W^T + b` with some of `W` dropped.
    ///
    /// # Panics
    /// When `x` has another number of values a row than the layer takes.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        if !self.W.is_initialized() {
            self.W.initialize([self.out_size, x.shape()[1..].iter().product()]);
        }
        let b = self.b.as_ref().map(Parameter::variable);
        F::simplified_dropconnect(x, &self.W.variable(), b.as_ref(), self.ratio)
    }
}

macro_rules! layers {
    ($($name:ident),*) => {$(
        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Variable) -> Variable {
                $name::forward(self, x)
            }
        }
    )*};
}
layers!(Maxout, PReLU, Swish, SimplifiedDropconnect);
