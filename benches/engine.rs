//! Matrix products, an elementwise chain, rows, dispatch overhead, a training step: time, and share of what the
//! device reaches in this run.
//!
//! `cargo bench --bench engine` measures the CPU and, if there is one, a GPU; `cargo bench --bench engine -- software`
//! a software adapter. With `--only=softmax` workloads that have this in their names are all that is measured.

mod common;

use catena::{autograd::no_backprop, device::DeviceOptions, optimizers::Optimizer, prelude::*};
use common::{
    Roof, Work, devices, finish, indices, is_software, mean_square, numbers, row_under, tensor, time, wanted,
};
use std::time::Duration;

/// Tells this program to make one first step and print how long it took.
const FIRST_STEP: &str = "--first-step";

fn main() {
    if std::env::args().any(|a| a == FIRST_STEP) {
        return first_step_here();
    }
    let budget = Duration::from_secs(2);
    for device in devices() {
        let slow = is_software(&device);
        println!("# {device}");
        let roof = Roof::measure(&device);
        for n in [256, 512, 1024, 2048] {
            if wanted(&format!("matmul_{n}")) && (!slow || n <= 1024) {
                matmul(&roof, &format!("matmul_{n}"), [n, n, n], &device, budget);
            }
        }
        // Few results of long sums, few columns, and products with a vector.
        for (name, sizes) in [
            ("matmul_long", [64, 16_384, 64]),
            ("matmul_thin", [4096, 256, 8]),
            ("matmul_row", [1, 2048, 2048]),
            ("matmul_column", [2048, 2048, 1]),
        ] {
            if wanted(name) {
                matmul(&roof, name, sizes, &device, budget);
            }
        }
        if wanted("chain_4m") {
            chain(&roof, &device, budget);
        }
        rows(&roof, &device, budget);
        gradients(&roof, &device, budget);
        if wanted("overhead") {
            overhead(&device);
        }
        if wanted("mlp_train") {
            mlp(&roof, &device, budget);
        }
        if wanted("first_step") {
            first_step(&device);
        }
    }
}

/// The first training step of a process: without compiled kernels on disk, with them, and a second device's in a process
/// that has compiled them before.
fn first_step(device: &Device) {
    let folder = std::env::temp_dir().join(format!("catena-first-step-{}", std::process::id()));
    let adapter = device.name();
    let name = if device.is_cpu() { "cpu" } else { adapter.split(" (").next().unwrap_or_default() };
    for kept in ["cold", "warm cache"] {
        let output = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args([FIRST_STEP, name])
            .env("CATENA_CACHE", &folder)
            .output();
        match output {
            Ok(o) if o.status.success() => {
                println!("first_step       {kept:<12} {}", String::from_utf8_lossy(&o.stdout).trim());
            }
            other => println!("first_step       {kept:<12} failed: {other:?}"),
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}

fn first_step_here() {
    let name = std::env::args().next_back().expect("a device's name");
    let mut took = vec![];
    for _ in 0..2 {
        let device = Device::open(&name, &DeviceOptions::default()).expect("a device");
        let model = Mlp::seeded(&device);
        let mut optimizer = Adam::new(1e-3).setup(&model);
        let (x, t) = batch(&device);
        finish(&device);
        for _ in 0..2 {
            let started = std::time::Instant::now();
            model.step(&mut optimizer, &x, &t);
            finish(&device);
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
        device.save_pipelines();
    }
    println!("first {:.1} ms, second {:.1} ms; another device in this process: {:.1} ms", took[0], took[1], took[2]);
}

fn matmul(roof: &Roof, name: &str, [m, k, n]: [usize; 3], device: &Device, budget: Duration) {
    let (a, b) = (tensor(&[m, k], 1, 1.0, device), tensor(&[k, n], 2, 1.0, device));
    let mut y = a.clone();
    let times = time(
        || {
            y = a.matmul(&b, false, false);
            y.force();
            finish(device);
        },
        budget,
    );
    row_under(roof, name, device, &times, Work::Flops(2.0 * (m * k * n) as f64), mean_square(&y));
}

fn chain(roof: &Roof, device: &Device, budget: Duration) {
    let _scope = no_backprop();
    let n = 2048;
    let [a, b, c, d, e] = [1, 2, 3, 4, 5].map(|seed| tensor(&[n, n], seed, 1.0, device));
    let mut y = a.clone();
    let times = time(
        || {
            y = a.mul(&b).add(&c).relu().mul(&d).sub(&e.tanh());
            y.force();
            finish(device);
        },
        budget,
    );
    row_under(roof, "chain_4m", device, &times, Work::Bytes(6.0 * 4.0 * (n * n) as f64), mean_square(&y));
}

/// Kernels over rows of 4096 x 1024, forward: bytes are those of one reading and one writing of what there is.
fn rows(roof: &Roof, device: &Device, budget: Duration) {
    let (n, length) = (4096, 1024);
    let x = Variable::constant(tensor(&[n, length], 1, 1.0, device));
    let of = |seed: u32| Variable::constant(tensor(&[length], seed, 1.0, device));
    let (gamma, beta) = (of(2), of(3));
    let labels = Variable::constant(Tensor::from_slice(&indices(n, 4, length as u32), [n], device));
    let images = F::reshape(&x, [64, 64, 32, 32]);
    let halves = F::Pooling::new(2);
    let [image_gamma, image_beta] = [5, 6].map(|seed| Variable::constant(tensor(&[64], seed, 1.0, device)));
    let windows = Variable::constant(tensor(&[1, 64, 3, 3], 7, 1.0, device));
    let whole = 4.0 * (n * length) as f64;
    type Row<'a> = (&'a str, f64, Box<dyn Fn() -> Tensor + 'a>);
    let table: Vec<Row<'_>> = vec![
        ("sum_rows", whole, Box::new(|| x.data().sum(Some(&[1]), false))),
        ("var_rows", whole, Box::new(|| x.data().var(Some(&[1]), false))),
        ("argmax_rows", whole, Box::new(|| x.data().argmax(1))),
        ("softmax_rows", 2.0 * whole, Box::new(|| F::softmax(&x).data().clone())),
        ("log_softmax_rows", 2.0 * whole, Box::new(|| F::log_softmax(&x).data().clone())),
        ("cross_entropy", whole, Box::new(|| F::softmax_cross_entropy(&x, &labels).data().clone())),
        ("layer_norm", 2.0 * whole, Box::new(|| F::layer_normalization(&x, &gamma, &beta, 1e-5).data().clone())),
        (
            "batch_norm",
            3.0 * whole,
            Box::new(|| F::batch_normalization(&images, &image_gamma, &image_beta).data().clone()),
        ),
        ("max_pooling", 1.25 * whole, Box::new(|| F::max_pooling_2d(&images, halves.clone()).data().clone())),
        ("average_pooling", 1.25 * whole, Box::new(|| F::average_pooling_2d(&images, halves.clone()).data().clone())),
        ("lrn", 2.0 * whole, Box::new(|| F::local_response_normalization(&images).data().clone())),
        (
            "depthwise",
            2.0 * whole,
            Box::new(|| F::depthwise_convolution_2d(&images, &windows, None, 1, 1).data().clone()),
        ),
        ("dropout", 2.0 * whole, Box::new(|| F::dropout(&images, 0.5).data().clone())),
    ];
    for (name, bytes, run) in table.into_iter().filter(|row| wanted(row.0)) {
        let mut y = x.data().clone();
        let times = time(
            || {
                y = run();
                y.force();
                finish(device);
            },
            budget,
        );
        row_under(roof, name, device, &times, Work::Bytes(bytes), mean_square(&y.cast(DType::F32)));
    }
}

/// The gradients of row and image kernels to a tensor of 4096 x 1024: bytes are those of reading what the gradient needs as
/// often as it is read, and writing it once.
fn gradients(roof: &Roof, device: &Device, budget: Duration) {
    let (n, length) = (4096, 1024);
    let x = Variable::new(tensor(&[n, length], 1, 1.0, device));
    let labels = Variable::constant(Tensor::from_slice(&indices(n, 4, length as u32), [n], device));
    let images = Variable::new(tensor(&[64, 64, 32, 32], 1, 1.0, device));
    let of = |n: usize, seed: u32| Variable::new(tensor(&[n], seed, 1.0, device));
    let [gamma, beta, image_gamma, image_beta] = [of(length, 2), of(length, 3), of(64, 5), of(64, 6)];
    let windows = Variable::new(tensor(&[1, 64, 3, 3], 8, 1.0, device));
    let halves = F::Pooling::new(2);
    let whole = 4.0 * (n * length) as f64;
    type Row<'a> = (&'a str, f64, &'a Variable, Box<dyn Fn() -> Variable + 'a>);
    let table: Vec<Row<'_>> = vec![
        ("softmax'", 3.0 * whole, &x, Box::new(|| F::softmax(&x))),
        ("cross_entropy'", 2.0 * whole, &x, Box::new(|| F::softmax_cross_entropy(&x, &labels))),
        ("layer_norm'", 3.0 * whole, &x, Box::new(|| F::layer_normalization(&x, &gamma, &beta, 1e-5))),
        (
            "batch_norm_relu'",
            7.0 * whole,
            &images,
            Box::new(|| F::relu(&F::batch_normalization(&images, &image_gamma, &image_beta))),
        ),
        ("max_pooling'", 1.5 * whole, &images, Box::new(|| F::max_pooling_2d(&images, halves.clone()))),
        ("lrn'", 3.0 * whole, &images, Box::new(|| F::local_response_normalization(&images))),
        ("depthwise'", 4.0 * whole, &images, Box::new(|| F::depthwise_convolution_2d(&images, &windows, None, 1, 1))),
    ];
    for (name, bytes, x, forward) in table.into_iter().filter(|row| wanted(row.0)) {
        let y = forward();
        let gy = tensor(y.shape(), 7, 1.0, device);
        let mut gx = x.data().clone();
        let times = time(
            || {
                [x, &gamma, &beta, &image_gamma, &image_beta, &windows].into_iter().for_each(Variable::cleargrad);
                y.set_grad(Some(gy.clone()));
                y.backward();
                gx = x.grad().expect("a gradient");
                gx.force();
                windows.grad().iter().for_each(Tensor::force);
                finish(device);
            },
            budget,
        );
        row_under(roof, name, device, &times, Work::Bytes(bytes), mean_square(&gx));
    }
}

/// Host time of one small operator: recorded, fused, launched now and then.
fn overhead(device: &Device) {
    let x = tensor(&[64], 1, 1.0, device);
    let times = time(
        || {
            let mut y = x.clone();
            for _ in 0..1000 {
                y = y.add_scalar(1.0);
            }
            y.force();
            finish(device);
        },
        Duration::from_secs(1),
    );
    println!(
        "overhead         {:<10} {:.3} us for one of 1000 chained adds",
        device.name().split(' ').next().unwrap_or(""),
        times.median
    );
}

chain! {
    struct Mlp {
        l1: L::Linear,
        l2: L::Linear,
        l3: L::Linear,
    }
}

impl Mlp {
    fn seeded(device: &Device) -> Mlp {
        let layer = |i: usize, o: usize, seed: u32| {
            let layer = L::Linear::new(i, o);
            let scale = (1.0 / i as f32).sqrt();
            layer.W.set_data(Tensor::from_slice(&numbers(i * o, seed, scale), [o, i], &Device::cpu()));
            layer
        };
        Mlp { l1: layer(784, 1000, 11), l2: layer(1000, 1000, 12), l3: layer(1000, 10, 13) }.to_device(device)
    }

    fn step<R: Rule>(&self, optimizer: &mut Optimizer<R>, x: &Variable, t: &Variable) -> f64 {
        let h = F::relu(&self.l1.forward(x));
        let h = F::relu(&self.l2.forward(&h));
        let loss = F::softmax_cross_entropy(&self.l3.forward(&h), t);
        self.cleargrads();
        loss.backward();
        optimizer.update();
        loss.item().expect("a device that works")
    }
}

fn batch(device: &Device) -> (Variable, Variable) {
    let x = Variable::constant(tensor(&[100, 784], 1, 1.0, device));
    (x, Variable::constant(Tensor::from_slice(&indices(100, 2, 10), [100], device)))
}

/// 784-1000-1000-10, batch 100, Adam: the loss is read back every step, as peers do.
fn mlp(roof: &Roof, device: &Device, budget: Duration) {
    let model = Mlp::seeded(device);
    let mut optimizer = Adam::new(1e-3).setup(&model);
    let (x, t) = batch(device);
    let mut losses = vec![];
    let mut step = || {
        losses.push(model.step(&mut optimizer, &x, &t));
        finish(device);
    };
    step();
    let before = device.stats();
    step();
    let s = device.stats() - before;
    let times = time(&mut step, budget);
    let flops = 3.0 * 2.0 * 100.0 * (784.0 * 1000.0 + 1000.0 * 1000.0 + 1000.0 * 10.0);
    row_under(roof, "mlp_train", device, &times, Work::Flops(flops), losses[2]);
    println!(
        "                 {} launches, {} submits, {} read-backs, {} buffers, {} pipelines a step",
        s.launches, s.submits, s.read_backs, s.buffers_created, s.pipelines
    );
}
