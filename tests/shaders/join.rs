//! Files of the `shaders` folder made whole without a device: joined with what they call, and with accessors of every
//! dtype written by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A file of the `shaders` folder.
pub struct File {
    /// Path below `shaders/`.
    pub path: String,
    pub text: String,
}

/// Every WGSL file.
pub fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut left = vec![root.clone()];
    let mut found = vec![];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/");
                found.push(File { path: name, text: fs::read_to_string(&path).expect("text") });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The text without comments.
pub fn code(text: &str) -> String {
    text.lines().map(|l| l.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// Identifiers with where they end.
fn identifiers(code: &str) -> impl Iterator<Item = (&str, usize)> {
    let bytes = code.as_bytes();
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let starts = (0..bytes.len())
        .filter(move |&i| (bytes[i].is_ascii_alphabetic() || bytes[i] == b'_') && (i == 0 || !word(bytes[i - 1])));
    starts.map(move |i| {
        let end = (i..bytes.len()).find(|&j| !word(bytes[j])).unwrap_or(bytes.len());
        (&code[i..end], end)
    })
}

/// Names of functions that a text defines.
pub fn defined(code: &str) -> BTreeSet<String> {
    code.split("fn ").skip(1).filter_map(|s| s.split('(').next()).map(|s| s.trim().to_string()).collect()
}

/// Functions called, with the number of arguments of the first call.
fn calls(code: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (name, end) in identifiers(code) {
        if !code[end..].starts_with('(') {
            continue;
        }
        let (mut depth, mut commas, mut some) = (0, 0, false);
        for c in code[end..].chars() {
            match c {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ',' if depth == 1 => commas += 1,
                c if !c.is_whitespace() => some = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        found.entry(name.to_string()).or_insert(if some { commas + 1 } else { 0 });
    }
    found
}

/// A file and, after it, the files that define what it calls.
pub fn closure<'a>(file: &'a File, all: &'a [File]) -> Vec<&'a File> {
    let mut joined = vec![file];
    loop {
        let text: String = joined.iter().map(|f| code(&f.text)).collect();
        let have = defined(&text);
        let wanted = calls(&text).into_keys().find_map(|name| {
            let lacking = !have.contains(&name);
            lacking.then(|| all.iter().find(|f| defined(&code(&f.text)).contains(&name) && !is_family(f))).flatten()
        });
        match wanted {
            Some(file) => joined.push(file),
            None => return joined,
        }
    }
}

/// Whether the file is a piece of kernels that say which pieces they are made of, and nothing by itself.
pub fn is_piece(file: &File) -> bool {
    [
        "gemm/",
        "convolution/",
        "spectral/",
        "transformed/",
        "winograd/",
        "rows/",
        "family/pool_halves",
        "family/pool_lines",
    ]
    .iter()
    .any(|folder| file.path.starts_with(folder))
}

/// Several files as one.
pub fn together(paths: &[&str], all: &[File]) -> File {
    let text = |path: &&str| {
        let file = all.iter().find(|f| f.path == *path);
        file.unwrap_or_else(|| panic!("{path} is not there")).text.as_str()
    };
    File { path: paths.join(" + "), text: paths.iter().map(text).collect::<Vec<_>>().join("\n") }
}

/// Whether the file is a kernel rather than functions for kernels.
pub fn is_family(file: &File) -> bool {
    file.text.contains("@compute")
}

/// The values that a constant of a family takes.
fn values(name: &str) -> Vec<u32> {
    match name {
        "REDUCTION" => (0..4).collect(),
        "PARTS" | "WEIGHT" => (0..3).collect(),
        "THREADS" => vec![1, 4, 16, 64, 256],
        "LANES" => vec![1],
        "QUADS" => vec![2],
        "SIDE" => vec![6, 16],
        "SPAN" => vec![1, 16],
        "ACROSS" => vec![1, 16, 256],
        "BLOCK_M" | "BLOCK_N" => vec![64],
        "DEPTH" => vec![16],
        "A_ALONG_K" => vec![0],
        "B_ALONG_K" => vec![1],
        "AXES" => vec![0, 2],
        _ => vec![0, 1],
    }
}

/// Constants that a family leaves to its launcher.
fn constants(code: &str) -> Vec<String> {
    let upper = |n: &str| n.len() > 1 && n.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let names: BTreeSet<&str> = identifiers(code).map(|(n, _)| n).filter(|n| upper(n)).collect();
    names.into_iter().filter(|n| !code.contains(&format!("const {n}"))).map(str::to_string).collect()
}

/// One text for each combination of the constants' values.
fn variants(constants: &[String]) -> Vec<String> {
    constants.iter().fold(vec![String::new()], |texts, name| {
        let each = values(name);
        texts.iter().flat_map(|t| each.iter().map(move |v| format!("{t}const {name}: u32 = {v}u;\n"))).collect()
    })
}

/// How one dtype is stored and computed in.
pub struct Kind {
    pub compute: &'static str,
    pub stored: &'static str,
}

/// The accessors that `emit` would write, over one buffer of each kind.
fn accessors(code: &str, kind: &Kind) -> String {
    let have = defined(code);
    let mut text = String::from("@group(0) @binding(0) var<storage, read_write> b0: array<STORED>;\n")
        .replace("STORED", kind.stored);
    text.push_str("@group(0) @binding(1) var<storage, read_write> b1: array<i32>;\n");
    let positions = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("i{i}")).collect();
        let list: Vec<String> = names.iter().map(|n| format!("{n}: u32")).collect();
        (list.join(", "), if n == 0 { "0u".into() } else { names.join(" + ") })
    };
    for (name, n) in calls(code).into_iter().filter(|(name, _)| !have.contains(name)) {
        let (list, sum) = positions(n);
        let (but_one, but_one_sum) = positions(n.saturating_sub(1));
        let stored = format!("{}(v)", kind.stored);
        if name.starts_with("get4_") {
            text.push_str(&format!("fn {name}({list}) -> vec4<i32> {{ return vec4<i32>(b1[{sum}]); }}\n"));
        } else if name.starts_with("put4_") {
            text.push_str(&format!("fn {name}({but_one}, v: vec4<i32>) {{ b1[{but_one_sum}] = v.x; }}\n"));
        } else if name.starts_with("store4") {
            let stored = stored.replace("(v)", "(v.x)");
            text.push_str(&format!("fn {name}({but_one}, v: vec4<T>) {{ b0[{but_one_sum}] = {stored}; }}\n"));
        } else if name.starts_with("base_") {
            text.push_str(&format!("fn {name}({list}) -> u32 {{ return {sum}; }}\n"));
        } else if name.starts_with("load4_") {
            text.push_str(&format!("fn {name}({list}) -> vec4<T> {{ return vec4<T>(T(b0[{sum}])); }}\n"));
        } else if name.starts_with("load_") || name.starts_with("read_") {
            text.push_str(&format!("fn {name}({list}) -> T {{ return T(b0[{sum}]); }}\n"));
        } else if name.starts_with("get_") {
            text.push_str(&format!("fn {name}({list}) -> i32 {{ return b1[{sum}]; }}\n"));
        } else if name.starts_with("put_") {
            text.push_str(&format!("fn {name}({but_one}, v: i32) {{ b1[{but_one_sum}] = v; }}\n"));
        } else if name == "store4" {
            let first = format!("{}(v.x)", kind.stored);
            text.push_str(&format!("fn {name}({but_one}, v: vec4<T>) {{ b0[{but_one_sum}] = {first}; }}\n"));
        } else if name == "store" || name.starts_with("store_") || name.starts_with("write_") {
            text.push_str(&format!("fn {name}({but_one}, v: T) {{ b0[{but_one_sum}] = {stored}; }}\n"));
        } else if name == "op" {
            text.push_str(&format!("fn op({list}) {{ b0[{sum}] = {stored}; }}\n").replace("(v)", "(T(1))"));
        } else if name == "fault" {
            text.push_str(&format!("fn fault({list}) {{ b1[0] = i32({sum}); }}\n"));
        }
    }
    let fields: BTreeSet<&str> =
        identifiers(code).filter(|(n, end)| code[..end - n.len()].ends_with("p.")).map(|(n, _)| n).collect();
    if !fields.is_empty() {
        text.push_str("struct P {\n");
        for field in fields {
            // Whatever is only ever converted may be real.
            let uses = code.matches(&format!("p.{field}")).count();
            let real = code.matches(&format!("T(p.{field})")).count() == uses;
            text.push_str(&format!("    {field}: {},\n", if real { "f32" } else { "u32" }));
        }
        text.push_str("}\nvar<immediate> p: P;\n");
    }
    text
}

fn prelude(kind: &Kind) -> String {
    let enable = if kind.stored == "f16" { "enable f16;\n" } else { "" };
    format!("{enable}alias T = {};\n", kind.compute)
}

/// A family's file for one dtype, for every combination of its constants.
pub fn family(file: &File, all: &[File], kind: &Kind) -> Vec<String> {
    let text: String = closure(file, all).iter().map(|f| code(&f.text)).collect::<Vec<_>>().join("\n");
    let accessors = accessors(&text, kind);
    variants(&constants(&text)).iter().map(|c| format!("{}{c}{accessors}{text}", prelude(kind))).collect()
}

/// A file of functions for one dtype, with an entry point that calls each of them.
pub fn functions(file: &File, all: &[File], kind: &Kind) -> Vec<String> {
    let text: String = closure(file, all).iter().map(|f| code(&f.text)).collect::<Vec<_>>().join("\n");
    let mut entry = String::from("@compute @workgroup_size(64)\nfn main(@builtin(local_invocation_index) i: u32) {\n");
    for part in code(&file.text).split("fn ").skip(1) {
        let Some((name, rest)) = part.split_once('(') else { continue };
        let Some((parameters, rest)) = rest.split_once(')') else { continue };
        let types = parameters.split(',').filter_map(|p| p.split_once(':')).map(|(_, t)| t.trim().to_string());
        // Types with commas inside, such as a pair of words, do not occur: vectors are written by one parameter.
        let values: Vec<String> = types.map(|t| if t == "T" { "T(b0[i])".into() } else { format!("{t}()") }).collect();
        let call = format!("{}({})", name.trim(), values.join(", "));
        let gives = rest.split('{').next().is_some_and(|r| r.contains("->"));
        let line = if gives { format!("    let r{} = {call};\n", name.trim()) } else { format!("    {call};\n") };
        entry.push_str(&line);
        let returned = rest.split('{').next().and_then(|r| r.split_once("->")).map(|(_, t)| t.trim().to_string());
        if returned.as_deref() == Some("T") {
            entry.push_str(&format!("    b0[i] = {}(r{});\n", kind.stored, name.trim()));
        }
    }
    entry.push_str("}\n");
    let accessors = accessors(&text, kind);
    variants(&constants(&text)).iter().map(|c| format!("{}{c}{accessors}{text}\n{entry}", prelude(kind))).collect()
}
