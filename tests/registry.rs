//! Every operator's file is an entry with cases and documentation; every shader belongs to an operator or a family.

use catena::functions;
use std::{collections::BTreeSet, fs, path::Path};

/// Files of the groups that help operators and are none.
const HELPERS: &[&str] = &[
    "array/index",
    "array/meshgrid",
    "math/comparison",
    "math/numpy",
    "math/operators",
    "math/order",
    "math/products",
    "math/truth",
    "math/special",
    "connection/parts",
    "connection/sliding",
    "loss/labels",
    "loss/log_space",
    "loss/reduce",
    "evaluation/hits",
    "rnn/gates",
    "rnn/gru",
    "rnn/joined",
    "rnn/mgu",
    "rnn/peephole",
    "rnn/zoneout_lstm",
    "rnn/layer",
    "rnn/n_step",
    "rnn/packed",
    "rnn/pass",
    "rnn/states",
    "normalization/standardize",
    "pooling/regions",
    "pooling/windows",
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Names in a folder below the repository with an ending, without it.
fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let names = fs::read_dir(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = |e: std::io::Result<fs::DirEntry>| e.expect("readable").file_name().to_string_lossy().into_owned();
    names.map(name).filter_map(|n| n.strip_suffix(ending).map(str::to_string)).collect()
}

/// Every Rust source joined.
fn sources() -> String {
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut text = String::new();
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                text.push_str(&fs::read_to_string(path).expect("text"));
            }
        }
    }
    text
}

#[test]
fn every_file_is_an_entry() {
    let mut wrong = vec![];
    for (group, entries) in functions::groups() {
        let listed: BTreeSet<String> = entries.iter().map(|e| e.name.to_string()).collect();
        for stem in stems(&format!("src/functions/{group}"), ".rs") {
            let helper = HELPERS.contains(&format!("{group}/{stem}").as_str());
            if stem != "mod" && !helper && !listed.contains(&stem) {
                wrong.push(format!("{group}/{stem}.rs is no entry"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_entry_has_cases_and_documentation() {
    let mut wrong = vec![];
    for (group, entries) in functions::groups() {
        for entry in entries {
            let cases = (entry.cases)();
            // A raw or trailing underscore keeps a keyword off the name.
            let name = entry.name.trim_end_matches('_');
            if !cases.iter().any(|c| c.name().starts_with(name)) {
                wrong.push(format!("{group}/{}: no case of that name", entry.name));
            }
            let text = read(&format!("src/functions/{group}/{}.rs", entry.name));
            let Some(at) = text.find(&format!("pub fn {}", entry.name)) else {
                wrong.push(format!("{group}/{}: no public function of that name", entry.name));
                continue;
            };
            // The documentation ends where the function begins.
            let above: Vec<&str> = text[..at].lines().rev().take_while(|l| !l.is_empty()).collect();
            if !above.iter().any(|l| l.starts_with("///")) {
                wrong.push(format!("{group}/{}: no documentation", entry.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn case_names_are_unique() {
    let mut seen = BTreeSet::new();
    let twice: Vec<String> =
        functions::cases().iter().map(|c| c.name().to_string()).filter(|n| !seen.insert(n.clone())).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn every_shader_is_used_and_every_function_belongs_to_an_operator() {
    let sources = sources();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut wrong = vec![];
    for group in fs::read_dir(folder).expect("the folder is there") {
        let group = group.expect("readable").file_name().to_string_lossy().into_owned();
        for stem in stems(&format!("shaders/{group}"), ".wgsl") {
            let path = format!("{group}/{stem}.wgsl");
            if !sources.contains(&path) {
                wrong.push(format!("shaders/{path} is used by nothing"));
            }
            let text = read(&format!("shaders/{path}"));
            for part in text.split("fn f_").skip(1) {
                let name = part.split('(').next().unwrap_or_default();
                if !sources.contains(&format!("\"{name}\"")) {
                    wrong.push(format!("shaders/{path}: f_{name} is no operator"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
