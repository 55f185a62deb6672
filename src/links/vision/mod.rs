//! Networks for images, with the names that Chainer gives their parts.
//!
//! A [`Network`] is made for a number of classes, and gives scores; [`Arch`] makes one by its name. Weights are drawn as it is
//! made, unless [`without_values`](super::initializers::without_values) says otherwise.
//!
//! ```
//! use catena::{links::{Arch, Network, initializers::without_values}, prelude::*};
//!
//! let net = {
//!     let _scope = without_values(); // for a file to be loaded
//!     "resnet50".parse::<Arch>().unwrap().network(1000, None)
//! };
//! assert_eq!((net.count_params(), net.insize()), (25_557_096, 224));
//! assert_eq!(net.namedparams()[4].0, "/res2/a/conv1/W");
//! ```

mod alexnet;
mod arch;
mod cifar;
mod googlenet;
mod lenet;
mod network;
mod nin;
mod resnet;
mod vgg;

pub use alexnet::{AlexNet, OverFeat};
pub use arch::Arch;
pub use cifar::{Block, VGG};
pub use googlenet::{GoogLeNet, GoogLeNetBN};
pub use lenet::LeNet5;
pub use network::{Network, Stages};
pub use nin::NIN;
pub use resnet::{
    BuildingBlock, ResNet18Layers, ResNet50Layers, ResNet101Layers, ResNet152Layers, ResNetLayers, Residual,
};
pub use vgg::{VGG16Layers, VGG19Layers, VGGA, VGGLayers};
