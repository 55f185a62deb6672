//! Every schedule of every direction on whatever adapter there is, against plain loops in f64.

use super::{Direction, columns, data, depthwise as by_pairs, forward, weights};
use crate::{
    device::Device,
    error::Result,
    kernel::{
        elementwise,
        matmul::{Block, Schedule},
        philox::Generator,
    },
    shape::{Convolution, ConvolutionShape, DType, Meta, Shape, Slice, convolution},
    tensor::{
        Tensor,
        expr::{Launcher, Operands, Plan, Root},
    },
    testing,
};
use std::sync::Arc;

/// A direction by a schedule that the test names.
#[derive(Debug)]
struct Scheduled(Direction, ConvolutionShape, Schedule);

impl Launcher for Scheduled {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("schedules are for GPUs") };
        let (a, b, schedule) = (&args[0], &args[1], Some(self.2));
        match self.0 {
            Direction::Forward => forward::run_gather(gpu, &self.1, a, b, schedule, plan),
            Direction::Data => data::run_gather(gpu, &self.1, a, b, schedule, plan),
            Direction::Weights => weights::run_gpu(gpu, &self.1, a, b, schedule, plan),
        }
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}

pub(super) struct Arrays {
    x: Tensor,
    w: Tensor,
    gy: Tensor,
}

impl Arrays {
    pub fn draw(s: &ConvolutionShape) -> Arrays {
        let mut generator = Generator::new(5);
        let mut draw = |shape: Shape| {
            let t = Tensor::rand(&mut generator, shape, DType::F32, &Device::cpu());
            t.add_scalar(-0.5)
        };
        Arrays { x: draw(s.images_shape()), w: draw(s.filters_shape()), gy: draw(s.results_shape()) }
    }

    pub fn operands(&self, direction: Direction) -> [&Tensor; 2] {
        match direction {
            Direction::Forward => [&self.x, &self.w],
            Direction::Data => [&self.gy, &self.w],
            Direction::Weights => [&self.x, &self.gy],
        }
    }
}

/// `y * y + 1` of singles, as the CPU's rule has it computed, against that of doubles.
pub(super) fn as_doubles(direction: Direction, s: &ConvolutionShape) {
    let arrays = Arrays::draw(s);
    let [a, b] = arrays.operands(direction);
    let of = |dtype| {
        let (a, b) = (a.cast(dtype), b.cast(dtype));
        let y = match direction {
            Direction::Forward => a.convolve(&b, s),
            Direction::Data => a.convolve_data(&b, s),
            Direction::Weights => a.convolve_weights(&b, s),
        };
        y.mul(&y).add_scalar(1.0).cast(DType::F64).to_vec::<f64>().unwrap()
    };
    for (i, (single, double)) in of(DType::F32).iter().zip(of(DType::F64)).enumerate() {
        let difference = (single - double).abs();
        assert!(difference < 1e-4 * double, "{direction:?}: element {i} is {single}, expected {double}");
    }
}

/// Plain loops: every product that there is, added where it belongs.
pub(super) fn plain(direction: Direction, s: &ConvolutionShape, a: &[f64], b: &[f64]) -> Vec<f64> {
    let (taps, area, pixels) = (s.taps(), s.area(), s.pixels());
    let n = match direction {
        Direction::Forward => s.results_shape(),
        Direction::Data => s.images_shape(),
        Direction::Weights => s.filters_shape(),
    };
    let mut out = vec![0.0; n.size()];
    let [_, k1, k2] = s.kernel;
    let [_, w1, w2] = s.windows;
    for image in 0..s.images {
        for (o, p) in (0..s.groups * s.filters).flat_map(|o| (0..area).map(move |p| (o, p))) {
            for (c, t) in (0..s.channels).flat_map(|c| (0..taps).map(move |t| (c, t))) {
                let at = [p / w2 / w1, p / w2 % w1, p % w2];
                let tap = [t / k2 / k1, t / k2 % k1, t % k2];
                let on = |i: usize| (at[i] * s.stride[i]) as isize + s.away(i, tap[i]);
                if (0..3).any(|i| !(0..s.image[i] as isize).contains(&on(i))) {
                    continue;
                }
                let pixel = (on(0) as usize * s.image[1] + on(1) as usize) * s.image[2] + on(2) as usize;
                let x = ((image * s.groups + o / s.filters) * s.channels + c) * pixels + pixel;
                let y = (image * s.groups * s.filters + o) * area + p;
                let w = (o * s.channels + c) * taps + t;
                match direction {
                    Direction::Forward => out[y] += a[x] * b[w],
                    Direction::Data => out[x] += a[y] * b[w],
                    Direction::Weights => out[w] += a[x] * b[y],
                }
            }
        }
    }
    out
}

pub(super) fn sizes(x: &[usize], w: &[usize], c: &Convolution) -> ConvolutionShape {
    let meta = |shape: &[usize]| Meta::new(shape, DType::F32);
    convolution(&meta(x), &meta(w), c).unwrap().1
}

fn close(what: &str, got: &Tensor, expected: &[f64]) {
    for (i, (g, e)) in got.to_f64().unwrap().iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= 1e-5 * (1.0 + e.abs()), "{what}: element {i} is {g}, expected {e}");
    }
}

fn geometries() -> Vec<ConvolutionShape> {
    let c = Convolution::default;
    vec![
        sizes(&[2, 3, 9, 8], &[5, 3, 3, 2], &c()),
        sizes(&[2, 4, 7, 9], &[6, 2, 3, 3], &c().pad([1, 2]).stride([2, 3]).groups(2)),
        sizes(&[1, 2, 3, 9, 8], &[3, 2, 2, 3, 3], &c().pad(1).stride([1, 2, 3]).dilate([1, 2, 1])),
        sizes(&[3, 3, 40], &[3, 1, 5], &c().stride(2).dilate(3).groups(3)),
        sizes(&[2, 2, 5, 5], &[3, 2, 2, 2], &c().stride(4)),
        sizes(&[2, 2, 9, 10], &[3, 2, 3, 2], &c().pad([2, 1]).dilate([2, 3])),
        // Results of an image, and elements of a filter, in whole fours.
        sizes(&[3, 2, 6, 7], &[18, 2, 3, 2], &c()),
        sizes(&[2, 2, 6, 5], &[3, 2, 3, 3], &c().stride(2).cover_all(true)),
    ]
}

/// Groups of a channel or two: blocks of rows, rows shorter than a vector and longer than four, every attribute.
fn depthwise() -> Vec<ConvolutionShape> {
    let c = Convolution::default;
    vec![
        sizes(&[2, 3, 70, 77], &[6, 1, 3, 3], &c().pad(1).groups(3)),
        sizes(&[2, 4, 43, 69], &[4, 1, 5, 4], &c().pad([2, 3]).stride([2, 3]).groups(4)),
        sizes(&[3, 4, 7, 7], &[2, 2, 3, 3], &c().pad(1).dilate(2).groups(2)),
        sizes(&[1, 2, 5, 6, 40], &[4, 1, 2, 3, 2], &c().pad([1, 0, 1]).stride([1, 2, 1]).groups(2)),
        sizes(&[2, 1, 9, 140], &[1, 1, 1, 3], &c()),
        // More than four elements along the last axis, and more than the gradient's sums.
        sizes(&[2, 2, 3, 6, 19], &[2, 1, 2, 3, 7], &c().pad([0, 1, 3]).groups(2)),
        sizes(&[3, 2, 5, 40], &[4, 1, 3, 5], &c().pad([1, 2]).stride([1, 2]).groups(2)),
        sizes(&[2, 2, 4, 30], &[2, 1, 2, 9], &c().groups(2)),
    ]
}

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::Data, Direction::Weights];

#[test]
fn the_cpu_against_plain_loops() {
    let mut all = geometries();
    // More windows than a block has, more elements than a slice, more filters than a tile, windows far apart.
    all.push(sizes(&[3, 9, 27, 25], &[4, 9, 6, 6], &Convolution::default().pad(2)));
    all.push(sizes(&[9, 40, 6, 7], &[5, 40, 3, 3], &Convolution::default().pad(1)));
    all.push(sizes(&[1, 40, 19, 40], &[19, 40, 3, 3], &Convolution::default().pad(2).dilate(2)));
    all.push(sizes(&[2, 5, 4, 30, 31], &[2, 5, 2, 1, 3], &Convolution::default().stride([1, 5, 7]).pad([1, 0, 2])));
    all.push(sizes(&[1, 1, 1200], &[1, 1, 1], &Convolution::default()));
    all.extend(depthwise());
    for s in &all {
        let arrays = Arrays::draw(s);
        for direction in DIRECTIONS {
            let operands = arrays.operands(direction);
            let [a, b] = operands.map(|t| t.to_f64().unwrap().into_raw_vec_and_offset().0);
            let [x, y] = operands.map(|t| t.cast(DType::F64));
            let got = match direction {
                Direction::Forward => x.convolve(&y, s),
                Direction::Data => x.convolve_data(&y, s),
                Direction::Weights => x.convolve_weights(&y, s),
            };
            close(&format!("{direction:?} of {s:?}"), &got, &plain(direction, s, &a, &b));
        }
    }
}

#[test]
fn every_schedule_against_plain_loops() {
    let device = testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least");
    let mut schedules = vec![
        (Block::Direct8x8, 1),
        (Block::Tiled32, 2),
        (Block::Direct1x1, 1),
        (Block::Direct8x16, 1),
        (Block::Tiled32, 1),
        (Block::Tiled64, 1),
        (Block::Direct8x8, 3),
    ];
    if matches!(&device, Device::Gpu(gpu) if gpu.subgroup_lanes() >= 8) {
        // Where they are the rule they are tried with all geometries.
        schedules.insert(0, (Block::Broadcast16x32, 1));
        schedules.extend([(Block::Broadcast32x32, 1), (Block::Broadcast16x32, 3)]);
    }
    for (i, s) in geometries().iter().enumerate() {
        // Kernels are slow to compile for software: what a geometry changes is in the operands, which all blocks share.
        let schedules = &schedules[..if i == 0 { schedules.len() } else { 3 }];
        let arrays = Arrays::draw(s);
        for direction in DIRECTIONS {
            let [a, b] = arrays.operands(direction);
            let values = [a, b].map(|t| t.to_f64().unwrap().into_raw_vec_and_offset().0);
            let expected: Vec<f64> = plain(direction, s, &values[0], &values[1]).iter().map(|v| v + 1.0).collect();
            let [a, b] = [a, b].map(|t| t.to_device(&device));
            let shape = match direction {
                Direction::Forward => s.results_shape(),
                Direction::Data => s.images_shape(),
                Direction::Weights => s.filters_shape(),
            };
            let by_columns = match direction {
                Direction::Forward => None,
                Direction::Data => Some(columns::data(&a, &b, s)),
                Direction::Weights => Some(columns::weights(&a, &b, s)),
            };
            if let Some(y) = by_columns {
                close(&format!("{direction:?} by columns of {s:?}"), &y.add_scalar(1.0), &expected);
            }
            for &(block, parts) in schedules {
                let schedule = Schedule { block, parts };
                let launcher = Arc::new(Scheduled(direction, s.clone(), schedule));
                let root = Root::Kernel(launcher);
                let y = elementwise::pending(&device, root, &[&a, &b], shape.clone(), DType::F32).add_scalar(1.0);
                close(&format!("{direction:?} by {schedule:?} of {s:?}"), &y, &expected);
            }
        }
    }
}

/// The gradient to depthwise filters by threads that share lines of them.
#[derive(Debug)]
struct Shared(ConvolutionShape);

impl Launcher for Shared {
    fn run(&self, args: Operands, plan: &Plan) -> Result<()> {
        let Device::Gpu(gpu) = &plan.device else { unreachable!("the CPU has its own") };
        assert!(by_pairs::run_weights_gpu(gpu, &self.0, [&args[0], &args[1]], 64, plan)?);
        Ok(())
    }

    fn takes_epilogue(&self, _: &Device) -> bool {
        true
    }
}

#[test]
fn depthwise_filters_by_threads_that_share_them() {
    let device = testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least");
    let mut all = depthwise();
    all.retain(|s| s.kernel[2] <= 8);
    // Parts of the lines.
    all.push(sizes(&[2, 1, 130, 40], &[1, 1, 2, 3], &Convolution::default()));
    for s in &all {
        let [x, gy] = Arrays::draw(s).operands(Direction::Weights).map(Tensor::clone);
        let [a, b] = [&x, &gy].map(|t| t.to_f64().unwrap().into_raw_vec_and_offset().0);
        let expected: Vec<f64> = plain(Direction::Weights, s, &a, &b).iter().map(|v| v + 1.0).collect();
        let [x, gy] = [x, gy].map(|t| t.to_device(&device));
        let root = Root::Kernel(Arc::new(Shared(s.clone())));
        let gw = elementwise::pending(&device, root, &[&x, &gy], s.filters_shape(), DType::F32).add_scalar(1.0);
        close(&format!("{s:?}"), &gw, &expected);
    }
}

#[test]
fn depthwise_on_an_adapter() {
    let device = testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least");
    let mut all = depthwise();
    // Whole fours of windows, over the edges and not.
    all.push(sizes(&[2, 3, 9, 12], &[3, 1, 3, 3], &Convolution::default().pad(1).groups(3)));
    all.push(sizes(&[2, 3, 10, 10], &[6, 1, 3, 3], &Convolution::default().groups(3)));
    // No image.
    all.push(sizes(&[0, 3, 10, 10], &[3, 1, 3, 3], &Convolution::default().groups(3)));
    for s in &all {
        let arrays = Arrays::draw(s);
        for direction in DIRECTIONS {
            let [a, b] = arrays.operands(direction);
            let values = [a, b].map(|t| t.to_f64().unwrap().into_raw_vec_and_offset().0);
            let expected: Vec<f64> = plain(direction, s, &values[0], &values[1]).iter().map(|v| v + 1.0).collect();
            // Every other element of memory along the last axis.
            let strided = |t: &Tensor| {
                let wide = t.shape().with(t.ndim() - 1, 2 * t.shape()[t.ndim() - 1]);
                let mut index = vec![Slice::ALL; t.ndim()];
                index[t.ndim() - 1] = Slice::Range(None, None, 2);
                t.embed(&wide, &index, 0.0).contiguous().slice(&index)
            };
            let operands = [a, b].map(|t| t.to_device(&device));
            for [a, b] in [[strided(&operands[0]), strided(&operands[1])], operands] {
                let y = match direction {
                    Direction::Forward => a.convolve(&b, s),
                    Direction::Data => a.convolve_data(&b, s),
                    Direction::Weights => a.convolve_weights(&b, s),
                };
                close(&format!("{direction:?} of {s:?}"), &y.add_scalar(1.0), &expected);
            }
        }
    }
}

#[test]
fn large_images_one_at_a_time() {
    let device = testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least");
    let s = sizes(&[3, 1, 67, 66], &[9, 1, 3, 3], &Convolution::default());
    let arrays = Arrays::draw(&s);
    for direction in [Direction::Data, Direction::Weights] {
        let [a, b] = arrays.operands(direction);
        let values = [a, b].map(|t| t.to_f64().unwrap().into_raw_vec_and_offset().0);
        let expected: Vec<f64> = plain(direction, &s, &values[0], &values[1]).iter().map(|v| v + 1.0).collect();
        let [a, b] = [a, b].map(|t| t.to_device(&device));
        if matches!(&device, Device::Gpu(gpu) if gpu.is_software()) {
            assert_eq!(columns::images(&s, &a), 1);
        }
        let y = match direction {
            Direction::Data => a.convolve_data(&b, &s),
            _ => a.convolve_weights(&b, &s),
        };
        close(&format!("{direction:?}"), &y.add_scalar(1.0), &expected);
    }
}

#[test]
fn depthwise_singles_and_what_follows() {
    for s in depthwise() {
        DIRECTIONS.into_iter().for_each(|direction| as_doubles(direction, &s));
    }
}
