//! Tensors as text, the way NumPy prints arrays.

use crate::tensor::{HostArray, Tensor};
use ndarray::ArrayD;
use std::fmt::{self, Write};

/// Elements past which the middle of each long axis is left out.
const SUMMARISE: usize = 1000;
/// What is shown at both ends of such an axis.
const EDGE: usize = 3;

impl fmt::Display for Tensor {
    /// Values as NumPy prints them; waits for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_host() {
            Ok(array) => f.write_str(&text(&array)),
            Err(error) => write!(f, "<failed: {error}>"),
        }
    }
}

impl fmt::Debug for Tensor {
    /// Shape, dtype and device; never waits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = if self.is_pending() { ", pending" } else { "" };
        write!(f, "Tensor({}, {}, {}{pending})", self.shape(), self.dtype(), self.device())
    }
}

fn text(array: &HostArray) -> String {
    let cells = match array {
        HostArray::F16(_) | HostArray::F32(_) | HostArray::F64(_) => floats(array),
        HostArray::Bool(a) => a.map(|v| if *v { "True".into() } else { "False".into() }),
        other => other.to_f64().map(|v| format!("{v}")),
    };
    let shown = visible(cells.shape(), cells.len());
    let width = shown_cells(&cells, &shown).iter().map(|s| s.len()).max().unwrap_or(0);
    let mut out = String::new();
    if cells.ndim() == 0 {
        return cells.iter().next().cloned().unwrap_or_default();
    }
    nested(&cells, &shown, width, &mut vec![], &mut out);
    out
}

/// For each axis the positions shown, `None` for the gap.
fn visible(shape: &[usize], size: usize) -> Vec<Vec<Option<usize>>> {
    let all = |n: usize| (0..n).map(Some).collect();
    let ends = |n: usize| (0..EDGE).map(Some).chain([None]).chain((n - EDGE..n).map(Some)).collect();
    shape.iter().map(|&n| if size > SUMMARISE && n > 2 * EDGE { ends(n) } else { all(n) }).collect()
}

fn shown_cells<'a>(cells: &'a ArrayD<String>, shown: &[Vec<Option<usize>>]) -> Vec<&'a String> {
    cells
        .indexed_iter()
        .filter(|(i, _)| shown.iter().enumerate().all(|(a, s)| s.contains(&Some(i[a]))))
        .map(|(_, c)| c)
        .collect()
}

fn nested(cells: &ArrayD<String>, shown: &[Vec<Option<usize>>], width: usize, at: &mut Vec<usize>, out: &mut String) {
    let depth = at.len();
    let last = depth + 1 == cells.ndim();
    out.push('[');
    for (k, position) in shown[depth].iter().enumerate() {
        if k > 0 {
            if last {
                out.push(' ');
            } else {
                out.push_str(&"\n".repeat(cells.ndim() - depth - 1));
                out.push_str(&" ".repeat(depth + 1));
            }
        }
        match position {
            None => out.push_str("..."),
            Some(i) => {
                at.push(*i);
                if last {
                    let _ = write!(out, "{:>width$}", cells[&at[..]]);
                } else {
                    nested(cells, shown, width, at, out);
                }
                at.pop();
            }
        }
    }
    out.push(']');
}

/// Floats with as many digits as the shortest exact form of any needs, at most eight; exponents for wide ranges.
fn floats(array: &HostArray) -> ArrayD<String> {
    const DIGITS: usize = 8;
    let values = array.to_f64();
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite() && *v != 0.0).map(f64::abs).collect();
    let most = finite.iter().copied().fold(0.0, f64::max);
    let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let exponent = !finite.is_empty() && (most >= 1e8 || least < 1e-4 || most / least > 1000.0 && least < 1e-3);
    // The shortest text that reads back as the same number of the array's own precision.
    let shortest = |v: f64| match array {
        HostArray::F64(_) => format!("{v}"),
        HostArray::F16(_) => format!("{}", half::f16::from_f64(v)),
        _ => format!("{}", v as f32),
    };
    let special = |v: f64| {
        if v.is_nan() {
            "nan"
        } else if v > 0.0 {
            "inf"
        } else {
            "-inf"
        }
    };
    if exponent {
        return values.map(|&v| if v.is_finite() { scientific(v) } else { special(v).into() });
    }
    let decimals = |v: &f64| shortest(*v).split_once('.').map_or(0, |(_, d)| d.len()).min(DIGITS);
    let wanted = values.iter().filter(|v| v.is_finite()).map(decimals).max().unwrap_or(0);
    values.map(|&v| {
        if !v.is_finite() {
            return special(v).into();
        }
        let s = format!("{v:.wanted$}");
        let s = if wanted == 0 { format!("{s}.") } else { s };
        // Trailing zeros are padding: they keep the columns aligned and claim no digits.
        let trimmed = s.trim_end_matches('0');
        if trimmed.len() < s.len() { format!("{trimmed}{}", " ".repeat(s.len() - trimmed.len())) } else { s }
    })
}

fn scientific(v: f64) -> String {
    let s = format!("{v:.8e}");
    let (mantissa, exponent) = s.split_once('e').unwrap_or((&s, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
