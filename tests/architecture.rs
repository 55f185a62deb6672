//! The order of the layers, read from the imports: left may be named by right, never the reverse.
//!
//! error - shape - device - tensor - kernel - autograd - functions - distributions - report - serializers - links - optimizers - training.
//! Beside this line: random and datasets (as far as the CPU's arrays), and testing, which may name everything.

use std::{fs, path::Path};

/// The modules in order. One that names another of a higher number is a fault.
const ORDER: &[&str] = &[
    "error",
    "atomic",
    "shape",
    "device",
    "tensor",
    "kernel",
    "random",
    "datasets",
    "autograd",
    "functions",
    "distributions",
    "report",
    "serializers",
    "links",
    "optimizers",
    "training",
    "testing",
    "prelude",
];

struct Source {
    /// Path below `src/`.
    path: String,
    /// Code, without comments and without what is only compiled for tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut left = vec![root.clone()];
    let mut found = vec![];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/");
                let tests = name.ends_with("tests.rs") || name.contains("/tests/");
                if !tests {
                    found.push(Source { code: shipped(&fs::read_to_string(&path).expect("text")), path: name });
                }
            }
        }
    }
    found
}

/// The code without comments and without items under `#[cfg(test)]`.
fn shipped(text: &str) -> String {
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The top-level modules that a code names: `crate::x::..`, and the parts of `use crate::{x::.., y::..}`.
fn named(code: &str) -> Vec<String> {
    let mut found = vec![];
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut part) = (0, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.push(std::mem::take(&mut part));
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 && c != '}' {
                    part.push(c);
                }
            }
            found.push(part);
        } else {
            found.push(rest.to_string());
        }
    }
    let word = |s: String| s.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    found.into_iter().map(word).filter(|w| !w.is_empty()).collect()
}

fn faults(sources: &[Source]) -> Vec<String> {
    let position = |module: &str| ORDER.iter().position(|m| *m == module);
    let mut wrong = vec![];
    for source in sources.iter().filter(|s| s.path != "lib.rs") {
        let own = source.path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let Some(here) = position(own) else {
            wrong.push(format!("{}: `{own}` is not in the order of modules", source.path));
            continue;
        };
        for module in named(&source.code) {
            if position(&module).is_some_and(|there| there > here) {
                wrong.push(format!("{}: `{own}` names `{module}`", source.path));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

#[test]
fn no_layer_names_a_later_one() {
    let sources = sources();
    assert!(sources.len() > 50, "only {} files were read", sources.len());
    let wrong = faults(&sources);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_forbidden_import_is_seen() {
    let source = |path: &str, code: &str| Source { path: path.into(), code: code.into() };
    for code in
        ["use crate::autograd::Variable;", "use crate::{\n    error::Result,\n    functions::{self as F, relu},\n};"]
    {
        assert_eq!(faults(&[source("kernel/reduce.rs", code)]).len(), 1, "{code}");
    }
    assert!(faults(&[source("kernel/reduce.rs", "use crate::{shape::DType, tensor::{Op, Real}};")]).is_empty());
    let of_tests = shipped("fn f() {}\n#[cfg(test)]\nmod tests { use crate::functions; }");
    assert!(faults(&[source("kernel/reduce.rs", &of_tests)]).is_empty());
}

#[test]
fn wgsl_is_in_its_folder() {
    for source in sources().iter().filter(|s| s.path != "kernel/emit/text.rs") {
        for token in ["@compute", "@workgroup_size", "var<storage", "var<workgroup>", "fn f_"] {
            assert!(!source.code.contains(token), "src/{} holds WGSL: {token}", source.path);
        }
    }
}

#[test]
fn devices_know_no_operators() {
    let names: Vec<&str> =
        catena::functions::groups().iter().flat_map(|(_, entries)| entries.iter().map(|e| e.name)).collect();
    for source in sources().iter().filter(|s| s.path.starts_with("device/")) {
        for name in names.iter().filter(|n| n.contains('_')) {
            assert!(!source.code.contains(name), "src/{} names the operator {name}", source.path);
        }
        for name in &names {
            assert!(!source.code.contains(&format!("\"{name}\"")), "src/{} names the operator {name}", source.path);
        }
    }
}
