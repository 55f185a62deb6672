//! A network in the style of VGG on CIFAR-10, as in Chainer's example.
//!
//! `cargo run --release --example cifar -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{CifarOptions, Dataset, Prepare, get_cifar10, image_batches},
    error::Result,
    links::Arch,
    prelude::*,
};
use clap::Parser;
use common::classify::{Common, Task, begin, train};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// Trains a convolutional network with batch normalisation on small photographs of ten kinds of things.
#[derive(Parser, Debug)]
struct Args {
    #[command(flatten)]
    common: Common,
    /// A folder with the files of CIFAR-10's binary version, instead of a download
    #[arg(long)]
    data: Option<PathBuf>,
    /// The network: vgg_cifar, or of a thousand pictures or fewer resnet18
    #[arg(long)]
    arch: Option<Arch>,
    /// Epochs after which the learning rate is halved: 25, or of few pictures 12
    #[arg(long)]
    halve: Option<usize>,
    /// Take pictures as they are, instead of shifted by up to four pixels and mirrored
    #[arg(long)]
    plain: bool,
}

fn main() -> ExitCode {
    common::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let common = &args.common;
    let device = begin(common)?;
    let options = CifarOptions::default();
    let cifar = get_cifar10(&match &args.data {
        Some(folder) => options.data(folder),
        None => options,
    })?;
    let limit = common.limit.unwrap_or(usize::MAX);
    let (training, held_out) = (cifar.train.first(limit), cifar.test.first(limit));
    println!("data: {} training and {} held-out pictures, {}", training.len(), held_out.len(), cifar.source);

    // A few hundred pictures are too few for the dropout of the network in VGG's style: it does not begin to learn.
    let few = cifar.train.len() <= 1000;
    let usual = || if few { "resnet18" } else { "vgg_cifar" }.parse::<Arch>().expect("a network's name");
    let arch = args.arch.unwrap_or_else(usual);
    println!("network: {}", arch.name());
    let model = arch.network(10, Some(32)).to_device(&device);
    let lr = common.lr.unwrap_or(if few { 0.01 } else { 0.05 });
    let mut optimizer = MomentumSGD::new(lr).setup(&model);
    optimizer.add_hook(WeightDecay(5e-4));
    let (mean, scale) = ([125.3, 123.0, 113.9], 1.0 / 63.0);
    let prepare = || Prepare::crop(32).mean(mean).scale(scale);
    let learning = if args.plain { prepare() } else { prepare().pad(4).flip(true) };
    let batches =
        image_batches(training, common.batchsize.unwrap_or(if few { 20 } else { 64 }), learning, common.seed, None);
    let task = Task {
        training: batches.threads(common.threads).shuffle(true, common.seed),
        held_out: image_batches(held_out, 100, prepare(), 0, None).repeat(false).shuffle(false, 0),
        epochs: common.epoch.unwrap_or(if few { 40 } else { 300 }),
        skipped: None,
        network: json!({
            "arch": arch.name(), "classes": 10, "insize": 32, "mean": mean, "scale": scale, "labels": cifar.names,
        }),
    };
    let halve = args.halve.unwrap_or(if few { 12 } else { 25 }).max(1);
    train(common, task, model, optimizer, |o, epoch| o.lr = lr * 0.5f64.powi((epoch / halve) as i32), &device)
}
