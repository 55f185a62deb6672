//! The CPU arm: operands as slices, and a workspace for each thread.

use super::{Direction, data, forward, weights};
use crate::{
    device::Buffer,
    error::Result,
    kernel::{matmul::Gemm, reduce::write_f64},
    shape::{ConvolutionShape, DType, Element},
    tensor::{Tensor, expr::Plan},
};
use std::cell::RefCell;

/// A type that is convolved.
pub(super) trait Number: Gemm {
    /// `a + b`.
    fn add(a: Self, b: Self) -> Self;

    /// Two vectors of the thread, which keep their memory from one call to the next.
    fn workspace<T>(f: impl FnOnce(&mut Vec<Self>, &mut Vec<Self>) -> T) -> T;
}

macro_rules! number {
    ($($t:ty),*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn add(a: $t, b: $t) -> $t {
                a + b
            }

            fn workspace<T>(f: impl FnOnce(&mut Vec<$t>, &mut Vec<$t>) -> T) -> T {
                thread_local!(static KEPT: RefCell<(Vec<$t>, Vec<$t>)> = const { RefCell::new((vec![], vec![])) });
                let (mut a, mut b) = KEPT.with(RefCell::take);
                let out = f(&mut a, &mut b);
                KEPT.set((a, b));
                out
            }
        }
    )*};
}
number!(f32, f64);

/// A contiguous operand.
pub(super) struct Operand<'a, E> {
    pub values: &'a [E],
}

fn values<'a, E: Element>(x: &Tensor, buffer: &'a Buffer, at: usize) -> Operand<'a, E> {
    // SAFETY: a forced operand is written by nobody.
    Operand { values: unsafe { buffer.host::<E>(at + x.view.offset, x.size()) } }
}

pub(super) fn run<E: Number>(direction: Direction, s: &ConvolutionShape, args: &[Tensor], plan: &Plan) -> Result<()> {
    let output = &plan.outputs[0];
    into::<E>(direction, s, args, &output.buffer, output.offset, plan.shape.size())
}

fn into<E: Number>(
    direction: Direction,
    s: &ConvolutionShape,
    args: &[Tensor],
    buffer: &Buffer,
    offset: usize,
    n: usize,
) -> Result<()> {
    let ((a, a_at), (b, b_at)) = (args[0].buffer()?, args[1].buffer()?);
    let (a, b) = (values(&args[0], &a, a_at), values(&args[1], &b, b_at));
    // SAFETY: the output is known to nobody else yet.
    let out = unsafe { buffer.host_mut::<E>(offset, n) };
    match direction {
        Direction::Forward => forward::run_cpu(s, &a, &b, out),
        Direction::Data => data::run_cpu(s, &a, &b, out),
        Direction::Weights => weights::run_cpu(s, &a, &b, out),
    }
    Ok(())
}

/// Halves are convolved as singles and rounded once.
pub(super) fn run_halves(direction: Direction, s: &ConvolutionShape, args: &[Tensor], plan: &Plan) -> Result<()> {
    let wide: Vec<Tensor> = args.iter().map(|a| a.cast(DType::F32).contiguous()).collect();
    let n = plan.shape.size();
    let buffer = plan.device.allocate(n as u64 * 4)?;
    into::<f32>(direction, s, &wide, &buffer, 0, n)?;
    let output = &plan.outputs[0];
    // SAFETY: `buffer` is complete and the output is known to nobody else yet.
    unsafe {
        let values: Vec<f64> = buffer.host::<f32>(0, n).iter().map(|&v| f64::from(v)).collect();
        write_f64(&output.buffer, output.storage.dtype, output.offset, &values);
    }
    Ok(())
}
