use super::get_item;
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply},
    shape::{InvalidType, Meta, Shape, Slice, View, ensure},
    tensor::Tensor,
};

/// Sequences of different lengths in one array, `(len_i, rest..)` to `(B, length, rest..)`, the missing ends `padding`.
///
/// `length` is that of the longest if it is not given.
///
/// # Panics
/// When there is no sequence, `length` is too short, or other lengths, dtypes or devices differ.
///
/// ```
/// # use catena::prelude::*;
/// let of = |v: &[f32]| Variable::constant(Tensor::from_slice(v, [v.len()], &Device::cpu()));
/// let y = F::pad_sequence(&[&of(&[1.0]), &of(&[2.0, 3.0])], None, -1.0);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [1.0, -1.0, 2.0, 3.0]);
/// ```
#[track_caller]
pub fn pad_sequence(xs: &[&Variable], length: Option<usize>, padding: f64) -> Variable {
    apply(PadSequence { length, padding }, xs)
}

#[derive(Debug)]
struct PadSequence {
    length: Option<usize>,
    padding: f64,
}

/// Checks that arrays differ in the first length alone; returns the others and the longest.
pub(super) fn sequences(xs: &[Meta]) -> Result<(Shape, usize), InvalidType> {
    ensure!(xs.len(), >, 0);
    for x in xs {
        ensure!(x.ndim(), >, 0);
        ensure!(x.dtype, ==, xs[0].dtype);
        let alike = x.shape[1..] == xs[0].shape[1..];
        ensure!(alike, "equal shapes but for axis 0", "{} and {}", xs[0].shape, x.shape);
    }
    let longest = xs.iter().map(|x| x.shape[0]).max().unwrap_or(0);
    Ok((Shape::from(&xs[0].shape[1..]), longest))
}

impl Function for PadSequence {
    fn name(&self) -> &'static str {
        "pad_sequence"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (rest, longest) = sequences(xs)?;
        let length = self.length.unwrap_or(longest);
        ensure!(length >= longest, format!("length >= {longest}"), "{length}");
        Ok(vec![Meta::new(rest.insert(0, length).insert(0, xs.len()), xs[0].dtype)])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let metas: Vec<Meta> = xs.iter().map(|x| x.meta()).collect();
        let shape = self.infer(&metas).expect("checked before").swap_remove(0).shape;
        let place = |(i, x): (usize, &Tensor)| View::contiguous(shape.clone()).slice(&place(i, x.shape()[0]));
        let parts: Vec<(&Tensor, View)> = xs.iter().enumerate().map(|at| (at.1, place(at))).collect();
        Tensor::collage(&shape, self.padding, &parts).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let part = |i: usize| {
            let gy = gys[0].as_ref().filter(|_| saved.needs(i))?;
            Some(get_item(gy, &place(i, saved.meta(i).shape[0])))
        };
        (0..saved.arity()).map(part).collect()
    }
}

/// Where sequence `i` of a length stands.
fn place(i: usize, length: usize) -> [Slice; 2] {
    [i.into(), (0..length).into()]
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("pad_sequence", |x| pad_sequence(&[&x[0], &x[1], &x[2]], None, -1.0))
            .input([2, 2])
            .input([4, 2])
            .input([1, 2]),
        Case::new("pad_sequence/longer", |x| pad_sequence(&[&x[0], &x[1]], Some(5), 0.5)).input([2]).input([3]),
        Case::new("pad_sequence/empty", |x| pad_sequence(&[&x[0], &x[1]], None, 0.0)).input([0, 2]).input([3, 2]),
    ]
}
