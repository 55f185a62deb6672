//! Launches that training takes: an accidental kernel or synchronisation is a failing test.
//!
//! Counts are those of a GPU or a software adapter, one thread at a time, with fusion.

use catena::{
    autograd::no_backprop,
    kernel::{force_all, philox::Generator},
    prelude::*,
    testing,
};
use std::sync::Mutex;

/// One test at a time: all of them count on the same device.
static COUNTING: Mutex<()> = Mutex::new(());

/// Launches and read-backs of `f` on the GPU or software adapter.
fn count<T>(f: impl Fn(&Device) -> T) -> (u64, u64) {
    let device = testing::devices().pop().expect("there is always the CPU");
    assert!(!device.is_cpu(), "launches are counted on a GPU; install a software adapter");
    count_on(&device, f)
}

fn count_on<T>(device: &Device, f: impl Fn(&Device) -> T) -> (u64, u64) {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    device.synchronize().unwrap();
    let before = device.stats();
    let kept = f(device);
    force_all(device);
    let did = device.stats() - before;
    drop(kept);
    (did.launches, did.read_backs)
}

/// Whether one kernel an operator is asked for, for which no budget holds.
fn unfused() -> bool {
    std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off")
}

fn scores(device: &Device) -> (Variable, Variable) {
    let x: Vec<f32> = (0..6 * 5).map(|i| (i as f32 * 0.7).sin()).collect();
    let x = Variable::new(Tensor::from_slice(&x, [6, 5], device));
    let t = Variable::constant(Tensor::from_slice(&[0, 4, -1, 2, 1, 3], [6], device));
    (x, t)
}

#[test]
fn softmax_cross_entropy_takes_two_launches_and_one_back() {
    if unfused() {
        return;
    }
    for normalize in [true, false] {
        let options = F::SoftmaxCrossEntropy { normalize, ..Default::default() };
        let forward = |device: &Device| {
            let (x, t) = scores(device);
            (F::softmax_cross_entropy_with(&x, &t, &options), x)
        };
        assert_eq!(count(forward), (2, 0), "forward, normalize: {normalize}");
        let both = |device: &Device| {
            let (loss, x) = forward(device);
            loss.data().force();
            loss.backward();
            x.grad()
        };
        assert_eq!(count(both), (3, 0), "forward and backward, normalize: {normalize}");
    }
}

#[test]
fn numbers_that_repeat_take_no_launch_of_their_own() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], device);
        let half = Tensor::full((), 0.5, DType::F32, device);
        let row = Tensor::ones([2], DType::F32, device);
        let y = x.mul(&half).add(&row);
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.5, 2.0, 2.5, 3.0]);
        // Still there by themselves.
        assert_eq!(row.to_vec::<f32>().unwrap(), [1.0, 1.0]);
        half
    });
    assert_eq!(launches, (2, 2));
}

#[test]
fn a_result_of_another_dtype_does_not_take_over_its_operand() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let x = Tensor::from_slice(&[1.0f32, 5.0, 7.0, 2.0], [2, 2], &device);
        assert_eq!(x.argmax(1).cast(DType::F32).add_scalar(0.5).to_vec::<f32>().unwrap(), [1.5, 0.5]);
    }
}

/// An LSTM cell of 200 units over a batch of 20: its weights and states, with the kernels of making them done.
fn lstm_cell(device: &Device) -> (L::StatelessLSTM, [Variable; 3]) {
    let cell = L::StatelessLSTM::new(200, 200).to_device(device);
    let of = |scale: f32| {
        let values: Vec<f32> = (0..20 * 200).map(|i| (i as f32 * 0.7).sin() * scale).collect();
        Variable::new(Tensor::from_slice(&values, [20, 200], device))
    };
    (cell, [of(1.0), of(0.5), of(0.2)])
}

#[test]
fn an_lstm_cell_takes_four_launches_and_eight_back() {
    if unfused() {
        return;
    }
    let forward = |device: &Device| {
        let (cell, [c, h, x]) = lstm_cell(device);
        let (c, h) = cell.forward(Some(&c), Some(&h), &x);
        (cell, c, h, x)
    };
    let (launches, read_backs) = count(|device| {
        let (cell, c, h, x) = forward(device);
        h.data().force();
        (cell, c, h, x)
    });
    assert!((launches, read_backs) <= (4, 0), "forward: {launches} launches, {read_backs} read-backs");
    let (both, read_backs) = count(|device| {
        let (cell, c, h, x) = forward(device);
        h.data().force();
        // Upstream gradients as they come from what is above: numbers that repeat take no launch.
        c.set_grad(Some(c.data().full_like(0.5)));
        h.set_grad(Some(h.data().full_like(0.25)));
        catena::autograd::backward(&[&c, &h], catena::autograd::Backward::default());
        (cell, c, h, x)
    });
    assert!(both - launches <= 8 && read_backs == 0, "backward: {} launches", both - launches);
    println!("LSTM cell: {launches} launches forward, {} backward", both - launches);
}

/// Launches of a cell's first step and those of a further one, forward and backward.
fn cell_launches<T: Link>(
    make: impl Fn() -> T,
    step: impl Fn(&T, &[Variable; 2], &Variable) -> [Variable; 2],
) -> [u64; 4] {
    let of = |scale: f32, device: &Device| {
        let values: Vec<f32> = (0..20 * 200).map(|i| (i as f32 * 0.7).sin() * scale).collect();
        Variable::new(Tensor::from_slice(&values, [20, 200], device))
    };
    let forward = |steps: usize, device: &Device| {
        let cell = make().to_device(device);
        let mut states = [of(1.0, device), of(0.5, device)];
        let (first, xs) = (states.clone(), (0..steps).map(|_| of(0.2, device)).collect::<Vec<_>>());
        for x in &xs {
            states = step(&cell, &states, x);
            states.iter().rev().for_each(|s| s.data().force());
        }
        (cell, first, xs, states)
    };
    let both = |steps: usize, device: &Device| {
        let all = forward(steps, device);
        // Upstream gradients as they come from what is above: numbers that repeat take no launch.
        let ys = [&all.3[0], &all.3[1]];
        ys.iter().for_each(|y| y.set_grad(Some(y.data().full_like(0.5))));
        catena::autograd::backward(&ys, catena::autograd::Backward::default());
        all
    };
    let [one, two] = [1, 2].map(|steps| (count(|device| forward(steps, device)), count(|device| both(steps, device))));
    assert!([one, two].iter().all(|(f, b)| f.1 == 0 && b.1 == 0), "something was read back");
    let (f, b) = (one.0.0, one.1.0 - one.0.0);
    let (f2, b2) = (two.0.0, two.1.0 - two.0.0);
    [f, b, f2 - f, b2 - b]
}

/// Launches of each cell: of a first step forward and backward, and of each further step. A step shall take 4 and 8; where
/// it takes more, it is said why.
#[test]
fn recurrent_cells_take_few_launches() {
    if unfused() {
        return;
    }
    let state = |(c, h): (Variable, Variable)| [c, h];
    let twice = |h: Variable| [h.clone(), h];
    let rows: [(&str, [u64; 4], [u64; 4]); 7] = [
        (
            "StatelessLSTM",
            [3, 7, 3, 7],
            cell_launches(|| L::StatelessLSTM::new(200, 200), |l, s, x| state(l.forward(Some(&s[0]), Some(&s[1]), x))),
        ),
        // The first step joins weights and biases, for all steps.
        (
            "StatelessGRU",
            [7, 8, 4, 7],
            cell_launches(|| L::StatelessGRU::new(200, 200), |l, s, x| twice(l.forward(Some(&s[1]), x))),
        ),
        // Two products one after the other, of which each has gradients of its weights, its bias and its joined operand;
        // of that come the gradients of input and state, and the first product waits for the second's.
        (
            "StatelessMGU",
            [3, 12, 3, 9],
            cell_launches(|| L::StatelessMGU::new(200, 200), |l, s, x| twice(l.forward(&s[1], x))),
        ),
        // Four products and the next cell, which the last of them reads; each product has gradients of its weights and of
        // its operand.
        (
            "StatefulPeepholeLSTM",
            [6, 12, 5, 11],
            cell_launches(
                || L::StatefulPeepholeLSTM::new(200, 200),
                |l, s, x| {
                    l.set_state(&s[0], &s[1]);
                    let h = l.forward(x);
                    [l.c.get().unwrap(), h]
                },
            ),
        ),
        // Values that stay as they were take their gradients past the cell: those of a first step's states are sums of
        // their own, which a further step's cell takes in.
        (
            "StatefulZoneoutLSTM",
            [4, 10, 4, 6],
            cell_launches(
                || L::StatefulZoneoutLSTM::new(200, 200, 0.5, 0.5),
                |l, s, x| {
                    l.set_state(&s[0], &s[1]);
                    let h = l.forward(x);
                    [l.c.get().unwrap(), h]
                },
            ),
        ),
        // Of two children: gradients of the gates are joined three times, for the input, for the forget gates and for the
        // children, and there is one product more each way.
        (
            "ChildSumTreeLSTM",
            [6, 13, 4, 12],
            cell_launches(
                || L::ChildSumTreeLSTM::new(200, 200),
                |l, s, x| state(l.forward(&[Some((&s[0], &s[1])); 2], x)),
            ),
        ),
        // The first step joins the weights on the children, and takes their gradient apart.
        (
            "NaryTreeLSTM",
            [5, 9, 4, 7],
            cell_launches(
                || L::NaryTreeLSTM::new(200, 200, 2),
                |l, s, x| state(l.forward(&[Some((&s[0], &s[1])); 2], Some(x))),
            ),
        ),
    ];
    let wrong: Vec<String> = rows
        .iter()
        .filter(|(_, stated, taken)| stated != taken)
        .map(|(name, stated, taken)| format!("{name}: states {stated:?}, takes {taken:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_layer_over_sequences_is_not_waited_for() {
    if unfused() {
        return;
    }
    let run = |device: &Device| {
        let lstm = L::NStepLSTM::new(1, 8, 8, 0.0).to_device(device);
        let lengths = [10, 3, 12, 7];
        let x = |n: usize| Variable::new(Tensor::from_slice(&vec![0.5f32; n * 8], [n, 8], device));
        let xs: Vec<Variable> = lengths.iter().map(|&n| x(n)).collect();
        let (hy, cy, ys) = lstm.forward(None, None, &xs);
        let sums: Vec<Variable> = ys.iter().map(F::sum).collect();
        F::add_all(&sums.iter().collect::<Vec<_>>()).backward();
        (lstm, hy, cy)
    };
    let (launches, read_backs) = count(run);
    assert_eq!(read_backs, 0);
    println!("NStepLSTM over 12 steps: {launches} launches forward and backward");
    assert!(launches <= 12 * 10 + 40, "{launches} launches");
    // On the CPU a pass forward and one back, however many steps there are.
    let (launches, read_backs) = count_on(&Device::cpu(), run);
    assert!(launches <= 33 && read_backs == 0, "{launches} launches, {read_backs} read-backs");
}

/// Launches of a layer over two sequences, forward and backward, for each step of the twelve that 24 steps have more than
/// 12, on the GPU or software adapter; on the CPU there are none.
fn launches_a_step<T: Link>(make: impl Fn() -> T, outputs: impl Fn(&T, &[Variable]) -> Vec<Variable>) -> f64 {
    let run = |steps: usize, device: &Device| {
        let layer = make().to_device(device);
        let x = |n: usize| Variable::new(Tensor::from_slice(&vec![0.5f32; n * 8], [n, 8], device));
        let ys = outputs(&layer, &[x(steps), x(steps)]);
        let sums: Vec<Variable> = ys.iter().map(F::sum).collect();
        F::add_all(&sums.iter().collect::<Vec<_>>()).backward();
        layer
    };
    let of = |device: &Device| {
        let [short, long] = [12, 24].map(|steps| count_on(device, |device| run(steps, device)));
        assert_eq!((short.1, long.1), (0, 0), "something was read back on {device}");
        long.0 - short.0
    };
    assert_eq!(of(&Device::cpu()), 0, "a pass forward and one back, however many steps there are");
    of(&testing::devices().pop().expect("there is always the CPU")) as f64 / 12.0
}

#[test]
fn layers_over_sequences_take_few_launches_a_step() {
    if unfused() {
        return;
    }
    let lstm = launches_a_step(|| L::NStepLSTM::new(1, 8, 8, 0.0), |l, xs| l.forward(None, None, xs).2);
    let gru = launches_a_step(|| L::NStepGRU::new(1, 8, 8, 0.0), |l, xs| l.forward(None, xs).1);
    let tanh = launches_a_step(|| L::NStepRNNTanh::new(1, 8, 8, 0.0), |l, xs| l.forward(None, xs).1);
    let relu = launches_a_step(|| L::NStepRNNReLU::new(1, 8, 8, 0.0), |l, xs| l.forward(None, xs).1);
    let bilstm = launches_a_step(|| L::NStepBiLSTM::new(1, 8, 8, 0.0), |l, xs| l.forward(None, None, xs).2);
    let bigru = launches_a_step(|| L::NStepBiGRU::new(1, 8, 8, 0.0), |l, xs| l.forward(None, xs).1);
    let birnn = launches_a_step(|| L::NStepBiRNNTanh::new(1, 8, 8, 0.0), |l, xs| l.forward(None, xs).1);
    let taken = [lstm, gru, tanh, relu, bilstm, bigru, birnn];
    let most = [7.25, 8.34, 2.25, 2.25, 14.5, 16.67, 4.5];
    assert!(taken.iter().zip(most).all(|(t, m)| *t <= m), "{taken:?}, of which at most {most:?}");
}

#[test]
fn tensors_of_one_shape_are_joined_by_one_launch() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], device);
        let y = x.mul(&x);
        // Two expressions that share a third which stays, and memory as it is.
        let joined = Tensor::stack(&[&y.add_scalar(1.0), &x, &y.transpose(None).add(&x)], -1);
        let expected = [2.0, 1.0, 2.0, 5.0, 2.0, 11.0, 10.0, 3.0, 7.0, 17.0, 4.0, 20.0];
        assert_eq!(joined.to_vec::<f32>().unwrap(), expected);
        let again = Tensor::concat(&[&y.add_scalar(1.0), &y, &y.mul(&x)], 1);
        assert_eq!(again.to_vec::<f32>().unwrap(), [2.0, 5.0, 1.0, 4.0, 1.0, 8.0, 10.0, 17.0, 9.0, 16.0, 27.0, 64.0]);
        y
    });
    // One for `y`, which is wanted transposed, and one for each join.
    assert_eq!(launches, (3, 2));
}

/// `n` numbers without a pattern, as a variable.
fn numbers(shape: &[usize], device: &Device) -> Variable {
    let n = shape.iter().product::<usize>();
    let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
    Variable::new(Tensor::from_slice(&x, shape, device))
}

#[test]
fn layer_normalization_takes_one_launch_and_three_back() {
    if unfused() {
        return;
    }
    for shape in [[6, 5], [300, 1000], [5000, 16]] {
        let forward = |device: &Device| {
            let (x, gamma, beta) =
                (numbers(&shape, device), numbers(&shape[1..], device), numbers(&shape[1..], device));
            (F::layer_normalization(&x, &gamma, &beta, 1e-5), [x, gamma, beta])
        };
        assert_eq!(count(forward), (1, 0), "forward, {shape:?}");
        let both = |device: &Device| {
            let (y, xs) = forward(device);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        let (launches, read_backs) = count(both);
        assert!(launches <= 1 + 3 && read_backs == 0, "forward and backward, {shape:?}: {launches}");
    }
}

#[test]
fn batch_normalization_takes_three_launches_with_the_rectifier_and_three_back() {
    if unfused() {
        return;
    }
    let shapes: [(&[usize], u64, u64); 5] = [
        (&[6, 5], 2, 2),
        (&[100, 1000], 3, 3),
        (&[16, 8, 12, 12], 3, 3),
        (&[1, 8, 100, 100], 2, 2),
        (&[2, 2, 300, 300], 3, 3),
    ];
    for (shape, forth, back) in shapes {
        let statistics = |device: &Device| F::RunningStatistics {
            mean: Tensor::zeros(shape[1], DType::F32, device).copy(),
            var: Tensor::ones(shape[1], DType::F32, device).copy(),
        };
        let forward = |device: &Device, running: Option<&mut F::RunningStatistics>| {
            let [x, gamma, beta] = [shape, &shape[1..2], &shape[1..2]].map(|s| numbers(s, device));
            let options = F::BatchNormalization::default();
            let y = F::batch_normalization_with(&x, &gamma, &beta, &options, running);
            (y, [x, gamma, beta])
        };
        let rectified = |device: &Device| {
            let mut running = statistics(device);
            let (y, xs) = forward(device, Some(&mut running));
            (F::relu(&y), xs, running.mean, running.var)
        };
        // Zeros and ones of the running statistics are made by two.
        assert_eq!(count(rectified), (forth + 2, 0), "forward, {shape:?}");
        let both = |device: &Device| {
            let (y, xs) = forward(device, None);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        assert_eq!(count(both), (forth + back, 0), "forward and backward, {shape:?}");
        // The rectifier's gradient is no launch of its own: both kernels that read it compute it.
        let through = |device: &Device| {
            let (y, xs) = forward(device, None);
            let y = F::relu(&y);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        assert_eq!(count(through), (forth + back, 0), "forward and backward with the rectifier, {shape:?}");
    }
}

#[test]
fn group_normalization_takes_three_launches_and_five_back() {
    if unfused() {
        return;
    }
    let both = |device: &Device| {
        let [x, gamma, beta] = [&[4, 8, 20, 20][..], &[8], &[8]].map(|s| numbers(s, device));
        let y = F::relu(&F::group_normalization(&x, 4, &gamma, &beta, 1e-5));
        y.data().force();
        y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], y.shape().clone(), device)));
        y.backward();
        [x, gamma, beta]
    };
    // One more for the gradient of the rectifier.
    let (launches, _) = count(both);
    assert!(launches <= 3 + 1 + 5, "{launches}");
}

#[test]
fn local_response_normalization_takes_one_launch_with_the_rectifier_and_two_back() {
    if unfused() {
        return;
    }
    let forward = |device: &Device| {
        let x = numbers(&[2, 8, 5, 5], device);
        (F::relu(&F::local_response_normalization(&x)), x)
    };
    assert_eq!(count(forward), (1, 0), "forward");
    let both = |device: &Device| {
        let (y, x) = forward(device);
        y.data().force();
        y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], y.shape().clone(), device)));
        y.backward();
        x
    };
    let (launches, _) = count(both);
    assert!(launches <= 1 + 2, "{launches}");
}

/// Softmax reads a row several times and normalisation shares what it reads: both compute a little themselves, and more than
/// that is written first.
#[test]
fn row_kernels_compute_what_is_cheap() {
    if unfused() {
        return;
    }
    let _scope = no_backprop();
    let row = |device: &Device| numbers(&[40], device);
    let sum = |device: &Device| numbers(&[6, 40], device) + numbers(&[6, 40], device) * 0.5;
    type Make = fn(&dyn Fn(&Device) -> Variable, &dyn Fn(&Device) -> Variable, &Device) -> Variable;
    let all: [(&str, u64, Make); 4] = [
        ("softmax of a scaled sum", 1, |sum, _, d| F::softmax(&(sum(d) * 2.0 + 1.0))),
        ("softmax of exponentials", 2, |sum, _, d| F::softmax(&(F::exp(&sum(d)) * 0.1))),
        ("normalised sum", 1, |_, row, d| {
            let [a, b] = [numbers(&[6, 40], d), numbers(&[6, 40], d)];
            F::layer_normalization(&(a + b), &row(d), &row(d), 1e-5)
        }),
        ("normalised tanh", 2, |sum, row, d| F::layer_normalization(&F::tanh(&sum(d)), &row(d), &row(d), 1e-5)),
    ];
    for (name, launches, make) in all {
        assert_eq!(count(|d| make(&sum, &row, d)), (launches, 0), "{name}");
        let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let [device, cpu] = [testing::devices().pop().expect("an adapter"), Device::cpu()];
        let [on_gpu, on_cpu] = [device, cpu].map(|d| make(&sum, &row, &d).data().to_f64().unwrap().into_dyn());
        testing::close(name, &on_gpu, &on_cpu, 1e-5).unwrap();
    }
}

#[test]
fn draws_are_computed_where_they_are_used() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let mut g = Generator::new(3);
        let before = device.stats();
        let drawn = [
            Tensor::rand(&mut g, [1000], DType::F32, &device),
            Tensor::randn(&mut g, [1000], DType::F32, &device),
            Tensor::bernoulli(&mut g, 0.5, [1000], DType::F32, &device),
            Tensor::randint(&mut g, -9, 9, [1000], &device),
        ];
        drawn.iter().for_each(Tensor::force);
        let did = device.stats() - before;
        assert_eq!(did.bytes_up, 0, "{device}: {did:?}");
        assert!(unfused() || did.launches == 4, "{device}: {did:?}");
        let before = device.stats();
        let noisy = Tensor::randn(&mut g, [1000], DType::F32, &device) * 0.1 + &drawn[0];
        noisy.force();
        let did = device.stats() - before;
        assert!(unfused() || (did.launches, did.allocations) == (1, 1), "{device}: {did:?}");
    }
}

#[test]
fn an_expression_is_one_launch_that_writes_its_result_alone() {
    if unfused() {
        return;
    }
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let [a, b, c, d, e] = [0; 5].map(|_| numbers(&[64, 33], &device));
        device.synchronize().unwrap();
        let before = device.stats();
        let [ta, tb, tc, td, te] = [&a, &b, &c, &d, &e].map(|v| v.data().clone());
        let y = (&ta * &tb + &tc).relu() * &td - te.tanh();
        y.force();
        let did = device.stats() - before;
        assert_eq!((did.launches, did.allocations, did.read_backs), (1, 1, 0), "{device}, tensors: {did:?}");
        let before = device.stats();
        let z = F::relu(&(&a * &b + &c)) * &d - F::tanh(&e);
        z.data().force();
        let did = device.stats() - before;
        // What the gradients ask for is written beside it.
        assert_eq!((did.launches, did.read_backs), (1, 0), "{device}, variables: {did:?}");
        assert!(did.allocations <= 3, "{device}, variables: {did:?}");
        assert_eq!(y.to_vec::<f32>().unwrap(), z.data().to_vec::<f32>().unwrap());
        F::sum(&z).backward();
        assert!([a, b, c, d, e].iter().all(|v| v.grad().is_some()));
    }
}

#[test]
fn softmax_of_rows_is_one_launch() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::rand(&mut Generator::new(1), [4096, 1024], DType::F32, device);
        x.force();
        let y = x.softmax(1);
        y.force();
        [x, y]
    });
    // One for the numbers, and one.
    assert_eq!(launches, (2, 0));
}

#[test]
fn a_sum_of_more_tensors_than_a_kernel_binds_is_cut() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let all: Vec<Tensor> = (0..40).map(|i| Tensor::from_slice(&[i as f32, 0.5], [2], &device)).collect();
        let before = device.stats();
        let sum = all.iter().skip(1).fold(all[0].clone(), |sum, t| sum + t);
        assert_eq!(sum.to_vec::<f32>().unwrap(), [780.0, 20.0], "{device}");
        let launches = (device.stats() - before).launches;
        // A kernel binds 8 buffers at least: it adds 6 to what it has, and writes.
        assert!(unfused() || (device.is_cpu() || launches > 1) && launches <= 7, "{device}: {launches}");
    }
}

#[test]
fn other_sizes_of_a_batch_compile_nothing() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices().into_iter().filter(|d| !d.is_cpu()) {
        let layers = [(784, 1000), (1000, 1000), (1000, 10)].map(|(m, n)| L::Linear::new(m, n).to_device(&device));
        let mut optimizers = layers.each_ref().map(|l| Adam::default().setup(l));
        let mut step = |n: usize| {
            let before = device.stats().pipelines;
            let pixels: Vec<f32> = (0..n * 784).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
            let labels: Vec<i32> = (0..n as i32).map(|i| i % 10).collect();
            let x = Variable::constant(Tensor::from_slice(&pixels, [n, 784], &device));
            let t = Variable::constant(Tensor::from_slice(&labels, [n], &device));
            let h = F::relu(&layers[1].forward(&F::relu(&layers[0].forward(&x))));
            let loss = F::softmax_cross_entropy(&layers[2].forward(&h), &t);
            layers.iter().for_each(|l| l.cleargrads());
            loss.backward();
            optimizers.iter_mut().for_each(|o| o.update());
            assert!(loss.item().unwrap().is_finite());
            device.stats().pipelines - before
        };
        let first = [step(100), step(100)];
        let others = [96, 37, 100].map(&mut step);
        println!("{device}: {first:?} kernels at first, {others:?} for other sizes");
        assert!(others[0] == 0 && others[1] <= 2 && others[2] == 0, "{device}: {others:?}");
    }
}
