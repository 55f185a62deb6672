//! Hooks: the program is called before and after every function.

use super::{Function, FunctionNode, Variable};
use crate::tensor::Tensor;
use std::{cell::RefCell, marker::PhantomData, sync::Arc};

/// Called around the functions of a thread: for timers, printers, debuggers.
pub trait FunctionHook {
    /// Before a forward pass.
    fn forward_before(&self, _function: &dyn Function, _inputs: &[Tensor]) {}
    /// After a forward pass.
    fn forward_after(&self, _function: &dyn Function, _outputs: &[Tensor]) {}
    /// Before a backward pass.
    fn backward_before(&self, _function: &FunctionNode, _gys: &[Option<Variable>]) {}
    /// After a backward pass.
    fn backward_after(&self, _function: &FunctionNode, _gxs: &[Option<Variable>]) {}
}

thread_local! {
    static HOOKS: RefCell<Vec<Arc<dyn FunctionHook>>> = const { RefCell::new(Vec::new()) };
}

/// A hook in force, until it is dropped.
#[must_use = "the hook is removed as soon as the scope is dropped"]
pub struct HookScope(PhantomData<*const ()>);

impl Drop for HookScope {
    fn drop(&mut self) {
        HOOKS.with(|h| h.borrow_mut().pop());
    }
}

/// Calls `hook` around every function of this thread until the scope is dropped.
///
/// ```
/// use catena::{autograd::{Function, FunctionHook, with_hook}, prelude::*};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Names(Mutex<Vec<&'static str>>);
/// impl FunctionHook for Names {
///     fn forward_before(&self, function: &dyn Function, _: &[Tensor]) {
///         self.0.lock().unwrap().push(function.name());
///     }
/// }
///
/// let names = Arc::new(Names::default());
/// let x = Variable::new(Tensor::scalar(1.0f32, &Device::cpu()));
/// {
///     let _scope = with_hook(names.clone());
///     F::relu(&x);
/// }
/// assert_eq!(*names.0.lock().unwrap(), ["relu"]);
/// ```
pub fn with_hook(hook: Arc<dyn FunctionHook>) -> HookScope {
    HOOKS.with(|h| h.borrow_mut().push(hook));
    HookScope(PhantomData)
}

/// A copy of the list: a hook may itself call functions.
fn hooks() -> Vec<Arc<dyn FunctionHook>> {
    HOOKS.with(|h| if h.borrow().is_empty() { vec![] } else { h.borrow().clone() })
}

pub(super) fn forward_before(function: &dyn Function, inputs: &[Tensor]) {
    hooks().iter().for_each(|h| h.forward_before(function, inputs));
}
pub(super) fn forward_after(function: &dyn Function, outputs: &[Tensor]) {
    hooks().iter().for_each(|h| h.forward_after(function, outputs));
}
pub(super) fn backward_before(function: &FunctionNode, gys: &[Option<Variable>]) {
    hooks().iter().for_each(|h| h.backward_before(function, gys));
}
pub(super) fn backward_after(function: &FunctionNode, gxs: &[Option<Variable>]) {
    hooks().iter().for_each(|h| h.backward_after(function, gxs));
}
