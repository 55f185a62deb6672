use super::{
    get_item::embed,
    index::{Index, Plan},
    with_shape,
};
use crate::{
    autograd::{Case, Variable},
    functions::connection::{add_rows, expect_ids},
    shape::{Shape, Slice, basic_index, ensure},
    tensor::{Tensor, expect},
};
use ndarray::arr1;

/// `a` with rows of `b` added by number, `y[indices[i..]] += b[i..]`; a row that is named several times gets all of them.
///
/// `indices` are `int32` of any shape, `b` is `(indices' shape.., a.shape[1..])`.
///
/// # Panics
/// When shapes or dtypes do not fit, or an index that came from the host is out of range. One that was computed on a
/// device is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let a = Variable::constant(Tensor::zeros([3], DType::F32, &Device::cpu()));
/// let b = Variable::constant(Tensor::ones([3], DType::F32, &Device::cpu()));
/// let indices = Variable::constant(Tensor::from_slice(&[0, 2, 0], [3], &Device::cpu()));
/// assert_eq!(F::scatter_add(&a, &indices, &b).data().to_vec::<f32>().unwrap(), [2.0, 0.0, 1.0]);
/// ```
#[track_caller]
pub fn scatter_add(a: &Variable, indices: &Variable, b: &Variable) -> Variable {
    let fits = || {
        ensure!(a.ndim(), >, 0);
        ensure!(a.dtype(), ==, b.dtype());
        let shape: Shape = indices.shape().iter().chain(&a.shape()[1..]).copied().collect();
        ensure!(*b.shape() == shape, format!("b.shape == {shape}"), "{}", b.shape());
        Ok(())
    };
    expect("scatter_add", fits(), &[a.data(), indices.data(), b.data()]);
    let (rows, width) = (a.shape()[0], a.shape()[1..].iter().product());
    expect_ids("scatter_add", indices.data(), rows, None);
    let mut flat = indices.shape().clone();
    flat.push(width);
    let sums = add_rows("scatter_add", indices, &with_shape(b, flat), rows, None);
    a + with_shape(&sums, a.shape())
}

/// `a` with `b` added at a basic index, `y[index] += b`.
///
/// # Panics
/// When the index does not fit `a`, or `b` not the index.
#[track_caller]
pub fn scatter_add_slice(a: &Variable, index: &[Slice], b: &Variable) -> Variable {
    let fits = || {
        let shape = basic_index(a.shape(), index)?;
        ensure!(a.dtype(), ==, b.dtype());
        ensure!(*b.shape() == shape, format!("b.shape == {shape}"), "{}", b.shape());
        Ok(())
    };
    expect("scatter_add", fits(), &[a.data(), b.data()]);
    a + embed(b, a.shape().clone(), index.to_vec(), 0.0)
}

/// `a` with `b` added at any index, `y[index] += b`: see [`get_item_with`](super::get_item_with).
///
/// # Panics
/// When the index does not fit `a`, or `b` not the index.
///
/// ```
/// # use catena::{functions::Index, prelude::*};
/// let a = Variable::constant(Tensor::zeros([2, 2], DType::F32, &Device::cpu()));
/// let b = Variable::constant(Tensor::ones([3], DType::F32, &Device::cpu()));
/// let at = |v: &[i32]| Variable::constant(Tensor::from_slice(v, [v.len()], &Device::cpu()));
/// let y = F::scatter_add_with(&a, &[Index::from(&at(&[0, 0, 1])), Index::from(&at(&[1, 1, 0]))], &b);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [0.0, 2.0, 1.0, 0.0]);
/// ```
#[track_caller]
pub fn scatter_add_with(a: &Variable, index: &[Index], b: &Variable) -> Variable {
    match Plan::new("scatter_add", a, index) {
        Ok(plan) => {
            let fits = || {
                ensure!(a.dtype(), ==, b.dtype());
                ensure!(*b.shape() == plan.out(), format!("b.shape == {}", plan.out()), "{}", b.shape());
                Ok(())
            };
            expect("scatter_add", fits(), &[a.data(), b.data()]);
            a + plan.put(b)
        }
        Err(basic) => scatter_add_slice(a, &basic, b),
    }
}

impl Tensor {
    /// With rows added by number: see [`scatter_add`].
    ///
    /// # Panics
    /// As [`scatter_add`].
    #[track_caller]
    pub fn scatter_add(&self, indices: &Tensor, b: &Tensor) -> Tensor {
        let [a, indices, b] = [self, indices, b].map(|t| Variable::constant(t.clone()));
        scatter_add(&a, &indices, &b).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("scatter_add", |x| scatter_add(&x[1], &x[0], &x[2]))
            .exact(arr1(&[0, 2, 0]).into_dyn())
            .input([3, 2])
            .input([3, 2]),
        Case::new("scatter_add/grid", |x| scatter_add(&x[1], &x[0], &x[2]))
            .integers([2, 3], 0, 4)
            .input([4, 2, 2])
            .input([2, 3, 2, 2]),
        Case::new("scatter_add/arrays", |x| {
            scatter_add_with(&x[2], &[(&x[0]).into(), Index::from(1..3), (&x[1]).into()], &x[3])
        })
        .integers([3], -2, 2)
        .integers([3], 0, 2)
        .input([2, 4, 2])
        .input([3, 2]),
        Case::new("scatter_add/slice", |x| scatter_add_slice(&x[0], &[1.into(), (0..2).into()], &x[1]))
            .input([3, 4])
            .input([2]),
    ]
}
