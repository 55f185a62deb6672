use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    functions::array::get_item,
    shape::{self, InvalidType, Meta, Slice},
    tensor::Tensor,
};

/// Arrays joined along an axis.
///
/// All other lengths and the dtypes agree.
///
/// # Panics
/// When there is none, or lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::concat(&[&x, &x], 1).shape()[..], [2, 6]);
/// ```
#[track_caller]
pub fn concat(xs: &[&Variable], axis: isize) -> Variable {
    apply(Concat { axis }, xs)
}

#[derive(Debug)]
struct Concat {
    axis: isize,
}

impl Function for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![shape::concat(xs, self.axis)?.0])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        Tensor::concat(&xs.iter().collect::<Vec<_>>(), self.axis).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let axis = shape::axis(self.axis, saved.meta(0).ndim()).expect("checked in the forward pass");
        let mut start = 0;
        let part = |i: usize| {
            let from = start;
            start += saved.meta(i).shape[axis];
            saved.needs(i).then(|| gys[0].as_ref().map(|gy| range_of(gy, axis, from, start))).flatten()
        };
        (0..saved.arity()).map(part).collect()
    }
}

/// Positions `start..end` of an axis.
pub(super) fn range_of(x: &Variable, axis: usize, start: usize, end: usize) -> Variable {
    let mut index = vec![Slice::ALL; axis];
    index.push((start..end).into());
    get_item(x, &index)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("concat", |x| concat(&[&x[0], &x[1], &x[2]], 1)).input([2, 3]).input([2, 1]).input([2, 2]),
        Case::new("concat/first", |x| concat(&[&x[0], &x[1]], 0)).input([2, 3]).input([1, 3]),
        Case::new("concat/last", |x| concat(&[&x[0], &x[1]], -1)).input([2, 1, 3]).input([2, 1, 2]),
        Case::new("concat/same_twice", |x| concat(&[&x[0], &x[0]], 1)).input([2, 3]),
        Case::new("concat/one", |x| concat(&[&x[0]], 0)).input([2, 3]),
        Case::new("concat/with_empty", |x| concat(&[&x[0], &x[1]], 0)).input([2, 3]).input([0, 3]),
        Case::new("concat/of_a_product", |x| concat(&[&crate::functions::matmul(&x[0], &x[1]), &x[0]], 1))
            .input([3, 3])
            .input([3, 3]),
        Case::new("concat/of_expressions", |x| {
            concat(&[&(&x[0] * &x[1]), &crate::functions::transpose(&x[1], None)], 0)
        })
        .input([3, 3])
        .input([3, 3]),
    ]
}
