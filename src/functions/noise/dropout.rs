use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply, config},
    device::Device,
    kernel::{philox::Draw, random::uniforms},
    random,
    shape::{InvalidType, Meta, ensure, same_float},
    tensor::{Op, Real, Scalar, Tensor, wgsl},
};
use ndarray::arr1;

/// Zero with probability `ratio`, else `x / (1 - ratio)`; `x` itself outside of training.
///
/// Whether it trains is [`config().train`](crate::autograd::Config::train), and the numbers come from the thread's
/// [generator](crate::random): one seed drops the same elements on every device. No mask is kept: the backward pass
/// draws the same numbers again. Any shape; floats.
///
/// # Panics
/// When `x` is no float, or not `0 <= ratio < 1`.
///
/// ```
/// # use catena::{autograd::test_mode, prelude::*};
/// let x = Variable::constant(Tensor::ones([1000], DType::F32, &Device::cpu()));
/// let kept = F::dropout(&x, 0.5).data().to_vec::<f32>().unwrap();
/// assert!(kept.iter().all(|&v| v == 0.0 || v == 2.0));
/// let _scope = test_mode();
/// assert!(F::dropout(&x, 0.5).is(&x));
/// ```
#[track_caller]
pub fn dropout(x: &Variable, ratio: f64) -> Variable {
    if !config().train {
        return x.clone();
    }
    apply(Dropout { ratio, draw: random::take(x.size() as u64) }, &[x])
}

/// As [`dropout`], and its mask for [`dropout_with_mask`]: 0 or `1 / (1 - ratio)` for each element; none outside of
/// training.
///
/// # Panics
/// As [`dropout`].
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::constant(Tensor::ones([100], DType::F32, &Device::cpu()));
/// let (y, mask) = F::dropout_mask(&x, 0.5);
/// assert_eq!(y.data().to_vec::<f32>().unwrap(), mask.unwrap().to_vec::<f32>().unwrap());
/// ```
#[track_caller]
pub fn dropout_mask(x: &Variable, ratio: f64) -> (Variable, Option<Tensor>) {
    if !config().train {
        return (x.clone(), None);
    }
    let dropout = Dropout { ratio, draw: random::take(x.size() as u64) };
    let y = apply(dropout.clone(), &[x]);
    let mask = apply(dropout, &[&Variable::constant(x.data().full_like(1.0))]).data().clone();
    (y, Some(mask))
}

/// `x * mask`, or `x` itself outside of training: dropout with a mask that is known.
///
/// # Panics
/// When dtypes differ or shapes do not broadcast.
#[track_caller]
pub fn dropout_with_mask(x: &Variable, mask: &Tensor) -> Variable {
    let _named = crate::shape::named("dropout");
    if config().train { x * Variable::constant(mask.clone()) } else { x.clone() }
}

#[derive(Debug, Clone)]
struct Dropout {
    ratio: f64,
    draw: Draw,
}

impl Function for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        ensure!((0.0..1.0).contains(&self.ratio), "0.0 <= ratio < 1.0", "ratio = {}", self.ratio);
        Ok(xs.to_vec())
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let [k0, k1, o0, o1] = self.draw.params().map(Scalar::U);
        let scalars = [Scalar::F(self.ratio), Scalar::F(1.0 / (1.0 - self.ratio)), k0, k1, o0, o1];
        Tensor::map(DROPOUT, &scalars, &[&xs[0]], xs[0].shape().clone(), xs[0].dtype()).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| apply(self.clone(), &[gy]))]
    }
}

const DROPOUT: Op = Op {
    name: "dropout",
    files: &[wgsl!("random/philox.wgsl"), wgsl!("noise/dropout.wgsl")],
    arity: 1,
    indexed: true,
    cheap: false,
    f32: block::<f32>,
    f64: block::<f64>,
};

fn block<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    let (ratio, scale) = (scalars[0].real() as f32, R::of(scalars[1].real()));
    uniforms(&scalars[2..], at, out.len(), |i, u| out[i] = args[0][i] * R::select(u >= ratio, scale, R::ZERO));
}

pub(super) fn cases() -> Vec<Case> {
    // The same numbers in every call of a case.
    let seeded = |x: &Variable, ratio: f64| {
        let before = random::set_generator(random::Generator::new(5));
        let y = dropout(x, ratio);
        random::set_generator(before);
        y
    };
    vec![
        Case::new("dropout", move |x| seeded(&x[0], 0.3)).input([3, 7]),
        Case::new("dropout/none", move |x| seeded(&x[0], 0.0)).input([3, 5]),
        Case::new("dropout/blocks", move |x| seeded(&x[0], 0.5)).input([5000]),
        Case::new("dropout/of_expression", move |x| seeded(&(&x[0] * &x[1]), 0.5) * 3.0).input([3, 5]).input([5]),
        Case::new("dropout/reduced", move |x| crate::functions::sum_axes(&seeded(&x[0], 0.5), Some(&[0]), false))
            .input([6, 5]),
        Case::new("dropout/empty", move |x| seeded(&x[0], 0.5)).input([0, 3]),
        Case::new("dropout/mask", |x| {
            let before = random::set_generator(random::Generator::new(5));
            let (y, mask) = dropout_mask(&x[0], 0.3);
            random::set_generator(before);
            y - dropout_with_mask(&x[0], &mask.expect("in training")) * 0.5
        })
        .input([3, 7]),
        Case::new("dropout/with_mask", |x| {
            let mask = Tensor::from_host(arr1(&[0.0, 2.0, 2.0]).into_dyn(), &Device::cpu());
            let mask = mask.expect("the CPU holds every dtype").cast(x[0].dtype()).to_device(x[0].device());
            dropout_with_mask(&x[0], &mask)
        })
        .input([2, 3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{shape::DType, testing::devices};

    #[test]
    fn blocks_that_begin_anywhere_draw_the_same() {
        let draw = random::Generator::new(3).take(3000);
        let scalars: Vec<Scalar> = [0.4, 1.0].map(Scalar::F).into_iter().chain(draw.params().map(Scalar::U)).collect();
        let ones = vec![1.0f32; 3000];
        let mut whole = vec![0.0; 3000];
        block(&[&ones], &scalars, 0, &mut whole);
        let mut parts = vec![0.0; 3000];
        for (from, to) in [(0, 5), (5, 1500), (1500, 1502), (1502, 3000)] {
            block(&[&ones[from..to]], &scalars, from, &mut parts[from..to]);
        }
        assert_eq!(whole, parts);
        let mut uniforms = vec![0.0; 3000];
        draw.fill_uniform(&mut uniforms);
        assert!(whole.iter().zip(&uniforms).all(|(&y, &u)| (y == 1.0) == (u >= 0.4)));
    }

    #[test]
    fn a_seed_drops_the_same_on_every_device_and_the_next_call_others() {
        let masks: Vec<[Vec<f32>; 2]> = devices()
            .iter()
            .map(|device| {
                random::seed(11);
                let x = Variable::constant(Tensor::ones([1000], DType::F32, device));
                [0, 1].map(|_| dropout(&x, 0.25).data().to_vec::<f32>().unwrap())
            })
            .collect();
        assert!(masks.iter().all(|m| *m == masks[0]));
        assert_ne!(masks[0][0], masks[0][1]);
        let dropped = masks[0][0].iter().filter(|&&v| v == 0.0).count();
        assert!((200..300).contains(&dropped), "{dropped}");
    }
}
