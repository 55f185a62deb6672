use crate::{
    autograd::{Case, Retain, Saved, Variable},
    functions::{
        family::{Elementwise, map, map_tensors},
        math::{log, sqrt},
    },
    tensor::{Real, Tensor, Wgsl, wgsl},
};
use ndarray::arr1;

const FILES: &[Wgsl] = &[wgsl!("math/limits.wgsl"), wgsl!("math/is_nan.wgsl"), wgsl!("math/power.wgsl")];

/// Whole exponents up to this size are computed by multiplication.
const MOST_FACTORS: f64 = 64.0;

/// `a^b` over the broadcast shape; NaN for a negative base with a fraction in the exponent.
///
/// The gradient of `b` is that of `e^(b ln a)`: NaN at `a = 0`. Floats of one dtype.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, -3.0], [3], &Device::cpu()));
/// assert_eq!(x.powf(2.0).data().to_vec::<f32>().unwrap(), [1.0, 4.0, 9.0]);
/// ```
#[track_caller]
pub fn pow(a: &Variable, b: &Variable) -> Variable {
    map(Pow, [a, b])
}

/// `x^c` for a number `c`; also written `x.powf(c)`.
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn pow_scalar(x: &Variable, c: f64) -> Variable {
    let _named = crate::shape::named("pow");
    if c == 0.5 {
        // As in NumPy, where the power of minus infinity is otherwise.
        return sqrt(x);
    }
    if c.fract() == 0.0 && c.abs() <= MOST_FACTORS { map(PowInteger(c), [x]) } else { map(PowScalar(c), [x]) }
}

/// `c^x` for a number `c`.
///
/// # Panics
/// When `x` is no float.
#[track_caller]
pub fn scalar_pow(c: f64, x: &Variable) -> Variable {
    map(ScalarPow(c), [x])
}

impl Variable {
    /// `self^c` for a number `c`: see [`pow`].
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn powf(&self, c: f64) -> Variable {
        pow_scalar(self, c)
    }

    /// `self^n` for a whole number `n`.
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn powi(&self, n: i32) -> Variable {
        pow_scalar(self, f64::from(n))
    }
}

impl Tensor {
    /// `self^other` over the broadcast shape: see [`pow`].
    ///
    /// # Panics
    /// When dtypes differ or are no floats, or shapes do not broadcast.
    #[track_caller]
    pub fn pow(&self, other: &Tensor) -> Tensor {
        map_tensors(Pow, [self, other])
    }

    /// `self^c`.
    ///
    /// # Panics
    /// When it is no float.
    #[track_caller]
    pub fn powf(&self, c: f64) -> Tensor {
        if c.fract() == 0.0 && c.abs() <= MOST_FACTORS {
            map_tensors(PowInteger(c), [self])
        } else {
            map_tensors(PowScalar(c), [self])
        }
    }
}

#[derive(Debug, Clone)]
struct Pow;

impl Elementwise<2> for Pow {
    const NAME: &str = "pow";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS.output(0);

    fn reference<R: Real>([a, b]: [R; 2], []: [R; 0]) -> R {
        R::powf(a, b)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 2] {
        let (a, b, y) = (saved.input(0), saved.input(1), saved.output(0));
        [saved.needs(0).then(|| b * pow(a, &(b - 1.0)) * gy), saved.needs(1).then(|| log(a) * y * gy)]
    }
}

/// `x^c`
#[derive(Debug, Clone)]
struct PowScalar(f64);

impl Elementwise<1, 1> for PowScalar {
    const NAME: &str = "pow_scalar";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        R::powf(x, c)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(pow_scalar(saved.input(0), self.0 - 1.0) * self.0 * gy)]
    }
}

/// `x^n` for a whole number `n`.
#[derive(Debug, Clone)]
struct PowInteger(f64);

impl Elementwise<1, 1> for PowInteger {
    const NAME: &str = "pow_integer";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::INPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [n]: [R; 1]) -> R {
        R::powi(x, n.to_f64() as i32)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        // Of a constant and of x itself it is known without x, also at zero.
        let gx = match self.0 {
            0.0 => None,
            1.0 => Some(gy.clone()),
            n => Some(pow_scalar(saved.input(0), n - 1.0) * n * gy),
        };
        [gx]
    }
}

/// `c^x`
#[derive(Debug, Clone)]
struct ScalarPow(f64);

impl Elementwise<1, 1> for ScalarPow {
    const NAME: &str = "scalar_pow";
    const FILES: &[Wgsl] = FILES;
    const RETAIN: Retain = Retain::OUTPUTS;

    fn scalars(&self) -> [f64; 1] {
        [self.0]
    }

    fn reference<R: Real>([x]: [R; 1], [c]: [R; 1]) -> R {
        R::powf(c, x)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 1] {
        [Some(saved.output(0) * self.0.ln() * gy)]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let i = f64::INFINITY;
    vec![
        Case::new("pow", |x| pow(&x[0], &x[1])).input_in([3, 4], 0.5, 2.0).input_in([3, 4], -2.0, 3.0).tolerance(2e-5),
        Case::new("pow/broadcast", |x| pow(&x[0], &x[1]))
            .input_in([3, 1], 0.5, 2.0)
            .input_in([4], -1.0, 2.0)
            .tolerance(2e-5),
        Case::new("pow/limits", |x| pow(&x[0], &x[1]))
            .exact(arr1(&[0.0, 0.0, 0.0, -2.0, -2.0, -2.0, -8.0, 1.0, f64::NAN, f64::NAN, i, 2.0]).into_dyn())
            .exact(arr1(&[0.0, 2.0, -1.0, 3.0, 2.0, -1.0, 0.5, f64::NAN, 0.0, 1.0, 2.0, -i]).into_dyn())
            .order(0),
        Case::new("pow/square", |x| x[0].powf(2.0)).input([3, 4]),
        Case::new("pow/cube", |x| x[0].powi(3)).input([3, 4]),
        Case::new("pow/itself", |x| x[0].powi(1)).input([3, 4]),
        Case::new("pow/inverse", |x| x[0].powi(-2)).input_in([3, 4], 0.5, 2.0),
        Case::new("pow/root", |x| x[0].powf(0.5)).input_in([3, 4], 0.5, 2.0),
        Case::new("pow/square_at_zero", |x| x[0].powf(2.0)).exact(arr1(&[0.0, -1.0]).into_dyn()),
        Case::new("pow/constant_base", |x| scalar_pow(2.5, &x[0])).input([3, 4]),
    ]
}
