use crate::{
    autograd::{Case, Variable},
    functions::{array::with_shape, math::matmul},
    shape::ensure,
    tensor::expect,
};

/// A bilinear map of two inputs, `y[n, k] = sum over i, j of e1[n, i] * e2[n, j] * w[i, j, k]`, with `e1 @ v1`, `e2 @ v2`
/// and `b` added where `linear` is given as `(v1, v2, b)`.
///
/// `e1` is `(N, I)` and `e2` is `(N, J)`, or have more axes, which are flattened; `w` is `(I, J, K)`, `v1` is `(I, K)`, `v2`
/// is `(J, K)`, `b` is `(K,)`.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::bilinear(&ones(&[2, 3]), &ones(&[2, 4]), &ones(&[3, 4, 5]), None);
/// assert_eq!((y.shape()[1], y.data().to_vec::<f32>().unwrap()[0]), (5, 12.0));
/// ```
#[track_caller]
pub fn bilinear(
    e1: &Variable,
    e2: &Variable,
    w: &Variable,
    linear: Option<(&Variable, &Variable, &Variable)>,
) -> Variable {
    let _named = crate::shape::named("bilinear");
    let fits = || {
        ensure!(e1.ndim(), >=, 2);
        ensure!(e2.ndim(), >=, 2);
        ensure!(w.ndim(), ==, 3);
        ensure!(e1.shape()[0], ==, e2.shape()[0]);
        ensure!(e1.shape()[1..].iter().product::<usize>(), ==, w.shape()[0]);
        ensure!(e2.shape()[1..].iter().product::<usize>(), ==, w.shape()[1]);
        if let Some((v1, v2, b)) = linear {
            let [i, j, k] = w.shape()[..] else { unreachable!("checked") };
            ensure!(v1.shape()[..] == [i, k], format!("v1.shape == ({i}, {k})"), "{}", v1.shape());
            ensure!(v2.shape()[..] == [j, k], format!("v2.shape == ({j}, {k})"), "{}", v2.shape());
            ensure!(b.shape()[..] == [k], format!("b.shape == ({k},)"), "{}", b.shape());
        }
        Ok(())
    };
    expect("bilinear", fits(), &[e1.data(), e2.data(), w.data()]);
    let [i, j, k] = w.shape()[..] else { unreachable!("checked") };
    let n = e1.shape()[0];
    let (e1, e2) = (with_shape(e1, [n, i]), with_shape(e2, [n, j]));
    let products = with_shape(&(with_shape(&e1, [n, i, 1]) * with_shape(&e2, [n, 1, j])), [n, i * j]);
    let y = matmul(&products, &with_shape(w, [i * j, k]));
    match linear {
        Some((v1, v2, b)) => y + matmul(&e1, v1) + matmul(&e2, v2) + b,
        None => y,
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("bilinear", |x| bilinear(&x[0], &x[1], &x[2], Some((&x[3], &x[4], &x[5]))))
            .input([3, 2])
            .input([3, 4])
            .input([2, 4, 5])
            .input([2, 5])
            .input([4, 5])
            .input([5]),
        Case::new("bilinear/nobias", |x| bilinear(&x[0], &x[1], &x[2], None))
            .input([3, 2])
            .input([3, 4])
            .input([2, 4, 5]),
        Case::new("bilinear/flattened", |x| bilinear(&x[0], &x[1], &x[2], None))
            .input([2, 1, 2])
            .input([2, 2, 2])
            .input([2, 4, 3]),
    ]
}
