//! Any of the networks for images, on pictures from a list or from folders.
//!
//! `cargo run --release --example imagenet -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{Dataset, LabeledImageDataset, Prepare, Skipped, image_batches, read_labels},
    error::Result,
    links::{Arch, Network},
    prelude::*,
};
use clap::Parser;
use common::classify::{Common, Task, begin, train};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Trains a network on pictures, which threads read, decode and cut while the device computes.
#[derive(Parser, Debug)]
struct Args {
    /// Pictures to learn from: a list with a path and a label a line, or a folder with a folder for each class
    train: PathBuf,
    /// Pictures to test with, likewise
    val: PathBuf,
    #[command(flatten)]
    common: Common,
    /// The network
    #[arg(long, default_value = "nin")]
    arch: Arch,
    /// Where the lists' paths are taken from, instead of the folder of each list
    #[arg(long)]
    root: Option<PathBuf>,
    /// How many classes there are, instead of as many as the labels to learn from show
    #[arg(long)]
    classes: Option<usize>,
    /// A file with the names of the classes, one a line
    #[arg(long)]
    labels: Option<PathBuf>,
    /// The side of the square that the network sees, instead of the one that it was made for
    #[arg(long)]
    insize: Option<usize>,
    /// What the shorter side of a picture is brought to first, instead of 8/7 of the square
    #[arg(long)]
    resize: Option<usize>,
    /// A model to begin with
    #[arg(long)]
    initmodel: Option<PathBuf>,
    /// Factor of the learning rate after each epoch
    #[arg(long, default_value_t = 0.97)]
    decay: f64,
    /// Leave out what cannot be used, instead of stopping there
    #[arg(long)]
    skip_bad: bool,
    /// Make colour pictures of grey ones, and leave transparency out
    #[arg(long)]
    convert: bool,
}

fn main() -> ExitCode {
    common::exit(run(&Args::parse()))
}

fn pictures(
    args: &Args,
    path: &Path,
    classes: Option<usize>,
    skipped: Option<&Skipped>,
) -> Result<LabeledImageDataset> {
    let data = if path.is_dir() {
        LabeledImageDataset::from_folder(path)?
    } else {
        let root = args.root.as_deref().or(path.parent()).unwrap_or(Path::new(""));
        LabeledImageDataset::from_list(path, root, classes, skipped)?
    };
    Ok(data.convert(args.convert).first(args.common.limit.unwrap_or(usize::MAX)))
}

fn run(args: &Args) -> Result<()> {
    let common = &args.common;
    let device = begin(common)?;
    let skipped = args.skip_bad.then(Skipped::new);
    let names = args.labels.as_ref().map(read_labels).transpose()?;
    let known = args.classes.or(names.as_ref().map(Vec::len));
    let training = pictures(args, &args.train, known, skipped.as_deref())?;
    let classes = known.unwrap_or(training.classes());
    let held_out = pictures(args, &args.val, Some(classes), skipped.as_deref())?;
    let names = names.unwrap_or_else(|| training.names().to_vec());
    println!("data: {} training and {} held-out pictures of {classes} classes", training.len(), held_out.len());

    let model = args.arch.network(classes, args.insize);
    let insize = args.insize.unwrap_or(model.insize());
    let mut model = model.to_device(&device);
    if let Some(file) = &args.initmodel {
        catena::serializers::load_npz(file, &mut model)?;
    }
    let lr = common.lr.unwrap_or(0.01);
    let mut optimizer = MomentumSGD::new(lr).setup(&model);
    optimizer.add_hook(WeightDecay(1e-4));
    let resize = args.resize.unwrap_or(insize * 8 / 7).max(insize);
    let (mean, scale) = ([123.68, 116.779, 103.939], 1.0 / 58.0);
    let prepare = || Prepare::crop(insize).resize(resize).mean(mean).scale(scale);
    let batch = common.batchsize.unwrap_or(32);
    let learning = image_batches(training, batch, prepare().random(true).flip(true), common.seed, skipped.clone());
    let testing = image_batches(held_out, batch, prepare(), 0, skipped.clone());
    let task = Task {
        training: learning.threads(common.threads).shuffle(true, common.seed),
        held_out: testing.threads(common.threads).repeat(false).shuffle(false, 0),
        epochs: common.epoch.unwrap_or(10),
        skipped,
        network: json!({
            "arch": args.arch.name(), "classes": classes, "insize": insize, "resize": resize, "mean": mean, "scale": scale,
            "labels": names,
        }),
    };
    train(common, task, model, optimizer, |o, epoch| o.lr = lr * args.decay.powi(epoch as i32), &device)
}
