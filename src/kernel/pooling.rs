//! Pooling: the largest pixel of each window of an image, sums over windows, and what goes the other way. One launch
//! each; what goes back to an image is gathered by its pixels, or its lines, so that no two threads write one, or laid out by
//! windows that share none.

mod cpu;

use super::{
    elementwise,
    emit::{Index, Kernel},
    first, fuse,
    rows::failed,
    slabs::{slab, slabs, together},
};
use crate::{
    device::{Buffer, Device, Gpu},
    error::Result,
    shape::{DType, Shape},
    tensor::{
        Storage, Tensor, Wgsl,
        expr::{Launcher, Operands, Plan, Root},
        wgsl,
    },
};
use std::{ops::Range, sync::Arc};

/// How windows lie on images of up to three sides; shorter ones have sides of 1 in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Sides of the images.
    pub image: [usize; 3],
    /// Windows along each side.
    pub count: [usize; 3],
    pub ksize: [usize; 3],
    pub stride: [usize; 3],
    pub pad: [usize; 3],
}

/// What a pixel of a window weighs in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// One.
    One,
    /// One over the size of the window.
    Size,
    /// One over the number of its pixels that are no padding.
    Valid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The largest pixel.
    Max,
    /// The sum of the pixels.
    Sum(Weight),
    /// The pixel that an index names.
    Take,
    /// To each pixel, the windows that cover it.
    Spread(Weight),
    /// To each pixel, the windows whose index names it.
    Put,
}

/// What a thread of a GPU takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// A window.
    Windows,
    /// A pixel, and the windows over it.
    Pixels,
    /// A line of pixels, and the windows over it.
    Lines,
    /// A pixel, where one window at most is over it.
    PixelsApart,
    /// Four such neighbours.
    FourPixelsApart,
    /// Four neighbouring windows of [`Windows::are_halves`], either way.
    Halves,
}

impl Kind {
    /// What a thread computes, and how threads share the rest.
    fn files(self, sharing: Sharing) -> Vec<Wgsl> {
        let mut files = vec![wgsl!("family/pool_geometry.wgsl")];
        if sharing == Sharing::Halves {
            let (of, to) = match self {
                Kind::Max => (wgsl!("family/pool_halves_max.wgsl"), wgsl!("family/pool_halves_out.wgsl")),
                Kind::Sum(_) => (wgsl!("family/pool_halves_sum.wgsl"), wgsl!("family/pool_halves_out.wgsl")),
                Kind::Spread(_) => (wgsl!("family/pool_halves_spread.wgsl"), wgsl!("family/pool_halves_in.wgsl")),
                Kind::Put => (wgsl!("family/pool_halves_put.wgsl"), wgsl!("family/pool_halves_in.wgsl")),
                Kind::Take => unreachable!("a thread takes a window"),
            };
            files.extend([wgsl!("math/is_nan.wgsl"), wgsl!("family/pool_halves.wgsl"), of, to]);
            return files;
        }
        if sharing == Sharing::Lines {
            let of = match self {
                Kind::Put => wgsl!("family/pool_lines_put.wgsl"),
                _ => wgsl!("family/pool_lines_spread.wgsl"),
            };
            files.extend([of, wgsl!("family/pool_lines.wgsl")]);
            return files;
        }
        files.extend_from_slice(match self {
            Kind::Max => &[wgsl!("math/is_nan.wgsl"), wgsl!("math/limits.wgsl"), wgsl!("family/pool_max.wgsl")],
            Kind::Sum(_) => &[wgsl!("family/pool_sum.wgsl")],
            Kind::Take => &[wgsl!("family/pool_take.wgsl")],
            Kind::Spread(_) => &[wgsl!("family/pool_spread.wgsl")],
            Kind::Put => &[wgsl!("family/pool_put.wgsl")],
        });
        files.extend_from_slice(match sharing {
            Sharing::Halves | Sharing::Lines => unreachable!("above"),
            Sharing::Windows => &[wgsl!("family/pool_out.wgsl")],
            Sharing::Pixels => &[wgsl!("family/pool_in.wgsl")],
            Sharing::PixelsApart => &[wgsl!("family/pool_in_apart.wgsl"), wgsl!("family/pool_in_one.wgsl")],
            Sharing::FourPixelsApart => &[wgsl!("family/pool_in_apart.wgsl"), wgsl!("family/pool_in_four.wgsl")],
        });
        files
    }

    /// Whether it makes an image of windows.
    fn is_back(self) -> bool {
        matches!(self, Kind::Spread(_) | Kind::Put)
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Max => "pool_max",
            Kind::Sum(_) => "pool_sum",
            Kind::Take => "pool_take",
            Kind::Spread(_) => "pool_spread",
            Kind::Put => "pool_put",
        }
    }

    fn weight(self) -> Weight {
        match self {
            Kind::Sum(weight) | Kind::Spread(weight) => weight,
            _ => Weight::One,
        }
    }
}

impl Windows {
    /// The largest pixel of each window of `x`, `(N, C, ..)`, as `shape`; -inf for one that is all padding.
    pub fn max(self, x: &Tensor, shape: &Shape) -> Tensor {
        self.pending(Kind::Max, &[x], shape)
    }

    /// As [`Windows::max`], with the place of that pixel in its window, the first of equals, as `int32`.
    pub fn max_with_indices(self, x: &Tensor, shape: &Shape) -> (Tensor, Tensor) {
        let device = x.device();
        if let Some(parts) = slabs(device, &[x], &[shape], 0) {
            let part = |part: &Range<usize>| self.max_with_indices(&slab(x, part), &shape.with(0, part.len()));
            let (y, at): (Vec<Tensor>, Vec<Tensor>) = parts.iter().map(part).unzip();
            return (together(&y), together(&at));
        }
        match self.extremes(x, shape) {
            Ok([y, at]) => {
                let whole = |buffer: Buffer, dtype: DType| {
                    Tensor::whole(Storage::ready(device.clone(), dtype, shape.size(), buffer, None), shape.clone())
                };
                (whole(y, x.dtype()), whole(at, DType::I32))
            }
            Err(e) => (failed(device, shape, x.dtype(), e.clone()), failed(device, shape, DType::I32, e)),
        }
    }

    /// The weighed sum of each window's pixels.
    pub fn sum(self, x: &Tensor, weight: Weight, shape: &Shape) -> Tensor {
        self.pending(Kind::Sum(weight), &[x], shape)
    }

    /// The adjoint of [`Windows::sum`].
    pub fn spread(self, gy: &Tensor, weight: Weight, shape: &Shape) -> Tensor {
        self.pending(Kind::Spread(weight), &[gy], shape)
    }

    /// The pixel that each window's index names; zero where that is padding.
    pub fn take(self, x: &Tensor, indices: &Tensor, shape: &Shape) -> Tensor {
        self.pending(Kind::Take, &[x, indices], shape)
    }

    /// The adjoint of [`Windows::take`].
    pub fn put(self, gy: &Tensor, indices: &Tensor, shape: &Shape) -> Tensor {
        self.pending(Kind::Put, &[gy, indices], shape)
    }

    fn pending(self, kind: Kind, args: &[&Tensor], shape: &Shape) -> Tensor {
        if let Some(parts) = slabs(args[0].device(), args, &[shape], 0) {
            let part = |part: &Range<usize>| {
                let args: Vec<Tensor> = args.iter().map(|x| slab(x, part)).collect();
                let y = self.pending(kind, &args.iter().collect::<Vec<_>>(), &shape.with(0, part.len()));
                y.force();
                y
            };
            return together(&parts.iter().map(part).collect::<Vec<_>>());
        }
        let root = Root::Kernel(Arc::new(Pool { windows: self, kind }));
        elementwise::pending(args[0].device(), root, args, shape.clone(), args[0].dtype())
    }

    fn extremes(self, x: &Tensor, shape: &Shape) -> Result<[Buffer; 2]> {
        let device = x.device();
        let prologue = fuse::whole_prologue(x.clone())?;
        let new = |dtype: DType| device.allocate(fuse::bytes(device, dtype, shape.size()));
        let out = [new(x.dtype())?, new(DType::I32)?];
        if shape.size() == 0 {
            return Ok(out);
        }
        match device {
            Device::Cpu(_) => {
                device.count_launch();
                match prologue.plan.compute {
                    DType::F32 => self.max_cpu::<f32>(&prologue, (&out[0], x.dtype(), 0), Some(&out[1])),
                    _ => self.max_cpu::<f64>(&prologue, (&out[0], x.dtype(), 0), Some(&out[1])),
                }
            }
            Device::Gpu(gpu) => {
                const FILES: &[Wgsl] = &[
                    wgsl!("family/pool_geometry.wgsl"),
                    wgsl!("math/is_nan.wgsl"),
                    wgsl!("math/limits.wgsl"),
                    wgsl!("family/pool_max_index.wgsl"),
                    wgsl!("family/pool_out.wgsl"),
                ];
                const HALVES: &[Wgsl] = &[
                    wgsl!("family/pool_geometry.wgsl"),
                    wgsl!("math/is_nan.wgsl"),
                    wgsl!("family/pool_halves.wgsl"),
                    wgsl!("family/pool_halves_max.wgsl"),
                    wgsl!("family/pool_halves_index.wgsl"),
                ];
                let halves = self.are_halves();
                let files = if halves { HALVES } else { FILES };
                let mut kernel = Kernel::new("pool_max_index", gpu, prologue.plan.compute, files);
                if halves {
                    kernel.rows("x", &prologue, 2);
                    kernel.output_fours("y", &out[0], x.dtype());
                    kernel.integer_fours("index", &out[1], 0, false);
                } else {
                    kernel.input("x", &prologue, Index::Split(2));
                    kernel.output("y", &out[0], x.dtype(), 0);
                    kernel.integers("index", &out[1], 0, false);
                }
                let threads = if halves { shape.size() / 4 } else { shape.size() };
                self.launch(kernel, Weight::One, threads);
            }
        }
        Ok(out)
    }

    /// Whether windows of 2 by 2 lie side by side and cover images whose lines are multiples of eight.
    fn are_halves(&self) -> bool {
        let Windows { image, count, ksize, stride, pad } = *self;
        let sides = [1, 2, 2];
        let covered = (0..3).all(|a| image[a] == sides[a] * count[a]);
        ksize == sides && stride == sides && pad == [0; 3] && covered && image[2].is_multiple_of(8)
    }

    fn launch(&self, mut kernel: Kernel<'_>, weight: Weight, threads: usize) {
        const NAMES: [[&str; 3]; 5] = [
            ["in0", "in1", "in2"],
            ["out0", "out1", "out2"],
            ["k0", "k1", "k2"],
            ["stride0", "stride1", "stride2"],
            ["pad0", "pad1", "pad2"],
        ];
        let values = [self.image, self.count, self.ksize, self.stride, self.pad];
        for (names, values) in NAMES.iter().zip(values) {
            for (name, value) in names.iter().zip(values) {
                kernel.word(name, value);
            }
        }
        kernel.constant("WEIGHT", weight as u32);
        kernel.launch_elements(threads);
    }
}

#[derive(Debug)]
struct Pool {
    windows: Windows,
    kind: Kind,
}

impl Pool {
    /// `indices` is the element of their buffer that they begin with.
    fn sharing(&self, gpu: &Gpu, indices: Option<usize>) -> Sharing {
        let Windows { image, ksize, stride, .. } = self.windows;
        // On llvmpipe the loops of a thread end after 65,535 steps in all.
        let over = ksize[0].div_ceil(stride[0]) * ksize[1].div_ceil(stride[1]);
        let lines = gpu.is_software() && ksize[2] <= 4 && (image[2] + ksize[2]) * (over + 2) < 1 << 15;
        let apart = ksize.iter().zip(stride).all(|(&k, s)| k <= s);
        match (self.kind.is_back(), apart, image[2] % 4) {
            _ if self.kind != Kind::Take && self.windows.are_halves() && indices.unwrap_or(0).is_multiple_of(4) => {
                Sharing::Halves
            }
            (false, ..) => Sharing::Windows,
            (true, false, _) if lines => Sharing::Lines,
            (true, false, _) => Sharing::Pixels,
            (true, true, 0) => Sharing::FourPixelsApart,
            (true, true, _) => Sharing::PixelsApart,
        }
    }
}

impl Launcher for Pool {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let n = plan.shape.size();
        if n == 0 {
            return Ok(());
        }
        // Indices are read by position: they lie in order.
        let indices = args.get(1).map(Tensor::contiguous);
        let indices = indices.map(|t| t.buffer().map(|(buffer, at)| (buffer, at + t.view.offset))).transpose()?;
        let prologue = fuse::whole_prologue(first(args))?;
        match &plan.device {
            Device::Cpu(_) => {
                plan.device.count_launch();
                let output = &plan.outputs[0];
                let out = (&output.buffer, output.storage.dtype, output.offset);
                match plan.compute {
                    DType::F32 => self.run_cpu::<f32>(&prologue, indices, out),
                    _ => self.run_cpu::<f64>(&prologue, indices, out),
                }
            }
            Device::Gpu(gpu) => {
                let sharing = self.sharing(gpu, indices.as_ref().map(|(_, at)| *at));
                let files = self.kind.files(sharing);
                let mut kernel = Kernel::new(self.kind.name(), gpu, prologue.plan.compute, &files);
                let halves = sharing == Sharing::Halves;
                if halves {
                    kernel.rows("x", &prologue, 2);
                } else {
                    kernel.input("x", &prologue, Index::Split(2));
                }
                if let Some((buffer, at)) = &indices {
                    if halves {
                        kernel.integer_fours("index", buffer, *at, true);
                    } else {
                        kernel.integers("index", buffer, *at, true);
                    }
                }
                let threads = match sharing {
                    Sharing::Halves if self.kind.is_back() => n / 16,
                    Sharing::Halves | Sharing::FourPixelsApart => n / 4,
                    Sharing::Lines => n / self.windows.image[2],
                    _ => n,
                };
                match sharing {
                    Sharing::Halves | Sharing::FourPixelsApart => kernel.epilogue_fours(plan, Index::Flat),
                    _ => kernel.epilogue(plan, Index::Flat),
                }
                self.windows.launch(kernel, self.kind.weight(), threads);
            }
        }
        Ok(())
    }

    fn takes_epilogue(&self, device: &Device) -> bool {
        !device.is_cpu()
    }
}
