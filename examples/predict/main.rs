//! What a picture shows, by a network that was trained before.
//!
//! `cargo run --release --example predict -- --help` shows the options.

#[path = "../common/mod.rs"]
mod common;

use catena::{
    datasets::{Prepare, read_image, read_labels},
    error::{Error, Result},
    links::{Arch, Network, initializers::without_values},
    prelude::*,
    random::Generator,
    serializers::load_npz,
};
use clap::{Parser, ValueEnum};
use ndarray::{Array3, Axis, concatenate};
use serde_json::Value;
use std::{path::PathBuf, process::ExitCode};

/// The mean pixel of networks that were made of Caffe's.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Caffe {
    Vgg,
    Googlenet,
    Resnet,
}

/// Says what a picture shows: the most probable classes with their names.
#[derive(Parser, Debug)]
struct Args {
    /// The picture, JPEG or PNG
    image: PathBuf,
    /// The model's weights: model.npz of cifar, imagenet or cnn, or a file of Chainer's
    #[arg(long, default_value = "result/model.npz")]
    model: PathBuf,
    /// The network, where there is no network.json beside the model, or another one
    #[arg(long)]
    arch: Option<Arch>,
    /// A file with the names of the classes, one a line
    #[arg(long)]
    labels: Option<PathBuf>,
    /// How many classes the network tells apart, where neither names nor network.json show it
    #[arg(long)]
    classes: Option<usize>,
    /// Prepare the picture as for the network of this family that Chainer converts from Caffe
    #[arg(long, value_enum)]
    caffe: Option<Caffe>,
    /// How many classes to show
    #[arg(long, default_value_t = 5)]
    top: usize,
    /// cpu, gpu, gpu:N, software, vulkan, metal, dx12, or part of an adapter's name; the best there is by default
    #[arg(long)]
    device: Option<String>,
}

fn main() -> ExitCode {
    common::exit(run(&Args::parse()))
}

fn run(args: &Args) -> Result<()> {
    let device = match &args.device {
        Some(name) => Device::named(name)?,
        None => Device::from_env()?,
    };
    let about = about(args)?;
    let number = |name: &str| about[name].as_u64().map(|n| n as usize);
    let arch = match (args.arch, about["arch"].as_str()) {
        (Some(arch), _) => arch,
        (None, Some(name)) => name.parse().map_err(|e: String| common::bad_option("--arch", "a network", &e))?,
        (None, None) => return Err(common::bad_option("--arch", "the network of this model", "none")),
    };
    let names = match &args.labels {
        Some(path) => read_labels(path)?,
        None => strings(&about["labels"]),
    };
    let classes = args.classes.or(number("classes")).or((!names.is_empty()).then_some(names.len())).unwrap_or(1000);
    let mut model = {
        let _scope = without_values();
        arch.network(classes, number("insize"))
    };
    load_npz(&args.model, &mut model)?;
    let model = model.to_device(&device);

    let insize = number("insize").unwrap_or(model.insize());
    let prepare = match args.caffe {
        Some(Caffe::Vgg) => Prepare::as_caffe([103.939, 116.779, 123.68]),
        Some(Caffe::Googlenet) => Prepare::as_caffe([104.0, 117.0, 123.0]),
        Some(Caffe::Resnet) => Prepare::as_caffe([103.063, 115.903, 123.152]),
        None => {
            let mean: Vec<f32> =
                about["mean"].as_array().into_iter().flatten().filter_map(Value::as_f64).map(|v| v as f32).collect();
            let mean = if mean.is_empty() { vec![123.68, 116.779, 103.939] } else { mean };
            let scale = about["scale"].as_f64().unwrap_or(1.0 / 58.0) as f32;
            Prepare::crop(insize).resize(number("resize").unwrap_or(insize)).mean(mean).scale(scale)
        }
    };
    let picture = with_channels(read_image(&args.image)?, number("channels").unwrap_or(3));
    let x = prepare.apply(&picture, &mut Generator::new(0))?.insert_axis(Axis(0));
    let scores = model.predict(&Tensor::from_host(x.into_dyn(), &device)?.into()).data().to_vec::<f32>()?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    for &class in order.iter().take(args.top) {
        let name = names.get(class).cloned().unwrap_or_else(|| format!("class {class}"));
        println!("{:6.2} %  {name}", 100.0 * scores[class]);
    }
    Ok(())
}

/// What training noted beside the model.
fn about(args: &Args) -> Result<Value> {
    let path = args.model.with_file_name("network.json");
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map_err(|e| Error::BadFile {
            path,
            expected: "a network as training notes it".into(),
            actual: e.to_string(),
            hint: "remove it, and give --arch and --labels".into(),
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(e) => Err(Error::io("read", path, e)),
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect()
}

/// Grey for one channel, colours for three; transparency is left out.
fn with_channels(image: Array3<u8>, channels: usize) -> Array3<u8> {
    let opaque = match image.shape()[0] {
        2 => image.slice_axis(Axis(0), (0..1).into()),
        4 => image.slice_axis(Axis(0), (0..3).into()),
        _ => image.view(),
    };
    match (opaque.shape()[0], channels) {
        (1, 3) => concatenate(Axis(0), &[opaque, opaque, opaque]).expect("of one size"),
        (3, 1) => {
            opaque.mapv(f32::from).mean_axis(Axis(0)).expect("three of them").mapv(|v| v as u8).insert_axis(Axis(0))
        }
        _ => opaque.to_owned(),
    }
}
