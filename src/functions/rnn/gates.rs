//! Gates side by side in one array, as one product gives them.

use crate::{
    autograd::Variable,
    functions::array::{concat, moveaxis, split_axis, stack, with_shape},
    shape::{Shape, Slice},
    tensor::Tensor,
};

/// How the gates of `u` units lie in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gates {
    /// Those of one unit together: `(u, gates)`.
    Interleaved,
    /// Those of one kind together: `(gates, u)`.
    Blocks,
}

impl Gates {
    /// Gate `k` of `n`, as a view.
    pub fn of_tensor(self, x: &Tensor, n: usize, k: usize) -> Tensor {
        let (b, u) = (x.shape()[0] as isize, (x.shape()[1] / n) as isize);
        match self {
            Gates::Interleaved => x.reshape([b, u, n as isize]).slice(&[Slice::ALL, Slice::ALL, k.into()]),
            Gates::Blocks => x.reshape([b, n as isize, u]).slice(&[Slice::ALL, k.into()]),
        }
    }

    /// All gates.
    pub fn split<const N: usize>(self, x: &Variable) -> [Variable; N] {
        let (b, u) = (x.shape()[0], x.shape()[1] / N);
        let parts = match self {
            Gates::Interleaved => split_axis(&with_shape(x, [b, u, N]), N, 2),
            Gates::Blocks => split_axis(x, N, 1),
        };
        std::array::from_fn(|k| with_shape(&parts[k], [b, u]))
    }

    /// The inverse of [`Gates::split`].
    pub fn join<const N: usize>(self, gates: [&Variable; N]) -> Variable {
        let (b, u) = (gates[0].shape()[0], gates[0].shape()[1]);
        match self {
            Gates::Interleaved => with_shape(&stack(&gates, -1), [b, u * N]),
            Gates::Blocks => concat(&gates, 1),
        }
    }
}

/// `(B, units, further..)` as `(B * further.., units)`.
pub(super) fn rows(x: &Variable) -> Variable {
    let moved = moveaxis(x, &[1], &[-1]);
    with_shape(&moved, [x.size() / x.shape()[1].max(1), x.shape()[1]])
}

/// The inverse of [`rows`], to an array of this shape.
pub(super) fn unrows(x: &Variable, shape: &Shape) -> Variable {
    let mut moved = shape.remove(1);
    moved.push(shape[1]);
    moveaxis(&with_shape(x, moved), &[-1], &[1])
}
