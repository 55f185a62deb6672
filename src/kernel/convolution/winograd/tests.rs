//! Against plain sums in f64: results at every edge, and the error that the module states.

use super::{Direction, Job, cpu, weights};
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

/// The largest difference from plain sums, relative to the largest result.
fn error<E: Number>(
    direction: Direction,
    s: &ConvolutionShape,
    (side, spread): (usize, bool),
    workspace: usize,
) -> f64 {
    let arrays = Arrays::draw(s);
    let [a, b] = arrays.operands(direction);
    let values = |x: &Tensor| x.to_vec::<f32>().unwrap().iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let (a, b) = (values(a), values(b));
    let expected = plain(direction, s, &a, &b);
    let of = |x: &[f64]| x.iter().map(|&v| E::from_f64(v)).collect::<Vec<E>>();
    let (a, b) = (of(&a), of(&b));
    let mut y = vec![E::from_f64(f64::NAN); expected.len()];
    let job = Job::of(direction, s).expect("windows of 3 by 3");
    let job = if spread { job.to_spread() } else { job };
    let (x, w) = (Operand { values: &a }, Operand { values: &b });
    let (choice, device) = ((&job, side), Device::cpu());
    match direction {
        Direction::Weights => weights::run_cpu(choice, &device, &x, &w, &mut y, workspace),
        _ => cpu::run_cpu(choice, &device, &x, &w, Sink::Memory(&mut y), workspace),
    }
    .expect("memory");
    let most = expected.iter().fold(1e-9, |m: f64, v| m.max(v.abs()));
    y.iter()
        .zip(&expected)
        .map(|(y, e)| (y.to_f64() - e).abs())
        .fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m })
        / most
}

#[test]
fn tiles_of_every_edge() {
    let c = Convolution::default;
    for s in [
        sizes(&[2, 3, 9, 8], &[5, 3, 3, 3], &c()),
        sizes(&[1, 2, 3, 3], &[1, 2, 3, 3], &c()),
        sizes(&[3, 4, 7, 13], &[6, 2, 3, 3], &c().pad(1).groups(2)),
        sizes(&[2, 1, 4, 5], &[3, 1, 3, 3], &c().pad([3, 4])),
        sizes(&[1, 230, 6, 70], &[45, 230, 3, 3], &c().pad(1)),
        sizes(&[7, 2, 5, 5], &[34, 2, 3, 3], &c().pad([0, 2])),
    ] {
        let ways = [Direction::Forward, Direction::Data, Direction::Weights].map(|d| (d, false));
        let ways = ways.into_iter().chain([(Direction::Data, true)]);
        for (direction, side) in ways.flat_map(|(d, spread)| [(d, (2, spread)), (d, (4, spread))]) {
            // All filters at once, and in parts of few of them.
            for workspace in [WORKSPACE, 36 * 1000] {
                let exact = error::<f64>(direction, &s, side, workspace);
                assert!(exact < 1e-12, "{direction:?} {side:?} {s:?} in {workspace}: {exact}");
                let single = error::<f32>(direction, &s, side, workspace);
                assert!(single < 2e-5, "{direction:?} {side:?} {s:?} in {workspace}: {single}");
            }
        }
    }
}

#[test]
fn errors_are_as_stated() {
    let s = sizes(&[1, 512, 14, 14], &[16, 512, 3, 3], &Convolution::default().pad(1));
    let errors =
        |direction, s: &ConvolutionShape| [2, 4].map(|side| error::<f32>(direction, s, (side, false), WORKSPACE));
    let [two, four] = errors(Direction::Forward, &s);
    println!("relative to the largest result: {two:e}, {four:e}");
    assert!(two < 2e-6 && four < 2e-5, "{two} {four}");
    let s = sizes(&[8, 20, 64, 60], &[16, 20, 3, 3], &Convolution::default().pad(1));
    let [two, four] = errors(Direction::Weights, &s);
    println!("of the gradient to the filters: {two:e}, {four:e}");
    assert!(two < 2e-6 && four < 2e-5, "{two} {four}");
}

#[test]
fn the_rule_takes_tiles_where_they_pay_and_what_follows_is_applied() {
    let padded = Convolution::default().pad(1);
    assert_eq!(
        super::side(Direction::Forward, &sizes(&[4, 64, 56, 56], &[64, 64, 3, 3], &padded)).map(|c| c.1),
        Some(4)
    );
    // A few windows are not worth the filters' sums, nor a few channels the pixels'.
    for (x, w) in
        [([1, 384, 13, 13], [384, 384, 3, 3]), ([8, 3, 56, 56], [64, 3, 3, 3]), ([4, 64, 56, 56], [64, 64, 5, 5])]
    {
        assert!(super::side(Direction::Forward, &sizes(&x, &w, &padded)).is_none(), "{x:?} {w:?}");
    }
    // Tiles of gradients side by side where they are fewer than those of the images.
    let spread = |s: &ConvolutionShape| super::side(Direction::Data, s).map(|(job, side)| (job.spread, side));
    assert_eq!(spread(&sizes(&[32, 384, 13, 13], &[384, 384, 3, 3], &Convolution::default())), Some((true, 4)));
    assert_eq!(spread(&sizes(&[32, 384, 13, 13], &[384, 384, 3, 3], &padded)), Some((false, 4)));
    let s = sizes(&[5, 64, 21, 19], &[72, 64, 3, 3], &padded);
    for direction in [Direction::Forward, Direction::Data, Direction::Weights] {
        assert!(super::side(direction, &s).is_some());
        as_doubles(direction, &s);
    }
}
