//! What NumPy has and Chainer has not, of tensors, on every device, against NumPy's values (`tests/numpy.txt`, which
//! `tests/numpy.py` writes): with nothing along an axis, scalars, NaN, infinities and axes from the end.

use catena::{functions::Indexing, prelude::*, testing};
use std::collections::{BTreeMap, BTreeSet};

/// A line of the table.
struct Values {
    dtype: DType,
    shape: Vec<usize>,
    numbers: Vec<f64>,
}

fn table() -> BTreeMap<String, Values> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(": ").expect("a name and values");
        let (dtype, rest) = rest.split_once(" (").expect("a dtype and a shape");
        let (shape, numbers) = rest.split_once(')').expect("a shape and numbers");
        let dtype = match dtype {
            "float32" => DType::F32,
            "int32" => DType::I32,
            "bool" => DType::Bool,
            other => panic!("{name}: {other}"),
        };
        let shape = shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().expect("a length")).collect();
        let numbers = numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        (name.to_string(), Values { dtype, shape, numbers })
    };
    include_str!("numpy.txt").lines().filter(|l| !l.starts_with('#')).map(line).collect()
}

/// The table's inputs on a device.
struct Inputs<'a>(&'a BTreeMap<String, Values>, &'a Device);

impl Inputs<'_> {
    fn get(&self, name: &str) -> Tensor {
        let Values { dtype, shape, numbers } = &self.0[name];
        let shape = &shape[..];
        match dtype {
            DType::Bool => Tensor::from_slice(&numbers.iter().map(|&v| v != 0.0).collect::<Vec<_>>(), shape, self.1),
            DType::I32 => Tensor::from_slice(&numbers.iter().map(|&v| v as i32).collect::<Vec<_>>(), shape, self.1),
            _ => Tensor::from_slice(&numbers.iter().map(|&v| v as f32).collect::<Vec<_>>(), shape, self.1),
        }
    }

    fn all<const N: usize>(&self, names: [&str; N]) -> [Tensor; N] {
        names.map(|name| self.get(name))
    }
}

const INPUTS: &[&str] =
    &["u", "a", "b", "i", "j", "p", "q", "m", "n", "k", "v", "w", "s", "at", "c", "weights", "near", "e", "z", "t"];

type Result = (&'static str, fn(&Inputs<'_>) -> Tensor);

/// A function of one input, or of two.
macro_rules! of {
    ($name:literal, $x:ident => $f:expr) => {
        ($name, |inputs: &Inputs<'_>| {
            let $x = inputs.get(stringify!($x));
            $f
        })
    };
    ($name:literal, $x:ident $y:ident => $f:expr) => {
        ($name, |inputs: &Inputs<'_>| {
            let [$x, $y] = inputs.all([stringify!($x), stringify!($y)]);
            $f
        })
    };
    ($name:literal, $x:ident $y:ident $z:ident => $f:expr) => {
        ($name, |inputs: &Inputs<'_>| {
            let [$x, $y, $z] = inputs.all([stringify!($x), stringify!($y), stringify!($z)]);
            $f
        })
    };
}

/// The position of a row modulo 3.
fn modulo(k: &Tensor) -> Tensor {
    k.remainder(&k.full_like(3.0))
}

const RESULTS: &[Result] = &[
    of!("isnan", u => u.isnan()),
    of!("isinf", u => u.isinf()),
    of!("isfinite", u => u.isfinite()),
    of!("isfinite of integers", i => i.isfinite()),
    of!("nan_to_num", u => u.nan_to_num(0.0, None, None)),
    of!("nan_to_num given", u => u.nan_to_num(7.0, Some(8.0), Some(-8.0))),
    of!("round", u => u.round()),
    of!("exp2", u => u.exp2()),
    of!("reciprocal", u => u.reciprocal()),
    of!("arcsinh", u => u.arcsinh()),
    of!("arccosh", u => u.arccosh()),
    of!("hypot", a b => a.hypot(&b)),
    of!("logaddexp", a b => a.logaddexp(&b)),
    of!("remainder", a b => a.remainder(&b)),
    of!("floor_divide", a b => a.floor_divide(&b)),
    of!("fmod", a b => a.fmod(&b)),
    of!("remainder of integers", i j => i.remainder(&j)),
    of!("floor_divide of integers", i j => i.floor_divide(&j)),
    of!("logical_xor", p q => p.logical_xor(&q)),
    of!("isclose", near u => near.isclose(&u, 1e-5, 1e-6)),
    of!("isclose of integers", i j => i.isclose(&j, 0.5, 1.0)),
    of!("count_nonzero", n => n.count_nonzero(None, false)),
    of!("count_nonzero axis", n => n.count_nonzero(Some(&[-1]), false)),
    of!("count_nonzero nothing", e => e.count_nonzero(Some(&[0]), false)),
    of!("outer", v w => v.outer(&w)),
    of!("outer of matrices", m w => m.outer(&w)),
    of!("dot vectors", v => v.dot(&v)),
    of!("dot scalar", z m => z.dot(&m)),
    of!("dot matrix vector", m v => m.dot(&v)),
    of!("dot vector matrix", v m => v.dot(&m.transpose(None))),
    of!("dot matrices", m => m.dot(&m.transpose(None))),
    of!("dot many", t m => t.dot(&m.transpose(None))),
    of!("dot integers", k => k.dot(&k.slice(&[Slice::Index(0)]))),
    of!("dot nothing", e w => e.dot(&w)),
    of!("trace", m => m.trace(0, 0, 1)),
    of!("trace above", m => m.trace(1, 0, 1)),
    of!("trace of axes", t => t.trace(-1, -1, 0)),
    of!("trace nothing", e => e.trace(0, 0, 1)),
    of!("diff", m => m.diff(1, -1)),
    of!("diff twice", m => m.diff(2, 0)),
    of!("diff of truth", p => p.diff(1, 0)),
    of!("diff to nothing", w => w.diff(4, 0)),
    of!("diff nothing", e => e.diff(1, 0)),
    of!("ravel", m => m.transpose(None).ravel()),
    of!("ravel scalar", z => z.ravel()),
    of!("ravel nothing", e => e.flatten()),
    of!("moveaxis", t => t.moveaxis(&[0], &[-1])),
    of!("moveaxis several", t => t.moveaxis(&[0, -1], &[-1, 0])),
    of!("hstack", m => Tensor::hstack(&[&m, &m.slice(&[Slice::ALL, (0..2).into()])])),
    of!("hstack vectors", v w => Tensor::hstack(&[&v, &w])),
    of!("hstack scalars", z => Tensor::hstack(&[&z, &z])),
    of!("vstack", m v => Tensor::vstack(&[&m, &v])),
    of!("vstack nothing", e w => Tensor::vstack(&[&e, &w])),
    of!("dstack", m => Tensor::dstack(&[&m, &m])),
    of!("dstack vectors", w => Tensor::dstack(&[&w, &w])),
    of!("argmax", m => m.argmax_flat()),
    of!("argmin", m => m.argmin_flat()),
    of!("argmax nan", n => n.argmax_flat()),
    of!("argmax scalar", z => z.argmax_flat()),
    of!("take_along_axis", m k => m.take_along_axis(&k, 1)),
    of!("take_along_axis first", m k => m.take_along_axis(&modulo(&k.slice(&[Slice::ALL, (0..1).into()])), 0)),
    of!("take_along_axis last", m => m.take_along_axis(&m.argsort(-1), -1)),
    of!("take_along_axis nothing", m k => m.take_along_axis(&k.slice(&[Slice::ALL, (0..0).into()]), 1)),
    of!("scatter_add_along_axis", m k => m.scatter_add_along_axis(&k, &k.cast(DType::F32), 1)),
    of!("scatter_add_along_axis first", m k => {
        let m = m.slice(&[Slice::ALL, (0..3).into()]);
        m.scatter_add_along_axis(&modulo(&k), &m, 0)
    }),
    of!("searchsorted", s at => s.searchsorted(&at, false)),
    of!("searchsorted right", s at => s.searchsorted(&at, true)),
    of!("searchsorted integers", c => {
        Tensor::from_slice(&[0, 1, 3], [3], c.device()).searchsorted(&c, false)
    }),
    of!("searchsorted nothing", s e => s.searchsorted(&e, false)),
    of!("searchsorted in nothing", e w => e.ravel().searchsorted(&w, true)),
    of!("bincount", c => c.bincount(None, 0).unwrap()),
    of!("bincount weights", c weights => c.bincount(Some(&weights), 6).unwrap()),
    of!("bincount nothing", c => c.slice(&[(0..0).into()]).bincount(None, 2).unwrap()),
    of!("meshgrid 0", v w => Tensor::meshgrid(&[&v, &w], Indexing::Xy).swap_remove(0)),
    of!("meshgrid 1", v w => Tensor::meshgrid(&[&v, &w], Indexing::Xy).swap_remove(1)),
    of!("meshgrid ij", v w z => Tensor::meshgrid(&[&v, &w, &z], Indexing::Ij).swap_remove(1)),
    of!("median", m => m.median(None, false)),
    of!("median axis", m => m.median(Some(0), false)),
    of!("median last", m => m.median(Some(-1), true)),
    of!("median nan", n => n.median(Some(1), false)),
    of!("median nothing", e => e.median(Some(0), false)),
    of!("median scalar", z => z.median(None, false)),
    of!("var", m => m.var_ddof(None, 1, false)),
    of!("var axis", m => m.var_ddof(Some(&[-1]), 2, true)),
    of!("var of one", z => z.var_ddof(None, 1, false)),
    of!("std", m => m.std_ddof(Some(&[0]), 1, false)),
    of!("eye", z => Tensor::eye_at(3, 4, 1, DType::F32, z.device())),
    of!("eye below", z => Tensor::eye_at(4, 2, -2, DType::F32, z.device())),
    of!("eye outside", z => Tensor::eye_at(2, 2, 5, DType::F32, z.device())),
    of!("diag", w => w.diag_at(-1)),
    of!("diag of matrix", m => m.diag_at(2)),
    of!("diag of integers", c => c.diag_at(1)),
    of!("diag nothing", e => e.ravel().diag_at(1)),
    of!("flip", t => t.flip_axes(None)),
    of!("flip axes", t => t.flip_axes(Some(&[0, -1]))),
    of!("norm 1", m => m.norm_of(1.0, None, false)),
    of!("norm 2", m => m.norm_of(2.0, Some(&[1]), false)),
    of!("norm 3", m => m.norm_of(3.0, Some(&[0]), true)),
    of!("norm inf", m => m.norm_of(f64::INFINITY, Some(&[-1]), false)),
    of!("norm -inf", m => m.norm_of(f64::NEG_INFINITY, Some(&[-1]), false)),
    of!("norm 0", m => m.norm_of(0.0, Some(&[0]), false)),
    of!("norm nothing", e => e.norm_of(1.0, Some(&[0]), false)),
];

/// Whether the adapter keeps NaN and infinities, which WGSL does not promise.
fn keeps(device: &Device) -> bool {
    let x = Tensor::from_slice(&[f32::NAN, f32::INFINITY], [2], device).add_scalar(1.0).to_vec::<f32>().unwrap();
    x[0].is_nan() && x[1] == f32::INFINITY
}

/// Counters belong to the device: one test at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn every_device_is_as_numpy() {
    let _alone = alone();
    let table = table();
    let tabled: BTreeSet<&str> = table.keys().map(String::as_str).filter(|n| !INPUTS.contains(n)).collect();
    assert_eq!(RESULTS.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), tabled);
    let mut wrong = vec![];
    for device in testing::devices() {
        let special = keeps(&device);
        for (name, f) in RESULTS {
            let y = f(&Inputs(&table, &device));
            let expected = &table[*name];
            if y.shape()[..] != expected.shape || y.dtype() != expected.dtype {
                wrong.push(format!("{device}: {name}: {} {} for {:?}", y.shape(), y.dtype(), expected.shape));
                continue;
            }
            // Of a quotient beyond all digits, single precision has no remainder.
            let large = !device.is_cpu() && ["remainder", "floor_divide", "fmod"].contains(name);
            let got = y.to_f64().unwrap();
            for (i, (&a, &b)) in got.iter().zip(&expected.numbers).enumerate() {
                let close = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 4e-6 * b.abs();
                let free = (!special && !b.is_finite()) || (large && i >= 72);
                if !close && !free {
                    wrong.push(format!("{device}: {name}[{i}]: {a}, not {b}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whether_all_are_close_is_one_reduction_and_one_number() {
    if std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off") {
        return;
    }
    let _alone = alone();
    for device in testing::devices() {
        let x = Tensor::linspace(-1.0, 1.0, 500, &device).reshape([50, 10]);
        let row = Tensor::zeros([10], DType::F32, &device).copy();
        x.force();
        row.force();
        let before = device.stats();
        assert!(x.allclose(&x, 0.0, 0.0).unwrap() && !x.allclose(&row, 0.5, 0.5).unwrap());
        assert!(x.allclose(&row, 0.0, 1.0).unwrap(), "{device}: it broadcasts");
        let did = device.stats() - before;
        assert_eq!((did.launches, did.read_backs), (3, 3), "{device}: {did:?}");
        assert!(did.bytes_down <= 3 * 4, "{device}: {did:?}");
    }
}

#[test]
fn negative_numbers_have_no_bin() {
    let _alone = alone();
    for device in testing::devices() {
        let x = Tensor::from_slice(&[2, -3, 1], [3], &device);
        let text = x.bincount(None, 0).unwrap_err().to_string();
        assert!(text.contains("bincount") && text.contains("-3"), "{device}: {text}");
    }
}
