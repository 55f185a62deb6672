//! The examples as a user runs them: results, bad input, going on after a stop.

mod pictures;

use catena::testing::devices;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The built example; `cargo test --test examples` alone does not build it.
fn example(name: &str) -> PathBuf {
    static BUILD: std::sync::Once = std::sync::Once::new();
    let mut folder = std::env::current_exe().expect("a test knows its program");
    folder.pop();
    folder.pop();
    BUILD.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--examples"]);
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo starts").success());
    });
    folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs `mnist` without a network: the mirrors are not asked, the digits are the repository's.
fn mnist(out: &Path, arguments: &[&str]) -> Output {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist");
    let mut command = Command::new(example("mnist"));
    command.env_remove("CATENA_DEVICE");
    if !arguments.contains(&"--data") {
        command.arg("--data").arg(data);
    }
    command.arg("--out").arg(out).args(arguments).output().expect("the example starts")
}

fn log(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("log")).expect("a log");
    serde_json::from_str(&text).expect("a JSON array")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn fails_with(output: &Output, parts: &[&str]) {
    let text = text(output);
    assert!(!output.status.success(), "{text}");
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn mnist_learns_and_writes_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path();
    let output = mnist(out, &["--device", "cpu", "--epoch", "10"]);
    assert!(output.status.success(), "{}", text(&output));
    let log = log(out);
    assert_eq!(log.len(), 10);
    for name in [
        "epoch",
        "iteration",
        "main/loss",
        "main/accuracy",
        "validation/main/loss",
        "validation/main/accuracy",
        "elapsed_time",
        "images_per_second",
    ] {
        assert!(log[9][name].is_number(), "{name}: {}", log[9]);
    }
    assert_eq!(log[9]["device"], "cpu");
    assert_eq!(log[9]["iteration"], 2500);
    let accuracy = log[9]["validation/main/accuracy"].as_f64().expect("a number");
    assert!(accuracy >= 0.94, "{accuracy}");
    let model = catena::serializers::NpzReader::open(out.join("model.npz")).expect("a model");
    let mut names: Vec<_> = model.names().iter().map(|n| n.to_string()).collect();
    names.sort();
    assert_eq!(names, ["l1/W", "l1/b", "l2/W", "l2/b", "l3/W", "l3/b"]);
    let picture = catena::datasets::read_image(out.join("curves.png")).expect("a picture");
    assert!(picture.shape()[2] > 500);
}

#[test]
fn mnist_is_the_same_run_on_every_device() {
    let mut losses = vec![];
    for device in devices() {
        let folder = tempfile::tempdir().expect("a folder");
        let name = if device.is_cpu() { "cpu".to_string() } else { device.name() };
        let name = name.split(" (").next().unwrap_or_default().to_string();
        let output = mnist(folder.path(), &["--device", &name, "--epoch", "1", "--limit", "1000"]);
        assert!(output.status.success(), "{}", text(&output));
        losses.push(log(folder.path())[0]["main/loss"].as_f64().expect("a number"));
    }
    assert!(losses.iter().all(|l| (l - losses[0]).abs() < 5e-4), "{losses:?}");
}

#[test]
fn a_resumed_run_ends_where_an_unbroken_one_does() {
    let (whole, broken) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let common = ["--device", "cpu", "--limit", "500"];
    let run = |out: &Path, more: &[&str]| {
        let output = mnist(out, &[&common[..], more].concat());
        assert!(output.status.success(), "{}", text(&output));
    };
    run(whole.path(), &["--epoch", "4"]);
    run(broken.path(), &["--epoch", "2"]);
    let snapshot = broken.path().join("snapshot.npz");
    run(broken.path(), &["--epoch", "4", "--resume", snapshot.to_str().expect("a plain path")]);
    let (a, b) = (log(whole.path()), log(broken.path()));
    assert_eq!(b.len(), 4);
    for (a, b) in a.iter().zip(&b) {
        for name in ["epoch", "iteration", "main/loss", "validation/main/loss"] {
            assert_eq!(a[name], b[name], "{name}");
        }
    }
}

#[test]
fn bad_input_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    fails_with(&mnist(&out, &["--device", "abacus"]), &["no device `abacus`", "available: cpu", "CATENA_DEVICE"]);

    let file = folder.path().join("a-file");
    fs::write(&file, "").expect("a file");
    fails_with(&mnist(&file.join("below"), &["--device", "cpu"]), &["cannot create", "a-file"]);

    let nowhere = folder.path().join("nowhere");
    let nowhere = nowhere.to_str().expect("a plain path");
    fails_with(&mnist(&out, &["--device", "cpu", "--data", nowhere]), &["nowhere"]);

    let damaged = folder.path().join("damaged");
    fs::create_dir(&damaged).expect("a folder");
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/mnist")).expect("the digits") {
        let file = file.expect("a file").path();
        let mut bytes = fs::read(&file).expect("readable");
        if file.to_string_lossy().contains("train-images") {
            bytes.truncate(bytes.len() / 2);
        }
        fs::write(damaged.join(file.file_name().expect("a name")), bytes).expect("writable");
    }
    let damaged = damaged.to_str().expect("a plain path");
    fails_with(&mnist(&out, &["--device", "cpu", "--data", damaged]), &["train-images", "expected"]);

    let not_a_snapshot = folder.path().join("snapshot.npz");
    fs::write(&not_a_snapshot, b"PK but no more").expect("a file");
    let resume = not_a_snapshot.to_str().expect("a plain path");
    fails_with(&mnist(&out, &["--device", "cpu", "--resume", resume]), &["snapshot.npz", "expected"]);
    assert!(!out.join("log").exists());
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let arguments = ["--device", "cpu", "--limit", "500", "--epoch", "3", "--optimizer", "sgd", "--lr", "1e30"];
    fails_with(&mnist(folder.path(), &arguments), &["the loss is", "at iteration", "lower the learning rate"]);
    assert!(!folder.path().join("model.npz").exists());
}
