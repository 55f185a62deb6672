use super::prelu::{Prelu, PreluPass};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply, config},
    functions::{activation::leaky_relu_with, family::map},
    kernel::philox::{Draw, Generator},
    random,
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::Tensor,
};
use ndarray::arr1;

/// Randomised leaky rectified linear unit with slopes from 1/8 to 1/3: see [`rrelu_with`].
///
/// # Panics
/// When `x` is no float.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::from_slice(&[-1.0f32, 2.0], [2], &Device::cpu()));
/// let y = F::rrelu(&x).data().to_vec::<f32>().unwrap();
/// assert!((-1.0 / 3.0..=-1.0 / 8.0).contains(&y[0]) && y[1] == 2.0);
/// ```
#[track_caller]
pub fn rrelu(x: &Variable) -> Variable {
    rrelu_with(x, 1.0 / 8.0, 1.0 / 3.0)
}

/// `x` where it is not negative, else `r * x` with an `r` for each element, drawn from `lower..upper` while training
/// and their mean otherwise.
///
/// The slopes come from the thread's [generator](crate::random) and are drawn again in the backward pass. Any shape;
/// floats.
///
/// # Panics
/// When `x` is no float, or not `0 <= lower < upper < 1`.
#[track_caller]
pub fn rrelu_with(x: &Variable, lower: f64, upper: f64) -> Variable {
    rrelu_slopes(x, lower, upper).0
}

/// As [`rrelu_with`], and its slopes for [`rrelu_with_slopes`]: one for each element in training, else one for all.
///
/// # Panics
/// As [`rrelu_with`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::full([3], -1.0, DType::F32, &Device::cpu()));
/// let (y, r) = F::rrelu_slopes(&x, 0.1, 0.3);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), r.neg().to_vec::<f32>().unwrap());
/// ```
#[track_caller]
pub fn rrelu_slopes(x: &Variable, lower: f64, upper: f64) -> (Variable, Tensor) {
    let _named = crate::shape::named("rrelu");
    if !config().train {
        let mean = Tensor::full((), (lower + upper) / 2.0, x.dtype(), x.device());
        return (rrelu_with_slopes(x, &mean), mean);
    }
    let rrelu = Rrelu { lower, upper, draw: random::take(x.size() as u64) };
    let slopes = rrelu.slopes(x.data()).data().clone();
    (apply(rrelu, &[x]), slopes)
}

/// `x` where it is not negative, else `slopes * x`: `rrelu` with slopes that are known.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
#[track_caller]
pub fn rrelu_with_slopes(x: &Variable, slopes: &Tensor) -> Variable {
    let _named = crate::shape::named("rrelu");
    map(Prelu, [x, &Variable::constant(slopes.clone())])
}

#[derive(Debug)]
struct Rrelu {
    lower: f64,
    upper: f64,
    draw: Draw,
}

impl Rrelu {
    fn slopes(&self, x: &Tensor) -> Variable {
        let r = Tensor::uniform_at(self.draw, self.lower, self.upper, x.shape().clone(), x.dtype(), x.device());
        Variable::constant(r)
    }
}

impl Function for Rrelu {
    fn name(&self) -> &'static str {
        "rrelu"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (lower, upper) = (self.lower, self.upper);
        ensure!(0.0 <= lower && lower < upper && upper < 1.0, "0 <= lower < upper < 1", "{lower} and {upper}");
        Ok(xs.to_vec())
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let r = self.slopes(&xs[0]);
        crate::functions::family::map_tensors(Prelu, [&xs[0], r.data()]).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let x = saved.input(0);
        vec![gys[0].as_ref().map(|gy| map(PreluPass, [x, &self.slopes(x.data()), gy]))]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &Variable| {
        let before = random::set_generator(Generator::new(5));
        let y = rrelu(x);
        random::set_generator(before);
        y
    };
    vec![
        Case::new("rrelu", move |x| seeded(&x[0])).input([3, 7]).avoiding(0.0),
        Case::new("rrelu/slopes", |x| {
            let before = random::set_generator(Generator::new(5));
            let (y, r) = rrelu_slopes(&x[0], 0.1, 0.3);
            random::set_generator(before);
            y - rrelu_with_slopes(&x[0], &r) * 0.5
        })
        .input([3, 7])
        .avoiding(0.0),
        Case::new("rrelu/test", |x| {
            let _scope = crate::autograd::test_mode();
            rrelu(&x[0])
        })
        .input([3, 5])
        .avoiding(0.0),
        Case::new("rrelu/test_is_leaky", |x| {
            let _scope = crate::autograd::test_mode();
            rrelu_with(&x[0], 0.25, 0.75) - leaky_relu_with(&x[0], 0.5)
        })
        .exact(arr1(&[0.5, -2.0, 1.0]).into_dyn())
        .order(0),
    ]
}
