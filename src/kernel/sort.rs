//! Rows in order: sorted, the positions that sort them, the first few.
//!
//! On a GPU by a bitonic network over (key, position) pairs: keys order as the values do, and no two pairs are equal, so
//! the order is stable. Blocks of 512 are sorted in workgroup memory by one kernel; rows of `n` take about
//! `log2(n / 512)^2 / 2` kernels more. Rows larger than a binding are sorted by the same network over several buffers.

mod parts;

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel, fold},
    fuse::{self, Prologue},
    parallel::{self, Disjoint},
    reduce::write_f64,
    rows::{failed, last},
};
use crate::{
    device::{Buffer, Device, Gpu, Tag},
    error::Result,
    shape::{self, DType, Shape},
    tensor::{Storage, Tensor, Wgsl, expect, wgsl},
};
use std::sync::Arc;

impl Tensor {
    /// The values along an axis in ascending order; NaN comes last.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[3.0f32, 1.0, 2.0], [3], &Device::cpu());
    /// assert_eq!(x.sort(0).to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn sort(&self, axis: isize) -> Tensor {
        let n = self.length("sort", axis);
        self.ordered("sort", axis, n, false).0
    }

    /// The positions along an axis, as `int32`, that would sort it; equal values stay in their order, NaN comes last.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[3.0f32, 1.0, 2.0], [3], &Device::cpu());
    /// assert_eq!(x.argsort(0).to_vec::<i32>().unwrap(), [1, 2, 0]);
    /// ```
    ///
    /// # Panics
    /// When the axis is out of range.
    #[track_caller]
    pub fn argsort(&self, axis: isize) -> Tensor {
        let n = self.length("argsort", axis);
        self.ordered("argsort", axis, n, false).1
    }

    /// The `k` largest values along an axis, the largest first, and their positions as `int32`; of equal ones the first
    /// comes first. NaN counts as larger than every number.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::from_slice(&[3.0f32, 1.0, 2.0], [3], &Device::cpu());
    /// let (values, positions) = x.topk(2, 0);
    /// assert_eq!(values.to_vec::<f32>().unwrap(), [3.0, 2.0]);
    /// assert_eq!(positions.to_vec::<i32>().unwrap(), [0, 2]);
    /// ```
    ///
    /// # Panics
    /// When the axis is out of range, or shorter than `k`.
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize) -> (Tensor, Tensor) {
        let n = self.length("topk", axis);
        assert!(k <= n, "topk: {k} of {n} elements along axis {axis} of shape {}", self.shape());
        self.ordered("topk", axis, k, true)
    }

    #[track_caller]
    fn length(&self, name: &str, axis: isize) -> usize {
        self.shape()[expect(name, shape::axis(axis, self.ndim()), &[self])]
    }

    /// The first `k` values and positions of each row in order.
    #[track_caller]
    fn ordered(&self, name: &str, axis: isize, k: usize, descending: bool) -> (Tensor, Tensor) {
        let axis = expect(name, shape::axis(axis, self.ndim()), &[self]);
        let order = last(self.ndim(), axis);
        let device = self.device();
        let moved: Shape = order.iter().map(|&a| self.shape()[a]).collect();
        let result = moved.with(moved.len() - 1, k);
        // Back to where the axis was.
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        let place = |t: Tensor| t.with_view(t.view.permute(&back));
        if let Device::Gpu(gpu) = device
            && k > 0
            && parts::are_wanted(gpu, &moved)
        {
            let rows = Shape::from([moved.size() / moved[moved.len() - 1].max(1), moved[moved.len() - 1]]);
            let rows = self.with_view(self.view.permute(&order)).with_shape(&rows);
            let (values, positions) = rows.ordered_in_parts(gpu, k, descending);
            return (place(values.with_shape(&result)), place(positions.with_shape(&result)));
        }
        let run = || -> Result<[Tensor; 2]> {
            let prologue = fuse::whole_prologue(self.clone())?.permute(&order);
            let new = |dtype| device.allocate(fuse::bytes(device, dtype, result.size()));
            let [values, positions] = [new(self.dtype())?, new(DType::I32)?];
            if result.size() > 0 {
                let rows = Rows { length: moved[moved.len() - 1], k, count: result.size() / k, descending };
                match device {
                    Device::Cpu(_) => {
                        device.count_launch();
                        match prologue.plan.compute {
                            DType::F32 => rows.on_cpu::<f32>(&prologue, self.dtype(), &values, &positions),
                            _ => rows.on_cpu::<f64>(&prologue, self.dtype(), &values, &positions),
                        }
                    }
                    Device::Gpu(gpu) => rows.on_gpu(gpu, &prologue, self.dtype(), &values, &positions)?,
                }
            }
            device.check()?;
            let tensor = |buffer, dtype| {
                let storage = Storage::ready(device.clone(), dtype, result.size(), buffer, None);
                Tensor::whole(storage, result.clone())
            };
            Ok([tensor(values, self.dtype()), tensor(positions, DType::I32)])
        };
        let [values, positions] = run().unwrap_or_else(|error| {
            [self.dtype(), DType::I32].map(|dtype| failed(device, &result, dtype, error.clone()))
        });
        (place(values), place(positions))
    }
}

struct Rows {
    length: usize,
    k: usize,
    count: usize,
    descending: bool,
}

/// Elements that one workgroup sorts.
const BLOCK: usize = 512;

/// Keys and ids of rows, in one or several buffers of as many pairs each, and the kernels that sort them.
struct Network<'a> {
    gpu: &'a Arc<Gpu>,
    pairs: Vec<[Buffer; 2]>,
    /// Pairs of a buffer.
    part: usize,
    /// Pairs of a row, a power of two.
    padded: usize,
}

impl<'a> Network<'a> {
    fn new(gpu: &'a Arc<Gpu>, [parts, part]: [usize; 2], padded: usize) -> Result<Network<'a>> {
        let device = Device::Gpu(gpu.clone());
        let new = || Tag::Workspace.during(|| device.allocate(part as u64 * 4));
        let pairs = (0..parts).map(|_| Ok([new()?, new()?])).collect::<Result<_>>()?;
        Ok(Network { gpu, pairs, part, padded })
    }

    /// Fills a part with the keys of rows, each of so many elements, and the positions that these have.
    fn lay_keys(&self, part: usize, x: &Prologue, length: usize, descending: bool) {
        const KEYS: &[Wgsl] = &[wgsl!("math/is_nan.wgsl"), wgsl!("family/sort_keys.wgsl")];
        let compute = x.plan.compute;
        let mut kernel = Kernel::new("sort_keys", self.gpu, compute, KEYS);
        let kind = match compute {
            DType::I32 => 1,
            DType::U32 => 2,
            _ => 0,
        };
        kernel.constant("KIND", kind);
        kernel.constant("DESCENDING", u32::from(descending));
        kernel.input("x", x, Index::Split(x.plan.shape.len() - 1));
        self.bind(&mut kernel, part, ["key", "id"]);
        kernel.word("length", length);
        kernel.word("padded", self.padded.min(self.part));
        kernel.word("first", part * self.part);
        kernel.launch_elements(self.part);
    }

    fn bind(&self, kernel: &mut Kernel<'_>, part: usize, names: [&'static str; 2]) {
        let [keys, ids] = &self.pairs[part];
        kernel.integers(names[0], keys, 0, false);
        kernel.integers(names[1], ids, 0, false);
    }

    fn sort(&self) {
        self.blocks(true, self.padded.min(BLOCK));
        let mut size = 2 * BLOCK;
        while size <= self.padded {
            let mut apart = size / 2;
            while apart >= BLOCK {
                if apart >= self.part {
                    self.exchange(size, apart / self.part)
                } else {
                    self.merge(size, apart)
                }
                apart /= 2;
            }
            self.blocks(false, size);
            size *= 2;
        }
    }

    fn within(&self, kernel: &mut Kernel<'_>, part: usize, size: usize) {
        self.bind(kernel, part, ["key", "id"]);
        kernel.word("first", part * self.part);
        kernel.word("padded", self.padded);
        kernel.word("size", size);
    }

    /// Sorts blocks, or ends the merging to runs of `size`.
    fn blocks(&self, whole: bool, size: usize) {
        for part in 0..self.pairs.len() {
            let mut kernel = Kernel::new("sort_block", self.gpu, DType::I32, &[wgsl!("family/sort_block.wgsl")]);
            kernel.constant("WHOLE", u32::from(whole));
            self.within(&mut kernel, part, size);
            kernel.word("n", self.part);
            kernel.launch(fold(self.part.div_ceil(BLOCK)));
        }
    }

    /// Puts pairs in order that are `apart` from each other.
    fn merge(&self, size: usize, apart: usize) {
        for part in 0..self.pairs.len() {
            let mut kernel = Kernel::new("sort_merge", self.gpu, DType::I32, &[wgsl!("family/sort_merge.wgsl")]);
            self.within(&mut kernel, part, size);
            kernel.word("apart", apart);
            kernel.launch_elements(self.part / 2);
        }
    }

    /// As [`Network::merge`], of parts that are `apart` from each other.
    fn exchange(&self, size: usize, apart: usize) {
        for part in (0..self.pairs.len()).filter(|part| part & apart == 0) {
            const FILES: &[Wgsl] = &[wgsl!("family/sort_exchange.wgsl")];
            let mut kernel = Kernel::new("sort_exchange", self.gpu, DType::I32, FILES);
            self.bind(&mut kernel, part, ["key", "id"]);
            self.bind(&mut kernel, part + apart, ["later_key", "later_id"]);
            kernel.word("rising", usize::from((part * self.part) & size == 0));
            kernel.launch_elements(self.part);
        }
    }
}

impl Rows {
    fn on_gpu(
        &self,
        gpu: &Arc<Gpu>,
        prologue: &Prologue,
        dtype: DType,
        values: &Buffer,
        positions: &Buffer,
    ) -> Result<()> {
        let padded = self.length.next_power_of_two();
        let network = Network::new(gpu, [1, self.count * padded], padded)?;
        network.lay_keys(0, prologue, self.length, self.descending);
        network.sort();
        let compute = prologue.plan.compute;
        let ids = &network.pairs[0][1];
        let mut kernel = Kernel::new("sort_take", gpu, compute, &[wgsl!("family/sort_take.wgsl")]);
        kernel.input("x", prologue, Index::Split(prologue.plan.shape.len() - 1));
        kernel.integers("id", ids, 0, true);
        kernel.integers("at", positions, 0, false);
        kernel.output("y", values, dtype, 0);
        kernel.word("padded", padded);
        kernel.word("columns", self.k);
        kernel.launch_elements(self.count * self.k);
        Ok(())
    }

    fn on_cpu<R: Lane>(&self, prologue: &Prologue, dtype: DType, values: &Buffer, positions: &Buffer) {
        let all = elementwise::values::<R>(prologue);
        let (mut sorted, mut at) = (vec![0.0; self.count * self.k], vec![0.0; self.count * self.k]);
        let (shared, shared_at) = (Disjoint::new(&mut sorted), Disjoint::new(&mut at));
        parallel::ranges(self.count, self.length * 8, 1, |range| {
            for row in range {
                let x = &all[row * self.length..(row + 1) * self.length];
                let key = |i: usize| {
                    let key = order(x[i].to_f64());
                    if self.descending { !key } else { key }
                };
                let mut pairs: Vec<(i64, u32)> = (0..self.length).map(|i| (key(i), i as u32)).collect();
                if self.k < self.length && self.k > 0 {
                    pairs.select_nth_unstable(self.k - 1);
                    pairs.truncate(self.k);
                }
                pairs.sort_unstable();
                let span = row * self.k..(row + 1) * self.k;
                // SAFETY: each row is written once.
                let (y, y_at) = unsafe { (shared.range(span.clone()), shared_at.range(span)) };
                for ((&(_, i), y), at) in pairs.iter().zip(y).zip(y_at) {
                    *y = x[i as usize].to_f64();
                    *at = f64::from(i);
                }
            }
        });
        // SAFETY: the outputs are known to nobody else yet.
        unsafe {
            write_f64(values, dtype, 0, &sorted);
            write_f64(positions, DType::I32, 0, &at);
        }
    }
}

/// Orders as numbers do, NaN after all of them, both zeros equal.
fn order(v: f64) -> i64 {
    if v.is_nan() {
        return i64::MAX;
    }
    if v == 0.0 {
        return 0;
    }
    let bits = v.to_bits() as i64;
    if bits < 0 { bits ^ i64::MAX } else { bits }
}
