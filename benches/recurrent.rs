//! Recurrent networks: an LSTM cell, a layer over sequences, a training step of a language model.
//!
//! `cargo bench --bench recurrent` measures the CPU and, if there is one, a GPU; `-- software` a software adapter,
//! `-- --only=ptb_step` one workload.

mod common;

use catena::prelude::*;
use common::{Work, devices, finish, indices, mean_square, numbers, row, tensor, time};
use std::time::Duration;

type Workload = fn(&Device, Duration);

fn main() {
    let budget = Duration::from_secs(2);
    let only = std::env::args().find_map(|a| a.strip_prefix("--only=").map(str::to_string));
    for device in devices() {
        println!("# {device}");
        let all: [(&str, Workload); 3] = [("lstm_cell", cell), ("n_step_lstm", layer), ("ptb_step", language_model)];
        for (_, run) in all.iter().filter(|(name, _)| only.as_ref().is_none_or(|o| o == name)) {
            run(&device, budget);
        }
    }
}

/// Launches, submits and read-backs of a call after the first.
fn counts(device: &Device, mut step: impl FnMut()) {
    let before = device.stats();
    step();
    let s = device.stats() - before;
    println!(
        "                 {} launches, {} submits, {} read-backs, {} buffers, {} pipelines a call",
        s.launches, s.submits, s.read_backs, s.buffers_created, s.pipelines
    );
}

/// Batch 20, 200 units: forward, then backward to weights, input and states.
fn cell(device: &Device, budget: Duration) {
    let cell = L::StatelessLSTM::new(200, 200).to_device(device);
    let of = |seed| Variable::new(tensor(&[20, 200], seed, 1.0, device));
    let (c, h, x) = (of(1), of(2), of(3));
    let mut check = 0.0;
    let mut step = || {
        let (c1, h1) = cell.forward(Some(&c), Some(&h), &x);
        cell.cleargrads();
        [&c, &h, &x].iter().for_each(|v| v.cleargrad());
        c1.set_grad(Some(c1.data().full_like(0.5)));
        h1.set_grad(Some(h1.data().full_like(0.25)));
        catena::autograd::backward(&[&c1, &h1], catena::autograd::Backward::default());
        finish(device);
        check = mean_square(&x.grad().expect("a gradient"));
    };
    step();
    let products = 2.0 * 20.0 * 800.0 * 400.0;
    let times = time(&mut step, budget);
    counts(device, &mut step);
    row("lstm_cell", device, &times, Work::Flops(3.0 * products), check);
}

/// 20 sequences of 35 steps, 200 to 200 units.
fn layer(device: &Device, budget: Duration) {
    let lstm = L::NStepLSTM::new(1, 200, 200, 0.0).to_device(device);
    let xs: Vec<Variable> = (0..20).map(|i| Variable::new(tensor(&[35, 200], i + 1, 1.0, device))).collect();
    let mut check = 0.0;
    let mut step = || {
        let (_, _, ys) = lstm.forward(None, None, &xs);
        lstm.cleargrads();
        xs.iter().for_each(Variable::cleargrad);
        F::sum(&F::concat(&ys.iter().collect::<Vec<_>>(), 0)).backward();
        finish(device);
        check = mean_square(&xs[0].grad().expect("a gradient"));
    };
    let products = 2.0 * 700.0 * 800.0 * 400.0;
    let times = time(&mut step, budget);
    counts(device, &mut step);
    row("n_step_lstm", device, &times, Work::Flops(3.0 * products), check);
}

chain! {
    struct Lm {
        embed: L::EmbedID,
        lstm: L::NStepLSTM,
        out: L::Linear,
    }
}

/// Vocabulary 10,000, 200 units, batch 20, 35 steps, SGD: as peers do, with the loss read back every step.
fn language_model(device: &Device, budget: Duration) {
    const VOCABULARY: usize = 10_000;
    let (units, scale) = (200, (1.0 / 200f32).sqrt());
    let model = Lm {
        embed: L::EmbedID::new(VOCABULARY, units),
        lstm: L::NStepLSTM::new(1, units, units, 0.0),
        out: L::Linear::new(units, VOCABULARY),
    };
    let set = |parameter: &Parameter, values: Vec<f32>, shape: [usize; 2]| {
        parameter.set_data(Tensor::from_slice(&values, shape, &Device::cpu()));
    };
    // Theirs are (in, out).
    let turned = |seed: u32, inputs: usize, outputs: usize| -> Vec<f32> {
        let w = numbers(inputs * outputs, seed, scale);
        (0..outputs).flat_map(|o| (0..inputs).map(move |i| (i, o))).map(|(i, o)| w[i * outputs + o]).collect()
    };
    set(&model.embed.W, numbers(VOCABULARY * units, 31, 0.1), [VOCABULARY, units]);
    set(&model.out.W, turned(40, units, VOCABULARY), [VOCABULARY, units]);
    for (path, parameter) in model.lstm.namedparams() {
        if let Some(k) = path.strip_prefix("/0/w").and_then(|k| k.parse::<u32>().ok()) {
            set(&parameter, turned(32 + k, units, units), [units, units]);
        }
    }
    let model = model.to_device(device);
    let mut optimizer = Sgd::new(1.0).setup(&model);
    let x = Variable::constant(Tensor::from_slice(&indices(700, 1, VOCABULARY as u32), [20, 35], device));
    let t = Variable::constant(Tensor::from_slice(&indices(700, 2, VOCABULARY as u32), [700], device));
    let mut losses = vec![];
    let mut step = || {
        let (_, _, ys) = model.lstm.forward(None, None, &F::separate(&model.embed.forward(&x), 0));
        let y = model.out.forward(&F::concat(&ys.iter().collect::<Vec<_>>(), 0));
        let loss = F::softmax_cross_entropy(&y, &t);
        model.cleargrads();
        loss.backward();
        optimizer.update();
        losses.push(loss.item().expect("a device that works"));
        finish(device);
    };
    let products = 2.0 * 700.0 * (800.0 * 400.0 + 200.0 * 10_000.0);
    let times = time(&mut step, budget);
    counts(device, &mut step);
    row("ptb_step", device, &times, Work::Flops(3.0 * products), losses[2]);
}
