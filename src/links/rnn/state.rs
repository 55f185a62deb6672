//! What a stateful link remembers between calls.

use crate::{autograd::Variable, functions as F};
use parking_lot::Mutex;

/// A variable that a link keeps from one call to the next, behind a lock.
///
/// A copy of the link starts without one.
#[derive(Debug, Default)]
pub struct State(Mutex<Option<Variable>>);

impl Clone for State {
    fn clone(&self) -> State {
        State::default()
    }
}

impl State {
    /// The variable, if there is one.
    pub fn get(&self) -> Option<Variable> {
        self.0.lock().clone()
    }

    /// Keeps another, or none.
    pub fn set(&self, state: Option<Variable>) {
        *self.0.lock() = state;
    }
}

/// # Panics
/// When a state has other rows than a batch: rows that were broadcast would be a mistake.
#[track_caller]
pub(super) fn expect_rows(link: &str, state: &Variable, batch: &Variable) {
    let [rows, expected] = [state, batch].map(|v| v.shape().first().copied().unwrap_or(1));
    assert!(rows == expected, "{link}: expected a state of {expected} rows, as the batch has, got {rows}");
}

/// The rows of a state that a batch goes on from, and the others, which wait.
///
/// # Panics
/// When the batch is larger than the state.
#[track_caller]
pub(super) fn split(link: &str, state: &Variable, batch: usize) -> (Variable, Option<Variable>) {
    let rows = state.shape()[0];
    assert!(
        batch <= rows,
        "{link}: expected a batch of at most {rows} rows, as the state has, got {batch}; call reset_state first, or sort \
         the batch so that the longest sequences come first"
    );
    if batch == rows {
        return (state.clone(), None);
    }
    let mut parts = F::split_axis(state, [batch], 0);
    let rest = parts.pop();
    (parts.swap_remove(0), rest)
}

/// The rows of a batch and those that waited.
pub(super) fn join(now: &Variable, rest: Option<Variable>) -> Variable {
    match rest {
        None => now.clone(),
        Some(rest) => F::concat(&[now, &rest], 0),
    }
}
