use super::link::Layer;
use crate::{autograd::Variable, functions as F, report::report};

crate::chain! {
    /// A predictor with the loss and the accuracy of classification.
    ///
    /// Calling it reports `loss` and `accuracy` to the reporter of the thread.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let model = L::Classifier::new(L::Linear::new(3, 2));
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::from_slice(&[0i32, 1, 1, 0], [4], &Device::cpu()));
    /// let loss = model.forward(&x, &t);
    /// loss.backward();
    /// assert!(model.predictor.W.grad().is_some());
    /// ```
    #[derive(Debug)]
    pub struct Classifier<P> {
        /// The network.
        pub predictor: P,
    }
}

impl<P: Layer> Classifier<P> {
    /// Wraps a network whose output is a row of scores an example.
    pub fn new(predictor: P) -> Classifier<P> {
        Classifier { predictor }
    }

    /// The softmax cross entropy of the network's scores for `x` against the labels `t`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, t: &Variable) -> Variable {
        let y = self.predictor.forward(x);
        let loss = F::softmax_cross_entropy(&y, t);
        report("loss", &loss);
        report("accuracy", &F::accuracy(&y, t, None));
        loss
    }
}
