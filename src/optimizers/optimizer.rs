//! What all optimizers share: parameters with their states, hooks, steps, snapshots.

use super::hooks::Hook;
use crate::{
    autograd::no_backprop,
    error::Result,
    kernel::{fault_flag, force_all},
    links::{Link, Parameter},
    serializers::{Loader, NpyValue, Saver, Snapshot},
    tensor::Tensor,
};
use std::{
    fmt::Debug,
    ops::{Deref, DerefMut},
    sync::Arc,
};

/// How one parameter changes in one step.
///
/// ```
/// use catena::{optimizers::Rule, prelude::*};
///
/// /// Moves by the sign of the gradient.
/// #[derive(Debug, Clone)]
/// struct SignSgd {
///     lr: f64,
/// }
///
/// impl Rule for SignSgd {
///     fn states(&self) -> &'static [&'static str] {
///         &[]
///     }
///     fn step(&self, _: u64, w: Tensor, g: Tensor, _: &mut [Tensor]) -> Tensor {
///         w.sub(&g.div(&g.mul(&g).sqrt()).mul_scalar(self.lr))
///     }
/// }
///
/// let model = L::Linear::new(2, 1);
/// let mut optimizer = SignSgd { lr: 0.1 }.setup(&model);
/// optimizer.lr = 0.01;
/// ```
pub trait Rule: Debug + Send + Sync + Sized + 'static {
    /// Names of the tensors it keeps for each parameter.
    fn states(&self) -> &'static [&'static str];

    /// The first value of such a tensor: zeros, unless the rule says otherwise.
    fn initial(&self, _state: &str, w: &Tensor) -> Tensor {
        w.full_like(0.0)
    }

    /// The new values of a parameter, and of its states, in step `t` (from 1), from its values and gradient.
    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor;

    /// An optimizer for all parameters of a link.
    fn setup(self, link: &dyn Link) -> Optimizer<Self> {
        Optimizer::new(self, link)
    }
}

struct Slot {
    path: String,
    parameter: Parameter,
    states: Vec<Tensor>,
    t: u64,
}

/// A rule with the parameters it changes. Its fields are the rule's: `optimizer.lr = 0.1`.
pub struct Optimizer<R> {
    rule: R,
    slots: Vec<Slot>,
    hooks: Vec<(String, Arc<dyn Hook>)>,
    t: u64,
    epoch: u64,
}

impl<R> Deref for Optimizer<R> {
    type Target = R;
    fn deref(&self) -> &R {
        &self.rule
    }
}

impl<R> DerefMut for Optimizer<R> {
    fn deref_mut(&mut self) -> &mut R {
        &mut self.rule
    }
}

impl<R: Rule> Optimizer<R> {
    fn new(rule: R, link: &dyn Link) -> Optimizer<R> {
        let slot = |(path, parameter)| Slot { path, parameter, states: vec![], t: 0 };
        Optimizer { rule, slots: link.namedparams().into_iter().map(slot).collect(), hooks: vec![], t: 0, epoch: 0 }
    }

    /// Adds a hook; hooks run in the order in which they were added.
    pub fn add_hook(&mut self, hook: impl Hook) -> &mut Self {
        self.hooks.push((hook.name().into(), Arc::new(hook)));
        self
    }

    /// Removes the hook of that name; tells whether there was one.
    pub fn remove_hook(&mut self, name: &str) -> bool {
        let before = self.hooks.len();
        self.hooks.retain(|(n, _)| n != name);
        self.hooks.len() < before
    }

    /// Steps made so far.
    pub fn t(&self) -> u64 {
        self.t
    }

    /// Epochs that were counted with [`Optimizer::new_epoch`].
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Counts an epoch.
    pub fn new_epoch(&mut self) {
        self.epoch += 1;
    }

    /// One step: every parameter that has a gradient changes.
    ///
    /// Nothing is waited for. If the device has failed, or a gradient has, no parameter changes; the failure comes with
    /// the next blocking call.
    pub fn update(&mut self) {
        let _scope = no_backprop();
        let ready = |s: &&mut Slot| s.parameter.updates() && s.parameter.is_initialized();
        let mut active: Vec<(&mut Slot, Tensor)> = vec![];
        for slot in self.slots.iter_mut().filter(ready) {
            if let Some(g) = slot.parameter.grad() {
                active.push((slot, g));
            }
        }
        let Some((first, _)) = active.first() else { return };
        let device = first.parameter.device();
        if let Some(error) = active.iter().find_map(|(_, g)| g.failure()).or_else(|| device.failure()) {
            tracing::error!("update skipped: {error}");
            return;
        }
        self.t += 1;
        for (_, hook) in &self.hooks {
            let mut gradients: Vec<(Parameter, Tensor)> =
                active.iter().map(|(s, g)| (s.parameter.clone(), g.clone())).collect();
            hook.apply(self.t, &mut gradients);
            for ((_, g), (_, changed)) in active.iter_mut().zip(gradients) {
                *g = changed;
            }
        }
        // A bad index seen by a kernel of this step must not reach the parameters: the step then keeps them as they are.
        let fault = fault_flag(&device);
        for (slot, g) in active {
            slot.t += 1;
            if slot.states.is_empty() {
                let w = slot.parameter.data();
                slot.states = self.rule.states().iter().map(|s| self.rule.initial(s, &w)).collect();
            }
            let (rule, t) = (&self.rule, slot.t);
            let states = &mut slot.states;
            slot.parameter.replace_data(|w| {
                let before: Option<Vec<Tensor>> = fault.is_some().then(|| states.iter().chain([&w]).cloned().collect());
                let mut w = rule.step(t, w, g, states);
                if let (Some(flag), Some(before)) = (&fault, before) {
                    for (new, old) in states.iter_mut().chain([&mut w]).zip(&before) {
                        *new = flag.where_zero(new, old);
                    }
                }
                w.force();
                w
            });
        }
        force_all(&device);
    }

    /// Clears the gradients, computes the loss, its gradients, and makes a step.
    pub fn update_with(&mut self, loss: impl FnOnce() -> crate::autograd::Variable) -> crate::autograd::Variable {
        let loss = loss();
        self.slots.iter().for_each(|s| s.parameter.cleargrad());
        loss.backward();
        self.update();
        loss
    }

    /// The rule's tensor of that name for a parameter, by its path.
    pub fn state(&self, path: &str, name: &str) -> Option<Tensor> {
        let i = self.rule.states().iter().position(|s| *s == name)?;
        self.slots.iter().find(|s| s.path == path)?.states.get(i).cloned()
    }
}

impl<R: Rule> Snapshot for Optimizer<R> {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        to.put("t", &NpyValue::from(self.t as i64))?;
        to.put("epoch", &NpyValue::from(self.epoch as i64))?;
        for slot in &self.slots {
            to.put(&format!("{}/t", slot.path), &NpyValue::from(slot.t as i64))?;
            for (i, name) in self.rule.states().iter().enumerate() {
                let member = format!("{}/{name}", slot.path);
                match slot.states.get(i) {
                    Some(state) => to.put_tensor(&member, state)?,
                    None => to.put(&member, &NpyValue::None)?,
                }
            }
        }
        Ok(())
    }

    fn load(&mut self, from: &Loader<'_>) -> Result<()> {
        let (t, epoch) = (from.get_i64("t")? as u64, from.get_i64("epoch")? as u64);
        let mut loaded = vec![];
        for slot in &self.slots {
            let slot_t = from.get_i64(&format!("{}/t", slot.path))? as u64;
            let mut states = vec![];
            for name in self.rule.states() {
                let member = format!("{}/{name}", slot.path);
                if from.get(&member)?.is_none() {
                    break;
                }
                let (shape, dtype) = match slot.parameter.shape() {
                    Some(shape) => (Some(shape), slot.parameter.data().dtype()),
                    None => (None, crate::shape::DType::F32),
                };
                states.push(from.get_tensor(&member, shape.as_ref(), dtype, &slot.parameter.device())?);
            }
            if !states.is_empty() && states.len() < self.rule.states().len() {
                return Err(from.mismatch(format!("some states of {} are None, others are not", slot.path)));
            }
            loaded.push((slot_t, states));
        }
        (self.t, self.epoch) = (t, epoch);
        for (slot, (t, states)) in self.slots.iter_mut().zip(loaded) {
            (slot.t, slot.states) = (t, states);
        }
        Ok(())
    }
}
