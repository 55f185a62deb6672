//! Regions of images as pooling functions take them, cut into cells on the host.

use crate::{
    autograd::{Forward, Function, Saved, Variable, apply},
    functions::{
        array::{get_item_fancy, with_shape},
        math::matmul,
    },
    kernel::roi,
    shape::{DType, InvalidType, Meta, Shape, Sides, ensure},
    tensor::{Tensor, expect},
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
    /// The number along an axis, or `None` for the cell's.
    fn along(self, axis: usize) -> Option<usize> {
        match self {
            Sampling::Adaptive => None,
            Sampling::Fixed(n) => Some(n),
            Sampling::Each(height, width) => [height, width][axis],
        }
    }
}

impl From<usize> for Sampling {
    fn from(n: usize) -> Sampling {
        Sampling::Fixed(n)
    }
}

/// A region's top, left, bottom and right, in pixels of the images.
type Corners = [f64; 4];

/// Regions checked against images, on the host.
pub(super) struct Boxes {
    pub images: [usize; 4],
    pub out: [usize; 2],
    corners: Vec<Corners>,
    image: Vec<i32>,
}

impl Boxes {
    /// Regions `(R, 4)` of `y0, x0, y1, x1`, of the images that `indices` name.
    #[track_caller]
    pub fn new(
        name: &str,
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
        let values = host(name, rois);
        let corners = values.chunks(4).map(|c| [c[0], c[1], c[2], c[3]].map(|v| v * scale)).collect();
        let image = host(name, indices).into_iter().map(|i| i as i32).collect();
        Boxes::checked(name, x, out, corners, image)
    }

    /// Regions `(R, 5)` of `image, x0, y0, x1, y1`.
    #[track_caller]
    pub fn with_image(name: &str, x: &Variable, rois: &Variable, out: [usize; 2], scale: f64) -> Boxes {
        let fits = || {
            images(x, rois, 5)?;
            ensure!(out[0] * out[1] > 0, "outsize above 0", "{} by {}", out[0], out[1]);
            ensure!(scale, >, 0.0);
            Ok(())
        };
        expect(name, fits(), &[x.data(), rois.data()]);
        let values = host(name, rois);
        let corners = values.chunks(5).map(|c| [c[2], c[1], c[4], c[3]].map(|v| v * scale)).collect();
        let image = values.chunks(5).map(|c| c[0] as i32).collect();
        Boxes::checked(name, x, out, corners, image)
    }

    #[track_caller]
    fn checked(name: &str, x: &Variable, out: [usize; 2], corners: Vec<Corners>, image: Vec<i32>) -> Boxes {
        let s = x.shape();
        let images = [s[0], s[1], s[2], s[3]];
        if let Some(bad) = image.iter().find(|&&i| i < 0 || i as usize >= images[0]) {
            let error = InvalidType::new(format!("0 <= roi_indices < {}", images[0]), bad.to_string());
            expect::<()>(name, Err(error), &[x.data()]);
        }
        Boxes { images, out, corners, image }
    }

    fn table(&self, x: &Variable, axis: usize, span: impl Fn(f64, f64) -> (i64, i64)) -> Tensor {
        let (n, side) = (self.out[axis], self.images[axis + 2] as i64);
        let cell = |c: &Corners, i: usize| {
            let (start, length) = span(c[axis], c[axis + 2]);
            let each = length as f64 / n as f64;
            let first = (i as f64 * each).floor() as i64 + start;
            let last = ((i + 1) as f64 * each).ceil() as i64 + start;
            [first.clamp(0, side) as i32, last.clamp(0, side) as i32]
        };
        let values: Vec<i32> =
            self.corners.iter().flat_map(|c| (0..n).flat_map(|i| cell(c, i)).collect::<Vec<_>>()).collect();
        Tensor::from_slice(&values, [self.corners.len(), n, 2], x.device())
    }

    /// Cells of whole pixels: the region's rounded corners, with the last pixel or without, in equal parts.
    pub fn cells(&self, x: &Variable, inclusive: bool) -> roi::Regions {
        let one = i64::from(inclusive);
        let span = |a: f64, b: f64| {
            let (a, b) = (a.round_ties_even() as i64, b.round_ties_even() as i64);
            (a, (b - a + one).max(1))
        };
        roi::Regions {
            images: self.images,
            out: self.out,
            image: Tensor::from_slice(&self.image, self.image.len(), x.device()),
            rows: self.table(x, 0, span),
            columns: self.table(x, 1, span),
            empty_is_least: !inclusive,
        }
    }

    /// For each region and cell along an axis, what each pixel weighs in the mean of whole pixels.
    pub fn means(&self, x: &Variable, axis: usize) -> Variable {
        let cells = self.cells(x, false);
        let table = if axis == 0 { &cells.rows } else { &cells.columns };
        let table = table.to_vec::<i32>().expect("made from host values");
        let weights = |first: i32, last: i32, i: usize| {
            let inside = (first as usize..last as usize).contains(&i);
            if inside { 1.0 / f64::from(last - first) } else { 0.0 }
        };
        let side = self.images[axis + 2];
        let values = table.chunks(2).flat_map(|t| (0..side).map(|i| weights(t[0], t[1], i)).collect::<Vec<_>>());
        self.weights(x, [self.corners.len(), self.out[axis], side], values.collect())
    }

    /// For each region and sample along an axis, what each pixel weighs in it: the nearer two of the sample.
    ///
    /// Samples of a cell are `n`, or fewer with the last repeated; with `mean`, they are averaged.
    pub fn samples(&self, x: &Variable, axis: usize, sampling: Sampling, mean: bool) -> (Variable, usize) {
        let (out, side) = (self.out[axis], self.images[axis + 2]);
        let cell = |c: &Corners| (c[axis + 2] - c[axis]).max(1.0) / out as f64;
        let count = |c: &Corners| sampling.along(axis).unwrap_or(cell(c).ceil() as usize);
        let most = self.corners.iter().map(count).max().unwrap_or(1).max(1);
        let weight = |at: f64, i: usize| {
            if at < -1.0 || at > side as f64 {
                return 0.0;
            }
            (1.0 - (at.clamp(0.0, side as f64 - 1.0) - i as f64).abs()).max(0.0)
        };
        let mut values = vec![];
        for c in &self.corners {
            let (length, n) = (cell(c), count(c));
            let at = |o: usize, s: usize| c[axis] + (o as f64 + (s as f64 + 0.5) / n as f64) * length;
            for o in 0..out {
                if mean {
                    values.extend((0..side).map(|i| (0..n).map(|s| weight(at(o, s), i)).sum::<f64>() / n as f64));
                } else {
                    (0..most).for_each(|s| values.extend((0..side).map(|i| weight(at(o, s.min(n - 1)), i))));
                }
            }
        }
        let per_cell = if mean { 1 } else { most };
        (self.weights(x, [self.corners.len(), out * per_cell, side], values), per_cell)
    }

    fn weights(&self, x: &Variable, [regions, cells, side]: [usize; 3], values: Vec<f64>) -> Variable {
        let shape = [regions, 1, cells, side];
        let t = match x.dtype() {
            DType::F64 => Tensor::from_slice(&values, shape, x.device()),
            other => {
                let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
                Tensor::from_slice(&values, shape, x.device()).cast(other)
            }
        };
        Variable::constant(t)
    }

    /// `rows @ image @ columns^T` for each region: `(R, C, .., ..)`.
    pub fn combine(&self, x: &Variable, rows: &Variable, columns: &Variable) -> Variable {
        let images = if self.images[0] == 1 {
            x.clone()
        } else {
            let image = Tensor::from_slice(&self.image, self.image.len(), x.device());
            get_item_fancy(x, &Variable::constant(image), 0)
        };
        let turned = crate::functions::array::swapaxes(columns, -1, -2);
        let y = matmul(&matmul(rows, &images), &turned);
        let shape = [self.corners.len(), self.images[1], rows.shape()[2], columns.shape()[2]];
        with_shape(&y, shape)
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

/// The values of regions; the device is waited for.
#[track_caller]
fn host(name: &str, v: &Variable) -> Vec<f64> {
    match v.data().to_f64() {
        Ok(values) => values.into_iter().collect(),
        Err(error) => panic!("{name}: {error}"),
    }
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
        let put = Named { regions: self.regions.clone(), at: saved.extra(0).clone(), back: true };
        vec![gys[0].as_ref().map(|gy| apply(put, &[gy]))]
    }
}

/// The pixel that each cell names, or the adjoint of that.
#[derive(Debug)]
struct Named {
    regions: roi::Regions,
    at: Tensor,
    back: bool,
}

impl Function for Named {
    fn name(&self) -> &'static str {
        "roi_max_pooling_grad"
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
        let adjoint = Named { regions: self.regions.clone(), at: self.at.clone(), back: !self.back };
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
