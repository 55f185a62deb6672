//! Memory is flat over a training loop, and graphs of any length go without recursion.

use catena::{prelude::*, testing};
use std::sync::{Arc, Weak};

/// A small network trained by hand: one step, in which everything but the parameters is new.
fn step(parameters: &mut [Variable; 3], x: &Variable, t: &Variable) {
    let [w1, b1, w2] = &*parameters;
    let h = F::relu(&F::linear(x, w1, Some(b1)));
    let loss = F::softmax_cross_entropy(&F::linear(&h, w2, None), t);
    loss.backward();
    for parameter in parameters {
        let g = parameter.grad().expect("a gradient");
        let next = parameter.data().sub(&g.mul_scalar(0.01));
        next.force();
        *parameter = Variable::new(next);
    }
}

/// Bytes of this process in memory, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

fn train(device: &Device, steps: usize) {
    let values = |n: usize| (0..n).map(|i| ((i * 37 % 101) as f32 - 50.0) / 100.0).collect::<Vec<f32>>();
    let of = |shape: [usize; 2]| Tensor::from_slice(&values(shape[0] * shape[1]), shape, device);
    let b = Tensor::zeros([16], DType::F32, device);
    b.force();
    let mut parameters = [Variable::new(of([16, 8])), Variable::new(b), Variable::new(of([4, 16]))];
    let x = Variable::constant(of([12, 8]));
    let t = Variable::constant(Tensor::from_slice(&[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3], [12], device));
    let levels = || {
        device.synchronize().unwrap();
        let stats = device.stats();
        (stats.used_bytes, stats.total_bytes)
    };
    step(&mut parameters, &x, &t);
    step(&mut parameters, &x, &t);
    let early = levels();
    let mut warm = None;
    for i in 2..steps {
        step(&mut parameters, &x, &t);
        if i % 50 == 0 {
            assert_eq!(levels(), early, "{device}: (used, total) bytes after step {i}");
        }
        if i == steps / 2 {
            warm = resident();
        }
    }
    assert_eq!(levels(), early, "{device}: (used, total) bytes at the end");
    if let (Some(before), Some(after)) = (warm, resident()) {
        assert!(after <= before + (8 << 20), "{device}: {before} bytes in memory halfway, {after} at the end");
    }
    assert!(parameters[2].data().to_vec::<f32>().unwrap().iter().all(|v| v.is_finite()));
}

/// One test at a time: the levels are those of a whole device.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn training_takes_no_more_memory_than_its_second_step() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        train(&device, if device.is_cpu() { 10_000 } else { 500 });
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_functions_runs_and_goes() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let device = Device::cpu();
    let x = Variable::new(Tensor::scalar(1.0f32, &device));
    let mut y = x.clone();
    for _ in 0..100_000 {
        y = y + 1.0;
    }
    assert_eq!(y.item().unwrap(), 100_001.0);
    y.backward();
    assert_eq!(x.grad().unwrap().item().unwrap(), 1.0);
    drop(y);
}

#[test]
fn a_graph_goes_with_its_loss() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let x = Variable::new(Tensor::ones([64, 64], DType::F32, &device));
        x.data().force();
        let loss = F::sum(&F::relu(&(&x * &x)));
        let node: Weak<_> = Arc::downgrade(&loss.creator().expect("a function"));
        loss.backward();
        assert!(node.upgrade().is_some());
        drop(loss);
        assert!(node.upgrade().is_none(), "{device}: the graph outlived its loss");
        assert!(x.grad().is_some());
    }
}
