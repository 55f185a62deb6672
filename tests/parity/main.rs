//! Values and gradients of Chainer 7.8.1 against catena's, on the CPU and on a GPU or a software adapter.
//!
//! `data/` and `further/` hold the reference values (see their README.md); `CATENA_PARITY_DIR` names another folder of the
//! same format in their place.
//! Each case prints `PASS|FAIL|MISSING name device`, and a summary ends the run. An operator that catena does not have
//! is MISSING and stands in `missing.txt`, by its name (`softmax`) or, where some of its cases run, by the case's
//! (`matmul/vec_vec`); a line there that is no longer missing fails the run, so that the list shrinks.
//!
//! To add an operator: in the file of the case's group (`tests/parity/<group>.rs`), add an arm for the case's `op` that
//! makes the call from `xs["<input>"]` and the attributes, and strike it out of `missing.txt`. `None` means MISSING.
//! Outputs come back in the order of the index. Forward values, gradients and second-order gradients are then checked
//! here. Cases that are no single call (optimizers, training traces, links over several steps) go through `run` of
//! their group's file, which does its own checking.
//!
//! `cargo test --release --test parity -- softmax` runs the cases with that text in their names.

mod activation;
mod array;
mod check;
mod conv2d;
mod deconv2d;
mod embed;
mod evaluation;
mod fixture;
mod linear;
mod loss;
mod math;
mod matmul;
mod noise;
mod normalization;
mod optimizers;
mod pooling;
mod python;
mod rnn;
mod traces;

use catena::{autograd::Variable, device::Device, testing};
use fixture::{Case, Inputs, Library};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

/// Calls the function that a case is about; `None` where catena has none.
fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    type Call = fn(&Case, &Inputs) -> Option<Vec<Variable>>;
    const GROUPS: &[(&str, Call)] = &[
        ("activation", activation::call),
        ("array", array::call),
        ("conv2d", conv2d::call),
        ("deconv2d", deconv2d::call),
        ("embed", embed::call),
        ("evaluation", evaluation::call),
        ("linear", linear::call),
        ("loss", loss::call),
        ("math", math::call),
        ("matmul", matmul::call),
        ("noise", noise::call),
        ("normalization", normalization::call),
        ("pooling", pooling::call),
        ("rnn", rnn::call),
    ];
    // Another file may have a function that the case's group has under another heading.
    let own = GROUPS.iter().filter(|(name, _)| *name == case.group);
    let others = GROUPS.iter().filter(|(name, _)| *name != case.group);
    own.chain(others).find_map(|(_, call)| call(case, xs))
}

/// Runs a case; `None` where catena cannot.
fn run(case: &Case, device: &Device) -> Option<Result<(), String>> {
    match case.group.as_str() {
        "optimizers" => optimizers::run(case, device),
        "traces" => traces::run(case, device),
        "rnn" if case.op.starts_with("L.") => rnn::run(case, device),
        "normalization" if !case.is_call() => normalization::run(case, device),
        _ => check::run(case, device),
    }
}

/// The message of a panic.
fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", text.unwrap_or("without a text"))
}

fn main() -> ExitCode {
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let library = Library::open();
    let cases: Vec<Case> = library
        .cases()
        .into_iter()
        .filter(|c| filters.is_empty() || filters.iter().any(|f| c.name.contains(f.as_str())))
        .collect();
    std::panic::set_hook(Box::new(|_| {}));
    let (mut passed, mut failed) = (0, 0);
    let mut missing: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut missed = 0;
    let devices = testing::devices();
    for case in &cases {
        for device in &devices {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(case, device)));
            match outcome.unwrap_or_else(|panic| Some(Err(message(&*panic)))) {
                None => {
                    missed += 1;
                    missing.insert((&case.op, &case.name));
                    println!("MISSING {} {device}", case.name);
                }
                Some(Ok(())) => {
                    passed += 1;
                    println!("PASS {} {device}", case.name);
                }
                Some(Err(why)) => {
                    failed += 1;
                    println!("FAIL {} {device}: {why}", case.name);
                }
            }
        }
    }
    let wrong = compare_list(&missing, filters.is_empty());
    for line in &wrong {
        println!("FAIL missing.txt: {line}");
    }
    println!("parity: {passed} passed, {failed} failed, {missed} missing");
    if failed == 0 && wrong.is_empty() && passed + missed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What differs between the operators that are missing and the list of those that may be.
fn compare_list(missing: &BTreeSet<(&str, &str)>, all: bool) -> Vec<String> {
    let listed: BTreeSet<&str> = include_str!("missing.txt").lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let unlisted = missing.iter().filter(|(op, name)| !listed.contains(op) && !listed.contains(name));
    let mut wrong: Vec<String> =
        unlisted.map(|(op, name)| format!("`{name}` ({op}) is missing and not listed")).collect();
    if all {
        let stale = listed.iter().filter(|l| !missing.iter().any(|(op, name)| op == *l || name == *l));
        wrong.extend(stale.map(|l| format!("`{l}` is listed and no longer missing: strike it out")));
    }
    wrong
}
