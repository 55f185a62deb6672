//! Memory stays flat over thousands of steps; long graphs are walked and freed without recursion.

use catena::{autograd::no_backprop, prelude::*, testing::devices};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// Devices count for the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

chain! {
    struct Mlp {
        l1: L::Linear,
        l2: L::Linear,
    }
}

/// The system's allocator, which counts the bytes that the program holds.
struct Counting;

static HELD: AtomicI64 = AtomicI64::new(0);

// SAFETY: the system's, call for call.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: as asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: allocated above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_training_loop_holds_the_same_after_thousands_of_steps() {
    let _alone = alone();
    for device in devices() {
        let model = Mlp { l1: L::Linear::new(20, 16), l2: L::Linear::new(16, 5) }.to_device(&device);
        let mut optimizer = Adam::default().setup(&model);
        let pixels: Vec<f32> = (0..8 * 20).map(|i| (i % 7) as f32 * 0.1).collect();
        let labels: Vec<i32> = (0..8).map(|i| i % 5).collect();
        let mut total = Tensor::zeros((), DType::F32, &device);
        let mut step = || {
            let x = Variable::constant(Tensor::from_slice(&pixels, [8, 20], &device));
            let t = Variable::constant(Tensor::from_slice(&labels, [8], &device));
            let y = model.l2.forward(&F::dropout(&F::relu(&model.l1.forward(&x)), 0.1));
            let loss = F::softmax_cross_entropy(&y, &t);
            model.cleargrads();
            loss.backward();
            optimizer.update();
            // A running total, never read: it must not hold on to the steps it came from.
            total = total.add(loss.data());
        };
        // By then a driver has compiled every kernel, and as many steps have been on their way at once as may be.
        for _ in 0..50 {
            step();
        }
        device.synchronize().expect("a device that works");
        let (before, held) = (device.stats(), HELD.load(Relaxed));
        let steps = if device.is_cpu() { 10_000 } else { 500 };
        for _ in 50..steps {
            step();
        }
        device.synchronize().expect("a device that works");
        let (after, grown) = (device.stats(), HELD.load(Relaxed) - held);
        assert!(after.used_bytes <= before.used_bytes + 4096, "{device}: {before:?} to {after:?}");
        assert!(after.total_bytes <= before.total_bytes + 8192, "{device}: {before:?} to {after:?}");
        assert!(after.peak_bytes <= before.peak_bytes + 8192, "{device}: {before:?} to {after:?}");
        // Less than any node or tensor that one step could leave behind.
        println!("{device}: {grown} bytes more after {steps} steps");
        assert!(grown < 100 * steps, "{device}: {grown} bytes more after {steps} steps");
        assert!(total.item().expect("a number").is_finite());
    }
}

#[test]
fn a_chain_of_100_000_functions_goes_forward_back_and_away() {
    let _alone = alone();
    let device = Device::cpu();
    let used = device.stats().used_bytes;
    {
        let x = Variable::new(Tensor::from_slice(&[0.5f32, 1.0], [2], &device));
        let mut y = x.clone();
        for _ in 0..100_000 {
            y = &y + 1e-5;
        }
        let loss = F::sum(&y);
        loss.backward();
        assert_eq!(x.grad().expect("a gradient").to_vec::<f32>().expect("values"), [1.0, 1.0]);
    }
    assert_eq!(device.stats().used_bytes, used);
    {
        // Every link retains its output.
        let x = Variable::new(Tensor::from_slice(&[0.5f32], [1], &device));
        let mut y = x.clone();
        for _ in 0..100_000 {
            y = F::tanh(&y);
        }
        y.backward();
        assert!(x.grad().expect("a gradient").item().expect("a value") > 0.0);
    }
    assert_eq!(device.stats().used_bytes, used);
}

#[test]
fn a_graph_is_freed_with_its_loss_and_kept_by_nothing_else() {
    let _alone = alone();
    for device in devices() {
        let model = Mlp { l1: L::Linear::new(200, 100), l2: L::Linear::new(100, 10) }.to_device(&device);
        let x = Variable::constant(Tensor::ones([64, 200], DType::F32, &device).copy());
        device.synchronize().expect("a device that works");
        let used = device.stats().used_bytes;
        let loss = F::sum(&F::relu(&model.l2.forward(&F::relu(&model.l1.forward(&x)))));
        loss.data().force();
        assert!(device.stats().used_bytes > used, "{device}: the graph retains activations");
        let kept = loss.detach();
        drop(loss);
        assert!(device.stats().used_bytes <= used + 256, "{device}: a detached loss keeps no graph");
        drop(kept);

        // With gradients of their own graph on the leaves, clearing them frees it.
        let loss = F::sum(&F::tanh(&model.l1.forward(&x)));
        loss.backward_with(catena::autograd::Backward { enable_double_backprop: true, ..Default::default() });
        drop(loss);
        model.cleargrads();
        assert!(device.stats().used_bytes <= used + 256, "{device}: gradients with a graph are freed when cleared");

        let _scope = no_backprop();
        let y = model.l2.forward(&F::relu(&model.l1.forward(&x)));
        y.data().force();
        assert!(y.creator().is_none());
        assert!(device.stats().used_bytes <= used + 64 * 10 * 4 + 4096, "{device}: nothing is retained");
    }
}

#[test]
fn unchaining_bounds_the_memory_of_a_long_sequence() {
    let _alone = alone();
    let device = Device::cpu();
    let cell = L::Linear::new(16, 16);
    let mut h = Variable::constant(Tensor::ones([4, 16], DType::F32, &device).copy());
    let mut levels = vec![];
    for chunk in 0..50 {
        for _ in 0..20 {
            h = F::tanh(&cell.forward(&h));
        }
        let loss = F::sum(&h);
        cell.cleargrads();
        loss.backward();
        h.unchain_backward();
        if chunk >= 2 {
            device.reset_peak();
            levels.push(device.stats().used_bytes);
        }
    }
    assert!(levels.iter().all(|l| *l <= levels[0] + 1024), "{levels:?}");
}
