//! The language models among the examples as a user runs them, beside a trigram model of the same text.

mod kneser_ney;

use catena::{
    datasets::{PtbOptions, get_ptb_words},
    testing::devices,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The built example; `cargo test --test language` alone does not build it.
fn example(name: &str) -> PathBuf {
    static BUILD: std::sync::Once = std::sync::Once::new();
    let mut folder = std::env::current_exe().expect("a test knows its program");
    folder.pop();
    folder.pop();
    BUILD.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet"]);
        for name in ["rnn", "ptb", "char_rnn", "text_gen"] {
            cargo.args(["--example", name]);
        }
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo starts").success());
    });
    folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn moby_dick() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/moby-dick")
}

/// Runs an example without a network: the mirrors are not asked, the text is the repository's.
fn run(name: &str, out: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(example(name));
    command.env_remove("CATENA_DEVICE");
    if ["rnn", "ptb"].contains(&name) && !arguments.contains(&"--data") {
        command.arg("--data").arg(moby_dick());
    }
    command.arg("--out").arg(out).args(arguments).output().expect("the example starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn log(out: &Path) -> Vec<Value> {
    json(&out.join("log")).as_array().expect("a list").clone()
}

fn fails_with(output: &Output, parts: &[&str]) {
    let text = text(output);
    assert!(!output.status.success(), "{text}");
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

const QUICK: &[&str] = &["--limit", "4000", "--epoch", "2", "--batchsize", "10", "--bproplen", "10"];

#[test]
fn each_model_learns_and_writes_what_it_says() {
    let small: [(&str, &[&str]); 4] = [
        ("rnn", &["--unit", "20", "--embed", "20"]),
        ("ptb", &["--unit", "20", "--dropout", "0.1"]),
        ("char_rnn", &["--unit", "24", "--sample", "20", "--lr", "0.01"]),
        ("text_gen", &["--unit", "16", "--layer", "1", "--head", "2", "--sample", "20", "--lr", "0.01"]),
    ];
    for (name, arguments) in small {
        for device in devices() {
            let folder = tempfile::tempdir().expect("a folder");
            let named = if device.is_cpu() { "cpu".to_string() } else { device.name() };
            let named = named.split(" (").next().unwrap_or_default().to_string();
            let more = [QUICK, arguments, &["--device", &named]].concat();
            let output = run(name, folder.path(), &more);
            assert!(output.status.success(), "{name}: {}", text(&output));
            let log = log(folder.path());
            let at = |epoch: usize, key: &str| log[epoch][key].as_f64().expect("a number");
            assert!(at(1, "main/perplexity") < at(0, "main/perplexity"), "{name} on {device}: {log:?}");
            assert!(at(1, "tokens_per_second") > 0.0 && log[0]["device"].as_str().is_some());
            let result = json(&folder.path().join("result.json"));
            assert!(result["test_perplexity"].as_f64().expect("a number") > 1.0);
            let curves = catena::datasets::read_image(folder.path().join("curves.png")).expect("a picture");
            assert!(curves.shape()[2] > 500);
            if ["char_rnn", "text_gen"].contains(&name) {
                let written = text(&output);
                let (_, sample) = written.rsplit_once("\nthe ").expect("a sample after the beginning");
                assert!(sample.chars().count() >= 20, "{written}");
            }
        }
    }
}

/// A run of four epochs beside one that stops after two and goes on; the folder of the second.
fn goes_on_as_if_unbroken(name: &str, arguments: &[&str]) -> tempfile::TempDir {
    let (whole, broken) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let train = |out: &Path, more: &[&str]| {
        let common = ["--device", "cpu", "--limit", "2000", "--batchsize", "10", "--bproplen", "10", "--unit", "10"];
        let output = run(name, out, &[&common[..], arguments, more].concat());
        assert!(output.status.success(), "{name}: {}", text(&output));
    };
    train(whole.path(), &["--epoch", "4"]);
    train(broken.path(), &["--epoch", "2"]);
    let snapshot = broken.path().join("snapshot.npz");
    train(broken.path(), &["--epoch", "4", "--resume", snapshot.to_str().expect("a plain path")]);
    let (a, b) = (log(whole.path()), log(broken.path()));
    assert_eq!((a.len(), b.len()), (4, 4), "{name}");
    for (a, b) in a.iter().zip(&b) {
        for member in ["epoch", "iteration", "main/perplexity", "validation/main/perplexity"] {
            assert_eq!(a[member], b[member], "{name}: {member}");
        }
    }
    broken
}

#[test]
fn a_resumed_run_of_each_model_ends_where_an_unbroken_one_does() {
    goes_on_as_if_unbroken("rnn", &["--embed", "10"]);
    // Dropped values and the step sizes of Adam go on, too.
    goes_on_as_if_unbroken("char_rnn", &["--layer", "2", "--dropout", "0.3", "--sample", "0"]);
    let text_gen = ["--layer", "1", "--head", "2", "--dropout", "0.3", "--sample", "0"];
    goes_on_as_if_unbroken("text_gen", &text_gen);
}

#[test]
fn a_resumed_run_ends_where_an_unbroken_one_does() {
    let broken = goes_on_as_if_unbroken("ptb", &["--decay-from", "2"]);
    let snapshot = broken.path().join("snapshot.npz");
    let resume = snapshot.to_str().expect("a plain path");

    // Another text, another vocabulary.
    let other = tempfile::tempdir().expect("a folder");
    for (file, words) in [("train", " a b c d \n"), ("valid", " a b \n"), ("test", " c d \n")] {
        fs::write(other.path().join(format!("ptb.{file}.txt")), words.repeat(50)).expect("written");
    }
    let data = other.path().to_str().expect("a plain path");
    let out = tempfile::tempdir().expect("a folder");
    let arguments = ["--device", "cpu", "--unit", "10", "--data", data, "--resume", resume];
    fails_with(
        &run("ptb", out.path(), &arguments),
        &[
            "snapshot.npz",
            "trained with a vocabulary of",
            "this text has 5",
            "number 0 is \"call\" there and \"a\" here",
        ],
    );
}

#[test]
fn bad_texts_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let latin = folder.path().join("latin.txt");
    fs::write(&latin, b"caf\xe9\n").expect("written");
    let latin = latin.to_str().expect("a plain path");
    fails_with(
        &run("char_rnn", &out, &["--device", "cpu", "--text", latin]),
        &["latin.txt", "a text in UTF-8", "0xe9 at position 3, in line 1"],
    );
    let empty = folder.path().join("empty.txt");
    fs::write(&empty, "\n").expect("written");
    let empty = empty.to_str().expect("a plain path");
    fails_with(&run("char_rnn", &out, &["--device", "cpu", "--text", empty]), &["nothing but white space"]);
    fails_with(
        &run("char_rnn", &out, &["--device", "cpu", "--prime", "\u{3b1}"]),
        &["--prime", "all of them in the text", "'\u{3b1}'"],
    );
    fails_with(&run("ptb", &out, &["--device", "cpu", "--data", "/nowhere"]), &["cannot read", "ptb.train.txt"]);
    fails_with(&run("ptb", &out, &["--device", "cpu", "--limit", "5"]), &["at least 40 words to learn from"]);
    assert!(!out.join("log").exists());
}

#[test]
fn bad_options_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let (count, share) = ("expected a whole number, 1 at least", "expected a number from 0 on, less than 1");
    let rows: [(&str, &[&str], &str); 13] = [
        ("char_rnn", &["--prime", ""], "expected one character at least"),
        ("char_rnn", &["--temperature", "0"], "expected a number greater than 0"),
        ("char_rnn", &["--temperature=-1"], "expected a number greater than 0"),
        ("char_rnn", &["--dropout", "1"], share),
        ("char_rnn", &["--dropout=-0.1"], share),
        ("char_rnn", &["--layer", "0"], count),
        ("char_rnn", &["--unit", "0"], count),
        ("text_gen", &["--unit", "10", "--head", "4"], "a number that divides --unit, which is 10"),
        ("text_gen", &["--head", "0"], count),
        ("text_gen", &["--bproplen", "0"], count),
        ("rnn", &["--unit", "0"], count),
        ("ptb", &["--layer", "0"], count),
        ("ptb", &["--dropout", "nan"], share),
    ];
    for (name, arguments, expected) in rows {
        let option = arguments[arguments.len().saturating_sub(2)].split('=').next().expect("an option");
        let output = run(name, &out, &[&["--device", "cpu"], arguments].concat());
        fails_with(&output, &[option, expected]);
        assert!(text(&output).contains("error: "), "{name} {arguments:?}: {}", text(&output));
    }
}

/// What the small configuration of `ptb` is compared with in `benches/RESULTS.md`.
#[test]
fn a_trigram_model_of_the_same_text_is_as_good_as_trigram_models_are() {
    let words = get_ptb_words(&PtbOptions::default().data(moby_dick())).expect("the vendored text");
    let model = kneser_ney::Trigrams::learn(&words.train, words.vocabulary.len());
    // What a second implementation, by counts of n-grams of each order, gives for the same text.
    for (name, text, expected) in [("held-out", &words.valid, 222.239), ("test", &words.test, 204.192)] {
        let perplexity = model.perplexity(text);
        println!("interpolated Kneser-Ney trigrams: {name} perplexity {perplexity:.1}");
        assert!((perplexity - expected).abs() < 0.01, "{name}: {perplexity}");
    }
    // It is a distribution after any two words: after those of the text, and after pairs that it may lack.
    let n = words.vocabulary.len() as i32;
    let pairs = (0..40).map(|i| (i * 7919 % n, i * 104_729 % n));
    for (before, last) in words.test.windows(2).step_by(97).map(|w| (w[0], w[1])).chain(pairs) {
        let all = (0..n).map(|word| model.probability(before, last, word));
        let (total, least) = all.fold((0.0, 1.0f64), |(sum, least), p| (sum + p, least.min(p)));
        assert!((total - 1.0).abs() < 1e-9 && least > 0.0, "after {before} {last}: {total}, {least} at least");
    }
}
