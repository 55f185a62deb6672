//! Mistakes in shapes, dtypes and devices: what the message says, and that it points at the caller's line.

use catena::{functions::Sampling, prelude::*};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Mutex,
};

fn reals(shape: &[usize]) -> Variable {
    Variable::new(Tensor::ones(shape, DType::F32, &Device::cpu()))
}

fn whole(shape: &[usize]) -> Variable {
    Variable::constant(Tensor::ones(shape, DType::I32, &Device::cpu()))
}

fn ids(values: &[i32]) -> Variable {
    Variable::constant(Tensor::from_slice(values, [values.len()], &Device::cpu()))
}

/// A row of labels.
fn labels(values: &[i32]) -> Variable {
    Variable::constant(Tensor::from_slice(values, [1, values.len()], &Device::cpu()))
}

/// The message of a panic and the file it points at.
fn mistake(call: impl FnOnce()) -> (String, String) {
    static ALONE: Mutex<()> = Mutex::new(());
    static SEEN: Mutex<Option<(String, String)>> = Mutex::new(None);
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = panic::take_hook();
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("no text").to_string();
        let file = info.location().map_or(String::new(), |l| l.file().to_string());
        *SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((text, file));
    }));
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    panic::set_hook(before);
    assert!(outcome.is_err(), "the call did not fail");
    SEEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take().expect("a panic has a message")
}

/// The fault record belongs to the device, and comes back with anybody's next wait: one test at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

type Row = (&'static str, Box<dyn FnOnce()>, &'static str, &'static str);

fn row<T>(name: &'static str, expect: &'static str, actual: &'static str, call: impl FnOnce() -> T + 'static) -> Row {
    (name, Box::new(move || drop(call())), expect, actual)
}

#[test]
#[rustfmt::skip]
fn every_operator_says_what_it_expected_and_what_came() {
    let r = reals;
    let i = whole;
    let broadcast = "shapes that broadcast together";
    let table: Vec<Row> = vec![
        row("add", broadcast, "(2,) and (3,)", move || &r(&[2]) + &r(&[3])),
        row("sub", broadcast, "(2, 3) and (2,)", move || &r(&[2, 3]) - &r(&[2])),
        row("mul", broadcast, "(2,) and (3,)", move || &r(&[2]) * &r(&[3])),
        row("div", broadcast, "(2,) and (3,)", move || &r(&[2]) / &r(&[3])),
        row("add", "x0.dtype == x1.dtype", "float32 != int32", move || &r(&[2]) + &i(&[2])),
        row("div", "x0.dtype.kind == f", "int32", move || &i(&[2]) / &i(&[2])),
        row("exp", "x.dtype.kind == f", "int32", move || F::exp(&i(&[2]))),
        row("log", "x.dtype.kind == f", "int32", move || F::log(&i(&[2]))),
        row("sqrt", "x.dtype.kind == f", "int32", move || F::sqrt(&i(&[2]))),
        row("relu", "x.dtype.kind == f", "int32", move || F::relu(&i(&[2]))),
        row("leaky_relu", "x.dtype.kind == f", "int32", move || F::leaky_relu(&i(&[2]))),
        row("sigmoid", "x.dtype.kind == f", "int32", move || F::sigmoid(&i(&[2]))),
        row("tanh", "x.dtype.kind == f", "int32", move || F::tanh(&i(&[2]))),
        row("softplus", "x.dtype.kind == f", "int32", move || F::softplus(&i(&[2]))),
        row("softmax", "-1 <= axis < 1", "axis = 1", move || F::softmax(&r(&[3]))),
        row("log_softmax", "-2 <= axis < 2", "axis = 2", move || F::log_softmax_axis(&r(&[3, 2]), 2)),
        row("sum", "-2 <= axis < 2", "axis = 2", move || F::sum_axes(&r(&[2, 3]), Some(&[2]), false)),
        row("sum", "axes without repeats", "[0, -2]", move || F::sum_axes(&r(&[2, 3]), Some(&[0, -2]), false)),
        row("sum", "x.dtype.kind == f", "int32", move || F::sum(&i(&[2]))),
        row("max", "-1 <= axis < 1", "axis = -2", move || F::max_axes(&r(&[2]), Some(&[-2]), false)),
        row("min", "-1 <= axis < 1", "axis = 5", move || F::min_axes(&r(&[2]), Some(&[5]), false)),
        row("reshape", "a shape of 6 elements", "(2, 3) to [4, -1]", move || F::reshape(&r(&[2, 3]), [4, -1])),
        row("reshape", "at most one -1", "[-1, -1]", move || F::reshape(&r(&[2, 3]), [-1, -1])),
        row("transpose", "a permutation of 0..2", "[0, 0]", move || F::transpose(&r(&[2, 3]), Some(&[0, 0]))),
        row("broadcast_to", "a shape that broadcasts to (2, 4)", "(3,)", move || F::broadcast_to(&r(&[3]), [2, 4])),
        row("concat", "equal shapes but for axis 1", "(2, 3) and (3, 3)", move || F::concat(&[&r(&[2, 3]), &r(&[3, 3])], 1)),
        row("split_axis", "a number of sections that divides x.shape[1] = 3", "2", move || F::split_axis(&r(&[2, 3]), 2, 1)),
        row("get_item", "-2 <= index < 2 on axis 0", "index = 2", move || F::get_item(&r(&[2, 3]), &[Slice::Index(2)])),
        row("matmul", "a.shape[1] == b.shape[0]", "3 != 4", move || F::matmul(&r(&[2, 3]), &r(&[4, 5]))),
        row("matmul", "a.dtype.kind == f", "int32", move || F::matmul(&i(&[2, 3]), &i(&[3, 5]))),
        row("linear", "x.shape[1] == w.shape[1]", "3 != 5", move || F::linear(&r(&[2, 3]), &r(&[4, 5]), None)),
        row("linear", "b.shape[0] == w.shape[0]", "5 != 4", move || F::linear(&r(&[2, 3]), &r(&[4, 3]), Some(&r(&[5])))),
        row("embed_id", "x.dtype == DType::I32", "float32 != int32", move || F::embed_id(&r(&[2]), &r(&[4, 5]), None)),
        row("embed_id", "0 <= id < 4", "id 7 at position 1", move || F::embed_id(&ids(&[0, 7]), &r(&[4, 5]), None)),
        row("dropout", "0.0 <= ratio < 1.0", "ratio = 1", move || F::dropout(&r(&[2]), 1.0)),
        row("softmax_cross_entropy", "x.shape == t.shape", "(2, 3) != (2,)", move || F::softmax_cross_entropy(&r(&[2, 3]), &r(&[2]))),
        row("softmax_cross_entropy", "t.shape == x.shape without axis 1", "(3,) and (2, 3)", move || F::softmax_cross_entropy(&r(&[2, 3]), &i(&[3]))),
        row("softmax_cross_entropy", "t.ndim() == x.ndim() - 1", "2 != 1", move || F::softmax_cross_entropy(&r(&[2, 3]), &i(&[2, 3]))),
        row("connectionist_temporal_classification", "labels within 0..3", "label 3 at position 1 of shape (1, 2)", move || {
            let x = r(&[1, 3]);
            F::connectionist_temporal_classification(&[&x, &x], &labels(&[1, 3]), 0, F::Lengths::default(), F::Reduce::Mean)
        }),
        row("connectionist_temporal_classification", "labels within 0..3", "label -1 at position 0 of shape (1, 2)", move || {
            let (x, lengths) = (r(&[1, 3]), F::Lengths { labels: Some(&[1]), ..Default::default() });
            F::connectionist_temporal_classification(&[&x, &x], &labels(&[-1, 7]), 0, lengths, F::Reduce::Mean)
        }),
        row("hinge", "labels within 0..3", "label 3 at position 1", move || F::hinge(&r(&[2, 3]), &ids(&[0, 3]), F::HingeNorm::L1)),
        row("contrastive", "labels within 0..2", "label 2 at position 1", move || {
            F::contrastive(&r(&[2, 3]), &r(&[2, 3]), &ids(&[0, 2]), 1.0, F::Reduce::Mean)
        }),
        row("crf1d", "labels within 0..3", "label -1 at position 1", move || {
            F::crf1d(&r(&[3, 3]), &[&r(&[2, 3])], &[&ids(&[0, -1])], F::Reduce::Mean)
        }),
        row("discriminative_margin_based_clustering_loss", "labels within 0..3", "label 3 at position 1", move || {
            let labels = Variable::constant(labels(&[2, 3]).data().reshape([1, 1, 2]));
            F::discriminative_margin_based_clustering_loss(&r(&[1, 2, 1, 2]), &labels, &F::Clustering::default())
        }),
        row("softmax_cross_entropy", "label", "3", move || F::softmax_cross_entropy(&r(&[2, 3]), &ids(&[0, 3]))),
        row("sigmoid_cross_entropy", "shape", "(2,)", move || F::sigmoid_cross_entropy(&r(&[2, 3]), &i(&[2]))),
        row("mean_squared_error", "shape", "(2,)", move || F::mean_squared_error(&r(&[2, 3]), &r(&[2]))),
        row("accuracy", "t", "(3,)", move || F::accuracy(&r(&[2, 3]), &i(&[3]), None)),
    ];
    let mut wrong = vec![];
    for (name, call, expect, actual) in table {
        let (text, file) = mistake(call);
        let complete = text.contains(&format!("performed in: {name} "))
            && text.contains("Expect: ") && text.contains(expect)
            && text.contains("Actual: ") && text.contains(actual);
        if !complete {
            wrong.push(format!("{name}: expected `{expect}` and `{actual}` in:\n{text}\n"));
        }
        if !file.ends_with("errors.rs") {
            wrong.push(format!("{name}: points at {file}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn devices_are_not_mixed() {
    let _alone = alone();
    for device in catena::testing::devices().into_iter().filter(|d| !d.is_cpu()) {
        let there = Variable::new(Tensor::ones([2], DType::F32, &device));
        let (text, file) = mistake(move || drop(&reals(&[2]) + &there));
        assert!(text.contains("add") && text.contains("inputs on one device") && text.contains("to_device"), "{text}");
        assert!(file.ends_with("errors.rs"), "{file}");
        let (text, _) = mistake(move || drop(Tensor::ones([2], DType::F64, &Device::cpu()).to_device(&device)));
        assert!(text.contains("float64") && text.contains("cast(DType::F32)"), "{text}");
    }
}

#[test]
fn backward_of_many_elements_asks_for_a_gradient() {
    let (text, file) = mistake(|| (&reals(&[3]) * 2.0).backward());
    assert!(text.contains("shape (3,)") && text.contains("set_grad"), "{text}");
    assert!(file.ends_with("errors.rs"), "{file}");
}

#[test]
fn an_id_computed_on_the_device_is_told_by_the_next_wait() {
    let _alone = alone();
    for device in catena::testing::devices() {
        let ids = Tensor::from_slice(&[0i32, 5], [2], &device).add(&Tensor::from_slice(&[0i32, 6], [2], &device));
        let w = Variable::new(Tensor::ones([4, 3], DType::F32, &device));
        let y = F::embed_id(&Variable::constant(ids), &w, None);
        let text = y.data().to_host().unwrap_err().to_string();
        assert!(
            text.contains("embed_id") && text.contains("index 11 at position 1") && text.contains("0..4"),
            "{text}"
        );
        // The device goes on.
        assert_eq!(w.data().to_vec::<f32>().unwrap(), [1.0; 12]);
    }
}

#[test]
fn regions_stay_on_the_device_and_a_bad_image_is_told_by_the_next_wait() {
    let _alone = alone();
    for device in catena::testing::devices() {
        let x = Variable::new(Tensor::ones([2, 1, 8, 8], DType::F32, &device));
        let rois = Tensor::from_slice(&[1.0f32, 1.0, 6.0, 5.0, 0.0, 2.0, 9.0, 7.0], [2, 4], &device);
        let rois = Variable::constant(rois.mul_scalar(1.0));
        let zero = Tensor::zeros([2], DType::I32, &device);
        let of = |v: [i32; 2]| Variable::constant(Tensor::from_slice(&v, [2], &device).add(&zero));
        let call = |k: usize, of: &Variable| match k {
            0 => F::roi_max_pooling_2d(&x, &rois, of, 2, 0.5),
            1 => F::roi_average_pooling_2d(&x, &rois, of, 2, 0.5),
            2 => F::roi_max_align_2d(&x, &rois, of, 2, 0.5, Sampling::Adaptive),
            3 => F::roi_average_align_2d(&x, &rois, of, 2, 0.5, Sampling::Adaptive),
            _ => unreachable!("four functions"),
        };
        device.synchronize().unwrap();
        let before = device.stats().read_backs;
        let total = (0..4).map(|k| F::sum(&call(k, &of([1, 0])))).reduce(|a, b| a + b).unwrap();
        total.backward();
        assert_eq!(device.stats().read_backs, before, "{device}");
        assert_eq!(x.grad().unwrap().sum(None, false).item().unwrap(), 32.0, "{device}");
        for (k, name) in ["max_pooling", "average_pooling", "max_align", "average_align"].iter().enumerate() {
            let text = call(k, &of([0, 7])).data().to_host().unwrap_err().to_string();
            assert!(
                text.contains(&format!("roi_{name}_2d")) && text.contains("index 7 at position 1"),
                "{device}: {text}"
            );
        }
    }
}

#[test]
fn a_fault_leaves_parameters_as_they_were() {
    let _alone = alone();
    for device in catena::testing::devices() {
        let model = L::EmbedID::new(4, 3).to_device(&device);
        let mut optimizer = Adam::new(0.1).setup(&model);
        let before = model.W.data().to_vec::<f32>().unwrap();
        let computed = |v: &[i32]| {
            let zero = Tensor::zeros([v.len()], DType::I32, &device);
            Variable::constant(Tensor::from_slice(v, [v.len()], &device).add(&zero))
        };
        let mut step = |ids: &Variable| {
            let loss = F::sum(&model.forward(ids));
            model.cleargrads();
            loss.backward();
            optimizer.update();
            loss
        };
        let bad = step(&computed(&[1, 9]));
        assert!(bad.item().is_err(), "{device}");
        assert_eq!(model.W.data().to_vec::<f32>().unwrap(), before, "{device}");
        let good = step(&computed(&[1, 2]));
        good.item().unwrap();
        assert_ne!(model.W.data().to_vec::<f32>().unwrap(), before, "{device}");
    }
}
