//! Operands of different shapes, which one kernel takes one after the other.

use super::{Index, Kernel, Part, address::Field};
use crate::{
    device::Buffer,
    kernel::fuse::Prologue,
    shape::{DType, View},
};
use std::fmt::Write;

/// Operands that one kernel takes at most.
pub(in crate::kernel) const MOST_IN_TURN: usize = 16;

const X: [&str; MOST_IN_TURN] =
    ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15"];
const Y: [&str; MOST_IN_TURN] =
    ["y0", "y1", "y2", "y3", "y4", "y5", "y6", "y7", "y8", "y9", "y10", "y11", "y12", "y13", "y14", "y15"];

impl<'a> Kernel<'a> {
    /// `op(i)`, which writes element `i`, counted over all operands one after the other, into the operand's region of
    /// a buffer; how many there are.
    pub(in crate::kernel) fn in_turn(&mut self, parts: &'a [(Prologue, View)], dtype: DType, into: &Buffer) -> usize {
        let mut start = 0;
        for (k, (prologue, view)) in parts.iter().enumerate() {
            self.field(Field::Offset("part", k as u8), false, start as u32);
            self.input(X[k], prologue, Index::Flat);
            self.output_view(Y[k], into, dtype, view, Index::Flat);
            start += view.size();
        }
        self.key.extend_from_slice(&[b'T', parts.len() as u8]);
        self.parts.push(Part::InTurn { parts: parts.len() });
        start
    }
}

pub(super) fn text(t: &mut String, parts: usize) {
    t.push_str("const LANES: u32 = 1u;\nfn op(i: u32) {\n    ");
    for k in (0..parts).rev() {
        if k > 0 {
            let _ = write!(t, "if (i >= p.part_at{k}) ");
        }
        let _ = write!(t, "{{\n        let k = i - p.part_at{k};\n        store_y{k}(k, load_x{k}(k));\n    }}");
        t.push_str(if k > 0 { " else " } else { "\n}\n" });
    }
}
