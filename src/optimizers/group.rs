//! Parameters that take the same step, laid end to end so that one kernel makes it.
//!
//! Values, gradients and states of a group lie in one arena each. Values and states are ordinary tensors: each step puts
//! new ones in their place, in the same memory when nobody else holds the old. The arena of gradients stays, and backward
//! passes write into it.

use super::{Rule, optimizer::Slot};
use crate::{
    device::Device,
    error::Result,
    kernel::arena::Layout,
    links::Parameter,
    shape::DType,
    tensor::{Tensor, expr::Place},
};
use smallvec::SmallVec;
use std::sync::Arc;

/// What parameters must share to be of one group.
#[derive(PartialEq, Clone)]
pub(super) struct Key {
    pub device: Device,
    pub dtype: DType,
    pub t: u64,
    /// Which adjustments and which hooks concern them.
    pub adjustments: SmallVec<[bool; 8]>,
    pub hooks: SmallVec<[bool; 8]>,
}

pub(super) struct Group {
    /// Slots, in the order in which they lie.
    pub members: Vec<usize>,
    layout: Layout,
    pub states: Vec<Tensor>,
    gradients: Tensor,
    places: Vec<Arc<Place>>,
}

/// Elements of a parameter that is too large to gain from company.
const LARGE: usize = 1 << 24;
/// Elements of all parameters of a group, where the device allows as many.
const MOST: usize = 1 << 25;
/// Bytes of a gradient that is not worth copying to the others.
const HEAVY: u64 = 1 << 20;

/// Divides slots that may step together, by key and size; those that stay alone are left out.
pub(super) fn divide(slots: &[Slot], candidates: &[(usize, Key)]) -> Vec<(Key, Vec<usize>)> {
    let mut sets: Vec<(Key, usize, Vec<usize>)> = vec![];
    for (at, key) in candidates {
        let size = slots[*at].parameter.shape().map_or(0, |s| s.size());
        if size == 0 || size > LARGE || slots[*at].apart {
            continue;
        }
        let most = MOST.min((key.device.most_bytes() / key.dtype.size() as u64) as usize);
        let room = Layout::room(size);
        match sets.iter_mut().find(|(k, total, _)| k == key && total + room <= most) {
            Some((_, total, members)) => {
                *total += room;
                members.push(*at);
            }
            None => sets.push((key.clone(), room, vec![*at])),
        }
    }
    sets.retain(|(_, _, members)| members.len() > 1);
    sets.into_iter().map(|(key, _, members)| (key, members)).collect()
}

impl Group {
    /// Lays the members' values, gradients and states end to end.
    pub fn new<R: Rule>(members: Vec<usize>, key: &Key, rule: &R, slots: &mut [Slot]) -> Result<Group> {
        let data: Vec<Tensor> = members.iter().map(|&i| slots[i].parameter.data()).collect();
        let layout = Layout::new(data.iter().map(Tensor::size));
        let gradients = layout.pack(&[], key.dtype, &key.device)?;
        let places = layout.places(&gradients)?;
        let w = layout.pack(&data, key.dtype, &key.device)?;
        let mut states = vec![];
        for (s, name) in rule.states().iter().enumerate() {
            let old: Option<Vec<Tensor>> = members.iter().map(|&i| slots[i].states.get(s).cloned()).collect();
            states.push(match old {
                Some(old) => layout.pack(&old, key.dtype, &key.device)?,
                // Those that have a state and those that have none yet: each its own.
                None if members.iter().any(|&i| !slots[i].states.is_empty()) => {
                    let each: Vec<Tensor> = members
                        .iter()
                        .zip(&data)
                        .map(|(&i, w)| slots[i].states.get(s).cloned().unwrap_or_else(|| rule.initial(name, w)))
                        .collect();
                    layout.pack(&each, key.dtype, &key.device)?
                }
                None => rule.initial(name, &w).settle(),
            });
        }
        members.iter().for_each(|&i| slots[i].states.clear());
        let group = Group { members, layout, states, gradients, places };
        group.put(slots, &w);
        group.keep_room(slots);
        Ok(group)
    }

    /// Has backward passes write their gradients into the arena.
    fn keep_room(&self, slots: &[Slot]) {
        for (&i, place) in self.members.iter().zip(&self.places) {
            slots[i].parameter.leaf().node().set_place(Some(place.clone()));
        }
    }

    fn parameters<'a>(&self, slots: &'a [Slot]) -> Vec<&'a Parameter> {
        self.members.iter().map(|&i| &slots[i].parameter).collect()
    }

    fn put(&self, slots: &[Slot], w: &Tensor) {
        let parameters = self.parameters(slots);
        let shapes: Vec<_> = parameters.iter().map(|p| p.data().shape().clone()).collect();
        Parameter::replace_all(&parameters, || {
            shapes.iter().enumerate().map(|(i, shape)| self.layout.get(w, i, shape)).collect()
        });
    }

    /// The members' values as one, unless the program has put others in their place.
    pub fn values(&self, slots: &[Slot]) -> Option<Tensor> {
        let data: Vec<Tensor> = self.members.iter().map(|&i| slots[i].parameter.data()).collect();
        self.layout.whole(&data)
    }

    /// The members' gradients as one; those that lie elsewhere are copied.
    pub fn gradients(&mut self, slots: &mut [Slot], gradients: &[Tensor], is_new: bool) -> Result<Tensor> {
        for (at, g) in gradients.iter().enumerate() {
            if g.is_at(&self.places[at]) {
                continue;
            }
            if !self.places[at].put(g)? {
                // The program holds an earlier gradient, which must not change.
                self.gradients = self.layout.pack(gradients, g.dtype(), g.device())?;
                self.places = self.layout.places(&self.gradients)?;
                self.keep_room(slots);
                break;
            }
            let bytes = (g.size() * g.dtype().size()) as u64;
            slots[self.members[at]].apart |= !is_new && bytes > HEAVY;
        }
        Ok(self.gradients.clone())
    }

    /// Puts what `step` makes of all values and states in their place.
    pub fn step(&mut self, slots: &[Slot], step: impl FnOnce(&mut [Tensor]) -> Tensor) {
        let parameters = self.parameters(slots);
        let shapes: Vec<_> = parameters.iter().map(|p| p.data().shape().clone()).collect();
        let (layout, states) = (&self.layout, &mut self.states);
        Parameter::replace_all(&parameters, || {
            let w = step(states);
            shapes.iter().enumerate().map(|(i, shape)| layout.get(&w, i, shape)).collect()
        });
    }

    /// State `s` of a slot, if it is a member.
    pub fn state(&self, slots: &[Slot], slot: usize, s: usize) -> Option<Tensor> {
        let at = self.members.iter().position(|&m| m == slot)?;
        let shape = slots[slot].parameter.shape()?;
        Some(self.layout.get(self.states.get(s)?, at, &shape))
    }

    /// Gives the members their states back.
    pub fn dissolve(self, slots: &mut [Slot]) {
        for &i in &self.members {
            slots[i].states = (0..self.states.len()).filter_map(|s| self.state(slots, i, s)).collect();
            if slots[i].parameter.is_initialized() {
                slots[i].parameter.leaf().node().set_place(None);
            }
        }
    }
}
