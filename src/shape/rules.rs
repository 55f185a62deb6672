//! Shape rules: one function for each kind of operator.

use super::{DType, InvalidType, Meta, Shape, Slice, ensure};
use smallvec::SmallVec;

/// Axis positions, ascending and without repeats.
pub type Axes = SmallVec<[usize; 6]>;

/// A possibly negative axis as a position in `0..ndim`.
pub fn axis(axis: isize, ndim: usize) -> Result<usize, InvalidType> {
    let a = if axis < 0 { axis + ndim as isize } else { axis };
    ensure!((0..ndim as isize).contains(&a), format!("-{ndim} <= axis < {ndim}"), "axis = {axis}");
    Ok(a as usize)
}

/// Axes to reduce over: all of them for `None`; sorted; a repeated one is an error.
pub fn axes(axes: Option<&[isize]>, ndim: usize) -> Result<Axes, InvalidType> {
    let Some(given) = axes else { return Ok((0..ndim).collect()) };
    let mut out = Axes::new();
    for &a in given {
        let a = axis(a, ndim)?;
        ensure!(!out.contains(&a), "axes without repeats", "{given:?}");
        out.push(a);
    }
    out.sort_unstable();
    Ok(out)
}

/// The common shape of NumPy's broadcasting.
pub fn broadcast(shapes: &[&Shape]) -> Result<Shape, InvalidType> {
    let ndim = shapes.iter().map(|s| s.len()).max().unwrap_or(0);
    let mut out = vec![1; ndim];
    for s in shapes {
        let lead = ndim - s.len();
        for (i, &d) in s.iter().enumerate() {
            let o = &mut out[lead + i];
            if *o == 1 {
                *o = d;
            } else {
                ensure!(
                    d == 1 || d == *o,
                    "shapes that broadcast together",
                    "{}",
                    shapes.iter().map(|s| s.to_string()).collect::<Vec<_>>().join(" and ")
                );
            }
        }
    }
    Ok(out.into())
}

/// Checks that `from` can be repeated to `to`.
pub fn broadcast_to(from: &Shape, to: &Shape) -> Result<(), InvalidType> {
    let fits = from.len() <= to.len() && from.iter().rev().zip(to.iter().rev()).all(|(&f, &t)| f == t || f == 1);
    ensure!(fits, format!("a shape that broadcasts to {to}"), "{from}");
    Ok(())
}

/// The axes over which the gradient of a broadcast from `from` to `to` is summed.
pub fn broadcast_axes(from: &Shape, to: &Shape) -> Axes {
    let lead = to.len() - from.len();
    (0..to.len()).filter(|&i| i < lead || (from[i - lead] == 1 && to[i] != 1)).collect()
}

/// The shape after a reduction over `axes`.
pub fn reduced(shape: &Shape, axes: &[usize], keepdims: bool) -> Shape {
    shape
        .iter()
        .enumerate()
        .filter_map(|(i, &d)| if !axes.contains(&i) { Some(d) } else { keepdims.then_some(1) })
        .collect()
}

/// A target shape with at most one `-1`, which takes what is left.
pub fn reshape(from: &Shape, to: &[isize]) -> Result<Shape, InvalidType> {
    let holes = to.iter().filter(|&&d| d == -1).count();
    ensure!(holes <= 1, "at most one -1 in the new shape", "{to:?}");
    ensure!(to.iter().all(|&d| d >= -1), "lengths >= 0, or one -1", "{to:?}");
    let known: usize = to.iter().filter(|&&d| d != -1).map(|&d| d as usize).product();
    let size = from.size();
    let fits = if holes == 1 { known != 0 && size.is_multiple_of(known) } else { known == size };
    ensure!(fits, format!("a shape of {size} elements"), "{from} to {to:?}");
    Ok(to.iter().map(|&d| if d == -1 { size / known } else { d as usize }).collect())
}

/// A permutation of `0..ndim`: the axes reversed for `None`.
pub fn permutation(axes: Option<&[isize]>, ndim: usize) -> Result<Axes, InvalidType> {
    let Some(given) = axes else { return Ok((0..ndim).rev().collect()) };
    ensure!(given.len() == ndim, format!("{ndim} axes"), "{given:?}");
    let out: Axes = given.iter().map(|&a| axis(a, ndim)).collect::<Result<_, _>>()?;
    ensure!((0..ndim).all(|i| out.contains(&i)), format!("a permutation of 0..{ndim}"), "{given:?}");
    Ok(out)
}

/// First position and count of `start:stop:step` on an axis of length `n`, as Python resolves them.
pub fn resolve_range(n: usize, start: Option<isize>, stop: Option<isize>, step: isize) -> (isize, usize) {
    let n = n as isize;
    let clamp = |v: isize, low: isize, high: isize| (if v < 0 { v + n } else { v }).clamp(low, high);
    let (first, last) = if step > 0 {
        (start.map_or(0, |s| clamp(s, 0, n)), stop.map_or(n, |s| clamp(s, 0, n)))
    } else {
        (start.map_or(n - 1, |s| clamp(s, -1, n - 1)), stop.map_or(-1, |s| clamp(s, -1, n - 1)))
    };
    let span = if step > 0 { last - first } else { first - last };
    (first, if span <= 0 { 0 } else { ((span - 1) / step.abs() + 1) as usize })
}

/// How many axes the parts of a basic index name.
fn axes_used(index: &[Slice]) -> usize {
    index.iter().filter(|s| !matches!(s, Slice::NewAxis | Slice::Ellipsis)).count()
}

/// How many of `ndim` axes are left to an ellipsis.
pub(crate) fn axes_left(ndim: usize, index: &[Slice]) -> usize {
    ndim.saturating_sub(axes_used(index))
}

/// The shape of a basic index.
pub fn basic_index(shape: &Shape, index: &[Slice]) -> Result<Shape, InvalidType> {
    let used = axes_used(index);
    ensure!(used <= shape.len(), format!("at most {} indices for {shape}", shape.len()), "{used}");
    let many = index.iter().filter(|s| matches!(s, Slice::Ellipsis)).count();
    ensure!(many <= 1, "at most one ellipsis", "{many}");
    let mut out = Shape::scalar();
    let mut axis = 0;
    for part in index {
        match *part {
            Slice::NewAxis => out.push(1),
            Slice::Ellipsis => {
                for _ in 0..axes_left(shape.len(), index) {
                    out.push(shape[axis]);
                    axis += 1;
                }
            }
            Slice::Index(i) => {
                let n = shape[axis] as isize;
                ensure!((-n..n).contains(&i), format!("-{n} <= index < {n} on axis {axis}"), "index = {i}");
                axis += 1;
            }
            Slice::Range(start, stop, step) => {
                ensure!(step != 0, "a step other than 0", "step = 0");
                out.push(resolve_range(shape[axis], start, stop, step).1);
                axis += 1;
            }
        }
    }
    for &d in &shape[axis..] {
        out.push(d);
    }
    Ok(out)
}

/// The shape of arrays joined along `axis`.
pub fn concat(xs: &[Meta], axis_: isize) -> Result<(Meta, usize), InvalidType> {
    ensure!(xs.len(), >, 0);
    let first = &xs[0];
    let a = axis(axis_, first.ndim())?;
    let mut n = 0;
    for x in xs {
        ensure!(x.dtype, ==, first.dtype);
        ensure!(x.ndim(), ==, first.ndim());
        for i in (0..first.ndim()).filter(|&i| i != a) {
            ensure!(
                x.shape[i] == first.shape[i],
                format!("equal shapes but for axis {a}"),
                "{} and {}",
                first.shape,
                x.shape
            );
        }
        n += x.shape[a];
    }
    Ok((Meta::new(first.shape.with(a, n), first.dtype), a))
}

/// Where to cut an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sections {
    /// Into this many equal parts.
    Equal(usize),
    /// Before each of these positions.
    At(Vec<usize>),
}

impl From<usize> for Sections {
    fn from(n: usize) -> Sections {
        Sections::Equal(n)
    }
}
impl From<&[usize]> for Sections {
    fn from(at: &[usize]) -> Sections {
        Sections::At(at.to_vec())
    }
}
impl From<Vec<usize>> for Sections {
    fn from(at: Vec<usize>) -> Sections {
        Sections::At(at)
    }
}
impl<const N: usize> From<[usize; N]> for Sections {
    fn from(at: [usize; N]) -> Sections {
        Sections::At(at.to_vec())
    }
}

/// Start and end of each part of axis `axis` when cut at `sections`.
pub fn split(shape: &Shape, sections: &Sections, axis_: isize) -> Result<(usize, Vec<(usize, usize)>), InvalidType> {
    let a = axis(axis_, shape.len())?;
    let n = shape[a];
    let cuts: Vec<usize> = match sections {
        Sections::Equal(k) => {
            ensure!(
                *k > 0 && n.is_multiple_of(*k),
                format!("a number of sections that divides x.shape[{a}] = {n}"),
                "{k}"
            );
            (1..*k).map(|i| i * (n / k)).collect()
        }
        Sections::At(at) => {
            ensure!(
                at.is_sorted() && at.iter().all(|&c| c <= n),
                format!("ascending positions within 0..={n}"),
                "{at:?}"
            );
            at.clone()
        }
    };
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(n));
    Ok((a, starts.zip(ends).collect()))
}

/// What a matrix product works on: `batch` products of (m, k) by (k, n).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatmulShape {
    /// Leading axes of the result, broadcast.
    pub batch: Shape,
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
}

/// NumPy's rules for `a @ b` on arrays of two or more axes, either one transposed.
pub fn matmul(a: &Meta, b: &Meta, transa: bool, transb: bool) -> Result<(Meta, MatmulShape), InvalidType> {
    ensure!(a.dtype.is_float(), "a.dtype.kind == f", "{}", a.dtype);
    ensure!(a.dtype, ==, b.dtype);
    ensure!(a.ndim(), >=, 2);
    ensure!(b.ndim(), >=, 2);
    let split = |x: &Meta, t: bool| {
        let (lead, last) = x.shape.split_at(x.ndim() - 2);
        (Shape::from(lead), if t { [last[1], last[0]] } else { [last[0], last[1]] })
    };
    let ((batch_a, [m, ka]), (batch_b, [kb, n])) = (split(a, transa), split(b, transb));
    ensure!(
        ka == kb,
        format!(
            "a.shape[{}] == b.shape[{}]",
            if transa { a.ndim() - 2 } else { a.ndim() - 1 },
            if transb { b.ndim() - 1 } else { b.ndim() - 2 }
        ),
        "{ka} != {kb}"
    );
    let batch = broadcast(&[&batch_a, &batch_b])?;
    let mut shape = batch.clone();
    shape.push(m);
    shape.push(n);
    Ok((Meta::new(shape, a.dtype), MatmulShape { batch, m, n, k: ka }))
}

/// All inputs are floats of one dtype; returns it.
pub fn same_float(xs: &[Meta]) -> Result<DType, InvalidType> {
    for x in xs {
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        ensure!(x.dtype, ==, xs[0].dtype);
    }
    Ok(xs[0].dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcasting_follows_numpy() {
        let s = |v: &[usize]| Shape::from(v);
        assert_eq!(broadcast(&[&s(&[3, 1]), &s(&[4])]).unwrap(), s(&[3, 4]));
        assert_eq!(broadcast(&[&s(&[0]), &s(&[1])]).unwrap(), s(&[0]));
        assert!(broadcast(&[&s(&[2]), &s(&[3])]).is_err());
        assert_eq!(broadcast_axes(&s(&[1, 3]), &s(&[5, 4, 3])).to_vec(), vec![0, 1]);
    }

    #[test]
    fn ranges_follow_python() {
        assert_eq!(resolve_range(10, None, None, -3), (9, 4));
        assert_eq!(resolve_range(5, Some(-3), Some(100), 2), (2, 2));
        assert_eq!(resolve_range(5, Some(4), Some(1), 1), (4, 0));
    }

    #[test]
    fn reshape_fills_the_hole() {
        let s = Shape::from([2, 6]);
        assert_eq!(reshape(&s, &[3, -1]).unwrap(), Shape::from([3, 4]));
        assert!(reshape(&s, &[5, -1]).is_err());
        assert!(reshape(&Shape::from([0, 3]), &[-1, 0]).is_err());
    }
}
