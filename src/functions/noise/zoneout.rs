use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply, config},
    functions::array::where_,
    kernel::philox::{Draw, Generator},
    random,
    shape::{DType, InvalidType, Meta, ensure, same_float},
    tensor::{HostArray, Tensor},
};
use ndarray::arr1;

/// `h` with probability `ratio`, else `x`, element by element; `x` outside of training.
///
/// `h` is a state as it was, `x` as it would be. The numbers come from the thread's [generator](crate::random) and are
/// drawn again in the backward pass. Floats of one dtype and shape.
///
/// # Panics
/// When dtypes or shapes differ, dtypes are no floats, or not `0 <= ratio <= 1`.
///
/// ```
/// # use catena::prelude::*;
/// let h = Variable::constant(Tensor::zeros([50], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([50], DType::F32, &Device::cpu()));
/// let kept = 50.0 - F::sum(&F::zoneout(&h, &x, 0.5)).item().unwrap();
/// assert!(kept > 0.0 && kept < 50.0);
/// ```
#[track_caller]
pub fn zoneout(h: &Variable, x: &Variable, ratio: f64) -> Variable {
    if !config().train {
        return x.clone();
    }
    apply(Zoneout::new(ratio, x.size()), &[h, x])
}

/// As [`zoneout`], and its mask for [`zoneout_with_mask`], of `bool`: where `x` passes; none outside of training.
///
/// # Panics
/// As [`zoneout`].
///
/// ```
/// # use catena::prelude::*;
/// let h = Variable::constant(Tensor::zeros([50], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([50], DType::F32, &Device::cpu()));
/// let (y, mask) = F::zoneout_mask(&h, &x, 0.5);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), mask.unwrap().cast(DType::F32).to_vec::<f32>().unwrap());
/// ```
#[track_caller]
pub fn zoneout_mask(h: &Variable, x: &Variable, ratio: f64) -> (Variable, Option<Tensor>) {
    if !config().train {
        return (x.clone(), None);
    }
    let zoneout = Zoneout::new(ratio, x.size());
    let mask = zoneout.mask(x.data());
    (apply(zoneout, &[h, x]), Some(mask))
}

/// `x` where `mask` holds, else `h`; `x` outside of training: `zoneout` with a mask that is known.
///
/// # Panics
/// When `mask` is not of `bool`, dtypes differ or shapes do not broadcast.
#[track_caller]
pub fn zoneout_with_mask(h: &Variable, x: &Variable, mask: &Tensor) -> Variable {
    let _named = crate::shape::named("zoneout");
    if config().train { where_(&Variable::constant(mask.clone()), x, h) } else { x.clone() }
}

/// A place in the stream of random numbers, from which a mask is drawn, and as often as it is needed.
#[derive(Debug)]
pub(in crate::functions) struct Zoneout {
    ratio: f64,
    draw: Draw,
}

impl Zoneout {
    /// Of so many values.
    pub fn new(ratio: f64, size: usize) -> Zoneout {
        Zoneout { ratio, draw: random::take(size as u64) }
    }

    /// Whether the ratio is one.
    pub fn check(&self) -> Result<(), InvalidType> {
        ensure!((0.0..=1.0).contains(&self.ratio), "0.0 <= ratio <= 1.0", "ratio = {}", self.ratio);
        Ok(())
    }

    /// Where `x` passes.
    pub fn mask(&self, x: &Tensor) -> Tensor {
        let u = Tensor::uniform_at(self.draw, 0.0, 1.0, x.shape().clone(), DType::F32, x.device());
        u.greater_equal(&u.full_like(self.ratio))
    }
}

impl Function for Zoneout {
    fn name(&self) -> &'static str {
        "zoneout"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (h, x) = (&xs[0], &xs[1]);
        ensure!(h.shape, ==, x.shape);
        self.check()?;
        Ok(vec![x.clone()])
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        self.mask(&xs[1]).where_(&xs[1], &xs[0]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None, None] };
        let mask = Variable::constant(self.mask(gy.data()));
        let zeros = Variable::constant(gy.data().full_like(0.0));
        vec![saved.needs(0).then(|| where_(&mask, &zeros, gy)), saved.needs(1).then(|| where_(&mask, gy, &zeros))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &[Variable]| {
        let before = random::set_generator(Generator::new(5));
        let y = zoneout(&x[0], &x[1], 0.4);
        random::set_generator(before);
        y
    };
    vec![
        Case::new("zoneout", move |x| seeded(x)).input([3, 7]).input([3, 7]),
        Case::new("zoneout/test", |x| {
            let _scope = crate::autograd::test_mode();
            zoneout(&x[0], &x[1], 0.4)
        })
        .input([3, 4])
        .input([3, 4]),
        Case::new("zoneout/mask", |x| {
            let before = random::set_generator(Generator::new(5));
            let (y, mask) = zoneout_mask(&x[0], &x[1], 0.4);
            random::set_generator(before);
            y - zoneout_with_mask(&x[0], &x[1], &mask.expect("in training")) * 0.5
        })
        .input([3, 7])
        .input([3, 7]),
        Case::new("zoneout/with_mask", |x| zoneout_with_mask(&x[0], &x[1], x[2].data()))
            .input([2, 3])
            .input([2, 3])
            .exact(HostArray::Bool(arr1(&[true, false, true]).into_dyn())),
    ]
}
