use super::{initializers::Constant, linear::Linear, link::Layer};
use crate::{autograd::Variable, functions as F};

crate::chain! {
    /// A highway layer, `y = t * relu(plain(x)) + (1 - t) * x` with `t = sigmoid(transform(x))`.
    ///
    /// The gate starts nearly shut: its bias is -1 (Srivastava, Greff and Schmidhuber, "Highway Networks", 2015).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Highway::new(3);
    /// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x).shape()[..], [2, 3]);
    /// ```
    #[derive(Debug)]
    pub struct Highway {
        /// What the gate lets through.
        pub plain: Linear,
        /// The gate.
        pub transform: Linear,
        #[plain]
        activate: fn(&Variable) -> Variable,
    }
}

impl Highway {
    /// A layer of `size` values.
    pub fn new(size: usize) -> Highway {
        let transform = Linear::new(size, size);
        if let Some(b) = &transform.b {
            b.draw(Constant(-1.0));
        }
        Highway { plain: Linear::new(size, size), transform, activate: F::relu }
    }

    /// With another function in place of the rectifier.
    #[must_use]
    pub fn activate(self, activate: fn(&Variable) -> Variable) -> Highway {
        Highway { activate, ..self }
    }

    /// The gated mixture of `x` and its activated image.
    ///
    /// # Panics
    /// When `x` has another number of values a row than the layer takes.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let image = (self.activate)(&self.plain.forward(x));
        let gate = F::sigmoid(&self.transform.forward(x));
        x + gate * (image - x)
    }
}

impl Layer for Highway {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Highway::forward(self, x)
    }
}
