use super::fixture::{Case, Inputs};
use catena::{autograd::Variable, functions as F};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let transformed = |pair: (Variable, Variable)| Some(vec![pair.0, pair.1]);
    match case.op.as_str() {
        "fft" => return transformed(F::fft(xs.two().0, xs.two().1)),
        "ifft" => return transformed(F::ifft(xs.two().0, xs.two().1)),
        _ => {}
    }
    one(case, xs).or_else(|| two(case, xs)).or_else(|| reduced(case, xs)).map(|y| vec![y])
}

/// Functions of one array, element by element or as a matrix.
fn one(case: &Case, xs: &Inputs) -> Option<Variable> {
    let function: fn(&Variable) -> Variable = match case.op.as_str() {
        "absolute" => F::absolute,
        "arccos" => F::arccos,
        "arcsin" => F::arcsin,
        "arctan" => F::arctan,
        "arctanh" => F::arctanh,
        "batch_det" => F::batch_det,
        "batch_inv" => F::batch_inv,
        "batch_l2_norm_squared" => F::batch_l2_norm_squared,
        "ceil" => F::ceil,
        "cholesky" => F::cholesky,
        "cos" => F::cos,
        "cosh" => F::cosh,
        "det" => F::det,
        "digamma" => F::digamma,
        "erf" => F::erf,
        "erfc" => F::erfc,
        "erfcinv" => F::erfcinv,
        "erfcx" => F::erfcx,
        "erfinv" => F::erfinv,
        "exp" => F::exp,
        "expm1" => F::expm1,
        "fix" => F::fix,
        "floor" => F::floor,
        "identity" => F::identity,
        "inv" => F::inv,
        "lgamma" => F::lgamma,
        "log" => F::log,
        "log10" => F::log10,
        "log1p" => F::log1p,
        "log2" => F::log2,
        "log_ndtr" => F::log_ndtr,
        "ndtr" => F::ndtr,
        "ndtri" => F::ndtri,
        "neg" => F::neg,
        "rsqrt" => F::rsqrt,
        "sign" => F::sign,
        "sin" => F::sin,
        "sinh" => F::sinh,
        "sqrt" => F::sqrt,
        "square" => F::square,
        "tan" => F::tan,
        _ => return with_number(case, xs),
    };
    Some(function(xs.only()))
}

/// Functions of one array and numbers.
fn with_number(case: &Case, xs: &Inputs) -> Option<Variable> {
    let c = || case.f64("c");
    Some(match case.op.as_str() {
        "add_const" => xs.only() + c(),
        "radd_const" => c() + xs.only(),
        "sub_const" => xs.only() - c(),
        "rsub_const" => c() - xs.only(),
        "mul_const" => xs.only() * c(),
        "rmul_const" => c() * xs.only(),
        "div_const" => xs.only() / c(),
        "rdiv_const" => c() / xs.only(),
        "floordiv_const" => F::floor(&(xs.only() / c())),
        "rfloordiv_const" => F::floor(&(c() / xs.only())),
        "pow_const" => xs.only().powf(c()),
        "rpow_const" => F::scalar_pow(c(), xs.only()),
        "clip" => F::clip(xs.only(), case.f64("x_min"), case.f64("x_max")),
        "polygamma" => match case.ints("n") {
            Some(n) if n.len() == 1 => F::polygamma(n[0] as u32, xs.only()),
            _ => F::polygamma_each(&xs["n"], &xs["x"]),
        },
        _ => return None,
    })
}

/// Functions of several arrays.
fn two(case: &Case, xs: &Inputs) -> Option<Variable> {
    let function: fn(&Variable, &Variable) -> Variable = match case.op.as_str() {
        "add" => {
            let all = xs.all();
            return Some(F::add_all(&all.iter().collect::<Vec<_>>()));
        }
        "arctan2" => F::arctan2,
        "div" => F::div,
        "floordiv" => |a, b| F::floor(&(a / b)),
        "fmod" => F::fmod,
        "maximum" => F::maximum,
        "minimum" => F::minimum,
        "mul" => F::mul,
        "pow" => F::pow,
        "squared_difference" => F::squared_difference,
        "sub" => F::sub,
        "zeta" => F::zeta_each,
        "bias" => return Some(F::bias_axis(&xs["x"], &xs["y"], case.int_or("axis", 1) as usize)),
        "scale" => return Some(F::scale_axis(&xs["x"], &xs["y"], case.int_or("axis", 1) as usize)),
        "linear_interpolate" => return Some(F::linear_interpolate(&xs["p"], &xs["x"], &xs["y"])),
        _ => return None,
    };
    Some(function(xs.two().0, xs.two().1))
}

/// Reductions and running sums.
fn reduced(case: &Case, xs: &Inputs) -> Option<Variable> {
    let (axes, keepdims) = (case.ints("axis"), case.flag_or("keepdims", false));
    let axis = axes.as_ref().map(|a| a[0]);
    let axes = axes.as_deref();
    Some(match case.op.as_str() {
        "average" | "mean" => F::average(&xs["x"], axes, xs.get("w").or(xs.get("weights")), keepdims),
        "max" => F::max_axes(xs.only(), axes, keepdims),
        "min" => F::min_axes(xs.only(), axes, keepdims),
        "prod" => F::prod_axes(xs.only(), axes, keepdims),
        "sum" => F::sum_axes(xs.only(), axes, keepdims),
        "logsumexp" => F::logsumexp_axes(xs.only(), axes),
        "argmax" => F::argmax(xs.only(), axis),
        "argmin" => F::argmin(xs.only(), axis),
        "cumprod" => F::cumprod(xs.only(), axis),
        "cumsum" => F::cumsum(xs.only(), axis),
        "normalize" => F::normalize(xs.only(), case.f64_or("eps", 1e-5), axes.unwrap_or(&[1])),
        "sum_to" => F::sum_to(xs.only(), case.sizes("shape")?),
        _ => return None,
    })
}
