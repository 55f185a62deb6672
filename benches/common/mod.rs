//! Timing: first call apart, then warm-up, then calls until some seconds are used; median, least and most.

#![allow(dead_code)]

use catena::prelude::*;
use std::time::{Duration, Instant};

/// Milliseconds of one workload.
pub struct Times {
    pub first: f64,
    pub median: f64,
    pub least: f64,
    pub most: f64,
    pub calls: usize,
}

/// What a workload moves or computes in a call, for a rate.
#[derive(Clone, Copy)]
pub enum Work {
    Flops(f64),
    Bytes(f64),
    Nothing,
}

/// What a device reaches in this run: elements copied, and the best matrix product.
#[derive(Clone, Copy, Default)]
pub struct Roof {
    pub bytes: f64,
    pub flops: f64,
}

impl Roof {
    /// Measures it, on tensors far larger than caches and, on a software adapter, not larger than its patience.
    pub fn measure(device: &Device) -> Roof {
        let x = tensor(&[1 << 24], 1, 1.0, device);
        let budget = Duration::from_secs(1);
        let copy = || {
            x.copy();
            finish(device);
        };
        let bytes = 2.0 * 4.0 * x.size() as f64 / (time(copy, budget).least / 1e3);
        let sizes: &[usize] = if is_software(device) { &[512] } else { &[1024, 2048] };
        let rate = |&n: &usize| {
            let (a, b) = (tensor(&[n, n], 1, 1.0, device), tensor(&[n, n], 2, 1.0, device));
            let product = || {
                a.matmul(&b, false, false).force();
                finish(device);
            };
            2.0 * (n * n * n) as f64 / (time(product, budget).least / 1e3)
        };
        let flops = sizes.iter().map(rate).fold(0.0, f64::max);
        println!("roof: copies at {:.1} GB/s, matrix products at {:.1} GFLOP/s", bytes / 1e9, flops / 1e9);
        Roof { bytes, flops }
    }

    /// How much of it some work reaches, in hundredths.
    fn share(&self, work: Work, seconds: f64) -> String {
        let share = match work {
            Work::Flops(n) if self.flops > 0.0 => n / seconds / self.flops,
            Work::Bytes(n) if self.bytes > 0.0 => n / seconds / self.bytes,
            _ => return " ".repeat(5),
        };
        format!("{:4.0} %", share * 100.0)
    }
}

/// Times `f`, which returns when its result is there.
pub fn time(mut f: impl FnMut(), budget: Duration) -> Times {
    let start = Instant::now();
    f();
    let first = start.elapsed().as_secs_f64() * 1e3;
    let long = first > 5e3;
    if !long {
        for _ in 0..3 {
            f();
        }
    }
    let mut samples = vec![];
    let start = Instant::now();
    while samples.is_empty() || (!long && (samples.len() < 3 || (start.elapsed() < budget && samples.len() < 200))) {
        let one = Instant::now();
        f();
        samples.push(one.elapsed().as_secs_f64() * 1e3);
    }
    samples.sort_by(f64::total_cmp);
    Times {
        first,
        median: samples[samples.len() / 2],
        least: samples[0],
        most: samples[samples.len() - 1],
        calls: samples.len(),
    }
}

/// Prints a row: name, device, times, rate, and a check value that other implementations can be held against.
pub fn row(name: &str, device: &Device, times: &Times, work: Work, check: f64) {
    row_under(&Roof::default(), name, device, times, work, check);
}

/// As [`row`], with the share of what the device reaches.
pub fn row_under(roof: &Roof, name: &str, device: &Device, times: &Times, work: Work, check: f64) {
    let seconds = times.median / 1e3;
    let rate = match work {
        Work::Flops(n) => format!("{:8.1} GFLOP/s", n / seconds / 1e9),
        Work::Bytes(n) => format!("{:8.1} GB/s   ", n / seconds / 1e9),
        Work::Nothing => " ".repeat(16),
    };
    println!(
        "{name:<16} {:<10} first {:>9.2} ms  median {:>9.3} ms ({:.3}-{:.3}, {} calls) {rate} {} check {check:.6e}",
        if device.is_cpu() { "cpu" } else { "gpu" },
        times.first,
        times.median,
        times.least,
        times.most,
        times.calls,
        roof.share(work, seconds),
    );
}

/// Devices to measure: those named on the command line, else the CPU and the best GPU there is.
pub fn devices() -> Vec<Device> {
    let names: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let chosen: Vec<Device> = names.iter().filter_map(|n| Device::named(n).ok()).collect();
    if !chosen.is_empty() {
        return chosen;
    }
    std::iter::once(Device::cpu()).chain(Device::gpu(0)).collect()
}

/// Whether a workload is asked for: all are, or those whose names have a text in them that is given as `--only=text`.
pub fn wanted(name: &str) -> bool {
    let mut texts = std::env::args().filter_map(|a| a.strip_prefix("--only=").map(str::to_string)).peekable();
    texts.peek().is_none() || texts.any(|text| name.contains(&text))
}

/// Whether a device is an adapter that computes on the CPU.
pub fn is_software(device: &Device) -> bool {
    let name = device.name();
    Device::all().iter().any(|d| d.kind == "software" && name.starts_with(&d.name))
}

/// Uniform numbers in `[-scale, scale)` from a counter and a seed.
pub fn numbers(n: usize, seed: u32, scale: f32) -> Vec<f32> {
    (0..n as u32).map(|i| (hash01(i, seed) * 2.0 - 1.0) * scale).collect()
}

/// Whole numbers in `0..most`.
pub fn indices(n: usize, seed: u32, most: u32) -> Vec<i32> {
    (0..n as u32).map(|i| ((hash01(i, seed) * most as f32) as u32).min(most - 1) as i32).collect()
}

fn hash01(i: u32, seed: u32) -> f32 {
    let mut x = i.wrapping_add(seed.wrapping_mul(0x9e37_79b9));
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^= x >> 16;
    (x >> 8) as f32 / 16_777_216.0
}

/// A tensor of such numbers.
pub fn tensor(shape: &[usize], seed: u32, scale: f32, device: &Device) -> Tensor {
    Tensor::from_slice(&numbers(shape.iter().product(), seed, scale), shape, device)
}

/// Mean square, in f64.
pub fn mean_square(t: &Tensor) -> f64 {
    let values = t.to_f64().expect("a device that works");
    values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64
}

/// Waits until a device has done everything.
pub fn finish(device: &Device) {
    device.synchronize().expect("a device that works");
}
