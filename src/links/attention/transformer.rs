use super::{
    MultiHeadAttention,
    multi_head::{is_batch, over_rows},
};
use crate::{
    autograd::Variable,
    functions as F,
    links::{LayerNormalization, Linear},
};

crate::chain! {
    /// A layer of a transformer's encoder, or, if it is causal, of a language model.
    ///
    /// `x = x + attention(norm1(x))`, then `x = x + l2 relu(l1 norm2(x))`: what is added comes of normalised values, which
    /// trains without a warm-up (Xiong et al., 2020). [`post_norm`](TransformerEncoderLayer::post_norm) normalises the sums
    /// instead, as Vaswani et al. did, 2017.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::TransformerEncoderLayer::new(6, 2, 24, 0.1);
    /// let x = Variable::constant(Tensor::ones([4, 5, 6], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&x, None, true).shape()[..], [4, 5, 6]);
    /// ```
    #[derive(Debug)]
    pub struct TransformerEncoderLayer {
        /// Of each position to the others.
        pub attention: MultiHeadAttention,
        /// Before the attention, or after it.
        pub norm1: LayerNormalization,
        /// Before the two layers, or after them.
        pub norm2: LayerNormalization,
        /// `(hidden, size)`.
        pub l1: Linear,
        /// `(size, hidden)`.
        pub l2: Linear,
        #[plain]
        dropout: f64,
        #[plain]
        post_norm: bool,
    }
}

/// `x + dropout(part(x))` with a normalisation before the part or after the sum.
#[track_caller]
fn add(
    x: &Variable,
    norm: &LayerNormalization,
    (dropout, post_norm): (f64, bool),
    part: impl FnOnce(&Variable) -> Variable,
) -> Variable {
    if post_norm {
        return norm.forward(&(x + F::dropout(&part(x), dropout)));
    }
    x + F::dropout(&part(&norm.forward(x)), dropout)
}

impl TransformerEncoderLayer {
    /// `heads` heads over `size` values a position, and layers through `hidden`; values are dropped in training with
    /// probability `dropout`.
    ///
    /// # Panics
    /// When `size` does not divide by `heads`.
    #[track_caller]
    pub fn new(size: usize, heads: usize, hidden: usize, dropout: f64) -> TransformerEncoderLayer {
        TransformerEncoderLayer {
            attention: MultiHeadAttention::new(size, heads, dropout),
            norm1: LayerNormalization::new(size),
            norm2: LayerNormalization::new(size),
            l1: Linear::new(size, hidden),
            l2: Linear::new(hidden, size),
            dropout,
            post_norm: false,
        }
    }

    /// The same layer with the sums normalised.
    #[must_use]
    pub fn post_norm(self) -> TransformerEncoderLayer {
        TransformerEncoderLayer { post_norm: true, ..self }
    }

    /// `x` of shape `(B, T, size)`; `mask` and `causal` as in [`MultiHeadAttention::forward`].
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, mask: Option<&Variable>, causal: bool) -> Variable {
        let how = (self.dropout, self.post_norm);
        let x = add(x, &self.norm1, how, |x| self.attention.forward(x, x, x, mask, causal));
        add(&x, &self.norm2, how, |x| over_rows(&self.l2, &F::relu(&over_rows(&self.l1, x))))
    }
}

crate::chain! {
    /// A layer of a transformer's decoder: causal attention to itself, attention to an encoder's results, two layers.
    ///
    /// Normalised as [`TransformerEncoderLayer`].
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::TransformerDecoderLayer::new(6, 2, 24, 0.1);
    /// let of = |n: usize| Variable::constant(Tensor::ones([4, n, 6], DType::F32, &Device::cpu()));
    /// assert_eq!(layer.forward(&of(3), &of(5), None, None).shape()[..], [4, 3, 6]);
    /// ```
    #[derive(Debug)]
    pub struct TransformerDecoderLayer {
        /// Of each position to itself and those before it.
        pub attention: MultiHeadAttention,
        /// Of each position to what the encoder gave.
        pub cross: MultiHeadAttention,
        /// Before the first attention, or after it.
        pub norm1: LayerNormalization,
        /// Before the second attention, or after it.
        pub norm2: LayerNormalization,
        /// Before the two layers, or after them.
        pub norm3: LayerNormalization,
        /// `(hidden, size)`.
        pub l1: Linear,
        /// `(size, hidden)`.
        pub l2: Linear,
        #[plain]
        dropout: f64,
        #[plain]
        post_norm: bool,
    }
}

impl TransformerDecoderLayer {
    /// As [`TransformerEncoderLayer::new`].
    ///
    /// # Panics
    /// When `size` does not divide by `heads`.
    #[track_caller]
    pub fn new(size: usize, heads: usize, hidden: usize, dropout: f64) -> TransformerDecoderLayer {
        let norm = || LayerNormalization::new(size);
        TransformerDecoderLayer {
            attention: MultiHeadAttention::new(size, heads, dropout),
            cross: MultiHeadAttention::new(size, heads, dropout),
            norm1: norm(),
            norm2: norm(),
            norm3: norm(),
            l1: Linear::new(size, hidden),
            l2: Linear::new(hidden, size),
            dropout,
            post_norm: false,
        }
    }

    /// The same layer with the sums normalised.
    #[must_use]
    pub fn post_norm(self) -> TransformerDecoderLayer {
        TransformerDecoderLayer { post_norm: true, ..self }
    }

    /// `x` of shape `(B, T, size)` and an encoder's results `(B, S, size)`; `mask` is true where a position sees another,
    /// `memory_mask` where it sees a result, as in [`MultiHeadAttention::forward`].
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(
        &self,
        x: &Variable,
        memory: &Variable,
        mask: Option<&Variable>,
        memory_mask: Option<&Variable>,
    ) -> Variable {
        let [batch, _, size] = x.shape()[..] else {
            panic!("TransformerDecoderLayer: expected x (batch, length, size), got {}", x.shape());
        };
        let (fits, got) = (is_batch(memory, batch, None, size), memory.shape());
        assert!(fits, "TransformerDecoderLayer: expected memory ({batch}, length, {size}), got {got}");
        let how = (self.dropout, self.post_norm);
        let x = add(x, &self.norm1, how, |x| self.attention.forward(x, x, x, mask, true));
        let x = add(&x, &self.norm2, how, |x| self.cross.forward(x, memory, memory, memory_mask, false));
        add(&x, &self.norm3, how, |x| over_rows(&self.l2, &F::relu(&over_rows(&self.l1, x))))
    }
}
