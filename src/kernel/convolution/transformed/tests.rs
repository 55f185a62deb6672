//! Against plain sums in f64: every edge, images and filters in parts.

use super::{Basis, Job, Together, Transformed, bytes, passes, together, ways};
use crate::{
    device::Device,
    kernel::{
        WORKSPACE,
        convolution::{
            Direction,
            tests::{Arrays, plain, sizes},
            ways::Ways,
        },
        elementwise,
    },
    shape::{Convolution, ConvolutionShape, DType},
    tensor::{Tensor, expr::Root},
    testing,
};
use std::sync::Arc;

fn adapter() -> Device {
    testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least")
}

const DIRECTIONS: [Direction; 3] = [Direction::Forward, Direction::Data, Direction::Weights];

/// The largest difference from plain sums, relative to the largest result.
fn error(basis: Basis, direction: Direction, s: &ConvolutionShape, together: Together) -> f64 {
    let device = adapter();
    let arrays = Arrays::draw(s);
    let [a, b] = arrays.operands(direction);
    let values = |x: &Tensor| x.to_f64().unwrap().into_raw_vec_and_offset().0;
    let expected = plain(direction, s, &values(a), &values(b));
    let job = Job::of(basis, s).expect("windows side by side");
    let shape = match direction {
        Direction::Forward => s.results_shape(),
        Direction::Data => s.images_shape(),
        Direction::Weights => s.filters_shape(),
    };
    let root = Root::Kernel(Arc::new(Transformed { direction, job, together }));
    let [a, b] = [a, b].map(|x| x.to_device(&device));
    let y = elementwise::pending(&device, root, &[&a, &b], shape, DType::F32).add_scalar(1.0);
    let largest = expected.iter().fold(1e-9, |m: f64, v| m.max(v.abs()));
    let errors = values(&y).into_iter().zip(&expected).map(|(y, e)| (y - 1.0 - e).abs() / largest);
    errors.fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
}

#[test]
fn spectra_of_tiles_of_every_edge() {
    let c = Convolution::default;
    for s in [
        sizes(&[2, 3, 21, 26], &[5, 3, 5, 5], &c()),
        sizes(&[3, 4, 7, 30], &[22, 2, 7, 3], &c().pad(2).groups(2)),
        sizes(&[5, 2, 16, 16], &[4, 2, 9, 9], &c()),
        sizes(&[1, 1, 3, 4], &[3, 1, 3, 4], &c()),
        sizes(&[2, 5, 33, 13], &[9, 5, 11, 8], &c().pad([10, 4])),
        sizes(&[1, 2, 40, 17], &[2, 2, 16, 16], &c().pad(3)),
    ] {
        for direction in DIRECTIONS {
            // All at once; one image, and some channels or filters.
            for at in [Together { images: 8, outer: 32 }, Together { images: 1, outer: 3 }] {
                let error = error(Basis::Fourier, direction, &s, at);
                assert!(error < 2e-6, "{direction:?} of {s:?} by {at:?}: {error}");
            }
        }
    }
}

#[test]
fn winograd_tiles_of_every_edge() {
    let c = Convolution::default;
    for s in [
        sizes(&[2, 3, 9, 14], &[5, 3, 3, 3], &c().pad(1)),
        sizes(&[3, 4, 6, 6], &[22, 2, 3, 3], &c().groups(2)),
        sizes(&[5, 2, 3, 4], &[4, 2, 3, 3], &c()),
        sizes(&[1, 5, 33, 13], &[9, 5, 3, 3], &c().pad([2, 3])),
        sizes(&[17, 1, 4, 10], &[3, 1, 3, 3], &c().pad([1, 0])),
        sizes(&[2, 16, 7, 9], &[6, 8, 3, 3], &c().groups(2)),
        // Many channels, the error of which the module states.
        sizes(&[1, 512, 9, 8], &[6, 512, 3, 3], &c().pad(1)),
    ] {
        for direction in DIRECTIONS {
            for at in [Together { images: 32, outer: 32 }, Together { images: 1, outer: 3 }] {
                let error = error(Basis::Winograd, direction, &s, at);
                assert!(error < 2e-5, "{direction:?} of {s:?} by {at:?}: {error}");
            }
        }
    }
}

#[test]
fn what_fits_is_taken_together() {
    let s = sizes(&[64, 64, 64, 64], &[128, 64, 9, 9], &Convolution::default());
    let job = Job::of(Basis::Fourier, &s).unwrap();
    for direction in DIRECTIONS {
        let at = together(direction, &job, WORKSPACE).unwrap();
        assert_eq!(passes(direction, &job, at), 1);
        assert!(at.images > 1 && bytes(direction, &job, at) <= WORKSPACE, "{direction:?}: {at:?}");
        let some = together(direction, &job, WORKSPACE / 4).unwrap();
        assert!(passes(direction, &job, some) > 1 && bytes(direction, &job, some) <= WORKSPACE / 4, "{some:?}");
        assert_eq!(together(direction, &job, 1 << 20), None);
    }
}

#[test]
fn the_rule_takes_tiles_where_they_pay_and_what_follows_is_applied() {
    let device = adapter();
    let basis = |s: &ConvolutionShape, direction| {
        let [a, _] = Arrays::draw(s).operands(direction).map(|x| x.to_device(&device));
        let ways = ways(direction, s, &a);
        ways.first().filter(|way| way.1).map(|way| way.0.job.basis)
    };
    let c = Convolution::default;
    // Few channels, few tiles, small windows, windows apart; nothing to compute.
    for s in [
        sizes(&[4, 3, 64, 64], &[8, 3, 9, 9], &c()),
        sizes(&[1, 64, 16, 16], &[64, 64, 9, 9], &c()),
        sizes(&[2, 8, 40, 40], &[8, 8, 3, 3], &c()),
        sizes(&[2, 64, 40, 40], &[64, 64, 9, 9], &c().stride(2)),
        sizes(&[2, 3, 9, 9], &[0, 3, 9, 9], &c()),
    ] {
        assert_eq!(basis(&s, Direction::Forward), None, "{s:?}");
    }
    for (expected, s) in [
        (Basis::Fourier, sizes(&[3, 64, 41, 39], &[66, 64, 9, 9], &c().pad(1))),
        (Basis::Winograd, sizes(&[3, 256, 21, 19], &[130, 256, 3, 3], &c().pad(1))),
    ] {
        for direction in DIRECTIONS {
            if matches!(&device, Device::Gpu(gpu) if gpu.is_software()) {
                assert_eq!(basis(&s, direction), Some(expected));
            }
            let arrays = Arrays::draw(&s);
            let of = |device: &Device, dtype| {
                let [a, b] = arrays.operands(direction).map(|x| x.cast(dtype).to_device(device));
                let y = match direction {
                    Direction::Forward => a.convolve(&b, &s),
                    Direction::Data => a.convolve_data(&b, &s),
                    Direction::Weights => a.convolve_weights(&b, &s),
                };
                y.mul_scalar(0.5).add_scalar(1.0).to_f64().unwrap()
            };
            let (single, double) = (of(&device, DType::F32), of(&Device::cpu(), DType::F64));
            let largest = double.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            for (i, (single, double)) in single.iter().zip(&double).enumerate() {
                let error = (single - double).abs();
                assert!(error < 2e-5 * largest, "{direction:?}: element {i} is {single}, expected {double}");
            }
        }
    }
}

#[test]
fn every_way_can_be_measured() {
    let device = adapter();
    let s = sizes(&[2, 40, 24, 24], &[40, 40, 3, 3], &Convolution::default());
    let arrays = Arrays::draw(&s);
    let [x, w] = arrays.operands(Direction::Forward);
    let double = x.cast(DType::F64).convolve(&w.cast(DType::F64), &s).to_f64().unwrap();
    let [x, w] = [x, w].map(|x| x.to_device(&device));
    let question = Ways::of(Direction::Forward, &s, &x, || true).expect("tiles and windows").question();
    let single = device.tune(|| x.convolve(&w, &s).mul_scalar(2.0).to_f64().unwrap());
    let Device::Gpu(gpu) = &device else { unreachable!("an adapter") };
    assert!(gpu.choices().get(&format!("{} {}", question.kind, question.about)).is_some());
    for (single, double) in single.iter().zip(&double) {
        assert!((single - 2.0 * double).abs() < 1e-3, "{single}, expected {}", 2.0 * double);
    }
}
