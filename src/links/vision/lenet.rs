use super::network::{Stages, Windows, network, side_after};
use crate::{
    functions as F,
    links::{Convolution2D, Linear},
};

crate::chain! {
    /// LeNet-5 as Chainer's guide has it, for images `(N, 1, 28, 28)`, with rectifiers.
    ///
    /// 44,426 parameters for ten classes. (LeCun et al., "Gradient-based learning applied to document recognition", 1998.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::LeNet5::new(10);
    /// let x = Variable::constant(Tensor::ones([2, 1, 28, 28], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [2, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct LeNet5 {
        pub conv1: Convolution2D,
        pub conv2: Convolution2D,
        pub conv3: Convolution2D,
        pub fc4: Linear,
        pub fc5: Linear,
        #[plain]
        insize: usize,
    }
}

impl LeNet5 {
    /// For grey images of 28 pixels a side.
    pub fn new(classes: usize) -> LeNet5 {
        LeNet5::for_images(classes, 1, 28)
    }

    /// For images of three colours, of 32 pixels a side.
    pub fn colour(classes: usize) -> LeNet5 {
        LeNet5::for_images(classes, 3, 32)
    }

    /// For images of so many channels, of `insize` pixels a side.
    ///
    /// # Panics
    /// When the images are smaller than 25 pixels.
    #[track_caller]
    pub fn for_images(classes: usize, channels: usize, insize: usize) -> LeNet5 {
        use Windows::{Convolution, Pooling};
        let windows =
            [Convolution(5, 1, 0), Pooling(2, 2, 0), Convolution(5, 1, 0), Pooling(2, 2, 0), Convolution(4, 1, 0)];
        let side = side_after("LeNet5", insize, &windows);
        LeNet5 {
            conv1: Convolution2D::new(channels, 6, 5),
            conv2: Convolution2D::new(6, 16, 5),
            conv3: Convolution2D::new(16, 120, 4),
            fc4: Linear::new(120 * side * side, 84),
            fc5: Linear::new(84, classes),
            insize,
        }
    }
}

network!(LeNet5, |net| net.insize, {
    Stages::new()
        .then("conv1", |x| F::relu(&net.conv1.forward(x)))
        .then("pool1", |x| F::max_pooling_2d(x, 2))
        .then("conv2", |x| F::relu(&net.conv2.forward(x)))
        .then("pool2", |x| F::max_pooling_2d(x, 2))
        .then("conv3", |x| F::relu(&net.conv3.forward(x)))
        .then("fc4", |x| F::relu(&net.fc4.forward(x)))
        .then("fc5", |x| net.fc5.forward(x))
});
