use super::{
    initializers::{One, Zero},
    link::Layer,
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F, shape::Shape};

crate::chain! {
    /// Layer normalisation, each row of `x` to mean 0 and variance 1, then `gamma` times it plus `beta`.
    ///
    /// See [`layer_normalization`](crate::functions::layer_normalization).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let norm = L::LayerNormalization::lazy();
    /// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
    /// assert_eq!(norm.forward(&x).data().to_vec::<f32>().unwrap()[1], 0.0);
    /// ```
    #[derive(Debug)]
    pub struct LayerNormalization {
        /// Factors.
        pub gamma: Parameter,
        /// Shifts.
        pub beta: Parameter,
        /// Added to the variance; 1e-6 by default, as Chainer's link has it.
        #[plain]
        pub eps: f64,
    }
}

impl LayerNormalization {
    /// For rows of `size` values; factors start at 1, shifts at 0.
    pub fn new(size: impl Into<Shape>) -> LayerNormalization {
        let link = LayerNormalization::lazy();
        link.initialize(&size.into());
        link
    }

    /// A link that learns the size of its rows at the first call.
    pub fn lazy() -> LayerNormalization {
        LayerNormalization { gamma: Parameter::lazy(One), beta: Parameter::lazy(Zero), eps: 1e-6 }
    }

    fn initialize(&self, shape: &Shape) {
        self.gamma.initialize(shape.clone());
        self.beta.initialize(shape.clone());
    }

    /// The normalised `x`, `(N, .., size)`.
    ///
    /// # Panics
    /// When the rows of `x` are of another size.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        if !self.gamma.is_initialized() && x.ndim() >= 2 {
            self.initialize(&Shape::from(x.shape()[x.ndim() - 1]));
        }
        F::layer_normalization(x, &self.gamma.variable(), &self.beta.variable(), self.eps)
    }
}

impl Layer for LayerNormalization {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        LayerNormalization::forward(self, x)
    }
}

crate::chain! {
    /// Group normalisation, each example's groups of channels to mean 0 and variance 1, then `gamma` times it plus `beta`.
    ///
    /// See [`group_normalization`](crate::functions::group_normalization).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let norm = L::GroupNormalization::new(2, 4);
    /// let x = Variable::constant(Tensor::arange(8, &Device::cpu()).reshape([1, 4, 2]));
    /// assert_eq!(norm.forward(&x).shape()[..], [1, 4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct GroupNormalization {
        /// Factors, one a channel.
        pub gamma: Parameter,
        /// Shifts, one a channel.
        pub beta: Parameter,
        /// Added to the variance; 1e-5 by default.
        #[plain]
        pub eps: f64,
        #[plain]
        groups: usize,
    }
}

impl GroupNormalization {
    /// For `size` channels in `groups`; factors start at 1, shifts at 0.
    pub fn new(groups: usize, size: usize) -> GroupNormalization {
        let link = GroupNormalization::lazy(groups);
        link.initialize(size);
        link
    }

    /// A link that learns its number of channels at the first call.
    pub fn lazy(groups: usize) -> GroupNormalization {
        GroupNormalization { gamma: Parameter::lazy(One), beta: Parameter::lazy(Zero), eps: 1e-5, groups }
    }

    fn initialize(&self, size: usize) {
        self.gamma.initialize(size);
        self.beta.initialize(size);
    }

    /// The normalised `x`, `(N, C, ..)`.
    ///
    /// # Panics
    /// When `x` has another number of channels, or the groups do not divide it.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        if !self.gamma.is_initialized() && x.ndim() >= 2 {
            self.initialize(x.shape()[1]);
        }
        F::group_normalization(x, self.groups, &self.gamma.variable(), &self.beta.variable(), self.eps)
    }
}

impl Layer for GroupNormalization {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        GroupNormalization::forward(self, x)
    }
}
