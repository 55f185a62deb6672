//! The largest pixels of cells of regions of images, and the ways there and back.

use super::{
    elementwise::{self, Lane},
    emit::{Index, Kernel},
    fuse,
    rows::{Rows, failed, fill_rows},
};
use crate::{
    device::{Buffer, Device},
    error::Result,
    shape::{DType, Shape},
    tensor::{Storage, Tensor, Wgsl, wgsl},
};

/// Regions of images `(N, C, H, W)`, cut into cells of rows and columns of pixels.
#[derive(Debug, Clone)]
pub(crate) struct Regions {
    /// The shape of the images.
    pub images: [usize; 4],
    /// Cells along the two sides.
    pub out: [usize; 2],
    /// The image of each region, `(R,)`.
    pub image: Tensor,
    /// First and one past the last row of pixels of each row of cells, `(R, out_h, 2)`.
    pub rows: Tensor,
    /// As `rows`, for columns.
    pub columns: Tensor,
    /// Whether a cell without a pixel is -inf; else 0.
    pub empty_is_least: bool,
}

const NAN: Wgsl = wgsl!("math/is_nan.wgsl");
const LIMITS: Wgsl = wgsl!("math/limits.wgsl");

impl Regions {
    fn count(&self) -> usize {
        self.image.size()
    }

    /// `(R, C, out_h, out_w)`.
    pub fn shape(&self) -> Shape {
        Shape::from([self.count(), self.images[1], self.out[0], self.out[1]])
    }

    /// The largest pixel of each cell, the first of equals, and its place in the image; -1 where there is none.
    pub fn max(&self, x: &Tensor) -> (Tensor, Tensor) {
        let (device, shape) = (x.device(), self.shape());
        match self.extremes(x) {
            Ok([y, at]) => {
                let whole = |b: Buffer, dtype: DType| {
                    Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), b, None), shape.clone())
                };
                (whole(y, x.dtype()), whole(at, DType::I32))
            }
            Err(e) => (failed(device, &shape, x.dtype(), e.clone()), failed(device, &shape, DType::I32, e)),
        }
    }

    /// The pixel whose place each cell names; 0 for -1.
    pub fn take(&self, x: &Tensor, at: &Tensor) -> Tensor {
        self.linear(x, at, &self.shape(), false)
    }

    /// The adjoint of [`Regions::take`].
    pub fn put(&self, gy: &Tensor, at: &Tensor) -> Tensor {
        self.linear(gy, at, &Shape::from(self.images), true)
    }

    pub(super) fn tables(&self, kernel: &mut Kernel<'_>, rows: bool) -> Result<()> {
        let mut table = |name: &'static str, t: &Tensor| -> Result<()> {
            let t = t.contiguous();
            let (buffer, at) = t.buffer()?;
            kernel.integers(name, &buffer, at + t.view.offset, true);
            Ok(())
        };
        table("image", &self.image)?;
        if rows {
            table("rows", &self.rows)?;
        }
        let [_, channels, height, width] = self.images;
        for (name, value) in [
            ("channels", channels),
            ("height", height),
            ("width", width),
            ("out_h", self.out[0]),
            ("out_w", self.out[1]),
            ("regions", self.count()),
        ] {
            kernel.word(name, value);
        }
        Ok(())
    }

    /// A table of integers in the CPU's memory.
    pub(super) fn table(t: &Tensor) -> Result<Vec<i32>> {
        let t = t.contiguous();
        let (buffer, at) = t.buffer()?;
        // SAFETY: forced, and written by nobody.
        Ok(unsafe { buffer.host::<i32>(at + t.view.offset, t.size()) }.to_vec())
    }

    fn extremes(&self, x: &Tensor) -> Result<[Buffer; 2]> {
        const FILES: &[Wgsl] = &[NAN, LIMITS, wgsl!("family/roi_max.wgsl")];
        let device = x.device();
        let n = self.shape().size();
        let new = |dtype: DType| device.allocate(fuse::bytes(device, dtype, n));
        let out = [new(x.dtype())?, new(DType::I32)?];
        let prologue = fuse::whole_prologue(x.clone())?;
        if n == 0 {
            return Ok(out);
        }
        match device {
            Device::Cpu(_) => {
                device.count_launch();
                match prologue.plan.compute {
                    DType::F32 => self.max_cpu(&elementwise::values::<f32>(&prologue), x.dtype(), &out)?,
                    _ => self.max_cpu(&elementwise::values::<f64>(&prologue), x.dtype(), &out)?,
                }
            }
            Device::Gpu(gpu) => {
                let mut kernel = Kernel::new("roi_max", gpu, prologue.plan.compute, FILES);
                kernel.input("x", &prologue, Index::Split(2));
                kernel.output("y", &out[0], x.dtype(), 0);
                kernel.integers("at", &out[1], 0, false);
                self.tables(&mut kernel, true)?;
                let table = self.columns.contiguous();
                let (columns, at) = table.buffer()?;
                kernel.integers("columns", &columns, at + table.view.offset, true);
                kernel.word("empty", usize::from(self.empty_is_least));
                kernel.launch_elements(n);
            }
        }
        Ok(out)
    }

    fn max_cpu<R: Lane>(&self, x: &[R], dtype: DType, [y, at]: &[Buffer; 2]) -> Result<()> {
        let (image, rows, columns) =
            (Regions::table(&self.image)?, Regions::table(&self.rows)?, Regions::table(&self.columns)?);
        let [_, channels, height, width] = self.images;
        let [out_h, out_w] = self.out;
        let cells = out_h * out_w;
        let planes = self.count() * channels;
        // SAFETY: the indices are fresh, and known to nobody else.
        let at = super::parallel::Disjoint::new(unsafe { at.host_mut::<i32>(0, planes * cells) });
        let empty = if self.empty_is_least { R::NEG_INFINITY } else { R::ZERO };
        fill_rows::<R>((y, dtype, 0), Rows { count: planes, length: cells, cost: 16 }, |plane, y| {
            // SAFETY: each plane has its own.
            let at = unsafe { at.range(plane * cells..(plane + 1) * cells) };
            let region = plane / channels;
            let first = (image[region] as usize * channels + plane % channels) * height * width;
            let x = &x[first..first + height * width];
            let span = |table: &[i32], i: usize| table[2 * i] as usize..table[2 * i + 1] as usize;
            for cell in 0..cells {
                let (mut best, mut place) = (empty, None);
                for row in span(&rows, region * out_h + cell / out_w) {
                    for column in span(&columns, region * out_w + cell % out_w) {
                        let v = x[row * width + column];
                        if place.is_none() || v > best || (v.is_nan() && !best.is_nan()) {
                            (best, place) = (v, Some(row * width + column));
                        }
                    }
                }
                y[cell] = best;
                at[cell] = place.map_or(-1, |p| p as i32);
            }
        });
        Ok(())
    }

    fn linear(&self, x: &Tensor, at: &Tensor, shape: &Shape, back: bool) -> Tensor {
        let run = || -> Result<Tensor> {
            let device = x.device();
            let out = device.allocate(fuse::bytes(device, x.dtype(), shape.size()))?;
            let prologue = fuse::whole_prologue(x.clone())?;
            let at = at.contiguous();
            let (places, from) = at.buffer()?;
            let from = from + at.view.offset;
            match device {
                _ if shape.size() == 0 => {}
                Device::Cpu(_) => {
                    device.count_launch();
                    // SAFETY: forced, and written by nobody.
                    let places = unsafe { places.host::<i32>(from, at.size()) };
                    let to = (&out, x.dtype(), 0);
                    match prologue.plan.compute {
                        DType::F32 => self.linear_cpu(&elementwise::values::<f32>(&prologue), places, to, back)?,
                        _ => self.linear_cpu(&elementwise::values::<f64>(&prologue), places, to, back)?,
                    }
                }
                Device::Gpu(gpu) => {
                    const TAKE: &[Wgsl] = &[wgsl!("family/roi_take.wgsl")];
                    const PUT: &[Wgsl] = &[wgsl!("family/roi_put.wgsl")];
                    let (name, files) = if back { ("roi_put", PUT) } else { ("roi_take", TAKE) };
                    let mut kernel = Kernel::new(name, gpu, prologue.plan.compute, files);
                    kernel.input("x", &prologue, Index::Split(2));
                    kernel.output("y", &out, x.dtype(), 0);
                    kernel.integers("at", &places, from, true);
                    self.tables(&mut kernel, back)?;
                    kernel.launch_elements(shape.size());
                }
            }
            let storage = Storage::ready(device.clone(), x.dtype(), shape.size(), out, None);
            Ok(Tensor::whole(storage, shape.clone()))
        };
        run().unwrap_or_else(|e| failed(x.device(), shape, x.dtype(), e))
    }

    fn linear_cpu<R: Lane>(&self, x: &[R], places: &[i32], out: (&Buffer, DType, usize), back: bool) -> Result<()> {
        let image = Regions::table(&self.image)?;
        let [n, channels, height, width] = self.images;
        let (cells, pixels) = (self.out[0] * self.out[1], height * width);
        let source = |region: usize, channel: usize| image[region] as usize * channels + channel;
        if back {
            fill_rows::<R>(out, Rows { count: n * channels, length: pixels, cost: 4 }, |plane, y| {
                y.fill(R::ZERO);
                for region in 0..self.count() {
                    if source(region, plane % channels) == plane {
                        let first = (region * channels + plane % channels) * cells;
                        for (x, &at) in x[first..first + cells].iter().zip(&places[first..]) {
                            if let Ok(at) = usize::try_from(at) {
                                y[at] += *x;
                            }
                        }
                    }
                }
            });
        } else {
            fill_rows::<R>(out, Rows { count: self.count() * channels, length: cells, cost: 4 }, |plane, y| {
                let x = &x[source(plane / channels, plane % channels) * pixels..];
                for (y, &at) in y.iter_mut().zip(&places[plane * cells..]) {
                    *y = usize::try_from(at).map_or(R::ZERO, |at| x[at]);
                }
            });
        }
        Ok(())
    }
}
