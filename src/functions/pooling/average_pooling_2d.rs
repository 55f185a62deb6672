use super::windows::{How, Linear, Pooling};
use crate::{
    autograd::{Case, Variable},
    tensor::expect,
};

/// The mean of each window's pixels, `(N, C, H, W)` to `(N, C, H', W')`.
///
/// Windows lie side by side unless a stride is stated; padding counts as zeros, or not at all
/// ([`Pooling::count_padding`]). One launch each way.
///
/// # Panics
/// When `x` is no float or has not 4 axes, or no window fits.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()).reshape([1, 1, 2, 2]));
/// assert_eq!(F::average_pooling_2d(&x, 2).item().unwrap(), 1.5);
/// ```
#[track_caller]
pub fn average_pooling_2d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("average_pooling_2d");
    average(x, &windows.into(), Some(2))
}

/// As [`average_pooling_2d`], for `(N, C, W)`.
///
/// # Panics
/// When `x` is no float or has not 3 axes, or no window fits.
#[track_caller]
pub fn average_pooling_1d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("average_pooling_1d");
    average(x, &windows.into(), Some(1))
}

/// As [`average_pooling_2d`], for `(N, C, D, H, W)`.
///
/// # Panics
/// When `x` is no float or has not 5 axes, or no window fits.
#[track_caller]
pub fn average_pooling_3d(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("average_pooling_3d");
    average(x, &windows.into(), Some(3))
}

/// As [`average_pooling_2d`], for images of one to three sides.
///
/// # Panics
/// When `x` is no float or has not 3 to 5 axes, or no window fits.
#[track_caller]
pub fn average_pooling_nd(x: &Variable, windows: impl Into<Pooling>) -> Variable {
    let _named = crate::shape::named("average_pooling_nd");
    average(x, &windows.into(), None)
}

#[track_caller]
fn average(x: &Variable, windows: &Pooling, sides: Option<usize>) -> Variable {
    let name = "average_pooling";
    let between = expect(name, windows.on(&x.data().meta(), sides, false), &[x.data()]);
    Linear { name, between, how: How::Sum(windows.weight()), back: false }.call(x)
}

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, windows: Pooling| {
        Case::new(format!("average_pooling_{name}"), move |x| average_pooling_nd(&x[0], windows.clone()))
    };
    vec![
        Case::new("average_pooling_2d", |x| average_pooling_2d(&x[0], 2)).input([2, 3, 6, 4]),
        case("2d/halves", Pooling::new(2)).input([2, 3, 4, 16]),
        case("2d/thirds", Pooling::new(3)).input([1, 2, 7, 12]),
        case("2d/overlapping", Pooling::new(3).stride(2)).input([2, 2, 6, 7]),
        case("2d/padded", Pooling::new(3).stride(2).pad(1)).input([1, 2, 7, 7]),
        case("2d/padding_not_counted", Pooling::new(3).stride(2).pad(1).count_padding(false)).input([1, 2, 5, 5]),
        case("2d/wide", Pooling::new([2, 5]).stride([1, 2]).pad([0, 2])).input([1, 2, 4, 9]),
        case("2d/whole", Pooling::new(5)).input([2, 3, 5, 5]),
        case("1d", Pooling::new(3).stride(2).pad(1)).input([2, 2, 7]),
        case("3d", Pooling::new([2, 1, 2]).stride([1, 2, 2]).pad([1, 0, 0]).count_padding(false))
            .input([1, 2, 3, 4, 5]),
        case("2d/empty", Pooling::new(2)).input([0, 3, 4, 4]),
    ]
}
