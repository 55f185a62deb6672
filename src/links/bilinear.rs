use super::{
    initializers::{LeCunNormal, Zero},
    parameter::Parameter,
};
use crate::{autograd::Variable, functions as F};

crate::chain! {
    /// A bilinear map of two inputs, `y[k] = sum over i, j of e1[i] * e2[j] * W[i, j, k]`, plus `e1 V1 + e2 V2 + b`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Bilinear::new(3, 4, 2);
    /// let ones = |n: usize| Variable::constant(Tensor::ones([5, n], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&ones(3), &ones(4)).shape()[..], [5, 2]);
    /// ```
    #[derive(Debug)]
    pub struct Bilinear {
        /// Weights of pairs, `(left, right, out)`.
        pub W: Parameter,
        /// Weights of the first input, `(left, out)`.
        pub V1: Option<Parameter>,
        /// Weights of the second input, `(right, out)`.
        pub V2: Option<Parameter>,
        /// Bias, `(out,)`.
        pub b: Option<Parameter>,
    }
}

impl Bilinear {
    /// A map of `left_size` and `right_size` values to `out_size`.
    pub fn new(left_size: usize, right_size: usize, out_size: usize) -> Bilinear {
        let draw = |shape: &[usize]| Parameter::new(shape, LeCunNormal::default());
        Bilinear {
            W: draw(&[left_size, right_size, out_size]),
            V1: Some(draw(&[left_size, out_size])),
            V2: Some(draw(&[right_size, out_size])),
            b: Some(Parameter::new(out_size, Zero)),
        }
    }

    /// The same map without what is linear in one input, and without a bias.
    #[must_use]
    pub fn nobias(self) -> Bilinear {
        Bilinear { V1: None, V2: None, b: None, ..self }
    }

    /// The map of `e1` and `e2`.
    ///
    /// # Panics
    /// When an input has another number of values a row than the layer takes.
    #[track_caller]
    pub fn forward(&self, e1: &Variable, e2: &Variable) -> Variable {
        let of = |p: &Option<Parameter>| p.as_ref().map(Parameter::variable);
        let linear = of(&self.V1).zip(of(&self.V2)).zip(of(&self.b));
        let linear = linear.as_ref().map(|((v1, v2), b)| (v1, v2, b));
        F::bilinear(e1, e2, &self.W.variable(), linear)
    }
}
