//! Sums over neighbours along an axis: `y[i] = x[i - reach] + .. + x[i + reach]`.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel},
    first,
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    reduce::write_f64,
};
use crate::{
    device::Device,
    error::Result,
    shape::DType,
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::sync::Arc;

impl Tensor {
    /// Sums over the neighbours along `axis` that are at most `reach` away; the result is pending.
    pub(crate) fn box_sum(&self, axis: usize, reach: usize) -> Tensor {
        let launcher = BoxSum { axis, reach };
        let shape = self.shape().clone();
        elementwise::pending(self.device(), Root::Kernel(Arc::new(launcher)), &[self], shape, self.dtype())
    }
}

#[derive(Debug)]
struct BoxSum {
    axis: usize,
    reach: usize,
}

impl Launcher for BoxSum {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        if plan.shape.size() == 0 {
            return Ok(());
        }
        let prologue = fuse::whole_prologue(first(args))?;
        let shape = prologue.plan.shape.clone();
        let (length, inner) = (shape[self.axis], shape[self.axis + 1..].iter().product::<usize>());
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                match plan.compute {
                    DType::F32 => self.run_cpu::<f32>(&prologue, plan, length, inner),
                    _ => self.run_cpu::<f64>(&prologue, plan, length, inner),
                }
            }
            Device::Gpu(gpu) => {
                const FILES: &[crate::tensor::Wgsl] = &[wgsl!("family/box_sum.wgsl")];
                let mut kernel = Kernel::new("box_sum", gpu, prologue.plan.compute, FILES);
                kernel.input("x", &prologue, Index::Flat);
                kernel.epilogue(plan, Index::Flat);
                kernel.word("inner", inner);
                kernel.word("length", length);
                kernel.word("reach", self.reach.min(length));
                kernel.launch_elements(shape.size());
            }
        }
        Ok(())
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu()
    }
}

impl BoxSum {
    fn run_cpu<R: Lane>(&self, prologue: &Prologue, plan: &Plan, length: usize, inner: usize) {
        let x = elementwise::values::<R>(prologue);
        let output = &plan.outputs[0];
        let mut y = vec![R::ZERO; x.len()];
        let shared = Disjoint::new(&mut y);
        parallel::ranges(x.len() / inner, inner * 4, 1, |range| {
            for line in range {
                let at = line % length;
                let (first, last) = (line - at.min(self.reach), line + (length - 1 - at).min(self.reach));
                // SAFETY: each line is written once.
                let y = unsafe { shared.range(line * inner..(line + 1) * inner) };
                for from in first..=last {
                    y.iter_mut().zip(&x[from * inner..(from + 1) * inner]).for_each(|(y, &x)| *y += x);
                }
            }
        });
        if output.storage.dtype == R::DTYPE {
            // SAFETY: the output is known to nobody else yet.
            unsafe { output.buffer.host_mut::<R>(output.offset, y.len()) }.copy_from_slice(&y);
        } else {
            let values: Vec<f64> = y.iter().map(|v| v.to_f64()).collect();
            // SAFETY: as above.
            unsafe { write_f64(&output.buffer, output.storage.dtype, output.offset, &values) };
        }
    }
}
