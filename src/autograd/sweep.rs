//! The reverse sweep: from outputs to leaves in the order of ranks, by a heap, never by recursion.

use super::{
    FunctionNode, Variable, VariableNode,
    config::{config, using_config},
    function::check_nan,
    hook,
};
use crate::{device::Tag, tensor::Tensor};
use smallvec::SmallVec;
use std::{
    collections::{BinaryHeap, HashMap, HashSet},
    sync::Arc,
};

/// Options of a backward pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backward {
    /// Keep the gradients of variables between leaves and outputs too.
    pub retain_grad: bool,
    /// Give gradients a graph of their own, so that they can be differentiated. The leaves then hold that graph.
    pub enable_double_backprop: bool,
    /// Start from this instead of 1: for half-precision training. The leaves' gradients are scaled by it.
    pub loss_scale: Option<f64>,
}

/// Options of [`grad`].
#[derive(Debug, Clone, Default)]
pub struct Grad {
    /// Gradients of the outputs; 1 where there is none.
    pub grad_outputs: Vec<Option<Variable>>,
    /// Also store the results in the variables.
    pub set_grad: bool,
    /// Give the results a graph of their own.
    pub enable_double_backprop: bool,
}

/// A function in the heap: higher rank first, later application first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    rank: usize,
    id: u64,
}

struct Sweep {
    grads: HashMap<u64, Variable>,
    turns: BinaryHeap<Turn>,
    functions: HashMap<u64, Arc<FunctionNode>>,
    leaves: Vec<Arc<VariableNode>>,
    graph: bool,
    retain: bool,
    /// Where only some variables are wanted: these, and the functions that lead to them.
    wanted: Option<(HashSet<u64>, HashSet<u64>)>,
    /// Variables at which the sweep ends, as if nothing had made them.
    ends: HashSet<u64>,
}

impl Sweep {
    fn new(graph: bool, retain: bool) -> Sweep {
        Sweep {
            grads: HashMap::new(),
            turns: BinaryHeap::new(),
            functions: HashMap::new(),
            leaves: vec![],
            graph,
            retain,
            wanted: None,
            ends: HashSet::new(),
        }
    }

    fn wants(&self, node: &VariableNode, creator: Option<&Arc<FunctionNode>>) -> bool {
        node.requires_grad()
            && match &self.wanted {
                None => true,
                Some((nodes, functions)) => {
                    nodes.contains(&node.id()) || creator.is_some_and(|c| functions.contains(&c.id()))
                }
            }
    }

    /// Adds a gradient to a node's, and puts its function in line.
    fn add(&mut self, node: &Arc<VariableNode>, gradient: Variable) {
        let creator = if self.ends.contains(&node.id()) { None } else { node.creator() };
        let leaf = creator.is_none();
        let gradient = match self.grads.remove(&node.id()) {
            Some(before) => before.plus(&gradient, self.graph),
            None => {
                match creator {
                    None => self.leaves.push(node.clone()),
                    Some(function) => {
                        let id = function.id();
                        if !self.functions.contains_key(&id) {
                            self.turns.push(Turn { rank: function.rank(), id });
                            self.functions.insert(id, function);
                        }
                    }
                }
                gradient
            }
        };
        if leaf && !self.graph {
            // A leaf's gradient is kept: computed now, it holds on to nothing of the pass.
            if let Some(place) = node.place() {
                gradient.data().place(&place);
            }
            gradient.data().force();
            gradient.data().tag(Tag::Gradient);
        }
        self.grads.insert(node.id(), gradient);
    }

    fn run(&mut self) {
        let graph = self.graph;
        let _scope = using_config(|c| c.enable_backprop = graph);
        while let Some(turn) = self.turns.pop() {
            let Some(function) = self.functions.remove(&turn.id) else { continue };
            let outputs: SmallVec<[Option<Arc<VariableNode>>; 1]> =
                function.output_nodes().iter().map(|w| w.upgrade()).collect();
            let gys: SmallVec<[Option<Variable>; 1]> =
                outputs.iter().map(|o| o.as_ref().and_then(|o| self.take(o))).collect();
            let needs: SmallVec<[bool; 3]> =
                function.inputs().iter().map(|x| self.wants(x, x.creator().as_ref())).collect();
            if !needs.contains(&true) {
                continue;
            }
            hook::backward_before(&function, &gys);
            let gxs = function.run_backward(&gys, needs.clone());
            hook::backward_after(&function, &gxs);
            drop(gys);
            if config().debug {
                let tensors: Vec<Tensor> = gxs.iter().flatten().map(|g| g.data().clone()).collect();
                check_nan(function.name(), "backward pass", &tensors, function.location());
            }
            let pairs = function.inputs().iter().zip(gxs).zip(needs);
            for ((x, gx), needed) in pairs {
                if let (Some(gx), true) = (gx, needed) {
                    self.add(x, gx);
                }
            }
        }
    }

    /// The gradient of a function's output, for its backward pass.
    fn take(&mut self, node: &Arc<VariableNode>) -> Option<Variable> {
        let keep = self.wanted.as_ref().is_some_and(|(nodes, _)| nodes.contains(&node.id()));
        let gradient = if keep { self.grads.get(&node.id()).cloned() } else { self.grads.remove(&node.id()) };
        if self.retain
            && let Some(g) = &gradient
        {
            node.set_grad(Some(kept(g, self.graph)));
        }
        gradient
    }

    /// Adds what arrived at the leaves to their gradients.
    fn store(mut self) {
        for leaf in std::mem::take(&mut self.leaves) {
            let Some(gradient) = self.grads.remove(&leaf.id()) else { continue };
            let total = match leaf.grad() {
                Some(before) => before.plus(&gradient, self.graph),
                None => gradient,
            };
            leaf.set_grad(Some(kept(&total, self.graph)));
        }
    }
}

/// A gradient as a node keeps it: outside the graph, unless it is to be differentiated, or it would hold the graph alive.
fn kept(gradient: &Variable, graph: bool) -> Variable {
    if graph { gradient.clone() } else { gradient.detach() }
}

/// The gradient that an output starts from.
#[track_caller]
fn seed(y: &Variable, scale: f64) -> Variable {
    match y.grad_var() {
        Some(g) => g,
        None => {
            assert_eq!(
                y.size(),
                1,
                "backward: expected a variable of one element, or one with a gradient; got shape {}. \
                 Set it with set_grad, or reduce the variable with F::sum",
                y.shape()
            );
            Variable::constant(y.data().full_like(scale))
        }
    }
}

/// Computes gradients of all outputs together and adds them to the leaves': see [`Variable::backward`].
///
/// # Panics
/// When an output has more than one element and no gradient.
#[track_caller]
pub fn backward(outputs: &[&Variable], options: Backward) {
    let mut sweep = Sweep::new(options.enable_double_backprop, options.retain_grad);
    for &y in outputs {
        let gradient = seed(y, options.loss_scale.unwrap_or(1.0));
        if y.creator().is_none() {
            continue;
        }
        y.node().set_grad(Some(gradient.clone()));
        sweep.add(y.node(), gradient);
    }
    sweep.run();
    sweep.store();
}

/// The gradients of `outputs` with respect to `inputs`, where the sweep ends; those of all other leaves are added to them.
pub(crate) fn backward_to(
    outputs: &[&Variable],
    grad_outputs: Vec<Variable>,
    inputs: &[&Variable],
    graph: bool,
) -> Vec<Option<Variable>> {
    let mut sweep = Sweep::new(graph, false);
    sweep.ends = inputs.iter().map(|x| x.node().id()).collect();
    for (y, gy) in outputs.iter().zip(grad_outputs).filter(|(y, _)| y.requires_grad()) {
        sweep.add(y.node(), gy);
    }
    sweep.run();
    let found = inputs.iter().map(|x| sweep.grads.remove(&x.node().id()).map(|g| kept(&g, graph))).collect();
    sweep.store();
    found
}

/// The gradients of `outputs` with respect to `inputs`, without touching any variable's own.
///
/// With `enable_double_backprop` the results can be differentiated again, to any order. `None` for an input that the
/// outputs do not depend on.
///
/// ```
/// use catena::{autograd::{Grad, grad}, prelude::*};
///
/// let x = Variable::new(Tensor::scalar(2.0f64, &Device::cpu()));
/// let y = &(&x * &x) * &x;
/// let again = || Grad { enable_double_backprop: true, ..Grad::default() };
/// let first = grad(&[&y], &[&x], again()).remove(0).unwrap();
/// let second = grad(&[&first], &[&x], again()).remove(0).unwrap();
/// assert_eq!((first.item().unwrap(), second.item().unwrap()), (12.0, 12.0));
/// ```
///
/// # Panics
/// When an output has more than one element and no gradient is given for it.
#[track_caller]
pub fn grad(outputs: &[&Variable], inputs: &[&Variable], options: Grad) -> Vec<Option<Variable>> {
    let mut sweep = Sweep::new(options.enable_double_backprop, false);
    sweep.wanted = Some(leading_to(outputs, inputs));
    for (i, y) in outputs.iter().enumerate() {
        let gradient = match options.grad_outputs.get(i).cloned().flatten() {
            Some(g) => g,
            None => seed(&Variable::from_parts(y.data().clone(), y.detach().node().clone()), 1.0),
        };
        sweep.add(y.node(), gradient);
    }
    sweep.run();
    let found: Vec<Option<Variable>> =
        inputs.iter().map(|x| sweep.grads.get(&x.node().id()).map(|g| kept(g, sweep.graph))).collect();
    if options.set_grad {
        for (x, g) in inputs.iter().zip(&found) {
            x.node().set_grad(g.clone());
        }
    }
    found
}

/// The inputs' nodes, and the functions between them and the outputs.
fn leading_to(outputs: &[&Variable], inputs: &[&Variable]) -> (HashSet<u64>, HashSet<u64>) {
    let nodes: HashSet<u64> = inputs.iter().map(|x| x.node().id()).collect();
    let mut seen: HashMap<u64, Arc<FunctionNode>> = HashMap::new();
    let mut left: Vec<Arc<FunctionNode>> = outputs.iter().filter_map(|y| y.creator()).collect();
    while let Some(function) = left.pop() {
        if seen.insert(function.id(), function.clone()).is_none() {
            left.extend(function.inputs().iter().filter_map(|x| x.creator()));
        }
    }
    let mut order: Vec<Arc<FunctionNode>> = seen.into_values().collect();
    order.sort_unstable_by_key(|f| (f.rank(), f.id()));
    let mut functions = HashSet::new();
    for function in order {
        let leads =
            |x: &Arc<VariableNode>| nodes.contains(&x.id()) || x.creator().is_some_and(|c| functions.contains(&c.id()));
        if function.inputs().iter().any(leads) {
            functions.insert(function.id());
        }
    }
    (nodes, functions)
}
