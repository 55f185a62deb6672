use super::{flatten, get_item_fancy};
use crate::{
    autograd::{Case, Variable},
    shape::{Shape, View, ensure},
    tensor::{Tensor, expect},
};

/// Elements of the flattened `x` at regular distances, `y[i, j, ..] = x[offset + i * strides[0] + j * strides[1] + ..]`.
///
/// Strides count elements. An element that is shown several times gets the sum of its gradients. The result is a copy.
///
/// # Panics
/// When there is not one stride for each axis, or an element is outside of `x`.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(4, &Device::cpu()));
/// let windows = F::as_strided(&x, [3, 2], &[1, 1], 0);
/// assert_eq!(windows.data().to_vec::<f32>().unwrap(), [0.0, 1.0, 1.0, 2.0, 2.0, 3.0]);
/// ```
#[track_caller]
pub fn as_strided(x: &Variable, shape: impl Into<Shape>, strides: &[isize], offset: usize) -> Variable {
    let shape = shape.into();
    let fits = || {
        ensure!(strides.len() == shape.len(), format!("{} strides", shape.len()), "{}", strides.len());
        let far = |sign: isize| {
            let steps = shape.iter().zip(strides).map(|(&n, &s)| (n.max(1) as isize - 1) * s);
            offset as isize + steps.filter(|s| s.signum() == sign).sum::<isize>()
        };
        let inside = shape.size() == 0 || (far(-1) >= 0 && far(1) < x.size() as isize);
        ensure!(inside, format!("elements within 0..{}", x.size()), "{}..={}", far(-1), far(1));
        Ok(())
    };
    expect("as_strided", fits(), &[x.data()]);
    let mut positions = Vec::with_capacity(shape.size());
    View { shape: shape.clone(), strides: strides.into(), offset }.for_each(|at| positions.push(at as i32));
    let positions = Tensor::from_slice(&positions, shape, x.device());
    get_item_fancy(&flatten(x), &Variable::constant(positions), 0)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("as_strided", |x| as_strided(&x[0], [2, 2], &[1, 3], 1)).input([2, 4]),
        Case::new("as_strided/windows", |x| as_strided(&x[0], [4, 3], &[1, 1], 0)).input([6]),
        Case::new("as_strided/backwards", |x| as_strided(&x[0], [6], &[-1], 5)).input([2, 3]),
        Case::new("as_strided/repeated", |x| as_strided(&x[0], [3, 2], &[0, 1], 1)).input([4]),
    ]
}
