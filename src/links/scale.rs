use super::{
    initializers::{One, Zero},
    link::Layer,
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F, shape::Shape};

crate::chain! {
    /// `x + b`, where `b` runs along the axes of `x` from one of them on.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Bias::new(1, [3]);
    /// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 3, 4]);
    /// ```
    #[derive(Debug)]
    pub struct Bias {
        /// What is added.
        pub b: Parameter,
        #[plain]
        axis: usize,
    }
}

impl Bias {
    /// Zeros of `shape`, for the axes of `x` from `axis` on.
    pub fn new(axis: usize, shape: impl Into<Shape>) -> Bias {
        Bias { b: Parameter::new(shape, Zero), axis }
    }

    /// `x + b`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        F::bias_axis(x, &self.b.variable(), self.axis)
    }
}

impl Layer for Bias {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Bias::forward(self, x)
    }
}

crate::chain! {
    /// `W * x`, where `W` runs along the axes of `x` from one of them on, and a [`Bias`] if there is one.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Scale::new(1, [3]).with_bias();
    /// let x = Variable::constant(Tensor::ones([2, 3, 4], DType::F32, &Device::cpu()));
    /// assert_eq!((layer.forward(&x).shape()[1], layer.count_params()), (3, 6));
    /// ```
    #[derive(Debug)]
    pub struct Scale {
        /// What is multiplied by.
        pub W: Parameter,
        /// What is added then.
        pub bias: Option<Bias>,
        #[plain]
        axis: usize,
    }
}

impl Scale {
    /// Ones of `shape`, for the axes of `x` from `axis` on.
    pub fn new(axis: usize, shape: impl Into<Shape>) -> Scale {
        Scale { W: Parameter::new(shape, One), bias: None, axis }
    }

    /// With a bias of the same shape.
    #[must_use]
    pub fn with_bias(self) -> Scale {
        let bias = Bias::new(self.axis, self.W.shape().expect("initialised at its making"));
        Scale { bias: Some(bias), ..self }
    }

    /// `W * x`, plus the bias.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let y = F::scale_axis(x, &self.W.variable(), self.axis);
        match &self.bias {
            Some(bias) => bias.forward(&y),
            None => y,
        }
    }
}

impl Layer for Scale {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Scale::forward(self, x)
    }
}
