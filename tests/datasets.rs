//! Datasets and iterators as a program uses them.

use catena::{
    datasets::{
        BatchDataset, Dataset, MnistOptions, SubDataset, TransformDataset, TupleDataset, get_mnist,
        iterators::{EpochIterator, IteratorState, MultithreadIterator, SerialIterator},
        mnist::Source,
        permutation, vendored_dir,
    },
    error::Error,
};
use ndarray::{Array1, Array2, arr1};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Traces of Chainer 7.8.1's SerialIterator.
fn traces() -> Vec<serde_json::Value> {
    serde_json::from_str(include_str!("data/serial_iterator.json")).unwrap()
}

fn follow(trace: &serde_json::Value, mut batches: impl EpochIterator<Item = Vec<usize>>) {
    let name = format!("{} of {}", trace["batch_size"], trace["n"]);
    assert_eq!(batches.previous_epoch_detail(), None);
    for step in trace["steps"].as_array().unwrap() {
        let before = batches.state();
        let batch = batches.next();
        if step == "StopIteration" {
            assert_eq!(batch, None, "{name}");
            assert_eq!(
                (batches.epoch(), batches.current_position()),
                (before.epoch, before.current_position),
                "{name}"
            );
            continue;
        }
        let found = serde_json::json!({
            "batch": batch.unwrap(),
            "epoch": batches.epoch(),
            "is_new_epoch": batches.is_new_epoch(),
            "epoch_detail": batches.epoch_detail(),
            "previous_epoch_detail": batches.previous_epoch_detail(),
            "current_position": batches.current_position(),
        });
        assert_eq!(&found, step, "{name}");
    }
}

#[test]
fn iterators_follow_chainers_traces() {
    let traces = traces();
    assert_eq!(traces.len(), 5);
    for trace in &traces {
        let number = |key: &str| trace[key].as_u64().unwrap() as usize;
        let (n, size, repeat) = (number("n"), number("batch_size"), trace["repeat"].as_bool().unwrap());
        follow(trace, SerialIterator::new(n, size).repeat(repeat).shuffle(false, 0));
        for (threads, prefetch) in [(1, 1), (3, 5)] {
            let batches = MultithreadIterator::new(n, size).repeat(repeat).shuffle(false, 0);
            follow(trace, batches.threads(threads).prefetch(prefetch));
        }
    }
}

#[test]
fn every_epoch_has_each_example_once_in_its_own_order() {
    let mut batches = SerialIterator::new(10, 4).shuffle(true, 3);
    let seen: Vec<usize> = batches.by_ref().take(10).flatten().collect();
    let expected: Vec<usize> = (0..4).flat_map(|draw| permutation(10, 3, draw)).collect();
    assert_eq!(seen, expected);
    assert_ne!(seen[..10], seen[10..20]);
    batches.reset();
    assert_eq!(batches.next().unwrap(), expected[..4]);
    assert_eq!(batches.epoch(), 0);
}

fn saved(state: &IteratorState) -> IteratorState {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

#[test]
fn a_resumed_run_goes_on_identically() {
    for steps in 0..12 {
        let mut first = MultithreadIterator::new(10, 3).shuffle(true, 8).threads(2);
        first.by_ref().take(steps).for_each(drop);
        let state = saved(&first.state());
        // The one that takes over began with another seed, and was already running.
        let mut second = SerialIterator::new(10, 3).shuffle(true, 99);
        second.next();
        second.restore(&state).unwrap();
        assert_eq!(second.state(), state);
        let mut third = MultithreadIterator::new(10, 3).shuffle(true, 1).threads(2);
        third.next();
        third.restore(&state).unwrap();
        for _ in 0..20 {
            let batch = first.next();
            assert_eq!(second.next(), batch, "after {steps} batches");
            assert_eq!(third.next(), batch, "after {steps} batches");
            assert_eq!(second.state(), first.state());
            assert_eq!(third.state(), first.state());
        }
    }
}

#[test]
fn a_state_of_another_run_is_refused() {
    let mut batches = SerialIterator::new(10, 3).shuffle(true, 0);
    let kept = batches.state();
    let text =
        |batches: &mut SerialIterator<usize>, state: &IteratorState| batches.restore(state).unwrap_err().to_string();
    let longer = SerialIterator::new(11, 3).state();
    assert!(text(&mut batches, &longer).contains("order has 11 examples, and the dataset 10"));
    let plain = SerialIterator::new(10, 3).shuffle(false, 0).state();
    assert!(text(&mut batches, &plain).contains("not shuffled, and this iterator shuffles"));
    let damaged = IteratorState { order: Some(vec![10; 10]), ..kept.clone() };
    assert!(text(&mut batches, &damaged).contains("examples beyond the dataset's 10"));
    let beyond = IteratorState { current_position: 10, ..kept.clone() };
    assert!(text(&mut batches, &beyond).contains("position is 10, and the dataset has 10"));
    assert_eq!(batches.state(), kept);
    let mut unshuffled = SerialIterator::new(10, 3).shuffle(false, 0);
    assert!(text(&mut unshuffled, &kept).contains("is shuffled, and this iterator does not shuffle"));
}

#[test]
fn nothing_to_iterate() {
    let mut none = SerialIterator::new(0, 3).repeat(false);
    assert_eq!(none.next(), None);
    assert_eq!(none.epoch_detail(), 0.0);
    let repeated = std::panic::catch_unwind(|| SerialIterator::new(0, 3).next());
    assert!(repeated.is_err());
}

#[test]
fn batches_are_contiguous_and_match_their_examples() {
    let x = Array2::from_shape_fn((7, 3), |(i, j)| (10 * i + j) as f32);
    let t = Array1::from_iter(0..7);
    let data = TupleDataset::new((x, t));
    let mut batches = SerialIterator::new(data.clone(), 3).repeat(false).shuffle(true, 1);
    let mut examples = SerialIterator::new(data, 3).repeat(false).shuffle(true, 1);
    let mut seen = 0;
    while let Some((x, t)) = batches.next_batch() {
        assert!(x.is_standard_layout());
        for (i, (row, label)) in examples.next().unwrap().into_iter().enumerate() {
            assert_eq!((x.row(i), t[i]), (row.view(), label));
            seen += 1;
        }
    }
    assert_eq!(seen, 7);
    assert_eq!(examples.next(), None);
}

#[test]
#[should_panic(expected = "TupleDataset needs datasets of one length, not [3, 2]")]
fn datasets_of_other_lengths_panic() {
    TupleDataset::new((vec![1, 2, 3], arr1(&[1, 2])));
}

#[test]
fn datasets_nest() {
    let data = TransformDataset::new(SubDataset::with_order(vec![10, 20, 30], vec![2, 0, 1], 0..2), |v| v + 1);
    assert_eq!((data.len(), data.get(0), data.get(1)), (2, 31, 11));
}

/// Counts how many batches were begun, and takes a while for each.
struct Slow {
    begun: Arc<AtomicUsize>,
}

impl Dataset for Slow {
    type Item = usize;
    fn len(&self) -> usize {
        1000
    }
    fn get(&self, index: usize) -> usize {
        self.begun.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(2));
        index
    }
}

#[test]
fn prefetching_is_bounded_and_ends_when_dropped() {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut batches =
        MultithreadIterator::new(Slow { begun: begun.clone() }, 1).shuffle(false, 0).threads(3).prefetch(4);
    assert_eq!(batches.next(), Some(vec![0]));
    let deadline = Instant::now() + Duration::from_secs(20);
    while begun.load(Ordering::SeqCst) < 5 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(begun.load(Ordering::SeqCst), 5, "the first, and four ahead");
    batches.next();
    drop(batches);
    assert_eq!(Arc::strong_count(&begun), 1, "the threads have ended and let go of the dataset");
}

#[test]
fn batches_nobody_waits_for_are_not_made() {
    let begun = Arc::new(AtomicUsize::new(0));
    let mut batches =
        MultithreadIterator::new(Slow { begun: begun.clone() }, 1).shuffle(false, 0).threads(1).prefetch(200);
    batches.next();
    drop(batches);
    assert!(begun.load(Ordering::SeqCst) < 100, "{begun:?}");
}

#[test]
fn a_panic_in_a_worker_reaches_the_caller() {
    let data = TransformDataset::new(20, |i: usize| {
        assert!(i != 13, "example 13 cannot be read");
        i
    });
    let mut batches = MultithreadIterator::new(data, 5).repeat(false).shuffle(false, 0).threads(2);
    assert_eq!(batches.next().unwrap()[0], 0);
    assert_eq!(batches.next().unwrap()[0], 5);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| batches.next())).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"example 13 cannot be read"));
    assert_eq!(batches.next().unwrap()[0], 15);
    assert_eq!(batches.next(), None);
}

#[test]
fn threads_batch_arrays_in_order() {
    let data = TupleDataset::new((Array2::from_shape_fn((100, 2), |(i, _)| i as f32), Array1::from_iter(0..100)));
    let mut serial = SerialIterator::new(data.clone(), 7).shuffle(true, 4);
    let mut threaded = MultithreadIterator::batches(data, 7).shuffle(true, 4).threads(3);
    for _ in 0..50 {
        assert_eq!(threaded.next(), serial.next_batch());
    }
}

/// An idx file of bytes.
fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|d| out.extend(d.to_be_bytes()));
    out.extend(data);
    out
}

/// A folder with four small files under MNIST's names, without `.gz`.
fn small_mnist() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (part, n) in [("train", 3), ("t10k", 2)] {
        let pixels: Vec<u8> = (0..n * 784).map(|i| (i % 256) as u8).collect();
        fs::write(dir.path().join(format!("{part}-images-idx3-ubyte")), idx(&[n, 28, 28], &pixels)).unwrap();
        fs::write(dir.path().join(format!("{part}-labels-idx1-ubyte")), idx(&[n], &[9, 0, 5][..n as usize])).unwrap();
    }
    dir
}

#[test]
fn mnist_comes_from_the_folder_asked_for() {
    let dir = small_mnist();
    let mnist = get_mnist(&MnistOptions::default().data(dir.path())).unwrap();
    assert_eq!(mnist.source, Source::Directory(dir.path().to_path_buf()));
    assert_eq!((mnist.train.len(), mnist.test.len()), (3, 2));
    assert_eq!(mnist.train.labels(), [9, 0, 5]);
    assert_eq!(mnist.train.bytes()[[0, 1, 1]], 29);
    let (x, t) = mnist.train.batch(&[2, 0]);
    assert_eq!((x.shape(), x.is_standard_layout(), t), (&[2, 784][..], true, arr1(&[5, 9])));
    // Pixel 784 * 2 + 100 of the file.
    assert_eq!(x[[0, 100]], ((784 * 2 + 100) % 256) as f32 * (1.0_f32 / 255.0));
    assert_eq!((x[[1, 0]], x[[1, 255]]), (0.0, 1.0));
    let (one, label) = mnist.train.get(2);
    assert_eq!((one.view(), label), (x.index_axis(ndarray::Axis(0), 0), 5));
    assert_eq!(mnist.train.without_labels().batch(&[2, 0]), x);
    assert_eq!(mnist.test.images().shape(), [2, 784]);

    let options = MnistOptions::default().data(dir.path()).ndim(3).scale(255.0);
    let mnist = get_mnist(&options).unwrap();
    assert_eq!(mnist.train.get(0).0.shape(), [1, 28, 28]);
    assert_eq!(mnist.train.batch(&[0]).0[[0, 0, 1, 1]], 29.0);
}

#[test]
fn mnists_that_are_none_are_refused() {
    let text = |dir: &Path| match get_mnist(&MnistOptions::default().data(dir)).unwrap_err() {
        e @ Error::BadFile { .. } => e.to_string(),
        e => panic!("{e:?}"),
    };
    let changed = |name: &str, bytes: Vec<u8>| {
        let dir = small_mnist();
        fs::write(dir.path().join(name), bytes).unwrap();
        text(dir.path())
    };
    let labels = "t10k-labels-idx1-ubyte";
    assert!(changed(labels, idx(&[2], &[3, 10])).contains("expected labels of 0 to 9, found 10 at position 1"));
    assert!(changed(labels, idx(&[3], &[1, 2, 3])).contains("expected 2 labels, as many as"));
    assert!(changed("train-images-idx3-ubyte", idx(&[1, 2, 2], &[0; 4])).contains("expected images of 28x28 bytes"));
    assert!(changed("train-images-idx3-ubyte", idx(&[0, 28, 28], &[])).contains("expected at least one image"));
    assert!(changed(labels, idx(&[2], &[3])).contains("t10k-labels-idx1-ubyte: expected 2 bytes for shape [2]"));
    let dir = small_mnist();
    fs::remove_file(dir.path().join(labels)).unwrap();
    assert!(text(dir.path()).contains("a folder with t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"));
}

#[test]
fn the_digits_kept_with_the_source_are_whole() {
    let dir = vendored_dir("mnist").unwrap();
    let mnist = get_mnist(&MnistOptions::default().data(dir)).unwrap();
    assert_eq!((mnist.train.len(), mnist.test.len()), (8000, 2000));
    let mut counts = [0; 10];
    mnist.train.labels().iter().for_each(|&label| counts[label as usize] += 1);
    assert!(counts.iter().all(|n| (650..1000).contains(n)), "{counts:?}");
    // MNIST's mean brightness is 0.1307.
    let mean = mnist.train.images().mean().unwrap();
    assert!((mean - 0.1307).abs() < 0.002, "{mean}");
}

#[test]
fn without_network_and_cache_the_digits_kept_with_the_source_are_used() {
    let empty = tempfile::tempdir().unwrap();
    let mnist = get_mnist(&MnistOptions::default().cache(empty.path()).download(false)).unwrap();
    assert_eq!(mnist.test.len(), 2000);
    let Source::Vendored { because } = &mnist.source else { panic!("{:?}", mnist.source) };
    assert!(because.contains("the network was not to be used"), "{because}");
    assert!(mnist.source.to_string().starts_with("the small set kept with the source"));
}

#[cfg(not(feature = "download"))]
#[test]
fn without_its_feature_nothing_is_downloaded_and_the_error_says_so() {
    let cache = tempfile::tempdir().unwrap();
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let get = || catena::datasets::cached_download(&["http://127.0.0.1:1/f"], "f", sum, 0, cache.path());
    let text = get().unwrap_err().to_string();
    assert!(text.contains("built without its feature `download`"), "{text}");
    fs::write(cache.path().join("f"), "").unwrap();
    assert_eq!(get().unwrap(), cache.path().join("f"));
}
