//! The networks for images against Chainer 7.8.1: how many parameters they have, what their parts are called, what they give.
//!
//! `data/networks.json` was written by `data/networks.py`, whose weights are a formula of path, shape and number.

use catena::{
    autograd::{no_backprop, test_mode},
    datasets::{BatchDataset, MnistOptions, get_mnist},
    links::{Arch, Classifier, Network, Replica, initializers::without_values},
    prelude::*,
    serializers::{NpzReader, load_npz, save_npz},
    shape::Shape,
    testing::devices,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(data("networks.json")).expect("readable")).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// In [0, 1), from a counter and a seed.
fn uniform(n: usize, seed: u32) -> Vec<f32> {
    let one = |i: u32| {
        let mut x = i.wrapping_add(seed.wrapping_mul(0x9e37_79b9));
        x ^= x >> 16;
        x = x.wrapping_mul(0x7feb_352d);
        x ^= x >> 15;
        x = x.wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        (x >> 8) as f32 / 16_777_216.0
    };
    (0..n as u32).map(one).collect()
}

fn values(path: &str, shape: &Shape, seed: u32) -> Tensor {
    let mut u = uniform(shape.size(), seed);
    let last = path.rsplit('/').next().unwrap_or_default();
    let scale = (6.0 / shape.iter().skip(1).product::<usize>() as f64).sqrt() as f32;
    u.iter_mut().for_each(|u| match last {
        "W" => *u = (*u * 2.0 - 1.0) * scale,
        "gamma" | "avg_var" => *u += 0.5,
        _ => *u = (*u - 0.5) * 0.2,
    });
    Tensor::from_slice(&u, shape.clone(), &Device::cpu())
}

/// Gives every parameter and every running statistic the value of the formula.
fn fill(net: &dyn Network) {
    let parameters = net.namedparams();
    let statistics = net.namedpersistents();
    let mut paths: Vec<&String> = parameters.iter().map(|(path, _)| path).collect();
    paths.extend(statistics.iter().map(|(path, _)| path).filter(|path| !path.ends_with("/N")));
    paths.sort();
    let seed = |path: &String| paths.iter().position(|p| *p == path).expect("one of them") as u32 + 1;
    for (path, p) in &parameters {
        p.set_data(values(path, &p.shape().expect("known"), seed(path)));
    }
    for (path, p) in statistics.iter().filter(|(path, _)| !path.ends_with("/N")) {
        p.set_data(values(path, p.data().shape(), seed(path)));
    }
}

fn small(name: &str, entry: &Value) -> Box<dyn Network> {
    let _scope = without_values();
    match name {
        "resnet50_fb" => Box::new(L::ResNet50Layers::downsample_fb(10)),
        _ => name.parse::<Arch>().expect("a network").network(10, entry["small"].as_u64().map(|n| n as usize)),
    }
}

/// Compares what a network gives with what Chainer's gave, in units of the largest number.
fn agrees(name: &str, device: &Device, tolerance: f64) {
    let entry = &expected()[name];
    let side = entry["small"].as_u64().expect("a number") as usize;
    let channels = if name == "lenet5" { 1 } else { 3 };
    let net = small(name, entry);
    fill(&net);
    let net = net.to_device(device);
    let pixels: Vec<f32> = uniform(2 * channels * side * side, 1000).iter().map(|u| u - 0.5).collect();
    let x = Variable::constant(Tensor::from_slice(&pixels, [2, channels, side, side], device));
    let (_no_graph, _test) = (no_backprop(), test_mode());
    let outputs = match name {
        "googlenet" => net.extract(&x, &["loss3_fc", "loss1_fc2", "loss2_fc2"]),
        "googlenetbn" => net.extract(&x, &["out", "outa", "outb"]),
        _ => vec![net.forward(&x)],
    };
    let theirs = entry["outputs"].as_array().expect("an array");
    assert_eq!(outputs.len(), theirs.len());
    for (i, (ours, theirs)) in outputs.iter().zip(theirs).enumerate() {
        let (ours, theirs) = (ours.data().to_f64().expect("a device that works"), numbers(theirs));
        let most = theirs.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert_eq!(ours.len(), theirs.len());
        let error = ours.iter().zip(&theirs).fold(0.0f64, |m, (a, b)| m.max((a - b).abs())) / most;
        assert!(
            error < tolerance,
            "{name}, output {i}, on {device}: {error:e} of {most}: {ours:?}, expected {theirs:?}"
        );
    }
}

#[test]
fn parameters_are_as_many_as_published() {
    let expected = expected();
    let _scope = without_values();
    let count =
        |arch: &str, classes: usize| arch.parse::<Arch>().expect("a network").network(classes, None).count_params();
    for (name, entry) in expected.as_object().expect("an object").iter().filter(|(n, _)| *n != "resnet50_fb") {
        let classes = entry["classes"].as_u64().expect("a number") as usize;
        assert_eq!(count(name, classes) as u64, entry["parameters"], "{name}");
        let net = name.parse::<Arch>().expect("a network").network(classes, None);
        assert_eq!(net.insize() as u64, entry["insize"], "{name}");
    }
    // What the literature says, where Chainer has a bias more or has no such network.
    assert_eq!(count("resnet18", 1000), 11_689_512 + 64);
    assert_eq!(count("resnet50", 1000), 25_557_032 + 64);
    let aside = |net: &L::GoogLeNet| {
        net.namedparams().iter().filter(|(p, _)| p.starts_with("/loss1") || p.starts_with("/loss2")).count()
    };
    let net = L::GoogLeNet::new(1000);
    assert_eq!(aside(&net), 12);
    let main = net.namedparams().into_iter().filter(|(p, _)| !p.starts_with("/loss1") && !p.starts_with("/loss2"));
    assert_eq!(main.map(|(_, p)| p.shape().expect("known").size()).sum::<usize>(), 6_998_552);
    assert_eq!(L::ResNetLayers::new(34, 1000, false).count_params(), 21_797_672 + 64);
}

#[test]
fn parts_are_called_as_in_chainer() {
    let _scope = without_values();
    let names = |net: &dyn Network| net.namedparams().into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    let resnet = names(&L::ResNet50Layers::new(10));
    for name in ["/conv1/W", "/conv1/b", "/bn1/gamma", "/res2/a/conv1/W", "/res2/a/conv4/W", "/res2/b1/bn3/beta"] {
        assert!(resnet.iter().any(|n| n == name), "{name}");
    }
    assert!(!resnet.iter().any(|n| n == "/res2/b1/conv4/W" || n == "/res2/a/conv1/b"));
    assert_eq!(names(&L::VGG16Layers::new(10))[4..6], ["/conv2_1/W", "/conv2_1/b"]);
    assert_eq!(names(&L::VGG::new(10))[0..3], ["/block1_1/conv/W", "/block1_1/bn/gamma", "/block1_1/bn/beta"]);
    let googlenet = names(&L::GoogLeNet::new(10));
    assert!(googlenet.iter().any(|n| n == "/inc3a/proj3/W") && googlenet.iter().any(|n| n == "/loss1_fc1/b"));
    assert!(names(&L::GoogLeNetBN::new(10)).iter().any(|n| n == "/inc3c/conv33bn/gamma"));
    assert!(names(&L::NIN::new(10)).iter().any(|n| n == "/mlpconv4/2/b"));
}

macro_rules! as_chainer {
    ($($name:ident),*) => {
        mod as_chainer {$(
            #[test]
            fn $name() {
                super::agrees(stringify!($name), &catena::prelude::Device::cpu(), 1e-5);
            }
        )*}
    };
}
as_chainer!(
    alexnet,
    overfeat,
    vgg_a,
    vgg16,
    vgg19,
    nin,
    googlenet,
    googlenetbn,
    resnet50,
    resnet50_fb,
    vgg_cifar,
    lenet5
);

#[test]
fn gpus_agree_too() {
    for device in devices().into_iter().filter(|d| !d.is_cpu()) {
        for name in ["lenet5", "vgg_cifar", "googlenetbn"] {
            agrees(name, &device, 1e-4);
        }
    }
}

#[test]
fn every_network_has_a_gradient_for_every_parameter() {
    for (name, side) in [("googlenet", 48), ("resnet18", 33), ("vgg_cifar", 16)] {
        let net = name.parse::<Arch>().expect("a network").network(4, Some(side));
        let x = Tensor::from_slice(&uniform(2 * 3 * side * side, 1), [2, 3, side, side], &Device::cpu());
        let t = Variable::constant(Tensor::from_slice(&[1i32, 3], [2], &Device::cpu()));
        let (loss, scores) = net.loss(&x.into(), &t);
        assert_eq!(scores.shape()[..], [2, 4]);
        loss.backward();
        for (path, p) in net.namedparams() {
            assert!(p.grad().is_some(), "{name}{path}");
        }
        let again = net.replicate(Replica::Share);
        assert!(again.params()[0].is(&net.params()[0]));
    }
}

#[test]
fn the_aside_classifiers_count_their_share() {
    let net = L::GoogLeNet::for_images(4, 48);
    let x = Variable::constant(Tensor::from_slice(&uniform(2 * 3 * 48 * 48, 1), [2, 3, 48, 48], &Device::cpu()));
    let t = Variable::constant(Tensor::from_slice(&[1i32, 3], [2], &Device::cpu()));
    let _test = test_mode();
    let loss = net.loss(&x, &t).0.item().expect("a number");
    let scores = net.extract(&x, &["loss1_fc2", "loss3_fc", "loss2_fc2", "prob"]);
    let of = |y: &Variable| F::softmax_cross_entropy(y, &t).item().expect("a number");
    assert!((loss - of(&scores[1]) - 0.3 * (of(&scores[0]) + of(&scores[2]))).abs() < 1e-5);
    assert!((F::sum(&scores[3]).item().expect("a number") - 2.0).abs() < 1e-5);
}

#[test]
#[should_panic(expected = "expected one of conv1, pool1")]
fn a_stage_that_is_not_there() {
    let x = Variable::constant(Tensor::zeros([1, 1, 28, 28], DType::F32, &Device::cpu()));
    L::LeNet5::new(10).extract(&x, &["conv9"]);
}

#[test]
#[should_panic(expected = "AlexNet: images of 34 pixels a side are too small")]
fn images_that_are_too_small() {
    L::AlexNet::for_images(10, 34);
}

#[test]
fn without_values_a_network_is_zeros_until_it_is_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("model.npz");
    let trained = L::LeNet5::new(10);
    save_npz(&file, &trained).expect("written");
    let mut empty = {
        let _scope = without_values();
        L::LeNet5::new(10)
    };
    let first = |net: &L::LeNet5| net.conv1.W.data().to_vec::<f32>().expect("values");
    assert!(first(&empty).iter().all(|v| *v == 0.0));
    load_npz(&file, &mut empty).expect("it fits");
    assert_eq!(first(&empty), first(&trained));
    assert!(first(&L::LeNet5::new(10)).iter().any(|v| *v != 0.0));
    // Zeros that are nowhere are numbers like any others.
    let layer = {
        let _scope = without_values();
        L::Linear::new(3, 2)
    };
    let mut optimizer = Sgd::new(0.1).setup(&layer);
    let x = Variable::constant(Tensor::ones([1, 3], DType::F32, &Device::cpu()));
    F::sum(&layer.forward(&x)).backward();
    optimizer.update();
    assert_eq!(layer.W.data().to_vec::<f32>().expect("values"), [-0.1f32; 6]);
}

chain! {
    /// What Chainer trained: see `data/chainer_mnist_cnn`.
    struct MnistCnn {
        conv1: L::Convolution2D,
        bn1: L::BatchNormalization,
        conv2: L::Convolution2D,
        bn2: L::BatchNormalization,
        fc1: L::Linear,
        fc2: L::Linear,
    }
}

impl Layer for MnistCnn {
    fn forward(&self, x: &Variable) -> Variable {
        let h = F::max_pooling_2d(&F::relu(&self.bn1.forward(&self.conv1.forward(x))), 2);
        let h = F::max_pooling_2d(&F::relu(&self.bn2.forward(&self.conv2.forward(&h))), 2);
        self.fc2.forward(&F::relu(&self.fc1.forward(&h)))
    }
}

#[test]
fn what_chainer_trained_goes_on_here() {
    let folder = data("chainer_mnist_cnn");
    let digits = get_mnist(
        &MnistOptions::default().data(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist")).ndim(3),
    );
    let (x, t) = digits.expect("vendored").test.batch(&(0..32).collect::<Vec<_>>());
    let logits = NpzReader::open(folder.join("expected.npz")).expect("readable").get("logits").expect("there");
    let logits: Vec<f64> = logits.into_array().expect("an array").to_f64().iter().copied().collect();
    let step = std::fs::read_to_string(folder.join("step.json")).expect("readable");
    let step: Value = serde_json::from_str(&step).expect("JSON");
    let after: Vec<f64> = step["logits"].as_array().expect("rows").iter().flat_map(numbers).collect();
    for device in devices() {
        let mut model = MnistCnn {
            conv1: L::Convolution2D::new(1, 8, 3).pad(1).nobias(),
            bn1: L::BatchNormalization::new(8),
            conv2: L::Convolution2D::new(8, 16, 3).pad(1),
            bn2: L::BatchNormalization::new(16),
            fc1: L::Linear::new(784, 32),
            fc2: L::Linear::new(32, 10),
        };
        load_npz(folder.join("model.npz"), &mut model).expect("it fits");
        let model = Classifier::new(model).to_device(&device);
        let mut optimizer = Adam::new(0.001).setup(&model);
        load_npz(folder.join("optimizer_adam.npz"), &mut optimizer).expect("it fits");
        let x: Variable = Tensor::from_host(x.clone(), &device).expect("numbers").into();
        let t: Variable = Tensor::from_host(t.clone().into_dyn(), &device).expect("numbers").into();
        let _test = test_mode();
        let near = |y: &Variable, expected: &[f64], what: &str| {
            let y = y.data().to_f64().expect("a device that works");
            for (i, (a, e)) in y.iter().zip(expected).enumerate() {
                assert!((a - e).abs() < 1e-4, "{what}, number {i} on {device}: {a}, expected {e}");
            }
        };
        let y = model.predictor.forward(&x);
        near(&y, &logits, "logits");
        F::softmax_cross_entropy(&y, &t).backward();
        optimizer.update();
        assert_eq!(optimizer.t(), step["t"].as_u64().expect("a number"));
        near(&model.predictor.forward(&x), &after, "logits after a step");
    }
}
