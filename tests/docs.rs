//! The documents against the code: the table of functions, the README's program, its variables, links between files.

use catena::{autograd::Case, functions, kernel::philox::Generator, prelude::*, testing};
use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    panic::{self, AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The first sentence of a public function's documentation.
fn summary(group: &str, name: &str) -> String {
    let source = read(&format!("src/functions/{group}/{name}.rs"));
    let lines: Vec<&str> = source.lines().collect();
    let starts = [format!("pub fn {name}("), format!("pub fn {name}<")];
    let at = lines.iter().position(|l| starts.iter().any(|s| l.starts_with(s.as_str())));
    let at = at.unwrap_or_else(|| panic!("src/functions/{group}/{name}.rs has no public function {name}"));
    let above = |l: &&&str| l.starts_with("///") || l.starts_with("#[");
    let docs: Vec<&str> = lines[..at].iter().rev().take_while(above).filter_map(|l| l.strip_prefix("///")).collect();
    let paragraph: Vec<&str> = docs.iter().rev().map(|l| l.trim()).take_while(|l| !l.is_empty()).collect();
    let text = paragraph.join(" ");
    let sentence = text.split_inclusive(". ").next().unwrap_or_default().trim();
    // Links of rustdoc lead nowhere in this file, and a bar would end the cell.
    sentence.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

/// Why some functions have no second derivative that could be compared.
const LOWER: &[(&str, &str)] = &[
    ("accuracy", "counts, which are constant but for jumps"),
    ("binary_accuracy", "counts, which are constant but for jumps"),
    ("classification_summary", "counts, which are constant but for jumps"),
    ("r2_score", "an evaluation, outside of the graph as in Chainer"),
    (
        "standard_gamma",
        "draws are accepted or refused, so that no difference converges; their gradient is compared with moments",
    ),
];

/// The dtypes that a function takes for the reals of its first case.
fn dtypes(case: &Case) -> String {
    let takes = |dtype: DType| {
        let call = || {
            let mut generator = Generator::new(3);
            let xs: Vec<Variable> = testing::draw(case, &mut generator)
                .into_iter()
                .map(|host| {
                    let t = Tensor::from_host(host, &Device::cpu()).expect("the CPU holds every dtype");
                    Variable::constant(if t.dtype().is_float() { t.cast(dtype) } else { t })
                })
                .collect();
            let ys = case.call(&xs);
            ys.iter().all(|y| y.data().to_f64().is_ok())
        };
        catch_unwind(AssertUnwindSafe(call)).unwrap_or(false)
    };
    let all = [(DType::F16, "f16"), (DType::F32, "f32"), (DType::F64, "f64"), (DType::I32, "i32")];
    all.iter().filter(|(dtype, _)| takes(*dtype)).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

fn table() -> String {
    // Dtypes that a function does not take panic.
    let before = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let text = rows();
    panic::set_hook(before);
    text
}

fn rows() -> String {
    let mut text = String::from(
        "# Functions\n\n\
         Called as `F::name`. *Cases* are its calls in the conformance sweep, which runs each of them on every *device*;\n\
         *orders* is the highest order of derivatives that the sweep compares with finite differences; *dtypes* are those\n\
         that it takes for reals, of which GPUs have no f64. Why an order is below 2 stands at the end.\n\n\
         Written by `CATENA_WRITE_DOCS=1 cargo test --test docs`; do not edit.\n",
    );
    for (group, entries) in functions::groups().iter().filter(|(_, entries)| !entries.is_empty()) {
        let _ = write!(
            text,
            "\n## {group}\n\n| function | | devices | orders | dtypes | cases |\n|---|---|---|---|---|---|\n"
        );
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by_key(|e| e.name);
        for entry in entries {
            let cases = (entry.cases)();
            let order = cases.iter().map(|c| c.derivatives()).max().unwrap_or(0);
            let summary = summary(group, entry.name);
            let (count, dtypes) = (cases.len(), dtypes(&cases[0]));
            let _ = writeln!(text, "| `{}` | {summary} | CPU, GPU | {order} | {dtypes} | {count} |", entry.name);
            let known = LOWER.iter().any(|(name, _)| *name == entry.name);
            assert!(known == (order < 2), "{}: order {order}, which LOWER explains: {known}", entry.name);
        }
    }
    text.push_str("\n## Orders below 2\n\n");
    for (name, reason) in LOWER {
        let _ = writeln!(text, "- `{name}`: {reason}.");
    }
    text
}

#[test]
fn the_table_of_functions_is_fresh() {
    let path = root().join("docs/functions.md");
    let table = table();
    if std::env::var_os("CATENA_WRITE_DOCS").is_some() {
        fs::create_dir_all(root().join("docs")).expect("the repository can be written");
        fs::write(&path, &table).expect("the repository can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if kept != table {
        let stale = table.lines().filter(|line| !kept.lines().any(|k| k == *line)).collect::<Vec<_>>().join("\n");
        panic!("docs/functions.md is stale; run CATENA_WRITE_DOCS=1 cargo test --test docs. It lacks:\n{stale}");
    }
}

/// The first block of Rust in a text.
fn program(text: &str) -> String {
    let block = text.split("```rust\n").nth(1).expect("a block of Rust");
    block.split("```").next().expect("its end").trim().to_string()
}

#[test]
fn the_readme_shows_the_program_that_the_crate_tests() {
    let docs: String = read("src/lib.rs")
        .lines()
        .map_while(|l| l.strip_prefix("//!"))
        .map(|l| l.strip_prefix(' ').unwrap_or(l))
        .filter(|l| !l.starts_with("# ") || l.chars().nth(2).is_some_and(char::is_uppercase))
        .filter(|l| !l.starts_with("#   "))
        .flat_map(|l| [l, "\n"])
        .collect();
    let tested = program(&docs.replacen("```\n", "```rust\n", 1));
    assert_eq!(program(&read("README.md")), tested);
}

/// Words such as `CATENA_DEVICE`.
fn variables(text: &str) -> BTreeSet<String> {
    let word = |c: char| !(c.is_ascii_uppercase() || c == '_');
    text.split(word).filter(|w| w.starts_with("CATENA_") && w.len() > 7).map(str::to_string).collect()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            files(&path, ending, found);
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

#[test]
fn the_documents_name_every_variable_that_the_library_reads() {
    let mut sources = vec![];
    files(&root().join("src"), ".rs", &mut sources);
    let text: String = sources.iter().map(|p| fs::read_to_string(p).expect("a text")).collect();
    let (read_by_library, for_users) = (variables(&text), variables(&read("README.md")));
    let named: BTreeSet<String> = &for_users | &variables(&read("CONTRIBUTING.md"));
    assert_eq!(read_by_library.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new(), "not in a document");
    assert_eq!(for_users.difference(&read_by_library).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the library");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = vec![];
    files(root(), ".md", &mut documents);
    let mut broken = vec![];
    for document in &documents {
        let text = fs::read_to_string(document).expect("a text");
        for target in text.split("](").skip(1).filter_map(|t| t.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let here = document.parent().expect("a folder");
            if !file.is_empty() && !file.contains("://") && !here.join(file).exists() {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}
