use super::Convolution2D;
use crate::{
    autograd::Variable,
    functions::{self as F, Pooling},
    links::{
        BatchNormalization,
        link::{Layer, Link, Path, Replica, Visit},
    },
    shape::Sides,
};

crate::chain! {
    /// GoogLeNet's module: convolutions of 1, 3 and 5 pixels and a pooled one, side by side along the channels.
    ///
    /// (Szegedy et al., "Going Deeper with Convolutions", 2015.)
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let module = L::Inception::new(4, 2, 3, 4, 1, 2, 2);
    /// let x = Variable::constant(Tensor::ones([1, 4, 5, 5], DType::F32, &Device::cpu()));
    /// assert_eq!(module.forward(&x).shape()[..], [1, 10, 5, 5]);
    /// ```
    #[derive(Debug)]
    pub struct Inception {
        /// Of one pixel.
        pub conv1: Convolution2D,
        /// Before that of three.
        pub proj3: Convolution2D,
        /// Of three pixels.
        pub conv3: Convolution2D,
        /// Before that of five.
        pub proj5: Convolution2D,
        /// Of five pixels.
        pub conv5: Convolution2D,
        /// After the pooling.
        pub projp: Convolution2D,
    }
}

impl Inception {
    /// For `in_channels`; the result has `out1 + out3 + out5 + proj_pool` of them.
    pub fn new(
        in_channels: usize,
        out1: usize,
        proj3: usize,
        out3: usize,
        proj5: usize,
        out5: usize,
        proj_pool: usize,
    ) -> Inception {
        Inception {
            conv1: Convolution2D::new(in_channels, out1, 1),
            proj3: Convolution2D::new(in_channels, proj3, 1),
            conv3: Convolution2D::new(proj3, out3, 3).pad(1),
            proj5: Convolution2D::new(in_channels, proj5, 1),
            conv5: Convolution2D::new(proj5, out5, 5).pad(2),
            projp: Convolution2D::new(in_channels, proj_pool, 1),
        }
    }

    /// The four images side by side, rectified.
    ///
    /// # Panics
    /// When `x` has another number of channels.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let out1 = self.conv1.forward(x);
        let out3 = self.conv3.forward(&F::relu(&self.proj3.forward(x)));
        let out5 = self.conv5.forward(&F::relu(&self.proj5.forward(x)));
        let pooled = self.projp.forward(&F::max_pooling_2d(x, Pooling::new(3).stride(1).pad(1)));
        F::relu(&F::concat(&[&out1, &out3, &out5, &pooled], 1))
    }
}

impl Layer for Inception {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Inception::forward(self, x)
    }
}

/// How an [`InceptionBN`] pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolType {
    /// By the largest pixel.
    Max,
    /// By the mean.
    Average,
}

crate::chain! {
    /// A convolution without a bias, batch normalisation, and a rectifier.
    #[derive(Debug)]
    struct Normalized {
        conv: Convolution2D,
        norm: BatchNormalization,
    }
}

impl Normalized {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        F::relu(&self.norm.forward(&self.conv.forward(x)))
    }
}

/// GoogLeNet's module with batch normalisation: convolutions of 1, 3 and twice 3 pixels and a pooled image, side by side
/// along the channels.
///
/// Parameters have Chainer's names (`conv3/W`, `conv3n/gamma`, ..). (Ioffe and Szegedy, "Batch Normalization", 2015.)
///
/// ```
/// # use catena::{links::PoolType, prelude::*};
/// let module = L::InceptionBN::new(4, 2, 3, 4, 3, 5, PoolType::Average, Some(2), 1);
/// let x = Variable::constant(Tensor::ones([2, 4, 6, 6], DType::F32, &Device::cpu()));
/// assert_eq!(module.forward(&x).shape()[..], [2, 13, 6, 6]);
/// assert_eq!(module.namedparams()[0].0, "/proj3/W");
/// ```
#[derive(Debug)]
pub struct InceptionBN {
    conv1: Option<Normalized>,
    proj3: Normalized,
    conv3: Normalized,
    proj33: Normalized,
    conv33a: Normalized,
    conv33b: Normalized,
    poolp: Option<Normalized>,
    pool: PoolType,
    stride: usize,
}

impl InceptionBN {
    /// For `in_channels`; `out1` of 0 leaves the convolution of one pixel out, and without `proj_pool` the pooled image is
    /// taken as it is.
    ///
    /// # Panics
    /// When there is a convolution of one pixel, and a stride other than 1 or no projection of the pooled image.
    #[allow(clippy::too_many_arguments, reason = "they are Chainer's")]
    #[track_caller]
    pub fn new(
        in_channels: usize,
        out1: usize,
        proj3: usize,
        out3: usize,
        proj33: usize,
        out33: usize,
        pool: PoolType,
        proj_pool: Option<usize>,
        stride: usize,
    ) -> InceptionBN {
        assert!(
            out1 == 0 || (stride == 1 && proj_pool.is_some()),
            "InceptionBN: a convolution of one pixel expects stride 1 and a projection of the pooled image"
        );
        let layer = |inputs: usize, outputs: usize, k: usize, stride: usize| Normalized {
            conv: Convolution2D::new(inputs, outputs, k).pad(k / 2).stride(stride).nobias(),
            norm: BatchNormalization::new(outputs),
        };
        InceptionBN {
            conv1: (out1 > 0).then(|| layer(in_channels, out1, 1, 1)),
            proj3: layer(in_channels, proj3, 1, 1),
            conv3: layer(proj3, out3, 3, stride),
            proj33: layer(in_channels, proj33, 1, 1),
            conv33a: layer(proj33, out33, 3, 1),
            conv33b: layer(out33, out33, 3, stride),
            poolp: proj_pool.map(|n| layer(in_channels, n, 1, 1)),
            pool,
            stride,
        }
    }

    /// The images side by side.
    ///
    /// # Panics
    /// When `x` has another number of channels.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let mut outs = vec![];
        if let Some(conv1) = &self.conv1 {
            outs.push(conv1.forward(x));
        }
        outs.push(self.conv3.forward(&self.proj3.forward(x)));
        outs.push(self.conv33b.forward(&self.conv33a.forward(&self.proj33.forward(x))));
        let windows = Pooling::new(3).stride(self.stride).pad(1).cover_all(false);
        let pooled = match self.pool {
            PoolType::Max => F::max_pooling_2d(x, windows),
            PoolType::Average => F::average_pooling_2d(x, windows),
        };
        outs.push(match &self.poolp {
            Some(poolp) => poolp.forward(&pooled),
            None => pooled,
        });
        F::concat(&outs.iter().collect::<Vec<_>>(), 1)
    }

    /// Its layers with the names of their convolutions.
    fn layers(&self) -> impl Iterator<Item = (&'static str, &Normalized)> {
        let middle = [
            ("proj3", &self.proj3),
            ("conv3", &self.conv3),
            ("proj33", &self.proj33),
            ("conv33a", &self.conv33a),
            ("conv33b", &self.conv33b),
        ];
        let first = middle.into_iter().chain(self.conv1.iter().map(|l| ("conv1", l)));
        first.chain(self.poolp.iter().map(|l| ("poolp", l)))
    }
}

impl Link for InceptionBN {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (name, layer) in self.layers() {
            path.child(name, |path| layer.conv.visit(path, visitor));
            path.child(&format!("{name}n"), |path| layer.norm.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> InceptionBN {
        let of = |layer: &Normalized| layer.replicate(replica);
        InceptionBN {
            conv1: self.conv1.as_ref().map(of),
            proj3: of(&self.proj3),
            conv3: of(&self.conv3),
            proj33: of(&self.proj33),
            conv33a: of(&self.conv33a),
            conv33b: of(&self.conv33b),
            poolp: self.poolp.as_ref().map(of),
            pool: self.pool,
            stride: self.stride,
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

impl Layer for InceptionBN {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        InceptionBN::forward(self, x)
    }
}

/// A convolution followed by others of one pixel: a small network for each window.
///
/// (Lin, Chen and Yan, "Network in Network", 2014.)
///
/// ```
/// # use catena::prelude::*;
/// let layer = L::MLPConvolution2D::new(3, &[8, 6, 4], 3);
/// let x = Variable::constant(Tensor::ones([1, 3, 5, 5], DType::F32, &Device::cpu()));
/// assert_eq!(layer.forward(&x).shape()[..], [1, 4, 3, 3]);
/// assert_eq!(layer.namedparams()[2].0, "/1/W");
/// ```
#[derive(Debug)]
pub struct MLPConvolution2D {
    layers: Vec<Convolution2D>,
    activation: fn(&Variable) -> Variable,
}

impl MLPConvolution2D {
    /// From `in_channels` through each of `out_channels`, with windows of `ksize` first, rectified between.
    ///
    /// # Panics
    /// When there are no channels of the result.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: &[usize], ksize: impl Into<Sides>) -> MLPConvolution2D {
        let (&first, _) = out_channels.split_first().expect("MLPConvolution2D: at least one number of channels");
        let mut layers = vec![Convolution2D::new(in_channels, first, ksize)];
        layers.extend(out_channels.windows(2).map(|pair| Convolution2D::new(pair[0], pair[1], 1)));
        MLPConvolution2D { layers, activation: F::relu }
    }

    /// The same layer with its first windows at another distance.
    #[must_use]
    pub fn stride(self, stride: impl Into<Sides>) -> MLPConvolution2D {
        self.first(|layer| layer.stride(stride))
    }

    /// The same layer with zeros around the images.
    #[must_use]
    pub fn pad(self, pad: impl Into<Sides>) -> MLPConvolution2D {
        self.first(|layer| layer.pad(pad))
    }

    /// With another function in place of the rectifier.
    #[must_use]
    pub fn activate(self, activation: fn(&Variable) -> Variable) -> MLPConvolution2D {
        MLPConvolution2D { activation, ..self }
    }

    fn first(mut self, change: impl FnOnce(Convolution2D) -> Convolution2D) -> MLPConvolution2D {
        let first = change(self.layers.remove(0));
        self.layers.insert(0, first);
        self
    }

    /// Applies it to images.
    ///
    /// # Panics
    /// When `x` has another number of channels.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let (last, before) = self.layers.split_last().expect("one layer at least");
        last.forward(&before.iter().fold(x.clone(), |x, layer| (self.activation)(&layer.forward(&x))))
    }
}

impl Link for MLPConvolution2D {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        self.layers.visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> MLPConvolution2D {
        MLPConvolution2D { layers: self.layers.replicate(replica), activation: self.activation }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

impl Layer for MLPConvolution2D {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        MLPConvolution2D::forward(self, x)
    }
}
