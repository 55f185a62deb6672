//! Recurrent networks: memory that does not grow with the sequence, parts computed again, and what is said of bad input.

use catena::{prelude::*, report::Reporter, testing::devices};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Devices count for the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

chain! {
    struct Lm {
        embed: L::EmbedID,
        lstm: L::LSTM,
        out: L::Linear,
    }
}

/// Truncated backpropagation over one endless sequence; calls `at` after each of the steps.
fn train(device: &Device, steps: usize, mut at: impl FnMut(usize)) {
    const BPTT: usize = 10;
    let model =
        Lm { embed: L::EmbedID::new(7, 4), lstm: L::LSTM::new(4, 6), out: L::Linear::new(6, 7) }.to_device(device);
    let mut optimizer = Sgd::new(0.1).setup(&model);
    optimizer.add_hook(GradientClipping(5.0));
    let words: Vec<Variable> =
        (0..7i32).map(|i| Variable::constant(Tensor::from_slice(&[i, (i * 3 + 1) % 7], [2], device))).collect();
    let mut total: Option<Variable> = None;
    for step in 0..steps {
        let y = model.out.forward(&model.lstm.forward(&model.embed.forward(&words[step % 7])));
        let loss = F::softmax_cross_entropy(&y, &words[(step + 1) % 7]);
        let sum = total.take().map_or(loss.clone(), |before| before + loss);
        if step % BPTT == BPTT - 1 {
            model.cleargrads();
            sum.backward();
            sum.unchain_backward();
            optimizer.update();
        } else {
            total = Some(sum);
        }
        at(step);
    }
}

#[test]
fn truncated_backpropagation_takes_the_same_memory_however_long_the_sequence() {
    let _alone = alone();
    for device in devices() {
        let steps = if device.is_cpu() { 100_000 } else { 500 };
        let mut early = 0;
        train(&device, steps, |step| {
            if step == 99 {
                early = device.stats().peak_bytes;
            }
        });
        device.synchronize().expect("a device that works");
        let late = device.stats().peak_bytes;
        assert!(late <= early + 4096, "{device}: {early} bytes at most in 100 steps, {late} in {steps}");
    }
}

#[test]
fn without_unchaining_memory_grows() {
    let _alone = alone();
    let device = Device::cpu();
    let lstm = L::LSTM::new(4, 6);
    let x = Variable::constant(Tensor::ones([2, 4], DType::F32, &device));
    lstm.forward(&x).data().force();
    let before = device.stats().used_bytes;
    for _ in 0..100 {
        lstm.forward(&x).data().force();
    }
    let after = device.stats().used_bytes;
    assert!(after > before + 100 * 100, "{before} to {after}");
    let y = lstm.forward(&x);
    y.unchain_backward();
    drop(y);
    assert!(device.stats().used_bytes <= before + 4096);
}

chain! {
    struct Deep {
        layers: Vec<L::Linear>,
    }
}

#[test]
fn parts_computed_again_halve_the_activations_of_a_deep_network_or_better() {
    let _alone = alone();
    for device in devices() {
        let (depth, units, parts) = (24, 32, 6);
        let model = Deep { layers: (0..depth).map(|_| L::Linear::new(units, units)).collect() }.to_device(&device);
        let x = Variable::constant(Tensor::ones([1024, units], DType::F32, &device).copy());
        let run = |forgetting: bool| {
            device.synchronize().expect("a device that works");
            device.reset_peak();
            let before = device.stats().used_bytes;
            let mut h = x.clone();
            for part in model.layers.chunks(depth / parts) {
                let part: Vec<L::Linear> = part.iter().map(Link::share).collect();
                let call = move |x: &[Variable]| part.iter().fold(x[0].clone(), |h, l| F::tanh(&l.forward(&h)));
                h = if forgetting { F::forget(call, &[&h]) } else { call(&[h]) };
            }
            let loss = F::sum(&h);
            loss.data().force();
            drop(h);
            let kept = device.stats().used_bytes - before;
            model.cleargrads();
            loss.backward();
            device.synchronize().expect("a device that works");
            let peak = device.stats().peak_bytes - before;
            let gradient = model.layers[0].W.grad().expect("a gradient").to_vec::<f32>().expect("values");
            model.cleargrads();
            (kept, peak, gradient)
        };
        let (plain, again) = (run(false), run(true));
        println!("{device}: kept {} to {}, peak {} to {} bytes", plain.0, again.0, plain.1, again.1);
        assert!(again.0 * 2 <= plain.0, "{device}: {} bytes kept, {} with parts computed again", plain.0, again.0);
        assert!(again.1 * 2 <= plain.1, "{device}: peak {} bytes, {} with parts computed again", plain.1, again.1);
        assert_eq!(plain.2, again.2);
    }
}

#[test]
fn a_reported_loss_keeps_no_graph() {
    let _alone = alone();
    for device in devices() {
        let model = Lm { embed: L::EmbedID::new(7, 40), lstm: L::LSTM::new(40, 60), out: L::Linear::new(60, 7) }
            .to_device(&device);
        let x = Variable::constant(Tensor::from_slice(&[1i32; 64], [64], &device));
        device.synchronize().expect("a device that works");
        let before = device.stats().used_bytes;
        let reporter = Reporter::new();
        {
            let _scope = reporter.scope("main");
            let y = model.out.forward(&model.lstm.forward(&model.embed.forward(&x)));
            let loss = F::softmax_cross_entropy(&y, &x);
            catena::report::report("loss", &loss);
            model.lstm.reset_state();
            device.synchronize().expect("a device that works");
            assert!(device.stats().used_bytes > before + 10_000, "{device}: the graph retains activations");
        }
        let kept = reporter.take();
        assert!(device.stats().used_bytes <= before + 1024, "{device}: {before} to {}", device.stats().used_bytes);
        assert!(kept["main/loss"].item().expect("a number").is_finite());
    }
}

/// A two-layer network's values as those of two one-layer networks.
fn halves<T: Link>(both: &T, [first, second]: [&T; 2]) {
    let given = both.params();
    for (to, from) in first.params().iter().chain(&second.params()).zip(&given) {
        to.set_data(from.data());
    }
    assert_eq!(given.len(), first.params().len() + second.params().len());
}

/// Dropout of a kind of layer, from how it is made of layers, inputs and a ratio, and what it gives for one sequence.
fn dropout_is_between_layers<T: Link>(
    name: &str,
    outputs: usize,
    make: impl Fn(usize, usize, f64) -> T,
    forward: impl Fn(&T, &Variable) -> Variable,
) {
    let mut of_devices: Vec<Vec<f32>> = vec![];
    for device in devices() {
        catena::random::seed(3);
        let (dropping, keeping) = (make(2, 3, 0.5).to_device(&device), make(2, 3, 0.0).to_device(&device));
        let (first, second) = (make(1, 3, 0.5).to_device(&device), make(1, outputs, 0.5).to_device(&device));
        for (to, from) in keeping.params().iter().zip(dropping.params()) {
            to.set_data(from.data());
        }
        halves(&dropping, [&first, &second]);
        let values: Vec<f32> = (0..15).map(|i| (i as f32 * 0.9).sin()).collect();
        let x = Variable::constant(Tensor::from_slice(&values, [5, 3], &device));
        let seeded = |seed: u64, f: &dyn Fn() -> Variable| {
            catena::random::seed(seed);
            f().data().to_vec::<f32>().unwrap()
        };
        let near = |a: &[f32], b: &[f32], what: &str| {
            let near = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near, "{name} on {device}: {what}: {a:?} and {b:?}");
        };
        let dropped = seeded(5, &|| forward(&dropping, &x));
        // What goes into the first layer and what comes out of the last is whole.
        let by_hand = seeded(5, &|| forward(&second, &F::dropout(&forward(&first, &x), 0.5)));
        near(&dropped, &by_hand, "the layers by themselves");
        assert_eq!(dropped, seeded(5, &|| forward(&dropping, &x)), "{name} on {device}: the same seed");
        let plain = seeded(5, &|| forward(&keeping, &x));
        for other in [&plain, &seeded(6, &|| forward(&dropping, &x))] {
            assert!(
                dropped.iter().zip(other).any(|(a, b)| (a - b).abs() > 1e-3),
                "{name} on {device}: nothing dropped"
            );
        }
        let _scope = catena::autograd::test_mode();
        near(&seeded(5, &|| forward(&dropping, &x)), &plain, "in evaluation");
        if let Some(before) = of_devices.first() {
            near(&dropped, before, "as on the CPU");
        }
        of_devices.push(dropped);
    }
}

#[test]
fn layers_drop_what_is_between_them_in_training_alone() {
    let _alone = alone();
    dropout_is_between_layers(
        "NStepLSTM",
        4,
        |n, i, p| L::NStepLSTM::new(n, i, 4, p),
        |l, x| l.forward(None, None, std::slice::from_ref(x)).2.swap_remove(0),
    );
    dropout_is_between_layers(
        "NStepBiLSTM",
        8,
        |n, i, p| L::NStepBiLSTM::new(n, i, 4, p),
        |l, x| l.forward(None, None, std::slice::from_ref(x)).2.swap_remove(0),
    );
    dropout_is_between_layers(
        "NStepGRU",
        4,
        |n, i, p| L::NStepGRU::new(n, i, 4, p),
        |l, x| l.forward(None, std::slice::from_ref(x)).1.swap_remove(0),
    );
    dropout_is_between_layers(
        "NStepRNNTanh",
        4,
        |n, i, p| L::NStepRNNTanh::new(n, i, 4, p),
        |l, x| l.forward(None, std::slice::from_ref(x)).1.swap_remove(0),
    );
}

/// As in Chainer, where an input that is not there is zeros of the batch of the first child that is.
#[test]
fn a_tree_node_without_an_input_is_one_whose_input_is_zeros() {
    let _alone = alone();
    for device in devices() {
        let numbers = |shape: [usize; 2], from: f32| {
            let values: Vec<f32> = (0..shape[0] * shape[1]).map(|i| (i as f32 * 0.7 + from).sin()).collect();
            Variable::new(Tensor::from_slice(&values, shape, &device))
        };
        let node = L::ChildSumTreeLSTM::new(3, 2).to_device(&device);
        node.W_x.b.as_ref().expect("a bias").set_data(numbers([1, 8], 2.0).data().reshape([8]));
        let (c, h) = (numbers([4, 2], 0.0), numbers([4, 2], 1.0));
        let run = |children: &[Option<(&Variable, &Variable)>], x: Option<&Variable>| {
            node.cleargrads();
            [&c, &h].iter().for_each(|v| v.cleargrad());
            let (c1, h1) = node.forward(children, x);
            F::sum(&(&c1 * &h1)).backward();
            let bias = node.W_x.b.as_ref().expect("a bias").grad();
            let found = [Some(c1.data().clone()), Some(h1.data().clone()), c.grad(), h.grad(), bias];
            found.map(|t| t.expect("a gradient").to_vec::<f32>().expect("values")).concat()
        };
        let child = Some((&c, &h));
        for children in [&[child][..], &[None, child], &[child, child, None]] {
            let zeros = Variable::constant(Tensor::zeros([4, 3], DType::F32, &device));
            let (without, with) = (run(children, None), run(children, Some(&zeros)));
            let near = without.len() == with.len() && without.iter().zip(&with).all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(near, "{device}: {without:?} and {with:?}");
        }
    }
    std::panic::set_hook(Box::new(|_| {}));
    for children in [&[][..], &[None, None]] {
        says(
            || drop(L::ChildSumTreeLSTM::new(3, 2).forward(children, None)),
            &["ChildSumTreeLSTM", "an input or a child, got neither"],
        );
    }
    let _ = std::panic::take_hook();
}

/// The message with which `f` panics.
fn complaint(f: impl FnOnce()) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).expect_err("bad input must not pass");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map(|t| t.to_string()).unwrap_or_default(),
    }
}

fn says(f: impl FnOnce(), words: &[&str]) {
    let text = complaint(f);
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
}

fn of(shape: &[usize]) -> Variable {
    Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()))
}

#[test]
fn bad_sequences_are_told() {
    let _alone = alone();
    std::panic::set_hook(Box::new(|_| {}));
    says(
        || drop(L::NStepLSTM::new(1, 3, 2, 0.0).forward(None, None, &[])),
        &["NStepLSTM", "at least one sequence, got none"],
    );
    says(
        || drop(L::NStepGRU::new(1, 3, 2, 0.0).forward(None, &[of(&[2, 3]), of(&[0, 3])])),
        &["NStepGRU", "one step at least, got none at position 1"],
    );
    says(
        || drop(L::NStepBiLSTM::new(1, 3, 2, 0.0).forward(None, None, &[of(&[2, 3]), of(&[2, 4])])),
        &["NStepBiLSTM", "(length, 3)", "(2, 4) at position 1"],
    );
    let weights = || (vec![vec![of(&[2, 3]), of(&[2, 2])]], vec![vec![of(&[2]), of(&[2])]]);
    let run = |xs: &[Variable]| {
        let (w, b) = weights();
        F::n_step_rnn(1, 0.0, &of(&[1, 2, 2]), &w, &b, xs, F::RnnActivation::Tanh)
    };
    says(|| drop(run(&[])), &["n_step_rnn", "at least one time step", "none"]);
    says(|| drop(run(&[of(&[2, 3]), of(&[0, 3])])), &["at least one row in xs[1]", "(0, 3)"]);
    says(|| drop(run(&[of(&[1, 3]), of(&[2, 3])])), &["the longest sequences first", "[1, 2]"]);
    says(|| drop(run(&[of(&[1, 3])])), &["hx.shape[1] == 1", "(1, 2, 2)"]);
    says(
        || drop(F::transpose_sequence(&[&of(&[1, 3]), &of(&[2, 3])])),
        &["sequences sorted by length, the longest first", "[1, 2]"],
    );
    says(
        || {
            let lstm = L::LSTM::new(3, 2);
            lstm.forward(&of(&[2, 3]));
            lstm.forward(&of(&[3, 3]));
        },
        &["LSTM", "at most 2 rows", "got 3", "reset_state"],
    );
    // A state of one row is not taken for one of all rows.
    let (one, two, x) = (of(&[1, 2]), of(&[2, 2]), of(&[2, 3]));
    let rows = |link: &'static str| [link, "a state of 2 rows", "got 1"];
    says(|| drop(L::StatelessLSTM::new(3, 2).forward(Some(&two), Some(&one), &x)), &rows("StatelessLSTM"));
    says(|| drop(L::ChildSumTreeLSTM::new(3, 2).forward(&[Some((&one, &one))], Some(&x))), &rows("ChildSumTreeLSTM"));
    says(|| drop(L::NaryTreeLSTM::new(3, 2, 1).forward(&[Some((&one, &one))], Some(&x))), &rows("NaryTreeLSTM"));
    says(
        || {
            let lstm = L::StatefulZoneoutLSTM::new(3, 2, 0.5, 0.5);
            lstm.set_state(&one, &one);
            lstm.forward(&x);
        },
        &rows("StatefulZoneoutLSTM"),
    );
    says(
        || {
            let lstm = L::StatefulPeepholeLSTM::new(3, 2);
            lstm.set_state(&one, &one);
            lstm.forward(&x);
        },
        &rows("StatefulPeepholeLSTM"),
    );
    says(|| drop(F::lstm(&of(&[2, 3]), &of(&[2, 11]))), &["lstm", "x.shape[1] == 4 * c.shape[1]", "11 != 12"]);
    says(|| drop(F::lstm(&of(&[2, 3]), &of(&[3, 12]))), &["lstm", "3 > 2"]);
    says(
        || {
            let ids = Variable::constant(Tensor::from_slice(&[3, 10], [2], &Device::cpu()));
            L::EmbedID::new(10, 4).forward(&ids);
        },
        &["embed_id", "0 <= id < 10", "id 10 at position 1"],
    );
    let _ = std::panic::take_hook();
}

/// A batch sorted by length shrinks: sequences that have ended keep their states, whatever the others go on with.
#[test]
fn rows_beyond_a_batch_keep_their_states() {
    let _alone = alone();
    let (lstm, gru, mgu) = (L::LSTM::new(3, 2), L::StatefulGRU::new(3, 2), L::StatefulMGU::new(3, 2));
    type Layer<'a> = (&'a str, &'a dyn Fn(&Variable), &'a dyn Fn() -> Vec<Variable>, &'a dyn Fn());
    let layers: [Layer<'_>; 3] = [
        ("LSTM", &|x| drop(lstm.forward(x)), &|| vec![lstm.c.get().unwrap(), lstm.h.get().unwrap()], &|| {
            lstm.reset_state()
        }),
        ("StatefulGRU", &|x| drop(gru.forward(x)), &|| vec![gru.h.get().unwrap()], &|| gru.reset_state()),
        ("StatefulMGU", &|x| drop(mgu.forward(x)), &|| vec![mgu.h.get().unwrap()], &|| mgu.reset_state()),
    ];
    let x = |seed: usize, rows: usize| {
        let values: Vec<f32> = (0..3 * rows).map(|i| ((seed + i) as f32 * 0.7).sin()).collect();
        Variable::constant(Tensor::from_slice(&values, [rows, 3], &Device::cpu()))
    };
    let rows = |states: &[Variable], from: usize, to: usize| -> Vec<Vec<f32>> {
        let part = |s: &Variable| F::get_item(s, &[Slice::from(from..to)]).data().to_vec().unwrap();
        states.iter().map(part).collect()
    };
    for (name, step, states, reset) in layers {
        // Two rows by themselves, and with a third that ends after the first step.
        step(&x(1, 2));
        let first = states();
        step(&x(2, 2));
        let alone = states();
        reset();
        step(&x(1, 3));
        let third = rows(&states(), 2, 3);
        step(&x(2, 2));
        let both = states();
        assert!(both.iter().all(|s| s.shape()[..] == [3, 2]), "{name}: {both:?}");
        assert_eq!(rows(&both, 2, 3), third, "{name}");
        let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-6;
        let (others, alone) = (rows(&both, 0, 2).concat(), rows(&alone, 0, 2).concat());
        assert!(others.iter().zip(&alone).all(near), "{name}: {others:?}, alone {alone:?}");
        assert_ne!(rows(&both, 0, 2), rows(&first, 0, 2), "{name}");
    }
}

#[test]
fn an_id_computed_on_a_device_is_told_at_the_next_wait() {
    let _alone = alone();
    for device in devices() {
        let ids = Tensor::from_slice(&[1.0f32, 12.0], [2], &device).cast(DType::I32);
        let y = L::EmbedID::new(10, 4).to_device(&device).forward(&Variable::constant(ids));
        let error = y.data().to_f64().map(|_| ()).and_then(|()| device.synchronize());
        let text = error.expect_err("an id out of range").to_string();
        assert!(text.contains("embed_id") && text.contains("12") && text.contains("position 1"), "{device}: {text}");
    }
}
