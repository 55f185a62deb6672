//! Gates side by side in one array, as one product gives them.

use crate::{
    autograd::{Forward, Function, Saved, Variable, apply, config},
    functions::array::{get_item, moveaxis, split_axis, with_shape},
    shape::{InvalidType, Meta, Shape, Slice, same_float},
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

    /// The inverse of [`Gates::split`]; and beside it, by the same kernel, `more` arrays of a gate's shape side by side.
    ///
    /// What these are made of is written only if somebody still holds it: let go of it before.
    pub fn join(self, gates: Vec<Variable>, more: Vec<Variable>) -> [Variable; 2] {
        let (n, b, u) = (gates.len(), gates[0].shape()[0], gates[0].shape()[1]);
        let columns = |k: usize| match self {
            Gates::Interleaved if k < n => Slice::Range(Some(k as isize), Some((n * u) as isize), n as isize),
            _ => (k * u..(k + 1) * u).into(),
        };
        let parts: Vec<_> =
            gates.into_iter().chain(more).enumerate().map(|(k, x)| (x, [Slice::ALL, columns(k)])).collect();
        let whole = laid([b, parts.len() * u], parts);
        let [gates, more] = split_axis(&whole, [n * u], 1).try_into().expect("two parts");
        [gates, more]
    }
}

/// A matrix of arrays of one shape, each in a region of its own, by one kernel.
pub(super) fn laid(shape: [usize; 2], parts: Vec<(Variable, [Slice; 2])>) -> Variable {
    if config().enable_backprop {
        let (parts, regions): (Vec<Variable>, Vec<[Slice; 2]>) = parts.into_iter().unzip();
        return apply(Laid { shape, regions }, &parts.iter().collect::<Vec<_>>());
    }
    let parts = parts.into_iter().map(|(part, region)| (part.into_data(), region)).collect();
    Variable::constant(Tensor::laid(&shape.into(), parts))
}

#[derive(Debug)]
struct Laid {
    shape: [usize; 2],
    regions: Vec<[Slice; 2]>,
}

impl Function for Laid {
    fn name(&self) -> &'static str {
        "laid"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.shape, same_float(xs)?)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        Tensor::laid(&self.shape.into(), xs.iter().cloned().zip(self.regions.iter().cloned()).collect()).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let part = |(i, region): (usize, &[Slice; 2])| {
            gys[0].as_ref().filter(|_| saved.needs(i)).map(|gy| get_item(gy, region))
        };
        self.regions.iter().enumerate().map(part).collect()
    }
}

/// What the forward pass kept; where gradients are differentiated, the same in the graph.
pub(super) fn kept(saved: &Saved, extra: usize, again: impl FnOnce() -> Variable) -> Variable {
    if config().enable_backprop { again() } else { Variable::constant(saved.extra(extra).clone()) }
}

/// The sum of what is there of two gradients.
pub(super) fn total(a: Option<Variable>, b: &Option<Variable>) -> Option<Variable> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or_else(|| b.clone()),
    }
}

/// Zeros where there is no gradient.
pub(super) fn or_zeros(gradient: Option<Variable>, like: &Variable) -> Variable {
    gradient.unwrap_or_else(|| Variable::constant(like.data().full_like(0.0)))
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
