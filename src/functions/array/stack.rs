use super::get_item;
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{self, InvalidType, Meta, Slice, ensure},
    tensor::{Tensor, expect},
};

/// Arrays of one shape side by side along a new axis, which stands before position `axis` of the result.
///
/// # Panics
/// When there is none, or shapes, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 3], DType::F32, &Device::cpu()));
/// assert_eq!(F::stack(&[&x, &x], -1).shape()[..], [2, 3, 2]);
/// ```
#[track_caller]
pub fn stack(xs: &[&Variable], axis: isize) -> Variable {
    apply(Stack { axis }, xs)
}

impl Tensor {
    /// Arrays of one shape side by side along a new axis: see [`stack`].
    ///
    /// # Panics
    /// As [`stack`].
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Tensor {
        let metas: Vec<Meta> = tensors.iter().map(|t| t.meta()).collect();
        let axis = expect("stack", infer(&metas, axis), tensors).1 as isize;
        let parts: Vec<Tensor> = tensors.iter().map(|t| t.expand_dims(axis)).collect();
        Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis)
    }
}

fn infer(xs: &[Meta], axis: isize) -> Result<(Meta, usize), InvalidType> {
    ensure!(xs.len(), >, 0);
    for x in xs {
        ensure!(x.dtype, ==, xs[0].dtype);
        ensure!(x.shape, ==, xs[0].shape);
    }
    let axis = shape::axis(axis, xs[0].ndim() + 1)?;
    Ok((Meta::new(xs[0].shape.insert(axis, xs.len()), xs[0].dtype), axis))
}

#[derive(Debug)]
struct Stack {
    axis: isize,
}

impl Function for Stack {
    fn name(&self) -> &'static str {
        "stack"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![infer(xs, self.axis)?.0])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        Tensor::stack(&xs.iter().collect::<Vec<_>>(), self.axis).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let axis = shape::axis(self.axis, saved.meta(0).ndim() + 1).expect("checked in the forward pass");
        let part = |i: usize| {
            let mut index = vec![Slice::ALL; axis];
            index.push(Slice::Index(i as isize));
            gys[0].as_ref().filter(|_| saved.needs(i)).map(|gy| get_item(gy, &index))
        };
        (0..saved.arity()).map(part).collect()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("stack", |x| stack(&[&x[0], &x[1]], 1)).input([2, 3]).input([2, 3]),
        Case::new("stack/first", |x| stack(&[&x[0], &x[1], &x[0]], 0)).input([2, 3]).input([2, 3]),
        Case::new("stack/last", |x| stack(&[&x[0], &x[1]], -1)).input([2, 3]).input([2, 3]),
        Case::new("stack/scalars", |x| stack(&[&x[0], &x[1]], 0)).input(()).input(()),
    ]
}
