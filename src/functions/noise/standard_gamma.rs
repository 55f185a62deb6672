use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::family::{Elementwise, map_tensors},
    kernel::philox::{Draw, Generator},
    random,
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::{Real, Tensor, Wgsl, wgsl},
};

const FILES: &[Wgsl] = &[
    wgsl!("math/limits.wgsl"),
    wgsl!("math/logarithm.wgsl"),
    wgsl!("math/is_nan.wgsl"),
    wgsl!("math/roots.wgsl"),
    wgsl!("math/trigonometric.wgsl"),
    wgsl!("math/gamma.wgsl"),
    wgsl!("noise/standard_gamma.wgsl"),
];

/// Draws from gamma distributions of shape `a` and scale 1, one for each element; gradients flow to `a`.
///
/// By Marsaglia and Tsang's method (2000). The gradient keeps a draw's place in its distribution (Figurnov, Mohamed and
/// Mnih, 2018): `dz/da = -(dP(a, z)/da) / p(z)`, with the distribution function `P` and the density `p`. It cannot be
/// differentiated again. The numbers come from the thread's [generator](crate::random). Any shape; floats above 0.
///
/// # Panics
/// When `a` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::new(Tensor::full([1000], 3.0, DType::F32, &Device::cpu()));
/// assert!((F::mean(&F::standard_gamma(&a)).item().unwrap() - 3.0).abs() < 0.3);
/// ```
#[track_caller]
pub fn standard_gamma(a: &Variable) -> Variable {
    let n = a.size() as u64;
    let tries = std::array::from_fn(|_| (random::take(2 * n), random::take(n)));
    apply(StandardGamma { tries, boost: random::take(n) }, &[a])
}

/// Of a hundred draws five are refused at most: all of them once in 10^10 times, and then `a - 1/3` stands, which is about
/// the median of the distribution.
const TRIES: usize = 8;

#[derive(Debug)]
struct StandardGamma {
    tries: [(Draw, Draw); TRIES],
    boost: Draw,
}

impl Function for StandardGamma {
    fn name(&self) -> &'static str {
        "standard_gamma"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        ensure!(xs.len(), ==, 1);
        Ok(vec![xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let a = &xs[0];
        let one = a.full_like(1.0);
        let uniform = |draw: Draw| Tensor::uniform_at(draw, 0.0, 1.0, a.shape().clone(), a.dtype(), a.device());
        // Below 1 the draw is one for a + 1, times a power of a uniform number.
        let small = a.less(&one);
        let d = small.where_(&a.add_scalar(1.0), a).add_scalar(-1.0 / 3.0);
        let c = d.mul_scalar(9.0).rsqrt();
        let mut z = d.clone();
        for (normal, plain) in self.tries.iter().rev() {
            let x = Tensor::normal_at(*normal, a.shape().clone(), a.dtype(), a.device());
            let root = c.mul(&x).add_scalar(1.0);
            let v = root.mul(&root).mul(&root);
            // A uniform number is a multiple of 2^-24 and may be 0, which is accepted.
            let bound = x.mul(&x).mul_scalar(0.5).add(&d.mul(&v.log().sub(&v).add_scalar(1.0)));
            let accepted = v.greater(&v.full_like(0.0)).logical_and(&uniform(*plain).log().less(&bound));
            z = accepted.where_(&d.mul(&v), &z);
            z.force();
        }
        let u = uniform(self.boost).clip(1.0 / 33_554_432.0, 1.0);
        let power = u.log().div(a).exp();
        small.where_(&z.mul(&power), &z).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let slope = map_tensors(GammaSlope, [saved.input(0).data(), saved.output(0).data()]);
        // Its loops are long: inside those of a sum, a software driver's limit of turns for each thread would end them.
        slope.force();
        vec![gys[0].as_ref().map(|gy| gy * Variable::constant(slope))]
    }
}

/// `dz/da` at a gamma variable `z` of shape `a`.
#[derive(Debug, Clone)]
struct GammaSlope;

impl Elementwise<2> for GammaSlope {
    const NAME: &str = "gamma_slope";
    const FILES: &[Wgsl] = FILES;

    fn reference<R: Real>([a, z]: [R; 2], []: [R; 0]) -> R {
        R::of(slope(a.to_f64(), z.to_f64()))
    }

    fn backward(&self, _: &Saved, _: &Variable) -> [Option<Variable>; 2] {
        [None, None]
    }
}

/// As `shaders/noise/standard_gamma.wgsl`, which says how.
fn slope(a: f64, z: f64) -> f64 {
    let x = z.max(1e-300);
    let bend = x.ln() - f64::digamma(a);
    if a > 500.0 {
        let u = (x / a).cbrt();
        let normal = 3.0 * a.sqrt() * (u - 1.0 + 1.0 / (9.0 * a));
        return x / a + 3.0 * a * u * u * (1.0 / (9.0 * a * a) - normal / (6.0 * a * a.sqrt()));
    }
    if x <= a + 1.0 {
        let (mut term, mut harmonic) = (1.0 / a, 1.0 / a);
        let (mut sum, mut slope) = (term, -term * harmonic);
        for n in 1..400 {
            let next = a + f64::from(n);
            term *= x / next;
            harmonic += 1.0 / next;
            sum += term;
            slope -= term * harmonic;
            if term < 1e-17 * sum {
                break;
            }
        }
        return -x * (sum * bend + slope);
    }
    let (mut f, mut df) = (x + 161.0 - a, -1.0);
    for n in (1..=80).rev() {
        let k = f64::from(n);
        let above = k * (a - k);
        df = -1.0 + (k * f - above * df) / (f * f);
        f = x + 2.0 * k - 1.0 - a + above / f;
    }
    x * (bend / f - df / (f * f))
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &[Variable]| {
        let before = random::set_generator(Generator::new(5));
        let y = standard_gamma(&x[0]);
        random::set_generator(before);
        y
    };
    // The gradient is that of the distribution, not of the arithmetic: tests/distributions.rs compares it with quantiles.
    vec![
        Case::new("standard_gamma", move |x| seeded(x)).input_in([4, 9], 1.2, 30.0).order(0).tolerance(2e-5),
        Case::new("standard_gamma/small", move |x| seeded(x)).input_in([30], 0.2, 0.9).order(0).tolerance(2e-4),
        Case::new("standard_gamma/empty", move |x| seeded(x)).input([0, 3]).order(0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[allow(clippy::approx_constant, reason = "the numbers are what SciPy printed")]
    /// Shape, value, and derivative of the value at a fixed quantile, from SciPy's `gammaincinv` by central differences.
    const QUANTILES: &[(f64, f64, f64)] = &[
        (0.3, 6.9726991e-11, 5.396232e-09),
        (0.3, 0.00327033952, 0.06071495),
        (0.3, 0.0731311359, 0.6420642),
        (0.3, 0.884810773, 2.595988),
        (0.3, 6.6946598, 5.055987),
        (1.0, 0.00100050033, 0.007337627),
        (1.0, 0.223143551, 0.4947906),
        (1.0, 0.693147181, 0.9680448),
        (1.0, 2.30258509, 1.735146),
        (1.0, 9.21034037, 2.896294),
        (2.5, 0.105106301, 0.1458062),
        (2.5, 1.17126715, 0.712592),
        (2.5, 2.1757301, 0.9959194),
        (2.5, 4.61817845, 1.429911),
        (2.5, 12.872416, 2.165461),
        (9.0, 2.4524244, 0.4955304),
        (9.0, 8.66895118, 0.9997361),
        (9.0, 12.9947115, 1.217178),
        (9.0, 24.5946972, 1.614325),
        (40.0, 23.259938, 0.7564146),
        (40.0, 39.667165, 0.9999874),
        (40.0, 67.8912606, 1.293061),
        (300.0, 249.311437, 0.9108184),
        (300.0, 299.666733, 0.9999998),
        (300.0, 368.730419, 1.107299),
        (900.0, 810.135128, 0.9485007),
        (900.0, 899.666689, 1.0),
        (900.0, 1015.87016, 1.061972),
    ];

    #[test]
    fn the_slope_is_that_of_the_quantiles() {
        for &(a, z, expected) in QUANTILES {
            let got = slope(a, z);
            assert!((got - expected).abs() < 2e-5 * expected + 1e-12, "a {a}, z {z}: {got}, expected {expected}");
        }
        for device in testing::devices() {
            let column = |f: fn(&(f64, f64, f64)) -> f64| {
                let values: Vec<f32> = QUANTILES.iter().map(|q| f(q) as f32).collect();
                Tensor::from_slice(&values, [values.len()], &device)
            };
            let got = map_tensors(GammaSlope, [&column(|q| q.0), &column(|q| q.1)]).to_vec::<f32>().unwrap();
            for (&(a, z, expected), got) in QUANTILES.iter().zip(got) {
                let off = (f64::from(got) - expected).abs();
                assert!(off < 2e-3 * expected + 1e-9, "{device}: a {a}, z {z}: {got}, expected {expected}");
            }
        }
    }
}
