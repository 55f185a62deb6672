use super::{
    index::{Index, Plan},
    transpose, with_shape,
};
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    error::Error,
    functions::connection::{expect_ids, take_rows},
    shape::{self, InvalidType, Meta, Shape, Slice, basic_index},
    tensor::{Tensor, expect},
};
use ndarray::arr1;

/// A basic index, as NumPy's `x[1, 2:5, ::-1, None]`; copies nothing.
///
/// # Panics
/// When there are more indices than axes, or one is out of range.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
/// let y = F::get_item(&x, &[Slice::Index(-1), (1..).into()]);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [4.0, 5.0]);
/// ```
#[track_caller]
pub fn get_item(x: &Variable, index: &[Slice]) -> Variable {
    apply(GetItem { index: index.to_vec() }, &[x])
}

/// Positions of an axis by number, as NumPy's `x[:, indices]` for axis 1.
///
/// `indices` are `int32` of any shape, which takes the place of the axis. A position that is named several times gets
/// the sum of its gradients.
///
/// # Panics
/// When an axis is out of range, or an index that came from the host is. One that was computed on a device is an error
/// of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
/// let indices = Variable::constant(Tensor::from_slice(&[2, 0], [2], &Device::cpu()));
/// assert_eq!(F::get_item_fancy(&x, &indices, 1).data().to_vec::<f32>().unwrap(), [2.0, 0.0, 5.0, 3.0]);
/// ```
#[track_caller]
pub fn get_item_fancy(x: &Variable, indices: &Variable, axis: isize) -> Variable {
    let axis = expect("get_item", shape::axis(axis, x.ndim()), &[x.data(), indices.data()]);
    let n = x.shape()[axis];
    expect_ids("get_item", indices.data(), n, None);
    let mut front: Vec<isize> = (0..x.ndim() as isize).filter(|&a| a != axis as isize).collect();
    let rest: Shape = front.iter().map(|&a| x.shape()[a as usize]).collect();
    front.insert(0, axis as isize);
    let rows = with_shape(&transpose(x, Some(&front)), [n, rest.size()]);
    let y = take_rows("get_item", indices, &rows, None);
    // (indices.., rest..) to (rest before the axis.., indices.., rest after it..).
    let (i, before) = (indices.ndim() as isize, axis as isize);
    let y = with_shape(&y, indices.shape().iter().chain(rest.iter()).copied().collect::<Shape>());
    let order: Vec<isize> = (i..i + before).chain(0..i).chain(i + before..y.ndim() as isize).collect();
    transpose(&y, Some(&order))
}

/// Any index, as NumPy's `x[ids, 1:3, None, ..., more]`: parts of a basic index, and arrays of positions.
///
/// Arrays are `int32`, count from the end where they are negative, and are repeated to their common shape, which takes
/// the place of their axes, or comes first where other parts stand between them. Numbers beside them are such arrays. An
/// element that is named several times gets the sum of its gradients.
///
/// # Panics
/// When there are more indices than axes, shapes of arrays do not broadcast together, or a position that came from the
/// host is out of range. One that was computed on a device is an error of the next blocking call.
///
/// ```
/// # use catena::{functions::Index, prelude::*};
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
/// let at = |v: &[i32]| Variable::constant(Tensor::from_slice(v, [v.len()], &Device::cpu()));
/// let y = F::get_item_with(&x, &[Index::from(&at(&[0, 1])), Index::from(&at(&[2, -3]))]);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [2.0, 3.0]);
/// ```
#[track_caller]
pub fn get_item_with(x: &Variable, index: &[Index]) -> Variable {
    match Plan::new("get_item", x, index) {
        Ok(plan) => plan.take(x),
        Err(basic) => get_item(x, &basic),
    }
}

impl Tensor {
    /// Positions of an axis by number: see [`get_item_fancy`].
    ///
    /// # Panics
    /// As [`get_item_fancy`].
    #[track_caller]
    pub fn take(&self, indices: &Tensor, axis: isize) -> Tensor {
        get_item_fancy(&Variable::constant(self.clone()), &Variable::constant(indices.clone()), axis).data().clone()
    }

    /// Positions of the elements that are not zero, in row-major order: `int32` of shape `(number, ndim)`. Waits for the
    /// values.
    ///
    /// # Errors
    /// Whatever failed on the device while they were computed.
    pub fn nonzero(&self) -> Result<Tensor, Error> {
        let values = self.to_f64()?;
        let found = values.indexed_iter().filter(|(_, v)| **v != 0.0);
        let positions: Vec<i32> = found
            .flat_map(|(at, _)| ndarray::Dimension::slice(&at).iter().map(|&i| i as i32).collect::<Vec<_>>())
            .collect();
        let n =
            if self.ndim() == 0 { values.iter().filter(|v| **v != 0.0).count() } else { positions.len() / self.ndim() };
        Ok(Tensor::from_slice(&positions, [n, self.ndim()], self.device()))
    }

    /// The elements where `mask`, a tensor of `bool` of the same shape, holds, in row-major order. Waits for the mask.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(4, &Device::cpu());
    /// let large = x.greater(&x.full_like(1.5));
    /// assert_eq!(x.masked_select(&large).unwrap().to_vec::<f32>().unwrap(), [2.0, 3.0]);
    /// ```
    ///
    /// # Errors
    /// Whatever failed on the device while the mask was computed.
    ///
    /// # Panics
    /// When the mask is not of `bool`, or has another shape.
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Result<Tensor, Error> {
        assert_eq!(mask.shape(), self.shape(), "masked_select: the mask has another shape");
        let held = mask.to_vec::<bool>()?;
        let ids: Vec<i32> = (0..held.len() as i32).filter(|&i| held[i as usize]).collect();
        Ok(self.reshape([-1]).take(&Tensor::from_slice(&ids, [ids.len()], self.device()), 0))
    }
}

#[derive(Debug)]
struct GetItem {
    index: Vec<Slice>,
}

impl Function for GetItem {
    fn name(&self) -> &'static str {
        "get_item"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(basic_index(&xs[0].shape, &self.index)?, xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].slice(&self.index).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| embed(gy, saved.meta(0).shape.clone(), self.index.clone(), 0.0))]
    }
}

/// `fill` of `shape` with `x` in the place of the index.
#[track_caller]
pub(super) fn embed(x: &Variable, shape: Shape, index: Vec<Slice>, fill: f64) -> Variable {
    apply(Embed { shape, index, fill }, &[x])
}

/// `y[.., i] = x[.., i - 1]`, with `first` in front.
#[track_caller]
pub(crate) fn delayed(x: &Variable, first: f64) -> Variable {
    let axis = x.ndim() - 1;
    let n = x.shape()[axis];
    if n == 0 {
        return x.clone();
    }
    let place = |range: std::ops::Range<usize>| {
        let mut index = vec![Slice::ALL; axis];
        index.push(range.into());
        index
    };
    embed(&get_item(x, &place(0..n - 1)), x.shape().clone(), place(1..n), first)
}

/// The adjoint of [`GetItem`], if the filling is zero.
#[derive(Debug)]
struct Embed {
    shape: Shape,
    index: Vec<Slice>,
    fill: f64,
}

impl Function for Embed {
    fn name(&self) -> &'static str {
        "embed"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.shape.clone(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].embed(&self.shape, &self.index, self.fill).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| get_item(gy, &self.index))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let steps = |step| Slice::Range(None, None, step);
    vec![
        Case::new("get_item", |x| get_item(&x[0], &[Slice::Index(1)])).input([3, 4, 2]),
        Case::new("get_item/ranges", |x| get_item(&x[0], &[(0..2).into(), (1..).into()])).input([3, 4, 2]),
        Case::new("get_item/new_axis", |x| get_item(&x[0], &[Slice::ALL, Slice::NewAxis, Slice::Index(1)]))
            .input([3, 4, 2]),
        Case::new("get_item/ellipsis", |x| get_item(&x[0], &[Slice::NewAxis, Slice::Ellipsis, Slice::Index(1)]))
            .input([3, 4, 2]),
        Case::new("get_item/ellipsis_of_none", |x| get_item(&x[0], &[Slice::Index(1), Slice::Ellipsis, (1..).into()]))
            .input([3, 4]),
        Case::new("get_item/arrays", |x| get_item_with(&x[2], &[(&x[0]).into(), Index::from(1..3), (&x[1]).into()]))
            .integers([2, 1], -3, 3)
            .integers([4], -2, 2)
            .input([3, 4, 2]),
        Case::new("get_item/arrays_side_by_side", |x| {
            get_item_with(&x[2], &[Slice::ALL.into(), (&x[0]).into(), (&x[1]).into()])
        })
        .integers([3], 0, 4)
        .integers([3], 0, 2)
        .input([3, 4, 2]),
        Case::new("get_item/array_and_number", |x| get_item_with(&x[1], &[Index::from(1), (&x[0]).into()]))
            .integers([3], 0, 4)
            .input([3, 4, 2]),
        Case::new("get_item/array_apart", |x| {
            get_item_with(&x[1], &[(&x[0]).into(), Slice::NewAxis.into(), Slice::Ellipsis.into(), Index::from(-1)])
        })
        .integers([3], 0, 3)
        .input([3, 4, 2]),
        Case::new("get_item/steps", move |x| get_item(&x[0], &[steps(-1), steps(2)])).input([3, 5]),
        Case::new("get_item/scalar", |x| get_item(&x[0], &[Slice::Index(-1), Slice::Index(0)])).input([3, 4]),
        Case::new("get_item/nothing", |x| get_item(&x[0], &[(2..2).into()])).input([3, 4]),
        Case::new("get_item/fancy", |x| get_item_fancy(&x[1], &x[0], 0))
            .exact(arr1(&[0, 2, 0]).into_dyn())
            .input([3, 4]),
        Case::new("get_item/fancy_axis", |x| get_item_fancy(&x[1], &x[0], -1)).integers([2, 2], 0, 5).input([2, 3, 5]),
        Case::new("get_item/fancy_middle", |x| get_item_fancy(&x[1], &x[0], 1)).integers([2, 3], 0, 5).input([2, 5, 3]),
        Case::new("get_item/fancy_scalar", |x| get_item_fancy(&x[1], &x[0], 0)).integers((), 0, 3).input([3, 2]),
        Case::new("get_item/fancy_vector", |x| get_item_fancy(&x[1], &x[0], 0)).integers([7], 0, 3).input([3]),
    ]
}
