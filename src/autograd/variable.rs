//! Variables and their nodes.

use super::{
    config::no_backprop,
    function::FunctionNode,
    sweep::{self, Backward},
};
use crate::{
    device::Device,
    error::Result,
    shape::{DType, Meta, Shape},
    tensor::{Tensor, expr::Place},
};
use parking_lot::Mutex;
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// A tensor in a graph; clones are the same variable.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::scalar(3.0f32, &Device::cpu()));
/// let y = &x * &x;
/// y.backward();
/// assert_eq!(x.grad().unwrap().item().unwrap(), 6.0);
/// ```
#[derive(Clone)]
pub struct Variable {
    data: Tensor,
    node: Arc<VariableNode>,
}

/// A variable's place in the graph: its gradient, and the function it came from. It holds no values.
pub struct VariableNode {
    id: u64,
    rank: usize,
    meta: Meta,
    device: Device,
    requires_grad: bool,
    grad: Mutex<Option<Variable>>,
    creator: Mutex<Option<Arc<FunctionNode>>>,
    name: Mutex<Option<Arc<str>>>,
    place: Mutex<Option<Arc<Place>>>,
}

impl VariableNode {
    pub(super) fn new(
        data: &Tensor,
        requires_grad: bool,
        rank: usize,
        creator: Option<Arc<FunctionNode>>,
    ) -> Arc<VariableNode> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(VariableNode {
            id: NEXT.fetch_add(1, Relaxed),
            rank,
            meta: data.meta(),
            device: data.device().clone(),
            requires_grad,
            grad: Mutex::new(None),
            creator: Mutex::new(creator),
            name: Mutex::new(None),
            place: Mutex::new(None),
        })
    }

    /// A number no other node has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Longest way from a leaf, in functions.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Shape and dtype of the variable.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Where the variable lives.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether derivatives are taken with respect to it, or through it.
    pub fn requires_grad(&self) -> bool {
        self.requires_grad
    }

    /// The function it came from.
    pub fn creator(&self) -> Option<Arc<FunctionNode>> {
        self.creator.lock().clone()
    }

    /// The name it was given.
    pub fn name(&self) -> Option<Arc<str>> {
        self.name.lock().clone()
    }

    /// Keeps room for its gradient, as long as `place` is held.
    pub(crate) fn set_place(&self, place: Option<Arc<Place>>) {
        *self.place.lock() = place;
    }

    pub(super) fn place(&self) -> Option<Arc<Place>> {
        self.place.lock().clone()
    }

    pub(super) fn take_creator(&self) -> Option<Arc<FunctionNode>> {
        self.creator.lock().take()
    }

    /// The gradient.
    pub fn grad(&self) -> Option<Variable> {
        self.grad.lock().clone()
    }

    /// Sets or clears the gradient.
    pub fn set_grad(&self, grad: Option<Variable>) {
        *self.grad.lock() = grad;
    }
}

/// Graphs are freed with a list of what is left: a chain of a million functions must not recurse.
impl Drop for VariableNode {
    fn drop(&mut self) {
        let mut left: Vec<Arc<FunctionNode>> = self.creator.get_mut().take().into_iter().collect();
        while let Some(function) = left.pop() {
            let Some(function) = Arc::into_inner(function) else { continue };
            for node in function.into_inputs() {
                if let Some(mut node) = Arc::into_inner(node) {
                    left.extend(node.creator.get_mut().take());
                }
            }
        }
    }
}

impl Variable {
    /// A leaf with respect to which derivatives are taken, if its dtype is a float.
    pub fn new(data: Tensor) -> Variable {
        let requires_grad = data.dtype().is_float();
        Variable { node: VariableNode::new(&data, requires_grad, 0, None), data }
    }

    /// A leaf with respect to which no derivative is taken: inputs, targets.
    pub fn constant(data: Tensor) -> Variable {
        Variable { node: VariableNode::new(&data, false, 0, None), data }
    }

    pub(crate) fn from_parts(data: Tensor, node: Arc<VariableNode>) -> Variable {
        Variable { data, node }
    }

    /// The values.
    pub fn data(&self) -> &Tensor {
        &self.data
    }

    /// The values, without a place in a graph.
    pub(crate) fn into_data(self) -> Tensor {
        self.data
    }

    /// Its place in the graph.
    pub fn node(&self) -> &Arc<VariableNode> {
        &self.node
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        self.data.shape()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.data.ndim()
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.data.size()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// Where it lives.
    pub fn device(&self) -> &Device {
        self.data.device()
    }

    /// Whether derivatives are taken with respect to it, or through it.
    pub fn requires_grad(&self) -> bool {
        self.node.requires_grad
    }

    /// The gradient that [`Variable::backward`] left, if any.
    pub fn grad(&self) -> Option<Tensor> {
        self.node.grad().map(|g| g.data)
    }

    /// The gradient as a variable: with its own graph after a backward pass with `enable_double_backprop`.
    pub fn grad_var(&self) -> Option<Variable> {
        self.node.grad()
    }

    /// Sets or clears the gradient.
    ///
    /// # Panics
    /// When its shape or dtype differs from the variable's.
    #[track_caller]
    pub fn set_grad(&self, grad: Option<Tensor>) {
        if let Some(g) = &grad {
            assert!(
                g.meta() == self.data.meta(),
                "set_grad: expected a gradient of {} {}, got {} {}",
                self.shape(),
                self.dtype(),
                g.shape(),
                g.dtype()
            );
        }
        self.node.set_grad(grad.map(Variable::constant));
    }

    /// Clears the gradient.
    pub fn cleargrad(&self) {
        self.node.set_grad(None);
    }

    /// The function it came from.
    pub fn creator(&self) -> Option<Arc<FunctionNode>> {
        self.node.creator()
    }

    /// The name shown in graphs and messages.
    pub fn name(&self) -> Option<Arc<str>> {
        self.node.name()
    }

    /// Names it, and gives it back.
    #[must_use]
    pub fn with_name(self, name: &str) -> Variable {
        *self.node.name.lock() = Some(name.into());
        self
    }

    /// Computes gradients of this variable with respect to every leaf it was made from, and adds them to the leaves'.
    ///
    /// A single element starts with the gradient 1; anything else needs [`Variable::set_grad`] first.
    ///
    /// # Panics
    /// When it has more than one element and no gradient.
    #[track_caller]
    pub fn backward(&self) {
        self.backward_with(Backward::default());
    }

    /// As [`Variable::backward`], with options.
    ///
    /// # Panics
    /// As [`Variable::backward`].
    #[track_caller]
    pub fn backward_with(&self, options: Backward) {
        sweep::backward(&[self], options);
    }

    /// Lets go of all functions that this variable was made by, back to the leaves: truncated backpropagation.
    pub fn unchain_backward(&self) {
        let mut left: Vec<Arc<FunctionNode>> = self.node.take_creator().into_iter().collect();
        while let Some(function) = left.pop() {
            for output in function.outputs() {
                output.take_creator();
            }
            for input in function.inputs() {
                left.extend(input.take_creator());
            }
        }
    }

    /// Lets go of the function it came from: it becomes a leaf.
    pub fn unchain(&self) {
        self.node.take_creator();
    }

    /// The same values outside the graph.
    #[must_use]
    pub fn detach(&self) -> Variable {
        Variable::constant(self.data.clone())
    }

    /// The one element, as `f64`; waits for it.
    ///
    /// # Errors
    /// Whatever failed on the device.
    ///
    /// # Panics
    /// When there is not exactly one element.
    #[track_caller]
    pub fn item(&self) -> Result<f64> {
        self.data.item()
    }

    /// Whether both are the same variable.
    pub fn is(&self, other: &Variable) -> bool {
        Arc::ptr_eq(&self.node, &other.node)
    }

    /// The sum of two gradients.
    pub(super) fn plus(&self, other: &Variable, graph: bool) -> Variable {
        if graph {
            return super::apply(super::function::Accumulate, &[self, other]);
        }
        let _scope = no_backprop();
        Variable::constant(self.data.add(&other.data))
    }
}

impl From<Tensor> for Variable {
    /// A constant: see [`Variable::constant`].
    fn from(data: Tensor) -> Variable {
        Variable::constant(data)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().map_or(String::new(), |n| format!("{n}: "));
        let from = self.creator().map_or(String::new(), |c| format!(", from {}", c.name()));
        write!(f, "Variable({name}{}, {}, {}{from})", self.shape(), self.dtype(), self.device())
    }
}

impl fmt::Display for Variable {
    /// `variable(values)`; waits for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name().map_or(String::new(), |n| format!(" {n}"));
        write!(f, "variable{name}({})", self.data)
    }
}
