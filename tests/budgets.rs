//! Launches that training takes: an accidental kernel or synchronisation is a failing test.
//!
//! Counts are those of a GPU or a software adapter, one thread at a time, with fusion.

use catena::{kernel::force_all, prelude::*, testing};
use std::sync::Mutex;

/// One test at a time: all of them count on the same device.
static COUNTING: Mutex<()> = Mutex::new(());

/// Launches and read-backs of `f` on the GPU or software adapter.
fn count<T>(f: impl Fn(&Device) -> T) -> (u64, u64) {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let device = testing::devices().pop().expect("there is always the CPU");
    assert!(!device.is_cpu(), "launches are counted on a GPU; install a software adapter");
    device.synchronize().unwrap();
    let before = device.stats();
    let kept = f(&device);
    force_all(&device);
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
