//! What holds for the code that runs now: settings of the thread, changed for a scope.

use std::{cell::Cell, marker::PhantomData};

/// Settings of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Whether dropout drops and batch normalisation learns; on at first.
    pub train: bool,
    /// Whether functions leave a graph behind; on at first.
    pub enable_backprop: bool,
    /// Whether every result is checked for NaN; off at first.
    pub debug: bool,
    /// Whether a part of the graph runs a second time, for its backward pass; off but within
    /// [`forget`](crate::functions::forget()).
    pub recomputing: bool,
}

thread_local! {
    static CONFIG: Cell<Config> = const { {
        Cell::new(Config { train: true, enable_backprop: true, debug: false, recomputing: false })
    } };
}

/// The settings of this thread.
pub fn config() -> Config {
    CONFIG.get()
}

/// Changed settings, until it is dropped.
#[must_use = "settings change back as soon as the scope is dropped"]
pub struct Scope {
    before: Config,
    // Settings are the thread's: the scope must end on the one where it began.
    thread: PhantomData<*const ()>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        CONFIG.set(self.before);
    }
}

/// Changes settings of this thread until the scope is dropped.
///
/// ```
/// # use catena::autograd::{config, using_config};
/// {
///     let _scope = using_config(|c| c.train = false);
///     assert!(!config().train);
/// }
/// assert!(config().train);
/// ```
pub fn using_config(change: impl FnOnce(&mut Config)) -> Scope {
    let before = CONFIG.get();
    let mut now = before;
    change(&mut now);
    CONFIG.set(now);
    Scope { before, thread: PhantomData }
}

/// Functions leave no graph behind until the scope is dropped.
pub fn no_backprop() -> Scope {
    using_config(|c| c.enable_backprop = false)
}

/// Functions behave as in evaluation until the scope is dropped: dropout keeps all, statistics stand still.
pub fn test_mode() -> Scope {
    using_config(|c| c.train = false)
}
