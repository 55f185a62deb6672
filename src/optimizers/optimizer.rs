//! What all optimizers share: parameters with their states, hooks, steps, snapshots.

use super::{
    group::{self, Group, Key},
    hooks::{Gradient, Hook},
};
use crate::{
    autograd::no_backprop,
    device::Tag,
    error::Result,
    kernel::{fault_flag, force_all, fusion},
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
///     fn per_element(&self) -> bool {
///         true
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

    /// Whether each new element depends on the same elements of values, gradient and states alone, so that several
    /// parameters may be stepped as one, laid end to end.
    fn per_element(&self) -> bool {
        false
    }

    /// The new values of a parameter, and of its states, in step `t` (from 1), from its values and gradient.
    fn step(&self, t: u64, w: Tensor, g: Tensor, states: &mut [Tensor]) -> Tensor;

    /// An optimizer for all parameters of a link.
    fn setup(self, link: &dyn Link) -> Optimizer<Self> {
        Optimizer::new(self, link)
    }
}

/// A parameter with what a rule keeps for it.
pub(super) struct Slot {
    pub path: String,
    pub parameter: Parameter,
    /// The rule's tensors, unless a group has them or the first step is still to come.
    pub states: Vec<Tensor>,
    pub t: u64,
    /// Whether it steps alone, because its gradient arrives where a group cannot use it.
    pub apart: bool,
}

type Selection = Vec<bool>;
type Adjust<R> = Box<dyn Fn(&R) -> R + Send + Sync>;

struct HookEntry {
    hook: Box<dyn Hook>,
    slots: Selection,
}

/// A rule with the parameters it changes. Its fields are the rule's: `optimizer.lr = 0.1`.
pub struct Optimizer<R> {
    rule: R,
    slots: Vec<Slot>,
    hooks: Vec<HookEntry>,
    post_hooks: Vec<HookEntry>,
    adjustments: Vec<(Selection, Adjust<R>)>,
    groups: Vec<Group>,
    /// The divisions of the last step, which become groups if they come again.
    seen: Vec<Vec<usize>>,
    t: u64,
    epoch: u64,
}

/// What a step changes at once: one parameter, or a group of them.
enum Unit {
    Alone(usize),
    Group(usize),
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
        let slot = |(path, parameter)| Slot { path, parameter, states: vec![], t: 0, apart: false };
        let slots = link.namedparams().into_iter().map(slot).collect();
        Optimizer {
            rule,
            slots,
            hooks: vec![],
            post_hooks: vec![],
            adjustments: vec![],
            groups: vec![],
            seen: vec![],
            t: 0,
            epoch: 0,
        }
    }

    /// Adds a hook; hooks run in the order in which they were added.
    pub fn add_hook(&mut self, hook: impl Hook) -> &mut Self {
        self.add_hook_for(|_| true, hook)
    }

    /// Adds a hook for the parameters whose paths `selects`: weight decay without biases, say.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let mut optimizer = Adam::new(0.001).setup(&L::Linear::new(3, 2));
    /// optimizer.add_hook_for(|path| path.ends_with("/W"), WeightDecay(1e-4));
    /// ```
    pub fn add_hook_for(&mut self, selects: impl Fn(&str) -> bool, hook: impl Hook) -> &mut Self {
        self.hooks.push(self.entry(selects, hook));
        self
    }

    /// Adds a hook that runs after the step, Chainer's `timing='post'`: it sees the new values, and the gradients as the
    /// program set them, and what it puts in their place stays with the parameters.
    ///
    /// So the hooks of this crate, which change gradients, have an effect in a later step, and only if gradients are not
    /// cleared; a hook of one's own may change the values.
    ///
    /// ```
    /// use catena::{optimizers::{Gradient, Hook}, prelude::*};
    ///
    /// /// Keeps values within -1 and 1.
    /// #[derive(Debug)]
    /// struct Within;
    ///
    /// impl Hook for Within {
    ///     fn name(&self) -> &'static str {
    ///         "Within"
    ///     }
    ///     fn apply(&self, _: u64, parameters: &mut [Gradient]) {
    ///         parameters.iter_mut().for_each(|p| p.w = p.w.clip(-1.0, 1.0));
    ///     }
    /// }
    ///
    /// let w = Parameter::new([2], L::initializers::Zero);
    /// let mut optimizer = Sgd::new(1.0).setup(&w);
    /// optimizer.add_post_hook(Within);
    /// w.set_grad(Some(Tensor::from_slice(&[5.0f32, -0.5], [2], &Device::cpu())));
    /// optimizer.update();
    /// assert_eq!(w.data().to_vec::<f32>().unwrap(), [-1.0, 0.5]);
    /// ```
    pub fn add_post_hook(&mut self, hook: impl Hook) -> &mut Self {
        self.add_post_hook_for(|_| true, hook)
    }

    /// As [`Optimizer::add_post_hook`], for the parameters whose paths `selects`.
    pub fn add_post_hook_for(&mut self, selects: impl Fn(&str) -> bool, hook: impl Hook) -> &mut Self {
        self.post_hooks.push(self.entry(selects, hook));
        self
    }

    fn entry(&self, selects: impl Fn(&str) -> bool, hook: impl Hook) -> HookEntry {
        HookEntry { hook: Box::new(hook), slots: self.slots.iter().map(|s| selects(&s.path)).collect() }
    }

    /// Removes the hooks of that name, before and after the step; tells whether there was one.
    pub fn remove_hook(&mut self, name: &str) -> bool {
        let before = self.hooks.len() + self.post_hooks.len();
        self.hooks.retain(|entry| entry.hook.name() != name);
        self.post_hooks.retain(|entry| entry.hook.name() != name);
        self.hooks.len() + self.post_hooks.len() < before
    }

    /// Gives the parameters whose paths `selects` hyperparameters of their own: in each step `change` is applied to a
    /// copy of the rule as it is then, so that schedules still reach them.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let mut optimizer = Sgd::new(0.1).setup(&L::Linear::new(3, 2));
    /// optimizer.adjust(|path| path.ends_with("/b"), |rule| rule.lr *= 2.0);
    /// ```
    pub fn adjust(
        &mut self,
        selects: impl Fn(&str) -> bool,
        change: impl Fn(&mut R) + Send + Sync + 'static,
    ) -> &mut Self
    where
        R: Clone,
    {
        let slots = self.slots.iter().map(|s| selects(&s.path)).collect();
        let adjusted = move |rule: &R| {
            let mut rule = rule.clone();
            change(&mut rule);
            rule
        };
        self.adjustments.push((slots, Box::new(adjusted)));
        self
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
    /// On a GPU, parameters under the same hyperparameters and hooks are laid end to end in their first step, and from
    /// then on step in one kernel. Nothing is waited for. If the device has failed, or a gradient has, no parameter
    /// changes; the failure comes with the next blocking call.
    pub fn update(&mut self) {
        let _scope = no_backprop();
        let ready = |s: &Slot| s.parameter.updates() && s.parameter.is_initialized();
        let active: Vec<(usize, Tensor)> = (0..self.slots.len())
            .filter(|&i| ready(&self.slots[i]))
            .filter_map(|i| Some((i, self.slots[i].parameter.grad()?)))
            .collect();
        let Some((first, _)) = active.first() else { return };
        let device = self.slots[*first].parameter.device();
        if let Some(error) = active.iter().find_map(|(_, g)| g.failure()).or_else(|| device.failure()) {
            tracing::error!("update skipped: {error}");
            return;
        }
        let stepped: Vec<usize> = active.iter().map(|(i, _)| *i).collect();
        if let Err(error) = self.step(active) {
            tracing::error!("update skipped: {error}");
            device.fail(error);
            return;
        }
        self.look_back(&stepped);
        force_all(&device);
    }

    fn step(&mut self, active: Vec<(usize, Tensor)>) -> Result<()> {
        let mut units = vec![];
        let mut gradients = vec![];
        let is_new = self.regroup(&active)?;
        let mut of_slot = vec![None; self.slots.len()];
        active.into_iter().for_each(|(i, g)| of_slot[i] = Some(g));
        for (at, group) in self.groups.iter_mut().enumerate() {
            let parts: Vec<Tensor> = group.members.iter().filter_map(|&i| of_slot[i].take()).collect();
            let g = group.gradients(&mut self.slots, &parts, is_new)?;
            let w = group.values(&self.slots).expect("regrouped for this step");
            gradients.push(Gradient { w, g });
            units.push(Unit::Group(at));
        }
        // What no group took.
        for (i, g) in of_slot.into_iter().enumerate().filter_map(|(i, g)| Some((i, g?))) {
            gradients.push(Gradient { w: self.slots[i].parameter.data(), g });
            units.push(Unit::Alone(i));
        }
        self.t += 1;
        let slot_of = |unit: &Unit| match *unit {
            Unit::Alone(i) => i,
            Unit::Group(at) => self.groups[at].members[0],
        };
        for entry in &self.hooks {
            let chosen: Vec<usize> = (0..units.len()).filter(|&u| entry.slots[slot_of(&units[u])]).collect();
            let mut seen: Vec<Gradient> =
                chosen.iter().map(|&u| Gradient { w: gradients[u].w.clone(), g: gradients[u].g.clone() }).collect();
            entry.hook.apply(self.t, &mut seen);
            for (u, changed) in chosen.into_iter().zip(seen) {
                gradients[u].g = changed.g;
            }
        }
        let rules: Vec<Option<R>> = units.iter().map(|unit| self.adjusted(slot_of(unit))).collect();
        for ((unit, rule), Gradient { w, g }) in units.into_iter().zip(rules).zip(gradients) {
            // A bad index seen by a kernel of this step must not reach the parameters: they stay as they are.
            let fault = fault_flag(w.device());
            let rule = rule.as_ref().unwrap_or(&self.rule);
            let change = |t: u64, w: Tensor, states: &mut [Tensor]| {
                let before: Option<Vec<Tensor>> = fault.is_some().then(|| states.iter().chain([&w]).cloned().collect());
                let mut w = rule.step(t, w, g, states);
                if let (Some(flag), Some(before)) = (&fault, before) {
                    for (new, old) in states.iter_mut().chain([&mut w]).zip(&before) {
                        *new = flag.where_zero(new, old);
                    }
                }
                w.force();
                w.tag(Tag::Parameter);
                w
            };
            match unit {
                Unit::Group(at) => {
                    let group = &mut self.groups[at];
                    group.members.iter().for_each(|&i| self.slots[i].t += 1);
                    let t = self.slots[group.members[0]].t;
                    group.step(&self.slots, |states| change(t, w, states));
                }
                Unit::Alone(i) => {
                    let slot = &mut self.slots[i];
                    slot.t += 1;
                    if slot.states.is_empty() {
                        slot.states = rule.states().iter().map(|s| rule.initial(s, &w)).collect();
                    }
                    drop(w);
                    slot.parameter.replace_data(|w| change(slot.t, w, &mut slot.states));
                }
            }
        }
        Ok(())
    }

    /// Runs the hooks that come after the step of these slots.
    fn look_back(&self, stepped: &[usize]) {
        for entry in &self.post_hooks {
            let chosen = || stepped.iter().filter(|&&i| entry.slots[i]).map(|&i| &self.slots[i].parameter);
            let now = |p: &Parameter| Some(Gradient { w: p.data(), g: p.grad()? });
            let before: Vec<(&Parameter, Gradient)> = chosen().filter_map(|p| Some((p, now(p)?))).collect();
            let mut seen: Vec<Gradient> =
                before.iter().map(|(_, Gradient { w, g })| Gradient { w: w.clone(), g: g.clone() }).collect();
            entry.hook.apply(self.t, &mut seen);
            for ((parameter, before), after) in before.into_iter().zip(seen) {
                // After a bad index values and gradients stay as they are, as in the step itself.
                let fault = fault_flag(before.w.device());
                let kept = |new: Tensor, old: &Tensor| match &fault {
                    Some(flag) => flag.where_zero(&new, old),
                    None => new,
                };
                if !Arc::ptr_eq(&after.w.storage, &before.w.storage) {
                    let w = kept(after.w, &before.w);
                    w.force();
                    parameter.set_data(w);
                }
                if !Arc::ptr_eq(&after.g.storage, &before.g.storage) {
                    let g = kept(after.g, &before.g);
                    g.force();
                    parameter.set_grad(Some(g));
                }
            }
        }
    }

    /// Brings the groups in line with what is to step now; tells whether one of them is new.
    fn regroup(&mut self, active: &[(usize, Tensor)]) -> Result<bool> {
        let joinable = fusion() && self.rule.per_element() && self.hooks.iter().all(|entry| entry.hook.per_element());
        let key = |(i, g): &(usize, Tensor)| {
            let key = Key {
                device: g.device().clone(),
                dtype: g.dtype(),
                t: self.slots[*i].t,
                adjustments: self.adjustments.iter().map(|(slots, _)| slots[*i]).collect(),
                hooks: self.hooks.iter().map(|entry| entry.slots[*i]).collect(),
            };
            (joinable && !key.device.launches_are_free()).then_some((*i, key))
        };
        let candidates: Vec<(usize, Key)> = active.iter().filter_map(key).collect();
        let sets = group::divide(&self.slots, &candidates);
        let mut old = std::mem::take(&mut self.groups);
        let mut groups = vec![];
        let mut missing = vec![];
        for (key, members) in &sets {
            let same = |g: &Group| g.members == *members && g.values(&self.slots).is_some();
            match old.iter().position(same) {
                Some(at) => groups.push(old.swap_remove(at)),
                None => missing.push((key, members)),
            }
        }
        old.into_iter().for_each(|group| group.dissolve(&mut self.slots));
        let mut is_new = false;
        for (key, members) in missing {
            // What changes from step to step is not laid out anew each time.
            if self.t == 0 || self.seen.contains(members) {
                groups.push(Group::new(members.clone(), key, &self.rule, &mut self.slots)?);
                is_new = true;
            }
        }
        self.groups = groups;
        self.seen = sets.into_iter().map(|(_, members)| members).collect();
        Ok(is_new)
    }

    /// The rule of one parameter, where it differs from the others'.
    fn adjusted(&self, slot: usize) -> Option<R> {
        let mut own: Option<R> = None;
        for (_, adjust) in self.adjustments.iter().filter(|(slots, _)| slots[slot]) {
            own = Some(adjust(own.as_ref().unwrap_or(&self.rule)));
        }
        own
    }

    /// Clears the gradients, computes the loss, its gradients, and makes a step.
    ///
    /// The loss that comes back has let go of the graph, so that parameters could be changed in their own memory.
    pub fn update_with(&mut self, loss: impl FnOnce() -> crate::autograd::Variable) -> crate::autograd::Variable {
        let loss = loss();
        self.slots.iter().for_each(|s| s.parameter.cleargrad());
        loss.backward();
        loss.unchain();
        self.update();
        loss
    }

    /// The rule's tensor of that name for a parameter, by its path.
    pub fn state(&self, path: &str, name: &str) -> Option<Tensor> {
        let s = self.rule.states().iter().position(|s| *s == name)?;
        self.state_of(self.slots.iter().position(|slot| slot.path == path)?, s)
    }
}

impl<R> Optimizer<R> {
    fn state_of(&self, slot: usize, s: usize) -> Option<Tensor> {
        let of_group = self.groups.iter().find_map(|g| g.state(&self.slots, slot, s));
        of_group.or_else(|| self.slots[slot].states.get(s).cloned())
    }
}

impl<R: Rule> Snapshot for Optimizer<R> {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        to.put("t", &NpyValue::from(self.t as i64))?;
        to.put("epoch", &NpyValue::from(self.epoch as i64))?;
        for (at, slot) in self.slots.iter().enumerate() {
            to.put(&format!("{}/t", slot.path), &NpyValue::from(slot.t as i64))?;
            for (i, name) in self.rule.states().iter().enumerate() {
                let member = format!("{}/{name}", slot.path);
                match self.state_of(at, i) {
                    Some(state) => to.put_tensor(&member, &state)?,
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
        (self.groups, self.seen) = (vec![], vec![]);
        for (slot, (t, states)) in self.slots.iter_mut().zip(loaded) {
            (slot.t, slot.states) = (t, states);
        }
        Ok(())
    }
}
