//! Rows that one binding does not show, or that are too many for it.

use super::Network;
use crate::{
    device::Gpu,
    error::Result,
    kernel::{fuse, rows::failed, slabs::together, split},
    shape::{DType, Shape},
    tensor::{Storage, Tensor},
};
use std::sync::Arc;

/// Words of a buffer that every binding shows whole, whatever block of the pool it is.
fn shown(gpu: &Gpu) -> usize {
    gpu.max_binding() as usize / 5
}

/// Whether rows, the last axis of a shape, cannot be sorted all at once.
pub(super) fn are_wanted(gpu: &Gpu, shape: &Shape) -> bool {
    let Some((&length, outer)) = shape.split_last() else { return false };
    outer.iter().product::<usize>() * length.next_power_of_two() > shown(gpu)
}

impl Tensor {
    /// The first `k` values of each row of a matrix in order, and their positions.
    pub(super) fn ordered_in_parts(&self, gpu: &Arc<Gpu>, k: usize, descending: bool) -> (Tensor, Tensor) {
        let (rows, length) = (self.shape()[0], self.shape()[1]);
        let fit = shown(gpu) / length.next_power_of_two();
        let of_rows = |part: std::ops::Range<usize>| {
            let x = self.narrow(0, part.start, part.len());
            if fit > 0 { x.ordered("sort", 1, k, descending) } else { x.long_row_ordered(gpu, k, descending) }
        };
        let (values, positions): (Vec<Tensor>, Vec<Tensor>) = split::parts(rows, fit.max(1)).map(of_rows).unzip();
        (together(&values), together(&positions))
    }

    /// As [`Tensor::ordered_in_parts`], of one row.
    fn long_row_ordered(&self, gpu: &Arc<Gpu>, k: usize, descending: bool) -> (Tensor, Tensor) {
        let shape = Shape::from([1, k]);
        let run = || -> Result<(Tensor, Tensor)> {
            let row = self.contiguous();
            row.force();
            let (length, padded) = (self.size(), self.size().next_power_of_two());
            // The largest power of two that fits.
            let part = (shown(gpu) + 1).next_power_of_two() / 2;
            let network = Network::new(gpu, [padded / part, part], padded)?;
            for i in 0..padded / part {
                // Of a part past the end there is nothing to read.
                let first = (i * part).min(length - 1);
                let n = length.saturating_sub(i * part).min(part);
                let keys = fuse::whole_prologue(row.narrow(1, first, n.max(1)))?;
                network.lay_keys(i, &keys, n, descending);
            }
            network.sort();
            let ids = |(i, [_, ids]): (usize, &[crate::device::Buffer; 2])| {
                let n = k.saturating_sub(i * part).min(part);
                let storage = Storage::ready(self.device().clone(), DType::I32, n, ids.clone(), None);
                Tensor::whole(storage, Shape::from(n))
            };
            let first = network.pairs.iter().enumerate().take(k.div_ceil(part)).map(ids);
            let positions = together(&first.collect::<Vec<_>>());
            let column = row.with_shape(&Shape::from([length, 1]));
            let values = column.take_rows("sort", &positions, None);
            self.device().check()?;
            Ok((values.with_shape(&shape), positions.with_shape(&shape)))
        };
        run().unwrap_or_else(|error| {
            let [values, positions] =
                [self.dtype(), DType::I32].map(|dtype| failed(self.device(), &shape, dtype, error.clone()));
            (values, positions)
        })
    }
}
