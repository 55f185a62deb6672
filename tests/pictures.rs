//! Pictures as data: files that are what they should be and files that are not, batches made on threads.

use catena::{
    datasets::{
        CifarOptions, Dataset, ImageSource, LabeledImageDataset, Prepare, Skipped, Source, decode_image, get_cifar10,
        image_batches, iterators::EpochIterator, read_image,
    },
    error::{Error, Result},
};
use ndarray::Array3;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

fn vendored() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/textures10")
}

fn png(width: u32, height: u32, colours: png::ColorType, bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![];
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colours);
    encoder.write_header().and_then(|mut w| w.write_image_data(bytes)).expect("a picture");
    file
}

/// 8x8 pixels, orange on the left and blue on the right, by another program (Pillow 13, quality 95, 4:4:4).
const JPEG: &[u8] = include_bytes!("data/two_colours.jpg");

#[test]
fn pictures_are_decoded_to_planes() {
    let rgb = decode_image(&png(2, 1, png::ColorType::Rgb, &[1, 2, 3, 4, 5, 6])).expect("a picture");
    assert_eq!((rgb.shape(), rgb.iter().copied().collect::<Vec<_>>()), (&[3, 1, 2][..], vec![1, 4, 2, 5, 3, 6]));
    assert_eq!(decode_image(&png(1, 2, png::ColorType::Rgba, &[1; 8])).expect("a picture").shape(), [4, 2, 1]);
    assert_eq!(decode_image(&png(1, 1, png::ColorType::Grayscale, &[7])).expect("a picture").shape(), [1, 1, 1]);
    let jpeg = decode_image(JPEG).expect("a picture");
    assert_eq!(jpeg.shape(), [3, 8, 8]);
    for (at, colour) in [(1, [250, 130, 20]), (6, [20, 40, 200])] {
        for (c, expected) in colour.into_iter().enumerate() {
            assert!((i32::from(jpeg[[c, 4, at]]) - expected).abs() <= 8, "{at}: {:?}", jpeg[[c, 4, at]]);
        }
    }
}

#[test]
fn what_is_no_picture_is_refused_and_never_panics() {
    assert_eq!(decode_image(b"").unwrap_err(), "an empty file");
    assert_eq!(decode_image(b"GIF89a").unwrap_err(), "another kind of file");
    let whole = png(16, 16, png::ColorType::Rgb, &[9; 768]);
    for file in [JPEG, &whole[..]] {
        for length in 0..file.len() {
            assert!(
                decode_image(&file[..length]).is_err() || (length + 13 > whole.len() && file == whole),
                "{length} of {}",
                file.len()
            );
        }
        let mut changed = file.to_vec();
        for at in 2..file.len() {
            changed[at] ^= 0xff;
            let _ = decode_image(&changed);
            changed[at] ^= 0xff;
        }
    }
    let e = read_image("/no/such/file.png").unwrap_err();
    assert!(matches!(e, Error::Io { action: "read", .. }), "{e}");
}

#[test]
fn lists_and_folders_name_the_same_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    for (class, name) in [("a", "one two.png"), ("a", ".hidden"), ("b", "three.png"), ("b", "four.png")] {
        fs::create_dir_all(root.join(class)).expect("writable");
        fs::write(root.join(class).join(name), png(2, 2, png::ColorType::Rgb, &[5; 12])).expect("writable");
    }
    fs::write(root.join("list.txt"), "a/one two.png 0\n\nb/four.png\t1\r\nb/three.png  1").expect("writable");
    let list = LabeledImageDataset::from_list(root.join("list.txt"), root, None, None).expect("a list");
    let folders = LabeledImageDataset::from_folder(root).expect("folders");
    assert_eq!(list.pairs(), folders.pairs());
    assert_eq!((folders.classes(), folders.names(), list.names().len()), (2, &["a".to_string(), "b".into()][..], 0));
    assert_eq!(folders.get(2).expect("a picture").1, 1);
    let grey = folders.clone().channels(1);
    let e = grey.get(0).unwrap_err();
    assert!(matches!(&e, Error::BadFile { expected, .. } if expected == "1 channels"), "{e}");
    assert_eq!(grey.convert(true).get(0).expect("converted").0, Array3::from_elem((1, 2, 2), 5));
    let own = folders.first(1).decoder(|bytes| Ok(Array3::from_elem((3, 1, bytes.len()), 1)));
    assert!(own.get(0).expect("decoded").0.shape()[2] > 60);
}

/// Pictures of which some cannot be read, and one is a trap.
struct Shaky {
    bad: fn(usize) -> bool,
    trap: Option<usize>,
}

impl Dataset for Shaky {
    type Item = usize;
    fn len(&self) -> usize {
        20
    }
    fn get(&self, index: usize) -> usize {
        index
    }
}

impl ImageSource for Shaky {
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        assert!(self.trap != Some(index), "picture {index} is a trap");
        if (self.bad)(index) {
            let source = std::io::Error::other(format!("picture {index} is gone"));
            return Err(Error::io("read", "somewhere", source));
        }
        Ok((Array3::from_shape_fn((3, 6, 6), |(c, y, x)| (index + c + y * 6 + x) as u8), index as i32))
    }
}

const GOOD: Shaky = Shaky { bad: |_| false, trap: None };

fn prepare() -> Prepare {
    Prepare::crop(6).pad(2).flip(true)
}

#[test]
fn chance_depends_on_the_place_and_not_on_threads() {
    let all = |threads: usize| {
        let batches = image_batches(GOOD, 3, prepare(), 7, None).threads(threads).shuffle(true, 1);
        batches.take(15).map(|b| b.expect("good pictures")).collect::<Vec<_>>()
    };
    let (one, four) = (all(1), all(4));
    assert_eq!(one, four);
    let other = image_batches(GOOD, 3, prepare(), 8, None).shuffle(true, 1).next().expect("a batch");
    let other = other.expect("good pictures");
    assert_eq!(other.t, one[0].t);
    assert_ne!(other.x, one[0].x);
    // The second time a picture is seen it lies elsewhere.
    let at = |t: i32, skip: usize| {
        let mut seen = one.iter().flat_map(|b| b.t.iter().zip(b.x.outer_iter())).filter(|(l, _)| **l == t).skip(skip);
        seen.next().map(|(_, x)| x.to_owned()).expect("seen")
    };
    assert!((0..20).any(|t| at(t, 0) != at(t, 1)));
    // A run that goes on sees what the unbroken one would have seen.
    let mut first = image_batches(GOOD, 3, prepare(), 7, None).shuffle(true, 1);
    first.by_ref().take(9).for_each(drop);
    let mut second = image_batches(GOOD, 3, prepare(), 7, None).shuffle(true, 1);
    second.restore(&first.state()).expect("the same pictures");
    assert_eq!(second.next().expect("a batch").expect("good pictures"), one[9]);
}

#[test]
fn bad_pictures_stop_a_run_or_are_counted() {
    let data = || Shaky { bad: |i| i % 5 == 2, trap: None };
    let mut strict = image_batches(data(), 4, Prepare::crop(6), 0, None).repeat(false).shuffle(false, 0);
    let e = strict.next().expect("a batch").unwrap_err();
    assert!(matches!(e, Error::Io { .. }) && e.to_string().contains("picture 2 is gone"), "{e}");
    assert_eq!(strict.filter(|b| b.is_ok()).count(), 1, "the batch of 8 to 11 is good");

    let skipped = Skipped::new();
    let batches = image_batches(data(), 4, Prepare::crop(6), 0, Some(skipped.clone()));
    let batches = batches.repeat(false).shuffle(false, 0);
    let seen: Vec<i32> = batches.flat_map(|b| b.expect("the rest is good").t.to_vec()).collect();
    assert_eq!(seen.len(), 16);
    assert!(!seen.contains(&2) && !seen.contains(&17));
    assert_eq!(skipped.count(), 4);
    assert!(skipped.reasons().iter().any(|r| r.contains("picture 17 is gone")));

    let none = Skipped::new();
    let batches = image_batches(Shaky { bad: |_| true, trap: None }, 4, Prepare::crop(6), 0, Some(none.clone()));
    let left: usize = batches.repeat(false).map(|b| b.expect("nothing is no error").t.len()).sum();
    assert_eq!((left, none.count()), (0, 20));
}

#[test]
fn a_panic_on_a_thread_reaches_the_caller_and_nothing_hangs() {
    let data = Shaky { bad: |_| false, trap: Some(9) };
    let mut batches = image_batches(data, 4, Prepare::crop(6), 0, None).repeat(false).shuffle(false, 0).threads(3);
    assert!(batches.next().is_some() && batches.next().is_some());
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| batches.next())).unwrap_err();
    let said = panic.downcast_ref::<String>().expect("a message");
    assert!(said.contains("picture 9 is a trap"), "{said}");
    // Those after it are there, and dropping it while it works ends its threads.
    assert_eq!(batches.next().expect("a batch").expect("good pictures").t.to_vec(), [12, 13, 14, 15]);
    drop(batches);
    let many: Vec<_> = (0..8).map(|i| image_batches(GOOD, 2, prepare(), i, None)).collect();
    let firsts: Vec<_> =
        many.into_iter().map(|mut b| b.next().expect("a batch").expect("good pictures").t.len()).collect();
    assert_eq!(firsts, [2; 8]);
    let shared = Arc::new(GOOD);
    assert!(image_batches(shared.clone(), 2, prepare(), 0, None).next().is_some());
    assert_eq!(Arc::strong_count(&shared), 1, "threads have ended and let go");
}

#[test]
fn cifar_comes_from_a_folder() {
    let cifar = get_cifar10(&CifarOptions::default().data(vendored()).scale(255.0)).expect("vendored");
    assert_eq!((cifar.train.len(), cifar.test.len(), cifar.source), (300, 100, Source::Directory(vendored())));
    assert_eq!(cifar.names[4], "coffee");
    let (image, label) = cifar.test.get(7);
    let (bytes, same) = cifar.test.image(7).expect("in memory");
    assert_eq!((label, image.shape()), (same, &[3, 32, 32][..]));
    assert!(image.iter().zip(&bytes).all(|(a, b)| (*a - f32::from(*b)).abs() < 1e-3));
    let file = fs::read(vendored().join("test_batch.bin")).expect("readable");
    assert_eq!(i32::from(file[7 * 3073]), label);
    assert_eq!(file[7 * 3073 + 1 + 1024 + 33], bytes[[1, 1, 1]]);
    for class in 0..10 {
        assert!(cifar.train.labels().iter().filter(|t| **t == class).count() >= 20);
    }
}

#[test]
fn wrong_files_of_cifar_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = |train: Option<&[u8]>, test: Option<&[u8]>| {
        for (name, bytes) in [("data_batch_1.bin", train), ("test_batch.bin", test)] {
            let path = folder.path().join(name);
            let _ = fs::remove_file(&path);
            if let Some(bytes) = bytes {
                fs::write(path, bytes).expect("writable");
            }
        }
        let e = get_cifar10(&CifarOptions::default().data(folder.path())).unwrap_err();
        assert!(matches!(e, Error::BadFile { .. }), "{e}");
        e.to_string()
    };
    let good = [vec![3u8; 3073], vec![0; 3073]].concat();
    assert!(said(None, Some(&good)).contains("a folder with data_batch_1.bin, found none"));
    assert!(said(Some(&good), None).contains("a folder with test_batch.bin"));
    let short = said(Some(&good[..6000]), Some(&good));
    assert!(
        short.contains("data_batch_1.bin: expected records of 3073 bytes") && short.contains("6000 bytes"),
        "{short}"
    );
    let mut wrong = good.clone();
    wrong[3073] = 10;
    let label = said(Some(&good), Some(&wrong));
    assert!(label.contains("test_batch.bin: expected labels of 0 to 9, found 10 in record 1"), "{label}");
    assert!(said(Some(&[]), Some(&good)).contains("0 bytes"));
}
