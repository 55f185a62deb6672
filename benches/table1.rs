//! The paper's Table 1: forward and backward passes of single convolutions and of AlexNet, OverFeat and VGG A, the first batch
//! apart.
//!
//! `cargo bench --bench table1` measures the CPU and, if there is one, a GPU; `-- software` a software adapter. Options:
//! `--scale N` takes the paper's batches divided by N (4 on the CPU; on a software adapter 32, and 128 for the networks),
//! `--batch N` the same batch for all, `--only conv1,alexnet` some of the rows, `--later N` so many batches after the first
//! instead of ten, `--out FOLDER` says where `table1.json` and `table1.md` go.
//!
//! As in the paper: images are constant, passes are timed apart and waited for, and the times are those of batch 1 and the mean
//! of batches 2 to 11. The backward pass of a single convolution includes the gradient of its input, that of a network does not;
//! a network's gradient begins at its scores.

mod common;

use catena::{
    links::{Arch, Network},
    prelude::*,
};
use common::{finish, tensor};
use serde_json::{Value, json};
use std::{fmt::Write, path::PathBuf, time::Instant};

/// Milliseconds of a row of the paper's table: Chainer's first batch, the mean of its others, the mean of Caffe's.
struct Published {
    forward: [f64; 3],
    backward: [f64; 3],
}

/// A row of the table.
struct Workload {
    name: &'static str,
    /// The paper's batch.
    batch: usize,
    published: Published,
    /// Operations of each pass for one image, in units of 10^9.
    gflop: [f64; 2],
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
    job(layer.to_device(device), Variable::new(tensor(&[batch, c, n, n], 2, 1.0, device)))
}

/// A network and its images, whose gradient nobody wants.
fn network(device: &Device, batch: usize, name: &str) -> Job {
    let net = name.parse::<Arch>().unwrap_or_else(|e| panic!("{e}")).network(1000, None);
    let n = net.insize();
    job(net.to_device(device), Variable::constant(tensor(&[batch, 3, n, n], 2, 1.0, device)))
}

fn job(link: impl Layer + 'static, x: Variable) -> Job {
    let link = std::rc::Rc::new(link);
    let of_pass = link.clone();
    Job { x, forward: Box::new(move |x| of_pass.forward(x)), clear: Box::new(move || link.cleargrads()) }
}

/// Operations of a convolution for one image: channels, filters, window, side of the result.
fn gflop([c, o, k, out]: [usize; 4]) -> f64 {
    2e-9 * (o * out * out * c * k * k) as f64
}

/// Operations of both passes of a network: all of its layers forward, and twice as many backward, but for the gradient of the
/// images. A layer without windows is a convolution of one pixel.
fn of_network(layers: &[[usize; 4]]) -> [f64; 2] {
    let all: f64 = layers.iter().map(|l| gflop(*l)).sum();
    [all, 2.0 * all - gflop(layers[0])]
}

const ALEXNET: [[usize; 4]; 8] = [
    [3, 64, 11, 55],
    [64, 192, 5, 27],
    [192, 384, 3, 13],
    [384, 256, 3, 13],
    [256, 256, 3, 13],
    [9216, 4096, 1, 1],
    [4096, 4096, 1, 1],
    [4096, 1000, 1, 1],
];
const OVERFEAT: [[usize; 4]; 8] = [
    [3, 96, 11, 56],
    [96, 256, 5, 24],
    [256, 512, 3, 12],
    [512, 1024, 3, 12],
    [1024, 1024, 3, 12],
    [36864, 3072, 1, 1],
    [3072, 4096, 1, 1],
    [4096, 1000, 1, 1],
];
const VGG_A: [[usize; 4]; 11] = [
    [3, 64, 3, 224],
    [64, 128, 3, 112],
    [128, 256, 3, 56],
    [256, 256, 3, 56],
    [256, 512, 3, 28],
    [512, 512, 3, 28],
    [512, 512, 3, 14],
    [512, 512, 3, 14],
    [25088, 4096, 1, 1],
    [4096, 4096, 1, 1],
    [4096, 1000, 1, 1],
];

const CONV: [[usize; 4]; 5] =
    [[3, 96, 11, 128], [64, 128, 9, 64], [128, 128, 9, 32], [128, 128, 7, 16], [384, 384, 3, 13]];

fn workloads() -> Vec<Workload> {
    let row = |name, batch, forward, backward, gflop, make| Workload {
        name,
        batch,
        published: Published { forward, backward },
        gflop,
        make,
    };
    let single = |[c, o, k, n]: [usize; 4]| {
        let forward = gflop([c, o, k, n - k + 1]);
        [forward, 2.0 * forward]
    };
    vec![
        row("conv1", 64, [245.62, 72.31, 47.14], [103.01, 85.48, 101.44], single(CONV[0]), |d, n| layer(d, n, CONV[0])),
        row("conv2", 32, [253.08, 69.00, 34.66], [101.14, 92.33, 105.76], single(CONV[1]), |d, n| layer(d, n, CONV[1])),
        row("conv3", 64, [266.21, 85.17, 59.54], [90.44, 82.58, 86.46], single(CONV[2]), |d, n| layer(d, n, CONV[2])),
        row("conv4", 128, [199.95, 29.14, 25.19], [39.00, 27.89, 29.16], single(CONV[3]), |d, n| layer(d, n, CONV[3])),
        row("conv5", 128, [199.80, 30.68, 28.48], [48.39, 34.74, 31.43], single(CONV[4]), |d, n| layer(d, n, CONV[4])),
        row("alexnet", 128, [500.77, 222.14, 122.89], [293.87, 277.22, 205.05], of_network(&ALEXNET), |d, n| {
            network(d, n, "alexnet")
        }),
        row("overfeat", 128, [667.10, 406.91, 368.11], [553.65, 545.51, 471.61], of_network(&OVERFEAT), |d, n| {
            network(d, n, "overfeat")
        }),
        row("vgg_a", 16, [394.20, 145.77, 84.54], [238.88, 227.08, 191.18], of_network(&VGG_A), |d, n| {
            network(d, n, "vgg_a")
        }),
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

fn measure(job: &Job, device: &Device, later: usize) -> (Times, Times) {
    let (mut forward, mut backward) = (vec![], vec![]);
    finish(device);
    for _ in 0..=later {
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
    /// Batches after the first.
    later: usize,
    out: PathBuf,
}

fn options() -> Options {
    let mut options = Options {
        devices: vec![],
        scale: None,
        batch: None,
        only: vec![],
        later: 10,
        out: env!("CARGO_TARGET_TMPDIR").into(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().unwrap_or_else(|| panic!("{arg} takes a value"));
        let number = |text: String| text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
        match arg.as_str() {
            "--scale" => options.scale = Some(number(value())),
            "--batch" => options.batch = Some(number(value())),
            "--only" => options.only = value().split(',').map(str::to_string).collect(),
            "--later" => options.later = number(value()).max(1),
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

/// What the paper's batches are divided by.
fn scale(device: &Device, workload: &Workload) -> usize {
    let software = device.name().contains("llvmpipe");
    match (device.is_cpu(), software, workload.name.starts_with("conv")) {
        (true, ..) => 4,
        (_, true, true) => 32,
        (_, true, false) => 128,
        _ => 1,
    }
}

/// Writes the rows of a workload, and gives them as JSON.
fn report(
    text: &mut String,
    w: &Workload,
    batch: usize,
    forward: &Times,
    backward: &Times,
    roof: f64,
    peak: u64,
) -> Value {
    let gflop = w.gflop.map(|g| g * batch as f64);
    let passes =
        [("forward", forward, gflop[0], w.published.forward), ("backward", backward, gflop[1], w.published.backward)];
    for (pass, t, gflop, paper) in passes {
        let rate = gflop / t.mean * 1e3;
        let _ = writeln!(
            text,
            "| {} | {batch} | {pass} | {:.2} | {:.2} | {:.2}-{:.2} | {:.2} | {rate:.1} | {:.0} % | {:.1} | {} | {} | {} | {} | {:.2} |",
            w.name,
            t.first,
            t.mean,
            t.least,
            t.most,
            t.first / t.mean,
            100.0 * rate / roof,
            peak as f64 / f64::from(1 << 20),
            w.batch,
            paper[0],
            paper[1],
            paper[2],
            paper[0] / paper[1],
        );
        println!(
            "{:<8} {pass:<8} batch {batch:>3}  first {:>9.2} ms  mean {:>9.2} ms ({:.2}-{:.2})  first/later {:>5.2} (paper \
             {:.2})  {rate:>8.1} GFLOP/s  {:>3.0} % of roof",
            w.name,
            t.first,
            t.mean,
            t.least,
            t.most,
            t.first / t.mean,
            paper[0] / paper[1],
            100.0 * rate / roof
        );
    }
    let paper = &w.published;
    println!(
        "{:<8} backward/forward {:.2} (paper {:.2}, Caffe {:.2})  peak {:.1} MiB",
        w.name,
        backward.mean / forward.mean,
        paper.backward[1] / paper.forward[1],
        paper.backward[2] / paper.forward[2],
        peak as f64 / f64::from(1 << 20)
    );
    json!({
        "workload": w.name, "batch": batch, "peak_bytes": peak, "roof_gflops": roof,
        "forward": forward.json(gflop[0], roof), "backward": backward.json(gflop[1], roof),
        "backward_over_forward": backward.mean / forward.mean,
        "paper": {
            "batch": w.batch, "columns": ["Chainer, first", "Chainer, 2-11", "Caffe, 1-10"],
            "forward_ms": paper.forward, "backward_ms": paper.backward,
        },
    })
}

fn main() {
    let options = options();
    let mut reports = vec![];
    let mut text = String::from("# Table 1\n");
    for device in &options.devices {
        let roof = roof(device, if device.name().contains("llvmpipe") { 512 } else { 2048 });
        let _ = write!(
            text,
            "\n## {device}\n\nRoof, a matrix product: {roof:.1} GFLOP/s. Milliseconds; the paper's are those of a GPU of 2015, at \
             the paper's batch.\n\n| | batch | pass | first | mean of 2-{} | least-most | first/later | GFLOP/s | of roof | \
             peak MiB | paper's batch | Chainer, first | Chainer, 2-11 | Caffe, 1-10 | its first/later |\n{}|\n",
            options.later + 1,
            "|---".repeat(15)
        );
        println!("# {device}: roof {roof:.1} GFLOP/s");
        for w in workloads().iter().filter(|w| options.only.is_empty() || options.only.iter().any(|o| o == w.name)) {
            let batch = options.batch.unwrap_or((w.batch / options.scale.unwrap_or_else(|| scale(device, w))).max(1));
            device.free_all_blocks();
            device.reset_peak();
            let job = (w.make)(device, batch);
            let (forward, backward) = measure(&job, device, options.later);
            let peak = device.stats().peak_bytes;
            let mut of_workload = report(&mut text, w, batch, &forward, &backward, roof, peak);
            of_workload["device"] = json!(device.name());
            reports.push(of_workload);
        }
    }
    std::fs::create_dir_all(&options.out).expect("a folder to write to");
    std::fs::write(options.out.join("table1.md"), text).expect("a folder to write to");
    let reports = serde_json::to_string_pretty(&reports).expect("numbers and texts");
    std::fs::write(options.out.join("table1.json"), reports).expect("a folder to write to");
    println!("written to {}", options.out.display());
}
