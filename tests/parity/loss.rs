use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, HingeNorm, Reduce, SoftTarget, SoftmaxCrossEntropy},
    links::{self as L, Link},
    shape::Slice,
};
use serde_json::Value;

fn reduce(case: &Case) -> Reduce {
    // Without one, what Chainer does.
    const SUMS: &[&str] = &[
        "bernoulli_nll",
        "gaussian_kl_divergence",
        "gaussian_nll",
        "negative_sampling",
        "cross_covariance",
        "decov",
        "huber_loss",
    ];
    match case.attr("reduce").as_str() {
        Some("mean") => Reduce::Mean,
        Some("no") => Reduce::No,
        None if !SUMS.contains(&case.op.as_str()) => Reduce::Mean,
        _ => Reduce::Sum,
    }
}

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "softmax_cross_entropy" if !xs["t"].dtype().is_float() => {
            let options = SoftmaxCrossEntropy {
                normalize: case.flag_or("normalize", true),
                ignore_label: case.int_or("ignore_label", -1) as i32,
                reduce: reduce(case),
                class_weight: case.tensor("in/class_weight", xs["x"].device()),
                ..SoftmaxCrossEntropy::default()
            };
            F::softmax_cross_entropy_with(&xs["x"], &xs["t"], &options)
        }
        "softmax_cross_entropy" => {
            let kl = case.attr("soft_target_loss") == "kl-divergence";
            let soft_target = if kl { SoftTarget::KlDivergence } else { SoftTarget::CrossEntropy };
            let options = SoftmaxCrossEntropy { soft_target, reduce: reduce(case), ..SoftmaxCrossEntropy::default() };
            F::softmax_cross_entropy_with(&xs["x"], &xs["t"], &options)
        }
        "sigmoid_cross_entropy" => {
            F::sigmoid_cross_entropy_with(&xs["x"], &xs["t"], case.flag_or("normalize", true), reduce(case))
        }
        "mean_squared_error" => F::mean_squared_error(xs.two().0, xs.two().1),
        "mean_absolute_error" => F::mean_absolute_error(xs.two().0, xs.two().1),
        "squared_error" => F::squared_error(xs.two().0, xs.two().1),
        "absolute_error" => F::absolute_error(xs.two().0, xs.two().1),
        "huber_loss" => F::huber_loss_with(xs.two().0, xs.two().1, case.f64("delta"), reduce(case)),
        "hinge" => {
            let norm = if case.attr("norm") != "L2" { HingeNorm::L1 } else { HingeNorm::L2 };
            F::hinge_with(&xs["x"], &xs["t"], norm, reduce(case))
        }
        "contrastive" => F::contrastive(&xs["x0"], &xs["x1"], &xs["y"], case.f64_or("margin", 1.0), reduce(case)),
        "triplet" => F::triplet(&xs["a"], &xs["p"], &xs["n"], case.f64_or("margin", 0.2), reduce(case)),
        "cross_covariance" => F::cross_covariance(&xs["y"], &xs["z"], reduce(case)),
        "decov" => F::decov(&xs["h"], reduce(case)),
        "gaussian_kl_divergence" => F::gaussian_kl_divergence(&xs["mean"], &xs["ln_var"], reduce(case)),
        "bernoulli_nll" => F::bernoulli_nll(&xs["x"], &xs["y"], reduce(case)),
        "gaussian_nll" => F::gaussian_nll(&xs["x"], &xs["mean"], &xs["ln_var"], reduce(case)),
        "negative_sampling" => {
            // Chainer puts the target in the place of the first sample.
            let negative = F::get_item(&xs["samples"], &[Slice::ALL, (1..).into()]);
            F::negative_sampling(&xs["x"], &xs["t"], &xs["W"], &negative, reduce(case))
        }
        "black_out" => F::black_out(&xs["x"], &xs["t"], &xs["W"], &xs["samples"], reduce(case)),
        "crf1d" => {
            let (x, y) = (xs.list("x"), xs.list("y"));
            F::crf1d(&xs["cost"], &x.iter().collect::<Vec<_>>(), &y.iter().collect::<Vec<_>>(), reduce(case))
        }
        "argmax_crf1d" => {
            let x = xs.list("x");
            let (score, path) = F::argmax_crf1d(&xs["cost"], &x.iter().collect::<Vec<_>>());
            return Some(std::iter::once(score).chain(path).collect());
        }
        "connectionist_temporal_classification" => {
            let lengths = |name: &str| -> Option<Vec<usize>> {
                let given = xs.get(name)?.data().to_vec::<i32>().expect("lengths");
                Some(given.into_iter().map(|l| l as usize).collect())
            };
            let (inputs, labels) = (lengths("input_length"), lengths("label_length"));
            let (x, t) = (xs.list("x"), &xs["t"]);
            let lengths = F::Lengths { inputs: inputs.as_deref(), labels: labels.as_deref() };
            let blank = case.int("blank_symbol") as i32;
            F::connectionist_temporal_classification(&x.iter().collect::<Vec<_>>(), t, blank, lengths, reduce(case))
        }
        "discriminative_margin_based_clustering_loss" => {
            let options = F::Clustering {
                delta_v: case.f64("delta_v"),
                delta_d: case.f64("delta_d"),
                norm: case.int_or("norm", 1) as u8,
                alpha: case.f64_or("alpha", 1.0),
                beta: case.f64_or("beta", 1.0),
                gamma: case.f64_or("gamma", 0.001),
            };
            let (x, t) = xs.two();
            return Some(F::discriminative_margin_based_clustering_loss(x, t, &options).into());
        }
        "L.BinaryHierarchicalSoftmax" => {
            let link = L::BinaryHierarchicalSoftmax::new(xs["x"].shape()[1], &tree(case.attr("tree")));
            link.to_device(xs["x"].device()).forward_with(&xs["x"], &xs["t"], &xs["W"])
        }
        _ => return None,
    };
    Some(vec![y])
}

/// A tree of words from nested pairs.
fn tree(value: &Value) -> L::Tree {
    match value.as_array() {
        Some(pair) => L::Tree::node(tree(&pair[0]), tree(&pair[1])),
        None => L::Tree::Leaf(value.as_u64().expect("a word") as usize),
    }
}
