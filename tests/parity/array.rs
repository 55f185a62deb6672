use super::{
    fixture::{Case, Inputs},
    python,
};
use catena::{
    autograd::Variable,
    functions::{self as F, Index, Padding, Resize, Windows},
    shape::DType,
};
use serde_json::Value;

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let axis = || case.int_or("axis", 0);
    if let Some(y) = joined(case, xs) {
        return Some(vec![y]);
    }
    let y = match case.op.as_str() {
        "broadcast" => return Some(F::broadcast(&refs(&xs.all()))),
        "transpose_sequence" => return Some(F::transpose_sequence(&refs(&xs.all()))),
        "separate" => return Some(F::separate(&xs["x"], axis())),
        "split_axis" => {
            let at = case.sizes("indices_or_sections")?;
            let one = case.attr("indices_or_sections").is_number();
            return Some(if one {
                F::split_axis(&xs["x"], at[0], axis())
            } else {
                F::split_axis(&xs["x"], at, axis())
            });
        }
        "reshape" => F::reshape(&xs["x"], case.ints("shape")?),
        "flatten" => F::flatten(&xs["x"]),
        "transpose" => F::transpose(&xs["x"], case.ints("axes").as_deref()),
        "swapaxes" => F::swapaxes(&xs["x"], case.int("axis1"), case.int("axis2")),
        "rollaxis" => F::rollaxis(&xs["x"], axis(), case.int_or("start", 0)),
        "moveaxis" => F::moveaxis(&xs["x"], &case.ints("source")?, &case.ints("destination")?),
        "expand_dims" => F::expand_dims(&xs["x"], axis()),
        "squeeze" => F::squeeze(&xs["x"], case.ints("axis").as_deref()),
        "broadcast_to" => F::broadcast_to(&xs["x"], case.sizes("shape")?),
        "tile" => F::tile(&xs["x"], &case.sizes("reps")?),
        "repeat" => F::repeat(&xs["x"], &case.sizes("repeats")?, case.ints("axis").map(|a| a[0])),
        "flip" => F::flip(&xs["x"], axis()),
        "fliplr" => F::fliplr(&xs["x"]),
        "flipud" => F::flipud(&xs["x"]),
        "pad" => pad(case, &xs["x"]),
        "get_item" => F::get_item_with(&xs["x"], &index(case, &xs["x"])),
        "as_strided" => {
            let offset = case.int_or("storage_offset", 0) as usize;
            F::as_strided(&xs["x"], case.sizes("shape")?, &case.ints("strides")?, offset)
        }
        "cast" => F::cast(&xs["x"], if case.text("typ").contains("16") { DType::F16 } else { DType::F32 }),
        "copy" => F::copy(&xs["x"], xs["x"].device()),
        "depth2space" => F::depth2space(&xs["x"], case.int("r") as usize),
        "space2depth" => F::space2depth(&xs["x"], case.int("r") as usize),
        "im2col" => F::im2col(&xs["x"], windows(case)),
        "resize_images" => F::resize_images(&xs["x"], pair(case, "output_shape"), resize(case)),
        "diagonal" => {
            F::diagonal(xs.only(), case.int_or("offset", 0), case.int_or("axis1", 0), case.int_or("axis2", 1))
        }
        "where" => {
            let all = xs.all();
            let condition = Variable::constant(all[0].data().cast(DType::Bool));
            F::where_(&condition, &all[1], &all[2])
        }
        "select_item" => F::select_item(&xs["x"], &xs["t"]),
        "permutate" => {
            let indices = xs.get("i").unwrap_or_else(|| xs.two().1);
            F::permutate(&xs["x"], indices, axis(), case.flag_or("inv", false))
        }
        "scatter_add" => F::scatter_add_with(&xs["a"], &index(case, &xs["a"]), &xs["b"]),
        "spatial_transformer_sampler" => F::spatial_transformer_sampler(&xs["x"], &xs["grid"]),
        "spatial_transformer_grid" => F::spatial_transformer_grid(&xs["theta"], pair(case, "output_shape")),
        _ => return None,
    };
    Some(vec![y])
}

fn refs(xs: &[Variable]) -> Vec<&Variable> {
    xs.iter().collect()
}

/// Calls that take all inputs at once.
fn joined(case: &Case, xs: &Inputs) -> Option<Variable> {
    let all = xs.all();
    let xs = refs(&all);
    Some(match case.op.as_str() {
        "concat" if xs.len() == 1 => F::concat(&[xs[0], xs[0]], case.int_or("axis", 1)),
        "concat" => F::concat(&xs, case.int_or("axis", 1)),
        "stack" => F::stack(&xs, case.int_or("axis", 0)),
        "hstack" => F::hstack(&xs),
        "vstack" => F::vstack(&xs),
        "dstack" => F::dstack(&xs),
        "pad_sequence" => {
            F::pad_sequence(&xs, case.sizes("length").map(|l| l[0]), case.attr("padding").as_f64().unwrap_or(0.0))
        }
        _ => return None,
    })
}

fn pair(case: &Case, name: &str) -> (usize, usize) {
    match case.sizes(name).as_deref() {
        Some([n]) => (*n, *n),
        Some([a, b]) => (*a, *b),
        other => panic!("{}: {name} = {other:?}", case.name),
    }
}

fn pair_or(case: &Case, name: &str, default: usize) -> (usize, usize) {
    if case.attr(name).is_null() { (default, default) } else { pair(case, name) }
}

/// Pairs from one number, one pair (or one number) for all axes, or a pair for each.
fn pairs<T: Copy>(value: &Value, number: impl Fn(&Value) -> T) -> Vec<(T, T)> {
    let pair = |v: &Value| match v.as_array().map(Vec::as_slice) {
        Some([a, b]) => (number(a), number(b)),
        Some([a]) => (number(a), number(a)),
        _ => (number(v), number(v)),
    };
    match value.as_array() {
        Some(list) if list.iter().any(Value::is_array) => list.iter().map(pair).collect(),
        _ => vec![pair(value)],
    }
}

fn pad(case: &Case, x: &Variable) -> Variable {
    let width = pairs(case.attr("pad_width"), |v| v.as_u64().expect("a width") as usize);
    let padding = match case.attr("mode").as_str() {
        Some("edge") => Padding::Edge,
        Some("reflect") => Padding::Reflect,
        Some("symmetric") => Padding::Symmetric,
        Some("wrap") => Padding::Wrap,
        _ => {
            let values = case.attr("constant_values");
            if values.is_array() {
                return F::pad_with(x, &width, &pairs(values, |v| v.as_f64().expect("a number")));
            }
            Padding::Constant(values.as_f64().unwrap_or(0.0))
        }
    };
    F::pad(x, &width, padding)
}

/// An index as Python writes it, `(slice(0, 2, None), None, [0, 2])`, or as a list of numbers.
fn index(case: &Case, x: &Variable) -> Vec<Index> {
    let written = match case.attr("slices") {
        Value::Null => "[0, 2, 0]".to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut rest = written.as_str();
    let parsed = python::read(&mut rest);
    parsed.parts().iter().map(|part| part.index(x)).collect()
}

fn windows(case: &Case) -> Windows {
    Windows {
        ksize: pair(case, "ksize"),
        stride: pair_or(case, "stride", 1),
        pad: pair_or(case, "pad", 0),
        cover_all: case.flag_or("cover_all", false),
        dilate: pair_or(case, "dilate", 1),
    }
}

fn resize(case: &Case) -> Resize {
    let align_corners = case.flag_or("align_corners", true);
    match case.attr("mode").as_str() {
        Some("nearest") => Resize::Nearest,
        _ => Resize::Bilinear { align_corners },
    }
}
