//! Indices with arrays of positions among their parts.

use super::{
    get_item::{embed, get_item},
    transpose, with_shape,
};
use crate::{
    autograd::Variable,
    functions::connection::{add_rows, take_rows},
    kernel::create::known_range,
    shape::{self, DType, InvalidType, Shape, Slice, basic_index, ensure},
    tensor::{Op, Pointwise, Real, Scalar, Tensor, block, expect, wgsl},
};

/// One part of an index: see [`get_item_with`](crate::functions::get_item_with).
#[derive(Debug, Clone)]
pub enum Index {
    /// A part of a basic index.
    Basic(Slice),
    /// Positions, `int32` of any shape.
    At(Variable),
}

impl<S: Into<Slice>> From<S> for Index {
    fn from(part: S) -> Index {
        Index::Basic(part.into())
    }
}
impl From<&Variable> for Index {
    fn from(positions: &Variable) -> Index {
        Index::At(positions.clone())
    }
}

/// How an index with arrays is taken: a basic index, the arrays' axes brought to the front, and rows by number.
pub(super) struct Plan {
    operator: &'static str,
    /// Everything but the arrays, for which it has the whole axis.
    basic: Vec<Slice>,
    /// The array's shape.
    whole: Shape,
    /// The shape after the basic index.
    shape: Shape,
    /// The axes of that shape with those of arrays in front.
    order: Vec<isize>,
    /// How many axes have arrays.
    axes: usize,
    /// The number of a row among all, for each element of the arrays' common shape.
    rows: Variable,
    /// Where the arrays' common shape goes.
    place: usize,
}

impl Plan {
    /// The plan, or the index where it has no arrays.
    #[track_caller]
    pub fn new(operator: &'static str, x: &Variable, index: &[Index]) -> Result<Plan, Vec<Slice>> {
        let arrays = index.iter().any(|part| matches!(part, Index::At(_)));
        let part = |part: &Index| match part {
            Index::Basic(Slice::Index(_)) if arrays => Slice::ALL,
            Index::Basic(slice) => *slice,
            Index::At(_) => Slice::ALL,
        };
        let basic: Vec<Slice> = index.iter().map(part).collect();
        if arrays { Ok(Plan::with_arrays(operator, x, index, basic)) } else { Err(basic) }
    }

    #[track_caller]
    fn with_arrays(operator: &'static str, x: &Variable, index: &[Index], basic: Vec<Slice>) -> Plan {
        let shape = expect(operator, basic_index(x.shape(), &basic), &[x.data()]);
        let (mut axis, mut axes, mut arrays, mut parts) = (0, vec![], vec![], vec![]);
        for (at, part) in index.iter().enumerate() {
            let array = match part {
                Index::At(positions) => Some(positions.data().clone()),
                Index::Basic(Slice::Index(i)) => Some(Tensor::from_slice(&[*i as i32], (), x.device())),
                Index::Basic(Slice::Ellipsis) => {
                    axis += shape::axes_left(x.ndim(), &basic);
                    continue;
                }
                Index::Basic(_) => None,
            };
            if let Some(array) = array {
                axes.push(axis);
                arrays.push(array);
                parts.push(at);
            }
            axis += 1;
        }
        let lengths: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
        let rows = expect(operator, numbers(&arrays, &lengths), &[x.data()]);
        let together = parts.windows(2).all(|w| w[1] == w[0] + 1);
        let front = axes.iter().copied();
        let order = front.chain((0..shape.len()).filter(|a| !axes.contains(a))).map(|a| a as isize).collect();
        let place = if together { axes[0] } else { 0 };
        let whole = x.shape().clone();
        Plan { operator, basic, whole, shape, order, axes: axes.len(), rows: Variable::constant(rows), place }
    }

    /// The lengths in front, and those behind.
    fn parts(&self) -> (Shape, Shape) {
        let of = |axes: &[isize]| axes.iter().map(|&a| self.shape[a as usize]).collect();
        (of(&self.order[..self.axes]), of(&self.order[self.axes..]))
    }

    /// The shape of what is taken, with the arrays' common shape in front.
    fn taken(&self) -> Shape {
        self.rows.shape().iter().chain(self.parts().1.iter()).copied().collect()
    }

    /// The axes of [`Plan::taken`] as the result has them.
    fn placed(&self) -> Vec<isize> {
        let (n, all) = (self.rows.ndim() as isize, self.taken().len() as isize);
        let before = n..n + self.place as isize;
        before.chain(0..n).chain(n + self.place as isize..all).collect()
    }

    #[track_caller]
    pub fn take(&self, x: &Variable) -> Variable {
        let (front, rest) = self.parts();
        let x = transpose(&get_item(x, &self.basic), Some(&self.order));
        let y = take_rows(self.operator, &self.rows, &with_shape(&x, [front.size(), rest.size()]), None);
        transpose(&with_shape(&y, self.taken()), Some(&self.placed()))
    }

    /// The shape of what [`Plan::take`] gives.
    pub fn out(&self) -> Shape {
        let taken = self.taken();
        self.placed().iter().map(|&a| taken[a as usize]).collect()
    }

    /// The adjoint of [`Plan::take`]: zeros with `y` added at the index.
    #[track_caller]
    pub fn put(&self, y: &Variable) -> Variable {
        let (front, rest) = self.parts();
        let y = transpose(y, Some(&inverse(&self.placed())));
        let mut flat = self.rows.shape().clone();
        flat.push(rest.size());
        let sums = add_rows(self.operator, &self.rows, &with_shape(&y, flat), front.size(), None);
        let x = with_shape(&sums, front.iter().chain(rest.iter()).copied().collect::<Shape>());
        embed(&transpose(&x, Some(&inverse(&self.order))), self.whole.clone(), self.basic.clone(), 0.0)
    }
}

fn inverse(order: &[isize]) -> Vec<isize> {
    let mut back = vec![0; order.len()];
    for (to, &from) in order.iter().enumerate() {
        back[from as usize] = to as isize;
    }
    back
}

/// The number of a row among those of axes of these lengths; -1 where a position is out of range.
fn numbers(arrays: &[Tensor], lengths: &[usize]) -> Result<Tensor, InvalidType> {
    let common = shape::broadcast(&arrays.iter().map(Tensor::shape).collect::<Vec<_>>())?;
    let mut rows = Tensor::full((), 0.0, DType::I32, arrays[0].device());
    for (array, &n) in arrays.iter().zip(lengths) {
        ensure!(array.dtype(), ==, DType::I32);
        let inside = |v: i64| (-(n as i64)..n as i64).contains(&v);
        if known_range(array).is_some_and(|(low, high)| !inside(low) || !inside(high)) {
            // The range is that of all the storage, of which this may be a part.
            let bad = array.peek().and_then(|all| all.iter().copied().find(|&v| !inside(v as i64)));
            if let Some(bad) = bad {
                ensure!(false, format!("-{n} <= index < {n}"), "index = {bad}");
            }
        }
        rows = Tensor::map(ROW_NUMBER, &[Scalar::F(n as f64)], &[&rows, array], common.clone(), DType::I32);
    }
    Ok(rows)
}

struct RowNumber;
impl Pointwise<2, 1> for RowNumber {
    #[inline(always)]
    fn at<R: Real>([before, at]: [R; 2], [n]: [R; 1]) -> R {
        let at = R::select(at < R::ZERO, at + n, at);
        R::select((at >= R::ZERO) & (at < n) & (before >= R::ZERO), before * n + at, -R::ONE)
    }
}

const ROW_NUMBER: Op = Op {
    name: "row_number",
    files: &[wgsl!("array/index.wgsl")],
    arity: 2,
    indexed: false,
    cheap: false,
    f32: block::<f32, RowNumber, 2, 1>,
    f64: block::<f64, RowNumber, 2, 1>,
};
