use super::network::{Stages, Windows, network, side_after};
use crate::{
    autograd::Variable,
    functions as F,
    links::{
        BatchNormalization, Convolution2D, Linear,
        link::{Link, Path, Replica, Visit},
    },
};

crate::chain! {
    /// A convolution of three pixels without a bias, batch normalisation, and a rectifier.
    #[derive(Debug)]
    #[allow(missing_docs, reason = "the names say it all")]
    pub struct Block {
        pub conv: Convolution2D,
        pub bn: BatchNormalization,
    }
}

impl Block {
    fn new(inputs: usize, outputs: usize) -> Block {
        Block { conv: Convolution2D::new(inputs, outputs, 3).pad(1).nobias(), bn: BatchNormalization::new(outputs) }
    }

    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        F::relu(&self.bn.forward(&self.conv.forward(x)))
    }
}

/// Channels and depth of each group of blocks.
const GROUPS: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];

/// A network in the style of VGG for small images, with batch normalisation and dropout: that of Chainer's CIFAR example.
///
/// Thirteen blocks `block1_1` to `block5_3` and two layers, `fc1` with `bn_fc1` and `fc2`; 14,987,200 parameters for ten
/// classes.
///
/// ```
/// # use catena::prelude::*;
/// let net = L::VGG::new(10);
/// let x = Variable::constant(Tensor::ones([2, 3, 32, 32], DType::F32, &Device::cpu()));
/// assert_eq!(net.forward(&x).shape()[..], [2, 10]);
/// ```
#[derive(Debug)]
pub struct VGG {
    /// The blocks, group by group.
    pub groups: Vec<Vec<Block>>,
    /// To 512 values.
    pub fc1: Linear,
    /// After it.
    pub bn_fc1: BatchNormalization,
    /// The scores.
    pub fc2: Linear,
    insize: usize,
}

impl VGG {
    /// For images of 32 pixels a side.
    pub fn new(classes: usize) -> VGG {
        VGG::for_images(classes, 32)
    }

    /// For images of `insize` pixels a side.
    ///
    /// # Panics
    /// When there is no pixel.
    #[track_caller]
    pub fn for_images(classes: usize, insize: usize) -> VGG {
        let side = side_after("VGG", insize, &[const { Windows::Pooling(2, 2, 0) }; 5]);
        let mut inputs = 3;
        let group = |(outputs, depth): (usize, usize)| {
            (0..depth).map(|_| Block::new(std::mem::replace(&mut inputs, outputs), outputs)).collect()
        };
        VGG {
            groups: GROUPS.into_iter().map(group).collect(),
            fc1: Linear::new(512 * side * side, 512).nobias(),
            bn_fc1: BatchNormalization::new(512),
            fc2: Linear::new(512, classes).nobias(),
            insize,
        }
    }
}

impl Link for VGG {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (g, group) in self.groups.iter().enumerate() {
            for (i, block) in group.iter().enumerate() {
                path.child(&format!("block{}_{}", g + 1, i + 1), |path| block.visit(path, visitor));
            }
        }
        path.child("fc1", |path| self.fc1.visit(path, visitor));
        path.child("bn_fc1", |path| self.bn_fc1.visit(path, visitor));
        path.child("fc2", |path| self.fc2.visit(path, visitor));
    }

    fn replicate(&self, replica: Replica) -> VGG {
        VGG {
            groups: self.groups.replicate(replica),
            fc1: self.fc1.replicate(replica),
            bn_fc1: self.bn_fc1.replicate(replica),
            fc2: self.fc2.replicate(replica),
            insize: self.insize,
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

network!(VGG, |net| net.insize, {
    let mut stages = Stages::new();
    for (g, group) in net.groups.iter().enumerate() {
        let ratio = if g == 0 { 0.3 } else { 0.4 };
        for (i, block) in group.iter().enumerate() {
            let last = i + 1 == group.len();
            stages = stages.then(format!("block{}_{}", g + 1, i + 1), move |x| {
                let h = block.forward(x);
                if last { F::max_pooling_2d(&h, 2) } else { F::dropout(&h, ratio) }
            });
        }
    }
    stages
        .then("fc1", |x| F::relu(&net.bn_fc1.forward(&net.fc1.forward(&F::dropout(x, 0.5)))))
        .then("fc2", |x| net.fc2.forward(&F::dropout(x, 0.5)))
});
