//! What a link owns: parameters, which are learnt, and persistent values, which are kept.

use super::{
    initializers::{Initializer, are_unfilled},
    link::{Link, Path, Replica, Visit},
    weight_hooks::WeightHook,
};
use crate::{
    autograd::{Variable, no_backprop},
    device::{Device, Tag},
    random,
    shape::{DType, Shape},
    tensor::Tensor,
};
use parking_lot::RwLock;
use std::{fmt, sync::Arc};

/// A tensor that is learnt: a shared handle, whose clones are the same parameter.
///
/// ```
/// # use catena::prelude::*;
/// let w = Parameter::new([2, 3], L::initializers::One);
/// assert_eq!(w.variable().shape()[..], [2, 3]);
/// ```
#[derive(Clone)]
pub struct Parameter(Arc<RwLock<State>>);

struct State {
    variable: Option<Variable>,
    initializer: Arc<dyn Initializer>,
    device: Device,
    dtype: DType,
    updates: bool,
    hook: Option<Arc<dyn WeightHook>>,
}

impl Parameter {
    /// A parameter of a shape, with initial values; `float32` on the CPU until it is moved.
    pub fn new(shape: impl Into<Shape>, initializer: impl Initializer) -> Parameter {
        let parameter = Parameter::lazy(initializer);
        parameter.initialize(shape);
        parameter
    }

    /// A parameter whose shape is not known yet: see [`Parameter::initialize`].
    pub fn lazy(initializer: impl Initializer) -> Parameter {
        Parameter(Arc::new(RwLock::new(State {
            variable: None,
            initializer: Arc::new(initializer),
            device: Device::cpu(),
            dtype: DType::F32,
            updates: true,
            hook: None,
        })))
    }

    /// A parameter with these values.
    pub fn from_tensor(data: Tensor) -> Parameter {
        let parameter = Parameter::lazy(super::initializers::Zero);
        parameter.set_data(data);
        parameter
    }

    /// Whether its shape is known.
    pub fn is_initialized(&self) -> bool {
        self.0.read().variable.is_some()
    }

    /// Fixes the shape and draws initial values from this thread's generator, unless that was done before.
    pub fn initialize(&self, shape: impl Into<Shape>) {
        let mut state = self.0.write();
        if state.variable.is_none() {
            let shape = shape.into();
            if are_unfilled() {
                state.variable = Some(Variable::new(Tensor::zeros(shape, state.dtype, &state.device)));
                return;
            }
            let values = random::with(|g| state.initializer.draw(&shape, g));
            let data = Tensor::from_slice(&values, shape, &Device::cpu()).cast(state.dtype).to_device(&state.device);
            data.force();
            data.tag(Tag::Parameter);
            state.variable = Some(Variable::new(data));
        }
    }

    /// Draws initial values by another initializer: now, if the shape is known.
    pub fn draw(&self, initializer: impl Initializer) {
        let shape = {
            let mut state = self.0.write();
            state.initializer = Arc::new(initializer);
            state.variable.take().map(|v| v.shape().clone())
        };
        if let Some(shape) = shape {
            self.initialize(shape);
        }
    }

    /// What a link computes with: the parameter in the graph, or what its hook makes of it.
    ///
    /// # Panics
    /// When its shape is not known yet.
    #[track_caller]
    pub fn variable(&self) -> Variable {
        let hook = self.0.read().hook.clone();
        match hook {
            Some(hook) => hook.apply(&self.leaf()),
            None => self.leaf(),
        }
    }

    /// The parameter itself, where gradients gather.
    ///
    /// # Panics
    /// When its shape is not known yet.
    #[track_caller]
    pub fn leaf(&self) -> Variable {
        match &self.0.read().variable {
            Some(v) => v.clone(),
            None => panic!("a parameter that is not initialised yet: call the link once, or Parameter::initialize"),
        }
    }

    /// Has links compute with what `hook` makes of the parameter; another hook's place is taken.
    pub fn add_hook(&self, hook: impl WeightHook) {
        let hook: Arc<dyn WeightHook> = Arc::new(hook);
        self.0.write().hook = Some(hook.clone());
        if self.is_initialized() {
            // What the hook learns or keeps gets its first values.
            let _scope = no_backprop();
            hook.apply(&self.leaf());
        }
    }

    /// Has links compute with the parameter itself.
    pub fn remove_hook(&self) {
        self.0.write().hook = None;
    }

    /// The values.
    ///
    /// # Panics
    /// When its shape is not known yet.
    #[track_caller]
    pub fn data(&self) -> Tensor {
        self.leaf().data().clone()
    }

    /// Sets the values; a gradient of another shape is dropped.
    pub fn set_data(&self, data: Tensor) {
        data.tag(Tag::Parameter);
        let mut state = self.0.write();
        state.device = data.device().clone();
        state.dtype = data.dtype();
        state.variable = Some(match state.variable.take() {
            Some(v) if v.data().meta() == data.meta() && v.device() == data.device() => {
                Variable::from_parts(data, v.node().clone())
            }
            _ => Variable::new(data),
        });
    }

    /// Puts what `change` makes of the values in their place.
    ///
    /// The old values are given away, so that the new ones can be computed in their memory. Nobody else can read the
    /// parameter meanwhile.
    pub(crate) fn replace_data(&self, change: impl FnOnce(Tensor) -> Tensor) {
        let mut state = self.0.write();
        if let Some(v) = state.variable.take() {
            let node = v.node().clone();
            let data = v.data().clone();
            drop(v);
            state.variable = Some(Variable::from_parts(change(data), node));
        }
    }

    /// As [`Parameter::replace_data`], for several parameters at once, whose old values are all given away before `change`
    /// runs.
    pub(crate) fn replace_all(parameters: &[&Parameter], change: impl FnOnce() -> Vec<Tensor>) {
        // Whoever locks several does so in the order of their addresses.
        let mut order: Vec<usize> = (0..parameters.len()).collect();
        order.sort_by_key(|&i| Arc::as_ptr(&parameters[i].0));
        let mut states: Vec<_> = order.iter().map(|&i| parameters[i].0.write()).collect();
        let nodes: Vec<_> = states.iter_mut().map(|s| s.variable.take().map(|v| v.node().clone())).collect();
        let data = change();
        for ((&i, state), node) in order.iter().zip(&mut states).zip(nodes) {
            state.variable = node.map(|node| Variable::from_parts(data[i].clone(), node));
        }
    }

    /// The gradient that a backward pass left.
    pub fn grad(&self) -> Option<Tensor> {
        self.0.read().variable.as_ref().and_then(Variable::grad)
    }

    /// Sets or clears the gradient.
    ///
    /// # Panics
    /// When its shape or dtype differs from the parameter's, or the shape is not known yet.
    #[track_caller]
    pub fn set_grad(&self, grad: Option<Tensor>) {
        self.leaf().set_grad(grad);
    }

    /// Clears the gradient.
    pub fn cleargrad(&self) {
        if let Some(v) = &self.0.read().variable {
            v.cleargrad();
        }
    }

    /// The shape, once it is known.
    pub fn shape(&self) -> Option<Shape> {
        self.0.read().variable.as_ref().map(|v| v.shape().clone())
    }

    /// Where it lives.
    pub fn device(&self) -> Device {
        self.0.read().device.clone()
    }

    /// The type of its elements.
    pub fn dtype(&self) -> DType {
        self.0.read().dtype
    }

    /// Whether optimizers change it.
    pub fn updates(&self) -> bool {
        self.0.read().updates
    }

    /// Sets whether optimizers change it.
    pub fn set_updates(&self, updates: bool) {
        self.0.write().updates = updates;
    }

    /// Moves values and gradient to a device.
    pub fn move_to(&self, device: &Device) {
        let mut state = self.0.write();
        state.device = device.clone();
        if let Some(v) = state.variable.take() {
            if v.device() == device {
                state.variable = Some(v);
                return;
            }
            let moved = Variable::new(v.data().to_device(device));
            moved.data().tag(Tag::Parameter);
            if let Some(g) = v.grad() {
                let g = g.to_device(device);
                g.tag(Tag::Gradient);
                moved.set_grad(Some(g));
            }
            state.variable = Some(moved);
        }
    }

    /// Converts values and gradient to a dtype; one not initialised yet will be of it.
    pub fn cast(&self, dtype: DType) {
        let mut state = self.0.write();
        state.dtype = dtype;
        if let Some(v) = state.variable.take() {
            let converted = Variable::new(v.data().cast(dtype).settle());
            converted.data().tag(Tag::Parameter);
            if let Some(g) = v.grad() {
                converted.set_grad(Some(g.cast(dtype)));
            }
            state.variable = Some(converted);
        }
    }

    /// Another parameter with a copy of the values and no gradient.
    fn duplicate(&self, draw_anew: bool) -> Parameter {
        let state = self.0.read();
        let copy = Parameter(Arc::new(RwLock::new(State {
            variable: None,
            initializer: state.initializer.clone(),
            device: state.device.clone(),
            dtype: state.dtype,
            updates: state.updates,
            hook: state
                .hook
                .as_ref()
                .map(|h| h.replicate(if draw_anew { Replica::Init } else { Replica::Copy }).into()),
        })));
        if let Some(v) = &state.variable {
            if draw_anew {
                copy.initialize(v.shape());
            } else {
                copy.set_data(v.data().copy());
            }
        }
        copy
    }

    /// Whether both are the same parameter.
    pub fn is(&self, other: &Parameter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape() {
            Some(shape) => write!(f, "Parameter({shape}, {})", self.device()),
            None => f.write_str("Parameter(not initialised)"),
        }
    }
}

impl Link for Parameter {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        visitor.parameter(path.as_str(), self);
        let hook = self.0.read().hook.clone();
        if let Some(hook) = hook {
            path.above(|name, link| hook.visit(name, link, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> Parameter {
        match replica {
            Replica::Share => self.clone(),
            Replica::Copy => self.duplicate(false),
            Replica::Init => self.duplicate(true),
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}

/// A tensor that is kept with a link but not learnt, such as running statistics: a shared handle.
#[derive(Clone)]
pub struct Persistent(Arc<RwLock<Tensor>>);

impl Persistent {
    /// A persistent value.
    pub fn new(data: Tensor) -> Persistent {
        Persistent(Arc::new(RwLock::new(data)))
    }

    /// The value.
    pub fn data(&self) -> Tensor {
        self.0.read().clone()
    }

    /// Sets the value.
    pub fn set_data(&self, data: Tensor) {
        *self.0.write() = data;
    }
}

impl fmt::Debug for Persistent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Persistent({:?})", self.data())
    }
}

impl Link for Persistent {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        visitor.persistent(path.as_str(), self);
    }

    fn replicate(&self, replica: Replica) -> Persistent {
        match replica {
            Replica::Share => self.clone(),
            Replica::Copy | Replica::Init => Persistent::new(self.data().copy()),
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}
