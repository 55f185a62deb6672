//! Shapes and strided views.

use smallvec::SmallVec;
use std::{fmt, ops::Deref};

/// The lengths of an array's axes; `()` for a scalar.
#[derive(Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Shape(SmallVec<[usize; 6]>);

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Shape {
        Shape::default()
    }

    /// Number of elements: the product of the lengths, 1 for a scalar.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// Strides of a row-major contiguous array of this shape, in elements.
    pub fn contiguous_strides(&self) -> SmallVec<[isize; 6]> {
        let mut strides: SmallVec<[isize; 6]> = SmallVec::from_elem(0, self.len());
        let mut step = 1isize;
        for (s, &d) in strides.iter_mut().zip(self.iter()).rev() {
            *s = step;
            step *= d.max(1) as isize;
        }
        strides
    }

    /// A copy with axis `axis` of length `n`.
    pub fn with(&self, axis: usize, n: usize) -> Shape {
        let mut s = self.clone();
        s.0[axis] = n;
        s
    }

    /// A copy with a new axis of length `n` before `axis`.
    pub fn insert(&self, axis: usize, n: usize) -> Shape {
        let mut s = self.clone();
        s.0.insert(axis, n);
        s
    }

    /// A copy without axis `axis`.
    pub fn remove(&self, axis: usize) -> Shape {
        let mut s = self.clone();
        s.0.remove(axis);
        s
    }

    /// Appends an axis.
    pub fn push(&mut self, n: usize) {
        self.0.push(n);
    }

    /// The lengths as a vector.
    pub fn to_vec(&self) -> Vec<usize> {
        self.0.to_vec()
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, d) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{d}")?;
        }
        f.write_str(if self.len() == 1 { ",)" } else { ")" })
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&[usize]> for Shape {
    fn from(s: &[usize]) -> Shape {
        Shape(SmallVec::from_slice(s))
    }
}
impl From<Vec<usize>> for Shape {
    fn from(s: Vec<usize>) -> Shape {
        Shape(SmallVec::from_vec(s))
    }
}
impl From<&Vec<usize>> for Shape {
    fn from(s: &Vec<usize>) -> Shape {
        Shape(SmallVec::from_slice(s))
    }
}
impl<const N: usize> From<[usize; N]> for Shape {
    fn from(s: [usize; N]) -> Shape {
        Shape(SmallVec::from_slice(&s))
    }
}
impl<const N: usize> From<&[usize; N]> for Shape {
    fn from(s: &[usize; N]) -> Shape {
        Shape(SmallVec::from_slice(s))
    }
}
impl From<usize> for Shape {
    fn from(n: usize) -> Shape {
        Shape(SmallVec::from_slice(&[n]))
    }
}
impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape::scalar()
    }
}
impl From<&Shape> for Shape {
    fn from(s: &Shape) -> Shape {
        s.clone()
    }
}
impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(i: I) -> Shape {
        Shape(i.into_iter().collect())
    }
}

/// One part of a basic index, as in NumPy's `x[1, 2:5, ::-1, None, ...]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// `x[i]`: takes one position and drops the axis; counts from the end when negative.
    Index(isize),
    /// `x[start:stop:step]`; `None` as in Python.
    Range(Option<isize>, Option<isize>, isize),
    /// `x[None]`: a new axis of length 1.
    NewAxis,
    /// `x[...]`: every axis that the other parts leave.
    Ellipsis,
}

impl Slice {
    /// `:`, the whole axis.
    pub const ALL: Slice = Slice::Range(None, None, 1);
}

impl From<isize> for Slice {
    fn from(i: isize) -> Slice {
        Slice::Index(i)
    }
}
impl From<i32> for Slice {
    fn from(i: i32) -> Slice {
        Slice::Index(i as isize)
    }
}
impl From<usize> for Slice {
    fn from(i: usize) -> Slice {
        Slice::Index(i as isize)
    }
}
impl From<std::ops::Range<usize>> for Slice {
    fn from(r: std::ops::Range<usize>) -> Slice {
        Slice::Range(Some(r.start as isize), Some(r.end as isize), 1)
    }
}
impl From<std::ops::RangeFrom<usize>> for Slice {
    fn from(r: std::ops::RangeFrom<usize>) -> Slice {
        Slice::Range(Some(r.start as isize), None, 1)
    }
}
impl From<std::ops::RangeTo<usize>> for Slice {
    fn from(r: std::ops::RangeTo<usize>) -> Slice {
        Slice::Range(None, Some(r.end as isize), 1)
    }
}
impl From<std::ops::RangeFull> for Slice {
    fn from(_: std::ops::RangeFull) -> Slice {
        Slice::ALL
    }
}

/// How an array's elements lie in its storage: shape, strides and offset, in elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    /// Lengths of the axes.
    pub shape: Shape,
    /// Distance between neighbours along each axis; 0 repeats one element, negative walks backwards.
    pub strides: SmallVec<[isize; 6]>,
    /// Where the first element lies.
    pub offset: usize,
}

impl View {
    /// A whole row-major array.
    pub fn contiguous(shape: impl Into<Shape>) -> View {
        let shape = shape.into();
        View { strides: shape.contiguous_strides(), shape, offset: 0 }
    }

    /// Number of elements.
    pub fn size(&self) -> usize {
        self.shape.size()
    }

    /// Whether the elements follow each other in row-major order without gaps (from any offset).
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for (&d, &s) in self.shape.iter().zip(&self.strides).rev() {
            if d != 1 {
                if s != step {
                    return self.size() == 0;
                }
                step *= d as isize;
            }
        }
        true
    }

    /// The same elements under another shape, where no copy is needed for it.
    pub fn reshape(&self, shape: &Shape) -> Option<View> {
        debug_assert_eq!(self.size(), shape.size());
        if self.size() == 0 || self.is_contiguous() {
            return Some(View { shape: shape.clone(), strides: shape.contiguous_strides(), offset: self.offset });
        }
        // Merge axes that lie regularly, then cut each merged run to the new lengths.
        let mut runs: SmallVec<[(usize, isize); 6]> = SmallVec::new();
        for (&d, &s) in self.shape.iter().zip(&self.strides) {
            if d == 1 {
                continue;
            }
            match runs.last_mut() {
                Some((n, t)) if *t == s * d as isize => {
                    *n *= d;
                    *t = s;
                }
                _ => runs.push((d, s)),
            }
        }
        let mut strides: SmallVec<[isize; 6]> = SmallVec::from_elem(0, shape.len());
        let mut runs = runs.into_iter().rev();
        let (mut left, mut step) = (1usize, 1isize);
        for (axis, &d) in shape.iter().enumerate().rev() {
            if d == 1 {
                continue;
            }
            if left == 1 {
                (left, step) = runs.next()?;
            }
            if !left.is_multiple_of(d) {
                return None;
            }
            strides[axis] = step;
            step *= d as isize;
            left /= d;
        }
        Some(View { shape: shape.clone(), strides, offset: self.offset })
    }

    /// The view with axes in another order; `axes` is a permutation.
    pub fn permute(&self, axes: &[usize]) -> View {
        View {
            shape: axes.iter().map(|&a| self.shape[a]).collect(),
            strides: axes.iter().map(|&a| self.strides[a]).collect(),
            offset: self.offset,
        }
    }

    /// The view repeated to `shape` by NumPy's broadcasting; the caller has checked that it fits.
    pub fn broadcast_to(&self, shape: &Shape) -> View {
        let lead = shape.len() - self.shape.len();
        let strides = (0..shape.len())
            .map(|i| if i < lead || (self.shape[i - lead] == 1 && shape[i] != 1) { 0 } else { self.strides[i - lead] })
            .collect();
        View { shape: shape.clone(), strides, offset: self.offset }
    }

    /// A basic index; the caller has checked it with [`super::basic_index`].
    pub fn slice(&self, index: &[Slice]) -> View {
        let (mut shape, mut strides) = (Shape::scalar(), SmallVec::<[isize; 6]>::new());
        let mut offset = self.offset as isize;
        let mut axis = 0;
        for part in index {
            match *part {
                Slice::NewAxis => {
                    shape.push(1);
                    strides.push(0);
                }
                Slice::Ellipsis => {
                    for _ in 0..super::axes_left(self.shape.len(), index) {
                        shape.push(self.shape[axis]);
                        strides.push(self.strides[axis]);
                        axis += 1;
                    }
                }
                Slice::Index(i) => {
                    let n = self.shape[axis] as isize;
                    offset += self.strides[axis] * if i < 0 { i + n } else { i };
                    axis += 1;
                }
                Slice::Range(start, stop, step) => {
                    let (first, n) = super::resolve_range(self.shape[axis], start, stop, step);
                    if n > 0 {
                        offset += self.strides[axis] * first;
                    }
                    shape.push(n);
                    strides.push(self.strides[axis] * step);
                    axis += 1;
                }
            }
        }
        for axis in axis..self.shape.len() {
            shape.push(self.shape[axis]);
            strides.push(self.strides[axis]);
        }
        View { shape, strides, offset: offset as usize }
    }

    /// Calls `f` with the storage position of every element, in row-major order.
    pub fn for_each(&self, mut f: impl FnMut(usize)) {
        let size = self.size();
        if size == 0 {
            return;
        }
        let mut index: SmallVec<[usize; 6]> = SmallVec::from_elem(0, self.shape.len());
        let mut at = self.offset as isize;
        for _ in 0..size {
            f(at as usize);
            for axis in (0..self.shape.len()).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis] as isize;
                index[axis] = 0;
            }
        }
    }
}

/// Merges neighbouring axes along which all the given strides run on, and drops axes of length 1.
///
/// Returns the merged lengths and, for each operand, the merged strides. Kernels index with these.
pub(crate) fn collapse(shape: &[usize], strides: &[&[isize]]) -> (Vec<usize>, Vec<Vec<isize>>) {
    let mut dims: Vec<usize> = Vec::with_capacity(shape.len());
    let mut out: Vec<Vec<isize>> = vec![Vec::with_capacity(shape.len()); strides.len()];
    for (axis, &d) in shape.iter().enumerate() {
        if d == 1 {
            continue;
        }
        let joins = !dims.is_empty()
            && strides.iter().zip(&out).all(|(s, o)| *o.last().expect("one stride per dim") == s[axis] * d as isize);
        if joins {
            *dims.last_mut().expect("not empty") *= d;
            for (s, o) in strides.iter().zip(&mut out) {
                *o.last_mut().expect("not empty") = s[axis];
            }
        } else {
            dims.push(d);
            for (s, o) in strides.iter().zip(&mut out) {
                o.push(s[axis]);
            }
        }
    }
    (dims, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_keeps_or_refuses() {
        let t = View::contiguous([2, 3, 4]).permute(&[1, 0, 2]);
        assert!(!t.is_contiguous());
        assert_eq!(t.reshape(&Shape::from([3, 2, 2, 2])).map(|v| v.strides.to_vec()), Some(vec![4, 12, 2, 1]));
        assert!(t.reshape(&Shape::from([6, 4])).is_none());
        let b = View::contiguous([1, 4]).broadcast_to(&Shape::from([3, 4]));
        assert_eq!(b.strides.to_vec(), vec![0, 1]);
        assert!(b.reshape(&Shape::from([12])).is_none());
        assert!(b.reshape(&Shape::from([3, 2, 2])).is_some());
    }

    #[test]
    fn slices_walk_as_numpy_does() {
        let v = View::contiguous([4, 5]);
        let s = v.slice(&[Slice::Index(-1), Slice::Range(None, None, -2)]);
        let mut seen = vec![];
        s.for_each(|i| seen.push(i));
        assert_eq!(seen, vec![19, 17, 15]);
        assert_eq!(v.slice(&[Slice::NewAxis]).shape, Shape::from([1, 4, 5]));
    }

    #[test]
    fn collapse_joins_what_runs_on() {
        let (d, s) = collapse(&[2, 3, 4], &[&[12, 4, 1], &[0, 4, 1]]);
        assert_eq!((d, s), (vec![2, 12], vec![vec![12, 1], vec![0, 1]]));
    }
}
