use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{self, InvalidType, Meta, Shape, View, ensure},
    tensor::{Tensor, expect},
};

/// The diagonal of two axes, `y[.., i] = x[.., i, .., i + offset, ..]`, as the last axis; copies nothing.
///
/// # Panics
/// When an axis is out of range, or both are the same.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
/// assert_eq!(F::diagonal(&x, 1, 0, 1).data().to_vec::<f32>().unwrap(), [1.0, 5.0]);
/// ```
#[track_caller]
pub fn diagonal(x: &Variable, offset: isize, axis1: isize, axis2: isize) -> Variable {
    apply(Diagonal { offset, axis1, axis2 }, &[x])
}

impl Tensor {
    /// The diagonal of two axes as the last axis: see [`diagonal`].
    ///
    /// # Panics
    /// As [`diagonal`].
    #[track_caller]
    pub fn diagonal(&self, offset: isize, axis1: isize, axis2: isize) -> Tensor {
        let diagonal = Diagonal { offset, axis1, axis2 };
        self.with_view(expect("diagonal", diagonal.of(&self.view), &[self]))
    }

    /// The sum of the diagonal of two axes: see [`diagonal`].
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]);
    /// assert_eq!(x.trace(0, 0, 1).item().unwrap(), 4.0);
    /// ```
    ///
    /// # Panics
    /// As [`diagonal`].
    #[track_caller]
    pub fn trace(&self, offset: isize, axis1: isize, axis2: isize) -> Tensor {
        let _named = shape::named("trace");
        self.diagonal(offset, axis1, axis2).sum(Some(&[-1]), false)
    }

    /// Of a vector the matrix with it on the diagonal and zeros elsewhere, of a matrix its diagonal.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::arange(2, &Device::cpu()).diag();
    /// assert_eq!(x.to_vec::<f32>().unwrap(), [0.0, 0.0, 0.0, 1.0]);
    /// assert_eq!(x.diag().to_vec::<f32>().unwrap(), [0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When it has another number of axes.
    #[track_caller]
    pub fn diag(&self) -> Tensor {
        self.diag_at(0)
    }

    /// As [`Tensor::diag`], of the `k`-th diagonal: above the main one, or below it where `k` is negative.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::ones([1], DType::F32, &Device::cpu()).diag_at(1);
    /// assert_eq!(x.to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// When it has another number of axes.
    #[track_caller]
    pub fn diag_at(&self, k: isize) -> Tensor {
        match self.ndim() {
            1 => {
                let n = self.size() + k.unsigned_abs();
                let shape = Shape::from([n, n]);
                let place = Diagonal { offset: k, axis1: 0, axis2: 1 }.of(&View::contiguous(shape.clone()));
                Tensor::collage(&shape, 0.0, &[(self, place.expect("a matrix has two axes"))])
            }
            2 => self.diagonal(k, 0, 1),
            n => panic!("diag: expected a vector or a matrix, got {n} axes"),
        }
    }
}

#[derive(Debug, Clone)]
struct Diagonal {
    offset: isize,
    axis1: isize,
    axis2: isize,
}

impl Diagonal {
    fn of(&self, x: &View) -> Result<View, InvalidType> {
        let ndim = x.shape.len();
        let (a, b) = (shape::axis(self.axis1, ndim)?, shape::axis(self.axis2, ndim)?);
        ensure!(a != b, "two different axes", "axis1 = {}, axis2 = {}", self.axis1, self.axis2);
        let (down, right) = ((-self.offset).max(0), self.offset.max(0));
        let left = |axis: usize, skip: isize| (x.shape[axis] as isize - skip).max(0) as usize;
        let length = left(a, down).min(left(b, right));
        let order: Vec<usize> = (0..ndim).filter(|&i| i != a && i != b).collect();
        let mut view = x.permute(&order);
        view.shape.push(length);
        view.strides.push(x.strides[a] + x.strides[b]);
        if length > 0 {
            view.offset = (x.offset as isize + down * x.strides[a] + right * x.strides[b]) as usize;
        }
        Ok(view)
    }
}

impl Function for Diagonal {
    fn name(&self) -> &'static str {
        "diagonal"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.of(&View::contiguous(xs[0].shape.clone()))?.shape, xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].diagonal(self.offset, self.axis1, self.axis2).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let adjoint = PutDiagonal { shape: saved.meta(0).shape.clone(), place: self.clone() };
        vec![gys[0].as_ref().map(|gy| apply(adjoint, &[gy]))]
    }
}

/// Zeros of `shape` with a diagonal: the adjoint of [`Diagonal`].
#[derive(Debug)]
struct PutDiagonal {
    shape: Shape,
    place: Diagonal,
}

impl Function for PutDiagonal {
    fn name(&self) -> &'static str {
        "put_diagonal"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(self.shape.clone(), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let view = self.place.of(&View::contiguous(self.shape.clone())).expect("checked in the forward pass");
        Tensor::collage(&self.shape, 0.0, &[(&xs[0], view)]).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| apply(self.place.clone(), &[gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("diagonal", |x| diagonal(&x[0], 1, 0, 1)).input([3, 4]),
        Case::new("diagonal/below", |x| diagonal(&x[0], -1, 0, 1)).input([3, 4]),
        Case::new("diagonal/of_many", |x| diagonal(&x[0], 0, 0, -1)).input([3, 2, 4]),
        Case::new("diagonal/outside", |x| diagonal(&x[0], 9, 0, 1)).input([3, 4]),
    ]
}
