use super::{matmul, mul, sub};
use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{swapaxes, with_shape},
        math::add,
    },
    shape::{InvalidType, ensure, same_float},
    tensor::{Tensor, expect},
};
use std::f64::consts::TAU;

/// The discrete Fourier transform along the last axis, of real and imaginary parts:
/// `y[k] = sum over j of x[j] * exp(-2 pi i j k / n)`.
///
/// Lengths are taken apart into factors, each a matrix product: `n (a + b + ..)` multiplications for `n = a b ..`, which is
/// `n * n` for a prime.
///
/// # Panics
/// When both parts differ in shape or dtype, or are no floats, or have no axis.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0], [4], &Device::cpu()));
/// let (re, im) = F::fft(&x, &(&x * 0.0));
/// assert_eq!(re.data().to_vec::<f32>().unwrap(), [1.0; 4]);
/// assert!(im.data().to_vec::<f32>().unwrap().iter().all(|v| v.abs() < 1e-6));
/// ```
#[track_caller]
pub fn fft(re: &Variable, im: &Variable) -> (Variable, Variable) {
    expect("fft", fits(re, im), &[re.data(), im.data()]);
    along_last(re, im, -1.0)
}

/// The inverse of [`fft`]: `x[j] = 1 / n * sum over k of y[k] * exp(2 pi i j k / n)`.
///
/// # Panics
/// As [`fft`].
#[track_caller]
pub fn ifft(re: &Variable, im: &Variable) -> (Variable, Variable) {
    expect("ifft", fits(re, im), &[re.data(), im.data()]);
    let n = re.shape()[re.ndim() - 1].max(1) as f64;
    let (re, im) = along_last(re, im, 1.0);
    (re * (1.0 / n), im * (1.0 / n))
}

fn fits(re: &Variable, im: &Variable) -> Result<(), InvalidType> {
    same_float(&[re.data().meta(), im.data().meta()])?;
    ensure!(re.ndim(), >=, 1);
    ensure!(re.shape(), ==, im.shape());
    Ok(())
}

/// `(rows, columns)` of cosines and of sines of `sign * 2 pi r c / n`.
fn waves(rows: usize, columns: usize, n: usize, sign: f64, like: &Variable) -> (Variable, Variable) {
    let angle = |i: usize| sign * TAU * ((i / columns) * (i % columns) % n) as f64 / n as f64;
    let of = |f: fn(f64) -> f64| {
        let values: Vec<f64> = (0..rows * columns).map(|i| f(angle(i))).collect();
        let cpu = crate::device::Device::cpu();
        let t = Tensor::from_slice(&values, [rows, columns], &cpu).cast(like.dtype()).to_device(like.device());
        Variable::constant(t)
    };
    (of(f64::cos), of(f64::sin))
}

/// `(a + i b) (c + i d)`, by a product of either kind.
fn complex(
    product: impl Fn(&Variable, &Variable) -> Variable,
    (a, b): (&Variable, &Variable),
    (c, d): (&Variable, &Variable),
) -> (Variable, Variable) {
    (sub(&product(a, c), &product(b, d)), add(&product(a, d), &product(b, c)))
}

fn along_last(re: &Variable, im: &Variable, sign: f64) -> (Variable, Variable) {
    let shape = re.shape().clone();
    let n = shape[shape.len() - 1];
    if shape.size() == 0 {
        return (re.clone(), im.clone());
    }
    let rows = shape.size() / n;
    let flat = |v: &Variable| with_shape(v, [rows, n]);
    let (re, im) = transform(&flat(re), &flat(im), sign);
    (with_shape(&re, shape.clone()), with_shape(&im, shape))
}

/// Lengths up to this are one product.
const WHOLE: usize = 32;

/// The transform of rows.
fn transform(re: &Variable, im: &Variable, sign: f64) -> (Variable, Variable) {
    let (rows, n) = (re.shape()[0], re.shape()[1]);
    let factor = if n <= WHOLE { None } else { (2..=WHOLE).rev().find(|a| n.is_multiple_of(*a)) };
    let Some(a) = factor else {
        let (c, s) = waves(n, n, n, sign, re);
        return complex(matmul, (re, im), (&c, &s));
    };
    // j = j1 b + j2 and k = k1 + a k2: transforms of a over j1, a turn by j2 k1, transforms of b over j2.
    let b = n / a;
    let apart = |v: &Variable| swapaxes(&with_shape(v, [rows, a, b]), 1, 2);
    let (c, s) = waves(a, a, a, sign, re);
    let first = complex(matmul, (&apart(re), &apart(im)), (&c, &s));
    let (c, s) = waves(b, a, n, sign, re);
    let turned = complex(mul, (&first.0, &first.1), (&c, &s));
    let lines = |v: &Variable| with_shape(&swapaxes(v, 1, 2), [rows * a, b]);
    let (re, im) = transform(&lines(&turned.0), &lines(&turned.1), sign);
    let together = |v: &Variable| with_shape(&swapaxes(&with_shape(v, [rows, a, b]), 1, 2), [rows, n]);
    (together(&re), together(&im))
}

pub(super) fn cases() -> Vec<Case> {
    let pair = |(re, im): (Variable, Variable)| vec![re, im];
    let case = move |name: &str| Case::many(name, move |x| pair(fft(&x[0], &x[1])));
    vec![
        case("fft").input([2, 6]).input([2, 6]),
        case("fft/prime").input([5]).input([5]),
        case("fft/factors").input([2, 70]).input([2, 70]).tolerance(1e-4),
        case("fft/prime_factor").input([74]).input([74]).tolerance(1e-4).order(1),
        case("fft/empty").input([0, 4]).input([0, 4]),
        Case::many("ifft", move |x| pair(ifft(&x[0], &x[1]))).input([3, 8]).input([3, 8]),
        Case::many("ifft/there_and_back", move |x| {
            let (re, im) = fft(&x[0], &x[1]);
            pair(ifft(&re, &im))
        })
        .input([2, 64])
        .input([2, 64])
        .order(1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn any_length_is_the_sum_it_stands_for() {
        for n in [1, 7, 33, 64, 90, 128, 37 * 4] {
            let of = |f: fn(f64) -> f64| (0..n).map(|i| f(i as f64 * 1.3)).collect::<Vec<f64>>();
            let (re, im) = (of(f64::sin), of(f64::cos));
            let v = |x: &[f64]| Variable::constant(Tensor::from_slice(x, [n], &Device::cpu()));
            let (yr, yi) = fft(&v(&re), &v(&im));
            let (yr, yi) = (yr.data().to_vec::<f64>().unwrap(), yi.data().to_vec::<f64>().unwrap());
            for k in 0..n {
                let (mut er, mut ei) = (0.0, 0.0);
                for j in 0..n {
                    let angle = -TAU * (j * k) as f64 / n as f64;
                    er += re[j] * angle.cos() - im[j] * angle.sin();
                    ei += re[j] * angle.sin() + im[j] * angle.cos();
                }
                assert!((yr[k] - er).abs() < 1e-9 && (yi[k] - ei).abs() < 1e-9, "{n}: {k}");
            }
        }
    }
}
