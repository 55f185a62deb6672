//! The CPU arm: operands as slices.

use super::{Direction, data, depthwise, forward, spectral, weights, winograd};
use crate::{
    device::Buffer,
    error::Result,
    kernel::{WORKSPACE, elementwise::Epilogue, tiles::Number},
    shape::{ConvolutionShape, DType, Element},
    tensor::{Tensor, expr::Plan},
};

/// Products that take as long as the Fourier transform of a tile, with what it moves in memory.
const TRANSFORM: usize = 16_000;

/// A contiguous operand.
pub(super) struct Operand<'a, E> {
    pub values: &'a [E],
}

fn values<'a, E: Element>(x: &Tensor, buffer: &'a Buffer, at: usize) -> Operand<'a, E> {
    // SAFETY: a forced operand is written by nobody.
    Operand { values: unsafe { buffer.host::<E>(at + x.view.offset, x.size()) } }
}

/// Where results go.
pub(super) enum Sink<'a, E> {
    /// Row-major memory.
    Memory(&'a mut [E]),
    /// Operators that follow, and what they store.
    Operators(&'a Epilogue<'a, E>),
}

pub(super) fn run<E: Number>(direction: Direction, s: &ConvolutionShape, args: &[Tensor], plan: &Plan) -> Result<()> {
    let epilogue = Epilogue::<E>::new(plan);
    match epilogue.nothing() {
        Some(output) => {
            // SAFETY: the output is known to nobody else yet.
            let memory = unsafe { output.buffer.host_mut::<E>(output.offset, plan.shape.size()) };
            into(direction, s, args, Sink::Memory(memory))
        }
        None => into(direction, s, args, Sink::Operators(&epilogue)),
    }
}

fn into<E: Number>(direction: Direction, s: &ConvolutionShape, args: &[Tensor], sink: Sink<'_, E>) -> Result<()> {
    let ((a, a_at), (b, b_at)) = (args[0].buffer()?, args[1].buffer()?);
    let (a, b) = (values(&args[0], &a, a_at), values(&args[1], &b, b_at));
    if depthwise::pays(s) {
        match (direction, sink) {
            (Direction::Data, Sink::Memory(gx)) => depthwise::run_data_cpu(s, &a, &b, gx),
            (Direction::Weights, Sink::Memory(gw)) => depthwise::run_weights_cpu(s, &a, &b, gw),
            (_, sink) => depthwise::run_cpu(s, &a, &b, sink),
        }
        return Ok(());
    }
    if E::DTYPE == DType::F32
        && let Some((job, side)) = winograd::side(direction, s)
    {
        let (choice, device) = ((&job, side), args[0].device());
        return match (direction, sink) {
            (Direction::Weights, Sink::Memory(gw)) => winograd::run_weights_cpu(choice, device, &a, &b, gw, WORKSPACE),
            (_, sink) => winograd::run_cpu(choice, device, &a, &b, sink, WORKSPACE),
        };
    }
    if E::DTYPE == DType::F32
        && let Some(job) = spectral::job(s, TRANSFORM)
    {
        let device = args[0].device();
        return match (direction, sink) {
            (Direction::Weights, Sink::Memory(gw)) => spectral::run_weights_cpu(&job, device, &a, &b, gw, WORKSPACE),
            (_, sink) => spectral::run_cpu((direction, &job), device, &a, &b, sink, WORKSPACE),
        };
    }
    match (direction, sink) {
        (Direction::Forward, sink) => forward::run_cpu(s, &a, &b, sink),
        (Direction::Data, Sink::Memory(gx)) => data::run_cpu(s, &a, &b, gx),
        (Direction::Weights, Sink::Memory(gw)) => weights::run_cpu(s, args[0].device(), &a, &b, gw)?,
        _ => unreachable!("gradients take no epilogue on the CPU"),
    }
    Ok(())
}

/// Halves are convolved as singles and rounded once.
pub(super) fn run_halves(direction: Direction, s: &ConvolutionShape, args: &[Tensor], plan: &Plan) -> Result<()> {
    let wide: Vec<Tensor> = args.iter().map(|a| a.cast(DType::F32).contiguous()).collect();
    let mut results = vec![0.0f32; plan.shape.size()];
    into(direction, s, &wide, Sink::Memory(&mut results))?;
    Epilogue::new(plan).apply(0, &results);
    Ok(())
}
