//! Random tensors that kernels compute where they are used: pure functions of a draw and a position.

use super::{
    elementwise::pending_within,
    philox::{BLOCK, Draw},
};
use crate::{
    device::Device,
    shape::{DType, Shape},
    tensor::{Op, Real, Scalar, Tensor, Wgsl, expr::Root, wgsl},
};
use smallvec::SmallVec;

const FILES: &[Wgsl] = &[wgsl!("random/philox.wgsl"), wgsl!("random/draw.wgsl")];

/// `low + (high - low) * u` with a uniform `u` of `[0, 1)`.
const UNIFORM: Op = Op {
    name: "uniform",
    files: FILES,
    arity: 0,
    indexed: true,
    cheap: false,
    f32: uniform::<f32>,
    f64: uniform::<f64>,
};

/// Standard normal numbers.
const NORMAL: Op =
    Op { name: "normal", files: FILES, arity: 0, indexed: true, cheap: false, f32: normal::<f32>, f64: normal::<f64> };

/// Integers of a range, which the scalars begin with.
const INTEGER: Op = Op {
    name: "randint",
    files: FILES,
    arity: 0,
    indexed: true,
    cheap: false,
    f32: integer::<f32>,
    f64: integer::<f64>,
};

/// Words, as integers with a sign.
const WORD: Op =
    Op { name: "random_word", files: FILES, arity: 0, indexed: true, cheap: false, f32: word::<f32>, f64: word::<f64> };

/// Numbers of a draw for each element of a block that begins anywhere, `PER_BLOCK` of them in a block of words.
fn numbers<T: Copy + Default, const PER_BLOCK: usize>(
    params: &[Scalar],
    at: usize,
    n: usize,
    fill: impl Fn(Draw, &mut [T]),
    mut each: impl FnMut(usize, T),
) {
    const CHUNK: usize = 1024;
    let draw = Draw::from_params(std::array::from_fn(|i| params[i].word()));
    let lead = at % PER_BLOCK;
    let mut drawn = [T::default(); CHUNK + BLOCK];
    for first in (0..n).step_by(CHUNK) {
        let n = CHUNK.min(n - first);
        fill(draw.skip(((at + first) / PER_BLOCK) as u64), &mut drawn[..lead + n]);
        drawn[lead..lead + n].iter().enumerate().for_each(|(i, &v)| each(first + i, v));
    }
}

/// Calls `each(i, u)` with the uniform number of every element of a block that begins at position `at`.
pub(crate) fn uniforms(params: &[Scalar], at: usize, n: usize, each: impl FnMut(usize, f32)) {
    numbers::<f32, BLOCK>(params, at, n, Draw::fill_uniform, each);
}

fn uniform<R: Real>(_: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let (low, span) = (R::of(scalars[0].real()), R::of(scalars[1].real()));
    uniforms(&scalars[2..], at, out.len(), |i, u| out[i] = low + span * R::of(f64::from(u)));
}

fn normal<R: Real>(_: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    numbers::<f32, { BLOCK / 2 }>(scalars, at, out.len(), Draw::fill_normal, |i, v| out[i] = R::of(f64::from(v)));
}

fn integer<R: Real>(_: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let [low, high] = [0, 1].map(|i| scalars[i].word() as i32);
    let fill = |draw: Draw, drawn: &mut [i32]| draw.fill_randint(drawn, low, high);
    numbers::<i32, BLOCK>(&scalars[2..], at, out.len(), fill, |i, v| out[i] = R::of(f64::from(v)));
}

fn word<R: Real>(_: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    numbers::<u32, BLOCK>(scalars, at, out.len(), Draw::fill_words, |i, v| out[i] = R::of(f64::from(v as i32)));
}

impl Tensor {
    /// Element `i` is the draw's word number `i`, as `int32`.
    pub(crate) fn words_at(draw: Draw, shape: Shape, device: &Device) -> Tensor {
        Tensor::map_on(device, WORD, &draw.params().map(Scalar::U), &[], shape, DType::I32)
    }

    /// Element `i` is `low + (high - low) * u` with the draw's uniform number `i`; takes as many words as elements.
    pub(crate) fn uniform_at(draw: Draw, low: f64, high: f64, shape: Shape, dtype: DType, device: &Device) -> Tensor {
        let mut scalars = vec![Scalar::F(low), Scalar::F(high - low)];
        scalars.extend(draw.params().map(Scalar::U));
        Tensor::map_on(device, UNIFORM, &scalars, &[], shape, dtype)
    }

    /// Element `i` is the draw's normal number `i`; takes twice as many words as elements.
    pub(crate) fn normal_at(draw: Draw, shape: Shape, dtype: DType, device: &Device) -> Tensor {
        Tensor::map_on(device, NORMAL, &draw.params().map(Scalar::U), &[], shape, dtype)
    }

    /// Element `i` is the draw's integer number `i` of `low..high`, as `int32`; takes as many words as elements.
    pub(crate) fn randint_at(draw: Draw, low: i32, high: i32, shape: Shape, device: &Device) -> Tensor {
        let mut scalars: SmallVec<[Scalar; 4]> = [low, high].map(|v| Scalar::U(v as u32)).into_iter().collect();
        scalars.extend(draw.params().map(Scalar::U));
        let range = Some((i64::from(low), i64::from(high) - 1));
        pending_within(device, Root::Map(INTEGER, scalars), &[], shape, DType::I32, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::philox::Generator, testing::devices};

    #[test]
    fn every_device_draws_what_the_generator_fills() {
        let draw = Generator::new(3).take(10_000);
        let (mut uniforms, mut normals) = (vec![0.0; 5000], vec![0.0; 5000]);
        draw.fill_uniform(&mut uniforms);
        draw.fill_normal(&mut normals);
        let mut integers = vec![0; 5000];
        draw.fill_randint(&mut integers, i32::MIN, i32::MAX);
        for device in devices() {
            let u = Tensor::uniform_at(draw, 0.0, 1.0, [5000].into(), DType::F32, &device);
            assert_eq!(u.to_vec::<f32>().unwrap(), uniforms, "{device}");
            let v = Tensor::normal_at(draw, [5000].into(), DType::F32, &device).to_vec::<f32>().unwrap();
            assert!(v.iter().zip(&normals).all(|(a, b)| (a - b).abs() < 1e-5), "{device}");
            let i = Tensor::randint_at(draw, i32::MIN, i32::MAX, [5000].into(), &device);
            assert_eq!(i.to_vec::<i32>().unwrap(), integers, "{device}");
        }
    }

    #[test]
    fn blocks_that_begin_anywhere_draw_the_same() {
        let params = Generator::new(3).take(6000).params().map(Scalar::U);
        let mut whole = vec![0.0f32; 3000];
        normal(&[], &params, 0, &mut whole);
        let mut parts = vec![0.0f32; 3000];
        for (from, to) in [(0, 5), (5, 1500), (1500, 1502), (1502, 3000)] {
            normal(&[], &params, from, &mut parts[from..to]);
        }
        assert_eq!(whole, parts);
    }
}
