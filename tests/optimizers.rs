//! Groups: on a GPU many parameters step in one kernel, and nobody can tell but by the counters.

use catena::{
    kernel::force_all,
    optimizers::{Gradient, GradientLARS, GradientNoise, Hook, LAMB, Lion, Muon, Optimizer, Schedule},
    prelude::*,
    testing::devices,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Launches are counted on a device that the tests share.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn gpu() -> Device {
    devices().pop().expect("there is always the CPU")
}

fn unfused() -> bool {
    std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off")
}

chain! {
    struct Stack {
        layers: Vec<L::Linear>,
    }
}

/// Layers of different sizes, none of them a multiple of four.
fn stack(n: usize, device: &Device) -> Stack {
    catena::random::seed(7);
    Stack { layers: (0..n).map(|i| L::Linear::new(3 + i % 5, 3 + (i + 1) % 5)).collect() }.to_device(device)
}

fn loss(model: &Stack, step: usize) -> Variable {
    let device = model.layers[0].W.device();
    let x: Vec<f32> = (0..6).map(|i| ((i + step) as f32 * 0.7).sin()).collect();
    let mut h = Variable::constant(Tensor::from_slice(&x, [2, 3], &device));
    for layer in &model.layers {
        h = F::tanh(&layer.forward(&h));
    }
    F::sum(&(&h * &h))
}

fn values(model: &Stack) -> Vec<Vec<f64>> {
    model.namedparams().iter().map(|(_, p)| p.data().to_f64().unwrap().iter().copied().collect()).collect()
}

fn expect_close(a: &[Vec<f64>], b: &[Vec<f64>], what: &str) {
    for (at, (a, b)) in a.iter().zip(b).enumerate() {
        for (x, y) in a.iter().zip(b) {
            assert!((x - y).abs() <= 2e-4 * (1.0 + y.abs()), "{what}: parameter {at}: {x} and {y}");
        }
    }
}

#[test]
fn adam_over_160_parameters_takes_one_launch_and_no_memory() {
    let _alone = alone();
    let device = gpu();
    if unfused() {
        return;
    }
    let model = stack(80, &device);
    let mut optimizer = Adam::default().setup(&model);
    optimizer.add_hook(WeightDecay(1e-4));
    let mut step = |i: usize| {
        model.cleargrads();
        let loss = loss(&model, i);
        loss.backward();
        drop(loss);
        force_all(&device);
        device.synchronize().unwrap();
        let before = device.stats();
        device.reset_peak();
        optimizer.update();
        device.synchronize().unwrap();
        let after = device.stats();
        (after - before, after.peak_bytes - before.used_bytes)
    };
    for i in 0..3 {
        step(i);
    }
    let (did, extra) = step(3);
    assert_eq!((did.launches, did.buffers_created, did.pipelines, extra), (1, 0, 0, 0));

    optimizer.add_hook(GradientClipping(1.0));
    let mut step = |i: usize| {
        model.cleargrads();
        loss(&model, i).backward();
        device.synchronize().unwrap();
        let before = device.stats();
        optimizer.update();
        (device.stats() - before).launches
    };
    for i in 0..3 {
        step(i);
    }
    // The norm of all gradients, and the step.
    assert!(step(3) <= 3, "{} launches", step(4));
}

/// Trains the same network on the CPU and on a GPU in several ways, where groups form, break up and form again.
fn same_on_both<R: Rule + Clone>(rule: R, what: &str, prepare: impl Fn(&mut Optimizer<R>)) {
    let _alone = alone();
    let trained: Vec<Vec<Vec<f64>>> = [Device::cpu(), gpu()]
        .iter()
        .map(|device| {
            let model = stack(4, device);
            let mut optimizer = rule.clone().setup(&model);
            prepare(&mut optimizer);
            let mut held = vec![];
            for i in 0..14 {
                match i {
                    // Somebody keeps values, and a gradient.
                    3 => held.push(model.layers[1].W.data()),
                    5 => held.push(model.layers[2].b.as_ref().unwrap().grad().unwrap()),
                    // Frozen, and thawed.
                    7 => model.layers[0].W.set_updates(false),
                    10 => model.layers[0].W.set_updates(true),
                    // Values from elsewhere.
                    12 => {
                        let w = &model.layers[1].W;
                        w.set_data(w.data().mul_scalar(0.5));
                    }
                    _ => {}
                }
                // Twice without clearing: gradients gather.
                if i != 2 {
                    model.cleargrads();
                }
                loss(&model, i).backward();
                optimizer.update();
                if i == 3 || i == 5 {
                    held.push(held.last().unwrap().copy());
                }
            }
            for pair in held.chunks(2) {
                assert_eq!(pair[0].to_f64().unwrap(), pair[1].to_f64().unwrap(), "{what}: what is held has changed");
            }
            values(&model)
        })
        .collect();
    expect_close(&trained[1], &trained[0], what);
}

#[test]
fn groups_train_as_single_parameters_do() {
    same_on_both(Sgd::new(0.05), "Sgd", |_| {});
    same_on_both(Adam::new(0.01), "Adam", |_| {});
    same_on_both(MomentumSGD::new(0.01), "MomentumSGD with hooks", |o| {
        o.add_hook(WeightDecay(1e-2)).add_hook(GradientClipping(0.3));
    });
    same_on_both(Adam::new(0.01), "Adam, decay without biases, biases faster", |o| {
        o.add_hook_for(|path| path.ends_with("/W"), WeightDecay(0.1));
        o.adjust(|path| path.ends_with("/b"), |rule| rule.alpha *= 2.0);
    });
    same_on_both(Adam::new(0.01), "Adam with a hook that asks each parameter's norm", |o| {
        o.add_hook(GradientLARS::default());
    });
}

#[test]
fn adjustments_and_selected_hooks_reach_their_parameters_alone() {
    let model = L::Linear::new(2, 1);
    let mut optimizer = Sgd::new(1.0).setup(&model);
    optimizer.adjust(|path| path.ends_with("/b"), |rule| rule.lr *= 0.5);
    optimizer.add_hook_for(|path| path.ends_with("/W"), WeightDecay(0.1));
    let w = model.W.data().to_vec::<f32>().unwrap();
    let ones = |p: &catena::links::Parameter| p.set_grad(Some(p.data().full_like(1.0)));
    ones(&model.W);
    ones(model.b.as_ref().unwrap());
    optimizer.update();
    let moved = model.W.data().to_vec::<f32>().unwrap();
    for (before, after) in w.iter().zip(moved) {
        assert!((after - (before - 1.0 - 0.1 * before)).abs() < 1e-6);
    }
    assert_eq!(model.b.as_ref().unwrap().data().to_vec::<f32>().unwrap(), [-0.5]);
    // A schedule reaches what was adjusted, too.
    optimizer.lr = 0.1;
    ones(model.b.as_ref().unwrap());
    model.W.cleargrad();
    optimizer.update();
    let b = model.b.as_ref().unwrap().data().to_vec::<f32>().unwrap()[0];
    assert!((b + 0.55).abs() < 1e-6, "{b}");
}

#[test]
fn a_snapshot_of_groups_goes_on_as_if_nothing_had_happened() {
    let _alone = alone();
    let device = gpu();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.npz");
    let train = |model: &Stack, optimizer: &mut Optimizer<Adam>, steps: std::ops::Range<usize>| {
        for i in steps {
            model.cleargrads();
            loss(model, i).backward();
            optimizer.update();
        }
    };
    let model = stack(4, &device);
    let mut optimizer = Adam::new(0.01).setup(&model);
    train(&model, &mut optimizer, 0..4);
    catena::serializers::save_npz(&path, &optimizer).unwrap();
    let saved = model.copy();
    train(&model, &mut optimizer, 4..8);

    let mut again = Adam::new(0.01).setup(&saved);
    catena::serializers::load_npz(&path, &mut again).unwrap();
    train(&saved, &mut again, 4..8);
    assert_eq!(values(&saved), values(&model));
    // In the middle of its own life, too.
    catena::serializers::load_npz(&path, &mut again).unwrap();
    assert_eq!(again.t(), 4);
    train(&saved, &mut again, 8..9);
}

fn matrix(rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| (i as f32 * 1.7).sin() + 0.2 * (i as f32 * 0.3).cos()).collect()
}

#[test]
fn muon_moves_by_a_nearly_orthogonal_matrix() {
    for device in devices() {
        for (rows, columns) in [(4, 4), (3, 7), (7, 3)] {
            let w = catena::links::Parameter::from_tensor(Tensor::from_slice(
                &matrix(rows, columns),
                [rows, columns],
                &device,
            ));
            let before = w.data().to_vec::<f32>().unwrap();
            let mut optimizer = Muon::new(1.0).setup(&w);
            w.set_grad(Some(w.data().mul_scalar(3.0)));
            optimizer.update();
            let after = w.data().to_vec::<f32>().unwrap();
            let scale = (rows as f32 / columns as f32).max(1.0).sqrt();
            let step: Vec<f32> = before.iter().zip(after).map(|(b, a)| (b - a) / scale).collect();
            let step = Tensor::from_slice(&step, [rows, columns], &Device::cpu());
            let tall = rows > columns;
            let product = step.matmul(&step, tall, !tall).to_f64().unwrap();
            // All eigenvalues of the smaller product are squares of singular values between 0.68 and 1.21.
            let n = rows.min(columns);
            let trace: f64 = (0..n).map(|i| product[[i, i]]).sum();
            assert!(trace > 0.46 * n as f64 && trace < 1.47 * n as f64, "{device}: {rows} by {columns}: {product}");
            let far: f64 = (0..n)
                .flat_map(|i| (0..n).map(move |j| (i, j)))
                .filter(|(i, j)| i != j)
                .map(|(i, j)| product[[i, j]].abs())
                .fold(0.0, f64::max);
            assert!(far < 0.4, "{device}: {product}");
        }
    }
}

#[test]
fn lamb_moves_each_parameter_by_its_norm() {
    for device in devices() {
        let values = [3.0f32, 4.0];
        let w = catena::links::Parameter::from_tensor(Tensor::from_slice(&values, [2], &device));
        let mut optimizer = LAMB::new(0.1).setup(&w);
        w.set_grad(Some(Tensor::from_slice(&[1.0f32, -2.0], [2], &device)));
        optimizer.update();
        // In the first step r is the sign of the gradient: |r| = sqrt(2), |w| = 5.
        let step = 0.1 * 5.0 / 2f32.sqrt();
        let moved = w.data().to_vec::<f32>().unwrap();
        assert!(
            (moved[0] - (3.0 - step)).abs() < 1e-4 && (moved[1] - (4.0 + step)).abs() < 1e-4,
            "{device}: {moved:?}"
        );
        // Zeros have no norm: the step is Adam's.
        let zero = catena::links::Parameter::from_tensor(Tensor::zeros([2], DType::F32, &device));
        let mut optimizer = LAMB::new(0.1).setup(&zero);
        zero.set_grad(Some(Tensor::from_slice(&[1.0f32, 0.0], [2], &device)));
        optimizer.update();
        let moved = zero.data().to_vec::<f32>().unwrap();
        assert!((moved[0] + 0.1).abs() < 1e-5 && moved[1] == 0.0, "{device}: {moved:?}");
    }
}

#[test]
fn schedules_meet_their_ends() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} and {b}");
    let poly = Schedule::polynomial(1.0, 0.1, 2.0, 10);
    close(poly.at(0), 1.0);
    close(poly.at(5), 0.1 + 0.9 * 0.25);
    close(poly.at(10), 0.1);
    close(poly.at(99), 0.1);
    close(Schedule::linear(0.0, 1.0, 4).at(1), 0.25);
    close(Schedule::inverse(1.0, 0.5, 2.0).at(2), 0.25);
    close(Schedule::exponential(2.0, 0.5).at(3), 0.25);
    let cosine = Schedule::cosine(1.0, 0.2, 8);
    close(cosine.at(0), 1.0);
    close(cosine.at(4), 0.6);
    close(cosine.at(8), 0.2);
    close(cosine.at(1 << 40), 0.2);
    let again = Schedule::cosine_with_restarts(1.0, 0.0, 5, 1);
    close(again.at(u64::MAX / 5 * 5), 1.0);
    let cycle = Schedule::one_cycle(0.1, 100, 0.3);
    close(cycle.at(0), 0.004);
    close(cycle.at(30), 0.1);
    close(cycle.at(100), 4e-7);
    close(Schedule::one_cycle(0.1, 10, 1.0).at(10), 0.1);
}

#[test]
fn update_with_makes_a_whole_step_and_lets_go_of_the_graph() {
    let _alone = alone();
    for device in devices() {
        let model = stack(3, &device);
        let mut optimizer = Adam::new(0.01).setup(&model);
        let first = optimizer.update_with(|| loss(&model, 0));
        assert!(first.node().creator().is_none(), "{device}");
        for _ in 0..20 {
            optimizer.update_with(|| loss(&model, 0));
        }
        let last = loss(&model, 0).item().unwrap();
        assert!(last < 0.8 * first.item().unwrap(), "{device}: {last} after {}", first.item().unwrap());
    }
}

/// A parameter of these values, with this gradient.
fn parameter(w: &[f32], g: &[f32], device: &Device) -> Parameter {
    let w = Parameter::from_tensor(Tensor::from_slice(w, [w.len()], device));
    w.set_grad(Some(Tensor::from_slice(g, [g.len()], device)));
    w
}

fn expect_near(x: &Tensor, expected: &[f64], what: &str) {
    let x = x.to_f64().unwrap();
    let near =
        x.len() == expected.len() && x.iter().zip(expected).all(|(x, y)| (x - y).abs() <= 1e-6 * (1.0 + y.abs()));
    assert!(near, "{what}: {x}, expected {expected:?}");
}

#[test]
fn decay_after_the_step_changes_the_gradient_that_stays() {
    let (w, g, lr, rate) = ([1.0f32, -2.0], [0.5f32, 0.25], 0.1, 0.01);
    for device in devices() {
        let (pre, post) = (parameter(&w, &g, &device), parameter(&w, &g, &device));
        let (mut first, mut second) = (Sgd::new(lr).setup(&pre), Sgd::new(lr).setup(&post));
        first.add_hook(WeightDecay(rate));
        second.add_post_hook(WeightDecay(rate));
        first.update();
        second.update();
        let decayed = |w: f32, g: f32| f64::from(w) - lr * (f64::from(g) + rate * f64::from(w));
        let plain = |w: f32, g: f32| f64::from(w) - lr * f64::from(g);
        let each = |f: &dyn Fn(f32, f32) -> f64| [f(w[0], g[0]), f(w[1], g[1])];
        expect_near(&pre.data(), &each(&decayed), "before the step");
        expect_near(&post.data(), &each(&plain), "after the step");
        // Chainer's hook adds `rate * param.data`, which is the new value by then, to `param.grad`.
        expect_near(&post.grad().unwrap(), &each(&|w, g| f64::from(g) + rate * plain(w, g)), "the gradient");
        second.update();
        let twice = |w: f32, g: f32| plain(w, g) - lr * (f64::from(g) + rate * plain(w, g));
        expect_near(&post.data(), &each(&twice), "a second step with it");
        assert!(second.remove_hook("WeightDecay") && !second.remove_hook("WeightDecay"));
    }
}

/// Halves the values.
#[derive(Debug)]
struct Halve;

impl Hook for Halve {
    fn name(&self) -> &'static str {
        "Halve"
    }

    fn apply(&self, _: u64, parameters: &mut [Gradient]) {
        parameters.iter_mut().for_each(|p| p.w = p.w.mul_scalar(0.5));
    }
}

#[test]
fn values_changed_after_the_step_stay() {
    same_on_both(Adam::new(0.01), "Adam, weights halved after each step", |o| {
        o.add_post_hook_for(|path| path.ends_with("/W"), Halve);
    });
    let model = L::Linear::new(1, 1);
    let mut optimizer = Sgd::new(1.0).setup(&model);
    optimizer.add_post_hook_for(|path| path.ends_with("/W"), Halve);
    model.W.set_data(Tensor::from_slice(&[4.0f32], [1, 1], &Device::cpu()));
    let b = model.b.as_ref().unwrap();
    for p in [&model.W, b] {
        p.set_grad(Some(p.data().full_like(1.0)));
    }
    optimizer.update();
    assert_eq!((model.W.data().item().unwrap(), b.data().item().unwrap()), (1.5, -1.0));
}

#[test]
fn lion_moves_by_the_sign_of_a_mean_and_remembers_another() {
    for device in devices() {
        let w = parameter(&[1.0, 2.0, -3.0], &[2.0, -4.0, 0.0], &device);
        let path = w.namedparams().remove(0).0;
        let mut optimizer = Lion { lr: 0.1, beta1: 0.5, beta2: 0.75, weight_decay_rate: 0.25 }.setup(&w);
        optimizer.update();
        // w (1 - lr * rate) - lr sign((1 - beta1) g), and m = (1 - beta2) g.
        expect_near(&w.data(), &[0.975 - 0.1, 1.95 + 0.1, -2.925], "the first step");
        expect_near(&optimizer.state(&path, "m").unwrap(), &[0.5, -1.0, 0.0], "the momentum");
        // By beta1 the means are (0.5 - 0.75) / 2, (-1 + 3) / 2, (0 - 1) / 2.
        w.set_grad(Some(Tensor::from_slice(&[-0.75f32, 3.0, -1.0], [3], &device)));
        optimizer.update();
        let moved = [0.875 * 0.975 + 0.1, 2.05 * 0.975 - 0.1, -2.925 * 0.975 + 0.1];
        expect_near(&w.data(), &moved, "the second step");
        expect_near(&optimizer.state(&path, "m").unwrap(), &[0.1875, 0.0, -0.25], "the second momentum");
    }
}

#[test]
fn noise_of_gradients_has_the_variance_of_its_step_and_comes_again_by_the_seed() {
    const N: usize = 40_000;
    let eta = 0.3;
    for device in devices() {
        let noise = |seed: u64| -> Vec<Vec<f32>> {
            catena::random::seed(seed);
            let w = parameter(&[0.0; N], &[0.0; N], &device);
            let mut optimizer = Sgd::new(1.0).setup(&w);
            optimizer.add_hook(GradientNoise { eta });
            let mut steps = vec![];
            for _ in 0..3 {
                w.set_data(w.data().full_like(0.0));
                optimizer.update();
                steps.push(w.data().to_vec::<f32>().unwrap());
            }
            steps
        };
        let steps = noise(5);
        for (t, step) in steps.iter().enumerate() {
            // Chainer's t counts the updates before this one.
            let expected = eta / (1.0 + t as f64).powf(0.55);
            let mean = step.iter().map(|&x| f64::from(x)).sum::<f64>() / N as f64;
            let variance = step.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / N as f64;
            assert!((variance / expected - 1.0).abs() < 0.03, "{device}, t = {t}: {variance}, expected {expected}");
            assert!(mean.abs() < 4.0 * (expected / N as f64).sqrt(), "{device}, t = {t}: {mean}");
        }
        assert!(steps[0] != steps[1] && steps == noise(5) && steps != noise(6), "{device}");
    }
}
