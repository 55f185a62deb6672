use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::math::exp,
    kernel::philox::{Draw, Generator},
    random,
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::Tensor,
};

/// Draws from normal distributions: `mean + exp(ln_var / 2) * eps` with a standard normal `eps` for each element.
///
/// The numbers come from the thread's [generator](crate::random) and are drawn again in the backward pass. Floats of
/// one dtype and shape.
///
/// # Panics
/// When dtypes or shapes differ, or dtypes are no floats.
///
/// ```
/// # use catena::prelude::*;
/// let mean = Variable::new(Tensor::ones([3], DType::F32, &Device::cpu()));
/// let ln_var = Variable::new(Tensor::full([3], f64::NEG_INFINITY, DType::F32, &Device::cpu()));
/// assert_eq!(F::gaussian(&mean, &ln_var).data().to_vec::<f32>().unwrap(), [1.0; 3]);
/// ```
#[track_caller]
pub fn gaussian(mean: &Variable, ln_var: &Variable) -> Variable {
    let _named = crate::shape::named("gaussian");
    apply(Gaussian { draw: random::take(2 * mean.size() as u64) }, &[mean, ln_var])
}

/// As [`gaussian`], and its `eps` for [`gaussian_with_eps`].
///
/// # Panics
/// As [`gaussian`].
///
/// ```
/// # use catena::prelude::*;
/// let zero = Variable::constant(Tensor::zeros([3], DType::F32, &Device::cpu()));
/// let (y, eps) = F::gaussian_eps(&zero, &zero);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), eps.to_vec::<f32>().unwrap());
/// ```
#[track_caller]
pub fn gaussian_eps(mean: &Variable, ln_var: &Variable) -> (Variable, Tensor) {
    let _named = crate::shape::named("gaussian");
    let gaussian = Gaussian { draw: random::take(2 * mean.size() as u64) };
    let eps = gaussian.eps(mean.data());
    (apply(gaussian, &[mean, ln_var]), eps)
}

/// `mean + exp(ln_var / 2) * eps`: `gaussian` with numbers that are known.
///
/// # Panics
/// When dtypes differ or are no floats, or shapes do not broadcast.
#[track_caller]
pub fn gaussian_with_eps(mean: &Variable, ln_var: &Variable, eps: &Tensor) -> Variable {
    let _named = crate::shape::named("gaussian");
    mean + exp(&(ln_var * 0.5)) * Variable::constant(eps.clone())
}

#[derive(Debug)]
struct Gaussian {
    draw: Draw,
}

impl Gaussian {
    fn eps(&self, x: &Tensor) -> Tensor {
        Tensor::normal_at(self.draw, x.shape().clone(), x.dtype(), x.device())
    }
}

impl Function for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (mean, ln_var) = (&xs[0], &xs[1]);
        ensure!(mean.shape, ==, ln_var.shape);
        Ok(vec![mean.clone()])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(1)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].add(&xs[1].mul_scalar(0.5).exp().mul(&self.eps(&xs[0]))).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let ln_var = saved.input(1);
        let of_ln_var = gys[0].as_ref().filter(|_| saved.needs(1)).map(|gy| {
            let noise = exp(&(ln_var * 0.5)) * Variable::constant(self.eps(ln_var.data()));
            gy * noise * 0.5
        });
        vec![gys[0].clone(), of_ln_var]
    }
}

pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &[Variable]| {
        let before = random::set_generator(Generator::new(5));
        let y = gaussian(&x[0], &x[1]);
        random::set_generator(before);
        y
    };
    vec![
        Case::new("gaussian", move |x| seeded(x)).input([3, 7]).input([3, 7]),
        Case::new("gaussian/eps", |x| {
            let before = random::set_generator(Generator::new(5));
            let (y, eps) = gaussian_eps(&x[0], &x[1]);
            random::set_generator(before);
            y - gaussian_with_eps(&x[0], &x[1], &eps) * 0.5
        })
        .input([3, 7])
        .input([3, 7]),
        Case::new("gaussian/with_eps", |x| gaussian_with_eps(&x[0], &x[1], &x[0].data().full_like(0.5)))
            .input([3, 4])
            .input([3, 4]),
        Case::new("gaussian/empty", move |x| seeded(x)).input([0, 3]).input([0, 3]),
    ]
}
