//! LeNet-5 on handwritten digits.
//!
//! `cargo run --release --example cnn -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{Dataset, MnistOptions, Prepare, get_mnist, image_batches},
    error::Result,
    prelude::*,
};
use clap::Parser;
use common::classify::{Common, Task, begin, train};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// Trains a small convolutional network on handwritten digits.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// A folder with the four MNIST files, instead of a download
    #[arg(long)]
    data: Option<PathBuf>,
    /// Take digits as they are, instead of shifted by up to two pixels
    #[arg(long)]
    plain: bool,
    /// Factor of the learning rate after each epoch
    #[arg(long, default_value_t = 0.8)]
    decay: f64,
}

fn main() -> ExitCode {
    common::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let common = &args.common;
    let device = begin(common)?;
    let options = MnistOptions::default().ndim(3);
    let mnist = get_mnist(&match &args.data {
        Some(folder) => options.data(folder),
        None => options,
    })?;
    let limit = common.limit.unwrap_or(usize::MAX);
    let (training, held_out) = (mnist.train.first(limit), mnist.test.first(limit));
    println!("data: {} training and {} held-out digits, {}", training.len(), held_out.len(), mnist.source);

    let model: Box<dyn L::Network> = Box::new(L::LeNet5::new(10).to_device(&device));
    let alpha = common.lr.unwrap_or(0.002);
    let optimizer = Adam::new(alpha).setup(&model);
    let prepare = || Prepare::crop(28).scale(1.0 / 255.0);
    let learning = if args.plain { prepare() } else { prepare().pad(2) };
    let batches = image_batches(training, common.batchsize.unwrap_or(32), learning, common.seed, None);
    let task = Task {
        training: batches.threads(common.threads).shuffle(true, common.seed),
        held_out: image_batches(held_out, 500, prepare(), 0, None).repeat(false).shuffle(false, 0),
        epochs: common.epoch.unwrap_or(10),
        skipped: None,
        network: json!({ "arch": "lenet5", "classes": 10, "channels": 1, "insize": 28, "mean": [0.0], "scale": 1.0 / 255.0 }),
    };
    train(common, task, model, optimizer, |o, epoch| o.alpha = alpha * args.decay.powi(epoch as i32), &device)
}
