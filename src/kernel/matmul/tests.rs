//! Every schedule on whatever adapter there is, against the CPU in f64: those for hardware too, on a software adapter.

use super::{
    Rule, product,
    schedule::{Block, Schedule},
};
use crate::{
    device::Device,
    kernel::philox::Generator,
    shape::{self, DType, Shape, Slice},
    tensor::Tensor,
    testing,
};

fn gpu() -> Device {
    testing::devices().pop().filter(|d| !d.is_cpu()).expect("an adapter, a software one at least")
}

/// Whether the adapter's subgroups are what products by broadcast want.
fn lanes() -> bool {
    matches!(gpu(), Device::Gpu(gpu) if gpu.subgroup_lanes() >= 8)
}

/// A matrix product by a rule, against the one in f64; the result goes through one operator more.
fn check(rule: Rule, a: &[usize], b: &[usize], trans: [bool; 2]) {
    let device = gpu();
    let mut generator = Generator::new(3);
    let mut draw = |shape: &[usize]| Tensor::rand(&mut generator, shape, DType::F32, &Device::cpu()).add_scalar(-0.5);
    let (x, y) = (draw(a), draw(b));
    let exact = x.cast(DType::F64).matmul(&y.cast(DType::F64), trans[0], trans[1]).add_scalar(1.0).to_f64().unwrap();
    let rules = shape::matmul(&x.meta(), &y.meta(), trans[0], trans[1]).unwrap();
    let k = rules.1.k;
    let got = product(&x.to_device(&device), &y.to_device(&device), trans, rules, rule).add_scalar(1.0);
    let got = got.to_f64().unwrap();
    let allowed = 1e-6 * (k as f64).sqrt().max(4.0);
    for (at, (g, e)) in got.iter().zip(&exact).enumerate() {
        assert!((g - e).abs() <= allowed, "{rule:?} of {a:?} by {b:?}, {trans:?}: element {at} is {g}, expected {e}");
    }
}

#[test]
fn every_block_at_every_edge_and_orientation() {
    let mut blocks = vec![Block::Direct8x8, Block::Direct8x16, Block::Tiled32, Block::Tiled64, Block::Tiled128];
    if lanes() {
        blocks.extend([Block::Broadcast16x32, Block::Broadcast32x32]);
    }
    for block in blocks {
        let rule = Rule::Exactly(Schedule { block, parts: 1 });
        for [m, k, n] in [[33, 17, 130], [132, 36, 68]] {
            for trans in [[false, false], [true, false], [false, true], [true, true]] {
                if block == Block::Tiled128 && trans[0] != trans[1] {
                    // The operands' loaders are those of the smaller blocks, and this kernel is slow to compile.
                    continue;
                }
                let a = if trans[0] { [k, m] } else { [m, k] };
                let b = if trans[1] { [n, k] } else { [k, n] };
                check(rule, &a, &b, trans);
            }
        }
        check(rule, &[3, 1, 20, 8], &[2, 36, 8], [false, true]);
    }
    for block in [Block::Direct8x8, Block::Tiled32] {
        let rule = Rule::Exactly(Schedule { block, parts: 1 });
        check(rule, &[5, 4, 12], &[12, 20], [false, false]);
        check(rule, &[3, 0], &[0, 5], [false, false]);
    }
}

#[test]
fn parts_of_sums() {
    let mut blocks = vec![Block::Direct8x8, Block::Tiled32, Block::Tiled64];
    if lanes() {
        blocks.push(Block::Broadcast16x32);
    }
    for block in blocks {
        for parts in [2, 7] {
            let rule = Rule::Exactly(Schedule { block, parts });
            check(rule, &[9, 203], &[203, 34], [false, false]);
            check(rule, &[2, 64, 12], &[2, 64, 8], [true, false]);
        }
    }
    check(Rule::Adapter, &[3, 70_000], &[70_000, 2], [false, false]);
}

#[test]
fn vectors_either_way_round() {
    for rule in [Rule::Adapter, Rule::Hardware] {
        for [m, k, n] in [[1, 300, 70], [70, 300, 1], [1, 5, 1], [1, 4000, 3], [1, 0, 5]] {
            check(rule, &[m, k], &[k, n], [false, false]);
            check(rule, &[k, m], &[n, k], [true, true]);
        }
        check(rule, &[3, 1, 20], &[3, 20, 36], [false, false]);
        check(rule, &[4, 6, 20], &[4, 20, 1], [false, false]);
        check(rule, &[1, 140_000], &[140_000, 2], [false, false]);
    }
}

#[test]
fn more_batches_than_a_grid_is_wide() {
    check(Rule::Adapter, &[70_000, 2, 3], &[70_000, 3, 2], [false, false]);
    check(Rule::Hardware, &[70_000, 1, 3], &[70_000, 3, 2], [false, false]);
    check(Rule::Hardware, &[70_000, 2, 3], &[70_000, 3, 2], [false, false]);
}

/// Each schedule with more tiles along the rows than a grid has workgroups along one of its axes, and the last one cut.
#[test]
fn more_rows_than_a_grid_is_wide() {
    const WIDE: usize = 65_536;
    check(Rule::Adapter, &[16 * WIDE + 5, 2], &[2, 9], [false, false]);
    check(Rule::Adapter, &[2, 16 * WIDE + 5], &[2, 2], [true, true]);
    check(Rule::Hardware, &[32 * WIDE + 5, 1], &[1, 2], [false, false]);
    check(Rule::Adapter, &[2, 3], &[3, 16 * WIDE + 5], [false, false]);
}

#[test]
fn the_cpu_in_every_orientation() {
    let mut generator = Generator::new(9);
    let mut draw = |rows: usize, columns: usize| {
        let t = Tensor::rand(&mut generator, [rows, columns], DType::F32, &Device::cpu());
        t.add_scalar(-0.5)
    };
    for [m, k, n] in [[1, 9, 30], [30, 9, 2], [20, 300, 90], [9, 20, 200], [400, 30, 401], [7, 500, 33], [65, 64, 5]] {
        let (a, b) = (draw(m, k), draw(k, n));
        let expected = {
            let (a, b) = (a.to_f64().unwrap(), b.to_f64().unwrap());
            let sum = |i: usize, j: usize| -> f64 { (0..k).map(|t| a[[i, t]] * b[[t, j]]).sum() };
            (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| sum(i, j)).collect::<Vec<_>>()
        };
        let turned = |x: &Tensor| x.transpose(None).contiguous();
        let twice = |x: &Tensor| {
            // Elements that are not neighbours along either axis.
            let wide = x.with_shape(&Shape::from([x.shape()[0], x.shape()[1], 1])).broadcast_to([
                x.shape()[0],
                x.shape()[1],
                2,
            ]);
            wide.contiguous().slice(&[Slice::ALL, Slice::ALL, 0.into()])
        };
        let results = [
            a.matmul(&b, false, false),
            turned(&a).matmul(&b, true, false),
            a.matmul(&turned(&b), false, true),
            turned(&a).matmul(&turned(&b), true, true),
            twice(&a).matmul(&twice(&b), false, false),
            a.cast(DType::F64).matmul(&turned(&b).cast(DType::F64), false, true),
        ];
        for (way, y) in results.iter().enumerate() {
            for (at, (g, e)) in y.to_f64().unwrap().iter().zip(&expected).enumerate() {
                assert!((g - e).abs() < 1e-5, "{m} by {k} by {n}, way {way}: element {at} is {g}, expected {e}");
            }
        }
    }
}
