use crate::{
    autograd::{Case, Variable, config},
    functions::{array::with_shape, connection::linear, math::matmul},
    kernel::philox::Generator,
    random,
    shape::{InvalidType, Meta, Shape, ensure},
    tensor::{HostArray, Tensor, expect},
};
use ndarray::arr2;

/// A linear layer of which each weight is dropped with probability `ratio` for each sample of the batch, and the
/// others are divided by `1 - ratio`; all are kept outside of training.
///
/// `x` of shape `(n, ..)` is taken as `(n, k)`; `w` has shape `(m, k)`, `b` `(m,)`, the result `(n, m)`. The numbers come
/// from the thread's [generator](crate::random).
///
/// # Panics
/// When dtypes differ or are no floats, shapes do not fit, or not `0 <= ratio < 1`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// let w = Variable::new(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::simplified_dropconnect(&x, &w, None, 0.5).shape()[..], [2, 4]);
/// ```
#[track_caller]
pub fn simplified_dropconnect(x: &Variable, w: &Variable, b: Option<&Variable>, ratio: f64) -> Variable {
    simplified_dropconnect_mask(x, w, b, ratio).0
}

/// As [`simplified_dropconnect`], and its mask for [`simplified_dropconnect_with_mask`]: ones and zeros of shape
/// `(n, m, k)`; none outside of training.
///
/// # Panics
/// As [`simplified_dropconnect`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// let w = Variable::new(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// let (_, mask) = F::simplified_dropconnect_mask(&x, &w, None, 0.5);
/// assert_eq!(mask.unwrap().shape()[..], [2, 4, 3]);
/// ```
#[track_caller]
pub fn simplified_dropconnect_mask(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    ratio: f64,
) -> (Variable, Option<Tensor>) {
    let _named = crate::shape::named("simplified_dropconnect");
    if !config().train {
        return (linear(x, w, b), None);
    }
    let shape =
        expect("simplified_dropconnect", fits(&x.data().meta(), &w.data().meta(), ratio), &[x.data(), w.data()]);
    let u = Tensor::uniform_at(random::take(shape.size() as u64), 0.0, 1.0, shape, w.dtype(), w.device());
    let mask = u.greater_equal(&u.full_like(ratio)).cast(w.dtype());
    (masked(x, w, b, ratio, &mask), Some(mask))
}

/// As [`simplified_dropconnect`], training or not, with the weights to keep as ones and zeros: of shape `(n, m, k)`, or
/// `(m, k)` for the same in all samples.
///
/// # Panics
/// As [`simplified_dropconnect`], and when the mask has another shape.
#[track_caller]
pub fn simplified_dropconnect_with_mask(
    x: &Variable,
    w: &Variable,
    b: Option<&Variable>,
    ratio: f64,
    mask: &Tensor,
) -> Variable {
    let _named = crate::shape::named("simplified_dropconnect");
    let shape =
        expect("simplified_dropconnect", fits(&x.data().meta(), &w.data().meta(), ratio), &[x.data(), w.data()]);
    let of_mask = if *mask.shape() == shape || *mask.shape() == *w.shape() {
        Ok(())
    } else {
        Err(InvalidType::new(format!("a mask of {shape} or {}", w.shape()), mask.shape().to_string()))
    };
    expect("simplified_dropconnect", of_mask, &[x.data(), w.data(), mask]);
    masked(x, w, b, ratio, &mask.cast(w.dtype()))
}

/// The shape of a mask for each sample, `(n, m, k)`.
fn fits(x: &Meta, w: &Meta, ratio: f64) -> Result<Shape, InvalidType> {
    ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
    ensure!(x.dtype, ==, w.dtype);
    ensure!(x.ndim(), >=, 2);
    ensure!(w.ndim(), ==, 2);
    ensure!(x.shape[1..].iter().product::<usize>(), ==, w.shape[1]);
    ensure!((0.0..1.0).contains(&ratio), "0.0 <= ratio < 1.0", "ratio = {ratio}");
    Ok(Shape::from([x.shape[0], w.shape[0], w.shape[1]]))
}

#[track_caller]
fn masked(x: &Variable, w: &Variable, b: Option<&Variable>, ratio: f64, mask: &Tensor) -> Variable {
    let (n, m, k) = (x.shape()[0], w.shape()[0], w.shape()[1]);
    let weights = w * Variable::constant(mask.mul_scalar(1.0 / (1.0 - ratio)));
    let y = with_shape(&matmul(&weights, &with_shape(x, [n, k, 1])), [n, m]);
    match b {
        Some(b) => y + b,
        None => y,
    }
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &[Variable]| {
        let before = random::set_generator(Generator::new(5));
        let y = simplified_dropconnect(&x[0], &x[1], x.get(2), 0.4);
        random::set_generator(before);
        y
    };
    let mask = || HostArray::Bool(arr2(&[[true, false, true], [true, true, false]]).into_dyn());
    vec![
        Case::new("simplified_dropconnect", move |x| seeded(x)).input([4, 3]).input([2, 3]).input([2]),
        Case::new("simplified_dropconnect/no_bias", move |x| seeded(x)).input([4, 3, 2]).input([2, 6]),
        Case::new("simplified_dropconnect/test", |x| {
            let _scope = crate::autograd::test_mode();
            simplified_dropconnect(&x[0], &x[1], Some(&x[2]), 0.4)
        })
        .input([4, 3])
        .input([2, 3])
        .input([2]),
        Case::new("simplified_dropconnect/mask", |x| {
            let before = random::set_generator(Generator::new(5));
            let (y, mask) = simplified_dropconnect_mask(&x[0], &x[1], None, 0.4);
            random::set_generator(before);
            y - simplified_dropconnect_with_mask(&x[0], &x[1], None, 0.4, &mask.expect("in training")) * 0.5
        })
        .input([4, 3])
        .input([2, 3]),
        Case::new("simplified_dropconnect/with_mask", |x| {
            simplified_dropconnect_with_mask(&x[0], &x[1], None, 0.4, x[2].data())
        })
        .input([4, 3])
        .input([2, 3])
        .exact(mask()),
    ]
}
