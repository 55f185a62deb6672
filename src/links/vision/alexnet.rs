use super::network::{Stages, Windows, network, side_after};
use crate::{
    functions::{self as F, Pooling},
    links::{Convolution2D, Linear},
};

crate::chain! {
    /// AlexNet in one column: five convolutions and three layers, with neither normalisation nor dropout.
    ///
    /// It is the network of the Chainer paper's benchmark, 61,100,840 parameters for 1000 classes. (Krizhevsky, "One weird
    /// trick for parallelizing convolutional neural networks", 2014.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::AlexNet::for_images(10, 63);
    /// let x = Variable::constant(Tensor::ones([1, 3, 63, 63], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct AlexNet {
        pub conv1: Convolution2D,
        pub conv2: Convolution2D,
        pub conv3: Convolution2D,
        pub conv4: Convolution2D,
        pub conv5: Convolution2D,
        pub fc6: Linear,
        pub fc7: Linear,
        pub fc8: Linear,
        #[plain]
        insize: usize,
    }
}

impl AlexNet {
    /// For images of 224 pixels a side.
    pub fn new(classes: usize) -> AlexNet {
        AlexNet::for_images(classes, 224)
    }

    /// For images of `insize` pixels a side.
    ///
    /// # Panics
    /// When the images are smaller than 35 pixels.
    #[track_caller]
    pub fn for_images(classes: usize, insize: usize) -> AlexNet {
        use Windows::{Convolution, Pooling};
        let windows = [Convolution(11, 4, 2), Pooling(3, 2, 0), Pooling(3, 2, 0), Pooling(3, 2, 0)];
        let side = side_after("AlexNet", insize, &windows);
        AlexNet {
            conv1: Convolution2D::new(3, 64, 11).stride(4).pad(2),
            conv2: Convolution2D::new(64, 192, 5).pad(2),
            conv3: Convolution2D::new(192, 384, 3).pad(1),
            conv4: Convolution2D::new(384, 256, 3).pad(1),
            conv5: Convolution2D::new(256, 256, 3).pad(1),
            fc6: Linear::new(256 * side * side, 4096),
            fc7: Linear::new(4096, 4096),
            fc8: Linear::new(4096, classes),
            insize,
        }
    }
}

network!(AlexNet, |net| net.insize, {
    let pool = |x: &_| F::max_pooling_2d(x, Pooling::new(3).stride(2));
    Stages::new()
        .then("conv1", |x| F::relu(&net.conv1.forward(x)))
        .then("pool1", pool)
        .then("conv2", |x| F::relu(&net.conv2.forward(x)))
        .then("pool2", pool)
        .then("conv3", |x| F::relu(&net.conv3.forward(x)))
        .then("conv4", |x| F::relu(&net.conv4.forward(x)))
        .then("conv5", |x| F::relu(&net.conv5.forward(x)))
        .then("pool5", pool)
        .then("fc6", |x| F::relu(&net.fc6.forward(x)))
        .then("fc7", |x| F::relu(&net.fc7.forward(x)))
        .then("fc8", |x| net.fc8.forward(x))
});

crate::chain! {
    /// OverFeat's fast model: five convolutions and three layers.
    ///
    /// It is the network of the Chainer paper's benchmark, 145,920,872 parameters for 1000 classes. (Sermanet et al.,
    /// "OverFeat", 2014.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::OverFeat::for_images(10, 71);
    /// let x = Variable::constant(Tensor::ones([1, 3, 71, 71], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct OverFeat {
        pub conv1: Convolution2D,
        pub conv2: Convolution2D,
        pub conv3: Convolution2D,
        pub conv4: Convolution2D,
        pub conv5: Convolution2D,
        pub fc6: Linear,
        pub fc7: Linear,
        pub fc8: Linear,
        #[plain]
        insize: usize,
    }
}

impl OverFeat {
    /// For images of 231 pixels a side.
    pub fn new(classes: usize) -> OverFeat {
        OverFeat::for_images(classes, 231)
    }

    /// For images of `insize` pixels a side.
    ///
    /// # Panics
    /// When the images are smaller than 59 pixels.
    #[track_caller]
    pub fn for_images(classes: usize, insize: usize) -> OverFeat {
        use Windows::{Convolution, Pooling};
        let windows =
            [Convolution(11, 4, 0), Pooling(2, 2, 0), Convolution(5, 1, 0), Pooling(2, 2, 0), Pooling(3, 2, 0)];
        let side = side_after("OverFeat", insize, &windows);
        OverFeat {
            conv1: Convolution2D::new(3, 96, 11).stride(4),
            conv2: Convolution2D::new(96, 256, 5),
            conv3: Convolution2D::new(256, 512, 3).pad(1),
            conv4: Convolution2D::new(512, 1024, 3).pad(1),
            conv5: Convolution2D::new(1024, 1024, 3).pad(1),
            fc6: Linear::new(1024 * side * side, 3072),
            fc7: Linear::new(3072, 4096),
            fc8: Linear::new(4096, classes),
            insize,
        }
    }
}

network!(OverFeat, |net| net.insize, {
    Stages::new()
        .then("conv1", |x| F::relu(&net.conv1.forward(x)))
        .then("pool1", |x| F::max_pooling_2d(x, 2))
        .then("conv2", |x| F::relu(&net.conv2.forward(x)))
        .then("pool2", |x| F::max_pooling_2d(x, 2))
        .then("conv3", |x| F::relu(&net.conv3.forward(x)))
        .then("conv4", |x| F::relu(&net.conv4.forward(x)))
        .then("conv5", |x| F::relu(&net.conv5.forward(x)))
        .then("pool5", |x| F::max_pooling_2d(x, Pooling::new(3).stride(2)))
        .then("fc6", |x| F::relu(&net.fc6.forward(x)))
        .then("fc7", |x| F::relu(&net.fc7.forward(x)))
        .then("fc8", |x| net.fc8.forward(x))
});
