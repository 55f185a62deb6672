use super::link::Layer;
use crate::{autograd::Variable, functions as F, report::report};
use std::{fmt, sync::Arc};

type Call = dyn Fn(&Variable, &Variable) -> Variable + Send + Sync;

/// What is computed of scores and labels.
#[derive(Clone)]
struct Measure(Arc<Call>);

impl fmt::Debug for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Measure")
    }
}

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
        #[plain]
        loss: Measure,
        #[plain]
        accuracy: Measure,
        #[plain]
        with_accuracy: bool,
    }
}

impl<P: Layer> Classifier<P> {
    /// Wraps a network whose output is a row of scores an example: softmax cross entropy, and the share of labels whose
    /// score is the largest.
    pub fn new(predictor: P) -> Classifier<P> {
        Classifier {
            predictor,
            loss: Measure(Arc::new(F::softmax_cross_entropy)),
            accuracy: Measure(Arc::new(|y, t| F::accuracy(y, t, None))),
            with_accuracy: true,
        }
    }

    /// With another loss of the network's output and the labels.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let model = L::Classifier::new(L::Linear::new(3, 1)).lossfun(F::mean_squared_error).compute_accuracy(false);
    /// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::ones([4, 1], DType::F32, &Device::cpu()));
    /// assert!(model.forward(&x, &t).item().unwrap() >= 0.0);
    /// ```
    #[must_use]
    pub fn lossfun(self, loss: impl Fn(&Variable, &Variable) -> Variable + Send + Sync + 'static) -> Classifier<P> {
        Classifier { loss: Measure(Arc::new(loss)), ..self }
    }

    /// With another accuracy of the network's output and the labels.
    #[must_use]
    pub fn accfun(self, accuracy: impl Fn(&Variable, &Variable) -> Variable + Send + Sync + 'static) -> Classifier<P> {
        Classifier { accuracy: Measure(Arc::new(accuracy)), ..self }
    }

    /// Whether the accuracy is computed and reported.
    #[must_use]
    pub fn compute_accuracy(self, compute: bool) -> Classifier<P> {
        Classifier { with_accuracy: compute, ..self }
    }

    /// The loss of the network's output for `x` against the labels `t`.
    ///
    /// # Panics
    /// When shapes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, t: &Variable) -> Variable {
        let y = self.predictor.forward(x);
        let loss = (self.loss.0)(&y, t);
        report("loss", &loss);
        if self.with_accuracy {
            report("accuracy", &(self.accuracy.0)(&y, t));
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        device::Device,
        links::{Linear, Link},
        report::Reporter,
        tensor::Tensor,
    };

    #[test]
    fn what_is_reported_is_what_was_asked_for() {
        let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0], [2, 1], &Device::cpu()));
        let t = Variable::constant(Tensor::from_slice(&[0, 0], [2], &Device::cpu()));
        let reported = |model: &Classifier<Linear>| {
            let reporter = Reporter::new();
            let loss = {
                let _scope = reporter.scope("");
                model.forward(&x, &t).item().expect("a loss")
            };
            let seen = reporter.take();
            let value = |name: &str| seen.get(name).map(|v| v.item().expect("a value"));
            (loss, value("accuracy"), value("loss"))
        };
        let model =
            Classifier::new(Linear::new(1, 2)).lossfun(|_, t| F::sum(&F::cast(t, crate::shape::DType::F32)) + 3.0);
        assert_eq!(reported(&model.copy()).0, 3.0);
        let model = model.accfun(|y, _| F::sum(y) * 0.0 + 0.25);
        assert_eq!(reported(&model), (3.0, Some(0.25), Some(3.0)));
        assert_eq!(reported(&model.compute_accuracy(false)), (3.0, None, Some(3.0)));
    }
}
