//! Transforms against sums, and convolutions against plain sums in f64: results at every edge, and the error that the module
//! states.

use super::{
    super::{
        super::{
            Direction,
            transformed::{Basis, Job},
        },
        HALF, SIDE, job,
    },
    run_cpu,
    transforms::{fourier, numbers, real},
    weights,
};
use crate::{
    device::Device,
    kernel::{
        WORKSPACE,
        convolution::{
            cpu::{Operand, Sink},
            tests::{Arrays, as_doubles, plain, sizes},
        },
        tiles::Number,
    },
    shape::{Convolution, ConvolutionShape},
    tensor::Tensor,
};
use pulp::{Arch, Simd, WithSimd};
use std::f64::consts::PI;

/// Of sixteen numbers, and sixteen imaginary ones: the transform, that of the first alone, and the latter's inverse.
struct Transforms([[f64; SIDE]; 2]);

impl WithSimd for Transforms {
    type Output = ([[f64; SIDE]; 2], [[f64; 2]; HALF], [f64; SIDE]);

    #[inline(always)]
    fn with_simd<S: Simd>(self, s: S) -> Self::Output {
        let vectors = self.0.map(|part| part.map(|x| f64::splat(s, x)));
        // SAFETY: a vector has an element.
        let first = |v: &<f64 as Number>::Vector<S>| unsafe { *(&raw const *v).cast::<f64>() };
        let half = real::<f64, S>(s, &vectors[0]);
        let all = fourier::<f64, S>(s, &vectors[0], &vectors[1]);
        let back = numbers::<f64, S>(s, &half);
        (all.map(|part| part.map(|v| first(&v))), half.map(|y| y.map(|v| first(&v))), back.map(|v| first(&v)))
    }
}

#[test]
fn transforms_are_sums_of_turns() {
    let x = [0, 1].map(|part| std::array::from_fn(|n| ((n * 7 + part * 5) % 11) as f64 - 4.0 + 0.25 * n as f64));
    let (all, half, back) = Arch::new().dispatch(Transforms(x));
    let sum = |k: usize, imaginary: bool| {
        let terms = (0..SIDE).map(|n| {
            let (sin, cos) = (2.0 * PI * (n * k) as f64 / SIDE as f64).sin_cos();
            let im = if imaginary { x[1][n] } else { 0.0 };
            [x[0][n] * cos + im * sin, im * cos - x[0][n] * sin]
        });
        terms.fold([0.0, 0.0], |sum, term| [sum[0] + term[0], sum[1] + term[1]])
    };
    for k in 0..SIDE {
        for part in 0..2 {
            let expected = sum(k, true)[part];
            assert!((all[part][k] - expected).abs() < 1e-12, "{k}: {} is not {expected}", all[part][k]);
            if k < HALF {
                let expected = sum(k, false)[part];
                assert!((half[k][part] - expected).abs() < 1e-12, "{k}: {} is not {expected}", half[k][part]);
            }
        }
        let expected = x[0][k] / SIDE as f64;
        assert!((back[k] - expected).abs() < 1e-13, "{k}: {} is not {expected}", back[k]);
    }
}

/// Results, and what plain sums are.
fn results<E: Number>(direction: Direction, s: &ConvolutionShape, workspace: usize) -> [Vec<f64>; 2] {
    let arrays = Arrays::draw(s);
    let [a, b] = arrays.operands(direction);
    let values = |x: &Tensor| x.to_vec::<f32>().unwrap().iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let (a, b) = (values(a), values(b));
    let expected = plain(direction, s, &a, &b);
    let of = |x: &[f64]| x.iter().map(|&v| E::from_f64(v)).collect::<Vec<E>>();
    let (a, b) = (of(&a), of(&b));
    let mut y = vec![E::from_f64(f64::NAN); expected.len()];
    let job = Job::of(Basis::Fourier, s).expect("windows side by side");
    let (x, w) = (Operand { values: &a }, Operand { values: &b });
    let device = Device::cpu();
    match direction {
        Direction::Weights => weights::run_cpu(&job, &device, &x, &w, &mut y, workspace),
        _ => run_cpu((direction, &job), &device, &x, &w, Sink::Memory(&mut y), workspace),
    }
    .expect("memory");
    [y.iter().map(|y| y.to_f64()).collect(), expected]
}

/// The largest difference from plain sums, relative to the largest result.
fn error<E: Number>(direction: Direction, s: &ConvolutionShape, workspace: usize) -> f64 {
    let [y, expected] = results::<E>(direction, s, workspace);
    let most = expected.iter().fold(1e-9, |m: f64, v| m.max(v.abs()));
    y.iter().zip(&expected).map(|(y, e)| (y - e).abs()).fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m }) / most
}

#[test]
fn tiles_of_every_edge() {
    let c = Convolution::default;
    for s in [
        sizes(&[2, 3, 31, 40], &[5, 3, 9, 7], &c()),
        sizes(&[1, 2, 5, 5], &[1, 2, 5, 5], &c()),
        sizes(&[3, 4, 17, 29], &[6, 2, 5, 6], &c().pad(2).groups(2)),
        sizes(&[2, 1, 14, 15], &[3, 1, 11, 11], &c().pad([7, 12])),
        sizes(&[1, 230, 7, 26], &[17, 230, 5, 7], &c().pad(2)),
        sizes(&[1, 3, 18, 19], &[70, 3, 5, 5], &c()),
        sizes(&[7, 2, 15, 15], &[34, 2, 15, 3], &c().pad([0, 2])),
        sizes(&[2, 2, 20, 19], &[3, 2, 16, 1], &c()),
    ] {
        for direction in [Direction::Forward, Direction::Data, Direction::Weights] {
            // All filters at once, and in parts of few of them.
            for workspace in [WORKSPACE, 400 * 1000] {
                let exact = error::<f64>(direction, &s, workspace);
                assert!(exact < 1e-12, "{direction:?} {s:?} in {workspace}: {exact}");
                let single = error::<f32>(direction, &s, workspace);
                assert!(single < 3e-6, "{direction:?} {s:?} in {workspace}: {single}");
            }
        }
    }
}

#[test]
fn errors_are_as_stated() {
    let s = sizes(&[1, 512, 14, 14], &[16, 512, 5, 5], &Convolution::default().pad(2));
    for direction in [Direction::Forward, Direction::Data] {
        let error = error::<f32>(direction, &s, WORKSPACE);
        println!("{direction:?}, relative to the largest result: {error:e}");
        assert!(error < 1e-6, "{direction:?}: {error}");
    }
    let s = sizes(&[8, 20, 64, 60], &[16, 20, 5, 5], &Convolution::default().pad(2));
    let error = error::<f32>(Direction::Weights, &s, WORKSPACE);
    println!("of the gradient to the filters: {error:e}");
    assert!(error < 1e-6, "{error}");
}

#[test]
fn the_rule_takes_tiles_where_they_pay_and_what_follows_is_applied() {
    let c = Convolution::default;
    let taken = |s: &ConvolutionShape| job(s, 16_000).is_some();
    assert!(taken(&sizes(&[4, 128, 32, 32], &[128, 128, 9, 9], &c())));
    // A few windows are not worth the filters' transforms, nor a few channels the pixels'; others have no tiles.
    assert!(!taken(&sizes(&[1, 128, 16, 16], &[128, 128, 7, 7], &c())));
    assert!(!taken(&sizes(&[4, 3, 128, 128], &[96, 3, 11, 11], &c())));
    assert!(!taken(&sizes(&[4, 128, 64, 64], &[128, 128, 9, 9], &c().stride(2))));
    assert!(!taken(&sizes(&[4, 128, 64, 64], &[128, 128, 17, 17], &c())));
    let s = sizes(&[4, 48, 30, 28], &[40, 48, 9, 9], &c().pad(4));
    assert!(taken(&s));
    for direction in [Direction::Forward, Direction::Data, Direction::Weights] {
        as_doubles(direction, &s);
    }
}

#[test]
fn threads_change_no_result() {
    let s = sizes(&[3, 20, 40, 30], &[70, 20, 7, 9], &Convolution::default().pad(2));
    for direction in [Direction::Forward, Direction::Data, Direction::Weights] {
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            // Several blocks of tiles.
            pool.install(|| results::<f32>(direction, &s, 2_000_000))[0].clone()
        };
        let one = of(1);
        for threads in [2, 5] {
            assert!(one == of(threads), "{direction:?} by {threads} threads");
        }
    }
}
