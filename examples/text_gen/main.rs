//! A small transformer that learns the characters of any text file and then writes on its own: `char_rnn` without a
//! recurrence, for comparison.
//!
//! `cargo run --release --example text_gen -- --text my.txt`; `--help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{error::Result, prelude::*};
use clap::Parser;
use common::{
    chars::Characters,
    lm::{self, Common, Defaults, LanguageModel},
};
use std::process::ExitCode;

/// Trains causal transformer layers on the characters of a text, then writes some more of it.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    characters: Characters,
    /// Units of each position
    #[arg(long, default_value_t = 96, value_parser = common::count)]
    unit: usize,
    /// Transformer layers
    #[arg(long, default_value_t = 3, value_parser = common::count)]
    layer: usize,
    /// Heads of each layer, among which the units are shared out
    #[arg(long, default_value_t = 4, value_parser = common::count)]
    head: usize,
    /// Probability with which a value is dropped
    #[arg(long, default_value_t = 0.1, value_parser = common::share)]
    dropout: f64,
    /// Step size of Adam
    #[arg(long, default_value_t = 0.001)]
    lr: f64,
}

chain! {
    struct Transformer {
        embed: L::EmbedID,
        positions: L::LearnedEncoding,
        layers: Vec<L::TransformerEncoderLayer>,
        norm: L::LayerNormalization,
        out: L::Linear,
        #[plain]
        window: usize,
        #[plain]
        dropout: f64,
    }
}

impl Transformer {
    fn new(vocabulary: usize, window: usize, args: &Args) -> Transformer {
        let layer = |_| L::TransformerEncoderLayer::new(args.unit, args.head, 4 * args.unit, args.dropout);
        Transformer {
            embed: L::EmbedID::with(vocabulary, args.unit, L::initializers::Normal(0.02)),
            positions: L::LearnedEncoding::new(window, args.unit),
            layers: (0..args.layer).map(layer).collect(),
            norm: L::LayerNormalization::new(args.unit),
            out: L::Linear::new(args.unit, vocabulary),
            window,
            dropout: args.dropout,
        }
    }
}

impl LanguageModel for Transformer {
    fn scores(&self, x: &Variable) -> Variable {
        let (rows, units) = (x.size(), self.embed.W.variable().shape()[1]);
        let h = F::dropout(&self.positions.forward(&self.embed.forward(x)), self.dropout);
        let h = self.layers.iter().fold(h, |h, layer| layer.forward(&h, None, true));
        self.out.forward(&F::reshape(&self.norm.forward(&h), [rows as isize, units as isize]))
    }

    fn window(&self) -> Option<usize> {
        Some(self.window)
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
    if !args.unit.is_multiple_of(args.head) {
        let expected = format!("a number that divides --unit, which is {}", args.unit);
        return Err(common::bad_option("--head", &expected, &args.head.to_string()));
    }
    let device = lm::begin(&args.common)?;
    let text = args.characters.read()?;
    let defaults = Defaults { epoch: 10, batchsize: 32, bproplen: 64, gradclip: 1.0, patience: 2 };
    let window = args.common.bproplen.unwrap_or(defaults.bproplen);
    let model = Transformer::new(text.vocabulary.len(), window, args).to_device(&device);
    let model = lm::train(&args.common, &defaults, &text, model, Adam::new(args.lr), |_, _| {}, &device)?;
    args.characters.write_on(&model, &text, args.common.seed, &device)
}
