use super::{broadcast_to, flatten, get_item_fancy, with_shape};
use crate::{
    autograd::{Case, Variable},
    shape::{self, ensure},
    tensor::{Tensor, expect},
};

/// Every position of an axis `repeats[i]` times in a row; one number is for all. Without an axis, `x` is flattened.
///
/// # Panics
/// When the axis is out of range, or there is neither one number nor one for each position.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::arange(3, &Device::cpu()));
/// assert_eq!(F::repeat(&x, &[2], Some(0)).data().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
/// assert_eq!(F::repeat(&x, &[0, 2, 1], None).data().to_vec::<f32>().unwrap(), [1.0, 1.0, 2.0]);
/// ```
#[track_caller]
pub fn repeat(x: &Variable, repeats: &[usize], axis: Option<isize>) -> Variable {
    let Some(axis) = axis else { return repeat(&flatten(x), repeats, Some(0)) };
    let place = || {
        let axis = shape::axis(axis, x.ndim())?;
        let n = x.shape()[axis];
        ensure!(repeats.len() == 1 || repeats.len() == n, format!("1 or {n} repeats"), "{}", repeats.len());
        Ok(axis)
    };
    let axis = expect("repeat", place(), &[x.data()]);
    let n = x.shape()[axis];
    if let [times] = *repeats {
        let each = x.shape().insert(axis + 1, 1);
        let repeated = broadcast_to(&with_shape(x, &each), each.with(axis + 1, times));
        return with_shape(&repeated, x.shape().with(axis, n * times));
    }
    let numbers: Vec<i32> = repeats.iter().enumerate().flat_map(|(i, &r)| std::iter::repeat_n(i as i32, r)).collect();
    let numbers = Tensor::from_slice(&numbers, [numbers.len()], x.device());
    get_item_fancy(x, &Variable::constant(numbers), axis as isize)
}

impl Tensor {
    /// Positions of an axis repeated: see [`repeat`].
    ///
    /// # Panics
    /// As [`repeat`].
    #[track_caller]
    pub fn repeat(&self, repeats: &[usize], axis: Option<isize>) -> Tensor {
        repeat(&Variable::constant(self.clone()), repeats, axis).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("repeat", |x| repeat(&x[0], &[2], Some(1))).input([2, 3]),
        Case::new("repeat/each", |x| repeat(&x[0], &[1, 0, 3], Some(-1))).input([2, 3]),
        Case::new("repeat/flat", |x| repeat(&x[0], &[2], None)).input([2, 3]),
        Case::new("repeat/never", |x| repeat(&x[0], &[0], Some(0))).input([2, 3]),
        Case::new("repeat/none_of_each", |x| repeat(&x[0], &[0, 0], Some(0))).input([2, 3]),
    ]
}
