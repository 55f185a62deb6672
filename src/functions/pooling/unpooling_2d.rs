use super::windows::{How, Linear, Pooling};
use crate::{
    autograd::{Case, Variable},
    kernel::pooling::Weight,
    tensor::expect,
};

/// Every pixel repeated over a window, `(N, C, H, W)` to a larger image; where windows overlap they add up.
///
/// Windows lie side by side unless a stride is stated. The image is the smallest that has such windows, as with
/// `cover_all`, or of [`Pooling::outsize`]. One launch each way.
///
/// # Panics
/// When `x` is no float or has not 4 axes, or an image of the size asked for has other windows.
///
/// ```
/// # use catena::{functions::Pooling, prelude::*};
/// let x = Variable::constant(Tensor::arange(2, &Device::cpu()).reshape([1, 1, 1, 2]));
/// let y = F::unpooling_2d(&x, Pooling::new([1, 2]).cover_all(false));
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0]);
/// ```
#[track_caller]
pub fn unpooling_2d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("unpooling_2d");
    repeat(x, &windows.into(), Some(2))
}

/// As [`unpooling_2d`], for `(N, C, W)`.
///
/// # Panics
/// As [`unpooling_2d`], with 3 axes.
#[track_caller]
pub fn unpooling_1d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("unpooling_1d");
    repeat(x, &windows.into(), Some(1))
}

/// As [`unpooling_2d`], for `(N, C, D, H, W)`.
///
/// # Panics
/// As [`unpooling_2d`], with 5 axes.
#[track_caller]
pub fn unpooling_3d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("unpooling_3d");
    repeat(x, &windows.into(), Some(3))
}

/// As [`unpooling_2d`], for images of one to three sides.
///
/// # Panics
/// As [`unpooling_2d`], with 3 to 5 axes.
#[track_caller]
pub fn unpooling_nd(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("unpooling_nd");
    repeat(x, &windows.into(), None)
}

#[track_caller]
fn repeat(x: &Variable, windows: &Pooling, sides: Option<usize>) -> Variable {
    let name = "unpooling";
    let between = expect(name, windows.under(&x.data().meta(), sides), &[x.data()]);
    Linear { name, between, how: How::Sum(Weight::One), back: true }.call(x)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, windows: Pooling| {
        Case::new(format!("unpooling_{name}"), move |x| unpooling_nd(&x[0], windows.clone()))
    };
    vec![
        Case::new("unpooling_2d", |x| unpooling_2d(&x[0], Pooling::new(2).outsize([6, 5]))).input([1, 2, 3, 3]),
        case("2d/overlapping", Pooling::new(3).stride(2).pad(1).cover_all(false)).input([1, 2, 3, 3]),
        case("2d/gaps", Pooling::new(2).stride(3)).input([2, 1, 2, 3]),
        case("1d", Pooling::new(2).cover_all(false)).input([2, 2, 4]),
        case("3d", Pooling::new(2)).input([1, 1, 2, 3, 2]),
        case("2d/empty", Pooling::new(2)).input([0, 2, 2, 2]),
    ]
}
