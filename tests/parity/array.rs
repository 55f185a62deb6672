use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, Padding, Resize, Windows},
    shape::{DType, Slice},
    tensor::Tensor,
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let axis = || case.int("axis");
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
        "rollaxis" => F::rollaxis(&xs["x"], axis(), case.int("start")),
        "moveaxis" => F::moveaxis(&xs["x"], &case.ints("source")?, &case.ints("destination")?),
        "expand_dims" => F::expand_dims(&xs["x"], axis()),
        "squeeze" => F::squeeze(&xs["x"], case.ints("axis").as_deref()),
        "broadcast_to" => F::broadcast_to(&xs["x"], case.sizes("shape")?),
        "tile" => F::tile(&xs["x"], &case.sizes("reps")?),
        "repeat" => F::repeat(&xs["x"], &case.sizes("repeats")?, Some(axis())),
        "flip" => F::flip(&xs["x"], axis()),
        "fliplr" => F::fliplr(&xs["x"]),
        "flipud" => F::flipud(&xs["x"]),
        "pad" => pad(case, &xs["x"]),
        "get_item" => get_item(case, &xs["x"]),
        "depth2space" => F::depth2space(&xs["x"], case.int("r") as usize),
        "space2depth" => F::space2depth(&xs["x"], case.int("r") as usize),
        "im2col" => F::im2col(&xs["x"], windows(case)),
        "resize_images" => F::resize_images(&xs["x"], pair(case, "output_shape"), resize(case)),
        "diagonal" => F::diagonal(&xs["x"], case.int("offset"), case.int("axis1"), case.int("axis2")),
        "where" => {
            let condition = Variable::constant(xs["c"].data().cast(DType::Bool));
            F::where_(&condition, &xs["a"], &xs["b"])
        }
        "select_item" => F::select_item(&xs["x"], &xs["t"]),
        "permutate" => {
            let inverse = case.attr("inv").as_bool().unwrap_or(false);
            F::permutate(&xs["x"], &xs["i"], axis(), inverse)
        }
        "scatter_add" => F::scatter_add(&xs["a"], &numbers(case, "slices", &xs["a"])?, &xs["b"]),
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
        "concat" if xs.len() == 1 => F::concat(&[xs[0], xs[0]], case.int("axis")),
        "concat" => F::concat(&xs, case.int("axis")),
        "stack" => F::stack(&xs, case.int("axis")),
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

/// Integers of the case as indices beside `x`.
fn numbers(case: &Case, name: &str, x: &Variable) -> Option<Variable> {
    let numbers: Vec<i32> = case.ints(name)?.into_iter().map(|i| i as i32).collect();
    Some(Variable::constant(Tensor::from_slice(&numbers, [numbers.len()], x.device())))
}

fn pad(case: &Case, x: &Variable) -> Variable {
    let width = case.attr("pad_width");
    let number = |v: &serde_json::Value| v.as_u64().expect("a width") as usize;
    let width: Vec<(usize, usize)> = match width.as_array() {
        Some(pairs) => pairs.iter().map(|p| (number(&p[0]), number(&p[1]))).collect(),
        None => vec![(number(width), number(width))],
    };
    F::pad(x, &width, Padding::Constant(case.attr("constant_values").as_f64().unwrap_or(0.0)))
}

fn get_item(case: &Case, x: &Variable) -> Variable {
    match case.attr("slices").as_str() {
        Some("(1,)") => F::get_item(x, &[Slice::Index(1)]),
        Some("(slice(0, 2, None), slice(1, None, None))") => F::get_item(x, &[(0..2).into(), (1..).into()]),
        Some("(slice(None, None, None), None, 1)") => F::get_item(x, &[Slice::ALL, Slice::NewAxis, Slice::Index(1)]),
        Some("[[0, 2, 0]]") | None => {
            let indices = Tensor::from_slice(&[0, 2, 0], [3], x.device());
            F::get_item_fancy(x, &Variable::constant(indices), 0)
        }
        other => panic!("{}: slices = {other:?}", case.name),
    }
}

fn windows(case: &Case) -> Windows {
    Windows {
        ksize: pair(case, "ksize"),
        stride: pair(case, "stride"),
        pad: pair(case, "pad"),
        cover_all: case.flag("cover_all"),
        dilate: pair(case, "dilate"),
    }
}

fn resize(case: &Case) -> Resize {
    match case.text("mode") {
        "nearest" => Resize::Nearest,
        _ => Resize::Bilinear { align_corners: case.flag("align_corners") },
    }
}
