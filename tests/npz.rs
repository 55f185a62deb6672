//! `.npz` files as NumPy and Chainer write them, as catena writes them, and damaged ones.

use catena::{
    error::Error,
    serializers::{NpyValue, NpzReader, NpzWriter},
    tensor::HostArray,
};
use half::f16;
use ndarray::{Array, Array2, ArrayD, IxDyn, ShapeBuilder, arr0, arr1, arr2};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What most members of `forms.npz` hold, in the type asked for.
fn counting<T: Clone>(of: fn(i32) -> T) -> ArrayD<T> {
    Array2::from_shape_fn((2, 3), |(i, j)| of((i * 3 + j) as i32)).into_dyn()
}

#[test]
fn every_form_numpy_writes_is_read() {
    let file = NpzReader::open(fixture("forms.npz")).unwrap();
    let f4 = NpyValue::from(counting(|v| v as f32));
    let i8 = NpyValue::from(counting(i64::from));
    for prefix in ["c", "big"] {
        assert_eq!(
            file.get(&format!("{prefix}_f2")).unwrap(),
            counting(|v| f16::from_f32(v as f32)).into(),
            "{prefix}"
        );
        assert_eq!(file.get(&format!("{prefix}_f4")).unwrap(), f4, "{prefix}");
        assert_eq!(file.get(&format!("{prefix}_f8")).unwrap(), counting(f64::from).into(), "{prefix}");
        assert_eq!(file.get(&format!("{prefix}_i4")).unwrap(), counting(|v| v).into(), "{prefix}");
        assert_eq!(file.get(&format!("{prefix}_i8")).unwrap(), i8, "{prefix}");
        assert_eq!(file.get(&format!("{prefix}_u4")).unwrap(), counting(|v| v as u32).into(), "{prefix}");
    }
    assert_eq!(file.get("c_u1").unwrap(), counting(|v| v as u8).into());
    assert_eq!(file.get("c_b1").unwrap(), counting(|v| v % 2 == 1).into());
    for name in ["fortran_f4", "v2", "v3"] {
        let value = file.get(name).unwrap();
        assert_eq!(value, f4, "{name}");
        let Some(HostArray::F32(array)) = value.as_array() else { panic!("{name}") };
        assert!(array.is_standard_layout(), "{name}");
    }
    assert_eq!(file.get("fortran_i8").unwrap(), i8);
    assert_eq!(file.get("big_text").unwrap(), arr1(&["ab", "", "αβγ"].map(String::from)).into_dyn().into());
    assert_eq!(file.get("negative_i4").unwrap(), arr1(&[-1, i32::MIN]).into_dyn().into());
    assert_eq!(file.get("wide_i8").unwrap().to_i64(), Some(i64::MIN));
    let Some(HostArray::F32(special)) = file.get("special_f4").unwrap().into_array() else { panic!() };
    let bits: Vec<u32> = special.iter().map(|v| v.to_bits()).collect();
    assert_eq!(bits, [0x7f80_0000, 0xff80_0000, 0x8000_0000, 0x0040_0000]);
    assert_eq!(file.get("scalar_f8").unwrap().to_f64(), Some(0.1));
    assert_eq!(file.get("scalar_bool").unwrap().to_bool(), Some(true));
    assert_eq!(file.get("text").unwrap().as_str(), Some("αβ \u{1f600} {\"a\": 1}"));
    assert_eq!(file.get("no_text").unwrap().as_str(), Some(""));
    assert_eq!(file.get("empty").unwrap().shape(), [0, 3]);
    let five = Array::from_iter((0..32).map(|v| v as f32)).into_shape_with_order(IxDyn(&[2; 5])).unwrap();
    assert_eq!(file.get("five_axes").unwrap(), five.into());
    assert!(file.get("none").unwrap().is_none());
}

#[test]
fn what_cannot_be_read_is_named() {
    let file = NpzReader::open(fixture("forms.npz")).unwrap();
    let text = |name: &str| file.get(name).unwrap_err().to_string();
    assert!(text("refused_i2").contains("member `refused_i2`"), "{}", text("refused_i2"));
    assert!(text("refused_i2").contains("dtype '<i2'"));
    assert!(text("refused_c8").contains("dtype '<c8'"));
    assert!(text("refused_struct").contains("a structured dtype"));
    for pickled in ["refused_pickle", "refused_nones", "refused_one_none"] {
        assert!(text(pickled).contains("pickles can run any code and are not loaded"), "{}", text(pickled));
    }
    let shape = "to have as many bytes as its shape says, found shape [9, 9] of 4 bytes an element, and 24 bytes";
    assert!(text("refused_shape").contains(shape), "{}", text("refused_shape"));
    assert!(text("nowhere").contains("a member `nowhere`, found `c_f2`, `c_f4`"), "{}", text("nowhere"));
    assert!(file.contains("none") && !file.contains("none.npy"));
}

#[test]
fn a_snapshot_of_chainer_is_read() {
    let file = NpzReader::open(fixture("ser_trainer.npz")).unwrap();
    let get = |name: &str| file.get(name).unwrap();
    assert_eq!(get("updater/iteration").to_i64(), Some(6));
    assert_eq!(get("updater/iterator:main/is_new_epoch").to_bool(), Some(true));
    assert_eq!(get("stop_trigger/previous_epoch_detail").to_f64(), Some(1.666_666_666_666_666_5));
    assert_eq!(get("updater/model:main/predictor/conv/W").describe(), "float32[2, 1, 3, 3]");
    let log: serde_json::Value = serde_json::from_str(get("extensions/LogReport/_log").as_str().unwrap()).unwrap();
    assert_eq!(log[1]["main/accuracy"], 0.25);
    for name in file.names() {
        file.get(name).unwrap();
    }
}

fn samples() -> Vec<(&'static str, NpyValue)> {
    let turned = Array2::from_shape_vec((2, 3).f(), vec![1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0]).unwrap().into_dyn();
    assert!(!turned.is_standard_layout());
    vec![
        ("half", arr1(&[f16::from_f32(0.1), f16::NEG_INFINITY]).into_dyn().into()),
        ("turned", turned.into()),
        ("double", arr0(0.1_f64).into_dyn().into()),
        ("int", arr2(&[[i32::MIN], [i32::MAX]]).into_dyn().into()),
        ("unsigned", arr1(&[0, u32::MAX]).into_dyn().into()),
        ("bytes", arr1(&[0_u8, 255]).into_dyn().into()),
        ("truth", arr1(&[true, false]).into_dyn().into()),
        ("wide", arr1(&[i64::MIN, i64::MAX]).into_dyn().into()),
        ("count", 6_i64.into()),
        ("text", "αβ \u{1f600}".into()),
        ("nothing", "".into()),
        ("names", arr2(&[["a", "bcd"], ["", "\u{e9}"]]).mapv(String::from).into_dyn().into()),
        ("empty", ArrayD::<f32>::zeros(IxDyn(&[0, 3])).into()),
        ("deep/path:main/W", ArrayD::<f32>::ones(IxDyn(&[1, 1, 1, 1, 1, 1])).into()),
        ("none", NpyValue::None),
    ]
}

fn write(path: &Path, deflate: bool) {
    let mut file = NpzWriter::create(path).unwrap().deflate(deflate);
    for (name, value) in samples() {
        file.add(name, &value).unwrap();
    }
    file.finish().unwrap();
}

#[test]
fn what_was_written_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    for deflate in [false, true] {
        let path = dir.path().join("round.npz");
        write(&path, deflate);
        let file = NpzReader::open(&path).unwrap();
        assert_eq!(file.names(), samples().iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, value) in samples() {
            assert_eq!(file.get(name).unwrap(), value, "{name}");
        }
    }
}

#[test]
fn the_same_values_give_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.npz"), dir.path().join("b.npz"));
    write(&a, true);
    write(&b, true);
    assert_eq!(fs::read(a).unwrap(), fs::read(b).unwrap());
}

#[test]
fn large_members_are_deflated_and_read_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.npz");
    let large: NpyValue = ArrayD::from_shape_fn(IxDyn(&[1000, 301]), |i| (i[0] * 301 + i[1]) as f64).into();
    let mut file = NpzWriter::create(&path).unwrap().deflate(true);
    file.add("large", &large).unwrap();
    file.finish().unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 1000 * 301 * 8 / 2);
    assert_eq!(NpzReader::open(&path).unwrap().get("large").unwrap(), large);
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.npz");
    write(&path, false);
    let before = fs::read(&path).unwrap();
    let mut file = NpzWriter::create(&path).unwrap();
    file.add("x", &NpyValue::from(1.0_f32)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    drop(file);
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let nowhere = NpzWriter::create(dir.path().join("no/model.npz")).unwrap_err();
    assert!(matches!(&nowhere, Error::Io { action: "create", .. }), "{nowhere}");
    let missing = NpzReader::open(dir.path().join("no.npz")).unwrap_err();
    assert!(matches!(&missing, Error::Io { action: "read", .. }), "{missing}");
}

#[test]
#[should_panic(expected = "npz member `x` was added twice")]
fn a_name_added_twice_panics() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = NpzWriter::create(dir.path().join("x.npz")).unwrap();
    file.add("x", &NpyValue::None).unwrap();
    let _ = file.add("x", &NpyValue::None);
}

/// Every member of a damaged file: read, or refused as a bad file.
fn read_all(path: &Path, what: &str) -> usize {
    let refused = |e: Error| assert!(matches!(e, Error::BadFile { .. }), "{what}: {e:?}");
    let file = match NpzReader::open(path) {
        Ok(file) => file,
        Err(e) => {
            refused(e);
            return 0;
        }
    };
    file.names().iter().filter(|name| file.get(name).map_err(refused).is_ok()).count()
}

/// `CATENA_FUZZ_STEP=1` tries every position.
fn step() -> usize {
    std::env::var("CATENA_FUZZ_STEP").ok().and_then(|v| v.parse().ok()).unwrap_or(37)
}

#[test]
fn truncated_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.npz");
    for name in ["forms.npz", "ser_trainer.npz"] {
        let whole = fs::read(fixture(name)).unwrap();
        for n in (0..whole.len()).step_by(step()) {
            fs::write(&path, &whole[..n]).unwrap();
            assert_eq!(read_all(&path, &format!("the first {n} bytes of {name}")), 0);
        }
    }
}

#[test]
fn flipped_bytes_are_refused_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flipped.npz");
    for name in ["forms.npz", "ser_trainer.npz"] {
        let whole = fs::read(fixture(name)).unwrap();
        let mut bytes = whole.clone();
        for (n, at) in (0..whole.len()).step_by(step()).enumerate() {
            bytes[at] ^= [0x01, 0x80, 0xff, 0x20][n % 4];
            fs::write(&path, &bytes).unwrap();
            read_all(&path, &format!("{name} with byte {at} changed"));
            bytes[at] = whole[at];
        }
    }
}

#[test]
fn a_changed_element_fails_its_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("one.npz");
    let mut file = NpzWriter::create(&path).unwrap();
    file.add("x", &arr1(&[1.0_f32, 2.0]).into_dyn().into()).unwrap();
    file.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(4).position(|w| w == 2.0_f32.to_le_bytes()).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let e = NpzReader::open(&path).unwrap().get("x").unwrap_err().to_string();
    assert!(e.contains("member `x` to have data to its end with the right checksum"), "{e}");
}

#[test]
fn other_files_are_no_npz() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.npz");
    fs::write(&path, "not a zip archive").unwrap();
    let e = NpzReader::open(&path).unwrap_err().to_string();
    assert!(e.contains("expected an .npz file, which is a zip archive"), "{e}");
}

#[test]
fn wide_counters_are_taken_where_they_fit() {
    use catena::{links::BatchNormalization, serializers::load_npz, serializers::save_npz};
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours.npz"), dir.path().join("theirs.npz"));
    save_npz(&ours, &BatchNormalization::new(2)).unwrap();
    let reader = NpzReader::open(&ours).unwrap();
    let written_with = |n: i64| {
        let mut file = NpzWriter::create(&theirs).unwrap();
        for name in reader.names() {
            let value = if name == "N" { NpyValue::from(n) } else { reader.get(name).unwrap() };
            file.add(name, &value).unwrap();
        }
        file.finish().unwrap();
    };
    let mut link = BatchNormalization::new(2);
    written_with(7);
    load_npz(&theirs, &mut link).unwrap();
    assert_eq!(link.N.data().item().unwrap(), 7.0);
    written_with(1 << 40);
    let e = load_npz(&theirs, &mut link).unwrap_err().to_string();
    assert!(e.contains("member N has numbers beyond 32 bits"), "{e}");
    assert_eq!(link.N.data().item().unwrap(), 7.0);
}
