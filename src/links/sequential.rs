use super::link::{Layer, Link, Path, Replica, Visit};
use crate::autograd::Variable;
use std::{any::Any, fmt, ops::Range, sync::Arc};

/// A layer or a function in a [`Sequential`].
trait Stage: Send + Sync {
    fn forward(&self, x: &Variable) -> Variable;
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit);
    fn replicate(&self, replica: Replica) -> Box<dyn Stage>;
    fn name(&self) -> String;
    /// What is inside, if it is a sequence itself.
    fn inner(&self) -> Option<&Sequential> {
        None
    }
    /// The layer, if it is one.
    fn layer(&self) -> Option<&dyn Any> {
        None
    }
}

/// The last part of a path such as `catena::functions::activation::relu::relu`.
fn short(name: &str) -> String {
    let head = name.split('<').next().unwrap_or(name);
    name.replace(head, head.rsplit("::").next().unwrap_or(head))
}

/// Whether the type of a layer, or a function, has this name.
fn is_called(stage: &dyn Stage, name: &str) -> bool {
    let whole = stage.name();
    whole.strip_suffix("()").unwrap_or(&whole) == name
}

struct OfLayer<K>(K);

impl<K: Layer + 'static> Stage for OfLayer<K> {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        self.0.forward(x)
    }

    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        self.0.visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> Box<dyn Stage> {
        Box::new(OfLayer(self.0.replicate(replica)))
    }

    fn name(&self) -> String {
        short(std::any::type_name::<K>())
    }

    fn inner(&self) -> Option<&Sequential> {
        self.layer()?.downcast_ref()
    }

    fn layer(&self) -> Option<&dyn Any> {
        Some(&self.0)
    }
}

type Call = dyn Fn(&Variable) -> Variable + Send + Sync;

#[derive(Clone)]
struct OfFunction(Arc<Call>, String);

impl Stage for OfFunction {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        (self.0)(x)
    }

    fn visit(&self, _: &mut Path, _: &mut dyn Visit) {}

    fn replicate(&self, _: Replica) -> Box<dyn Stage> {
        Box::new(self.clone())
    }

    fn name(&self) -> String {
        format!("{}()", self.1)
    }
}

/// Layers and functions one after the other.
///
/// Parameters are named by their layers' places, `/0/W`, as Chainer names them.
///
/// ```
/// # use catena::prelude::*;
/// let net = L::Sequential::new().then(L::Linear::new(4, 3)).call(F::relu).then(L::Linear::new(3, 2));
/// let x = Variable::constant(Tensor::ones([5, 4], DType::F32, &Device::cpu()));
/// assert_eq!(net.forward(&x).shape()[..], [5, 2]);
/// assert_eq!(format!("{net:?}"), "Sequential[Linear, relu(), Linear]");
/// ```
#[derive(Default)]
pub struct Sequential(Vec<Box<dyn Stage>>);

impl Sequential {
    /// Nothing yet: what goes in comes out.
    pub fn new() -> Sequential {
        Sequential(vec![])
    }

    /// With a layer after the others.
    #[must_use]
    pub fn then(mut self, layer: impl Layer + 'static) -> Sequential {
        self.push(layer);
        self
    }

    /// With a function after the others.
    #[must_use]
    pub fn call<C: Fn(&Variable) -> Variable + Send + Sync + 'static>(mut self, function: C) -> Sequential {
        let name = short(std::any::type_name::<C>());
        self.0.push(Box::new(OfFunction(Arc::new(function), name)));
        self
    }

    /// Adds a layer at the end.
    pub fn push(&mut self, layer: impl Layer + 'static) {
        self.0.push(Box::new(OfLayer(layer)));
    }

    /// Adds all of another sequence at the end.
    pub fn extend(&mut self, other: Sequential) {
        self.0.extend(other.0);
    }

    /// Puts a layer before what is at a place, or at the end.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let mut net = L::Sequential::new().then(L::Linear::new(4, 3)).then(L::Linear::new(3, 2));
    /// net.insert(1, L::BatchNormalization::new(3));
    /// net.insert_call(2, F::relu);
    /// assert_eq!(format!("{net:?}"), "Sequential[Linear, BatchNormalization, relu(), Linear]");
    /// ```
    ///
    /// # Panics
    /// When there are fewer than `at` layers and functions.
    #[track_caller]
    pub fn insert(&mut self, at: usize, layer: impl Layer + 'static) {
        self.put(at, Box::new(OfLayer(layer)));
    }

    /// Puts a function before what is at a place, or at the end.
    ///
    /// # Panics
    /// As [`Sequential::insert`].
    #[track_caller]
    pub fn insert_call<C: Fn(&Variable) -> Variable + Send + Sync + 'static>(&mut self, at: usize, function: C) {
        self.put(at, Box::new(OfFunction(Arc::new(function), short(std::any::type_name::<C>()))));
    }

    #[track_caller]
    fn put(&mut self, at: usize, stage: Box<dyn Stage>) {
        let len = self.0.len();
        assert!(at <= len, "Sequential::insert: expected a place of at most {len}, got {at}");
        self.0.insert(at, stage);
    }

    /// The layer at a place, if there is one of that type.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::Sequential::new().then(L::Linear::new(4, 3)).call(F::relu);
    /// assert_eq!(net.get::<L::Linear>(0).unwrap().W.shape().unwrap()[..], [3, 4]);
    /// assert!(net.get::<L::Linear>(1).is_none());
    /// ```
    pub fn get<K: Layer + 'static>(&self, at: usize) -> Option<&K> {
        self.0.get(at)?.layer()?.downcast_ref()
    }

    /// The layers and functions of some places; parameters are shared.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::Sequential::new().then(L::Linear::new(4, 3)).call(F::relu).then(L::Linear::new(3, 2));
    /// assert_eq!(format!("{:?}", net.slice(0..2)), "Sequential[Linear, relu()]");
    /// ```
    ///
    /// # Panics
    /// When the range ends before it starts, or past the last of them.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, places: Range<usize>) -> Sequential {
        let len = self.0.len();
        assert!(
            places.start <= places.end && places.end <= len,
            "Sequential::slice: expected a range within 0..{len}, got {places:?}"
        );
        Sequential(self.0[places].iter().map(|s| s.replicate(Replica::Share)).collect())
    }

    /// How many layers and functions of a type there are, by its name as it is displayed, without a function's brackets.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let net = L::Sequential::new().then(L::Linear::new(4, 3)).call(F::relu).then(L::Linear::new(3, 2));
    /// assert_eq!((net.count_by_layer_type("Linear"), net.count_by_layer_type("relu")), (2, 1));
    /// ```
    pub fn count_by_layer_type(&self, name: &str) -> usize {
        self.0.iter().filter(|s| is_called(&***s, name)).count()
    }

    /// Takes all layers and functions of a type out: see [`Sequential::count_by_layer_type`].
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let mut net = L::Sequential::new().then(L::Linear::new(4, 3)).call(F::relu).then(L::Linear::new(3, 2));
    /// net.remove_by_layer_type("relu");
    /// assert_eq!(format!("{net:?}"), "Sequential[Linear, Linear]");
    /// ```
    pub fn remove_by_layer_type(&mut self, name: &str) {
        self.0.retain(|s| !is_called(&**s, name));
    }

    /// Takes a layer or function out.
    ///
    /// # Panics
    /// When there are no more than `at` of them.
    #[track_caller]
    pub fn remove(&mut self, at: usize) {
        assert!(at < self.0.len(), "Sequential::remove: expected a place below {}, got {at}", self.0.len());
        self.0.remove(at);
    }

    /// How many layers and functions there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same layers with those of inner sequences in their places; parameters are shared.
    #[must_use]
    pub fn flatten(&self) -> Sequential {
        let mut flat = Sequential::new();
        for stage in &self.0 {
            match stage.inner() {
                Some(inner) => flat.extend(inner.flatten()),
                None => flat.0.push(stage.replicate(Replica::Share)),
            }
        }
        flat
    }

    /// All of them in turn.
    ///
    /// # Panics
    /// When one of them does.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        self.0.iter().fold(x.clone(), |x, stage| stage.forward(&x))
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(|s| s.name()).collect();
        write!(f, "Sequential[{}]", names.join(", "))
    }
}

impl Link for Sequential {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        for (i, stage) in self.0.iter().enumerate() {
            path.child(&i.to_string(), |path| stage.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> Sequential {
        Sequential(self.0.iter().map(|s| s.replicate(replica)).collect())
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        Sequential::forward(self, x)
    }
}

/// Links of any kinds in a list, `/0`, `/1`, and so on.
///
/// ```
/// # use catena::prelude::*;
/// let mut list = L::ChainList::new();
/// list.push(L::Linear::new(2, 3));
/// list.push(L::EmbedID::new(5, 2));
/// assert_eq!(list.namedparams()[2].0, "/1/W");
/// ```
#[derive(Default)]
pub struct ChainList(Vec<Box<dyn Link>>);

impl ChainList {
    /// No link yet.
    pub fn new() -> ChainList {
        ChainList(vec![])
    }

    /// Adds a link at the end.
    pub fn push(&mut self, link: impl Link + 'static) {
        self.0.push(Box::new(link));
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A link by its place.
    pub fn get(&self, at: usize) -> Option<&dyn Link> {
        self.0.get(at).map(|l| &**l)
    }

    /// All links in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Link> {
        self.0.iter().map(|l| &**l)
    }
}

impl Link for ChainList {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        self.0.visit(path, visitor);
    }

    fn replicate(&self, replica: Replica) -> ChainList {
        ChainList(self.0.replicate(replica))
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Device, functions as F, links::Linear, shape::DType, tensor::Tensor};

    #[test]
    fn repeats_are_anew_copied_or_shared() {
        let layer = Linear::new(3, 3);
        let first = |s: &Sequential, i: usize| s.params()[i].data().to_vec::<f32>().unwrap();
        let anew = layer.repeat(3, Replica::Init);
        assert_eq!(anew.count_params(), 36);
        assert_ne!(first(&anew, 0), first(&anew, 2));
        let copied = layer.repeat(2, Replica::Copy);
        assert_eq!((copied.count_params(), first(&copied, 0)), (24, first(&copied, 2)));
        assert_eq!(layer.repeat(4, Replica::Share).count_params(), 12);
    }

    #[test]
    fn parts_share_their_parameters_and_places_are_checked() {
        let mut net = Sequential::new().then(Linear::new(2, 2)).call(F::relu).then(Linear::new(2, 1));
        assert!(net.slice(2..3).params()[0].is(&net.params()[2]));
        assert!(net.get::<Linear>(2).unwrap().W.is(&net.params()[2]) && net.get::<Sequential>(0).is_none());
        net.insert(3, Linear::new(1, 5));
        assert_eq!(net.forward(&Variable::constant(Tensor::ones([1, 2], DType::F32, &Device::cpu()))).size(), 5);
        net.remove_by_layer_type("Linear");
        assert_eq!((net.len(), net.count_by_layer_type("Linear"), net.count_by_layer_type("relu()")), (1, 0, 0));
        let said = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| net.insert(2, Linear::new(1, 1))));
        let said = said.unwrap_err().downcast_ref::<String>().cloned().unwrap();
        assert_eq!(said, "Sequential::insert: expected a place of at most 1, got 2");
    }

    #[test]
    fn flattened_is_the_same_function_of_the_same_parameters() {
        let inner = Sequential::new().then(Linear::new(2, 2)).call(F::tanh);
        let net = Sequential::new().then(inner).call(F::relu).then(Linear::new(2, 1));
        let flat = net.flatten();
        assert_eq!(format!("{flat:?}"), "Sequential[Linear, tanh(), relu(), Linear]");
        assert_eq!(net.namedparams()[0].0, "/0/0/W");
        let x = Variable::constant(Tensor::ones([1, 2], DType::F32, &Device::cpu()));
        assert_eq!(net.forward(&x).item().unwrap(), flat.forward(&x).item().unwrap());
        assert!(flat.params()[0].is(&net.params()[0]));
    }
}
