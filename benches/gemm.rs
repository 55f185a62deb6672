//! Matrix products of the CPU device, on all cores, against a GEMM crate.
//!
//! `cargo bench --bench gemm`

mod common;

use catena::prelude::*;
use common::{numbers, tensor, time};
use std::time::Duration;

fn main() {
    let cpu = Device::cpu();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{threads} threads; rows, depth, columns, transposed operands");
    for (m, k, n, ta, tb) in [
        (256, 256, 256, false, false),
        (512, 512, 512, false, false),
        (1024, 1024, 1024, false, false),
        (2048, 2048, 2048, false, false),
        (100, 784, 1000, false, true),
        (100, 1000, 1000, false, true),
        (1000, 100, 784, true, false),
        (32, 784, 100, false, true),
        (20, 200, 10_000, false, true),
    ] {
        let a = tensor(&if ta { [k, m] } else { [m, k] }, 1, 1.0, &cpu);
        let b = tensor(&if tb { [n, k] } else { [k, n] }, 2, 1.0, &cpu);
        let ours = time(|| a.matmul(&b, ta, tb).force(), Duration::from_millis(800));
        let (va, vb) = (numbers(m * k, 1, 1.0), numbers(k * n, 2, 1.0));
        let mut c = vec![0.0f32; m * n];
        let (sa, sb) =
            (if ta { (1, m as isize) } else { (k as isize, 1) }, if tb { (1, k as isize) } else { (n as isize, 1) });
        let other = time(
            // SAFETY: the strides describe the vectors.
            || unsafe {
                gemm::gemm(
                    m,
                    n,
                    k,
                    c.as_mut_ptr(),
                    1,
                    n as isize,
                    false,
                    va.as_ptr(),
                    sa.1,
                    sa.0,
                    vb.as_ptr(),
                    sb.1,
                    sb.0,
                    0.0,
                    1.0,
                    false,
                    false,
                    false,
                    gemm::Parallelism::Rayon(threads),
                );
            },
            Duration::from_millis(800),
        );
        let rate = |ms: f64| 2.0 * (m * k * n) as f64 / ms / 1e6;
        println!(
            "{m:>5} {k:>5} {n:>6} {}{}  catena {:>7.1} GFLOP/s   gemm {:>7.1} GFLOP/s   ratio {:.2}",
            if ta { 't' } else { '-' },
            if tb { 't' } else { '-' },
            rate(ours.median),
            rate(other.median),
            other.median / ours.median
        );
    }
}
