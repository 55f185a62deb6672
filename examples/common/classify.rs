//! Training of networks that tell what a picture shows: batches from threads, a log, curves, going on later.

use super::{finite, log::Log, plot::plot, progress::Progress};
use catena::{
    autograd::{no_backprop, test_mode},
    datasets::{
        Dataset, ImageBatch, Skipped,
        iterators::{EpochIterator, IteratorState, MultithreadIterator},
    },
    error::{Error, Result},
    links::Network,
    optimizers::{Optimizer, Rule},
    prelude::*,
    random,
    report::{DictSummary, Observation},
    serializers::{Loader, NpyValue, Saver, Snapshot, load_npz, save_npz, write_file},
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// What the command lines have in common.
#[derive(clap::Args, Debug)]
pub struct Common {
    /// cpu, gpu, gpu:N, software, vulkan, metal, dx12, or part of an adapter's name; the best there is by default
    #[arg(long)]
    pub device: Option<String>,
    /// Times through the training pictures
    #[arg(long)]
    pub epoch: Option<usize>,
    /// Pictures in a step
    #[arg(long)]
    pub batchsize: Option<usize>,
    /// Learning rate at the beginning
    #[arg(long)]
    pub lr: Option<f64>,
    /// Start of the random numbers: same seed, same run
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Threads that read and prepare pictures
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Where results are written
    #[arg(long, default_value = "result")]
    pub out: PathBuf,
    /// A snapshot to go on from
    #[arg(long)]
    pub resume: Option<PathBuf>,
    /// Train on this many pictures and test on as many, for a quick look
    #[arg(long)]
    pub limit: Option<usize>,
}

/// Batches of any dataset of pictures, with each of which goes how to prepare it.
pub type Batches<D> = MultithreadIterator<D, Result<ImageBatch>>;

/// What is learnt.
pub struct Task<D: Dataset> {
    /// Pictures to learn from, shuffled and without an end.
    pub training: Batches<D>,
    /// Pictures to test with, once through.
    pub held_out: Batches<D>,
    pub epochs: usize,
    /// What could not be used.
    pub skipped: Option<Arc<Skipped>>,
    /// What it takes to use the model, for `predict`: the file `network.json`.
    pub network: Value,
}

/// Opens the device, makes the folder for results, begins the random numbers.
pub fn begin(common: &Common) -> Result<Device> {
    let device = match &common.device {
        Some(name) => Device::named(name)?,
        None => Device::from_env()?,
    };
    super::results_folder(&common.out)?;
    for (name, value) in [("--threads", Some(common.threads)), ("--batchsize", common.batchsize)] {
        if value == Some(0) {
            return Err(super::bad_option(name, "1 at least", "0"));
        }
    }
    println!("device: {device}");
    random::seed(common.seed);
    Ok(device)
}

/// Trains a network. `rate` sets what of the rule changes, from the epochs that are complete.
pub fn train<R: Rule, D>(
    common: &Common,
    task: Task<D>,
    model: Box<dyn Network>,
    optimizer: Optimizer<R>,
    rate: impl Fn(&mut Optimizer<R>, usize),
    device: &Device,
) -> Result<()>
where
    D: Dataset + Send + Sync + 'static,
{
    let examples = task.training.dataset().len();
    println!("model: {} learnt values", model.count_params());
    let log = Log::new(common.out.join("log"), None)?;
    let mut run = Run { model, optimizer, batches: task.training, iteration: 0, log };
    let mut held_out = task.held_out;
    if let Some(file) = &common.resume {
        load_npz(file, &mut run)?;
        println!("resumed from {} after epoch {}", file.display(), run.batches.epoch());
    }
    let network = serde_json::to_string_pretty(&task.network).unwrap_or_default();
    write_file(&common.out.join("network.json"), network.as_bytes())?;
    let skipped = || task.skipped.as_ref().map_or(0, |s| s.count());

    let total = (task.epochs * examples) as u64;
    let mut progress = Progress::new(total, (run.batches.epoch() * examples) as u64, "images");
    let (start, before) = (Instant::now(), run.log.elapsed());
    while run.batches.epoch() < task.epochs {
        let epoch = run.batches.epoch() + 1;
        rate(&mut run.optimizer, epoch - 1);
        let (mut summary, mut seen, mut waited) = (DictSummary::new(), 0, Duration::ZERO);
        let epoch_start = Instant::now();
        loop {
            let asked = Instant::now();
            let Some(batch) = run.batches.next() else { break };
            waited += asked.elapsed();
            let ImageBatch { x, t } = batch?;
            let n = t.len();
            if n > 0 {
                let (x, t) = (Tensor::from_host(x.into_dyn(), device)?, Tensor::from_host(t.into_dyn(), device)?);
                let t: Variable = t.into();
                let (loss, y) = run.model.loss(&x.into(), &t);
                run.model.cleargrads();
                loss.backward();
                run.optimizer.update();
                run.iteration += 1;
                seen += n;
                summary.add(&observed(&loss, &F::accuracy(&y, &t, None)), n as f64);
                if progress.is_due() {
                    progress.show(epoch, finite(loss.item()?, run.iteration)?);
                }
            }
            progress.advance(run.batches.batch_size() as u64);
            if run.batches.is_new_epoch() {
                break;
            }
        }
        if seen == 0 {
            return Err(nothing_left(&task.skipped));
        }
        let learnt = summary.means()?;
        let rate = seen as f64 / epoch_start.elapsed().as_secs_f64();
        finite(learnt["loss"], run.iteration)?;
        let tested = evaluate(&*run.model, &mut held_out, device)?.ok_or_else(|| nothing_left(&task.skipped))?;

        let mut entry: Map<String, Value> = Map::new();
        for (prefix, means) in [("main", &learnt), ("validation/main", &tested)] {
            for (name, value) in means {
                entry.insert(format!("{prefix}/{name}"), json!(value));
            }
        }
        entry.insert("epoch".into(), json!(epoch));
        entry.insert("iteration".into(), json!(run.iteration));
        entry.insert("elapsed_time".into(), json!(before + start.elapsed().as_secs_f64()));
        entry.insert("device".into(), json!(device.name()));
        entry.insert("images_per_second".into(), json!(rate));
        entry.insert("seconds_waited_for_images".into(), json!(waited.as_secs_f64()));
        entry.insert("skipped".into(), json!(skipped()));
        run.log.add(entry)?;
        progress.line(&format!(
            "epoch {epoch:>3}  loss {:.4}  accuracy {:.4}  held out: loss {:.4}  accuracy {:.4}  {rate:.0} images/s",
            learnt["loss"], learnt["accuracy"], tested["loss"], tested["accuracy"]
        ));
        save_npz(common.out.join("snapshot.npz"), &run)?;
        save_npz(common.out.join("model.npz"), &run.model)?;
    }
    progress.finish();
    let panels: [(&str, &[&str]); 2] = [
        ("loss", &["main/loss", "validation/main/loss"]),
        ("accuracy", &["main/accuracy", "validation/main/accuracy"]),
    ];
    plot(&run.log, &common.out.join("curves.png"), &panels)?;
    if let Some(skipped) = task.skipped.filter(|s| s.count() > 0) {
        println!("skipped {} that could not be used:", skipped.count());
        skipped.reasons().iter().take(20).for_each(|reason| println!("  {reason}"));
    }
    println!("wrote {}: log, curves.png, model.npz, network.json, snapshot.npz", common.out.display());
    Ok(())
}

fn nothing_left(skipped: &Option<Arc<Skipped>>) -> Error {
    let first = skipped.as_ref().and_then(|s| s.reasons().into_iter().next()).unwrap_or_default();
    Error::BadFile {
        path: "the pictures".into(),
        expected: "some that can be used".into(),
        actual: format!("none ({first})"),
        hint: "give others".into(),
    }
}

fn observed(loss: &Variable, accuracy: &Variable) -> Observation {
    Observation::from([("loss".into(), loss.data().clone()), ("accuracy".into(), accuracy.data().clone())])
}

/// Loss and accuracy over all batches; nothing, if there is no picture.
fn evaluate<D>(model: &dyn Network, batches: &mut Batches<D>, device: &Device) -> Result<Option<BTreeMap<String, f64>>>
where
    D: Dataset + Send + Sync + 'static,
{
    let (_no_graph, _test) = (no_backprop(), test_mode());
    let (mut summary, mut seen) = (DictSummary::new(), 0);
    batches.reset();
    for batch in batches {
        let ImageBatch { x, t } = batch?;
        let n = t.len();
        if n == 0 {
            continue;
        }
        seen += n;
        let (x, t) = (Tensor::from_host(x.into_dyn(), device)?, Tensor::from_host(t.into_dyn(), device)?);
        let t: Variable = t.into();
        let y = model.forward(&x.into());
        summary.add(&observed(&F::softmax_cross_entropy(&y, &t), &F::accuracy(&y, &t, None)), n as f64);
    }
    if seen == 0 { Ok(None) } else { summary.means().map(Some) }
}

/// Everything that a run needs to go on later.
struct Run<R: Rule, D: Dataset> {
    model: Box<dyn Network>,
    optimizer: Optimizer<R>,
    batches: Batches<D>,
    iteration: u64,
    log: Log,
}

impl<R: Rule, D: Dataset + Send + Sync + 'static> Snapshot for Run<R, D> {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        to.child("model", &self.model)?;
        to.child("optimizer", &self.optimizer)?;
        to.put("iteration", &NpyValue::from(self.iteration as i64))?;
        let batches = serde_json::to_string(&self.batches.state()).unwrap_or_default();
        to.put("iterator", &NpyValue::from(batches.as_str()))?;
        // What dropout will drop next.
        to.put("generator", &NpyValue::from(json!(random::generator().state()).to_string().as_str()))?;
        to.put("log", &NpyValue::from(self.log.text().as_str()))
    }

    fn load(&mut self, from: &Loader<'_>) -> Result<()> {
        let text = |name: &str| -> Result<String> {
            let value = from.get(name)?;
            value.as_str().map(str::to_string).ok_or_else(|| from.mismatch(format!("member {name} should be text")))
        };
        let wrong = |name: &str, e: &dyn std::fmt::Display| from.mismatch(format!("member {name}: {e}"));
        let batches: IteratorState = serde_json::from_str(&text("iterator")?).map_err(|e| wrong("iterator", &e))?;
        let generator: [u64; 3] = serde_json::from_str(&text("generator")?).map_err(|e| wrong("generator", &e))?;
        let log = Log::new(self.log.path().into(), Some(&text("log")?))?;
        let iteration = from.get_i64("iteration")? as u64;
        from.child("model", &mut self.model)?;
        from.child("optimizer", &mut self.optimizer)?;
        self.batches.restore(&batches).map_err(|e| wrong("iterator", &e))?;
        random::set_generator(random::Generator::from_state(generator));
        (self.log, self.iteration) = (log, iteration);
        Ok(())
    }
}
