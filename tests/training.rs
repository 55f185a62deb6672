//! A training step counted: what it launches, waits for, allocates and compiles.

use catena::{prelude::*, testing::devices};

chain! {
    struct Mlp {
        l1: L::Linear,
        l2: L::Linear,
        l3: L::Linear,
    }
}

/// The paper's network at the size of its peers' benchmarks: 784-1000-1000-10, batch 100, Adam.
#[test]
fn a_step_waits_for_nothing_and_makes_nothing_new() {
    for device in devices() {
        let model = Mlp { l1: L::Linear::new(784, 1000), l2: L::Linear::new(1000, 1000), l3: L::Linear::new(1000, 10) }
            .to_device(&device);
        let mut optimizer = Adam::default().setup(&model);
        let pixels: Vec<f32> = (0..100 * 784).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
        let labels: Vec<i32> = (0..100).map(|i| i % 10).collect();
        let mut step = || {
            let x = Variable::constant(Tensor::from_slice(&pixels, [100, 784], &device));
            let t = Variable::constant(Tensor::from_slice(&labels, [100], &device));
            let h = F::relu(&model.l1.forward(&x));
            let h = F::relu(&model.l2.forward(&h));
            let loss = F::softmax_cross_entropy(&model.l3.forward(&h), &t);
            model.cleargrads();
            loss.backward();
            optimizer.update();
        };
        step();
        step();
        let second = device.stats();
        for _ in 0..8 {
            step();
        }
        let tenth = device.stats();
        for _ in 0..4 {
            step();
        }
        let last = device.stats();
        let (after_two, after_ten) = (last - second, last - tenth);
        println!("{device}: {:?}", after_ten);
        assert_eq!(after_two.read_backs, 0, "{device}");
        assert_eq!(after_two.buffers_created, 0, "{device}");
        assert_eq!(after_two.pipelines, 0, "{device}");
        let groups = after_ten.bind_groups + after_ten.bind_group_hits;
        assert!(after_ten.bind_group_hits * 100 >= groups * 99, "{device}: {after_ten:?}");
        if std::env::var("CATENA_FUSION").is_err() {
            // Forward 5, backward 9, all parameters 1: a sum of gradients or a mask by itself would show here.
            let most = if device.is_cpu() { 25 } else { 15 };
            assert!(after_ten.launches <= 4 * most, "{device}: {} launches a step", after_ten.launches / 4);
        }
        // Reading the loss is the one wait.
        device.synchronize().unwrap();
    }
}
