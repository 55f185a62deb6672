//! Operators, one file each, in Chainer's groups.
//!
//! [`F`](crate::functions) is this module's short name in the prelude. An operator is its public function, its
//! [`Function`](crate::autograd::Function) and its cases; the group's list of cases is its entry, from which tests,
//! gradient checks and the table of functions follow.

pub mod activation;
pub mod array;
mod composite;
pub mod connection;
pub mod evaluation;
pub mod family;
pub mod loss;
pub mod math;
pub mod noise;
pub mod normalization;
pub mod pooling;
pub mod rnn;
pub mod util;

pub use activation::*;
pub use array::*;
pub use connection::*;
pub use evaluation::*;
pub use loss::*;
pub use math::*;
pub use noise::*;
pub use normalization::*;
pub use pooling::*;
pub use rnn::*;
pub use util::*;

use crate::autograd::Case;

/// The cases of one operator.
type Cases = fn() -> Vec<Case>;

/// An operator's file: its name, and its cases.
pub struct Entry {
    /// The file's stem, which is the public function's name.
    pub name: &'static str,
    /// Its cases.
    pub cases: Cases,
}

/// A group's entries: `entries![add, exp]` lists the files `add.rs` and `exp.rs`.
macro_rules! entries {
    ($($name:ident),* $(,)?) => {
        &[$($crate::functions::Entry { name: stringify!($name), cases: $name::cases }),*]
    };
}
pub(crate) use entries;

/// Every group with its entries.
pub fn groups() -> [(&'static str, &'static [Entry]); 11] {
    [
        ("activation", activation::ALL),
        ("array", array::ALL),
        ("connection", connection::ALL),
        ("evaluation", evaluation::ALL),
        ("loss", loss::ALL),
        ("math", math::ALL),
        ("noise", noise::ALL),
        ("normalization", normalization::ALL),
        ("pooling", pooling::ALL),
        ("rnn", rnn::ALL),
        ("util", util::ALL),
    ]
}

/// Every case of every operator.
pub fn cases() -> Vec<Case> {
    groups().iter().flat_map(|(_, entries)| entries.iter()).flat_map(|e| (e.cases)()).collect()
}
