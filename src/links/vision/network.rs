//! What networks for images have in common: stages with names, and what follows from them.

use crate::{
    autograd::{Variable, no_backprop, test_mode},
    functions::{self as F, Pooling},
    links::link::{Layer, Link, Path, Replica, Visit},
    shape::conv_outsize,
};

type Call<'a> = Box<dyn Fn(&Variable) -> Variable + 'a>;

struct Stage<'a> {
    name: String,
    call: Call<'a>,
}

/// A classifier beside the main one, which helps to train the layers below it.
struct Branch<'a> {
    /// How many stages come before it.
    after: usize,
    weight: f64,
    stage: Stage<'a>,
}

/// The stages of a network in order, the last of which gives its scores, and branches beside them.
#[derive(Default)]
pub struct Stages<'a> {
    main: Vec<Stage<'a>>,
    branches: Vec<Branch<'a>>,
}

impl<'a> Stages<'a> {
    /// No stage yet.
    pub fn new() -> Stages<'a> {
        Stages::default()
    }

    /// With a stage after the others.
    #[must_use]
    pub fn then(mut self, name: impl Into<String>, call: impl Fn(&Variable) -> Variable + 'a) -> Stages<'a> {
        self.main.push(Stage { name: name.into(), call: Box::new(call) });
        self
    }

    /// With a classifier on what the last stage gives, whose loss counts `weight` in training.
    #[must_use]
    pub fn branch(
        mut self,
        name: impl Into<String>,
        weight: f64,
        call: impl Fn(&Variable) -> Variable + 'a,
    ) -> Stages<'a> {
        let stage = Stage { name: name.into(), call: Box::new(call) };
        self.branches.push(Branch { after: self.main.len(), weight, stage });
        self
    }

    /// The names that [`Stages::extract`] knows, but for `prob`.
    pub fn names(&self) -> Vec<&str> {
        let branches = self.branches.iter().map(|b| b.stage.name.as_str());
        self.main.iter().map(|s| s.name.as_str()).chain(branches).collect()
    }

    /// The scores.
    #[track_caller]
    pub fn run(&self, x: &Variable) -> Variable {
        self.main.iter().fold(x.clone(), |x, stage| (stage.call)(&x))
    }

    /// What the stages and branches of these names give, in the order of the names; `prob` are the scores as
    /// probabilities. Nothing is computed that none of them needs.
    ///
    /// # Panics
    /// When there is no stage of a name.
    #[track_caller]
    pub fn extract(&self, x: &Variable, names: &[&str]) -> Vec<Variable> {
        let needed = names.iter().map(|name| self.reach(name)).max().unwrap_or(0);
        let mut found: Vec<Option<Variable>> = vec![None; names.len()];
        let mut put = |name: &str, value: &Variable| {
            for (at, _) in names.iter().enumerate().filter(|(_, n)| **n == name) {
                found[at] = Some(value.clone());
            }
        };
        let mut h = x.clone();
        for (at, stage) in self.main[..needed].iter().enumerate() {
            h = (stage.call)(&h);
            put(&stage.name, &h);
            for branch in self.branches.iter().filter(|b| b.after == at + 1) {
                if names.contains(&branch.stage.name.as_str()) {
                    put(&branch.stage.name, &(branch.stage.call)(&h));
                }
            }
        }
        if names.contains(&"prob") {
            put("prob", &F::softmax(&h));
        }
        found.into_iter().map(|v| v.expect("every name was found to be that of a stage")).collect()
    }

    /// How many stages have to be computed for what has this name.
    #[track_caller]
    fn reach(&self, name: &str) -> usize {
        let stage = self.main.iter().position(|s| s.name == name).map(|at| at + 1);
        let branch = || self.branches.iter().find(|b| b.stage.name == name).map(|b| b.after);
        let prob = || (name == "prob").then_some(self.main.len());
        stage.or_else(branch).or_else(prob).unwrap_or_else(|| {
            panic!("extract: expected one of {}, prob; got {name:?}", self.names().join(", "));
        })
    }

    /// The loss to train by, and the scores: softmax cross entropy, with that of each branch times its weight.
    #[track_caller]
    pub fn loss(&self, x: &Variable, t: &Variable) -> (Variable, Variable) {
        let mut h = x.clone();
        let mut aside: Option<Variable> = None;
        for (at, stage) in self.main.iter().enumerate() {
            h = (stage.call)(&h);
            for branch in self.branches.iter().filter(|b| b.after == at + 1) {
                let loss = F::softmax_cross_entropy(&(branch.stage.call)(&h), t) * branch.weight;
                aside = Some(match aside {
                    Some(before) => before + loss,
                    None => loss,
                });
            }
        }
        let loss = F::softmax_cross_entropy(&h, t);
        (aside.map_or_else(|| loss.clone(), |aside| &loss + aside), h)
    }
}

/// A network that tells what an image `(N, C, H, W)` shows.
///
/// ```
/// # use catena::{links::{Network, vision}, prelude::*};
/// let net = L::LeNet5::new(10);
/// let x = Variable::constant(Tensor::ones([2, 1, 28, 28], DType::F32, &Device::cpu()));
/// assert_eq!(net.predict(&x).shape()[..], [2, 10]);
/// assert_eq!(net.extract(&x, &["pool2"])[0].shape()[..], [2, 16, 4, 4]);
/// ```
pub trait Network: Layer {
    /// The side of the images that it is made for.
    fn insize(&self) -> usize;

    /// What it does, step by step.
    fn stages(&self) -> Stages<'_>;

    /// As [`Link::replicate`], in a box.
    fn replicate_network(&self, replica: Replica) -> Box<dyn Network>;

    /// What stages of these names give: see [`Stages::extract`].
    ///
    /// # Panics
    /// When there is no stage of a name, or `x` does not fit.
    #[track_caller]
    fn extract(&self, x: &Variable, names: &[&str]) -> Vec<Variable> {
        self.stages().extract(x, names)
    }

    /// The loss to train by, and the scores: see [`Stages::loss`].
    ///
    /// # Panics
    /// When `x` or `t` does not fit.
    #[track_caller]
    fn loss(&self, x: &Variable, t: &Variable) -> (Variable, Variable) {
        self.stages().loss(x, t)
    }

    /// Probabilities of the classes, in evaluation and without a graph.
    ///
    /// # Panics
    /// When `x` does not fit.
    #[track_caller]
    fn predict(&self, x: &Variable) -> Variable {
        let (_no_graph, _test) = (no_backprop(), test_mode());
        F::softmax(&self.forward(x))
    }
}

impl Link for Box<dyn Network> {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        (**self).visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> Box<dyn Network> {
        (**self).replicate_network(replica)
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        (**self).replicate_boxed(replica)
    }
}

impl Layer for Box<dyn Network> {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        (**self).forward(x)
    }
}

impl Network for Box<dyn Network> {
    fn insize(&self) -> usize {
        (**self).insize()
    }

    fn stages(&self) -> Stages<'_> {
        (**self).stages()
    }

    fn replicate_network(&self, replica: Replica) -> Box<dyn Network> {
        (**self).replicate_network(replica)
    }
}

/// `Layer` and `Network` of a network from its stages.
macro_rules! network {
    ($name:ident, |$net:ident| $insize:expr, $stages:expr) => {
        impl $crate::links::Layer for $name {
            #[track_caller]
            fn forward(&self, x: &$crate::autograd::Variable) -> $crate::autograd::Variable {
                $crate::links::vision::Network::stages(self).run(x)
            }
        }

        impl $crate::links::vision::Network for $name {
            #[allow(unused_variables)]
            fn insize(&self) -> usize {
                let $net = self;
                $insize
            }

            fn stages(&self) -> $crate::links::vision::Stages<'_> {
                let $net = self;
                $stages
            }

            fn replicate_network(&self, replica: $crate::links::Replica) -> Box<dyn $crate::links::vision::Network> {
                Box::new($crate::links::Link::replicate(self, replica))
            }
        }
    };
}

/// A network of its own that is a family's with certain numbers.
macro_rules! member {
    ($(#[$doc:meta])* $name:ident of $family:ident, $make:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub $family);

        impl $crate::links::Link for $name {
            fn visit(&self, path: &mut $crate::links::Path, visitor: &mut dyn $crate::links::Visit) {
                self.0.visit(path, visitor);
            }

            fn replicate(&self, replica: $crate::links::Replica) -> $name {
                $name(self.0.replicate(replica))
            }

            fn replicate_boxed(&self, replica: $crate::links::Replica) -> Box<dyn $crate::links::Link> {
                Box::new($crate::links::Link::replicate(self, replica))
            }
        }

        network!($name, |net| $crate::links::vision::Network::insize(&net.0), $crate::links::vision::Network::stages(&net.0));
    };
}
pub(super) use {member, network};

/// Windows that make a side shorter.
pub(super) enum Windows {
    /// Of a convolution: length, distance, padding.
    Convolution(usize, usize, usize),
    /// Of pooling that covers every pixel: length, distance, padding.
    Pooling(usize, usize, usize),
}

/// What is left of a side.
///
/// # Panics
/// When a window does not fit.
#[track_caller]
pub(super) fn side_after(network: &str, insize: usize, windows: &[Windows]) -> usize {
    let step = |side: usize, windows: &Windows| match *windows {
        Windows::Convolution(k, stride, pad) => conv_outsize(side, k, stride, pad, false, 1),
        Windows::Pooling(k, stride, pad) => conv_outsize(side, k, stride, pad, true, 1),
    };
    match windows.iter().try_fold(insize, step) {
        Ok(side) => side,
        Err(error) => panic!("{network}: images of {insize} pixels a side are too small: {error}"),
    }
}

/// The mean of each channel of images, `(N, C, 1, 1)`.
#[track_caller]
pub(super) fn means(x: &Variable) -> Variable {
    F::average_pooling_2d(x, Pooling::new(&x.shape()[2..]))
}
