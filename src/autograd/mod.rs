//! The graph that the program's run leaves behind, and derivatives through it.
//!
//! A [`Variable`] is a tensor with a node; applying a [`Function`] links nodes. Nodes point to their inputs strongly and
//! to their outputs weakly, and hold no tensor but what a function asked to retain: when the last variable of a graph
//! is dropped the graph is freed, and what neither the program nor a backward pass needs is never written to memory.

mod case;
mod config;
mod function;
mod hook;
mod sweep;
mod variable;

pub use case::{Case, Input};
pub use config::{Config, Scope, config, no_backprop, test_mode, using_config};
pub use function::{Forward, Function, FunctionNode, Retain, Saved, apply, apply_all, try_apply};
pub use hook::{FunctionHook, HookScope, with_hook};
pub(crate) use sweep::backward_to;
pub use sweep::{Backward, Grad, backward, grad};
pub use variable::{Variable, VariableNode};
