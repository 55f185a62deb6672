//! The CPU's passes.

use super::{
    Begin, Cell, Recurrence, Upstream, Weights,
    cells::{Step, StepBack},
};
use crate::{
    device::Buffer,
    error::Result,
    kernel::{
        parallel::Disjoint,
        tiles::{Number, Panels},
    },
    tensor::Tensor,
};
use pulp::Arch;
use rayon::prelude::*;
use std::ops::Range;

/// A tensor's elements in order, and the buffer they lie in.
struct Values<E> {
    buffer: Buffer,
    at: usize,
    n: usize,
    element: std::marker::PhantomData<E>,
}

impl<E: Number> Values<E> {
    fn of(x: &Tensor) -> Result<Values<E>> {
        let x = x.contiguous();
        let (buffer, at) = x.buffer()?;
        Ok(Values { buffer, at: at + x.view.offset, n: x.size(), element: std::marker::PhantomData })
    }

    fn some(x: Option<&Tensor>) -> Result<Option<Values<E>>> {
        x.map(Values::of).transpose()
    }

    fn slice(&self) -> &[E] {
        // SAFETY: a forced operand is written by nobody.
        unsafe { self.buffer.host::<E>(self.at, self.n) }
    }
}

/// Fresh memory that tasks share.
fn fresh<E: Number>(buffer: &Buffer, n: usize) -> Disjoint<'_, E> {
    // SAFETY: it is known to nobody else.
    Disjoint::new(unsafe { buffer.host_mut::<E>(0, n) })
}

/// Rows of a batch, `from` on, that are going on at a step.
struct Active {
    /// Their number.
    rows: usize,
    /// The first one's place among all packed rows.
    at: usize,
    /// How many of them were going on at the step before, and where they were then; the others begin.
    before: usize,
    before_at: usize,
}

impl Recurrence {
    /// Rows for each task: as many steps for one as for another, whole halves of a tile.
    fn shares(&self, units: usize) -> Vec<Range<usize>> {
        const HALF: usize = 4;
        let batch = self.sizes[0];
        let total: usize = self.sizes.iter().sum();
        let worth = 1 + total * self.cell.gates() * units * units / (1 << 16);
        let tasks = rayon::current_num_threads().min(batch.div_ceil(HALF)).min(worth).max(1);
        let (mut shares, mut first, mut begun, mut done) = (vec![], 0, 0, 0);
        for end in (HALF..batch).step_by(HALF).chain([batch]) {
            done += self.sizes.iter().map(|&n| n.min(end).saturating_sub(begun)).sum::<usize>();
            begun = end;
            if end == batch || done * tasks >= total * (shares.len() + 1) {
                shares.push(first..end);
                first = end;
            }
        }
        shares
    }

    /// The steps at which some of the rows `share` are going on, in the layer's order.
    fn steps(&self, share: &Range<usize>) -> Vec<Active> {
        let mut starts = vec![0; self.sizes.len()];
        for t in 1..self.sizes.len() {
            starts[t] = starts[t - 1] + self.sizes[t - 1];
        }
        let going = |t: usize| self.sizes[t].min(share.end).saturating_sub(share.start);
        let active = |t: usize| {
            let before = if self.backwards { Some(t + 1).filter(|&t| t < starts.len()) } else { t.checked_sub(1) };
            Active {
                rows: going(t),
                at: starts[t] + share.start,
                before: before.map_or(0, |b| going(b).min(going(t))),
                before_at: before.map_or(0, |b| starts[b] + share.start),
            }
        };
        let mut all: Vec<Active> = (0..starts.len()).map(active).filter(|a| a.rows > 0).collect();
        if self.backwards {
            all.reverse();
        }
        all
    }

    pub(super) fn forward<E: Number>(
        &self,
        x: &Tensor,
        weights: Weights<'_>,
        begin: Begin<'_>,
        [outputs, gates, second, h, c]: &[Buffer; 5],
    ) -> Result<()> {
        let (rows, units) = (x.shape()[0], begin.h.shape()[1]);
        let width = self.cell.gates() * units;
        let (x, w, bias) = (Values::<E>::of(x)?, Values::<E>::of(weights.on_state)?, Values::<E>::of(weights.bias)?);
        let state_bias = Values::<E>::some(weights.state_bias)?;
        let (h0, c0) = (Values::<E>::of(begin.h)?, Values::<E>::some(begin.c)?);
        let panels = Panels::new(w.slice(), [units, width], [1, units]);
        let plain = matches!(self.cell, Cell::Tanh | Cell::Relu);
        let of_rows = |n: usize| if plain { 0 } else { rows * n };
        let all = fresh::<E>(outputs, rows * units);
        let (all_gates, all_second) = (fresh::<E>(gates, of_rows(width)), fresh::<E>(second, of_rows(units)));
        let (last_h, last_c) = (fresh::<E>(h, h0.n), fresh::<E>(c, c0.as_ref().map_or(0, |c| c.n)));
        self.shares(units).into_par_iter().for_each(|share| {
            let own = share.start * units..share.end * units;
            // SAFETY: tasks have rows of their own, in these and in what follows.
            let (h, c) = unsafe {
                let h = last_h.range(own.clone());
                h.copy_from_slice(&h0.slice()[own.clone()]);
                let c = c0.as_ref().map(|c0| {
                    let c = last_c.range(own.clone());
                    c.copy_from_slice(&c0.slice()[own.clone()]);
                    c
                });
                (h, c.unwrap_or_default())
            };
            let (mut scratch, mut on_state) = (vec![], vec![]);
            for Active { rows, at, .. } in self.steps(&share) {
                let (narrow, wide) = (at * units..(at + rows) * units, at * width..(at + rows) * width);
                let (outputs, gates, second) = unsafe {
                    let (gates, second) = if plain { (0..0, 0..0) } else { (wide.clone(), narrow.clone()) };
                    (all.range(narrow), all_gates.range(gates), all_second.range(second))
                };
                let h = &mut h[..rows * units];
                let sums = if plain { &mut *outputs } else { &mut *gates };
                for (sums, x) in sums.chunks_exact_mut(width).zip(x.slice()[wide].chunks_exact(width)) {
                    for ((sum, &x), &b) in sums.iter_mut().zip(x).zip(bias.slice()) {
                        *sum = x + b;
                    }
                }
                match &state_bias {
                    None => panels.multiply(h, sums, true, &mut scratch),
                    Some(bias) => {
                        on_state.clear();
                        (0..rows).for_each(|_| on_state.extend_from_slice(bias.slice()));
                        panels.multiply(h, &mut on_state, true, &mut scratch);
                    }
                }
                let c = if c.is_empty() { &mut [] } else { &mut c[..rows * units] };
                let step = Step { cell: self.cell, units, gates, on_state: &on_state, h, c, second, outputs };
                Arch::new().dispatch(step);
            }
        });
        Ok(())
    }

    pub(super) fn backward<E: Number>(
        &self,
        on_state: &Tensor,
        begin: Begin<'_>,
        (outputs, [gates, second]): (&Tensor, [&Tensor; 2]),
        upstream: Upstream<'_>,
        [on_input, of_state, before, gh, gc]: &[Buffer; 5],
    ) -> Result<()> {
        let (rows, units) = (outputs.shape()[0], outputs.shape()[1]);
        let width = self.cell.gates() * units;
        let (w, outputs) = (Values::<E>::of(on_state)?, Values::<E>::of(outputs)?);
        let (gates, second) = (Values::<E>::of(gates)?, Values::<E>::of(second)?);
        let (h0, c0) = (Values::<E>::of(begin.h)?, Values::<E>::some(begin.c)?);
        let gy = Values::<E>::some(upstream.outputs)?;
        let (last_h, last_c) = (Values::<E>::some(upstream.h)?, Values::<E>::some(upstream.c)?);
        let panels = Panels::new(w.slice(), [width, units], [units, 1]);
        let apart = self.cell == Cell::Gru;
        let (all_input, all_before) = (fresh::<E>(on_input, rows * width), fresh::<E>(before, rows * units));
        let all_state = fresh::<E>(of_state, if apart { rows * width } else { 0 });
        let (all_h, all_c) = (fresh::<E>(gh, h0.n), fresh::<E>(gc, c0.as_ref().map_or(0, |c| c.n)));
        let begun = |to: &mut [E], from: &Option<Values<E>>, own: &Range<usize>| match from {
            Some(values) => to.copy_from_slice(&values.slice()[own.clone()]),
            None => to.fill(E::ZERO),
        };
        self.shares(units).into_par_iter().for_each(|share| {
            let own = share.start * units..share.end * units;
            // SAFETY: tasks have rows of their own, in these and in what follows.
            let (gh, gc) = unsafe {
                let gh = all_h.range(own.clone());
                begun(gh, &last_h, &own);
                let gc = all_c.range(if c0.is_some() { own.clone() } else { 0..0 });
                if c0.is_some() {
                    begun(gc, &last_c, &own);
                }
                (gh, gc)
            };
            let (mut scratch, mut c_before) = (vec![], vec![]);
            for Active { rows, at, before, before_at } in self.steps(&share).into_iter().rev() {
                let (narrow, wide) = (at * units..(at + rows) * units, at * width..(at + rows) * width);
                let (on_input, on_state, h_before) = unsafe {
                    let apart = if apart { wide.clone() } else { 0..0 };
                    (all_input.range(wide.clone()), all_state.range(apart), all_before.range(narrow.clone()))
                };
                // Rows that go on, and those that begin at this step.
                let earlier = before_at * units..(before_at + before) * units;
                let beginning = (share.start + before) * units..(share.start + rows) * units;
                let (going, new) = h_before.split_at_mut(before * units);
                going.copy_from_slice(&outputs.slice()[earlier.clone()]);
                new.copy_from_slice(&h0.slice()[beginning.clone()]);
                if let Some(c0) = &c0 {
                    c_before.clear();
                    c_before.extend_from_slice(&second.slice()[earlier]);
                    c_before.extend_from_slice(&c0.slice()[beginning]);
                }
                let gh = &mut gh[..rows * units];
                if let Some(gy) = &gy {
                    gh.iter_mut().zip(&gy.slice()[narrow.clone()]).for_each(|(gh, &gy)| *gh += gy);
                }
                let plain = gates.n == 0;
                let step = StepBack {
                    cell: self.cell,
                    units,
                    gates: if plain { &[] } else { &gates.slice()[wide] },
                    second: if plain { &[] } else { &second.slice()[narrow.clone()] },
                    outputs: &outputs.slice()[narrow],
                    h_before,
                    c_before: &c_before,
                    gh: &mut *gh,
                    gc: if gc.is_empty() { &mut [] } else { &mut gc[..rows * units] },
                    on_input: &mut *on_input,
                    on_state: &mut *on_state,
                };
                Arch::new().dispatch(step);
                panels.multiply(if apart { on_state } else { on_input }, gh, apart, &mut scratch);
            }
        });
        Ok(())
    }
}
