//! Figure 2b of the Chainer paper on real text: a recurrent network that predicts the next word, trained by truncated
//! backpropagation through time.
//!
//! The figure's two slips are mended: its `h2` is `h2h`, and its loop goes on from the new state, `h = new_h`.
//!
//! `cargo run --release --example rnn -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{PtbOptions, get_ptb_words},
    error::Result,
    links::State,
    prelude::*,
};
use clap::Parser;
use common::lm::{self, Common, Defaults, LanguageModel, Text};
use std::{path::PathBuf, process::ExitCode};

/// Trains the recurrent network of Figure 2b on the Penn Treebank, or on Moby Dick where there is no network.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// Learning rate
    #[arg(long, default_value_t = 0.5)]
    lr: f64,
    /// Units of the embedding
    #[arg(long, default_value_t = 100, value_parser = common::count)]
    embed: usize,
    /// Units of the state
    #[arg(long, default_value_t = 50, value_parser = common::count)]
    unit: usize,
    /// A folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt, instead of a download
    #[arg(long)]
    data: Option<PathBuf>,
}

chain! {
    /// As in the figure; the state stands beside the weights.
    struct Rnn {
        emb: L::EmbedID,
        x2h: L::Linear,
        h2h: L::Linear,
        h2y: L::Linear,
        #[plain]
        h: State,
    }
}

impl Rnn {
    fn new(vocabulary: usize, embed: usize, unit: usize) -> Rnn {
        Rnn {
            emb: L::EmbedID::new(vocabulary, embed),
            x2h: L::Linear::new(embed, unit),
            h2h: L::Linear::new(unit, unit),
            h2y: L::Linear::new(unit, vocabulary),
            h: State::default(),
        }
    }

    /// The next state, and scores for the next word.
    fn step(&self, h: &Variable, word: &Variable) -> (Variable, Variable) {
        let x = F::tanh(&self.emb.forward(word));
        let h = F::tanh(&(self.x2h.forward(&x) + self.h2h.forward(h)));
        let y = self.h2y.forward(&h);
        (h, y)
    }
}

impl LanguageModel for Rnn {
    fn scores(&self, x: &Variable) -> Variable {
        let (batch, length) = (x.shape()[0], x.shape()[1]);
        let units = self.h2h.W.variable().shape()[0];
        let zeros = || Tensor::zeros([batch, units], DType::F32, x.device()).into();
        let mut h = self.h.get().unwrap_or_else(zeros);
        let mut ys = Vec::with_capacity(length);
        for t in 0..length {
            let (new_h, y) = self.step(&h, &F::get_item(x, &[Slice::ALL, t.into()]));
            h = new_h;
            ys.push(y);
        }
        self.h.set(Some(h));
        let ys = F::stack(&ys.iter().collect::<Vec<_>>(), 1);
        F::reshape(&ys, [(batch * length) as isize, -1])
    }

    fn reset_state(&self) {
        self.h.set(None);
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
    let model = Rnn::new(words.vocabulary.len(), args.embed, args.unit).to_device(&device);
    let text =
        Text { train: words.train, valid: words.valid, test: words.test, vocabulary: words.vocabulary, unit: "words" };
    let defaults = Defaults { epoch: 10, batchsize: 20, bproplen: 20, gradclip: 5.0, patience: 2 };
    lm::train(&args.common, &defaults, &text, model, Sgd::new(args.lr), |_, _| {}, &device)?;
    Ok(())
}
