use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    kernel::create::known_range,
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::Tensor,
};
use ndarray::arr1;

/// Rows of a matrix by number, `y[i.., :] = w[x[i..], :]`: word embedding.
///
/// `x` holds `int32` ids of any shape, `w` is `(vocabulary, dim)`; the result is `(x's shape.., dim)`. Rows of the id
/// `ignore_label` are zero and get no gradient. A row that is named several times gets the sum of its gradients.
///
/// # Panics
/// When dtypes or ranks do not fit, or an id that came from the host is out of range. One that was computed on a device
/// is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let w = Variable::new(Tensor::arange(6, &Device::cpu()).reshape([3, 2]));
/// let x = Variable::constant(Tensor::from_slice(&[2, 0], [2], &Device::cpu()));
/// assert_eq!(F::embed_id(&x, &w, None).data().to_vec::<f32>().unwrap(), [4.0, 5.0, 0.0, 1.0]);
/// ```
#[track_caller]
pub fn embed_id(x: &Variable, w: &Variable, ignore_label: Option<i32>) -> Variable {
    if let Some(&rows) = w.shape().first() {
        expect_ids("embed_id", x.data(), rows, ignore_label);
    }
    take_rows("embed_id", x, w, ignore_label)
}

/// Panics when an id that came from the host names none of `rows` rows.
#[track_caller]
pub(crate) fn expect_ids(operator: &str, ids: &Tensor, rows: usize, ignore: Option<i32>) {
    let bad = |id: i64| !(0..rows as i64).contains(&id) && ignore.map(i64::from) != Some(id);
    let Some((low, high)) = known_range(ids) else { return };
    // Of a view, the smallest and largest id of its storage may be outside: only the values themselves tell.
    if !bad(low) && !bad(high) {
        return;
    }
    let Some(values) = ids.peek() else { return };
    if let Some((position, &id)) = values.iter().enumerate().find(|(_, id)| bad(**id as i64)) {
        panic!(
            "Invalid operation is performed in: {operator} (Forward)\n\nExpect: 0 <= id < {rows}\n\
             Actual: id {id} at position {position} of shape {}",
            ids.shape()
        );
    }
}

/// `y[i.., :] = w[ids[i..], :]`, as the public function `operator` does it.
#[track_caller]
pub(crate) fn take_rows(operator: &'static str, ids: &Variable, w: &Variable, ignore: Option<i32>) -> Variable {
    apply(TakeRows { operator, ignore }, &[ids, w])
}

#[derive(Debug)]
struct TakeRows {
    operator: &'static str,
    ignore: Option<i32>,
}

impl Function for TakeRows {
    fn name(&self) -> &'static str {
        self.operator
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (x, w) = (&xs[0], &xs[1]);
        ensure!(x.dtype, ==, DType::I32);
        ensure!(w.ndim(), ==, 2);
        let mut shape = x.shape.clone();
        shape.push(w.shape[1]);
        Ok(vec![Meta::new(shape, w.dtype)])
    }

    fn retain(&self) -> crate::autograd::Retain {
        crate::autograd::Retain::NOTHING.input(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[1].take_rows(self.operator, &xs[0], self.ignore).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let (ids, rows) = (saved.input(0), saved.meta(1).shape[0]);
        vec![None, gys[0].as_ref().map(|gy| add_rows(self.operator, ids, gy, rows, self.ignore))]
    }
}

/// `y[ids[i..], :] += x[i.., :]` from zeros.
#[track_caller]
pub(crate) fn add_rows(
    operator: &'static str,
    ids: &Variable,
    x: &Variable,
    rows: usize,
    ignore: Option<i32>,
) -> Variable {
    apply(AddRows { operator, rows, ignore }, &[ids, x])
}

/// The adjoint of [`TakeRows`].
#[derive(Debug)]
struct AddRows {
    operator: &'static str,
    rows: usize,
    ignore: Option<i32>,
}

impl Function for AddRows {
    fn name(&self) -> &'static str {
        self.operator
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (ids, x) = (&xs[0], &xs[1]);
        ensure!(ids.dtype, ==, DType::I32);
        ensure!(x.ndim(), ==, ids.ndim() + 1);
        Ok(vec![Meta::new(Shape::from([self.rows, x.shape[x.ndim() - 1]]), x.dtype)])
    }

    fn retain(&self) -> crate::autograd::Retain {
        crate::autograd::Retain::NOTHING.input(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[1].add_rows(self.operator, &xs[0], self.rows, self.ignore).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![None, gys[0].as_ref().map(|gy| take_rows(self.operator, saved.input(0), gy, self.ignore))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("embed_id", |x| embed_id(&x[0], &x[1], None)).integers([3, 2], 0, 5).input([5, 4]),
        Case::new("embed_id/repeated", |x| embed_id(&x[0], &x[1], None))
            .exact(arr1(&[1, 0, 1, 1]).into_dyn())
            .input([5, 4]),
        Case::new("embed_id/more_ids_than_rows", |x| embed_id(&x[0], &x[1], None)).integers([40], 0, 3).input([3, 2]),
        Case::new("embed_id/ignored", |x| embed_id(&x[0], &x[1], Some(-1)))
            .exact(arr1(&[1, -1, 4, -1]).into_dyn())
            .input([5, 4]),
        Case::new("embed_id/ignored_row", |x| embed_id(&x[0], &x[1], Some(1)))
            .exact(arr1(&[1, 0, 4, 1]).into_dyn())
            .input([5, 4]),
        Case::new("embed_id/scalar", |x| embed_id(&x[0], &x[1], None)).integers((), 0, 5).input([5, 4]),
        Case::new("embed_id/no_ids", |x| embed_id(&x[0], &x[1], None)).integers([0, 2], 0, 5).input([5, 4]),
        Case::new("embed_id/no_width", |x| embed_id(&x[0], &x[1], None)).integers([3], 0, 5).input([5, 0]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    fn call(ids: &[i32], take: usize, ignore: Option<i32>) -> Variable {
        let ids = Tensor::from_slice(ids, [ids.len()], &Device::cpu()).slice(&[(0..take).into()]);
        let w = Variable::new(Tensor::ones([3, 2], DType::F32, &Device::cpu()));
        embed_id(&Variable::constant(ids), &w, ignore)
    }

    #[test]
    #[should_panic(expected = "Actual: id 3 at position 1 of shape (2,)")]
    fn an_id_from_the_host_is_checked_at_the_call() {
        call(&[0, 3], 2, Some(-1));
    }

    #[test]
    fn ids_outside_of_a_view_do_not_count() {
        assert_eq!(call(&[0, 2, 7], 2, None).shape()[..], [2, 2]);
    }

    #[test]
    fn an_id_computed_on_the_device_fails_the_result() {
        let ids = Variable::constant(Tensor::from_slice(&[0.0f32, 9.0], [2], &Device::cpu()).cast(DType::I32));
        let w = Variable::new(Tensor::ones([3, 2], DType::F32, &Device::cpu()));
        let error = embed_id(&ids, &w, None).data().to_f64().unwrap_err();
        assert_eq!(error.to_string(), "embed_id: index 9 at position 1 is outside 0..3");
    }
}
