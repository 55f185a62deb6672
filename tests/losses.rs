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

/// Positions of the largest values, computed on a device, which nobody has looked at.
fn computed(labels: &[usize], device: &Device) -> Tensor {
    let most = labels.iter().max().unwrap() + 1;
    let values: Vec<f32> = labels.iter().flat_map(|&l| (0..most).map(move |i| f32::from(u8::from(i == l)))).collect();
    Tensor::from_slice(&values, [labels.len(), most], device).argmax(1)
}

#[test]
fn every_loss_over_labels_notes_those_of_the_device() {
    let _alone = alone();
    for device in testing::devices() {
        let ones = |shape: &[usize]| Variable::new(Tensor::ones(shape, DType::F32, &device));
        let ctc = |labels: &[usize], lengths: F::Lengths<'_>| {
            let t = Variable::constant(computed(labels, &device).reshape([1, -1]));
            let x = ones(&[1, 3]);
            F::connectionist_temporal_classification(&[&x, &x, &x], &t, 0, lengths, F::Reduce::Mean)
        };
        let hinge = |labels: &[usize]| {
            F::hinge(&ones(&[2, 3]), &Variable::constant(computed(labels, &device)), F::HingeNorm::L1)
        };
        let contrastive = |labels: &[usize]| {
            let t = Variable::constant(computed(labels, &device));
            F::contrastive(&ones(&[2, 3]), &ones(&[2, 3]), &t, 1.0, F::Reduce::Mean)
        };
        let clustering = |labels: &[usize]| {
            let t = Variable::constant(computed(labels, &device).reshape([1, 1, 2]));
            let options = F::Clustering::default();
            F::discriminative_margin_based_clustering_loss(&ones(&[1, 2, 1, 2]), &t, &options)[0].clone()
        };
        let (all, one) = (F::Lengths::default(), F::Lengths { labels: Some(&[1]), ..Default::default() });
        let losses: [(&dyn Fn() -> Variable, &str); 4] = [
            (&|| ctc(&[1, 3], all), "connectionist_temporal_classification"),
            (&|| hinge(&[1, 3]), "hinge"),
            (&|| contrastive(&[1, 3]), "contrastive"),
            (&|| clustering(&[1, 3]), "discriminative_margin_based_clustering_loss"),
        ];
        for (loss, name) in losses {
            match loss().item() {
                Err(Error::IndexOutOfRange { operator, index: 3, position: 1, .. }) => assert_eq!(operator, name),
                other => panic!("{device}: {name}: {other:?}"),
            }
        }
        // Padding may be anything, on the host as on the device, and good labels of the device are as those of the host.
        let x = ones(&[1, 3]);
        let from_host = |labels: &[i32], lengths: F::Lengths<'_>| {
            let t = Variable::constant(Tensor::from_slice(labels, [1, labels.len()], &device));
            F::connectionist_temporal_classification(&[&x, &x, &x], &t, 0, lengths, F::Reduce::Mean).item().unwrap()
        };
        let expected = from_host(&[1], all);
        assert_eq!(ctc(&[1, 3], one).item().unwrap(), expected, "{device}");
        assert_eq!(from_host(&[1, -5], one), expected, "{device}");
        for loss in [hinge(&[1, 2]), contrastive(&[1, 0]), clustering(&[1, 2])] {
            assert!(loss.item().is_ok(), "{device}");
        }
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
