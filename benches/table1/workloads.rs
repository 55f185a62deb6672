//! The rows of the table: what the paper measured, and the same here.

use super::common::tensor;
use catena::{
    links::{Arch, Network},
    prelude::*,
};

/// Milliseconds of a row of the paper's table: Chainer's first batch, the mean of its others, the mean of Caffe's.
pub struct Published {
    pub forward: [f64; 3],
    pub backward: [f64; 3],
}

/// A row of the table.
pub struct Workload {
    pub name: &'static str,
    /// The paper's batch.
    pub batch: usize,
    pub published: Published,
    /// Operations of each pass for one image, in units of 10^9.
    pub gflop: [f64; 2],
    pub make: fn(&Device, usize) -> Job,
}

/// A model and its input.
pub struct Job {
    pub x: Variable,
    pub forward: Box<dyn Fn(&Variable) -> Variable>,
    pub clear: Box<dyn Fn()>,
}

/// A convolution without padding: channels, filters, window, side of the image.
fn layer(device: &Device, batch: usize, [c, o, k, n]: [usize; 4]) -> Job {
    let layer = L::Convolution2D::new(c, o, k);
    let scale = (1.0 / (c * k * k) as f32).sqrt();
    layer.W.set_data(tensor(&[o, c, k, k], 1, scale, &Device::cpu()));
    job(layer.to_device(device), Variable::new(tensor(&[batch, c, n, n], 2, 1.0, device)))
}

/// A network and its images, whose gradient nobody wants.
fn network(device: &Device, batch: usize, name: &str) -> Job {
    let net = name.parse::<Arch>().unwrap_or_else(|e| panic!("{e}")).network(1000, None);
    let n = net.insize();
    job(net.to_device(device), Variable::constant(tensor(&[batch, 3, n, n], 2, 1.0, device)))
}

fn job(link: impl Layer + 'static, x: Variable) -> Job {
    let link = std::rc::Rc::new(link);
    let of_pass = link.clone();
    Job { x, forward: Box::new(move |x| of_pass.forward(x)), clear: Box::new(move || link.cleargrads()) }
}

/// Operations of a convolution for one image: channels, filters, window, side of the result.
fn gflop([c, o, k, out]: [usize; 4]) -> f64 {
    2e-9 * (o * out * out * c * k * k) as f64
}

/// Operations of both passes of a network: all of its layers forward, and twice as many backward, but for the gradient of the
/// images. A layer without windows is a convolution of one pixel.
fn of_network(layers: &[[usize; 4]]) -> [f64; 2] {
    let all: f64 = layers.iter().map(|l| gflop(*l)).sum();
    [all, 2.0 * all - gflop(layers[0])]
}

const ALEXNET: [[usize; 4]; 8] = [
    [3, 64, 11, 55],
    [64, 192, 5, 27],
    [192, 384, 3, 13],
    [384, 256, 3, 13],
    [256, 256, 3, 13],
    [9216, 4096, 1, 1],
    [4096, 4096, 1, 1],
    [4096, 1000, 1, 1],
];
const OVERFEAT: [[usize; 4]; 8] = [
    [3, 96, 11, 56],
    [96, 256, 5, 24],
    [256, 512, 3, 12],
    [512, 1024, 3, 12],
    [1024, 1024, 3, 12],
    [36864, 3072, 1, 1],
    [3072, 4096, 1, 1],
    [4096, 1000, 1, 1],
];
const VGG_A: [[usize; 4]; 11] = [
    [3, 64, 3, 224],
    [64, 128, 3, 112],
    [128, 256, 3, 56],
    [256, 256, 3, 56],
    [256, 512, 3, 28],
    [512, 512, 3, 28],
    [512, 512, 3, 14],
    [512, 512, 3, 14],
    [25088, 4096, 1, 1],
    [4096, 4096, 1, 1],
    [4096, 1000, 1, 1],
];

const CONV: [[usize; 4]; 5] =
    [[3, 96, 11, 128], [64, 128, 9, 64], [128, 128, 9, 32], [128, 128, 7, 16], [384, 384, 3, 13]];

pub fn workloads() -> Vec<Workload> {
    let row = |name, batch, forward, backward, gflop, make| Workload {
        name,
        batch,
        published: Published { forward, backward },
        gflop,
        make,
    };
    let single = |[c, o, k, n]: [usize; 4]| {
        let forward = gflop([c, o, k, n - k + 1]);
        [forward, 2.0 * forward]
    };
    vec![
        row("conv1", 64, [245.62, 72.31, 47.14], [103.01, 85.48, 101.44], single(CONV[0]), |d, n| layer(d, n, CONV[0])),
        row("conv2", 32, [253.08, 69.00, 34.66], [101.14, 92.33, 105.76], single(CONV[1]), |d, n| layer(d, n, CONV[1])),
        row("conv3", 64, [266.21, 85.17, 59.54], [90.44, 82.58, 86.46], single(CONV[2]), |d, n| layer(d, n, CONV[2])),
        row("conv4", 128, [199.95, 29.14, 25.19], [39.00, 27.89, 29.16], single(CONV[3]), |d, n| layer(d, n, CONV[3])),
        row("conv5", 128, [199.80, 30.68, 28.48], [48.39, 34.74, 31.43], single(CONV[4]), |d, n| layer(d, n, CONV[4])),
        row("alexnet", 128, [500.77, 222.14, 122.89], [293.87, 277.22, 205.05], of_network(&ALEXNET), |d, n| {
            network(d, n, "alexnet")
        }),
        row("overfeat", 128, [667.10, 406.91, 368.11], [553.65, 545.51, 471.61], of_network(&OVERFEAT), |d, n| {
            network(d, n, "overfeat")
        }),
        row("vgg_a", 16, [394.20, 145.77, 84.54], [238.88, 227.08, 191.18], of_network(&VGG_A), |d, n| {
            network(d, n, "vgg_a")
        }),
    ]
}
