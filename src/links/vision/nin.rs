use super::network::{Stages, means, network};
use crate::{
    autograd::Variable,
    functions::{self as F, Pooling},
    links::{Link, MLPConvolution2D, initializers::HeNormal},
};

crate::chain! {
    /// Network in Network: four convolutions, each with a small network for its windows, and a mean for each class.
    ///
    /// Made for images of 227 pixels a side, and fit for others from 39 on: the mean is over all that is left of the image.
    /// 7,595,176 parameters for 1000 classes; names and initial weights are those of Chainer's example. (Lin, Chen and Yan,
    /// "Network in Network", 2014.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::NIN::new(10);
    /// let x = Variable::constant(Tensor::ones([1, 3, 67, 67], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct NIN {
        pub mlpconv1: MLPConvolution2D,
        pub mlpconv2: MLPConvolution2D,
        pub mlpconv3: MLPConvolution2D,
        pub mlpconv4: MLPConvolution2D,
        #[plain]
        classes: usize,
    }
}

impl NIN {
    /// For so many classes.
    pub fn new(classes: usize) -> NIN {
        let net = NIN {
            mlpconv1: MLPConvolution2D::new(3, &[96, 96, 96], 11).stride(4),
            mlpconv2: MLPConvolution2D::new(96, &[256, 256, 256], 5).pad(2),
            mlpconv3: MLPConvolution2D::new(256, &[384, 384, 384], 3).pad(1),
            mlpconv4: MLPConvolution2D::new(384, &[1024, 1024, classes], 3).pad(1),
            classes,
        };
        for (_, w) in net.namedparams().into_iter().filter(|(path, _)| path.ends_with("/W")) {
            w.draw(HeNormal::default());
        }
        net
    }
}

network!(NIN, |net| 227, {
    let pool = |x: Variable| F::max_pooling_2d(&F::relu(&x), Pooling::new(3).stride(2));
    Stages::new()
        .then("pool1", move |x| pool(net.mlpconv1.forward(x)))
        .then("pool2", move |x| pool(net.mlpconv2.forward(x)))
        .then("pool3", move |x| pool(net.mlpconv3.forward(x)))
        .then("mlpconv4", |x| net.mlpconv4.forward(&F::dropout(x, 0.5)))
        .then("pool4", |x| F::reshape(&means(x), [-1, net.classes as isize]))
});
