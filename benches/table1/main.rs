//! The paper's Table 1: forward and backward passes of single convolutions and of AlexNet, OverFeat and VGG A, the first batch
//! apart.
//!
//! `cargo bench --bench table1` measures the CPU and, if there is one, a GPU; `-- software` a software adapter. `-- --help`
//! lists the options.
//!
//! As in the paper: images are constant, passes are timed apart and waited for, and the times are those of batch 1 and the mean
//! of batches 2 to 11. The backward pass of a single convolution includes the gradient of its input, that of a network does not;
//! a network's gradient begins at its scores. Each row is measured by a process of its own, and on a GPU by two: one finds no
//! kernels on disk, of the driver's either, the other those of the first.

#[path = "../common/mod.rs"]
mod common;
mod report;
mod workloads;

use catena::prelude::*;
use clap::Parser;
use common::{finish, is_software, tensor};
use report::{Measured, Report};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};
use workloads::{Workload, workloads};

#[derive(Parser)]
#[command(about = "The paper's Table 1 on this machine")]
struct Options {
    /// Devices: `cpu`, `gpu`, `software`, or an adapter's name; the CPU and the best GPU where none is given
    devices: Vec<String>,
    /// Takes the paper's batches divided by this: 4 on the CPU, else 1
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    scale: Option<u64>,
    /// The same batch for all rows
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    batch: Option<u64>,
    /// Some of the rows
    #[arg(long, value_delimiter = ',', value_parser = NAMES)]
    only: Vec<String>,
    /// Batches after the first
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    later: u64,
    /// Where `table1.json` and `table1.md` go
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    out: PathBuf,
    /// Measures one row here, and prints it for the process that asked
    #[arg(long, hide = true)]
    here: bool,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

const NAMES: [&str; 8] = ["conv1", "conv2", "conv3", "conv4", "conv5", "alexnet", "overfeat", "vgg_a"];

fn measure(w: &Workload, device: &Device, batch: usize, later: usize) -> Measured {
    device.reset_peak();
    let job = (w.make)(device, batch);
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
    device.save_pipelines();
    Measured { forward, backward, peak: device.stats().peak_bytes }
}

/// The row by a process of its own, which finds and keeps kernels in `cache`.
fn measure_apart(w: &Workload, device: &str, batch: usize, later: usize, cache: &Path) -> Result<Measured, String> {
    let output = Command::new(std::env::current_exe().map_err(|e| e.to_string())?)
        .args([device, "--here", "--only", w.name, "--batch", &batch.to_string(), "--later", &later.to_string()])
        .env("CATENA_CACHE", cache)
        // What Mesa and NVIDIA's driver keep by themselves.
        .env("MESA_SHADER_CACHE_DIR", cache.join("mesa"))
        .env("__GL_SHADER_DISK_CACHE_PATH", cache)
        .output()
        .map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let measured = output.status.success().then(|| Measured::parse(&text)).flatten();
    measured.ok_or_else(|| format!("{}: {text}{}", w.name, String::from_utf8_lossy(&output.stderr)))
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

fn run(options: &Options) -> Result<(), String> {
    let wanted = |w: &Workload| options.only.is_empty() || options.only.iter().any(|name| name == w.name);
    let later = options.later as usize;
    if options.here {
        let device = Device::named(&options.devices[0]).map_err(|e| e.to_string())?;
        let all = workloads();
        let w = all.iter().find(|w| wanted(w)).ok_or("no row of that name")?;
        println!("{}", measure(w, &device, options.batch.unwrap_or(1) as usize, later).json());
        return Ok(());
    }
    let mut names = options.devices.clone();
    if names.is_empty() {
        names.push("cpu".into());
        names.extend(Device::gpu(0).map(|_| "gpu".to_string()));
    }
    let mut report = Report::new();
    for name in &names {
        let device = Device::named(name).map_err(|e| e.to_string())?;
        let roof = roof(&device, if is_software(&device) { 512 } else { 2048 });
        let shown = device.to_string();
        report.device(&shown, roof, later);
        for w in workloads().iter().filter(|w| wanted(w)) {
            let divisor = options.scale.map_or(if device.is_cpu() { 4 } else { 1 }, |s| s as usize);
            let batch = options.batch.map_or((w.batch / divisor).max(1), |n| n as usize);
            let cache = tempfile::tempdir().map_err(|e| e.to_string())?;
            let cold = (!device.is_cpu()).then(|| measure_apart(w, name, batch, 1, cache.path())).transpose()?;
            let measured = measure_apart(w, name, batch, later, cache.path())?;
            report.add(w, (&shown, roof), batch, cold.as_ref(), &measured);
        }
    }
    report.write(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    println!("written to {}", options.out.display());
    Ok(())
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
