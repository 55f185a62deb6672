//! Functions: what an operator states of itself, and how applying one grows the graph.

use super::{Variable, config::config, hook, variable::VariableNode};
use crate::{
    kernel::same_device,
    shape::{InvalidType, Meta, ensure, invalid},
    tensor::Tensor,
};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::{
    fmt::Debug,
    panic::Location,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Which inputs and outputs a backward pass will ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retain {
    inputs: u64,
    outputs: u64,
}

impl Retain {
    /// None of them.
    pub const NOTHING: Retain = Retain { inputs: 0, outputs: 0 };
    /// Every input.
    pub const INPUTS: Retain = Retain { inputs: u64::MAX, outputs: 0 };
    /// Every output.
    pub const OUTPUTS: Retain = Retain { inputs: 0, outputs: u64::MAX };

    /// Also this input.
    pub const fn input(self, i: usize) -> Retain {
        Retain { inputs: self.inputs | 1 << i, outputs: self.outputs }
    }

    /// Also this output.
    pub const fn output(self, i: usize) -> Retain {
        Retain { inputs: self.inputs, outputs: self.outputs | 1 << i }
    }
}

/// What a function's forward pass gives.
#[derive(Debug)]
pub struct Forward {
    outputs: SmallVec<[Tensor; 1]>,
    extras: Vec<Tensor>,
}

impl Forward {
    /// Outputs, and tensors that only the backward pass needs.
    pub fn with_extras(outputs: impl Into<Forward>, extras: Vec<Tensor>) -> Forward {
        Forward { extras, ..outputs.into() }
    }
}

impl From<Tensor> for Forward {
    fn from(y: Tensor) -> Forward {
        Forward { outputs: SmallVec::from_buf([y]), extras: vec![] }
    }
}

impl From<Vec<Tensor>> for Forward {
    fn from(ys: Vec<Tensor>) -> Forward {
        Forward { outputs: ys.into(), extras: vec![] }
    }
}

/// A differentiable operator: ours and yours are written alike.
///
/// `forward` and `backward` name no device: they call methods of `Tensor` and functions of `Variable`s, so one of each
/// serves all devices, and derivatives can be differentiated again.
///
/// ```
/// use catena::{autograd::{Forward, Function, Retain, Saved, apply}, prelude::*, shape::{InvalidType, Meta, same_float}};
///
/// /// `x * x * x`
/// #[derive(Debug)]
/// struct Cube;
///
/// impl Function for Cube {
///     fn name(&self) -> &'static str {
///         "cube"
///     }
///     fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
///         same_float(xs)?;
///         Ok(xs.to_vec())
///     }
///     fn retain(&self) -> Retain {
///         Retain::INPUTS
///     }
///     fn forward(&self, xs: &[Tensor]) -> Forward {
///         xs[0].mul(&xs[0]).mul(&xs[0]).into()
///     }
///     fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
///         let x = saved.input(0);
///         vec![gys[0].as_ref().map(|gy| 3.0 * x * x * gy)]
///     }
/// }
///
/// let x = Variable::new(Tensor::scalar(2.0f32, &Device::cpu()));
/// let y = apply(Cube, &[&x]);
/// y.backward();
/// assert_eq!(x.grad().unwrap().item().unwrap(), 12.0);
/// ```
pub trait Function: Debug + Send + Sync + 'static {
    /// The name, as a caller writes it.
    fn name(&self) -> &'static str;

    /// Shapes and dtypes of the outputs, or why the inputs do not fit.
    ///
    /// # Errors
    /// What was expected and what came.
    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType>;

    /// What `backward` will ask for.
    fn retain(&self) -> Retain {
        Retain::NOTHING
    }

    /// Computes the outputs.
    fn forward(&self, xs: &[Tensor]) -> Forward;

    /// Gradients of the inputs from those of the outputs, in variables. One that [`Saved::needs`] not may be `None`.
    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>>;
}

/// What a backward pass can ask for.
pub struct Saved {
    inputs: SmallVec<[Option<Variable>; 3]>,
    outputs: SmallVec<[Option<Variable>; 1]>,
    metas: SmallVec<[Meta; 3]>,
    needs: SmallVec<[bool; 3]>,
    node: Arc<FunctionNode>,
}

impl Saved {
    /// A retained input.
    ///
    /// # Panics
    /// When `retain` did not name it.
    #[track_caller]
    pub fn input(&self, i: usize) -> &Variable {
        self.inputs[i].as_ref().unwrap_or_else(|| panic!("{}: input {i} was not retained", self.node.name()))
    }

    /// A retained output.
    ///
    /// # Panics
    /// When `retain` did not name it.
    #[track_caller]
    pub fn output(&self, i: usize) -> &Variable {
        self.outputs[i].as_ref().unwrap_or_else(|| panic!("{}: output {i} was not retained", self.node.name()))
    }

    /// How many inputs there are.
    pub fn arity(&self) -> usize {
        self.metas.len()
    }

    /// A tensor that the forward pass saved.
    pub fn extra(&self, i: usize) -> &Tensor {
        &self.node.extras[i]
    }

    /// Shape and dtype of an input, retained or not.
    pub fn meta(&self, i: usize) -> &Meta {
        &self.metas[i]
    }

    /// Whether the gradient of input `i` is wanted; no work should be done for one that is not.
    pub fn needs(&self, i: usize) -> bool {
        self.needs[i]
    }
}

/// A function as it was applied.
pub struct FunctionNode {
    id: u64,
    rank: usize,
    function: Box<dyn Function>,
    inputs: SmallVec<[Arc<VariableNode>; 3]>,
    /// An output that was dropped and is wanted again, being retained, takes its place anew.
    outputs: Mutex<SmallVec<[Weak<VariableNode>; 1]>>,
    saved_inputs: SmallVec<[Option<Tensor>; 3]>,
    saved_outputs: SmallVec<[Option<Tensor>; 1]>,
    extras: Vec<Tensor>,
    at: &'static Location<'static>,
}

impl FunctionNode {
    /// The function's name.
    pub fn name(&self) -> &'static str {
        self.function.name()
    }

    /// Grows with every application.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Longest way from a leaf, in functions.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Where it was applied.
    pub fn location(&self) -> &'static Location<'static> {
        self.at
    }

    /// What it was applied to.
    pub fn inputs(&self) -> &[Arc<VariableNode>] {
        &self.inputs
    }

    /// Those of its outputs that are still held.
    pub fn outputs(&self) -> impl Iterator<Item = Arc<VariableNode>> + '_ {
        self.output_nodes().into_iter().filter_map(|n| n.upgrade())
    }

    pub(super) fn output_nodes(&self) -> SmallVec<[Weak<VariableNode>; 1]> {
        self.outputs.lock().clone()
    }

    pub(super) fn into_inputs(self) -> SmallVec<[Arc<VariableNode>; 3]> {
        self.inputs
    }

    /// Runs the backward pass of this application.
    pub(super) fn run_backward(
        self: &Arc<FunctionNode>,
        gys: &[Option<Variable>],
        needs: SmallVec<[bool; 3]>,
    ) -> Vec<Option<Variable>> {
        let inputs = self.saved_inputs.iter().zip(&self.inputs);
        let outputs = self.saved_outputs.iter().enumerate();
        let saved = Saved {
            inputs: inputs.map(|(t, n)| t.clone().map(|t| Variable::from_parts(t, n.clone()))).collect(),
            outputs: outputs.map(|(i, t)| t.clone().map(|t| self.rewrap(t, i))).collect(),
            metas: self.inputs.iter().map(|n| n.meta().clone()).collect(),
            needs,
            node: self.clone(),
        };
        let gxs = self.function.backward(&saved, gys);
        assert_eq!(
            gxs.len(),
            self.inputs.len(),
            "{}: backward gave {} gradients for {} inputs (applied at {})",
            self.name(),
            gxs.len(),
            self.inputs.len(),
            self.at
        );
        for (i, (gx, x)) in gxs.iter().zip(&self.inputs).enumerate() {
            if let Some(gx) = gx {
                assert!(
                    gx.shape() == &x.meta().shape && gx.dtype() == x.meta().dtype,
                    "{}: backward gave a gradient of {} {} for input {i} of {} {} (applied at {})",
                    self.name(),
                    gx.shape(),
                    gx.dtype(),
                    x.meta().shape,
                    x.meta().dtype,
                    self.at
                );
            }
        }
        gxs
    }

    /// A retained output as a variable of this function, also where its node is gone.
    fn rewrap(self: &Arc<FunctionNode>, data: Tensor, i: usize) -> Variable {
        let mut outputs = self.outputs.lock();
        let node = outputs[i].upgrade().unwrap_or_else(|| {
            let node = VariableNode::new(&data, true, self.rank + 1, Some(self.clone()));
            // A gradient that comes to the new node finds its way here.
            outputs[i] = Arc::downgrade(&node);
            node
        });
        Variable::from_parts(data, node)
    }
}

/// Applies a function of one output.
///
/// # Panics
/// At the caller's line when shapes, dtypes or devices do not fit.
#[track_caller]
pub fn apply(function: impl Function, xs: &[&Variable]) -> Variable {
    let mut ys = apply_boxed(Box::new(function), xs);
    debug_assert_eq!(ys.len(), 1);
    ys.swap_remove(0)
}

/// Applies a function.
///
/// # Panics
/// At the caller's line when shapes, dtypes or devices do not fit.
#[track_caller]
pub fn apply_all(function: impl Function, xs: &[&Variable]) -> Vec<Variable> {
    apply_boxed(Box::new(function), xs)
}

/// What is compiled once for all functions; the public names above are thin, since each is compiled for every function.
#[track_caller]
fn apply_boxed(function: Box<dyn Function>, xs: &[&Variable]) -> Vec<Variable> {
    let name = function.name();
    match try_apply_boxed(function, xs) {
        Ok(ys) => ys,
        Err(error) => {
            let metas: Vec<Meta> = xs.iter().map(|x| x.data().meta()).collect();
            panic!("{}", invalid(name, &error, &metas))
        }
    }
}

/// Applies a function, or says why its inputs do not fit.
///
/// # Errors
/// What was expected and what came.
#[track_caller]
pub fn try_apply(function: impl Function, xs: &[&Variable]) -> Result<Vec<Variable>, InvalidType> {
    try_apply_boxed(Box::new(function), xs)
}

#[track_caller]
fn try_apply_boxed(function: Box<dyn Function>, xs: &[&Variable]) -> Result<Vec<Variable>, InvalidType> {
    let at = Location::caller();
    let metas: SmallVec<[Meta; 3]> = xs.iter().map(|x| x.data().meta()).collect();
    let expected = function.infer(&metas)?;
    let data: SmallVec<[Tensor; 3]> = xs.iter().map(|x| x.data().clone()).collect();
    if let Some(first) = data.first()
        && data.iter().any(|t| t.device() != first.device())
    {
        let list: Vec<&Tensor> = data.iter().collect();
        same_device(function.name(), &list);
    }
    hook::forward_before(&*function, &data);
    let Forward { outputs, extras } = function.forward(&data);
    hook::forward_after(&*function, &outputs);
    debug_assert!(
        outputs.len() == expected.len() && outputs.iter().zip(&expected).all(|(y, m)| y.meta() == *m),
        "{}: infer said {expected:?}, forward gave {outputs:?}",
        function.name()
    );
    if config().debug {
        check_nan(function.name(), "forward pass", &outputs, at);
    }
    let graph = config().enable_backprop && xs.iter().any(|x| x.requires_grad());
    if !graph {
        return Ok(outputs.into_iter().map(Variable::constant).collect());
    }
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let rank = xs.iter().map(|x| x.node().rank()).max().unwrap_or(0);
    let Retain { inputs: keep_inputs, outputs: keep_outputs } = function.retain();
    let keep = |t: &Tensor, mask: u64, i: usize| (mask >> i.min(63) & 1 == 1).then(|| t.clone());
    let node = Arc::new(FunctionNode {
        id: NEXT.fetch_add(1, Relaxed),
        rank,
        function,
        inputs: xs.iter().map(|x| x.node().clone()).collect(),
        outputs: Mutex::default(),
        saved_inputs: data.iter().enumerate().map(|(i, t)| keep(t, keep_inputs, i)).collect(),
        saved_outputs: outputs.iter().enumerate().map(|(i, t)| keep(t, keep_outputs, i)).collect(),
        extras,
        at,
    });
    let ys: Vec<Variable> = outputs
        .into_iter()
        .map(|y| {
            let of = VariableNode::new(&y, y.dtype().is_float(), rank + 1, Some(node.clone()));
            Variable::from_parts(y, of)
        })
        .collect();
    *node.outputs.lock() = ys.iter().map(|y| Arc::downgrade(y.node())).collect();
    Ok(ys)
}

/// Panics when a tensor holds a NaN: debug mode.
pub(super) fn check_nan(name: &str, pass: &str, tensors: &[Tensor], at: &Location<'_>) {
    for t in tensors.iter().filter(|t| t.dtype().is_float()) {
        if let Ok(values) = t.to_f64()
            && let Some(i) = values.iter().position(|v| v.is_nan())
        {
            panic!("NaN in the {pass} of {name} at element {i} of shape {} (applied at {at})", t.shape());
        }
    }
}

/// The sum of two gradients: part of the algorithm, so it is here and not among the public functions.
#[derive(Debug)]
pub(super) struct Accumulate;

impl Function for Accumulate {
    fn name(&self) -> &'static str {
        "accumulate"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].shape, ==, xs[1].shape);
        Ok(vec![xs[0].clone()])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].add(&xs[1]).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].clone(), gys[0].clone()]
    }
}
