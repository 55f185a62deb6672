use super::standardize::Standardize;
use crate::{
    autograd::{Case, Variable},
    functions::array::with_shape,
    shape::{InvalidType, Shape, ensure},
    tensor::expect,
};

/// `gamma * (x - mean) / sqrt(var + eps) + beta` with mean and variance over each example's own values.
///
/// `x` is `(N, .., M)`, `gamma` and `beta` are `(M,)`, or have the shape of as many of the last axes of `x` as statistics
/// are to be taken over; Chainer's `eps` is 1e-5. Forward takes one launch, backward three, for rows of up to 32,768
/// elements (Ba, Kiros and Hinton, "Layer Normalization", 2016).
///
/// Launches: 1 forward, 2 backward.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 3.0], [1, 2], &Device::cpu()));
/// let one = Variable::constant(Tensor::ones([2], DType::F32, &Device::cpu()));
/// let y = F::layer_normalization(&x, &one, &one, 1e-5);
/// assert!((y.data().to_vec::<f32>().unwrap()[1] - 2.0).abs() < 1e-4);
/// ```
#[track_caller]
pub fn layer_normalization(x: &Variable, gamma: &Variable, beta: &Variable, eps: f64) -> Variable {
    let name = "layer_normalization";
    let shape = || -> Result<Shape, InvalidType> {
        ensure!(x.ndim(), >=, 2);
        ensure!(x.ndim(), >, gamma.ndim());
        ensure!(gamma.ndim(), >=, 1);
        let last: Shape = x.shape()[x.ndim() - gamma.ndim()..].into();
        ensure!(*gamma.shape() == last, format!("gamma.shape == {last}"), "{}", gamma.shape());
        ensure!(beta.shape(), ==, gamma.shape());
        Ok(vec![1; x.ndim() - gamma.ndim()].into_iter().chain(last.iter().copied()).collect())
    };
    let shape = expect(name, shape(), &[x.data(), gamma.data(), beta.data()]);
    let axes = (x.ndim() - gamma.ndim()..x.ndim()).collect();
    let of = Standardize { name, axes, eps, decay: None };
    of.call(x, &with_shape(gamma, shape.clone()), &with_shape(beta, shape), None).swap_remove(0)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str| Case::new(name, |x| layer_normalization(&x[0], &x[1], &x[2], 1e-3)).tolerance(1e-4);
    vec![
        case("layer_normalization").input([4, 6]).input([6]).input([6]),
        case("layer_normalization/sequences").input([2, 3, 5]).input([5]).input([5]),
        case("layer_normalization/two_axes").input([3, 2, 4]).input([2, 4]).input([2, 4]),
        case("layer_normalization/long_rows").input([3, 1500]).input([1500]).input([1500]).order(1),
        case("layer_normalization/very_long_rows").input([2, 40_000]).input([40_000]).input([40_000]).order(1),
        case("layer_normalization/many_rows").input([700, 3]).input([3]).input([3]).order(1),
        Case::new("layer_normalization/far_from_zero", |x| layer_normalization(&(&x[0] + 512.0), &x[1], &x[2], 1e-5))
            .input([3, 50])
            .input([50])
            .input([50])
            .order(0)
            .tolerance(1e-3),
        case("layer_normalization/empty").input([0, 4]).input([4]).input([4]).order(1),
    ]
}
