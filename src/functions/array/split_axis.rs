use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply_all},
    functions::array::concat,
    shape::{self, InvalidType, Meta, Sections},
    tensor::Tensor,
};

/// Parts of `x` along an axis, as many equal ones as said or cut before the positions given; copies nothing.
///
/// # Panics
/// When the axis does not divide into that many parts, or positions are not ascending within it.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([2, 6], DType::F32, &Device::cpu()));
/// assert_eq!(F::split_axis(&x, 3, 1)[0].shape()[..], [2, 2]);
/// assert_eq!(F::split_axis(&x, [1, 3], 1)[2].shape()[..], [2, 3]);
/// ```
#[track_caller]
pub fn split_axis(x: &Variable, sections: impl Into<Sections>, axis: isize) -> Vec<Variable> {
    apply_all(SplitAxis { sections: sections.into(), axis }, &[x])
}

impl Tensor {
    /// Parts along an axis: see [`split_axis`].
    ///
    /// # Panics
    /// As [`split_axis`].
    #[track_caller]
    pub fn split(&self, sections: impl Into<Sections>, axis: isize) -> Vec<Tensor> {
        let split = shape::split(self.shape(), &sections.into(), axis);
        let (axis, parts) = crate::tensor::expect("split", split, &[self]);
        parts.iter().map(|&(start, end)| self.narrow(axis, start, end - start)).collect()
    }
}

#[derive(Debug)]
struct SplitAxis {
    sections: Sections,
    axis: isize,
}

impl Function for SplitAxis {
    fn name(&self) -> &'static str {
        "split_axis"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (axis, parts) = shape::split(&xs[0].shape, &self.sections, self.axis)?;
        Ok(parts.iter().map(|(start, end)| Meta::new(xs[0].shape.with(axis, end - start), xs[0].dtype)).collect())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].split(self.sections.clone(), self.axis).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let x = saved.meta(0);
        let (axis, parts) = shape::split(&x.shape, &self.sections, self.axis).expect("checked in the forward pass");
        let Some(device) = gys.iter().flatten().map(|gy| gy.device().clone()).next() else { return vec![None] };
        let gys: Vec<Variable> = gys
            .iter()
            .zip(parts)
            .map(|(gy, (start, end))| {
                let zeros = || Variable::constant(Tensor::zeros(x.shape.with(axis, end - start), x.dtype, &device));
                gy.clone().unwrap_or_else(zeros)
            })
            .collect();
        vec![Some(concat(&gys.iter().collect::<Vec<_>>(), axis as isize))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("split_axis", |x| split_axis(&x[0], 2, 1)).input([2, 4]),
        Case::many("split_axis/positions", |x| split_axis(&x[0], [1, 3], -1)).input([2, 4]),
        Case::many("split_axis/empty_part", |x| split_axis(&x[0], [2, 2], 0)).input([3, 2]),
        Case::new("split_axis/one_used", |x| split_axis(&x[0], 3, 0).swap_remove(1)).input([6, 2]),
        Case::new("split_axis/two_used", |x| {
            let parts = split_axis(&x[0], 3, 0);
            &parts[0] * &parts[2]
        })
        .input([6, 2]),
    ]
}
