//! What losses say of labels that are no classes.

use catena::{error::Error, prelude::*, testing};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A bad label on the device comes back with anybody's next wait: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_label_from_the_host_is_checked_at_the_call() {
    let _alone = alone();
    for device in testing::devices() {
        let x = Variable::new(Tensor::ones([3, 4], DType::F32, &device));
        let t = Variable::constant(Tensor::from_slice(&[0, 4, 1], [3], &device));
        let said = panic_of(|| F::softmax_cross_entropy(&x, &t));
        assert!(said.contains("softmax_cross_entropy") && said.contains("label 4 at position 1"), "{said}");
        // A part of the labels without the bad one is fine.
        let some = Variable::constant(t.data().slice(&[(0..1usize).into()]));
        let x = Variable::new(Tensor::ones([1, 4], DType::F32, &device));
        assert!(F::softmax_cross_entropy(&x, &some).item().is_ok());
    }
}

#[test]
fn a_label_from_the_device_is_an_error_of_the_next_blocking_call() {
    let _alone = alone();
    for device in testing::devices() {
        let x = Variable::new(Tensor::ones([2, 3], DType::F32, &device));
        // The positions 1 and 3, of which 3 is no class.
        let far = Tensor::from_slice(&[0.0f32, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0], [2, 4], &device).argmax(1);
        let loss = F::softmax_cross_entropy(&x, &Variable::constant(far));
        match loss.item() {
            Err(Error::IndexOutOfRange { operator, index: 3, position: 1, high: 3, .. }) => {
                assert_eq!(operator, "softmax_cross_entropy");
            }
            other => panic!("{device}: {other:?}"),
        }
        // The device goes on.
        let t = Variable::constant(Tensor::from_slice(&[0, 1], [2], &device));
        assert!(F::softmax_cross_entropy(&x, &t).item().is_ok());
    }
}

#[test]
fn a_check_of_labels_leaves_an_earlier_failure_for_the_next_wait() {
    let _alone = alone();
    for device in testing::devices().into_iter().filter(|device| *device != Device::cpu()) {
        let x = Variable::new(Tensor::ones([2, 3], DType::F32, &device));
        let far = Tensor::from_slice(&[0.0f32, 9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0], [2, 4], &device).argmax(1);
        let loss = F::softmax_cross_entropy(&x, &Variable::constant(far));
        loss.data().force();
        let t = Variable::constant(Tensor::from_slice(&[0, 4], [2], &device));
        let said = panic_of(|| F::softmax_cross_entropy(&x, &t));
        assert!(said.contains("label 4 at position 1"), "{said}");
        assert!(matches!(loss.item(), Err(Error::IndexOutOfRange { index: 3, .. })), "{device}");
        let t = Variable::constant(Tensor::from_slice(&[0, 1], [2], &device));
        assert!(F::softmax_cross_entropy(&x, &t).item().is_ok());
    }
}

#[test]
fn shapes_are_checked() {
    let device = Device::cpu();
    let x = Variable::new(Tensor::ones([3, 4], DType::F32, &device));
    let t = Variable::constant(Tensor::from_slice(&[0, 1], [2], &device));
    let said = panic_of(|| F::softmax_cross_entropy(&x, &t));
    assert!(said.contains("softmax_cross_entropy (Forward)") && said.contains("(2,)"), "{said}");
}
