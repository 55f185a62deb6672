use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{connection::expect_ids, math::where_equal},
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::Tensor,
};

/// One element of each row, `y[i] = x[i, t[i]]`.
///
/// `x` is `(N, C)`, `t` holds `int32` numbers of columns and is `(N,)`.
///
/// # Panics
/// When shapes or dtypes do not fit, or a number that came from the host is out of range. One that was computed on a
/// device is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(6, &Device::cpu()).reshape([2, 3]));
/// let t = Variable::constant(Tensor::from_slice(&[2, 0], [2], &Device::cpu()));
/// assert_eq!(F::select_item(&x, &t).data().to_vec::<f32>().unwrap(), [2.0, 3.0]);
/// ```
#[track_caller]
pub fn select_item(x: &Variable, t: &Variable) -> Variable {
    if let [_, columns] = x.shape()[..] {
        expect_ids("select_item", t.data(), columns, None);
    }
    apply(SelectItem, &[x, t])
}

#[derive(Debug)]
struct SelectItem;

impl Function for SelectItem {
    fn name(&self) -> &'static str {
        "select_item"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (x, t) = (&xs[0], &xs[1]);
        ensure!(t.dtype, ==, DType::I32);
        ensure!(x.ndim(), ==, 2);
        ensure!(t.ndim(), ==, 1);
        ensure!(x.shape[0], ==, t.shape[0]);
        Ok(vec![Meta::new(t.shape.clone(), x.dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].pick("select_item", &xs[1]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let adjoint = PutItem { columns: saved.meta(0).shape[1] };
        vec![gys[0].as_ref().map(|gy| apply(adjoint, &[gy, saved.input(1)])), None]
    }
}

/// `y[i, t[i]] = x[i]`, zero elsewhere: the adjoint of [`SelectItem`].
#[derive(Debug)]
struct PutItem {
    columns: usize,
}

impl Function for PutItem {
    fn name(&self) -> &'static str {
        "put_item"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![Meta::new(Shape::from([xs[0].shape[0], self.columns]), xs[0].dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (n, columns) = (xs[0].size(), self.columns);
        let column = |t: &Tensor| t.with_shape(&Shape::from([n, 1]));
        let positions = Tensor::count(columns, xs[0].device());
        where_equal(&positions, &column(&xs[1]), &column(&xs[0]), [n, columns]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| apply(SelectItem, &[gy, saved.input(1)])), None]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("select_item", |x| select_item(&x[1], &x[0])).integers([4], 0, 3).input([4, 3]),
        Case::new("select_item/one_column", |x| select_item(&x[1], &x[0])).integers([4], 0, 1).input([4, 1]),
        Case::new("select_item/empty", |x| select_item(&x[1], &x[0])).integers([0], 0, 1).input([0, 3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    fn on(device: &Device, t: Tensor) -> Variable {
        let x = Variable::new(Tensor::ones([2, 3], DType::F32, device));
        select_item(&x, &Variable::constant(t.to_device(device)))
    }

    #[test]
    #[should_panic(expected = "Actual: id -1 at position 1 of shape (2,)")]
    fn a_number_from_the_host_is_checked_at_the_call() {
        on(&Device::cpu(), Tensor::from_slice(&[0, -1], [2], &Device::cpu()));
    }

    #[test]
    fn a_number_computed_on_the_device_fails_the_result() {
        let t = Tensor::from_slice(&[0.0f32, 3.0], [2], &Device::cpu()).cast(DType::I32);
        let error = on(&Device::cpu(), t).data().to_f64().unwrap_err();
        assert_eq!(error.to_string(), "select_item: index 3 at position 1 is outside 0..3");
    }
}
