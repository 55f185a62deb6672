use crate::{
    autograd::Variable,
    functions::{self as F, Attention},
    links::Linear,
    shape::{DType, Shape, broadcast_to},
};

crate::chain! {
    /// Attention by several heads side by side, each over a part of the values.
    ///
    /// `out [head_1, .., head_n]`, where `head_i` is
    /// [`scaled_dot_product_attention`](crate::functions::scaled_dot_product_attention()) of the `i`th parts of
    /// `query(q)`, `key(k)` and `value(v)`. Vaswani et al., 2017.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let attention = L::MultiHeadAttention::new(6, 2, 0.0);
    /// let x = Variable::constant(Tensor::ones([4, 5, 6], DType::F32, &Device::cpu()));
    /// assert_eq!(attention.forward(&x, &x, &x, None, true).shape()[..], [4, 5, 6]);
    /// ```
    #[derive(Debug)]
    pub struct MultiHeadAttention {
        /// On the queries, `(size, size)`.
        pub query: Linear,
        /// On the keys, `(size, size)`.
        pub key: Linear,
        /// On the values, `(size, size)`.
        pub value: Linear,
        /// On the heads' results, `(size, size)`.
        pub out: Linear,
        #[plain]
        heads: usize,
        #[plain]
        dropout: f64,
    }
}

impl MultiHeadAttention {
    /// `heads` heads over `size` values, whose weights are dropped in training with probability `dropout`.
    ///
    /// # Panics
    /// When there is no head, or `size` does not divide by them.
    #[track_caller]
    pub fn new(size: usize, heads: usize, dropout: f64) -> MultiHeadAttention {
        assert!(
            heads > 0 && size.is_multiple_of(heads),
            "MultiHeadAttention: expected heads that divide {size} values, got {heads}"
        );
        let layer = || Linear::new(size, size);
        MultiHeadAttention { query: layer(), key: layer(), value: layer(), out: layer(), heads, dropout }
    }

    /// Queries `(B, T, size)` that look at keys and values `(B, S, size)`: `(B, T, size)`.
    ///
    /// `mask`, of `bool` and of a shape that broadcasts to `(B, T, S)`, is true where a query sees a key; a `causal` one
    /// sees none after itself.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, q: &Variable, k: &Variable, v: &Variable, mask: Option<&Variable>, causal: bool) -> Variable {
        let size = self.query.weights().shape()[1];
        let (batch, length) = match q.shape()[..] {
            [b, t, n] if n == size => (b, t),
            _ => panic!("MultiHeadAttention: expected queries (batch, length, {size}), got {}", q.shape()),
        };
        let keys = k.shape();
        let expected = "MultiHeadAttention: expected";
        assert!(is_batch(k, batch, None, size), "{expected} keys ({batch}, length, {size}), got {keys}");
        let (values, s) = (v.shape(), keys[1]);
        assert!(is_batch(v, batch, Some(s), size), "{expected} values {keys}, as the keys, got {values}");
        if let Some(m) = mask {
            let scores = Shape::from([batch, length, s]);
            let fits = m.dtype() == DType::Bool && broadcast_to(m.shape(), &scores).is_ok();
            let (got, dtype) = (m.shape(), m.dtype());
            assert!(fits, "{expected} a mask of bool that broadcasts to {scores}, got {got} of {dtype}");
        }
        let split = |layer: &Linear, x: &Variable| {
            let parts = [batch, x.shape()[1], self.heads, size / self.heads];
            F::transpose(&F::with_shape(&over_rows(layer, x), parts), Some(&[0, 2, 1, 3]))
        };
        // One mask for all heads.
        let mask = mask.map(|m| {
            let mut shape = vec![1; 3 - m.ndim()];
            shape.extend(m.shape().iter().copied());
            shape.insert(1, 1);
            F::with_shape(m, shape)
        });
        let options = Attention { mask: mask.as_ref(), causal, dropout: self.dropout };
        let (q, k, v) = (split(&self.query, q), split(&self.key, k), split(&self.value, v));
        let y = F::transpose(&F::scaled_dot_product_attention(&q, &k, &v, &options), Some(&[0, 2, 1, 3]));
        over_rows(&self.out, &F::with_shape(&y, [batch, length, size]))
    }
}

/// Whether an array is `(batch, length, size)`, of any length where none is said.
pub(super) fn is_batch(x: &Variable, batch: usize, length: Option<usize>, size: usize) -> bool {
    matches!(x.shape()[..], [b, t, n] if b == batch && n == size && length.is_none_or(|l| l == t))
}

/// A layer applied along the last axis.
#[track_caller]
pub(super) fn over_rows(layer: &Linear, x: &Variable) -> Variable {
    F::linear_axes(x, &layer.W.variable(), layer.b.as_ref().map(|b| b.variable()).as_ref(), x.ndim() - 1)
}
