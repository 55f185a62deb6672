use super::network::{Stages, means, member, network};
use crate::{
    autograd::Variable,
    functions::{self as F, Pooling},
    links::{
        BatchNormalization, Convolution2D, Linear,
        initializers::HeNormal,
        link::{Link, Path, Replica, Visit},
    },
    shape::Convolution,
};

type Pair = (Convolution2D, BatchNormalization);

fn pair(inputs: usize, outputs: usize, k: usize, stride: usize) -> Pair {
    let geometry = Convolution::default().stride(stride).pad(k / 2);
    let convolution = Convolution2D::with(inputs, outputs, k, geometry, HeNormal::default()).nobias();
    (convolution, BatchNormalization::new(outputs))
}

#[track_caller]
fn normalized((convolution, norm): &Pair, x: &Variable) -> Variable {
    norm.forward(&convolution.forward(x))
}

/// Convolutions `conv1`, `bn1`, .. whose result is added to the image, or to a convolution of it by one pixel, which has the
/// next number.
#[derive(Debug)]
pub struct Residual {
    layers: Vec<Pair>,
    shortcut: Option<Pair>,
}

impl Residual {
    /// Windows of 1, 3 and 1 pixels with `mid` channels between.
    fn bottleneck(inputs: usize, mid: usize, outputs: usize, stride: usize, first: bool, on_3x3: bool) -> Residual {
        let (of_1x1, of_3x3) = if on_3x3 { (1, stride) } else { (stride, 1) };
        let layers = vec![pair(inputs, mid, 1, of_1x1), pair(mid, mid, 3, of_3x3), pair(mid, outputs, 1, 1)];
        Residual { layers, shortcut: first.then(|| pair(inputs, outputs, 1, stride)) }
    }

    /// Twice windows of 3 pixels.
    fn basic(inputs: usize, outputs: usize, stride: usize) -> Residual {
        let layers = vec![pair(inputs, outputs, 3, stride), pair(outputs, outputs, 3, 1)];
        let changes = inputs != outputs || stride != 1;
        Residual { layers, shortcut: changes.then(|| pair(inputs, outputs, 1, stride)) }
    }

    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        let (last, before) = self.layers.split_last().expect("two layers at least");
        let h = before.iter().fold(x.clone(), |x, layer| F::relu(&normalized(layer, &x)));
        let h = normalized(last, &h);
        match &self.shortcut {
            Some(shortcut) => F::relu(&(h + normalized(shortcut, x))),
            None => F::relu(&(h + x)),
        }
    }
}

impl Link for Residual {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (i, (convolution, norm)) in self.layers.iter().chain(&self.shortcut).enumerate() {
            path.child(&format!("conv{}", i + 1), |path| convolution.visit(path, visitor));
            path.child(&format!("bn{}", i + 1), |path| norm.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> Residual {
        let of = |(convolution, norm): &Pair| (convolution.replicate(replica), norm.replicate(replica));
        Residual { layers: self.layers.iter().map(of).collect(), shortcut: self.shortcut.as_ref().map(of) }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

/// Residuals one after the other: `a`, `b1`, `b2`, ..
#[derive(Debug)]
pub struct BuildingBlock(Vec<Residual>);

impl BuildingBlock {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        self.0.iter().fold(x.clone(), |x, residual| residual.forward(&x))
    }
}

impl Link for BuildingBlock {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (i, residual) in self.0.iter().enumerate() {
            let name = if i == 0 { "a".to_string() } else { format!("b{i}") };
            path.child(&name, |path| residual.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> BuildingBlock {
        BuildingBlock(self.0.replicate(replica))
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

crate::chain! {
    /// Residual networks: a convolution, four blocks of residuals, the mean over the image, and the scores.
    ///
    /// Chainer's `ResNetLayers`, with its names (`res2/a/conv1/W`, `res2/b1/bn1/gamma`, ..): its `npz` of the published
    /// weights loads. As there, and unlike elsewhere, `conv1` has a bias of 64 numbers. Made for images of 224 pixels a side,
    /// and fit for any other. (He et al., "Deep Residual Learning for Image Recognition", 2016.)
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct ResNetLayers {
        pub conv1: Convolution2D,
        pub bn1: BatchNormalization,
        pub res2: BuildingBlock,
        pub res3: BuildingBlock,
        pub res4: BuildingBlock,
        pub res5: BuildingBlock,
        pub fc6: Linear,
    }
}

impl ResNetLayers {
    /// With 18, 34, 50, 101 or 152 layers.
    ///
    /// Where a block halves the image, that is done by the first convolution of its first residual, as in the original; with
    /// `downsample_fb` it is done by that of three pixels, as Facebook's networks do.
    ///
    /// # Panics
    /// When there is no network of so many layers.
    #[track_caller]
    pub fn new(n_layers: usize, classes: usize, downsample_fb: bool) -> ResNetLayers {
        let (depths, basic) = match n_layers {
            18 => ([2, 2, 2, 2], true),
            34 => ([3, 4, 6, 3], true),
            50 => ([3, 4, 6, 3], false),
            101 => ([3, 4, 23, 3], false),
            152 => ([3, 8, 36, 3], false),
            other => panic!("ResNetLayers: expected 18, 34, 50, 101 or 152 layers, got {other}"),
        };
        let mut inputs = 64;
        let mut block = |at: usize| {
            let (mid, stride) = (64 << at, if at == 0 { 1 } else { 2 });
            let residuals = (0..depths[at]).map(|i| {
                let stride = if i == 0 { stride } else { 1 };
                let outputs = if basic { mid } else { 4 * mid };
                let inputs = std::mem::replace(&mut inputs, outputs);
                match basic {
                    true => Residual::basic(inputs, outputs, stride),
                    false => Residual::bottleneck(inputs, mid, outputs, stride, i == 0, downsample_fb),
                }
            });
            BuildingBlock(residuals.collect())
        };
        let geometry = Convolution::default().stride(2).pad(3);
        ResNetLayers {
            conv1: Convolution2D::with(3, 64, 7, geometry, HeNormal::default()),
            bn1: BatchNormalization::new(64),
            res2: block(0),
            res3: block(1),
            res4: block(2),
            res5: block(3),
            fc6: Linear::new(inputs, classes),
        }
    }
}

network!(ResNetLayers, |net| 224, {
    Stages::new()
        .then("conv1", |x| F::relu(&net.bn1.forward(&net.conv1.forward(x))))
        .then("pool1", |x| F::max_pooling_2d(x, Pooling::new(3).stride(2)))
        .then("res2", |x| net.res2.forward(x))
        .then("res3", |x| net.res3.forward(x))
        .then("res4", |x| net.res4.forward(x))
        .then("res5", |x| net.res5.forward(x))
        .then("pool5", |x| F::reshape(&means(x), [-1, x.shape()[1] as isize]))
        .then("fc6", |x| net.fc6.forward(x))
});

macro_rules! resnet {
    ($(#[$doc:meta])* $name:ident, $layers:literal) => {
        member!($(#[$doc])* $name of ResNetLayers, ResNetLayers);

        impl $name {
            /// For so many classes.
            pub fn new(classes: usize) -> $name {
                $name(ResNetLayers::new($layers, classes, false))
            }

            /// As `new`, with images halved where Facebook's networks do: see [`ResNetLayers::new`].
            pub fn downsample_fb(classes: usize) -> $name {
                $name(ResNetLayers::new($layers, classes, true))
            }
        }
    };
}

resnet! {
    /// The residual network of 18 layers, named as Chainer's deeper ones; 11,689,576 parameters for 1000 classes.
    ///
    /// A residual has two convolutions of three pixels, and where it halves the image `conv3` and `bn3` beside them. See
    /// [`ResNetLayers`].
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::ResNet18Layers::new(10);
    /// let x = Variable::constant(Tensor::ones([1, 3, 40, 40], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    ResNet18Layers, 18
}

resnet! {
    /// The residual network of 50 layers; 25,557,096 parameters for 1000 classes. See [`ResNetLayers`].
    ResNet50Layers, 50
}

resnet! {
    /// The residual network of 101 layers; 44,549,224 parameters for 1000 classes. See [`ResNetLayers`].
    ResNet101Layers, 101
}

resnet! {
    /// The residual network of 152 layers; 60,192,872 parameters for 1000 classes. See [`ResNetLayers`].
    ResNet152Layers, 152
}
