use super::network::{Stages, Windows, member, network, side_after};
use crate::{
    autograd::Variable,
    functions as F,
    links::{
        Convolution2D, Linear,
        initializers::{LeCunNormal, Normal},
        link::{Link, Path, Replica, Visit},
    },
    shape::Convolution,
};

/// Channels of each group of convolutions.
const CHANNELS: [usize; 5] = [64, 128, 256, 512, 512];

/// Networks of convolutions of three pixels in five groups, `conv1_1`, `conv1_2`, .., with pooling after each, and three
/// layers `fc6`, `fc7`, `fc8`.
///
/// Chainer's `VGGLayers`, with its names. (Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
/// Recognition", 2015.)
#[derive(Debug)]
pub struct VGGLayers {
    /// The convolutions, group by group.
    pub groups: Vec<Vec<Convolution2D>>,
    /// The first layer, 4096 values.
    pub fc6: Linear,
    /// The second, 4096 values.
    pub fc7: Linear,
    /// The scores.
    pub fc8: Linear,
    dropout: bool,
    insize: usize,
}

impl VGGLayers {
    /// With so many convolutions in each group, for images of `insize` pixels a side.
    ///
    /// # Panics
    /// When there is no pixel.
    #[track_caller]
    fn with(depths: [usize; 5], paper: bool, classes: usize, insize: usize) -> VGGLayers {
        let side = side_after("VGG", insize, &[const { Windows::Pooling(2, 2, 0) }; 5]);
        let deviation = Normal(0.01);
        let convolution = |inputs: usize, outputs: usize| {
            let geometry = Convolution::default().pad(1);
            match paper {
                true => Convolution2D::with(inputs, outputs, 3, geometry, deviation),
                false => Convolution2D::with(inputs, outputs, 3, geometry, LeCunNormal::default()),
            }
        };
        let linear = |inputs: usize, outputs: usize| match paper {
            true => Linear::with(inputs, outputs, deviation),
            false => Linear::new(inputs, outputs),
        };
        let mut inputs = 3;
        let mut group = |(&depth, outputs): (&usize, usize)| {
            (0..depth).map(|_| convolution(std::mem::replace(&mut inputs, outputs), outputs)).collect()
        };
        VGGLayers {
            groups: depths.iter().zip(CHANNELS).map(&mut group).collect(),
            fc6: linear(512 * side * side, 4096),
            fc7: linear(4096, 4096),
            fc8: linear(4096, classes),
            dropout: paper,
            insize,
        }
    }
}

impl Link for VGGLayers {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (g, group) in self.groups.iter().enumerate() {
            for (i, layer) in group.iter().enumerate() {
                path.child(&format!("conv{}_{}", g + 1, i + 1), |path| layer.visit(path, visitor));
            }
        }
        for (name, layer) in [("fc6", &self.fc6), ("fc7", &self.fc7), ("fc8", &self.fc8)] {
            path.child(name, |path| layer.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> VGGLayers {
        VGGLayers {
            groups: self.groups.replicate(replica),
            fc6: self.fc6.replicate(replica),
            fc7: self.fc7.replicate(replica),
            fc8: self.fc8.replicate(replica),
            ..*self
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

network!(VGGLayers, |net| net.insize, {
    let mut stages = Stages::new();
    for (g, group) in net.groups.iter().enumerate() {
        for (i, layer) in group.iter().enumerate() {
            stages = stages.then(format!("conv{}_{}", g + 1, i + 1), |x| F::relu(&layer.forward(x)));
        }
        stages = stages.then(format!("pool{}", g + 1), |x| F::max_pooling_2d(x, 2));
    }
    let dropped = |x: Variable| if net.dropout { F::dropout(&x, 0.5) } else { x };
    stages
        .then("fc6", move |x| dropped(F::relu(&net.fc6.forward(x))))
        .then("fc7", move |x| dropped(F::relu(&net.fc7.forward(x))))
        .then("fc8", |x| net.fc8.forward(x))
});

macro_rules! vgg {
    ($(#[$doc:meta])* $name:ident, $depths:expr, $paper:expr) => {
        member!($(#[$doc])* $name of VGGLayers, VGGLayers);

        impl $name {
            /// For images of 224 pixels a side.
            pub fn new(classes: usize) -> $name {
                $name::for_images(classes, 224)
            }

            /// For images of `insize` pixels a side.
            ///
            /// # Panics
            /// When there is no pixel.
            #[track_caller]
            pub fn for_images(classes: usize, insize: usize) -> $name {
                $name(VGGLayers::with($depths, $paper, classes, insize))
            }
        }
    };
}

vgg! {
    /// VGG's model A, eight convolutions: the network of the Chainer paper's benchmark, without dropout.
    ///
    /// 132,863,336 parameters for 1000 classes. See [`VGGLayers`].
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::VGGA::for_images(10, 32);
    /// let x = Variable::constant(Tensor::ones([1, 3, 32, 32], DType::F32, &Device::cpu()));
    /// assert_eq!(net.forward(&x).shape()[..], [1, 10]);
    /// ```
    VGGA, [1, 1, 2, 2, 2], false
}

vgg! {
    /// VGG's network of sixteen layers, with Chainer's names: its `npz` of the published weights loads.
    ///
    /// 138,357,544 parameters for 1000 classes; weights begin normal of deviation 0.01. See [`VGGLayers`].
    ///
    /// ```
    /// # use catena::{links::initializers::without_values, prelude::*};
    /// let _scope = without_values(); // nothing is drawn, what is counted takes no memory
    /// assert_eq!(L::VGG16Layers::new(1000).count_params(), 138_357_544);
    /// ```
    VGG16Layers, [2, 2, 3, 3, 3], true
}

vgg! {
    /// VGG's network of nineteen layers, with Chainer's names.
    ///
    /// 143,667,240 parameters for 1000 classes; weights begin normal of deviation 0.01. See [`VGGLayers`].
    VGG19Layers, [2, 2, 4, 4, 4], true
}
