//! Links of attention against PyTorch's modules of the same parameters (`tests/attention.txt`), their parameters' names,
//! and what they say of inputs that do not fit.

use catena::{
    autograd::{Grad, grad, test_mode},
    links::Link,
    prelude::*,
    testing,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

const SIZE: usize = 4;
const HEADS: usize = 2;
const HIDDEN: usize = 6;

/// Numbers that both sides make: a sine of the position.
fn fill(shape: &[usize], from: f64, scale: f64, shift: f64, device: &Device) -> Tensor {
    let n: usize = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|i| (shift + (0.37 * i as f64 + from).sin() * 0.6 * scale) as f32).collect();
    Tensor::from_slice(&values, shape, device)
}

/// The phase of a parameter's numbers, their scale and their shift.
fn phase(path: &str) -> (f64, f64, f64) {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (owner, name) = (parts[parts.len() - 2], parts[parts.len() - 1]);
    let block = if parts[0] == "cross" { 4.0 } else { 3.0 };
    let own = match owner {
        "query" => block,
        "key" => block + 1.0,
        "value" => block + 2.0,
        "out" => block + 3.0,
        "norm1" => 20.0,
        "norm2" => 21.0,
        "l1" => 22.0,
        "l2" => 23.0,
        "norm3" => 24.0,
        other => panic!("{other}"),
    };
    match name {
        "W" => (own, 1.0, 0.0),
        "gamma" => (own, 0.5, 1.0),
        _ => (own + 10.0, 0.5, 0.0),
    }
}

/// A link with those numbers on a device.
fn set<L: Link>(link: L, device: &Device) -> L {
    let link = link.to_device(device);
    for (path, parameter) in link.namedparams() {
        let (from, scale, shift) = phase(&path);
        let shape = parameter.shape().unwrap_or_else(|| panic!("{path} has no shape yet"));
        parameter.set_data(fill(&shape, from, scale, shift, device));
    }
    link
}

/// The sections of the recorded values: names and numbers.
fn recorded(section: &str) -> BTreeMap<String, Vec<f64>> {
    let text = include_str!("attention.txt");
    let part = text.split("= ").find(|p| p.lines().next() == Some(section)).expect("the section is recorded");
    let line = |l: &str| {
        let (name, values) = l.split_once(": ")?;
        Some((name.to_string(), values.split(' ').map(|v| v.parse().expect("a number")).collect()))
    };
    part.lines().skip(1).filter_map(line).collect()
}

fn close(what: &str, actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= 2e-5 * (1.0 + e.abs()), "{what}: element {i} is {a}, PyTorch has {e}");
    }
}

fn values(t: &Tensor) -> Vec<f64> {
    t.to_f64().expect("values").into_iter().collect()
}

/// Compares a result, the gradients of inputs and those of parameters with what is recorded.
fn check(section: &str, device: &Device, link: &impl Link, y: &Variable, inputs: &[(&str, &Variable)]) {
    let expected = recorded(section);
    close(&format!("{section} on {device}"), &values(y.data()), &expected["Y"]);
    link.cleargrads();
    let gy = Variable::constant(fill(y.shape(), 7.0, 1.0, 0.0, device));
    let parameters = link.namedparams();
    let variables: Vec<Variable> = parameters.iter().map(|(_, p)| p.variable()).collect();
    let wanted: Vec<&Variable> = inputs.iter().map(|(_, x)| *x).chain(&variables).collect();
    let gxs = grad(&[y], &wanted, Grad { grad_outputs: vec![Some(gy)], ..Grad::default() });
    let names = inputs.iter().map(|(n, _)| n.to_string()).chain(parameters.iter().map(|(n, _)| n.clone()));
    for (name, gx) in names.zip(gxs) {
        let gx = values(gx.unwrap_or_else(|| panic!("{name} has a gradient")).data());
        // Of parameters one number is recorded.
        let digest = |g: &[f64]| vec![g.iter().enumerate().map(|(i, g)| g * (0.5 * i as f64).cos()).sum()];
        let actual = if name.starts_with('/') { digest(&gx) } else { gx };
        close(&format!("{section} on {device}, {name}"), &actual, &expected[&name]);
    }
    let recorded: Vec<&String> = expected.keys().filter(|k| k.starts_with('/')).collect();
    assert_eq!(recorded.len(), parameters.len(), "{section}: {recorded:?}");
}

/// Which of 5 keys each of 3 queries sees, in 2 examples.
fn mask(device: &Device) -> Variable {
    let sees =
        [[[1, 0, 1, 1, 0], [0, 1, 1, 0, 1], [1, 1, 0, 1, 1]], [[1, 1, 1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1]]];
    let sees: Vec<i32> = sees.into_iter().flatten().flatten().collect();
    Variable::constant(Tensor::from_slice(&sees, [2, 3, 5], device).cast(DType::Bool))
}

fn inputs(device: &Device) -> (Variable, Variable) {
    let x = |length: usize, from: f64| Variable::new(fill(&[2, length, SIZE], from, 1.0, 0.0, device));
    (x(3, 1.0), x(5, 2.0))
}

#[test]
fn several_heads_as_pytorch() {
    for device in testing::devices() {
        let link = set(L::MultiHeadAttention::new(SIZE, HEADS, 0.0), &device);
        let (q, k) = inputs(&device);
        let y = link.forward(&q, &k, &k, Some(&mask(&device)), false);
        check("multi_head", &device, &link, &y, &[("GX", &q), ("GK", &k)]);
    }
}

#[test]
fn encoder_layers_as_pytorch() {
    for device in testing::devices() {
        let (x, _) = inputs(&device);
        let link = set(L::TransformerEncoderLayer::new(SIZE, HEADS, HIDDEN, 0.0), &device);
        // The parameters of normalisations have their size from the first call.
        link.forward(&x, None, true);
        let link = set(link, &device);
        check("encoder", &device, &link, &link.forward(&x, None, true), &[("GX", &x)]);
        let link = L::TransformerEncoderLayer::new(SIZE, HEADS, HIDDEN, 0.0).post_norm();
        let link = set(link, &device);
        check("encoder_post_norm", &device, &link, &link.forward(&x, None, false), &[("GX", &x)]);
    }
}

#[test]
fn decoder_layers_as_pytorch() {
    for device in testing::devices() {
        let (x, memory) = inputs(&device);
        let link = set(L::TransformerDecoderLayer::new(SIZE, HEADS, HIDDEN, 0.0), &device);
        let y = link.forward(&x, &memory, None, Some(&mask(&device)));
        check("decoder", &device, &link, &y, &[("GX", &x), ("GM", &memory)]);
    }
}

#[test]
fn a_causal_position_sees_nothing_after_itself() {
    for device in testing::devices() {
        let link = set(L::MultiHeadAttention::new(SIZE, HEADS, 0.0), &device);
        let (x, _) = inputs(&device);
        let all = link.forward(&x, &x, &x, None, true);
        // A mask of the lower triangle is the same.
        let lower = Tensor::ones([3, 3], DType::F32, &device).tril(0).cast(DType::Bool);
        let masked = link.forward(&x, &x, &x, Some(&Variable::constant(lower)), false);
        close("mask", &values(masked.data()), &values(all.data()));
        let begin = F::get_item(&x, &[Slice::ALL, (0..2).into()]);
        let some = link.forward(&begin, &begin, &begin, None, true);
        let head = F::get_item(&all, &[Slice::ALL, (0..2).into()]);
        close("beginning", &values(some.data()), &values(head.data()));
        // One that sees nothing gets what the last layer makes of zeros.
        let none = Variable::constant(Tensor::zeros([1, 3], DType::Bool, &device));
        let y = link.forward(&x, &x, &x, Some(&none), false);
        let b = values(&link.out.b.as_ref().expect("by default").data());
        values(y.data()).chunks(SIZE).for_each(|row| close("nothing", row, &b));
    }
}

#[test]
fn positions_are_added() {
    for device in testing::devices() {
        let (x, _) = inputs(&device);
        let y = L::SinusoidalEncoding::default().forward(&x);
        let added: Vec<f64> = values(y.data()).iter().zip(values(x.data())).map(|(y, x)| y - x).collect();
        for (i, a) in added.iter().enumerate() {
            let (t, j) = ((i / SIZE % 3) as f64, i % SIZE);
            let angle = t / 10_000f64.powf((j - j % 2) as f64 / SIZE as f64);
            let expected = if j % 2 == 0 { angle.sin() } else { angle.cos() };
            assert!((a - expected).abs() < 1e-6, "{device}: element {i} is {a}, expected {expected}");
        }
        let link = L::LearnedEncoding::new(7, SIZE).to_device(&device);
        let y = link.forward(&x);
        let w = values(&link.W.data());
        let expected: Vec<f64> = values(x.data()).iter().enumerate().map(|(i, x)| x + w[i % (3 * SIZE)]).collect();
        close("learnt", &values(y.data()), &expected);
        F::sum(&y).backward();
        let g = values(&link.W.grad().expect("a gradient"));
        // Two examples have each of three positions; the others have no part.
        assert_eq!(g, [[2.0; 3 * SIZE].as_slice(), &[0.0; 4 * SIZE]].concat(), "{device}");
    }
}

#[test]
fn weights_are_dropped_in_training_alone() {
    let link = L::MultiHeadAttention::new(SIZE, HEADS, 0.5);
    let (x, _) = inputs(&Device::cpu());
    let call = || values(link.forward(&x, &x, &x, None, false).data());
    assert_ne!(call(), call());
    let _scope = test_mode();
    assert_eq!(call(), call());
}

#[test]
fn names_and_sizes_of_parameters() {
    let names = |l: &dyn Fn() -> Vec<(String, Parameter)>| l().into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    let heads = L::MultiHeadAttention::new(SIZE, HEADS, 0.0);
    let mut expected = vec![];
    for part in ["query", "key", "value", "out"] {
        expected.extend([format!("/{part}/W"), format!("/{part}/b")]);
    }
    let mut found = names(&|| heads.namedparams());
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(heads.count_params(), 4 * (SIZE * SIZE + SIZE));
    let layer = L::TransformerDecoderLayer::new(SIZE, HEADS, HIDDEN, 0.0);
    let (two, three) = (4 * (SIZE * SIZE + SIZE) * 2, 3 * 2 * SIZE);
    assert_eq!(layer.count_params(), two + three + 2 * SIZE * HIDDEN + HIDDEN + SIZE);
}

#[test]
fn what_does_not_fit_is_told() {
    let said = |call: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("a panic");
        panic
            .downcast_ref::<String>()
            .cloned()
            .or(panic.downcast_ref::<&str>().map(|s| s.to_string()))
            .unwrap_or_default()
    };
    let cpu = Device::cpu();
    let of = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &cpu));
    let link = L::MultiHeadAttention::new(SIZE, HEADS, 0.0);
    assert!(said(&|| drop(L::MultiHeadAttention::new(5, 2, 0.0))).contains("heads that divide 5 values, got 2"));
    let attend = |q: &[usize], k: &[usize], v: &[usize], mask: Option<&Variable>| {
        said(&|| drop(link.forward(&of(q), &of(k), &of(v), mask, false)))
    };
    let named = |shape: &[usize]| of(shape).shape().to_string();
    let (q, kv) = (&[2, 3, SIZE][..], &[2, 5, SIZE][..]);
    for bad in [&[3, SIZE][..], &[2, 3, 5], &[]] {
        let expected = "MultiHeadAttention: expected queries (batch, length, 4), got ";
        assert_eq!(attend(bad, kv, kv, None), expected.to_string() + &named(bad));
    }
    for bad in [&[SIZE][..], &[1, 5, SIZE], &[2, 5, 3], &[2, 1, 5, SIZE]] {
        let keys = "MultiHeadAttention: expected keys (2, length, 4), got ";
        assert_eq!(attend(q, bad, kv, None), keys.to_string() + &named(bad));
        let values = "MultiHeadAttention: expected values (2, 5, 4), as the keys, got ";
        assert_eq!(attend(q, kv, bad, None), values.to_string() + &named(bad));
    }
    assert!(attend(q, kv, &[2, 6, SIZE], None).contains("as the keys, got (2, 6, 4)"));
    let sees = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::Bool, &cpu));
    let expected = "MultiHeadAttention: expected a mask of bool that broadcasts to (2, 3, 5), got ";
    for bad in [&[3, 4][..], &[2, 5, 3], &[4, 3, 5], &[2, 1, 3, 5]] {
        assert_eq!(attend(q, kv, kv, Some(&sees(bad))), expected.to_string() + &named(bad) + " of bool");
    }
    assert_eq!(attend(q, kv, kv, Some(&of(&[3, 5]))), expected.to_string() + "(3, 5) of float32");
    for good in [&[][..], &[5], &[3, 1], &[2, 3, 5], &[1, 1, 1]] {
        assert_eq!(link.forward(&of(q), &of(kv), &of(kv), Some(&sees(good)), false).shape()[..], *q);
    }
    let decoder = L::TransformerDecoderLayer::new(SIZE, HEADS, 8, 0.0);
    let decode = |x: &[usize], memory: &[usize]| said(&|| drop(decoder.forward(&of(x), &of(memory), None, None)));
    for bad in [&[1, 5, SIZE][..], &[2, 5, 3], &[5, SIZE]] {
        let memory = "TransformerDecoderLayer: expected memory (2, length, 4), got ";
        assert_eq!(decode(q, bad), memory.to_string() + &named(bad));
    }
    assert!(decode(&[3, SIZE], kv).contains("TransformerDecoderLayer: expected x (batch, length, size), got (3, 4)"));
    let x = of(q);
    let long = said(&|| drop(L::LearnedEncoding::new(2, SIZE).forward(&x)));
    assert!(long.contains("at most 2 positions, got 3"), "{long}");
    assert!(said(&|| drop(L::SinusoidalEncoding::default().forward(&of(&[3])))).contains("(.., length, size)"));
}
