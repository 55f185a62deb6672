//! Training of language models: streams of numbered words or characters, perplexity, early stopping, going on later.

use super::{finite, log::Log, plot::plot, progress::Progress};
use catena::{
    autograd::{no_backprop, test_mode},
    datasets::Vocabulary,
    error::{Error, Result},
    optimizers::{Optimizer, Rule},
    prelude::*,
    random::Generator,
    report::{DictSummary, Observation},
    serializers::{Loader, NpyValue, Saver, Snapshot, load_npz, save_npz, write_file},
};
use serde_json::{Map, Value, json};
use std::{path::PathBuf, time::Instant};

/// A model of what comes next.
pub trait LanguageModel: Link {
    /// Scores of what follows each of the words `x` of shape `(batch, length)`: `(batch * length, vocabulary)`.
    ///
    /// A recurrent model goes on from the state in which the last call left it.
    fn scores(&self, x: &Variable) -> Variable;

    /// Forgets the state.
    fn reset_state(&self) {}

    /// How many words a model without a state can look back on.
    fn window(&self) -> Option<usize> {
        None
    }
}

/// What the language models' command lines have in common.
#[derive(clap::Args, Debug)]
pub struct Common {
    /// cpu, gpu, gpu:N, software, vulkan, metal, dx12, or part of an adapter's name; the best there is by default
    #[arg(long)]
    pub device: Option<String>,
    /// Times through the text
    #[arg(long)]
    pub epoch: Option<usize>,
    /// Places of the text that are read side by side
    #[arg(long, value_parser = super::count)]
    pub batchsize: Option<usize>,
    /// Steps through which gradients go back
    #[arg(long, value_parser = super::count)]
    pub bproplen: Option<usize>,
    /// Largest norm of all gradients together
    #[arg(long)]
    pub gradclip: Option<f64>,
    /// Stop after so many epochs without a better perplexity of the held-out text; 0 to go on to the end
    #[arg(long)]
    pub patience: Option<usize>,
    /// Start of the random numbers: same seed, same run
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where results are written
    #[arg(long, default_value = "result")]
    pub out: PathBuf,
    /// A snapshot to go on from
    #[arg(long)]
    pub resume: Option<PathBuf>,
    /// Use this much of each text, for a quick look
    #[arg(long)]
    pub limit: Option<usize>,
}

/// What holds where the command line says nothing.
pub struct Defaults {
    pub epoch: usize,
    pub batchsize: usize,
    pub bproplen: usize,
    pub gradclip: f64,
    pub patience: usize,
}

/// A text as numbers.
pub struct Text {
    pub train: Vec<i32>,
    pub valid: Vec<i32>,
    pub test: Vec<i32>,
    pub vocabulary: Vocabulary,
    /// What the numbers stand for, in the plural.
    pub unit: &'static str,
}

/// Opens the device and makes the folder for results.
pub fn begin(common: &Common) -> Result<Device> {
    let device = match &common.device {
        Some(name) => Device::named(name)?,
        None => Device::from_env()?,
    };
    super::results_folder(&common.out)?;
    println!("device: {device}");
    catena::random::seed(common.seed);
    Ok(device)
}

/// Trains a model and gives back the one that was best on the held-out text.
///
/// `rate` sets what of the rule changes from epoch to epoch.
pub fn train<M: LanguageModel, R: Rule>(
    common: &Common,
    defaults: &Defaults,
    text: &Text,
    model: M,
    rule: R,
    rate: impl Fn(&mut R, usize),
    device: &Device,
) -> Result<M> {
    let epochs = common.epoch.unwrap_or(defaults.epoch);
    let (batch, length) =
        (common.batchsize.unwrap_or(defaults.batchsize), common.bproplen.unwrap_or(defaults.bproplen));
    let patience = common.patience.unwrap_or(defaults.patience);
    let [train, valid, test] = [&text.train, &text.valid, &text.test].map(|ids| limited(ids, common.limit));
    let least = batch * 2;
    if train.len() < least || valid.len() < 2 || test.len() < 2 || length == 0 || batch == 0 {
        return Err(Error::BadFile {
            path: "the text".into(),
            expected: format!("at least {least} {} to learn from and 2 to test with", text.unit),
            actual: format!("{}, {} and {}", train.len(), valid.len(), test.len()),
            hint: "take a longer text, or a smaller --batchsize; --bproplen is 1 at least".into(),
        });
    }
    println!(
        "data: {} {} to learn from, {} to stop by, {} to test with; a vocabulary of {}",
        train.len(),
        text.unit,
        valid.len(),
        test.len(),
        text.vocabulary.len()
    );
    println!("model: {} learnt values", model.count_params());
    let mut run = Run {
        optimizer: rule.setup(&model),
        model,
        vocabulary: serde_json::to_string(text.vocabulary.words()).unwrap_or_default(),
        unit: text.unit,
        epoch: 0,
        iteration: 0,
        best: (0, f64::INFINITY),
        log: Log::new(common.out.join("log"), None)?,
    };
    run.optimizer.add_hook(GradientClipping(common.gradclip.unwrap_or(defaults.gradclip)));
    let best_file = common.out.join("model.npz");
    if let Some(file) = &common.resume {
        load_npz(file, &mut run)?;
        println!("resumed from {} after epoch {}", file.display(), run.epoch);
        if !best_file.exists() {
            run.best = (0, f64::INFINITY);
        }
    }
    let mut progress = Progress::new((epochs * train.len()) as u64, (run.epoch * train.len()) as u64, text.unit);
    let (start, before) = (Instant::now(), run.log.elapsed());
    while run.epoch < epochs && (patience == 0 || run.epoch - run.best.0 < patience) {
        // Each epoch has random numbers of its own, so that a run that was broken off goes on as it would have.
        catena::random::seed(common.seed.wrapping_add(1 + run.epoch as u64));
        rate(&mut run.optimizer, run.epoch);
        let epoch_start = Instant::now();
        let mut summary = DictSummary::new();
        let mut seen = 0;
        run.model.reset_state();
        for (x, t) in chunks(train, batch, length, device) {
            let loss = F::softmax_cross_entropy(&run.model.scores(&x), &t);
            // As in the paper's figure, the losses of the steps add up; a step's is the mean over the streams.
            let total = &loss * (t.size() / batch) as f64;
            run.model.cleargrads();
            total.backward();
            // What came before is no longer learnt from: memory is that of one stretch, however long the text.
            total.unchain_backward();
            run.optimizer.update();
            run.iteration += 1;
            seen += t.size();
            summary.add(&Observation::from([("loss".into(), loss.data().clone())]), t.size() as f64);
            progress.advance(t.size() as u64);
            if progress.is_due() {
                progress.show(run.epoch + 1, finite(loss.item()?, run.iteration)?);
            }
        }
        let loss = finite(summary.means()?["loss"], run.iteration)?;
        let rate = seen as f64 / epoch_start.elapsed().as_secs_f64();
        let (perplexity, held_out) = (loss.exp(), perplexity(&run.model, valid, length, device)?);
        run.epoch += 1;
        let better = held_out < run.best.1;
        if better {
            run.best = (run.epoch, held_out);
            save_npz(&best_file, &run.model)?;
        }
        let entry = json!({
            "main/perplexity": perplexity,
            "validation/main/perplexity": held_out,
            "epoch": run.epoch,
            "iteration": run.iteration,
            "elapsed_time": before + start.elapsed().as_secs_f64(),
            "device": device.name(),
            "tokens_per_second": rate,
        });
        let Value::Object(entry) = entry else { unreachable!("written as an object") };
        run.log.add(entry)?;
        progress.line(&format!(
            "epoch {:>3}  perplexity {perplexity:.2}  held out: {held_out:.2}{}  {rate:.0} {}/s",
            run.epoch,
            if better { " (best)" } else { "" },
            text.unit
        ));
        save_npz(common.out.join("snapshot.npz"), &run)?;
    }
    progress.finish();
    let panels: [(&str, &[&str]); 1] = [("perplexity", &["main/perplexity", "validation/main/perplexity"])];
    plot(&run.log, &common.out.join("curves.png"), &panels)?;
    if best_file.exists() {
        load_npz(&best_file, &mut run.model)?;
    }
    let tested = perplexity(&run.model, test, length, device)?;
    let mut result: Map<String, Value> = Map::new();
    result.insert("test_perplexity".into(), json!(tested));
    result.insert("validation_perplexity".into(), json!(run.best.1));
    result.insert("best_epoch".into(), json!(run.best.0));
    write_file(&common.out.join("result.json"), serde_json::to_string_pretty(&result).unwrap_or_default().as_bytes())?;
    println!("test perplexity {tested:.2}, of the model after epoch {}", run.best.0);
    println!("wrote {}: log, curves.png, model.npz, snapshot.npz, result.json", common.out.display());
    Ok(run.model)
}

fn limited(ids: &[i32], limit: Option<usize>) -> &[i32] {
    &ids[..limit.unwrap_or(ids.len()).min(ids.len())]
}

/// Stretches of `batch` streams, each a part of the text: `(batch, length)` words, and those that follow each of them.
fn chunks<'a>(
    ids: &'a [i32],
    batch: usize,
    length: usize,
    device: &'a Device,
) -> impl Iterator<Item = (Variable, Variable)> + 'a {
    let steps = (ids.len() - 1) / batch;
    (0..steps).step_by(length).map(move |at| {
        let n = length.min(steps - at);
        let stream = |shift: usize| -> Vec<i32> {
            (0..batch).flat_map(|b| ids[b * steps + at + shift..][..n].iter().copied()).collect()
        };
        let x = Tensor::from_slice(&stream(0), [batch, n], device);
        (x.into(), Tensor::from_slice(&stream(1), [batch * n], device).into())
    })
}

/// `exp` of the mean loss of a text read from its beginning to its end.
pub fn perplexity(model: &dyn LanguageModel, ids: &[i32], length: usize, device: &Device) -> Result<f64> {
    let (_no_graph, _test) = (no_backprop(), test_mode());
    let mut summary = DictSummary::new();
    model.reset_state();
    for (x, t) in chunks(ids, 1, model.window().unwrap_or(length.max(100)), device) {
        let loss = F::softmax_cross_entropy(&model.scores(&x), &t);
        summary.add(&Observation::from([("loss".into(), loss.data().clone())]), t.size() as f64);
    }
    model.reset_state();
    Ok(summary.means()?["loss"].exp())
}

/// Goes on from `prime`: `count` further words, drawn with probabilities that a low `temperature` sharpens.
pub fn sample(
    model: &dyn LanguageModel,
    prime: &[i32],
    count: usize,
    temperature: f64,
    seed: u64,
    device: &Device,
) -> Result<Vec<i32>> {
    let (_no_graph, _test) = (no_backprop(), test_mode());
    let mut generator = Generator::new(seed);
    let mut ids = prime.to_vec();
    let mut fresh = prime.len();
    model.reset_state();
    for _ in 0..count {
        // A model without a state reads what it can look back on once more.
        let read = model.window().map_or(fresh, |window| ids.len().min(window));
        let x = Tensor::from_slice(&ids[ids.len() - read..], [1, read], device);
        let scores = model.scores(&x.into());
        let last = F::get_item(&scores, &[Slice::Index(-1)]).data().to_vec::<f32>()?;
        let top = last.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = last.iter().map(|s| (f64::from(s - top) / temperature).exp()).collect();
        let mut left = f64::from(generator.uniform()) * weights.iter().sum::<f64>();
        let next = weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        ids.push(next.unwrap_or(weights.len() - 1) as i32);
        fresh = 1;
    }
    model.reset_state();
    Ok(ids.split_off(prime.len()))
}

/// Everything that a run needs to go on later, at the end of an epoch.
struct Run<M, R: Rule> {
    model: M,
    optimizer: Optimizer<R>,
    vocabulary: String,
    unit: &'static str,
    epoch: usize,
    iteration: u64,
    /// The epoch that was best on the held-out text, and its perplexity.
    best: (usize, f64),
    log: Log,
}

impl<M: Link, R: Rule> Snapshot for Run<M, R> {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        to.child("model", &self.model)?;
        to.child("optimizer", &self.optimizer)?;
        to.put("vocabulary", &NpyValue::from(self.vocabulary.as_str()))?;
        to.put("epoch", &NpyValue::from(self.epoch as i64))?;
        to.put("iteration", &NpyValue::from(self.iteration as i64))?;
        to.put("best", &NpyValue::from(json!([self.best.0, self.best.1]).to_string().as_str()))?;
        to.put("log", &NpyValue::from(self.log.text().as_str()))
    }

    fn load(&mut self, from: &Loader<'_>) -> Result<()> {
        let text = |name: &str| -> Result<String> {
            let value = from.get(name)?;
            value.as_str().map(str::to_string).ok_or_else(|| from.mismatch(format!("member {name} should be text")))
        };
        same_vocabulary(&text("vocabulary")?, &self.vocabulary, self.unit, from)?;
        let best: (usize, f64) =
            serde_json::from_str(&text("best")?).map_err(|e| from.mismatch(format!("member best: {e}")))?;
        let log = Log::new(self.log.path().into(), Some(&text("log")?))?;
        let (epoch, iteration) = (from.get_i64("epoch")? as usize, from.get_i64("iteration")? as u64);
        from.child("model", &mut self.model)?;
        from.child("optimizer", &mut self.optimizer)?;
        (self.epoch, self.iteration, self.best, self.log) = (epoch, iteration, best, log);
        Ok(())
    }
}

/// A model is of no use with another numbering.
fn same_vocabulary(snapshot: &str, now: &str, unit: &str, from: &Loader<'_>) -> Result<()> {
    if snapshot == now {
        return Ok(());
    }
    let words = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap_or_default();
    let (snapshot, now) = (words(snapshot), words(now));
    let at = snapshot.iter().zip(&now).position(|(a, b)| a != b).unwrap_or(snapshot.len().min(now.len()));
    let of = |words: &[String]| words.get(at).map_or("nothing".to_string(), |w| format!("{w:?}"));
    Err(from.mismatch(format!(
        "it was trained with a vocabulary of {} {unit}, this text has {}: number {at} is {} there and {} here",
        snapshot.len(),
        now.len(),
        of(&snapshot),
        of(&now)
    )))
}
