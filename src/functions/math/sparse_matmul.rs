use crate::{
    autograd::{Case, Variable},
    functions::{
        array::{expand_dims, transpose, with_shape},
        connection::{add_rows, take_rows},
    },
    shape::{DType, ensure},
    tensor::expect,
};
use ndarray::arr1;

/// A sparse matrix: values, and the row and the column of each.
///
/// Values at one place add up; those of row or column -1 count for nothing.
#[derive(Debug, Clone)]
pub struct CooMatrix {
    /// Values, `(k,)`.
    pub data: Variable,
    /// Their rows, `(k,)` of `int32`.
    pub row: Variable,
    /// Their columns, `(k,)` of `int32`.
    pub col: Variable,
    /// Rows and columns of the whole.
    pub shape: (usize, usize),
}

impl CooMatrix {
    /// The matrix with rows and columns exchanged.
    #[must_use]
    pub fn transpose(&self) -> CooMatrix {
        CooMatrix {
            data: self.data.clone(),
            row: self.col.clone(),
            col: self.row.clone(),
            shape: (self.shape.1, self.shape.0),
        }
    }
}

/// The product of a sparse matrix and a dense one, `y = a b`.
///
/// `b` is `(columns, n)`, the result `(rows, n)`; gradients flow to the values of `a` and to `b`. A row of the result is
/// summed by one thread, in the order of the values: it is the same in every run.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let places = |v: &[i32]| Variable::constant(Tensor::from_slice(v, [2], &device));
/// let data = Variable::new(Tensor::from_slice(&[2.0f32, 3.0], [2], &device));
/// let a = F::CooMatrix { data, row: places(&[0, 1]), col: places(&[1, 0]), shape: (2, 2) };
/// let b = Variable::new(Tensor::from_slice(&[1.0f32, 10.0], [2, 1], &device));
/// assert_eq!(F::sparse_matmul(&a, &b).data().to_vec::<f32>().unwrap(), [20.0, 3.0]);
/// ```
#[track_caller]
pub fn sparse_matmul(a: &CooMatrix, b: &Variable) -> Variable {
    let name = "sparse_matmul";
    let fits = || {
        ensure!(a.data.dtype().is_float(), "a.data.dtype.kind == f", "{}", a.data.dtype());
        ensure!(b.dtype(), ==, a.data.dtype());
        ensure!(a.data.ndim(), ==, 1);
        ensure!(a.row.dtype(), ==, DType::I32);
        ensure!(a.col.dtype(), ==, DType::I32);
        ensure!(a.row.shape(), ==, a.data.shape());
        ensure!(a.col.shape(), ==, a.data.shape());
        ensure!(b.ndim(), ==, 2);
        ensure!(b.shape()[0], ==, a.shape.1);
        Ok(())
    };
    expect(name, fits(), &[a.data.data(), a.row.data(), a.col.data(), b.data()]);
    let terms = take_rows(name, &a.col, b, Some(-1)) * expand_dims(&a.data, 1);
    let y = add_rows(name, &a.row, &terms, a.shape.0, Some(-1));
    with_shape(&y, [a.shape.0, b.shape()[1]])
}

/// As [`sparse_matmul`], with `a` or `b` transposed first: `y = a^T b`, say.
///
/// # Panics
/// As [`sparse_matmul`].
///
/// ```
/// # use catena::prelude::*;
/// let device = Device::cpu();
/// let places = |v: &[i32]| Variable::constant(Tensor::from_slice(v, [2], &device));
/// let data = Variable::new(Tensor::from_slice(&[2.0f32, 3.0], [2], &device));
/// let a = F::CooMatrix { data, row: places(&[0, 0]), col: places(&[0, 1]), shape: (1, 2) };
/// let b = Variable::new(Tensor::from_slice(&[1.0f32, 10.0], [2, 1], &device));
/// let y = F::sparse_matmul_transposed(&a, &b, true, true);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [2.0, 20.0, 3.0, 30.0]);
/// ```
#[track_caller]
pub fn sparse_matmul_transposed(a: &CooMatrix, b: &Variable, transa: bool, transb: bool) -> Variable {
    let _named = crate::shape::named("sparse_matmul");
    let turned = if transa { a.transpose() } else { a.clone() };
    if transb { sparse_matmul(&turned, &transpose(b, None)) } else { sparse_matmul(&turned, b) }
}

pub(super) fn cases() -> Vec<Case> {
    let of = |x: &[Variable], shape: (usize, usize)| CooMatrix {
        data: x[0].clone(),
        row: x[1].clone(),
        col: x[2].clone(),
        shape,
    };
    vec![
        Case::new("sparse_matmul", move |x| sparse_matmul(&of(x, (4, 5)), &x[3]))
            .input([6])
            .exact(crate::tensor::HostArray::I32(arr1(&[0, 3, 1, 0, 3, 0]).into_dyn()))
            .exact(crate::tensor::HostArray::I32(arr1(&[1, 4, 0, 2, 4, 1]).into_dyn()))
            .input([5, 3]),
        Case::new("sparse_matmul/transposed", move |x| sparse_matmul(&of(x, (4, 5)).transpose(), &x[3]))
            .input([3])
            .integers([3], 0, 4)
            .integers([3], 0, 5)
            .input([4, 2]),
        Case::new("sparse_matmul/both_transposed", move |x| {
            sparse_matmul_transposed(&of(x, (4, 5)), &x[3], true, true)
        })
        .input([3])
        .integers([3], 0, 4)
        .integers([3], 0, 5)
        .input([2, 4]),
        Case::new("sparse_matmul/ignored", move |x| sparse_matmul(&of(x, (2, 3)), &x[3]))
            .input([3])
            .exact(crate::tensor::HostArray::I32(arr1(&[0, -1, 1]).into_dyn()))
            .exact(crate::tensor::HostArray::I32(arr1(&[2, -1, 0]).into_dyn()))
            .input([3, 2]),
        Case::new("sparse_matmul/nothing", move |x| sparse_matmul(&of(x, (2, 3)), &x[3]))
            .input([0])
            .integers([0], 0, 2)
            .integers([0], 0, 3)
            .input([3, 2]),
    ]
}
