//! Tiles as they are transformed, and back.

use super::{super::gather::signed, Basis, Job};
use crate::{
    device::{Device, Gpu, Tag},
    error::Result,
    kernel::{
        elementwise,
        emit::{Index, Kernel, fold},
    },
    shape::{DType, Shape},
    tensor::{
        Tensor, Wgsl,
        expr::{Launcher, Leaf, Operands, Plan, Root},
        wgsl,
    },
};
use smallvec::smallvec;
use std::sync::Arc;

/// Fours of tiles that a workgroup takes for Fourier transforms: as many as their lines fit the workgroup memory that every
/// adapter has.
const QUADS: usize = 2;

/// Tiles that a vector has.
const FOUR: usize = 4;

/// Elements between positions beside their own: a round number of pages apart, all would share few lines of
/// the caches.
const APART: usize = 16;

/// Most rows that [`wide`] adds.
pub(super) const WIDER: usize = FOUR - 1;

/// How tiles lie on what they are of, along each axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiles {
    count: [usize; 2],
    step: [usize; 2],
    /// What of a tile is not zero, or is wanted.
    extent: [usize; 2],
    size: [usize; 2],
    pad: [usize; 2],
}

impl Tiles {
    pub fn pixels(job: &Job) -> Tiles {
        let (count, step) = (job.tiles(), job.step());
        Tiles { count, step, extent: [job.basis.side(); 2], size: job.image, pad: job.pad }
    }

    pub fn results(job: &Job) -> Tiles {
        let (count, step) = (job.tiles(), job.step());
        Tiles { count, step, extent: step, size: job.results, pad: [0; 2] }
    }

    pub fn one(size: [usize; 2]) -> Tiles {
        Tiles { count: [1; 2], step: size, extent: size, size, pad: [0; 2] }
    }

    /// The tiles of so many images, and those that make whole fours of them.
    pub fn pitch(&self, images: usize) -> usize {
        self.of(images).next_multiple_of(FOUR)
    }

    fn of(&self, images: usize) -> usize {
        images * self.count[0] * self.count[1]
    }

    /// The parameters of a kernel for `rows` in all and of a group, `pitch` columns apart; the workgroups.
    fn words(
        &self,
        basis: Basis,
        kernel: &mut Kernel<'_>,
        images: usize,
        [rows, of_group, pitch]: [usize; 3],
    ) -> [u32; 3] {
        let chunks = match basis {
            Basis::Fourier => pitch.div_ceil(FOUR * QUADS),
            Basis::Winograd => pitch / FOUR,
        };
        for (name, value) in [("rows", rows), ("of_group", of_group), ("pitch", pitch), ("chunks", chunks)] {
            kernel.word(name, value);
        }
        kernel.word("columns", self.of(images));
        for (names, values) in [
            (["tiles_y", "tiles_x"], self.count),
            (["step_y", "step_x"], self.step),
            (["extent_y", "extent_x"], self.extent),
            (["size_y", "size_x"], self.size),
        ] {
            names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
        }
        match basis {
            Basis::Fourier => fold(rows * chunks),
            Basis::Winograd => fold((rows * chunks).div_ceil(64)),
        }
    }
}

/// What tiles are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pixels,
    Filters,
    Results,
}

/// Transformed tiles of an array `(images, groups, rows, y, x)`, as `(positions, groups, rows, tiles)`, whole fours of them.
///
/// Each position has room for `after` rows more than those of its groups.
#[derive(Debug)]
pub(super) struct Transform {
    pub basis: Basis,
    pub of: Of,
    pub tiles: Tiles,
    /// Of spectra, whether they are conjugate.
    pub conjugate: bool,
    pub after: usize,
}

impl Transform {
    pub fn of(self, x: &Tensor) -> Tensor {
        let (images, groups, rows) = (x.shape()[0], x.shape()[1], x.shape()[2]);
        let columns = self.tiles.pitch(images);
        let positions = self.basis.positions();
        let whole = Shape::from([positions, (groups * rows + self.after) * columns + APART]);
        let launcher = Arc::new(self);
        let transformed = workspace(elementwise::pending(x.device(), Root::Kernel(launcher), &[x], whole, DType::F32));
        let shape = Shape::from([positions, groups, rows, columns]);
        let inside = transformed.narrow(1, 0, groups * rows * columns);
        inside.try_reshape_view(&shape).expect("an axis can be split")
    }

    fn kernel(&self) -> (&'static str, &'static [Wgsl]) {
        const FOURIER: &[Wgsl] =
            &[wgsl!("spectral/fourier.wgsl"), wgsl!("spectral/lines.wgsl"), wgsl!("spectral/transform.wgsl")];
        const PIXELS: &[Wgsl] =
            &[wgsl!("winograd/six.wgsl"), wgsl!("winograd/pixels.wgsl"), wgsl!("winograd/transform.wgsl")];
        const FILTERS: &[Wgsl] =
            &[wgsl!("winograd/six.wgsl"), wgsl!("winograd/filters.wgsl"), wgsl!("winograd/transform.wgsl")];
        const GRADIENTS: &[Wgsl] =
            &[wgsl!("winograd/six.wgsl"), wgsl!("winograd/gradients.wgsl"), wgsl!("winograd/transform.wgsl")];
        match (self.basis, self.of) {
            (Basis::Fourier, _) => ("spectral_transform", FOURIER),
            (Basis::Winograd, Of::Pixels) => ("winograd_pixels", PIXELS),
            (Basis::Winograd, Of::Filters) => ("winograd_filters", FILTERS),
            (Basis::Winograd, Of::Results) => ("winograd_gradients", GRADIENTS),
        }
    }

    fn run_gpu(&self, gpu: &Arc<Gpu>, x: &Tensor, plan: &Plan) -> Result<()> {
        let (buffer, at) = x.buffer()?;
        let (name, files) = self.kernel();
        let files = [&[wgsl!("transformed/tiles.wgsl"), wgsl!("transformed/pixels.wgsl")], files].concat();
        let mut kernel = Kernel::new(name, gpu, plan.compute, &files);
        if self.basis == Basis::Fourier {
            kernel.constant("QUADS", QUADS as u32);
            kernel.real("sign", if self.conjugate { -1.0 } else { 1.0 });
        }
        kernel.memory("x", &buffer, x.dtype(), true);
        kernel.epilogue_fours(plan, Index::Flat);
        let (images, of_group) = (x.shape()[0], x.shape()[2]);
        let (rows, pitch) = (x.shape()[1] * of_group, self.tiles.pitch(images));
        let groups = self.tiles.words(self.basis, &mut kernel, images, [rows, of_group, pitch]);
        kernel.word("apart", plan.shape[1]);
        kernel.word("source", at + x.view.offset);
        for (name, &stride) in ["s_image", "s_group", "s_row", "s_y", "s_x"].into_iter().zip(&x.view.strides) {
            signed(&mut kernel, name, stride);
        }
        for (name, pad) in ["pad_y", "pad_x"].into_iter().zip(self.tiles.pad) {
            kernel.word(name, pad);
        }
        kernel.launch(groups);
        Ok(())
    }
}

impl Launcher for Transform {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        match &plan.device {
            Device::Gpu(gpu) => self.run_gpu(gpu, &args[0], plan),
            Device::Cpu(_) => unreachable!("the CPU has its own"),
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}

/// Where the elements of tiles go: the first, and the distances of images, groups and rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub first: usize,
    pub image: usize,
    pub group: usize,
    pub row: usize,
}

/// Tiles of products, `(positions, groups, rows, tiles)`.
pub(super) struct Products<'a> {
    pub gpu: &'a Arc<Gpu>,
    pub basis: Basis,
    pub values: &'a Tensor,
}

/// How the elements of tiles are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deliver {
    /// All of them, four tiles at once.
    Whole,
    /// Those that are wanted, four neighbours at once.
    Fours,
    Singly,
}

impl Products<'_> {
    fn kernel(&self, of: Of, deliver: Deliver) -> (&'static str, [Wgsl; 5]) {
        let tiles = wgsl!("transformed/tiles.wgsl");
        match self.basis {
            Basis::Fourier => {
                let (name, deliver) = match deliver {
                    Deliver::Whole => ("spectral_whole", wgsl!("spectral/whole.wgsl")),
                    _ => ("spectral_crop", wgsl!("spectral/crop.wgsl")),
                };
                let [fourier, lines] = [wgsl!("spectral/fourier.wgsl"), wgsl!("spectral/lines.wgsl")];
                (name, [tiles, fourier, lines, deliver, wgsl!("spectral/invert.wgsl")])
            }
            Basis::Winograd => {
                let (name, matrix) = match of {
                    Of::Pixels => ("winograd_spread", wgsl!("winograd/spread.wgsl")),
                    Of::Filters => ("winograd_taps", wgsl!("winograd/taps.wgsl")),
                    Of::Results => ("winograd_results", wgsl!("winograd/results.wgsl")),
                };
                let deliver = match deliver {
                    Deliver::Whole => wgsl!("winograd/whole.wgsl"),
                    Deliver::Fours if of == Of::Filters => wgsl!("winograd/crop_taps.wgsl"),
                    Deliver::Fours => wgsl!("winograd/crop_fours.wgsl"),
                    Deliver::Singly => wgsl!("winograd/crop.wgsl"),
                };
                (name, [tiles, wgsl!("winograd/six.wgsl"), matrix, deliver, wgsl!("winograd/invert.wgsl")])
            }
        }
    }

    fn invert(&self, plan: &Plan, of: Of, tiles: &Tiles, images: usize, to: Option<Place>) -> Result<()> {
        let (buffer, at) = self.values.buffer()?;
        let shape = self.values.shape();
        let (rows, pitch) = (shape[1] * shape[2], shape[3]);
        let strides = smallvec![pitch as isize, 1];
        let leaf = Leaf { buffer, offset: at + self.values.view.offset, strides, dtype: DType::F32 };
        // Rows of images, or filters of all channels, that are whole fours.
        let fours = match of {
            Of::Results => tiles.size[1].is_multiple_of(4),
            Of::Filters => images.is_multiple_of(4),
            Of::Pixels => false,
        };
        let deliver = match to {
            None => Deliver::Whole,
            Some(_) if self.basis == Basis::Winograd && fours => Deliver::Fours,
            Some(_) => Deliver::Singly,
        };
        let (name, files) = self.kernel(of, deliver);
        let mut kernel = Kernel::new(name, self.gpu, plan.compute, &files);
        if self.basis == Basis::Fourier {
            kernel.constant("QUADS", QUADS as u32);
        }
        kernel.matrix("m", &leaf, &[shape[0] * rows, pitch], 1, true);
        match deliver {
            Deliver::Singly => kernel.epilogue(plan, Index::Flat),
            _ => kernel.epilogue_fours(plan, Index::Flat),
        }
        let groups = tiles.words(self.basis, &mut kernel, images, [rows, shape[2], pitch]);
        if let Some(Place { first, image, group, row }) = to {
            for (name, value) in [("start", first), ("s_image", image), ("s_group", group), ("s_row", row)] {
                kernel.word(name, value);
            }
            kernel.word("s_y", tiles.size[1]);
        }
        kernel.launch(groups);
        Ok(())
    }

    /// What the tiles of results, or of filters, have.
    pub fn crop(&self, plan: &Plan, of: Of, tiles: &Tiles, images: usize, to: Place) -> Result<()> {
        self.invert(plan, of, tiles, images, Some(to))
    }
}

/// Whole tiles of products, `(groups * rows, pixel, tiles)`.
#[derive(Debug)]
pub(super) struct Whole(pub Basis);

impl Whole {
    pub fn of(self, products: &Tensor) -> Tensor {
        let (shape, side) = (products.shape(), self.0.side());
        let whole = Shape::from([shape[1] * shape[2], side * side, shape[3]]);
        let root = Root::Kernel(Arc::new(self));
        workspace(elementwise::pending(products.device(), root, &[products], whole, DType::F32))
    }
}

impl Launcher for Whole {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("the CPU has its own") };
        let tiles = Tiles::one([self.0.side(); 2]);
        let products = Products { gpu, basis: self.0, values: &args[0] };
        products.invert(plan, Of::Pixels, &tiles, args[0].shape()[3], None)
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}

/// Adds the whole tiles of some images where they overlap.
pub(super) fn add_tiles(
    gpu: &Arc<Gpu>,
    job: &Job,
    tiles: &Tensor,
    images: usize,
    to: Place,
    plan: &Plan,
) -> Result<()> {
    let (buffer, at) = tiles.buffer()?;
    let files = [wgsl!("transformed/overlap.wgsl")];
    let mut kernel = Kernel::new("overlap_tiles", gpu, plan.compute, &files);
    // Neighbouring threads should read neighbours on a GPU; a processor should divide seldom.
    let span = if gpu.is_software() { 16 } else { 1 };
    kernel.constant("SIDE", job.basis.side() as u32);
    kernel.constant("SPAN", span as u32);
    kernel.memory("x", &buffer, DType::F32, true);
    kernel.epilogue(plan, Index::Flat);
    let (channels, [height, width]) = (tiles.shape()[0], job.image);
    let segments = width.div_ceil(span);
    let threads = images * channels * height * segments;
    for (name, value) in [
        ("threads", threads),
        ("segments", segments),
        ("channels", channels),
        ("pitch", tiles.shape()[2]),
        ("of_group", channels / job.groups),
        ("start", to.first),
        ("s_image", to.image),
        ("s_group", to.group),
        ("s_row", to.row),
        ("source", at + tiles.view.offset),
    ] {
        kernel.word(name, value);
    }
    let geometry = Tiles::pixels(job);
    for (names, values) in [
        (["tiles_y", "tiles_x"], geometry.count),
        (["step_y", "step_x"], geometry.step),
        (["size_y", "size_x"], geometry.size),
        (["pad_y", "pad_x"], geometry.pad),
    ] {
        names.iter().zip(values).for_each(|(name, value)| kernel.word(name, value));
    }
    kernel.launch(fold(threads.div_ceil(64)));
    Ok(())
}

/// Tiles with rows after the last of a group, whatever is there, as many as make whole fours.
pub(super) fn wide(x: &Tensor) -> Tensor {
    let mut view = x.view.clone();
    // A transform with `WIDER` rows after the last has them all.
    view.shape = view.shape.with(2, x.shape()[2].next_multiple_of(FOUR));
    x.with_view(view)
}

pub(super) fn workspace(x: Tensor) -> Tensor {
    Tag::Workspace.during(|| x.force());
    x
}
