//! One layer of a recurrent network in one direction, over all steps at once: on the CPU.
//!
//! Rows of a batch do not depend on each other, so each core takes some of them through all steps, and cores never wait
//! for each other. The weights on the state are packed once a pass.

mod cells;
mod pass;

pub(crate) use cells::Cell;

use super::{fuse, rows::failed};
use crate::{
    device::Buffer,
    error::Result,
    shape::{DType, Shape},
    tensor::{Storage, Tensor},
};

/// A layer in one direction, over packed rows: `sizes[t]` of them at step `t`, which never grow.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    pub cell: Cell,
    pub sizes: Vec<usize>,
    /// Whether it begins at the last step.
    pub backwards: bool,
}

/// Where a layer begins: the states `(B_0, units)`, and the cells of an LSTM.
#[derive(Clone, Copy)]
pub(crate) struct Begin<'a> {
    pub h: &'a Tensor,
    pub c: Option<&'a Tensor>,
}

/// Weights `(gates x units, units)` on the state, and what is added to the sums: to the input's part, and to the state's
/// where the cell tells them apart.
#[derive(Clone, Copy)]
pub(crate) struct Weights<'a> {
    pub on_state: &'a Tensor,
    pub bias: &'a Tensor,
    pub state_bias: Option<&'a Tensor>,
}

/// Results of a layer, and what its gradient needs.
pub(crate) struct Pass {
    /// `(rows, units)`.
    pub outputs: Tensor,
    pub h: Tensor,
    pub c: Option<Tensor>,
    pub kept: [Tensor; 2],
}

/// Gradients of the outputs, the last states and the last cells.
#[derive(Clone, Copy)]
pub(crate) struct Upstream<'a> {
    pub outputs: Option<&'a Tensor>,
    pub h: Option<&'a Tensor>,
    pub c: Option<&'a Tensor>,
}

/// Gradients of a layer.
pub(crate) struct Gradients {
    /// Of the sums by what the input gives, `(rows, gates x units)`.
    pub on_input: Tensor,
    /// By what the state gives, where that differs.
    pub on_state: Option<Tensor>,
    /// The states before each step, `(rows, units)`, whose products with those are the gradients of the state's weights.
    pub before: Tensor,
    pub h: Tensor,
    pub c: Option<Tensor>,
}

impl Recurrence {
    /// Whether there is such a pass for tensors like this; elsewhere a layer is made of its steps.
    pub fn is_for(x: &Tensor) -> bool {
        x.device().is_cpu() && matches!(x.dtype(), DType::F32 | DType::F64) && x.size() > 0
    }

    /// Runs over `x`, what the input gives of the sums without their bias.
    pub fn run(&self, x: &Tensor, weights: Weights<'_>, begin: Begin<'_>) -> Pass {
        let (rows, units) = (x.shape()[0], begin.h.shape()[1]);
        let of = |rows, width| Shape::from([rows, width]);
        // The gates' values, and beside them the cells after each step, or the state's part of the GRU's third sum; a
        // plain cell's gradient needs its outputs alone.
        let (gates, second) = match self.cell {
            Cell::Lstm | Cell::Gru => (of(rows, self.cell.gates() * units), of(rows, units)),
            Cell::Tanh | Cell::Relu => (of(0, units), of(0, units)),
        };
        let cells = of(begin.c.map_or(0, |_| self.sizes[0]), units);
        let shapes = [of(rows, units), gates, second, of(self.sizes[0], units), cells];
        let [outputs, gates, second, h, c] = filled(x, shapes, |into| match x.dtype() {
            DType::F32 => self.forward::<f32>(x, weights, begin, into),
            _ => self.forward::<f64>(x, weights, begin, into),
        });
        Pass { outputs, h, c: begin.c.map(|_| c), kept: [gates, second] }
    }

    /// The gradients of a pass.
    pub fn run_back(
        &self,
        on_state: &Tensor,
        begin: Begin<'_>,
        (outputs, kept): (&Tensor, [&Tensor; 2]),
        upstream: Upstream<'_>,
    ) -> Gradients {
        let (rows, units) = (outputs.shape()[0], outputs.shape()[1]);
        let of = |rows, width| Shape::from([rows, width]);
        let width = self.cell.gates() * units;
        let apart = self.cell == Cell::Gru;
        let cells = of(begin.c.map_or(0, |_| self.sizes[0]), units);
        let shapes = [
            of(rows, width),
            of(if apart { rows } else { 0 }, width),
            of(rows, units),
            of(self.sizes[0], units),
            cells,
        ];
        let [on_input, of_state, before, h, c] = filled(outputs, shapes, |into| match outputs.dtype() {
            DType::F32 => self.backward::<f32>(on_state, begin, (outputs, kept), upstream, into),
            _ => self.backward::<f64>(on_state, begin, (outputs, kept), upstream, into),
        });
        Gradients { on_input, on_state: apart.then_some(of_state), before, h, c: begin.c.map(|_| c) }
    }
}

/// New tensors of a tensor's dtype, filled by `f`.
fn filled<const N: usize>(
    like: &Tensor,
    shapes: [Shape; N],
    f: impl FnOnce(&[Buffer; N]) -> Result<()>,
) -> [Tensor; N] {
    let (device, dtype) = (like.device(), like.dtype());
    let run = || -> Result<[Buffer; N]> {
        let buffers: Result<Vec<Buffer>> =
            shapes.iter().map(|s| device.allocate(fuse::bytes(device, dtype, s.size()))).collect();
        let buffers: [Buffer; N] = buffers?.try_into().map_err(|_| ()).expect("a buffer for each shape");
        device.count_launch();
        f(&buffers)?;
        device.check()?;
        Ok(buffers)
    };
    match run() {
        Ok(buffers) => {
            let mut all = shapes.into_iter().zip(buffers);
            std::array::from_fn(|_| {
                let (shape, buffer) = all.next().expect("one for each shape");
                Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), buffer, None), shape)
            })
        }
        Err(error) => shapes.map(|shape| failed(device, &shape, dtype, error.clone())),
    }
}
