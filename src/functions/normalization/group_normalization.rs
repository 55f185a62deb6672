use super::standardize::Standardize;
use crate::{
    autograd::{Case, Variable},
    functions::array::with_shape,
    shape::{Shape, ensure},
    tensor::expect,
};

/// `gamma * (x - mean) / sqrt(var + eps) + beta` with mean and variance over each example's groups of channels.
///
/// `x` is `(N, C, ..)`, `gamma` and `beta` are `(C,)`; `groups` divides `C`. One group is layer normalisation of images,
/// as many groups as channels are instance normalisation. Chainer's `eps` is 1e-5. Forward takes three launches at most,
/// backward five, with the elementwise functions that follow (Wu and He, "Group Normalization", 2018).
///
/// Launches: 2 forward, 4 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, or `groups` does not divide the channels.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(8, &Device::cpu()).reshape([1, 4, 2]));
/// let one = Variable::constant(Tensor::ones([4], DType::F32, &Device::cpu()));
/// let y = F::group_normalization(&x, 2, &one, &one, 1e-5);
/// assert_eq!(y.shape()[..], [1, 4, 2]);
/// ```
#[track_caller]
pub fn group_normalization(x: &Variable, groups: usize, gamma: &Variable, beta: &Variable, eps: f64) -> Variable {
    let name = "group_normalization";
    let fits = || {
        ensure!(x.ndim(), >=, 2);
        ensure!(gamma.ndim(), ==, 1);
        ensure!(gamma.shape()[0], ==, x.shape()[1]);
        ensure!(beta.shape(), ==, gamma.shape());
        let divides = groups > 0 && x.shape()[1].is_multiple_of(groups);
        ensure!(divides, "x.shape[1] % groups == 0", "{} channels, {groups} groups", x.shape()[1]);
        Ok(())
    };
    expect(name, fits(), &[x.data(), gamma.data(), beta.data()]);
    let (n, c) = (x.shape()[0], x.shape()[1]);
    let pixels: usize = x.shape()[2..].iter().product();
    let grouped = with_shape(x, [n, groups, c / groups, pixels]);
    let factors = Shape::from([1, groups, c / groups, 1]);
    let of = Standardize { name, axes: [2, 3].into_iter().collect(), eps, decay: None };
    let ys = of.call(&grouped, &with_shape(gamma, factors.clone()), &with_shape(beta, factors), None);
    with_shape(&ys[0], x.shape().clone())
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, groups: usize| {
        Case::new(name, move |x| group_normalization(&x[0], groups, &x[1], &x[2], 1e-3)).tolerance(1e-4)
    };
    vec![
        case("group_normalization", 2).input([2, 4, 3, 2]).input([4]).input([4]),
        case("group_normalization/one", 1).input([2, 3, 4]).input([3]).input([3]),
        case("group_normalization/instances", 3).input([2, 3, 4, 2]).input([3]).input([3]),
        case("group_normalization/rows", 2).input([3, 6]).input([6]).input([6]),
        case("group_normalization/larger", 2).input([2, 4, 20, 20]).input([4]).input([4]).order(1),
        case("group_normalization/empty", 2).input([0, 4, 3]).input([4]).input([4]).order(1),
    ]
}
