use crate::{
    autograd::{Case, Retain, Saved, Variable},
    device::Device,
    functions::family::{Elementwise, map},
    shape::{DType, ensure},
    tensor::{Real, Tensor, Wgsl, expect, wgsl},
};

/// The lower triangles of matrices `(.., m, n)`: zero above the `k`-th diagonal.
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 2], DType::F32, &Device::cpu()));
/// assert_eq!(F::tril(&x, 0).data().to_vec::<f32>().unwrap(), [1.0, 0.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn tril(x: &Variable, k: isize) -> Variable {
    triangle("tril", x, k, false)
}

/// The upper triangles of matrices `(.., m, n)`: zero below the `k`-th diagonal.
///
/// # Panics
/// When `x` is no float or has fewer than two axes.
#[track_caller]
pub fn triu(x: &Variable, k: isize) -> Variable {
    triangle("triu", x, k, true)
}

#[track_caller]
fn triangle(name: &str, x: &Variable, k: isize, upper: bool) -> Variable {
    let fits = || {
        ensure!(x.ndim(), >=, 2);
        ensure!(x.dtype().is_float(), "x.dtype.kind == f", "{}", x.dtype());
        Ok(())
    };
    expect(name, fits(), &[x.data()]);
    let positions = |n: usize| Tensor::arange(n, x.device()).cast(x.dtype());
    let [.., m, n] = x.shape()[..] else { unreachable!("checked") };
    let row = Variable::constant(positions(m).expand_dims(1));
    let column = Variable::constant(positions(n));
    map(Triangle { k: k as f64, upper }, [x, &row, &column])
}

impl Tensor {
    /// The lower triangles of matrices: see [`tril`].
    ///
    /// # Panics
    /// As [`tril`].
    #[track_caller]
    pub fn tril(&self, k: isize) -> Tensor {
        tril(&Variable::constant(self.clone()), k).data().clone()
    }

    /// The upper triangles of matrices: see [`triu`].
    ///
    /// # Panics
    /// As [`tril`].
    #[track_caller]
    pub fn triu(&self, k: isize) -> Tensor {
        triu(&Variable::constant(self.clone()), k).data().clone()
    }

    /// The identity matrix of `n` rows.
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn eye(n: usize, dtype: DType, device: &Device) -> Tensor {
        Tensor::eye_at(n, n, 0, dtype, device)
    }

    /// Ones on the `k`-th diagonal of a matrix, above the main one or below it where `k` is negative, and zeros elsewhere.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Tensor::eye_at(2, 3, 1, DType::F32, &Device::cpu());
    /// assert_eq!(x.to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When the device cannot hold the dtype.
    #[track_caller]
    pub fn eye_at(rows: usize, columns: usize, k: isize, dtype: DType, device: &Device) -> Tensor {
        let place = Tensor::count(rows, device).add_scalar(k as f64).expand_dims(1);
        super::where_equal(&place, &Tensor::count(columns, device), &Tensor::ones((), dtype, device), [rows, columns])
    }
}

/// `x` on one side of a diagonal, from positions of rows and columns.
#[derive(Debug, Clone)]
struct Triangle {
    k: f64,
    upper: bool,
}

impl Elementwise<3, 2> for Triangle {
    const NAME: &str = "triangle";
    const FILES: &[Wgsl] = &[wgsl!("math/triangle.wgsl")];
    const RETAIN: Retain = Retain::NOTHING.input(1).input(2);

    fn scalars(&self) -> [f64; 2] {
        [self.k, if self.upper { -1.0 } else { 1.0 }]
    }

    fn reference<R: Real>([x, row, column]: [R; 3], [k, side]: [R; 2]) -> R {
        R::select((column - row) * side <= k * side, x, R::ZERO)
    }

    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; 3] {
        [Some(map(self.clone(), [gy, saved.input(1), saved.input(2)])), None, None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tril", |x| tril(&x[0], 0)).input([3, 4]),
        Case::new("tril/above", |x| tril(&x[0], 1)).input([2, 3, 3]),
        Case::new("tril/upper", |x| triu(&x[0], -1)).input([4, 3]),
        Case::new("tril/eye", |x| Variable::constant(Tensor::eye(4, x[0].dtype(), x[0].device()))).input(()).order(0),
    ]
}
