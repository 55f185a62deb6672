use super::windows::{Between, How, Linear, Pooling};
use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply_all, config},
    shape::{DType, InvalidType, Meta},
    tensor::{Tensor, expect},
};
use ndarray::arr1;

/// The largest pixel of each window, `(N, C, H, W)` to `(N, C, H', W')`.
///
/// Windows lie side by side unless a stride is stated, and cover every pixel as Chainer's do (`cover_all`). The gradient
/// goes to the largest pixel, of equals to the first; a NaN is larger than any number. One launch each way.
///
/// # Panics
/// When `x` is no float or has not 4 axes, or no window fits.
///
/// ```
/// # use catena::{functions::Pooling, prelude::*};
/// let x = Variable::constant(Tensor::arange(16, &Device::cpu()).reshape([1, 1, 4, 4]));
/// assert_eq!(F::max_pooling_2d(&x, 2).data().to_vec::<f32>().unwrap(), [5.0, 7.0, 13.0, 15.0]);
/// assert_eq!(F::max_pooling_2d(&x, Pooling::new(3).stride(2)).shape()[..], [1, 1, 2, 2]);
/// ```
#[track_caller]
pub fn max_pooling_2d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("max_pooling_2d");
    max(x, &windows.into(), Some(2), false).swap_remove(0)
}

/// As [`max_pooling_2d`], with the place of the largest pixel in its window, `int32`: for
/// [`upsampling_2d`](super::upsampling_2d).
///
/// # Panics
/// As [`max_pooling_2d`].
#[track_caller]
pub fn max_pooling_2d_indices(x: &Variable, windows: impl Into<Pooling>) -> (Variable, Variable) {
    let _named = crate::shape::named("max_pooling_2d");
    pair(max(x, &windows.into(), Some(2), true))
}

/// As [`max_pooling_2d`], for `(N, C, W)`.
///
/// # Panics
/// When `x` is no float or has not 3 axes, or no window fits.
#[track_caller]
pub fn max_pooling_1d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("max_pooling_1d");
    max(x, &windows.into(), Some(1), false).swap_remove(0)
}

/// As [`max_pooling_2d`], for `(N, C, D, H, W)`.
///
/// # Panics
/// When `x` is no float or has not 5 axes, or no window fits.
#[track_caller]
pub fn max_pooling_3d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("max_pooling_3d");
    max(x, &windows.into(), Some(3), false).swap_remove(0)
}

/// As [`max_pooling_2d`], for images of one to three sides.
///
/// # Panics
/// When `x` is no float or has not 3 to 5 axes, or no window fits.
#[track_caller]
pub fn max_pooling_nd(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("max_pooling_nd");
    max(x, &windows.into(), None, false).swap_remove(0)
}

/// As [`max_pooling_nd`], with the place of the largest pixel in its window, `int32`.
///
/// # Panics
/// As [`max_pooling_nd`].
#[track_caller]
pub fn max_pooling_nd_indices(x: &Variable, windows: impl Into<Pooling>) -> (Variable, Variable) {
    let _named = crate::shape::named("max_pooling_nd");
    pair(max(x, &windows.into(), None, true))
}

fn pair(mut ys: Vec<Variable>) -> (Variable, Variable) {
    let indices = ys.pop().expect("two results");
    (ys.pop().expect("two results"), indices)
}

#[track_caller]
fn max(x: &Variable, windows: &Pooling, sides: Option<usize>, indices: bool) -> Vec<Variable> {
    let between = expect(NAME, windows.on(&x.data().meta(), sides, true), &[x.data()]);
    // Where nobody asks for a gradient, what follows is applied in the same kernel.
    let graph = config().enable_backprop && x.requires_grad();
    apply_all(Max { between, keep: indices || graph, indices }, &[x])
}

const NAME: &str = "max_pooling";

#[derive(Debug)]
struct Max {
    between: Between,
    /// Whether indices are needed, and whether they are a result.
    keep: bool,
    indices: bool,
}

impl Function for Max {
    fn name(&self) -> &'static str {
        NAME
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let of = |dtype| Meta::new(self.between.pooled.clone(), dtype);
        Ok(std::iter::once(of(xs[0].dtype)).chain(self.indices.then(|| of(DType::I32))).collect())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let Between { windows, pooled, .. } = &self.between;
        if !self.keep {
            return windows.max(&xs[0], pooled).into();
        }
        let (y, at) = windows.max_with_indices(&xs[0], pooled);
        let ys: Vec<Tensor> = std::iter::once(y).chain(self.indices.then(|| at.clone())).collect();
        Forward::with_extras(ys, vec![at])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let how = How::Take(saved.extra(0).clone());
        let put = Linear { name: "max_pooling_grad", between: self.between.clone(), how, back: true };
        vec![gys[0].as_ref().map(|gy| put.call(gy))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, windows: Pooling| {
        Case::new(format!("max_pooling_{name}"), move |x| max_pooling_nd(&x[0], windows.clone()))
    };
    let ties = arr1(&[1.0f64, 1.0, -2.0, f64::NAN, 3.0, 3.0, f64::NEG_INFINITY, -1.0]).into_dyn();
    let ties = ties.into_shape_with_order(ndarray::IxDyn(&[1, 1, 2, 4])).expect("eight numbers");
    vec![
        Case::new("max_pooling_2d", |x| max_pooling_2d(&x[0], 2)).input([2, 3, 6, 4]),
        case("2d/halves", Pooling::new(2)).input([2, 3, 4, 16]),
        case("3d/halves", Pooling::new([1, 2, 2])).input([2, 1, 3, 4, 8]),
        case("2d/thirds", Pooling::new(3)).input([1, 2, 7, 12]),
        case("2d/thirds_padded", Pooling::new([2, 3]).stride([3, 4]).pad([1, 2])).input([1, 2, 7, 12]),
        case("2d/covering", Pooling::new(3).stride(2)).input([2, 2, 6, 7]),
        case("2d/not_covering", Pooling::new(3).stride(2).cover_all(false)).input([2, 2, 6, 7]),
        case("2d/padded", Pooling::new(3).stride(2).pad(1)).input([1, 2, 7, 7]),
        case("2d/overlapping", Pooling::new(3).stride(1)).input([1, 2, 5, 5]),
        case("2d/sides", Pooling::new([2, 3]).stride([1, 2]).pad([0, 1])).input([1, 2, 6, 7]),
        case("2d/wide", Pooling::new([2, 5]).stride([1, 2]).pad([0, 2])).input([1, 2, 4, 9]),
        case("2d/gaps", Pooling::new(2).stride(3)).input([1, 2, 8, 7]),
        case("2d/whole", Pooling::new([5, 6])).input([2, 3, 5, 6]),
        case("1d", Pooling::new(3).stride(2).pad(1)).input([2, 2, 8]),
        case("3d", Pooling::new(2)).input([1, 2, 4, 5, 3]),
        case("2d/ties", Pooling::new(2)).exact(ties.clone()).order(0),
        case("2d/ties_in_halves", Pooling::new(2)).exact(ndarray::concatenate![ndarray::Axis(3), ties, ties]).order(0),
        case("2d/empty", Pooling::new(2)).input([0, 3, 4, 4]).order(1),
        Case::new("max_pooling_2d/then_relu", |x| crate::functions::relu(&max_pooling_2d(&x[0], 2)))
            .input([2, 2, 4, 4])
            .avoiding(0.0),
        Case::new("max_pooling_2d/halves_then_relu", |x| crate::functions::relu(&max_pooling_2d(&(&x[0] * 2.0), 2)))
            .input([2, 2, 4, 8])
            .avoiding(0.0),
        Case::new("max_pooling_2d/of_expression", |x| max_pooling_2d(&(&x[0] * &x[1]), Pooling::new(2).stride(1)))
            .input([2, 2, 4, 3])
            .input_in([2, 1, 1], 0.5, 1.0),
        Case::many("max_pooling_2d/indices", |x| {
            let (y, at) = max_pooling_2d_indices(&x[0], Pooling::new(3).stride(2).pad(1));
            vec![y, at]
        })
        .input([1, 2, 5, 6]),
    ]
}
