//! A language model of words as in Chainer's example `ptb`: two layers of long short-term memory on the Penn Treebank.
//!
//! Zaremba, Sutskever and Vinyals, "Recurrent Neural Network Regularization", 2014. Without a network, and without the
//! text in the cache, it learns from Moby Dick.
//!
//! `cargo run --release --example ptb -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{PtbOptions, get_ptb_words},
    error::Result,
    links::{State, initializers::Uniform},
    prelude::*,
};
use clap::Parser;
use common::lm::{self, Common, Defaults, LanguageModel, Text};
use std::{path::PathBuf, process::ExitCode};

/// Trains a model of two LSTM layers on the Penn Treebank, or on any text in its format.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// The small configuration: 200 units and early stopping, for a small text
    #[arg(long)]
    small: bool,
    /// Units of the embedding and of each layer [650, small: 200]
    #[arg(long, value_parser = common::count)]
    unit: Option<usize>,
    /// LSTM layers
    #[arg(long, default_value_t = 2, value_parser = common::count)]
    layer: usize,
    /// Probability with which a value is dropped between layers
    #[arg(long, default_value_t = 0.5, value_parser = common::share)]
    dropout: f64,
    /// Learning rate at first
    #[arg(long, default_value_t = 1.0)]
    lr: f64,
    /// What the learning rate is divided by after each epoch from --decay-from on
    #[arg(long, default_value_t = 1.2)]
    decay: f64,
    /// Epochs with the first learning rate [6, small: 8]
    #[arg(long)]
    decay_from: Option<usize>,
    /// A folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt, instead of a download
    #[arg(long)]
    data: Option<PathBuf>,
}

chain! {
    /// Embedding, LSTM layers, scores; values are dropped before and after each LSTM layer.
    struct RnnForLm {
        embed: L::EmbedID,
        lstm: L::NStepLSTM,
        out: L::Linear,
        #[plain]
        h: State,
        #[plain]
        c: State,
        #[plain]
        dropout: f64,
    }
}

impl RnnForLm {
    fn new(vocabulary: usize, unit: usize, layers: usize, dropout: f64) -> RnnForLm {
        let small = Uniform(0.1);
        RnnForLm {
            embed: L::EmbedID::with(vocabulary, unit, small),
            lstm: L::NStepLSTM::with(layers, unit, unit, dropout, small),
            out: L::Linear::with(unit, vocabulary, small),
            h: State::default(),
            c: State::default(),
            dropout,
        }
    }
}

impl LanguageModel for RnnForLm {
    fn scores(&self, x: &Variable) -> Variable {
        let (batch, length) = (x.shape()[0], x.shape()[1]);
        let e = F::dropout(&self.embed.forward(x), self.dropout);
        let streams: Vec<Variable> = F::separate(&e, 0);
        let (h, c, ys) = self.lstm.forward(self.h.get().as_ref(), self.c.get().as_ref(), &streams);
        self.h.set(Some(h));
        self.c.set(Some(c));
        let y = F::dropout(&F::concat(&ys.iter().collect::<Vec<_>>(), 0), self.dropout);
        debug_assert_eq!(y.shape()[0], batch * length);
        self.out.forward(&y)
    }

    fn reset_state(&self) {
        self.h.set(None);
        self.c.set(None);
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
    let device = lm::begin(&args.common)?;
    let options = PtbOptions::default();
    let words = get_ptb_words(&match &args.data {
        Some(folder) => options.data(folder),
        None => options,
    })?;
    println!("text: {}", words.source);
    let (unit, from, patience) = if args.small { (200, 8, 3) } else { (650, 6, 0) };
    let (unit, from) = (args.unit.unwrap_or(unit), args.decay_from.unwrap_or(from));
    let model = RnnForLm::new(words.vocabulary.len(), unit, args.layer, args.dropout).to_device(&device);
    let text =
        Text { train: words.train, valid: words.valid, test: words.test, vocabulary: words.vocabulary, unit: "words" };
    let defaults = Defaults { epoch: 39, batchsize: 20, bproplen: 35, gradclip: 5.0, patience };
    let rate = |rule: &mut Sgd, epoch: usize| {
        rule.lr = args.lr / args.decay.powi((epoch + 1).saturating_sub(from) as i32);
    };
    lm::train(&args.common, &defaults, &text, model, Sgd::new(args.lr), rate, &device)?;
    Ok(())
}
