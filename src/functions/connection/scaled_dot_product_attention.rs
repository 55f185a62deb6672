use crate::{
    autograd::{Case, Variable},
    functions::{activation::softmax_axis, array::where_, math::matmul_transposed, noise::dropout},
    shape::{DType, InvalidType, broadcast_to, ensure, same_float},
    tensor::{Tensor, expect},
};
use ndarray::arr2;

/// What queries may see of the keys.
#[derive(Debug, Clone, Default)]
pub struct Attention<'a> {
    /// Of `bool`, true where a query sees a key; of a shape that broadcasts to `(.., T, S)`. One that sees nothing gets
    /// zeros.
    pub mask: Option<&'a Variable>,
    /// Whether query `i` of `T` sees none of the `S` keys after position `i + S - T`: none after itself, where they are as
    /// many.
    pub causal: bool,
    /// Probability with which a weight is dropped in training.
    pub dropout: f64,
}

/// Scaled dot-product attention, `softmax(q k^T / sqrt(d)) v`, as far as queries may see keys.
///
/// `q` is `(.., T, d)`, `k` is `(.., S, d)` and `v` is `(.., S, e)`, where leading axes broadcast; the result is
/// `(.., T, e)`. Vaswani et al., "Attention Is All You Need", 2017.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([3, 2]));
/// let causal = F::Attention { causal: true, ..Default::default() };
/// let y = F::scaled_dot_product_attention(&x, &x, &x, &causal);
/// assert_eq!(y.data().to_vec::<f32>().unwrap()[..2], [0.0, 1.0]);
/// ```
#[track_caller]
pub fn scaled_dot_product_attention(q: &Variable, k: &Variable, v: &Variable, options: &Attention<'_>) -> Variable {
    let fits = || -> Result<(), InvalidType> {
        same_float(&[q.data().meta(), k.data().meta(), v.data().meta()])?;
        ensure!(q.ndim(), >=, 2);
        ensure!(k.ndim(), >=, 2);
        ensure!(v.ndim(), >=, 2);
        ensure!(q.shape()[q.ndim() - 1], ==, k.shape()[k.ndim() - 1]);
        ensure!(k.shape()[k.ndim() - 2], ==, v.shape()[v.ndim() - 2]);
        if options.causal {
            ensure!(q.shape()[q.ndim() - 2], <=, k.shape()[k.ndim() - 2]);
        }
        Ok(())
    };
    expect("scaled_dot_product_attention", fits(), &[q.data(), k.data(), v.data()]);
    let width = q.shape()[q.ndim() - 1] as f64;
    // The smaller operand is scaled.
    let mut scores = matmul_transposed(&(q * width.sqrt().recip()), k, false, true);
    let (t, s) = (scores.shape()[scores.ndim() - 2], scores.shape()[scores.ndim() - 1]);
    let number = |value: f64| Variable::constant(Tensor::full((), value, q.dtype(), q.device()));
    if options.causal {
        let positions = |n: usize| Tensor::count(n, q.device());
        let last = positions(t).add_scalar((s - t) as f64).reshape([t as isize, 1]);
        scores = where_(&Variable::constant(last.greater_equal(&positions(s))), &scores, &number(-1e30));
    }
    let Some(mask) = options.mask else {
        return crate::functions::matmul(&dropout(&softmax_axis(&scores, -1), options.dropout), v);
    };
    let mask_fits = || {
        ensure!(mask.dtype(), ==, DType::Bool);
        broadcast_to(mask.shape(), scores.shape())
    };
    expect("scaled_dot_product_attention", mask_fits(), &[mask.data(), scores.data()]);
    let weights = softmax_axis(&where_(mask, &scores, &number(-1e30)), -1);
    // What sees nothing would see all alike.
    let weights = where_(mask, &weights, &number(0.0));
    crate::functions::matmul(&dropout(&weights, options.dropout), v)
}

pub(super) fn cases() -> Vec<Case> {
    let plain = |x: &[Variable]| scaled_dot_product_attention(&x[0], &x[1], &x[2], &Attention::default());
    let causal = |x: &[Variable]| {
        scaled_dot_product_attention(&x[0], &x[1], &x[2], &Attention { causal: true, ..Attention::default() })
    };
    let masked = |x: &[Variable]| {
        let mask = Variable::constant(x[3].data().cast(DType::Bool));
        let options = Attention { mask: Some(&mask), ..Attention::default() };
        scaled_dot_product_attention(&x[0], &x[1], &x[2], &options)
    };
    vec![
        Case::new("scaled_dot_product_attention", plain).input([3, 4]).input([5, 4]).input([5, 2]),
        Case::new("scaled_dot_product_attention/heads", plain)
            .input([2, 2, 3, 4])
            .input([2, 2, 5, 4])
            .input([2, 2, 5, 2]),
        Case::new("scaled_dot_product_attention/causal", causal).input([2, 3, 4]).input([2, 3, 4]).input([2, 3, 4]),
        Case::new("scaled_dot_product_attention/later_queries", causal).input([2, 4]).input([5, 4]).input([5, 3]),
        Case::new("scaled_dot_product_attention/masked", masked)
            .input([3, 4])
            .input([3, 4])
            .input([3, 2])
            // The second query sees nothing.
            .exact(arr2(&[[1, 0, 1], [0, 0, 0], [1, 1, 1]]).into_dyn()),
    ]
}
