//! `y[b, i, j] = sum over k of a[b, i, k] * b[b, k, j]`, with either operand transposed and batches broadcast, no copies.

mod cells;
mod cpu;
mod gpu;
mod schedule;
mod slim;
#[cfg(test)]
mod tests;
mod vector;

pub(in crate::kernel) use cells::PRODUCTS;
pub(in crate::kernel) use gpu::{add_parts, parts_buffer, parts_within};
#[cfg(test)]
pub(in crate::kernel) use schedule::Block;
pub(in crate::kernel) use schedule::{Kind, Schedule, Sizes};

use super::elementwise;
use crate::{
    device::Device,
    error::Result,
    shape::{self, MatmulShape, Meta},
    tensor::{
        Tensor, expect,
        expr::{Launcher, Operands, Plan, Root},
    },
};
use smallvec::smallvec;
use std::sync::Arc;

impl Tensor {
    /// The matrix product over the last two axes; leading axes broadcast, either operand may be taken transposed.
    ///
    /// `y[.., i, j] = sum over k of a[.., i, k] * b[.., k, j]`, for shapes `(.., m, k)` and `(.., k, n)` to `(.., m, n)`.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit, or the operands are on different devices.
    #[track_caller]
    pub fn matmul(&self, b: &Tensor, transa: bool, transb: bool) -> Tensor {
        let (meta, shape) = expect("matmul", shape::matmul(&self.meta(), &b.meta(), transa, transb), &[self, b]);
        super::same_device("matmul", &[self, b]);
        product(self, b, [transa, transb], (meta, shape), Rule::Adapter)
    }
}

fn product(a: &Tensor, b: &Tensor, trans: [bool; 2], (meta, shape): (Meta, MatmulShape), rule: Rule) -> Tensor {
    // Operands are read many times: they are computed now, by kernels of their own.
    let (a, b) = (oriented(a, &shape, trans[0]), oriented(b, &shape, !trans[1]));
    a.force();
    b.force();
    let lead = shape.batch.len() + 1;
    let launcher = Matmul { shape, rule, lead };
    elementwise::pending(a.device(), Root::Kernel(Arc::new(launcher)), &[&a, &b], meta.shape, meta.dtype)
}

/// The product of operands as `(batch.., rows, k)` on a GPU, for a plan whose first `lead` axes count batches and rows.
pub(in crate::kernel) fn product_into(
    a: &Tensor,
    b: &Tensor,
    shape: MatmulShape,
    lead: usize,
    plan: &Plan,
) -> Result<()> {
    Matmul { shape, rule: Rule::Adapter, lead }.run(smallvec![a.clone(), b.clone()], plan)
}

/// The operand as (batch.., rows of the result, k).
fn oriented(x: &Tensor, shape: &MatmulShape, swap: bool) -> Tensor {
    let n = x.ndim();
    let x = if swap {
        let mut axes: Vec<usize> = (0..n).collect();
        axes.swap(n - 2, n - 1);
        x.with_view(x.view.permute(&axes))
    } else {
        x.clone()
    };
    let mut full = shape.batch.clone();
    full.push(x.shape()[n - 2]);
    full.push(x.shape()[n - 1]);
    x.with_view(x.view.broadcast_to(&full))
}

#[derive(Debug)]
struct Matmul {
    shape: MatmulShape,
    rule: Rule,
    /// Axes of the result that count its rows.
    lead: usize,
}

/// Who says how a product is shared among the threads of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The rule, for the adapter at hand.
    Adapter,
    /// The rule for hardware, whatever the adapter.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests run the kernels for hardware on software adapters"))]
    Hardware,
    /// The caller.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests go through all schedules"))]
    Exactly(Schedule),
}

impl Launcher for Matmul {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                self.run_cpu(&args[0], &args[1], plan)
            }
            Device::Gpu(gpu) => self.run_gpu(gpu, &args[0], &args[1], plan),
        }
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu()
    }
}
