//! Regions of images as pooling functions take them, cut into cells where they lie.

use crate::{
    autograd::{Forward, Function, Saved, Variable, apply},
    functions::{
        array::{get_item_fancy, where_, with_shape},
        connection::expect_ids,
        math::matmul,
    },
    kernel::{create::known_range, roi},
    shape::{DType, InvalidType, Meta, Shape, Sides, Slice, ensure},
    tensor::{BlockFn, Op, Real, Scalar, Tensor, expect, wgsl},
};

/// Samples along each side of a cell of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sampling {
    /// As many as the cell has pixels along that side.
    #[default]
    Adaptive,
    /// As many for each.
    Fixed(usize),
    /// As many along the height and the width; `None` as for [`Sampling::Adaptive`].
    Each(Option<usize>, Option<usize>),
}

impl Sampling {
    /// The numbers along both sides, zero for the cell's.
    fn sides(self) -> [usize; 2] {
        match self {
            Sampling::Adaptive => [0, 0],
            Sampling::Fixed(n) => [n.max(1); 2],
            Sampling::Each(height, width) => [height, width].map(|n| n.map_or(0, |n| n.max(1))),
        }
    }
}

impl From<usize> for Sampling {
    fn from(n: usize) -> Sampling {
        Sampling::Fixed(n)
    }
}

/// Regions of images, of which only shapes are known here.
pub(super) struct Boxes {
    images: [usize; 4],
    out: [usize; 2],
    /// Tops, lefts, bottoms and rights in pixels of the images, `(R, 4)`.
    corners: Tensor,
    /// The image of each, `(R,)`; one that is none is in the fault record.
    image: Tensor,
    /// Whether all are known to be of the only image.
    single: bool,
}

impl Boxes {
    /// Regions `(R, 4)` of `y0, x0, y1, x1`, of the images that `indices` name.
    #[track_caller]
    pub fn new(
        name: &'static str,
        x: &Variable,
        rois: &Variable,
        indices: &Variable,
        out: impl Into<Sides>,
        scale: f64,
    ) -> Boxes {
        let fits = || -> Result<[usize; 2], InvalidType> {
            images(x, rois, 4)?;
            ensure!(indices.dtype(), ==, DType::I32);
            ensure!(
                indices.shape()[..] == rois.shape()[..1],
                "roi_indices.shape == (rois.shape[0],)",
                "{}",
                indices.shape()
            );
            let out = out.into().of("outsize", 2)?;
            ensure!(out[0] * out[1] > 0, "outsize above 0", "{} by {}", out[0], out[1]);
            ensure!(scale, >, 0.0);
            Ok([out[0], out[1]])
        };
        let out = expect(name, fits(), &[x.data(), rois.data(), indices.data()]);
        expect_ids(name, indices.data(), x.shape()[0], None);
        Boxes::of(name, x, out, rois.data().mul_scalar(scale), indices.data())
    }

    /// Regions `(R, 5)` of `image, x0, y0, x1, y1`.
    #[track_caller]
    pub fn with_image(name: &'static str, x: &Variable, rois: &Variable, out: [usize; 2], scale: f64) -> Boxes {
        let fits = || {
            images(x, rois, 5)?;
            ensure!(out[0] * out[1] > 0, "outsize above 0", "{} by {}", out[0], out[1]);
            ensure!(scale, >, 0.0);
            Ok(())
        };
        expect(name, fits(), &[x.data(), rois.data()]);
        let rois = rois.data();
        let column = |k: usize| rois.slice(&[Slice::ALL, (k..k + 1).into()]);
        let corners = Tensor::concat(&[&column(2), &column(1), &column(4), &column(3)], 1);
        let indices = rois.slice(&[Slice::ALL, 0.into()]).cast(DType::I32);
        Boxes::of(name, x, out, corners.mul_scalar(scale), &indices)
    }

    #[track_caller]
    fn of(name: &'static str, x: &Variable, out: [usize; 2], corners: Tensor, indices: &Tensor) -> Boxes {
        let s = x.shape();
        let images = [s[0], s[1], s[2], s[3]];
        let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let numbers = Tensor::count(images[0], x.device()).with_shape(&Shape::from([images[0], 1]));
        let image = numbers.take_rows(name, indices, None).with_shape(indices.shape());
        let single = images[0] == 1 && known_range(indices) == Some((0, 0));
        Boxes { images, out, corners: corners.cast(dtype), image, single }
    }

    fn count(&self) -> usize {
        self.image.size()
    }

    /// The lower and the upper corners along an axis, with further axes of length 1.
    fn ends(&self, axis: usize, further: usize) -> [Tensor; 2] {
        let shape: Shape = [self.count()].into_iter().chain(std::iter::repeat_n(1, further)).collect();
        [axis, axis + 2].map(|k| self.corners.slice(&[Slice::ALL, k.into()]).with_shape(&shape))
    }

    /// What an operator makes of the corners along an axis.
    fn map(&self, op: Op, axis: usize, words: &[usize], shape: Shape, dtype: DType) -> Tensor {
        let [a, b] = self.ends(axis, shape.len() - 1);
        Tensor::map(op, &scalars(words), &[&a, &b], shape, dtype)
    }

    fn regions(&self, empty_is_least: bool, table: impl Fn(usize) -> Tensor) -> roi::Regions {
        let (rows, columns) = (table(0).cast(DType::I32), table(1).cast(DType::I32));
        roi::Regions { images: self.images, out: self.out, image: self.image.clone(), rows, columns, empty_is_least }
    }

    /// First and one past the last pixel of each cell along an axis, as reals.
    fn edges(&self, axis: usize, inclusive: bool) -> Tensor {
        let n = self.out[axis];
        let words = [n, self.images[axis + 2], usize::from(inclusive)];
        self.map(EDGE, axis, &words, Shape::from([self.count(), n, 2]), self.corners.dtype())
    }

    /// Cells of whole pixels: the region's rounded corners, with the last pixel or without, in equal parts.
    pub fn cells(&self, inclusive: bool) -> roi::Regions {
        self.regions(!inclusive, |axis| self.edges(axis, inclusive))
    }

    /// For each region and cell along an axis, what each pixel weighs in the mean of whole pixels.
    pub fn means(&self, x: &Variable, axis: usize) -> Variable {
        let (edges, side) = (self.edges(axis, false), self.images[axis + 2]);
        let [first, last] =
            [0, 1].map(|k: usize| edges.slice(&[Slice::ALL, Slice::NewAxis, Slice::ALL, (k..k + 1).into()]));
        let shape = Shape::from([self.count(), 1, self.out[axis], side]);
        let shares = Tensor::map(SHARE, &scalars(&[side]), &[&first, &last], shape, edges.dtype());
        Variable::constant(shares.cast(x.dtype()))
    }

    /// For each region and cell along an axis, what each pixel weighs in the mean of the cell's samples, each of which lies
    /// between two pixels.
    pub fn samples(&self, x: &Variable, axis: usize, sampling: Sampling) -> Variable {
        let (cells, side) = (self.out[axis], self.images[axis + 2]);
        let shape = Shape::from([self.count(), 1, cells, side]);
        let words = [cells, side, sampling.sides()[axis]];
        Variable::constant(self.map(WEIGHT, axis, &words, shape, self.corners.dtype()).cast(x.dtype()))
    }

    /// `rows @ image @ columns^T` for each region: `(R, C, .., ..)`.
    pub fn combine(&self, x: &Variable, rows: &Variable, columns: &Variable) -> Variable {
        let images =
            if self.single { x.clone() } else { get_item_fancy(x, &Variable::constant(self.image.clone()), 0) };
        let turned = crate::functions::array::swapaxes(columns, -1, -2);
        let y = matmul(&matmul(rows, &images), &turned);
        let shape = [self.count(), self.images[1], rows.shape()[2], columns.shape()[2]];
        with_shape(&y, shape)
    }

    /// The largest sample of each cell; minus infinity where none is in the image.
    #[track_caller]
    pub fn largest_sample(&self, name: &'static str, x: &Variable, sampling: Sampling) -> Variable {
        let regions = self.regions(true, |axis| {
            let n = self.out[axis];
            let shape = Shape::from([self.count(), n, 2]);
            self.map(SPAN, axis, &[n, self.images[axis + 2]], shape, self.corners.dtype())
        });
        let [rows, columns] = regions.best_samples(x.data(), &self.corners, sampling.sides());
        let shape = regions.shape();
        let mut y: Option<Variable> = None;
        for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let words = [down, right, self.images[2], self.images[3]];
            let at = Tensor::map(PLACE, &scalars(&words), &[&rows, &columns], shape.clone(), rows.dtype());
            let part = Tensor::map(PART, &scalars(&words[..2]), &[&rows, &columns], shape.clone(), rows.dtype());
            let named = Named { name, regions: regions.clone(), at: at.cast(DType::I32), back: false };
            let term = apply(named, &[x]) * Variable::constant(part.cast(x.dtype()));
            y = Some(y.map_or(term.clone(), |y| y + &term));
        }
        let y = y.expect("four pixels");
        let none = Variable::constant(rows.less(&rows.full_like(0.0)));
        where_(&none, &Variable::constant(y.data().full_like(f64::NEG_INFINITY)), &y)
    }
}

fn images(x: &Variable, rois: &Variable, numbers: usize) -> Result<(), InvalidType> {
    ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
    ensure!(x.ndim(), ==, 4);
    ensure!(rois.dtype().is_float(), "rois.dtype.kind == f", "{}", rois.dtype());
    ensure!(rois.ndim(), ==, 2);
    ensure!(rois.shape()[1] == numbers, format!("rois.shape[1] == {numbers}"), "{}", rois.shape()[1]);
    Ok(())
}

fn scalars(words: &[usize]) -> Vec<Scalar> {
    words.iter().map(|&n| Scalar::U(u32::try_from(n).expect("a side of an image"))).collect()
}

const fn op(name: &'static str, indexed: bool, f32: BlockFn<f32>, f64: BlockFn<f64>) -> Op {
    Op { name, files: &[wgsl!("pooling/regions.wgsl")], arity: 2, indexed, cheap: false, f32, f64 }
}

const EDGE: Op = op("region_edge", true, edge::<f32>, edge::<f64>);
const SHARE: Op = op("region_share", true, share::<f32>, share::<f64>);
const WEIGHT: Op = op("region_weight", true, weight::<f32>, weight::<f64>);
const SPAN: Op = op("region_span", true, span::<f32>, span::<f64>);
const PLACE: Op = op("region_place", false, place::<f32>, place::<f64>);
const PART: Op = op("region_part", false, part::<f32>, part::<f64>);

/// Fills a block from two operands, whole numbers and the position: see `shaders/pooling/regions.wgsl`.
fn fill<R: Real>(args: &[&[R]], at: usize, out: &mut [R], f: impl Fn(f64, f64, usize) -> f64) {
    for (i, (o, (a, b))) in out.iter_mut().zip(args[0].iter().zip(args[1])).enumerate() {
        *o = R::of(f(a.to_f64(), b.to_f64(), at + i));
    }
}

fn words<const N: usize>(scalars: &[Scalar]) -> [usize; N] {
    std::array::from_fn(|i| scalars[i].word() as usize)
}

/// A position from 0 to the side; 0 for NaN.
fn within(v: f64, side: usize) -> f64 {
    if v > 0.0 { v.min(side as f64) } else { 0.0 }
}

fn edge<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [n, side, more] = words(scalars);
    fill(args, at, out, |a, b, i| {
        let (first, parts, cell) = (a.round_ties_even(), n as f64, (i / 2 % n) as f64);
        let length = (b.round_ties_even() - first + more as f64).max(1.0);
        // Half a unit, so that no rounding moves an edge.
        let edge = if i % 2 == 0 { cell * length + 0.5 } else { (cell + 1.0) * length + parts - 0.5 };
        within(first + (edge / parts).floor(), side)
    });
}

fn share<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [side] = words(scalars);
    fill(args, at, out, |first, last, i| {
        let pixel = (i % side) as f64;
        if pixel >= first && pixel < last { 1.0 / (last - first) } else { 0.0 }
    });
}

fn weight<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [cells, side, n] = words(scalars);
    fill(args, at, out, |a, b, i| {
        let (pixel, far) = ((i % side) as f64, side as f64 - 1.0);
        let length = (b - a).max(1.0) / cells as f64;
        let count = if n == 0 { length.ceil() } else { n as f64 };
        let step = length / count;
        let start = a + (i / side % cells) as f64 * length;
        // Samples that have this pixel as a neighbour, and one more at either end.
        let low = if pixel == 0.0 { -1.0 } else { pixel - 1.0 };
        let high = if pixel == far { side as f64 } else { pixel + 1.0 };
        let first = ((low - start) / step - 1.5).floor().max(0.0);
        let last = ((high - start) / step + 0.5).ceil().min(count);
        let samples = (0..4096).map(|k| first + f64::from(k)).take_while(|&s| s < last);
        let sum: f64 = samples
            .map(|s| start + (s + 0.5) * step)
            .filter(|at| (-1.0..=side as f64).contains(at))
            .map(|at| (1.0 - (at.clamp(0.0, far) - pixel).abs()).max(0.0))
            .sum();
        sum / count
    });
}

fn span<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [cells, side] = words(scalars);
    fill(args, at, out, |a, b, i| {
        let length = (b - a).max(1.0) / cells as f64;
        let start = a + (i / 2 % cells) as f64 * length;
        let edge = if i % 2 == 0 { start.floor().min(side as f64 - 1.0) } else { (start + length).floor() + 2.0 };
        within(edge, side)
    });
}

fn place<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [down, right, height, width] = words(scalars);
    fill(args, at, out, |y, x, _| {
        let row = (y.floor() + down as f64).min(height as f64 - 1.0);
        let column = (x.floor() + right as f64).min(width as f64 - 1.0);
        if y >= 0.0 { row * width as f64 + column } else { -1.0 }
    });
}

fn part<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [down, right] = words(scalars);
    fill(args, at, out, |y, x, _| {
        let share = |v: f64, far: usize| if far == 1 { v - v.floor() } else { 1.0 - (v - v.floor()) };
        share(y, down) * share(x, right)
    });
}

/// The largest pixel of each cell.
#[track_caller]
pub(super) fn largest(name: &'static str, x: &Variable, regions: roi::Regions) -> Variable {
    apply(Largest { name, regions }, &[x])
}

#[derive(Debug)]
struct Largest {
    name: &'static str,
    regions: roi::Regions,
}

impl Function for Largest {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.regions.shape(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (y, at) = self.regions.max(&xs[0]);
        Forward::with_extras(y, vec![at])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let regions = self.regions.clone();
        let put = Named { name: self.name, regions, at: saved.extra(0).clone(), back: true };
        vec![gys[0].as_ref().map(|gy| apply(put, &[gy]))]
    }
}

/// The pixel that each cell names, or the adjoint of that.
#[derive(Debug)]
struct Named {
    name: &'static str,
    regions: roi::Regions,
    at: Tensor,
    back: bool,
}

impl Function for Named {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let shape = if self.back { Shape::from(self.regions.images) } else { self.regions.shape() };
        Ok(vec![Meta::new(shape, xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let of = &self.regions;
        if self.back { of.put(&xs[0], &self.at) } else { of.take(&xs[0], &self.at) }.into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (regions, at) = (self.regions.clone(), self.at.clone());
        let adjoint = Named { name: self.name, regions, at, back: !self.back };
        vec![gys[0].as_ref().map(|gy| apply(adjoint, &[gy]))]
    }
}

/// Three regions for cases: one within, one across the sides, and one of almost nothing.
pub(super) fn sample(x: &Variable, of: [i32; 3]) -> (Variable, Variable) {
    let corners = [1.0f64, 0.0, 9.0, 12.5, -3.0, 2.0, 6.0, 30.0, 4.0, 4.0, 4.0, 5.0];
    let cpu = crate::device::Device::cpu();
    let rois = Tensor::from_slice(&corners, [3, 4], &cpu).cast(x.dtype()).to_device(x.device());
    (Variable::constant(rois), Variable::constant(Tensor::from_slice(&of, [3], x.device())))
}
