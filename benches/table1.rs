//! The paper's Table 1: forward and backward passes of single convolutions, the first batch apart.
//!
//! `cargo bench --bench table1` measures the CPU and, if there is one, a GPU; `-- software` a software adapter. Options:
//! `--scale N` takes the paper's batches divided by N (4 on the CPU, 32 on a software adapter), `--batch N` the same batch
//! for all, `--only conv1,conv2` some of the rows, `--out FOLDER` says where `table1.json` and `table1.md` go.
//!
//! As in the paper: images are constant, the backward pass includes the gradient of the input, passes are timed apart and
//! waited for, and the times are those of batch 1 and the mean of batches 2 to 11.

mod common;

use catena::prelude::*;
use common::{finish, tensor};
use serde_json::{Value, json};
use std::{fmt::Write, path::PathBuf, time::Instant};

/// Milliseconds of a row of the paper's table: the first batch, and the mean of the others.
struct Published {
    forward: [f64; 2],
    backward: [f64; 2],
}

/// A row of the table.
struct Workload {
    name: &'static str,
    /// The paper's batch.
    batch: usize,
    published: Published,
    /// Operations of the forward pass for one image, in units of 10^9; the backward pass has twice as many.
    gflop: f64,
    make: fn(&Device, usize) -> Job,
}

/// A model and its input.
struct Job {
    x: Variable,
    forward: Box<dyn Fn(&Variable) -> Variable>,
    clear: Box<dyn Fn()>,
}

/// A convolution without padding: channels, filters, window, side of the image.
fn layer(device: &Device, batch: usize, [c, o, k, n]: [usize; 4]) -> Job {
    let layer = L::Convolution2D::new(c, o, k);
    let scale = (1.0 / (c * k * k) as f32).sqrt();
    layer.W.set_data(tensor(&[o, c, k, k], 1, scale, &Device::cpu()));
    let layer = std::rc::Rc::new(layer.to_device(device));
    let of_pass = layer.clone();
    Job {
        x: Variable::new(tensor(&[batch, c, n, n], 2, 1.0, device)),
        forward: Box::new(move |x| of_pass.forward(x)),
        clear: Box::new(move || layer.cleargrads()),
    }
}

/// Operations of such a layer for one image.
fn gflop([c, o, k, n]: [usize; 4]) -> f64 {
    let out = n - k + 1;
    2e-9 * (o * out * out * c * k * k) as f64
}

const CONV: [[usize; 4]; 5] =
    [[3, 96, 11, 128], [64, 128, 9, 64], [128, 128, 9, 32], [128, 128, 7, 16], [384, 384, 3, 13]];

fn workloads() -> Vec<Workload> {
    let row = |i: usize, batch, forward, backward, make| Workload {
        name: ["conv1", "conv2", "conv3", "conv4", "conv5"][i],
        batch,
        published: Published { forward, backward },
        gflop: gflop(CONV[i]),
        make,
    };
    vec![
        row(0, 64, [245.62, 72.31], [103.01, 85.48], |d, n| layer(d, n, CONV[0])),
        row(1, 32, [253.08, 69.00], [101.14, 92.33], |d, n| layer(d, n, CONV[1])),
        row(2, 64, [266.21, 85.17], [90.44, 82.58], |d, n| layer(d, n, CONV[2])),
        row(3, 128, [199.95, 29.14], [39.00, 27.89], |d, n| layer(d, n, CONV[3])),
        row(4, 128, [199.80, 30.68], [48.39, 34.74], |d, n| layer(d, n, CONV[4])),
    ]
}

/// Milliseconds of the first batch, and the mean, least and most of the ten that follow.
struct Times {
    first: f64,
    mean: f64,
    least: f64,
    most: f64,
}

impl Times {
    fn of(all: &[f64]) -> Times {
        let later = &all[1..];
        Times {
            first: all[0],
            mean: later.iter().sum::<f64>() / later.len() as f64,
            least: later.iter().copied().fold(f64::INFINITY, f64::min),
            most: later.iter().copied().fold(0.0, f64::max),
        }
    }

    fn json(&self, gflop: f64, roof: f64) -> Value {
        let rate = gflop / self.mean * 1e3;
        json!({
            "first_ms": self.first, "mean_ms": self.mean, "least_ms": self.least, "most_ms": self.most,
            "gflops": rate, "share_of_roof": rate / roof,
        })
    }
}

/// Batches after the first.
const LATER: usize = 10;

fn measure(job: &Job, device: &Device) -> (Times, Times) {
    let (mut forward, mut backward) = (vec![], vec![]);
    finish(device);
    for _ in 0..=LATER {
        (job.clear)();
        job.x.cleargrad();
        let start = Instant::now();
        let y = (job.forward)(&job.x);
        y.data().force();
        finish(device);
        forward.push(start.elapsed().as_secs_f64() * 1e3);
        let gy = y.data().full_like(3.0);
        gy.force();
        finish(device);
        y.set_grad(Some(gy));
        let start = Instant::now();
        y.backward();
        finish(device);
        backward.push(start.elapsed().as_secs_f64() * 1e3);
    }
    (Times::of(&forward), Times::of(&backward))
}

/// GFLOP/s of a large matrix product: what a convolution can hope for.
fn roof(device: &Device, n: usize) -> f64 {
    let (a, b) = (tensor(&[n, n], 1, 1.0, device), tensor(&[n, n], 2, 1.0, device));
    let mut best = f64::INFINITY;
    for _ in 0..8 {
        finish(device);
        let start = Instant::now();
        a.matmul(&b, false, false).force();
        finish(device);
        best = best.min(start.elapsed().as_secs_f64());
    }
    2e-9 * (n as f64).powi(3) / best
}

struct Options {
    devices: Vec<Device>,
    scale: Option<usize>,
    batch: Option<usize>,
    only: Vec<String>,
    out: PathBuf,
}

fn options() -> Options {
    let mut options =
        Options { devices: vec![], scale: None, batch: None, only: vec![], out: env!("CARGO_TARGET_TMPDIR").into() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} takes a value"));
        let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
        match arg.as_str() {
            "--scale" => options.scale = Some(number(value())),
            "--batch" => options.batch = Some(number(value())),
            "--only" => options.only = value().split(',').map(str::to_string).collect(),
            "--out" => options.out = value().into(),
            "--bench" => {}
            name => options.devices.push(Device::named(name).unwrap_or_else(|e| panic!("{e}"))),
        }
    }
    if options.devices.is_empty() {
        options.devices = std::iter::once(Device::cpu()).chain(Device::gpu(0)).collect();
    }
    options
}

fn main() {
    let options = options();
    let mut report = vec![];
    let mut text = String::from("# Table 1\n");
    for device in &options.devices {
        let software = device.name().contains("llvmpipe");
        let scale = options.scale.unwrap_or(if device.is_cpu() {
            4
        } else if software {
            32
        } else {
            1
        });
        let roof = roof(device, if software { 512 } else { 2048 });
        let _ = write!(
            text,
            "\n## {device}\n\nRoof, a matrix product: {roof:.1} GFLOP/s. Milliseconds; the paper's are those of Chainer on a GPU \
             of 2015, at the paper's batch.\n\n| | batch | pass | first | mean of 2-11 | least-most | GFLOP/s | of roof | peak \
             MiB | paper's batch | paper: first | paper: 2-11 |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
        );
        println!("# {device}: roof {roof:.1} GFLOP/s");
        for w in workloads().iter().filter(|w| options.only.is_empty() || options.only.iter().any(|o| o == w.name)) {
            let batch = options.batch.unwrap_or((w.batch / scale).max(1));
            device.free_all_blocks();
            device.reset_peak();
            let job = (w.make)(device, batch);
            let (forward, backward) = measure(&job, device);
            let peak = device.stats().peak_bytes;
            let gflop = w.gflop * batch as f64;
            let published = &w.published;
            let passes = [
                ("forward", &forward, gflop, published.forward),
                ("backward", &backward, 2.0 * gflop, published.backward),
            ];
            for (pass, t, gflop, paper) in passes {
                let rate = gflop / t.mean * 1e3;
                let _ = writeln!(
                    text,
                    "| {} | {batch} | {pass} | {:.2} | {:.2} | {:.2}-{:.2} | {rate:.1} | {:.0} % | {:.1} | {} | {} | {} |",
                    w.name,
                    t.first,
                    t.mean,
                    t.least,
                    t.most,
                    100.0 * rate / roof,
                    peak as f64 / f64::from(1 << 20),
                    w.batch,
                    paper[0],
                    paper[1]
                );
                println!(
                    "{} {pass:<8} batch {batch:>3}  first {:>9.2} ms  mean {:>9.2} ms ({:.2}-{:.2})  {rate:>7.1} GFLOP/s  {:>3.0} % of roof",
                    w.name,
                    t.first,
                    t.mean,
                    t.least,
                    t.most,
                    100.0 * rate / roof
                );
            }
            report.push(json!({
                "device": device.name(), "roof_gflops": roof, "workload": w.name, "batch": batch, "peak_bytes": peak,
                "forward": forward.json(gflop, roof), "backward": backward.json(2.0 * gflop, roof),
                "paper": { "batch": w.batch, "forward_ms": published.forward, "backward_ms": published.backward },
            }));
        }
    }
    std::fs::create_dir_all(&options.out).expect("a folder to write to");
    std::fs::write(options.out.join("table1.md"), text).expect("a folder to write to");
    let report = serde_json::to_string_pretty(&report).expect("numbers and texts");
    std::fs::write(options.out.join("table1.json"), report).expect("a folder to write to");
    println!("written to {}", options.out.display());
}
