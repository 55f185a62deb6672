use super::network::{Stages, Windows, means, network, side_after};
use crate::{
    autograd::Variable,
    functions::{self as F, LocalResponseNormalization, Pooling},
    links::{BatchNormalization, Convolution2D, Inception, InceptionBN, Linear, PoolType, initializers::LeCunUniform},
    shape::Convolution,
};

/// What the classifiers beside the main one count in the loss.
const ASIDE: f64 = 0.3;

/// The side of the image that the classifiers beside the main one see: means of windows of five pixels, three apart.
#[track_caller]
fn side_aside(network: &str, insize: usize, pools: &[Windows]) -> usize {
    let side = side_after(network, side_after(network, insize, &[Windows::Convolution(7, 2, 3)]), pools);
    side_after(network, side, &[Windows::Convolution(side.min(5), 3, 0)])
}

/// Means of windows of five pixels, three apart; of the whole image, if it is smaller.
#[track_caller]
fn pooled_aside(x: &Variable) -> Variable {
    F::average_pooling_2d(x, Pooling::new([x.shape()[2].min(5), x.shape()[3].min(5)]).stride(3))
}

crate::chain! {
    /// GoogLeNet: nine modules [`Inception`], and in training two classifiers beside the main one.
    ///
    /// Chainer's, with its names: 13,378,280 parameters for 1000 classes, of which 6,998,552 are left without the two
    /// classifiers `loss1` and `loss2`. Made for images of 224 pixels a side. (Szegedy et al., "Going Deeper with
    /// Convolutions", 2015.)
    ///
    /// ```
    /// # use catena::{links::Network, prelude::*};
    /// let net = L::GoogLeNet::for_images(10, 48);
    /// let x = Variable::constant(Tensor::ones([1, 3, 48, 48], DType::F32, &Device::cpu()));
    /// assert_eq!(net.extract(&x, &["loss3_fc", "loss1_fc2"])[1].shape()[..], [1, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct GoogLeNet {
        pub conv1: Convolution2D,
        pub conv2_reduce: Convolution2D,
        pub conv2: Convolution2D,
        pub inc3a: Inception,
        pub inc3b: Inception,
        pub inc4a: Inception,
        pub inc4b: Inception,
        pub inc4c: Inception,
        pub inc4d: Inception,
        pub inc4e: Inception,
        pub inc5a: Inception,
        pub inc5b: Inception,
        pub loss3_fc: Linear,
        pub loss1_conv: Convolution2D,
        pub loss1_fc1: Linear,
        pub loss1_fc2: Linear,
        pub loss2_conv: Convolution2D,
        pub loss2_fc1: Linear,
        pub loss2_fc2: Linear,
        #[plain]
        insize: usize,
    }
}

impl GoogLeNet {
    /// For images of 224 pixels a side.
    pub fn new(classes: usize) -> GoogLeNet {
        GoogLeNet::for_images(classes, 224)
    }

    /// For images of `insize` pixels a side.
    ///
    /// # Panics
    /// When the images are smaller than 31 pixels.
    #[track_caller]
    pub fn for_images(classes: usize, insize: usize) -> GoogLeNet {
        let pools = [const { Windows::Pooling(3, 2, 0) }; 4];
        let side = side_aside("GoogLeNet", insize, &pools[..3]);
        side_after("GoogLeNet", side_after("GoogLeNet", insize, &[Windows::Convolution(7, 2, 3)]), &pools);
        let convolution = |inputs: usize, outputs: usize, k: usize, stride: usize| {
            let geometry = Convolution::default().stride(stride).pad(k / 2);
            Convolution2D::with(inputs, outputs, k, geometry, LeCunUniform::default())
        };
        let linear = |inputs: usize, outputs: usize| Linear::with(inputs, outputs, LeCunUniform::default());
        GoogLeNet {
            conv1: convolution(3, 64, 7, 2),
            conv2_reduce: convolution(64, 64, 1, 1),
            conv2: convolution(64, 192, 3, 1),
            inc3a: Inception::new(192, 64, 96, 128, 16, 32, 32),
            inc3b: Inception::new(256, 128, 128, 192, 32, 96, 64),
            inc4a: Inception::new(480, 192, 96, 208, 16, 48, 64),
            inc4b: Inception::new(512, 160, 112, 224, 24, 64, 64),
            inc4c: Inception::new(512, 128, 128, 256, 24, 64, 64),
            inc4d: Inception::new(512, 112, 144, 288, 32, 64, 64),
            inc4e: Inception::new(528, 256, 160, 320, 32, 128, 128),
            inc5a: Inception::new(832, 256, 160, 320, 32, 128, 128),
            inc5b: Inception::new(832, 384, 192, 384, 48, 128, 128),
            loss3_fc: linear(1024, classes),
            loss1_conv: convolution(512, 128, 1, 1),
            loss1_fc1: linear(128 * side * side, 1024),
            loss1_fc2: linear(1024, classes),
            loss2_conv: convolution(528, 128, 1, 1),
            loss2_fc1: linear(128 * side * side, 1024),
            loss2_fc2: linear(1024, classes),
            insize,
        }
    }
}

network!(GoogLeNet, |net| net.insize, {
    let pool = |x: &Variable| F::max_pooling_2d(x, Pooling::new(3).stride(2));
    let norm = |x: &Variable| {
        let options = LocalResponseNormalization { n: 5, k: 1.0, alpha: 1e-4 / 5.0, ..Default::default() };
        F::local_response_normalization_with(x, &options)
    };
    Stages::new()
        .then("conv1", |x| F::relu(&net.conv1.forward(x)))
        .then("pool1", move |x| norm(&pool(x)))
        .then("conv2_reduce", |x| F::relu(&net.conv2_reduce.forward(x)))
        .then("conv2", move |x| norm(&F::relu(&net.conv2.forward(x))))
        .then("pool2", pool)
        .then("inception_3a", |x| net.inc3a.forward(x))
        .then("inception_3b", |x| net.inc3b.forward(x))
        .then("pool3", pool)
        .then("inception_4a", |x| net.inc4a.forward(x))
        .branch("loss1_fc2", ASIDE, |x| {
            let h = F::relu(&net.loss1_conv.forward(&pooled_aside(x)));
            net.loss1_fc2.forward(&F::relu(&net.loss1_fc1.forward(&h)))
        })
        .then("inception_4b", |x| net.inc4b.forward(x))
        .then("inception_4c", |x| net.inc4c.forward(x))
        .then("inception_4d", |x| net.inc4d.forward(x))
        .branch("loss2_fc2", ASIDE, |x| {
            let h = F::relu(&net.loss2_conv.forward(&pooled_aside(x)));
            net.loss2_fc2.forward(&F::relu(&net.loss2_fc1.forward(&h)))
        })
        .then("inception_4e", |x| net.inc4e.forward(x))
        .then("pool4", pool)
        .then("inception_5a", |x| net.inc5a.forward(x))
        .then("inception_5b", |x| net.inc5b.forward(x))
        .then("pool5", means)
        .then("loss3_fc", |x| net.loss3_fc.forward(&F::dropout(x, 0.4)))
});

crate::chain! {
    /// GoogLeNet with batch normalisation: ten modules [`InceptionBN`], and in training two classifiers beside the main one.
    ///
    /// That of Chainer's ImageNet example, with its names; 17,681,464 parameters for 1000 classes. Made for images of 224
    /// pixels a side. (Ioffe and Szegedy, "Batch Normalization", 2015.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::GoogLeNetBN::for_images(10, 48);
    /// let x = Variable::constant(Tensor::ones([1, 3, 48, 48], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct GoogLeNetBN {
        pub conv1: Convolution2D,
        pub norm1: BatchNormalization,
        pub conv2: Convolution2D,
        pub norm2: BatchNormalization,
        pub inc3a: InceptionBN,
        pub inc3b: InceptionBN,
        pub inc3c: InceptionBN,
        pub inc4a: InceptionBN,
        pub inc4b: InceptionBN,
        pub inc4c: InceptionBN,
        pub inc4d: InceptionBN,
        pub inc4e: InceptionBN,
        pub inc5a: InceptionBN,
        pub inc5b: InceptionBN,
        pub out: Linear,
        pub conva: Convolution2D,
        pub norma: BatchNormalization,
        pub lina: Linear,
        pub norma2: BatchNormalization,
        pub outa: Linear,
        pub convb: Convolution2D,
        pub normb: BatchNormalization,
        pub linb: Linear,
        pub normb2: BatchNormalization,
        pub outb: Linear,
        #[plain]
        insize: usize,
    }
}

impl GoogLeNetBN {
    /// For images of 224 pixels a side.
    pub fn new(classes: usize) -> GoogLeNetBN {
        GoogLeNetBN::for_images(classes, 224)
    }

    /// For images of `insize` pixels a side.
    ///
    /// # Panics
    /// When there is no pixel.
    #[track_caller]
    pub fn for_images(classes: usize, insize: usize) -> GoogLeNetBN {
        use PoolType::{Average, Max};
        let pools = [Windows::Pooling(3, 2, 1), Windows::Pooling(3, 2, 1), Windows::Convolution(3, 2, 1)];
        let side = side_aside("GoogLeNetBN", insize, &pools);
        GoogLeNetBN {
            conv1: Convolution2D::new(3, 64, 7).stride(2).pad(3).nobias(),
            norm1: BatchNormalization::new(64),
            conv2: Convolution2D::new(64, 192, 3).pad(1).nobias(),
            norm2: BatchNormalization::new(192),
            inc3a: InceptionBN::new(192, 64, 64, 64, 64, 96, Average, Some(32), 1),
            inc3b: InceptionBN::new(256, 64, 64, 96, 64, 96, Average, Some(64), 1),
            inc3c: InceptionBN::new(320, 0, 128, 160, 64, 96, Max, None, 2),
            inc4a: InceptionBN::new(576, 224, 64, 96, 96, 128, Average, Some(128), 1),
            inc4b: InceptionBN::new(576, 192, 96, 128, 96, 128, Average, Some(128), 1),
            inc4c: InceptionBN::new(576, 160, 128, 160, 128, 160, Average, Some(128), 1),
            inc4d: InceptionBN::new(608, 96, 128, 192, 160, 192, Average, Some(128), 1),
            inc4e: InceptionBN::new(608, 0, 128, 192, 192, 256, Max, None, 2),
            inc5a: InceptionBN::new(1056, 352, 192, 320, 160, 224, Average, Some(128), 1),
            inc5b: InceptionBN::new(1024, 352, 192, 320, 192, 224, Max, Some(128), 1),
            out: Linear::new(1024, classes),
            conva: Convolution2D::new(576, 128, 1).nobias(),
            norma: BatchNormalization::new(128),
            lina: Linear::new(128 * side * side, 1024).nobias(),
            norma2: BatchNormalization::new(1024),
            outa: Linear::new(1024, classes),
            convb: Convolution2D::new(608, 128, 1).nobias(),
            normb: BatchNormalization::new(128),
            linb: Linear::new(128 * side * side, 1024).nobias(),
            normb2: BatchNormalization::new(1024),
            outb: Linear::new(1024, classes),
            insize,
        }
    }
}

network!(GoogLeNetBN, |net| net.insize, {
    let pool = |x: &Variable| F::max_pooling_2d(&F::relu(x), Pooling::new(3).stride(2).pad(1));
    Stages::new()
        .then("pool1", move |x| pool(&net.norm1.forward(&net.conv1.forward(x))))
        .then("pool2", move |x| pool(&net.norm2.forward(&net.conv2.forward(x))))
        .then("inc3a", |x| net.inc3a.forward(x))
        .then("inc3b", |x| net.inc3b.forward(x))
        .then("inc3c", |x| net.inc3c.forward(x))
        .then("inc4a", |x| net.inc4a.forward(x))
        .branch("outa", ASIDE, |x| {
            let h = F::relu(&net.norma.forward(&net.conva.forward(&pooled_aside(x))));
            net.outa.forward(&F::relu(&net.norma2.forward(&net.lina.forward(&h))))
        })
        .then("inc4b", |x| net.inc4b.forward(x))
        .then("inc4c", |x| net.inc4c.forward(x))
        .then("inc4d", |x| net.inc4d.forward(x))
        .branch("outb", ASIDE, |x| {
            let h = F::relu(&net.normb.forward(&net.convb.forward(&pooled_aside(x))));
            net.outb.forward(&F::relu(&net.normb2.forward(&net.linb.forward(&h))))
        })
        .then("inc4e", |x| net.inc4e.forward(x))
        .then("inc5a", |x| net.inc5a.forward(x))
        .then("inc5b", |x| net.inc5b.forward(x))
        .then("pool5", means)
        .then("out", |x| net.out.forward(x))
});
