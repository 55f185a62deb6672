use super::{get_item::embed, get_item_fancy};
use crate::{
    autograd::{Case, Variable},
    shape::{Shape, Slice, ensure},
    tensor::{Tensor, expect},
};

/// What [`pad`] puts around an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Padding {
    /// This number.
    Constant(f64),
    /// The nearest element: `a b c` goes on as `c c c`.
    Edge,
    /// The mirror image without the edge: `a b c` goes on as `b a b`.
    Reflect,
    /// The mirror image with the edge: `a b c` goes on as `c b a`.
    Symmetric,
    /// The array again: `a b c` goes on as `a b c`.
    Wrap,
}

impl Padding {
    /// Which of `n` positions stands at position `i`, which may be outside.
    fn source(self, i: isize, n: isize) -> isize {
        match self {
            Padding::Reflect if n > 1 => {
                let i = i.rem_euclid(2 * n - 2);
                i.min(2 * n - 2 - i)
            }
            Padding::Symmetric => {
                let i = i.rem_euclid(2 * n);
                i.min(2 * n - 1 - i)
            }
            Padding::Wrap => i.rem_euclid(n),
            _ => i.clamp(0, n - 1),
        }
    }
}

/// `x` with `pad_width[i].0` further positions before and `pad_width[i].1` after those of axis `i`; one pair is for all
/// axes.
///
/// Elements that are shown several times get the sum of their gradients.
///
/// # Panics
/// When there is neither one pair nor one for each axis, or an empty axis is to be padded from its elements.
///
/// ```
/// # use catena::{functions::Padding, prelude::*};
/// let x = Variable::constant(Tensor::arange(3, &Device::cpu()));
/// let y = F::pad(&x, &[(2, 1)], Padding::Constant(9.0));
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [9.0, 9.0, 0.0, 1.0, 2.0, 9.0]);
/// let y = F::pad(&x, &[(2, 1)], Padding::Reflect);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [2.0, 1.0, 0.0, 1.0, 2.0, 1.0]);
/// ```
#[track_caller]
pub fn pad(x: &Variable, pad_width: &[(usize, usize)], padding: Padding) -> Variable {
    let fits = || {
        let n = x.ndim();
        ensure!(pad_width.len() == 1 || pad_width.len() == n, format!("1 or {n} pairs"), "{}", pad_width.len());
        let needed = matches!(padding, Padding::Constant(_)) || x.size() > 0;
        ensure!(needed, "at least one element to pad with", "{}", x.shape());
        Ok(())
    };
    expect("pad", fits(), &[x.data()]);
    let width = |axis: usize| pad_width[if pad_width.len() == 1 { 0 } else { axis }];
    if let Padding::Constant(fill) = padding {
        let size = |(axis, &n): (usize, &usize)| width(axis).0 + n + width(axis).1;
        let shape: Shape = x.shape().iter().enumerate().map(size).collect();
        let place = |(axis, &n): (usize, &usize)| Slice::from(width(axis).0..width(axis).0 + n);
        return embed(x, shape, x.shape().iter().enumerate().map(place).collect(), fill);
    }
    let mut y = x.clone();
    for axis in 0..x.ndim() {
        let (n, (before, after)) = (x.shape()[axis] as isize, width(axis));
        if before + after > 0 {
            let from = |i| padding.source(i, n) as i32;
            let sources: Vec<i32> = (-(before as isize)..n + after as isize).map(from).collect();
            let sources = Tensor::from_slice(&sources, [sources.len()], x.device());
            y = get_item_fancy(&y, &Variable::constant(sources), axis as isize);
        }
    }
    y
}

/// As [`pad`] with constants of its own for each side of each axis; one pair is for all axes.
///
/// In the corners those of the last axis stand, as in NumPy.
///
/// # Panics
/// When there is neither one pair nor one for each axis, of widths or of values.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(2, &Device::cpu()));
/// let y = F::pad_with(&x, &[(1, 2)], &[(8.0, 9.0)]);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [8.0, 0.0, 1.0, 9.0, 9.0]);
/// ```
#[track_caller]
pub fn pad_with(x: &Variable, pad_width: &[(usize, usize)], values: &[(f64, f64)]) -> Variable {
    let n = x.ndim();
    let fits = || {
        for given in [pad_width.len(), values.len()] {
            ensure!(given == 1 || given == n, format!("1 or {n} pairs"), "{given}");
        }
        Ok(())
    };
    expect("pad", fits(), &[x.data()]);
    let mut y = x.clone();
    for axis in 0..n {
        let (before, after) = pad_width[if pad_width.len() == 1 { 0 } else { axis }];
        let (low, high) = values[if values.len() == 1 { 0 } else { axis }];
        for (width, front, fill) in [(before, true, low), (after, false, high)] {
            if width > 0 {
                let old = y.shape()[axis];
                let first = if front { width } else { 0 };
                let mut index = vec![Slice::ALL; axis];
                index.push((first..first + old).into());
                y = embed(&y, y.shape().with(axis, old + width), index, fill);
            }
        }
    }
    y
}

impl Tensor {
    /// With more elements around it: see [`pad`].
    ///
    /// # Panics
    /// As [`pad`].
    #[track_caller]
    pub fn pad(&self, pad_width: &[(usize, usize)], padding: Padding) -> Tensor {
        pad(&Variable::constant(self.clone()), pad_width, padding).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("pad", |x| pad(&x[0], &[(1, 0), (2, 1)], Padding::Constant(0.0))).input([2, 3]),
        Case::new("pad/constant", |x| pad(&x[0], &[(1, 1)], Padding::Constant(0.5))).input([2, 3]),
        Case::new("pad/each_side", |x| pad_with(&x[0], &[(1, 2), (0, 1)], &[(1.0, 2.0), (3.0, 4.0)])).input([2, 3]),
        Case::new("pad/nothing", |x| pad(&x[0], &[(0, 0)], Padding::Constant(0.5))).input([2, 3]),
        Case::new("pad/empty", |x| pad(&x[0], &[(1, 1)], Padding::Constant(0.5))).input([0, 3]),
    ];
    for mode in [Padding::Edge, Padding::Reflect, Padding::Symmetric, Padding::Wrap] {
        let name = format!("pad/{mode:?}").to_lowercase();
        cases.push(Case::new(name, move |x| pad(&x[0], &[(1, 0), (4, 3)], mode)).input([2, 3]));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_follow_numpy() {
        let of = |p: Padding| (-4..6).map(|i| p.source(i, 3)).collect::<Vec<_>>();
        assert_eq!(of(Padding::Edge), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(of(Padding::Reflect), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(of(Padding::Symmetric), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(of(Padding::Wrap), [2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
        assert_eq!(Padding::Reflect.source(7, 1), 0);
    }
}
