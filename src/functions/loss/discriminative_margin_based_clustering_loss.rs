use super::labels::{check_labels, noted};
use crate::{
    autograd::{Case, Variable},
    functions::{
        activation::relu,
        array::{expand_dims, with_shape},
        math::{absolute, matmul, sqrt, square, sum, sum_axes},
    },
    shape::{DType, ensure},
    tensor::{Tensor, expect},
};

/// Options of [`discriminative_margin_based_clustering_loss`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clustering {
    /// Distance from its instance's centre within which a pixel costs nothing.
    pub delta_v: f64,
    /// Half the distance between centres past which they cost nothing.
    pub delta_d: f64,
    /// Distances are sums of absolute differences (1) or Euclidean (2).
    pub norm: u8,
    /// Weight of the distances within instances.
    pub alpha: f64,
    /// Weight of the distances between instances.
    pub beta: f64,
    /// Weight of the distances of centres from zero.
    pub gamma: f64,
}

impl Default for Clustering {
    fn default() -> Clustering {
        Clustering { delta_v: 0.5, delta_d: 1.5, norm: 1, alpha: 1.0, beta: 1.0, gamma: 0.001 }
    }
}

/// Losses that draw the pixels of an instance together and instances apart: within, between, and of centres' sizes.
///
/// `embeddings` is `(N, D, H, W)`, `labels` is `(N, H, W)` of `int32`: 0 is no instance, and there are up to `D` of them,
/// 1 to D. Each loss is times its weight (De Brabandere, Neven and Van Gool, "Semantic Instance Segmentation with a
/// Discriminative Loss Function", 2017).
///
/// Launches: 23 forward, 15 backward, of all three losses.
///
/// # Panics
/// When shapes or dtypes do not fit, the norm is neither 1 nor 2, or a label that came from the host is none of 0 to D.
/// One that was computed on a device is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::from_slice(&[0.0f32, 0.0, 4.0, 4.0, 0.0, 0.0, 4.0, 4.0], [1, 2, 2, 2], &Device::cpu()));
/// let labels = Variable::constant(Tensor::from_slice(&[1i32, 1, 2, 2], [1, 2, 2], &Device::cpu()));
/// let [within, between, _] = F::discriminative_margin_based_clustering_loss(&x, &labels, &F::Clustering::default());
/// assert_eq!((within.item().unwrap(), between.item().unwrap()), (0.0, 0.0));
/// ```
#[track_caller]
pub fn discriminative_margin_based_clustering_loss(
    embeddings: &Variable,
    labels: &Variable,
    options: &Clustering,
) -> [Variable; 3] {
    let fits = || {
        ensure!(embeddings.dtype().is_float(), "embeddings.dtype.kind == f", "{}", embeddings.dtype());
        ensure!(embeddings.ndim(), ==, 4);
        ensure!(labels.dtype(), ==, DType::I32);
        let [n, _, h, w] = embeddings.shape()[..] else { unreachable!("four axes") };
        ensure!(labels.shape()[..] == [n, h, w], format!("labels.shape == ({n}, {h}, {w})"), "{}", labels.shape());
        ensure!(matches!(options.norm, 1 | 2), "norm: 1 or 2", "{}", options.norm);
        Ok(())
    };
    const NAME: &str = "discriminative_margin_based_clustering_loss";
    expect(NAME, fits(), &[embeddings.data(), labels.data()]);
    check_labels(NAME, labels.data(), embeddings.shape()[1] + 1, None);
    let [n, d, h, w] = embeddings.shape()[..] else { unreachable!("four axes") };
    let (pixels, instances) = (h * w, d);
    let norm = |v: &Variable, axis: isize| match options.norm {
        1 => sum_axes(&absolute(v), Some(&[axis]), false),
        _ => length(v, axis),
    };
    let x = with_shape(embeddings, [n, d, pixels]);
    // Which pixels are of which instance: (N, instances, pixels).
    let numbers: Vec<i32> = (1..=instances as i32).collect();
    let numbers = Tensor::from_slice(&numbers, [1, instances, 1], labels.device());
    let of = labels.data().reshape([n as isize, 1, pixels as isize]).equal(&numbers).cast(x.dtype());
    let of = match noted(NAME, labels.data(), d + 1, x.dtype()) {
        Some(zeros) => of.add(&zeros.reshape([n as isize, 1, pixels as isize])),
        None => of,
    };
    let counts = of.sum(Some(&[2]), true);
    let one = Tensor::ones((), x.dtype(), x.device());
    let share = Variable::constant(of.div(&counts.maximum(&one)));
    // Centres: (N, instances, D).
    let centres = matmul(&share, &crate::functions::array::swapaxes(&x, 1, 2));
    let regular = match options.norm {
        1 => sum(&absolute(&centres)),
        _ => {
            // The length over instances' numbers and examples is one, for each dimension and example.
            let by_instance = crate::functions::array::swapaxes(&centres, 0, 1);
            let flat = with_shape(&by_instance, [instances, n * d]);
            sum(&length(&flat, 1))
        }
    };
    let distances = norm(&(expand_dims(&centres, -1) - expand_dims(&x, 1)), 2);
    let out = square(&relu(&(distances - options.delta_v))) * Variable::constant(of.clone());
    let sizes = counts.sum(Some(&[0, 2]), true).maximum(&one);
    let within = sum(&(out / Variable::constant(sizes))) * (1.0 / instances as f64);
    let apart = norm(&(expand_dims(&centres, 2) - expand_dims(&centres, 1)), 3);
    let later: Vec<f32> =
        (0..instances * instances).map(|i| if i / instances < i % instances { 1.0 } else { 0.0 }).collect();
    let later = Tensor::from_slice(&later, [1, instances, instances], x.device()).cast(x.dtype());
    let pairs = (instances * (instances - 1) / 2 * n).max(1);
    let near = square(&relu(&(2.0 * options.delta_d - apart))) * Variable::constant(later);
    [
        within * options.alpha,
        sum(&near) * (options.beta / pairs as f64),
        regular * (options.gamma / (instances * n) as f64),
    ]
}

/// The Euclidean length, whose gradient at zero is zero.
fn length(v: &Variable, axis: isize) -> Variable {
    let squares = sum_axes(&square(v), Some(&[axis]), false);
    let zero = squares.data().equal(&Tensor::zeros((), v.dtype(), v.device())).cast(v.dtype());
    let zero = Variable::constant(zero);
    sqrt(&(squares + &zero)) - zero
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, norm: u8| {
        let options = Clustering { delta_v: 0.1, delta_d: 2.0, norm, gamma: 0.1, ..Default::default() };
        Case::many(name, move |x| discriminative_margin_based_clustering_loss(&x[0], &x[1], &options).to_vec())
            .input([2, 3, 3, 2])
            .integers([2, 3, 2], 0, 4)
    };
    vec![
        case("discriminative_margin_based_clustering_loss", 2).tolerance(1e-4),
        case("discriminative_margin_based_clustering_loss/absolute", 1).order(1),
    ]
}
