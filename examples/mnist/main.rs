//! Figure 2a of the Chainer paper on handwritten digits: a network of three layers, trained by hand.
//!
//! `cargo run --release --example mnist -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    autograd::{no_backprop, test_mode},
    datasets::{
        BatchDataset, Dataset, MnistOptions, get_mnist,
        iterators::{EpochIterator, IteratorState, SerialIterator},
        mnist::Digits,
    },
    error::{Error, Result},
    optimizers::{Optimizer, Rule},
    prelude::*,
    report::{DictSummary, Observation},
    serializers::{Loader, NpyValue, Saver, Snapshot, load_npz, save_npz},
};
use clap::{Parser, ValueEnum};
use common::{log::Log, plot::plot, progress::Progress};
use serde_json::{Map, Value, json};
use std::{path::PathBuf, process::ExitCode, time::Instant};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Method {
    Sgd,
    Momentum,
    Adagrad,
    Rmsprop,
    Adam,
}

/// Trains a multi-layer perceptron on handwritten digits.
#[derive(Parser, Debug)]
struct Args {
    /// cpu, gpu, gpu:N, software, vulkan, metal, dx12, or part of an adapter's name; the best there is by default
    #[arg(long)]
    device: Option<String>,
    /// Times through the training digits
    #[arg(long, default_value_t = 10)]
    epoch: usize,
    /// Digits in a step
    #[arg(long, default_value_t = 32)]
    batchsize: usize,
    /// Units in each hidden layer
    #[arg(long, default_value_t = 100)]
    unit: usize,
    /// How the weights move
    #[arg(long, value_enum, default_value = "adam")]
    optimizer: Method,
    /// Learning rate (the step size alpha, for adam); each method has its own by default
    #[arg(long)]
    lr: Option<f64>,
    /// Start of the random numbers: same seed, same run
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A folder with the four MNIST files, instead of a download
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where results are written
    #[arg(long, default_value = "result")]
    out: PathBuf,
    /// A snapshot to go on from
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Train on this many digits and test on as many, for a quick look
    #[arg(long)]
    limit: Option<usize>,
}

chain! {
    /// 784 - unit - unit - 10 with rectifiers.
    struct Mlp {
        l1: L::Linear,
        l2: L::Linear,
        l3: L::Linear,
    }
}

impl Mlp {
    fn new(unit: usize) -> Mlp {
        Mlp { l1: L::Linear::new(784, unit), l2: L::Linear::new(unit, unit), l3: L::Linear::new(unit, 10) }
    }

    fn forward(&self, x: &Variable) -> Variable {
        let h1 = F::relu(&self.l1.forward(x));
        let h2 = F::relu(&self.l2.forward(&h1));
        self.l3.forward(&h2)
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let lr = |usual: f64| args.lr.unwrap_or(usual);
    match args.optimizer {
        Method::Sgd => train(args, Sgd::new(lr(0.01))),
        Method::Momentum => train(args, MomentumSGD::new(lr(0.01))),
        Method::Adagrad => train(args, AdaGrad::new(lr(0.01))),
        Method::Rmsprop => train(args, RMSprop::new(lr(0.001))),
        Method::Adam => train(args, Adam::new(lr(0.001))),
    }
}

fn train(args: &Args, rule: impl Rule) -> Result<()> {
    let device = match &args.device {
        Some(name) => Device::named(name)?,
        None => Device::from_env()?,
    };
    common::results_folder(&args.out)?;
    let options = MnistOptions::default();
    let mnist = get_mnist(&match &args.data {
        Some(folder) => options.data(folder),
        None => options,
    })?;
    let (training, held_out) = (limited(&mnist.train, args.limit), limited(&mnist.test, args.limit));
    println!("device: {device}");
    println!("data: {} training and {} held-out digits, {}", training.len(), held_out.len(), mnist.source);

    catena::random::seed(args.seed);
    let mut state = Run {
        model: Mlp::new(args.unit).to_device(&device),
        optimizer: None,
        iterator: SerialIterator::new(&training, args.batchsize).shuffle(true, args.seed),
        iteration: 0,
        log: Log::new(args.out.join("log"), None)?,
    };
    state.optimizer = Some(rule.setup(&state.model));
    if let Some(file) = &args.resume {
        load_npz(file, &mut state)?;
        println!("resumed from {} after epoch {}", file.display(), state.iterator.epoch());
    }

    let total = (args.epoch * training.len()) as u64;
    let done = (state.iterator.epoch() * training.len()) as u64;
    let mut progress = Progress::new(total, done, "images");
    let (start, before) = (Instant::now(), state.log.elapsed());
    while state.iterator.epoch() < args.epoch {
        let epoch = state.iterator.epoch() + 1;
        let mut summary = DictSummary::new();
        let epoch_start = Instant::now();
        let mut seen = 0;
        loop {
            let Some((x, t)) = state.iterator.next_batch() else { break };
            let n = t.len();
            let (x, t) = variables(x, t, &device)?;
            let y = state.model.forward(&x);
            let loss = F::softmax_cross_entropy(&y, &t);
            state.model.cleargrads();
            loss.backward();
            if let Some(optimizer) = &mut state.optimizer {
                optimizer.update();
            }
            state.iteration += 1;
            seen += n;
            summary.add(&observed(&loss, &F::accuracy(&y, &t, None)), 1.0);
            progress.advance(n as u64);
            if progress.is_due() {
                progress.show(epoch, finite(loss.item()?, state.iteration)?);
            }
            if state.iterator.is_new_epoch() {
                break;
            }
        }
        let training_means = summary.means()?;
        let rate = seen as f64 / epoch_start.elapsed().as_secs_f64();
        finite(training_means["loss"], state.iteration)?;
        let held_out_means = evaluate(&state.model, &held_out, &device)?;

        let mut entry: Map<String, Value> = Map::new();
        for (prefix, means) in [("main", &training_means), ("validation/main", &held_out_means)] {
            for (name, value) in means {
                entry.insert(format!("{prefix}/{name}"), json!(value));
            }
        }
        entry.insert("epoch".into(), json!(epoch));
        entry.insert("iteration".into(), json!(state.iteration));
        entry.insert("elapsed_time".into(), json!(before + start.elapsed().as_secs_f64()));
        entry.insert("device".into(), json!(device.name()));
        entry.insert("images_per_second".into(), json!(rate));
        state.log.add(entry)?;
        progress.line(&format!(
            "epoch {epoch:>3}  loss {:.4}  accuracy {:.4}  held out: loss {:.4}  accuracy {:.4}  {rate:.0} images/s",
            training_means["loss"], training_means["accuracy"], held_out_means["loss"], held_out_means["accuracy"]
        ));
        save_npz(args.out.join("snapshot.npz"), &state)?;
        save_npz(args.out.join("model.npz"), &state.model)?;
    }
    progress.finish();
    let panels: [(&str, &[&str]); 2] = [
        ("loss", &["main/loss", "validation/main/loss"]),
        ("accuracy", &["main/accuracy", "validation/main/accuracy"]),
    ];
    plot(&state.log, &args.out.join("curves.png"), &panels)?;
    println!("wrote {}: log, curves.png, model.npz, snapshot.npz", args.out.display());
    Ok(())
}

/// The first `limit` digits.
fn limited(digits: &Digits, limit: Option<usize>) -> Digits {
    match limit {
        Some(n) if n < digits.len() => digits.first(n),
        _ => digits.clone(),
    }
}

fn variables(x: ndarray::ArrayD<f32>, t: ndarray::Array1<i32>, device: &Device) -> Result<(Variable, Variable)> {
    Ok((Tensor::from_host(x, device)?.into(), Tensor::from_host(t.into_dyn(), device)?.into()))
}

fn observed(loss: &Variable, accuracy: &Variable) -> Observation {
    Observation::from([("loss".into(), loss.data().clone()), ("accuracy".into(), accuracy.data().clone())])
}

fn evaluate(model: &Mlp, digits: &Digits, device: &Device) -> Result<std::collections::BTreeMap<String, f64>> {
    let (_no_graph, _test) = (no_backprop(), test_mode());
    let mut summary = DictSummary::new();
    let indices: Vec<usize> = (0..digits.len()).collect();
    for part in indices.chunks(500) {
        let (x, t) = digits.batch(part);
        let (x, t) = variables(x, t, device)?;
        let y = model.forward(&x);
        summary.add(&observed(&F::softmax_cross_entropy(&y, &t), &F::accuracy(&y, &t, None)), part.len() as f64);
    }
    summary.means()
}

/// A loss that is no number ends the run: going on would only draw a flat line.
fn finite(loss: f64, iteration: u64) -> Result<f64> {
    if loss.is_finite() {
        return Ok(loss);
    }
    Err(Error::Diverged {
        what: format!("the loss is {loss} at iteration {iteration}"),
        hint: "lower the learning rate with --lr, or try another --optimizer or --seed".into(),
    })
}

/// Everything that a run needs to go on later.
struct Run<'a, R: Rule> {
    model: Mlp,
    optimizer: Option<Optimizer<R>>,
    iterator: SerialIterator<&'a Digits>,
    iteration: u64,
    log: Log,
}

impl<R: Rule> Snapshot for Run<'_, R> {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        to.child("model", &self.model)?;
        if let Some(optimizer) = &self.optimizer {
            to.child("optimizer", optimizer)?;
        }
        to.put("iteration", &NpyValue::from(self.iteration as i64))?;
        let iterator = serde_json::to_string(&self.iterator.state()).unwrap_or_default();
        to.put("iterator", &NpyValue::from(iterator.as_str()))?;
        to.put("log", &NpyValue::from(self.log.text().as_str()))
    }

    fn load(&mut self, from: &Loader<'_>) -> Result<()> {
        let text = |name: &str| -> Result<String> {
            let value = from.get(name)?;
            value.as_str().map(str::to_string).ok_or_else(|| from.mismatch(format!("member {name} should be text")))
        };
        let iterator: IteratorState =
            serde_json::from_str(&text("iterator")?).map_err(|e| from.mismatch(format!("member iterator: {e}")))?;
        let log = Log::new(self.log.path().into(), Some(&text("log")?))?;
        let iteration = from.get_i64("iteration")? as u64;
        from.child("model", &mut self.model)?;
        if let Some(optimizer) = &mut self.optimizer {
            from.child("optimizer", optimizer)?;
        }
        self.iterator.restore(&iterator).map_err(|e| from.mismatch(format!("member iterator: {e}")))?;
        (self.log, self.iteration) = (log, iteration);
        Ok(())
    }
}
