//! The examples that tell what pictures show.

use super::{example, fails_with, log, text};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn run(name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(example(name));
    command.env_remove("CATENA_DEVICE").args(["--device", "cpu"]).args(arguments).output().expect("the example starts")
}

fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn vendored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

fn number(entry: &Value, name: &str) -> f64 {
    entry[name].as_f64().unwrap_or_else(|| panic!("{name}: {entry}"))
}

/// Writes a picture of one colour with a stripe, as PNG.
fn picture(path: &Path, colour: [u8; 3], side: u32) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let file = fs::File::create(path).expect("writable");
    let mut encoder = png::Encoder::new(file, side, side);
    encoder.set_color(png::ColorType::Rgb);
    let bytes: Vec<u8> = (0..side * side).flat_map(|i| if i % side < 3 { [255, 255, 255] } else { colour }).collect();
    encoder.write_header().and_then(|mut w| w.write_image_data(&bytes)).expect("a picture");
}

/// Folders of red, green and blue pictures.
fn colours(root: &Path, each: u8) {
    for (class, at) in [("red", 0), ("green", 1), ("blue", 2)] {
        for i in 0..each {
            let mut colour = [30 + i, 20, 40];
            colour[at] = 200 + i;
            picture(&root.join(class).join(format!("{i}.png")), colour, 40 + u32::from(i));
        }
    }
}

#[test]
fn cnn_reads_digits_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let data = vendored("mnist");
    let cnn = |out: &Path, more: &[&str]| {
        let common = ["--data", plain(&data), "--limit", "600", "--batchsize", "25", "--out", plain(out)];
        let output = run("cnn", &[&common[..], more].concat());
        assert!(output.status.success(), "{}", text(&output));
    };
    cnn(&whole, &["--epoch", "4"]);
    cnn(&broken, &["--epoch", "2"]);
    cnn(&broken, &["--epoch", "4", "--resume", plain(&broken.join("snapshot.npz"))]);
    let (a, b) = (log(&whole), log(&broken));
    assert_eq!((a.len(), b.len()), (4, 4));
    for (a, b) in a.iter().zip(&b) {
        for name in ["epoch", "iteration", "main/loss", "validation/main/loss"] {
            assert_eq!(a[name], b[name], "{name}");
        }
    }
    assert!(number(&a[3], "validation/main/accuracy") > 0.7, "{}", a[3]);
    assert!(number(&a[3], "main/loss") < number(&a[0], "main/loss"));
}

#[test]
fn cifar_learns_textures_with_chance_and_goes_on_as_if_it_had_not_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let data = vendored("textures10");
    let cifar = |out: &Path, more: &[&str]| {
        let common =
            ["--data", plain(&data), "--arch", "vgg_cifar", "--limit", "20", "--batchsize", "10", "--out", plain(out)];
        let output = run("cifar", &[&common[..], more].concat());
        assert!(output.status.success(), "{}", text(&output));
    };
    cifar(&whole, &["--epoch", "2"]);
    cifar(&broken, &["--epoch", "1"]);
    cifar(&broken, &["--epoch", "2", "--resume", plain(&broken.join("snapshot.npz"))]);
    let (a, b) = (log(&whole), log(&broken));
    assert_eq!((a.len(), b.len()), (2, 2));
    for (a, b) in a.iter().zip(&b) {
        assert_eq!(a["main/loss"], b["main/loss"]);
        assert_eq!(a["validation/main/loss"], b["validation/main/loss"]);
    }
}

#[test]
fn imagenet_learns_from_folders_and_predict_names_what_it_sees() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, out) = (folder.path().join("pictures"), folder.path().join("out"));
    colours(&root, 8);
    let common = ["--arch", "lenet5_colour", "--out", plain(&out), "--batchsize", "8"];
    let output = run("imagenet", &[&[plain(&root), plain(&root), "--epoch", "8"], &common[..]].concat());
    assert!(output.status.success(), "{}", text(&output));
    let entries = log(&out);
    assert!(number(&entries[7], "validation/main/accuracy") > 0.9, "{}", entries[7]);
    assert!(entries[7]["seconds_waited_for_images"].is_number() && entries[7]["skipped"] == 0);
    let model = out.join("model.npz");
    let green = root.join("green/3.png");
    let output = run("predict", &[plain(&green), "--model", plain(&model), "--top", "2"]);
    let said = text(&output);
    assert!(output.status.success() && said.lines().count() == 2, "{said}");
    assert!(said.lines().next().is_some_and(|line| line.ends_with("green") && line.contains('%')), "{said}");

    // By hand, with names from a file.
    fs::write(folder.path().join("names.txt"), "bleu\nvert\nrouge\n").expect("writable");
    fs::rename(out.join("network.json"), out.join("other.json")).expect("there");
    let names = folder.path().join("names.txt");
    let mut by_hand = vec![plain(&green), "--model", plain(&model), "--labels", plain(&names)];
    fails_with(&run("predict", &by_hand), &["--arch: expected the network of this model"]);
    by_hand.extend(["--arch", "lenet5_colour"]);
    let output = run("predict", &by_hand);
    assert!(output.status.success() && text(&output).lines().count() == 3, "{}", text(&output));
    fails_with(
        &run("predict", &[&by_hand[..3], &["--arch", "lenet5", "--classes", "3"]].concat()),
        &["model.npz", "member"],
    );
    fs::write(folder.path().join("text.png"), "no picture").expect("writable");
    let wrong = folder.path().join("text.png");
    let said = run("predict", &[plain(&wrong), "--model", plain(&model), "--arch", "lenet5_colour", "--classes", "3"]);
    fails_with(&said, &["text.png", "expected a JPEG or PNG picture", "another kind of file"]);
}

#[test]
fn imagenet_tells_what_it_cannot_use_or_skips_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (root, out) = (folder.path().join("pictures"), folder.path().join("out"));
    colours(&root, 2);
    let file = fs::File::create(root.join("grey.png")).expect("writable");
    let mut encoder = png::Encoder::new(file, 40, 40);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().and_then(|mut w| w.write_image_data(&[9; 1600])).expect("a picture");
    let whole = fs::read(root.join("red/0.png")).expect("readable");
    fs::write(root.join("half.png"), &whole[..whole.len() / 2]).expect("writable");
    let good = "red/0.png 0\nred/1.png 0\ngreen/0.png 1\ngreen/1.png 1\nblue/0.png 2\nblue/1.png 2\n";
    let list = |name: &str, more: &str| {
        fs::write(root.join(name), format!("{good}{more}")).expect("writable");
        root.join(name)
    };
    let val = list("val.txt", "");
    let imagenet = |train: &Path, more: &[&str]| {
        let common = ["--arch", "lenet5_colour", "--epoch", "1", "--out", plain(&out)];
        run("imagenet", &[&[plain(train), plain(&val)], &common[..], more].concat())
    };
    for (name, more, said) in [
        ("missing.txt", "red/9.png 0\n", &["missing.txt", "expected a picture", "9.png", "line 7"][..]),
        ("form.txt", "red/0.png\n", &["form.txt", "a path and a label", "`red/0.png` in line 7"]),
        ("word.txt", "red/0.png red\n", &["word.txt", "a whole number", "`red` in line 7"]),
        ("range.txt", "red/0.png 3\n", &["range.txt", "a label of 0 to 2", "3 in line 7"]),
        ("below.txt", "red/0.png -1\n", &["below.txt", "a label of 0 to 2", "-1 in line 7"]),
        ("channels.txt", "grey.png 0\n", &["grey.png", "expected 3 channels", "1 (grey)"]),
        ("damaged.txt", "half.png 0\n", &["half.png", "cannot be decoded"]),
    ] {
        fails_with(&imagenet(&list(name, more), &["--classes", "3"]), said);
    }
    let all = "red/9.png 0\nred/0.png\nred/0.png 7\ngrey.png 0\nhalf.png 0\n";
    let output = imagenet(&list("all.txt", all), &["--classes", "3", "--skip-bad"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("8 training") && said.contains("skipped 5 that"), "{said}");
    assert!(said.contains("line 7") && said.contains("grey.png") && said.contains("half.png"), "{said}");
    assert_eq!(log(&out)[0]["skipped"], 5);
    let output = imagenet(&list("grey.txt", "grey.png 0\n"), &["--convert"]);
    assert!(output.status.success(), "{}", text(&output));
    fs::write(root.join("none.txt"), "half.png 0\n").expect("writable");
    fails_with(
        &imagenet(&root.join("none.txt"), &["--classes", "3", "--skip-bad"]),
        &["expected some that can be used"],
    );
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("writable");
    fails_with(&imagenet(&empty, &[]), &["empty", "at least one picture"]);
    fails_with(&imagenet(&val, &["--batchsize", "0"]), &["--batchsize: expected 1 at least"]);
}
