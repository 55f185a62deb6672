//! Recurrent cells, and layers over whole sequences.

use super::{count, count_on, unfused};
use catena::{prelude::*, testing};

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

/// Launches of a cell's first step and those of a further one, forward and backward, for inputs of this size.
fn cell_launches<T: Link>(
    inputs: usize,
    make: impl Fn() -> T,
    step: impl Fn(&T, &[Variable; 2], &Variable) -> [Variable; 2],
) -> [u64; 4] {
    let of = |size: usize, scale: f32, device: &Device| {
        let values: Vec<f32> = (0..20 * size).map(|i| (i as f32 * 0.7).sin() * scale).collect();
        Variable::new(Tensor::from_slice(&values, [20, size], device))
    };
    let forward = |steps: usize, device: &Device| {
        let cell = make().to_device(device);
        let mut states = [of(200, 1.0, device), of(200, 0.5, device)];
        let (first, xs) = (states.clone(), (0..steps).map(|_| of(inputs, 0.2, device)).collect::<Vec<_>>());
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

/// Launches of each cell: of a first step forward and backward, and of each further step. A step takes at most 4 and 8; where
/// a first one takes more, it is said why.
#[test]
fn recurrent_cells_take_few_launches() {
    if unfused() {
        return;
    }
    let state = |(c, h): (Variable, Variable)| [c, h];
    let twice = |h: Variable| [h.clone(), h];
    let mut wrong = vec![];
    // As many inputs as units, and fewer.
    for inputs in [200, 100] {
        let lstm = || L::StatelessLSTM::new(inputs, 200);
        let peephole = || L::StatefulPeepholeLSTM::new(inputs, 200);
        let zoneout = || L::StatefulZoneoutLSTM::new(inputs, 200, 0.5, 0.5);
        let rows: [(&str, [u64; 4], [u64; 4]); 7] = [
            (
                "StatelessLSTM",
                [3, 6, 3, 5],
                cell_launches(inputs, lstm, |l, s, x| state(l.forward(Some(&s[0]), Some(&s[1]), x))),
            ),
            // One more in a first step joins weights and biases, for all steps.
            (
                "StatelessGRU",
                [5, 8, 4, 7],
                cell_launches(inputs, || L::StatelessGRU::new(inputs, 200), |l, s, x| twice(l.forward(Some(&s[1]), x))),
            ),
            // The same.
            (
                "StatelessMGU",
                [4, 8, 3, 7],
                cell_launches(inputs, || L::StatelessMGU::new(inputs, 200), |l, s, x| twice(l.forward(&s[1], x))),
            ),
            // One joins the weights on the state, for all steps, and one the state, which later steps find joined: what all
            // steps share must not hold the graph that leads to the first state.
            (
                "StatefulPeepholeLSTM",
                [6, 8, 4, 8],
                cell_launches(inputs, peephole, |l, s, x| {
                    l.set_state(&s[0], &s[1]);
                    let h = l.forward(x);
                    [l.c.get().unwrap(), h]
                }),
            ),
            (
                "StatefulZoneoutLSTM",
                [4, 6, 4, 5],
                cell_launches(inputs, zoneout, |l, s, x| {
                    l.set_state(&s[0], &s[1]);
                    let h = l.forward(x);
                    [l.c.get().unwrap(), h]
                }),
            ),
            // Of two children. One more in a first step joins the weights on them.
            (
                "ChildSumTreeLSTM",
                [5, 8, 4, 6],
                cell_launches(
                    inputs,
                    || L::ChildSumTreeLSTM::new(inputs, 200),
                    |l, s, x| state(l.forward(&[Some((&s[0], &s[1])); 2], Some(x))),
                ),
            ),
            (
                "NaryTreeLSTM",
                [5, 8, 4, 6],
                cell_launches(
                    inputs,
                    || L::NaryTreeLSTM::new(inputs, 200, 2),
                    |l, s, x| state(l.forward(&[Some((&s[0], &s[1])); 2], Some(x))),
                ),
            ),
        ];
        let others = rows.into_iter().filter(|(_, stated, taken)| stated != taken);
        wrong.extend(
            others.map(|(name, stated, taken)| format!("{name} of {inputs}: states {stated:?}, takes {taken:?}")),
        );
    }
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
    let most = [3.25, 5.34, 2.25, 2.25, 6.5, 10.67, 4.5];
    assert!(taken.iter().zip(most).all(|(t, m)| *t <= m), "{taken:?}, of which at most {most:?}");
}
