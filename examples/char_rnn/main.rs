//! A language model of characters that learns from any text file and then writes on its own.
//!
//! `cargo run --release --example char_rnn -- --text my.txt`; `--help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{error::Result, links::State, prelude::*};
use clap::Parser;
use common::{
    chars::Characters,
    lm::{self, Common, Defaults, LanguageModel},
};
use std::process::ExitCode;

/// Trains LSTM layers on the characters of a text, then writes some more of it.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    characters: Characters,
    /// Units of each layer
    #[arg(long, default_value_t = 128, value_parser = common::count)]
    unit: usize,
    /// LSTM layers
    #[arg(long, default_value_t = 2, value_parser = common::count)]
    layer: usize,
    /// Probability with which a value is dropped between layers
    #[arg(long, default_value_t = 0.2, value_parser = common::share)]
    dropout: f64,
    /// Step size of Adam
    #[arg(long, default_value_t = 0.002)]
    lr: f64,
}

chain! {
    struct CharRnn {
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

impl CharRnn {
    fn new(vocabulary: usize, args: &Args) -> CharRnn {
        CharRnn {
            embed: L::EmbedID::new(vocabulary, args.unit),
            lstm: L::NStepLSTM::new(args.layer, args.unit, args.unit, args.dropout),
            out: L::Linear::new(args.unit, vocabulary),
            h: State::default(),
            c: State::default(),
            dropout: args.dropout,
        }
    }
}

impl LanguageModel for CharRnn {
    fn scores(&self, x: &Variable) -> Variable {
        let streams = F::separate(&self.embed.forward(x), 0);
        let (h, c, ys) = self.lstm.forward(self.h.get().as_ref(), self.c.get().as_ref(), &streams);
        self.h.set(Some(h));
        self.c.set(Some(c));
        self.out.forward(&F::dropout(&F::concat(&ys.iter().collect::<Vec<_>>(), 0), self.dropout))
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
    let text = args.characters.read()?;
    let model = CharRnn::new(text.vocabulary.len(), args).to_device(&device);
    let defaults = Defaults { epoch: 10, batchsize: 32, bproplen: 64, gradclip: 5.0, patience: 2 };
    let model = lm::train(&args.common, &defaults, &text, model, Adam::new(args.lr), |_, _| {}, &device)?;
    args.characters.write_on(&model, &text, args.common.seed, &device)
}
