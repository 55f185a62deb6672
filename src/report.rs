//! Named values on their way from where they arise to who wants them: losses, accuracies.
//!
//! Values stay on their device and outside the graph: reporting never waits, and a kept report keeps no graph alive.

use crate::{autograd::Variable, error::Result, tensor::Tensor};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    marker::PhantomData,
    sync::{Arc, Mutex},
};

/// What was reported, by name.
pub type Observation = BTreeMap<String, Tensor>;

thread_local! {
    static SCOPES: RefCell<Vec<(Arc<Mutex<Observation>>, String)>> = const { RefCell::new(Vec::new()) };
}

/// Gathers what is reported while its scope is open.
///
/// ```
/// use catena::{prelude::*, report::{Reporter, report}};
///
/// let reporter = Reporter::new();
/// {
///     let _scope = reporter.scope("main");
///     report("loss", &Variable::constant(Tensor::scalar(0.5f32, &Device::cpu())));
/// }
/// assert_eq!(reporter.take()["main/loss"].item().unwrap(), 0.5);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Reporter(Arc<Mutex<Observation>>);

/// An open scope of a reporter, on this thread, until it is dropped.
#[must_use = "the scope closes as soon as it is dropped"]
pub struct ReportScope(PhantomData<*const ()>);

impl Drop for ReportScope {
    fn drop(&mut self) {
        SCOPES.with(|s| s.borrow_mut().pop());
    }
}

impl Reporter {
    /// A reporter that has seen nothing.
    pub fn new() -> Reporter {
        Reporter::default()
    }

    /// Opens a scope: what this thread reports arrives here as `prefix/name`.
    pub fn scope(&self, prefix: &str) -> ReportScope {
        SCOPES.with(|s| s.borrow_mut().push((self.0.clone(), prefix.into())));
        ReportScope(PhantomData)
    }

    /// What has arrived since it was last asked.
    pub fn take(&self) -> Observation {
        std::mem::take(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Reports a value to the innermost open scope of this thread, if there is one.
pub fn report(name: &str, value: &Variable) {
    SCOPES.with(|s| {
        if let Some((observation, prefix)) = s.borrow().last() {
            let name = if prefix.is_empty() { name.to_string() } else { format!("{prefix}/{name}") };
            let mut observation = observation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            observation.insert(name, value.data().clone());
        }
    });
}

/// Running means of observations, summed on the device: only [`DictSummary::means`] waits.
#[derive(Debug, Default)]
pub struct DictSummary {
    sums: BTreeMap<String, (Tensor, f64)>,
}

impl DictSummary {
    /// A summary of nothing.
    pub fn new() -> DictSummary {
        DictSummary::default()
    }

    /// Adds an observation that counts `weight` times.
    ///
    /// # Panics
    /// When a value is no single element.
    #[track_caller]
    pub fn add(&mut self, observation: &Observation, weight: f64) {
        for (name, value) in observation {
            assert_eq!(value.size(), 1, "DictSummary: expected one element for {name}, got shape {}", value.shape());
            let value = value.with_shape(&().into()).mul_scalar(weight);
            let (sum, total) = match self.sums.remove(name) {
                Some((sum, total)) => (sum.add(&value), total + weight),
                None => (value, weight),
            };
            // Computed now, so that it holds on to nothing of the step it came from.
            sum.force();
            self.sums.insert(name.clone(), (sum, total));
        }
    }

    /// The weighted means, and the summary starts anew.
    ///
    /// # Errors
    /// Whatever failed on the device.
    pub fn means(&mut self) -> Result<BTreeMap<String, f64>> {
        let sums = std::mem::take(&mut self.sums);
        sums.into_iter().map(|(name, (sum, total))| Ok((name, sum.item()? / total))).collect()
    }
}
