//! Launchers, one for each family of kernels: where a CPU arm and a GPU arm meet.
//!
//! Operators call these and `Tensor`'s methods; none of them names a device.

pub(crate) mod arena;
mod arg_extreme;
mod box_sum;
mod convolution;
mod copy;
pub(crate) mod create;
pub(crate) mod cross_entropy;
mod display;
pub(crate) mod elementwise;
pub(crate) mod emit;
mod fault;
mod fuse;
pub(crate) mod gather;
mod host;
mod linalg;
pub(crate) mod matmul;
pub(crate) mod moments;
pub(crate) mod normalize;
mod parallel;
pub mod philox;
pub(crate) mod pooling;
pub(crate) mod random;
pub(crate) mod recurrence;
pub(crate) mod reduce;
pub(crate) mod roi;
mod roi_align;
mod row_passes;
pub(crate) mod rows;
mod scan;
mod slabs;
mod sort;
mod split;
mod tiles;
mod tuner;

pub(crate) use fault::fault_flag;
pub use fuse::force_all;
pub use host::ReadBack;
pub use reduce::Reduction;

use crate::tensor::{Tensor, expr::Operands};

/// Whether pending expressions are fused: `CATENA_FUSION=off` runs one kernel an operator.
pub(crate) fn fusion() -> bool {
    use std::sync::OnceLock;
    static ON: OnceLock<bool> = OnceLock::new();
    *ON.get_or_init(|| !std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off"))
}

/// Bytes that an operator's workspace takes at most, whatever the batch, where it can do with so much.
pub(crate) const WORKSPACE: usize = 64 << 20;

/// The first operand of a kernel, and its handle.
fn first(operands: Operands) -> Tensor {
    operands.into_iter().next().expect("a kernel has an operand")
}

/// Panics at the caller's line when tensors are on different devices.
#[track_caller]
pub(crate) fn same_device(operator: &str, tensors: &[&Tensor]) {
    if let Some(other) = tensors.iter().find(|t| t.device() != tensors[0].device()) {
        panic!(
            "Invalid operation is performed in: {operator} (Forward)\n\nExpect: inputs on one device\n\
             Actual: {} and {}\nMove one of them with to_device.",
            tensors[0].device(),
            other.device()
        );
    }
}
