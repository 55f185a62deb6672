use super::{
    AlexNet, GoogLeNet, GoogLeNetBN, LeNet5, NIN, Network, OverFeat, ResNet18Layers, ResNet50Layers, ResNet101Layers,
    ResNet152Layers, VGG, VGG16Layers, VGG19Layers, VGGA,
};
use std::{fmt, str::FromStr};

/// The networks of this module by name.
///
/// ```
/// # use catena::{links::{Arch, Network}, prelude::*};
/// let net = "lenet5".parse::<Arch>().unwrap().network(10, None);
/// assert_eq!(net.insize(), 28);
/// assert!("perceptron".parse::<Arch>().unwrap_err().contains("lenet5"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Arch {
    name: &'static str,
    make: fn(usize, Option<usize>) -> Box<dyn Network>,
}

macro_rules! archs {
    ($($name:literal $network:ident $($sized:ident)?),* $(,)?) => {
        impl Arch {
            /// All of them.
            pub const ALL: &[Arch] = &[$(Arch { name: $name, make: |classes, insize| archs!(@make $network $($sized)?, classes, insize) }),*];
        }
    };
    (@make $network:ident sized, $classes:ident, $insize:ident) => {
        match $insize {
            Some(insize) => Box::new($network::for_images($classes, insize)),
            None => Box::new($network::new($classes)),
        }
    };
    (@make $network:ident grey, $classes:ident, $insize:ident) => {
        Box::new($network::for_images($classes, 1, $insize.unwrap_or(28)))
    };
    (@make $network:ident colour, $classes:ident, $insize:ident) => {
        Box::new($network::for_images($classes, 3, $insize.unwrap_or(32)))
    };
    (@make $network:ident, $classes:ident, $insize:ident) => {{
        let _ = $insize;
        Box::new($network::new($classes))
    }};
}

archs! {
    "alexnet" AlexNet sized,
    "overfeat" OverFeat sized,
    "vgg_a" VGGA sized,
    "vgg16" VGG16Layers sized,
    "vgg19" VGG19Layers sized,
    "nin" NIN,
    "googlenet" GoogLeNet sized,
    "googlenetbn" GoogLeNetBN sized,
    "resnet18" ResNet18Layers,
    "resnet50" ResNet50Layers,
    "resnet101" ResNet101Layers,
    "resnet152" ResNet152Layers,
    "vgg_cifar" VGG sized,
    "lenet5" LeNet5 grey,
    "lenet5_colour" LeNet5 colour,
}

impl Arch {
    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The network for so many classes and, where that makes a difference, for images of `insize` pixels a side instead of
    /// those it was made for.
    ///
    /// # Panics
    /// When the images are too small.
    #[track_caller]
    pub fn network(&self, classes: usize, insize: Option<usize>) -> Box<dyn Network> {
        (self.make)(classes, insize)
    }
}

impl PartialEq for Arch {
    fn eq(&self, other: &Arch) -> bool {
        self.name == other.name
    }
}

impl Eq for Arch {}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Arch {
    type Err = String;

    fn from_str(name: &str) -> Result<Arch, String> {
        let names = || Arch::ALL.iter().map(Arch::name).collect::<Vec<_>>().join(", ");
        let found = Arch::ALL.iter().find(|a| a.name == name).copied();
        found.ok_or_else(|| format!("no network `{name}`; there are {}", names()))
    }
}
