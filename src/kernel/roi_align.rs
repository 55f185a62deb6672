//! The largest of the samples of each cell of regions of images, as where it lies.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel},
    fuse,
    roi::Regions,
    rows::{Rows, failed, fill_rows},
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::DType,
    tensor::{Storage, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("family/roi_align.wgsl")];

impl Regions {
    /// Where the largest sample of each cell lies in its image, the first of equals: rows and columns, -1 where no sample is
    /// in the image. `corners` are `(R, 4)` reals of top, left, bottom and right; `samples` are those along a cell's sides,
    /// zero for as many as it has pixels.
    pub fn best_samples(&self, x: &Tensor, corners: &Tensor, samples: [usize; 2]) -> [Tensor; 2] {
        let (device, shape, dtype) = (x.device(), self.shape(), corners.dtype());
        match self.place_samples(x, corners, samples) {
            Ok(found) => found
                .map(|b| Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), b, None), shape.clone())),
            Err(e) => [(); 2].map(|()| failed(device, &shape, dtype, e.clone())),
        }
    }

    fn place_samples(&self, x: &Tensor, corners: &Tensor, [high, wide]: [usize; 2]) -> Result<[Buffer; 2]> {
        let (device, dtype, n) = (x.device(), corners.dtype(), self.shape().size());
        let new = || device.allocate(fuse::bytes(device, dtype, n));
        let out = [new()?, new()?];
        if n == 0 {
            return Ok(out);
        }
        let (images, corners) = (fuse::whole_prologue(x.clone())?, fuse::whole_prologue(corners.clone())?);
        match device {
            Device::Cpu(_) => {
                device.count_launch();
                match dtype {
                    DType::F64 => self.samples_cpu(
                        &elementwise::values::<f64>(&images),
                        &elementwise::values::<f64>(&corners),
                        [high, wide],
                        (&out, dtype),
                    )?,
                    _ => self.samples_cpu(
                        &elementwise::values::<f32>(&images),
                        &elementwise::values::<f32>(&corners),
                        [high, wide],
                        (&out, dtype),
                    )?,
                }
            }
            Device::Gpu(gpu) => {
                let mut kernel = Kernel::new("roi_align", gpu, images.plan.compute, FILES);
                kernel.input("x", &images, Index::Split(2));
                kernel.input("corners", &corners, Index::Flat);
                kernel.output("y", &out[0], dtype, 0);
                kernel.output("x_out", &out[1], dtype, 0);
                self.tables(&mut kernel, false)?;
                kernel.word("high", high);
                kernel.word("wide", wide);
                kernel.launch_elements(n);
            }
        }
        Ok(out)
    }

    fn samples_cpu<R: Lane>(
        &self,
        x: &[R],
        corners: &[R],
        samples: [usize; 2],
        (out, dtype): (&[Buffer; 2], DType),
    ) -> Result<()> {
        let image = Regions::table(&self.image)?;
        let [_, channels, height, width] = self.images;
        let [out_h, out_w] = self.out;
        let cells = out_h * out_w;
        // Positions of a cell's samples along an axis that are in the image.
        let along = |axis: usize, region: usize, cell: usize| -> Vec<f64> {
            let [low, high] = [0, 2].map(|k| corners[4 * region + axis + k].to_f64());
            let (n, side) = (self.out[axis] as f64, self.images[axis + 2] as f64);
            let length = (high - low).max(1.0) / n;
            let count = if samples[axis] == 0 { length.ceil().clamp(1.0, 65535.0) } else { samples[axis] as f64 };
            let at = |s: usize| low + (cell as f64 + (s as f64 + 0.5) / count) * length;
            (0..count as usize)
                .map(at)
                .filter(|a| (-1.0..=side).contains(a))
                .map(|a| a.clamp(0.0, side - 1.0))
                .collect()
        };
        let planes = self.shape().size() / cells;
        let wide: Vec<Vec<f64>> =
            (0..self.image.size()).flat_map(|r| (0..out_w).map(move |c| (r, c))).map(|(r, c)| along(1, r, c)).collect();
        for (k, out) in out.iter().enumerate() {
            fill_rows::<R>((out, dtype, 0), Rows { count: planes, length: cells, cost: 32 }, |plane, found| {
                let region = plane / channels;
                let first = (image[region] as usize * channels + plane % channels) * height * width;
                let pixel = |row: usize, column: usize| x[first + row * width + column].to_f64();
                for (cell, found) in found.iter_mut().enumerate() {
                    let mut best: Option<(f64, [f64; 2])> = None;
                    for v in along(0, region, cell / out_w) {
                        let (above, dy) = (v as usize, v.fract());
                        let below = (above + 1).min(height - 1);
                        for &u in &wide[region * out_w + cell % out_w] {
                            let (before, dx) = (u as usize, u.fract());
                            let after = (before + 1).min(width - 1);
                            let row = |at: usize| (1.0 - dx) * pixel(at, before) + dx * pixel(at, after);
                            let value = (1.0 - dy) * row(above) + dy * row(below);
                            if best.is_none_or(|(b, _)| value > b) {
                                best = Some((value, [v, u]));
                            }
                        }
                    }
                    *found = R::of(best.map_or(-1.0, |(_, at)| at[k]));
                }
            });
        }
        Ok(())
    }
}
