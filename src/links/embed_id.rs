use super::{
    initializers::{Initializer, Normal},
    link::Layer,
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F};

crate::chain! {
    /// A table of vectors looked up by number, `y[i] = W[ids[i]]`, with `W` of shape `(in, out)`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let embed = L::EmbedID::new(10, 4);
    /// let ids = Variable::constant(Tensor::from_slice(&[3i32, 9], [2], &Device::cpu()));
    /// assert_eq!(embed.forward(&ids).shape()[..], [2, 4]);
    /// ```
    #[derive(Debug)]
    pub struct EmbedID {
        /// Vectors, `(in, out)`.
        pub W: Parameter,
        /// An id that stands for nothing: its vector is zero.
        #[plain]
        pub ignore_label: Option<i32>,
    }
}

impl EmbedID {
    /// A table of `in_size` vectors of `out_size` values, drawn from the normal distribution.
    pub fn new(in_size: usize, out_size: usize) -> EmbedID {
        EmbedID::with(in_size, out_size, Normal(1.0))
    }

    /// As [`EmbedID::new`], with vectors by another initializer.
    pub fn with(in_size: usize, out_size: usize, initial_w: impl Initializer) -> EmbedID {
        EmbedID { W: Parameter::new([in_size, out_size], initial_w), ignore_label: None }
    }

    /// The same table with an id that stands for nothing.
    #[must_use]
    pub fn ignore(self, label: i32) -> EmbedID {
        EmbedID { ignore_label: Some(label), ..self }
    }

    /// The vectors of `ids` (`int32`, any shape), with one more axis.
    ///
    /// # Panics
    /// When an id that came from the host is out of range.
    #[track_caller]
    pub fn forward(&self, ids: &Variable) -> Variable {
        F::embed_id(ids, &self.W.variable(), self.ignore_label)
    }
}

impl Layer for EmbedID {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        EmbedID::forward(self, x)
    }
}
