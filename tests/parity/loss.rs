use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, HingeNorm, Reduce, SoftTarget, SoftmaxCrossEntropy},
    links::{self as L, Link},
    shape::Slice,
};
use serde_json::Value;

fn reduce(case: &Case) -> Reduce {
    match case.text("reduce") {
        "mean" => Reduce::Mean,
        "no" => Reduce::No,
        _ => Reduce::Sum,
    }
}

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let y = match case.op.as_str() {
        "softmax_cross_entropy" if case.attr("normalize").is_boolean() => {
            let options = SoftmaxCrossEntropy {
                normalize: case.flag("normalize"),
                ignore_label: case.int("ignore_label") as i32,
                reduce: reduce(case),
                class_weight: case.tensor("in/class_weight", xs["x"].device()),
                ..SoftmaxCrossEntropy::default()
            };
            F::softmax_cross_entropy_with(&xs["x"], &xs["t"], &options)
        }
        "softmax_cross_entropy" => {
            let kl = case.text("soft_target_loss") == "kl-divergence";
            let soft_target = if kl { SoftTarget::KlDivergence } else { SoftTarget::CrossEntropy };
            let options = SoftmaxCrossEntropy { soft_target, ..SoftmaxCrossEntropy::default() };
            F::softmax_cross_entropy_with(&xs["x"], &xs["t"], &options)
        }
        "sigmoid_cross_entropy" => {
            F::sigmoid_cross_entropy_with(&xs["x"], &xs["t"], case.flag("normalize"), reduce(case))
        }
        "mean_squared_error" => F::mean_squared_error(&xs["x0"], &xs["x1"]),
        "mean_absolute_error" => F::mean_absolute_error(&xs["x0"], &xs["x1"]),
        "squared_error" => F::squared_error(&xs["x0"], &xs["x1"]),
        "absolute_error" => F::absolute_error(&xs["x0"], &xs["x1"]),
        "huber_loss" => F::huber_loss(&xs["x0"], &xs["x1"], case.f64("delta")),
        "hinge" => {
            let norm = if case.text("norm") == "L1" { HingeNorm::L1 } else { HingeNorm::L2 };
            F::hinge_with(&xs["x"], &xs["t"], norm, reduce(case))
        }
        "contrastive" => F::contrastive(&xs["x0"], &xs["x1"], &xs["y"], case.f64("margin"), reduce(case)),
        "triplet" => F::triplet(&xs["a"], &xs["p"], &xs["n"], case.f64("margin"), reduce(case)),
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
            let lengths = |name: &str| -> Vec<usize> {
                xs[name].data().to_vec::<i32>().expect("lengths").into_iter().map(|l| l as usize).collect()
            };
            let (inputs, labels) = (lengths("input_length"), lengths("label_length"));
            let (x, t) = (xs.list("x"), &xs["t"]);
            let lengths = F::Lengths { inputs: Some(&inputs), labels: Some(&labels) };
            let blank = case.int("blank_symbol") as i32;
            F::connectionist_temporal_classification(&x.iter().collect::<Vec<_>>(), t, blank, lengths, reduce(case))
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
