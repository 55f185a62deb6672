//! What every link can do, from showing its parameters alone.

use super::{Parameter, Persistent, Sequential, Summary};
use crate::{autograd::Variable, device::Device};

/// Where a visit stands: `/l1/W`.
#[derive(Debug, Default)]
pub struct Path {
    text: String,
}

impl Path {
    /// The path, empty at the top.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Visits the link that it is a part of, whose name for it is handed on.
    pub(super) fn above(&mut self, visit: impl FnOnce(&str, &mut Path)) {
        let whole = self.text.clone();
        let (link, name) = whole.rsplit_once('/').unwrap_or(("", ""));
        self.text.truncate(link.len());
        visit(name, self);
        self.text = whole;
    }

    /// Visits a child by name.
    pub fn child(&mut self, name: &str, visit: impl FnOnce(&mut Path)) {
        let before = self.text.len();
        self.text.push('/');
        self.text.push_str(name);
        visit(self);
        self.text.truncate(before);
    }
}

/// Who is shown a link's parameters.
pub trait Visit {
    /// A parameter.
    fn parameter(&mut self, path: &str, parameter: &Parameter);
    /// A persistent value.
    fn persistent(&mut self, _path: &str, _persistent: &Persistent) {}
}

/// How a link is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replica {
    /// With the same parameters: a change in one shows in the other.
    Share,
    /// With copies of their values.
    Copy,
    /// With values drawn anew.
    Init,
}

/// Anything that has parameters. [`chain!`](crate::chain) implements it for a struct.
pub trait Link: Send + Sync {
    /// Shows every parameter and persistent value, with its path.
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit);

    /// Makes the link again.
    fn replicate(&self, replica: Replica) -> Self
    where
        Self: Sized;

    /// As [`Link::replicate`], in a box.
    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link>;

    /// Its parameters, in the order of their fields.
    fn params(&self) -> Vec<Parameter> {
        self.namedparams().into_iter().map(|(_, p)| p).collect()
    }

    /// Its parameters with their paths, such as `/l1/W`; one that is used twice is named once.
    fn namedparams(&self) -> Vec<(String, Parameter)> {
        struct Gather(Vec<(String, Parameter)>);
        impl Visit for Gather {
            fn parameter(&mut self, path: &str, parameter: &Parameter) {
                if !self.0.iter().any(|(_, p)| p.is(parameter)) {
                    self.0.push((path.into(), parameter.clone()));
                }
            }
        }
        let mut gather = Gather(vec![]);
        self.visit(&mut Path::default(), &mut gather);
        gather.0
    }

    /// Its persistent values with their paths.
    fn namedpersistents(&self) -> Vec<(String, Persistent)> {
        struct Gather(Vec<(String, Persistent)>);
        impl Visit for Gather {
            fn parameter(&mut self, _: &str, _: &Parameter) {}
            fn persistent(&mut self, path: &str, persistent: &Persistent) {
                self.0.push((path.into(), persistent.clone()));
            }
        }
        let mut gather = Gather(vec![]);
        self.visit(&mut Path::default(), &mut gather);
        gather.0
    }

    /// Number of learnt values; parameters that are not initialised count nothing.
    fn count_params(&self) -> usize {
        self.params().iter().filter_map(Parameter::shape).map(|s| s.size()).sum()
    }

    /// A table of its parameters and persistent values.
    fn summary(&self) -> Summary {
        Summary::of(self)
    }

    /// Clears every gradient.
    fn cleargrads(&self) {
        self.params().iter().for_each(Parameter::cleargrad);
    }

    /// Moves every parameter and persistent value to a device.
    #[must_use]
    fn to_device(self, device: &Device) -> Self
    where
        Self: Sized,
    {
        self.params().iter().for_each(|p| p.move_to(device));
        for (_, p) in self.namedpersistents() {
            p.set_data(p.data().to_device(device));
        }
        self
    }

    /// A link of its own with copies of the values.
    #[must_use]
    fn copy(&self) -> Self
    where
        Self: Sized,
    {
        self.replicate(Replica::Copy)
    }

    /// A link with the same parameters.
    #[must_use]
    fn share(&self) -> Self
    where
        Self: Sized,
    {
        self.replicate(Replica::Share)
    }

    /// Keeps optimizers from changing its parameters.
    fn disable_update(&self) {
        self.params().iter().for_each(|p| p.set_updates(false));
    }

    /// Lets optimizers change its parameters.
    fn enable_update(&self) {
        self.params().iter().for_each(|p| p.set_updates(true));
    }

    /// Takes over the values of another link of the same structure.
    ///
    /// # Panics
    /// When paths or shapes differ.
    #[track_caller]
    fn copyparams(&self, from: &dyn Link) {
        copy_values(&self.namedparams(), from);
    }

    /// Adds the gradients of another link of the same structure to its own.
    ///
    /// # Panics
    /// When paths differ.
    #[track_caller]
    fn addgrads(&self, from: &dyn Link) {
        add_gradients(&self.namedparams(), from);
    }
}

#[track_caller]
fn copy_values(own: &[(String, Parameter)], from: &dyn Link) {
    for ((path, to), (other, from)) in own.iter().zip(from.namedparams()) {
        assert!(*path == other, "copyparams: expected parameter {path}, got {other}");
        assert!(
            to.shape() == from.shape() || !to.is_initialized(),
            "copyparams: {path} expected shape {:?}, got {:?}",
            to.shape(),
            from.shape()
        );
        to.set_data(from.data().to_device(&to.device()).copy());
    }
}

#[track_caller]
fn add_gradients(own: &[(String, Parameter)], from: &dyn Link) {
    for ((path, to), (other, from)) in own.iter().zip(from.namedparams()) {
        assert!(*path == other, "addgrads: expected parameter {path}, got {other}");
        if let Some(g) = from.grad() {
            let g = g.to_device(&to.device());
            to.set_grad(Some(match to.grad() {
                Some(own) => own.add(&g),
                None => g,
            }));
        }
    }
}

/// A link that makes one variable of another.
pub trait Layer: Link {
    /// Applies it.
    fn forward(&self, x: &Variable) -> Variable;

    /// `n` of it one after the other: with values drawn anew, copied, or shared.
    fn repeat(&self, n: usize, replica: Replica) -> Sequential
    where
        Self: Sized + 'static,
    {
        let mut all = Sequential::new();
        (0..n).for_each(|_| all.push(self.replicate(replica)));
        all
    }
}

impl<K: Link> Link for Vec<K> {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (i, link) in self.iter().enumerate() {
            path.child(&i.to_string(), |path| link.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> Vec<K> {
        self.iter().map(|l| l.replicate(replica)).collect()
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(ReplicaOfVec(self.iter().map(|l| l.replicate_boxed(replica)).collect()))
    }
}

/// Boxed copies of a list's links: the list's own type may not outlive its borrow.
struct ReplicaOfVec(Vec<Box<dyn Link>>);

impl Link for ReplicaOfVec {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        self.0.visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> ReplicaOfVec {
        ReplicaOfVec(self.0.replicate(replica))
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

impl<K: Link> Link for Option<K> {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        if let Some(link) = self {
            link.visit(path, visitor);
        }
    }

    fn replicate(&self, replica: Replica) -> Option<K> {
        self.as_ref().map(|l| l.replicate(replica))
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(ReplicaOfVec(self.iter().map(|l| l.replicate_boxed(replica)).collect()))
    }
}

impl Link for Box<dyn Link> {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        (**self).visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> Box<dyn Link> {
        (**self).replicate_boxed(replica)
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        (**self).replicate_boxed(replica)
    }
}
