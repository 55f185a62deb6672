use super::pad_sequence::sequences;
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply_all},
    shape::{InvalidType, Meta, Shape, View, ensure},
    tensor::Tensor,
};

/// Sequences to time steps, `y_t[i] = x_i[t]` for the sequences that are longer than `t`; and back.
///
/// Sequences come longest first.
///
/// # Panics
/// When there is no sequence, they are not sorted, or other lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let of = |v: &[f32]| Variable::constant(Tensor::from_slice(v, [v.len()], &Device::cpu()));
/// let ys = F::transpose_sequence(&[&of(&[1.0, 2.0]), &of(&[3.0])]);
/// assert_eq!(ys[0].data().to_vec::<f32>().unwrap(), [1.0, 3.0]);
/// assert_eq!(ys[1].data().to_vec::<f32>().unwrap(), [2.0]);
/// ```
#[track_caller]
pub fn transpose_sequence(xs: &[&Variable]) -> Vec<Variable> {
    apply_all(TransposeSequence, xs)
}

#[derive(Debug)]
struct TransposeSequence;

impl Function for TransposeSequence {
    fn name(&self) -> &'static str {
        "transpose_sequence"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (rest, longest) = sequences(xs)?;
        let lengths: Vec<usize> = xs.iter().map(|x| x.shape[0]).collect();
        ensure!(lengths.is_sorted_by(|a, b| a >= b), "sequences sorted by length, the longest first", "{lengths:?}");
        let step = |t: usize| Meta::new(rest.insert(0, lengths.iter().filter(|&&n| n > t).count()), xs[0].dtype);
        Ok((0..longest).map(step).collect())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let lengths: Vec<usize> = xs.iter().map(|x| x.shape()[0]).collect();
        let shape: Shape = [lengths[0], xs.len()].iter().chain(&xs[0].shape()[1..]).copied().collect();
        let column = |i: usize| View::contiguous(shape.clone()).slice(&[(0..lengths[i]).into(), i.into()]);
        let parts: Vec<(&Tensor, View)> = xs.iter().enumerate().map(|(i, x)| (x, column(i))).collect();
        let steps = Tensor::collage(&shape, 0.0, &parts);
        let step = |t: usize| steps.slice(&[t.into(), (0..lengths.iter().filter(|&&n| n > t).count()).into()]);
        (0..lengths[0]).map(step).collect::<Vec<_>>().into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(device) = gys.iter().flatten().map(|gy| gy.device().clone()).next() else {
            return vec![None; saved.arity()];
        };
        let metas: Vec<Meta> = (0..saved.arity()).map(|i| saved.meta(i).clone()).collect();
        let steps = self.infer(&metas).expect("checked in the forward pass");
        let whole = |(gy, of): (&Option<Variable>, &Meta)| {
            gy.clone().unwrap_or_else(|| Variable::constant(Tensor::zeros(&of.shape, of.dtype, &device)))
        };
        let gys: Vec<Variable> = gys.iter().zip(&steps).map(whole).collect();
        let mut gxs: Vec<Option<Variable>> =
            transpose_sequence(&gys.iter().collect::<Vec<_>>()).into_iter().map(Some).collect();
        // Sequences of no steps are not among the columns.
        gxs.resize(saved.arity(), None);
        gxs
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("transpose_sequence", |x| transpose_sequence(&[&x[0], &x[1], &x[2]]))
            .input([3, 2])
            .input([2, 2])
            .input([1, 2]),
        Case::many("transpose_sequence/vectors", |x| transpose_sequence(&[&x[0], &x[1]])).input([3]).input([3]),
        Case::new("transpose_sequence/one_used", |x| transpose_sequence(&[&x[0], &x[1]]).swap_remove(1))
            .input([3, 2])
            .input([2, 2]),
        Case::many("transpose_sequence/nothing_left", |x| transpose_sequence(&[&x[0], &x[1]]))
            .input([2, 2])
            .exact(ndarray::ArrayD::<f64>::zeros(vec![0, 2]))
            .order(1),
    ]
}
