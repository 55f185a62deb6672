use super::{Reduce, labels::check_labels};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply},
    functions::{
        activation::log_softmax,
        array::with_shape,
        math::{log, sum_axes, sum_to},
    },
    kernel::cross_entropy::{cross_entropy, cross_entropy_grad, valid_mean},
    shape::{DType, InvalidType, Meta, Shape, ensure},
    tensor::{HostArray, Op, Real, Scalar, Tensor, expect, wgsl},
};
use ndarray::{arr1, arr2};

/// How [`softmax_cross_entropy_with`] reads its targets and combines losses.
#[derive(Debug, Clone)]
pub struct SoftmaxCrossEntropy {
    /// Divide the sum by the number of targets that are not ignored; otherwise by the batch size.
    pub normalize: bool,
    /// The target that counts for nothing.
    pub ignore_label: i32,
    /// The mean, or the loss of every target.
    pub reduce: Reduce,
    /// A factor for each class, of shape `(classes,)`.
    pub class_weight: Option<Tensor>,
    /// What is taken of targets that are distributions.
    pub soft_target: SoftTarget,
}

/// The loss of targets that are distributions over the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoftTarget {
    /// `-sum(t * log softmax(x))`.
    CrossEntropy,
    /// `sum(t * (log(t + 1e-7) - log softmax(x)))`.
    KlDivergence,
}

impl Default for SoftmaxCrossEntropy {
    fn default() -> Self {
        let soft_target = SoftTarget::CrossEntropy;
        SoftmaxCrossEntropy { normalize: true, ignore_label: -1, reduce: Reduce::Mean, class_weight: None, soft_target }
    }
}

/// The mean over targets of `-log softmax(x)[t]`, computed together so that no score is too large.
///
/// `x` has shape `(n, classes, ..)` and `t`, of `int32`, the shape without the classes. Targets of -1 count for nothing;
/// the loss is 0 where all are ignored. A float `t` of the shape of `x` holds a distribution over the classes for each
/// target instead.
///
/// Launches: 2 forward, 1 backward.
///
/// # Panics
/// When shapes or dtypes do not fit, or a target that came from the host is no class. A target computed on the device
/// that is no class is an error of the next blocking call.
///
/// ```
/// # use catena::prelude::*;
/// let x = Variable::new(Tensor::zeros([2, 4], DType::F32, &Device::cpu()));
/// let t = Variable::constant(Tensor::from_slice(&[3, -1], [2], &Device::cpu()));
/// assert!((F::softmax_cross_entropy(&x, &t).item().unwrap() - 4f64.ln()).abs() < 1e-6);
/// ```
#[track_caller]
pub fn softmax_cross_entropy(x: &Variable, t: &Variable) -> Variable {
    softmax_cross_entropy_with(x, t, &SoftmaxCrossEntropy::default())
}

/// As [`softmax_cross_entropy`], with options.
///
/// # Panics
/// As [`softmax_cross_entropy`]; when the sum is asked for, which Chainer does not have; when class weights do not fit.
#[track_caller]
pub fn softmax_cross_entropy_with(x: &Variable, t: &Variable, options: &SoftmaxCrossEntropy) -> Variable {
    if t.dtype().is_float() {
        return soft(x, t, options);
    }
    if x.ndim() > 1 {
        check_labels(NAME, t.data(), x.shape()[1], Some(options.ignore_label));
    }
    apply(Loss(options.clone()), &[x, t])
}

const NAME: &str = "softmax_cross_entropy";

/// The loss of targets that are distributions.
#[track_caller]
fn soft(x: &Variable, t: &Variable, options: &SoftmaxCrossEntropy) -> Variable {
    let check = || {
        ensure!(x.ndim(), >=, 2);
        ensure!(x.shape() == t.shape(), "x.shape == t.shape", "{} != {}", x.shape(), t.shape());
        ensure!(x.dtype() == t.dtype(), "x.dtype == t.dtype", "{} != {}", x.dtype(), t.dtype());
        ensure!(options.class_weight.is_none(), "no class weights with targets that are distributions", "some");
        ensure!(options.reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        Ok(())
    };
    expect(NAME, check(), &[x.data(), t.data()]);
    let log_p = log_softmax(x);
    let terms = match options.soft_target {
        SoftTarget::CrossEntropy => -(t * log_p),
        SoftTarget::KlDivergence => t * (log(&(t + 1e-7)) - log_p),
    };
    options.reduce.apply(sum_axes(&terms, Some(&[1]), false))
}

#[derive(Debug)]
struct Loss(SoftmaxCrossEntropy);

/// The shape of `x` with one class: that of a number for each target which repeats over the classes.
fn per_target(x: &Shape) -> Shape {
    x.with(1, 1)
}

impl Function for Loss {
    fn name(&self) -> &'static str {
        NAME
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (x, t) = (&xs[0], &xs[1]);
        ensure!(x.dtype.is_float(), "x.dtype.kind == f", "{}", x.dtype);
        ensure!(t.dtype, ==, DType::I32);
        ensure!(x.ndim(), >=, 2);
        ensure!(t.ndim(), ==, x.ndim() - 1);
        ensure!(t.shape == x.shape.remove(1), "t.shape == x.shape without axis 1", "{} and {}", t.shape, x.shape);
        ensure!(x.shape[1] > 0 || t.shape.size() == 0, "x.shape[1] > 0", "0 classes");
        ensure!(self.0.reduce != Reduce::Sum, "reduce: the mean or none", "the sum");
        if let Some(w) = &self.0.class_weight {
            ensure!(*w.shape() == Shape::from(x.shape[1]), "class_weight.shape == (x.shape[1],)", "{}", w.shape());
            ensure!(w.dtype() == x.dtype, "class_weight.dtype == x.dtype", "{} != {}", w.dtype(), x.dtype);
        }
        let shape = if self.0.reduce == Reduce::Mean { Shape::scalar() } else { t.shape.clone() };
        Ok(vec![Meta::new(shape, x.dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (x, t) = (&xs[0], &xs[1]);
        let of = cross_entropy(x, t, self.0.ignore_label);
        let weights = self.0.class_weight.as_ref().map(|w| {
            let column = w.with_shape(&Shape::from([w.size(), 1]));
            column.take_rows(NAME, t, Some(self.0.ignore_label)).with_shape(t.shape())
        });
        let losses = match &weights {
            Some(w) => of.losses.mul(w),
            None => of.losses,
        };
        let wide = of.labels.dtype();
        let number = |v: f64| Tensor::full((), v, wide, x.device());
        let (y, scale) = match self.0.reduce {
            Reduce::Mean if self.0.normalize => valid_mean(&losses, &of.labels),
            Reduce::Mean => {
                let scale = 1.0 / x.shape()[0].max(1) as f64;
                (losses.sum(None, false).mul_scalar(scale), number(scale))
            }
            _ => (losses, number(1.0)),
        };
        let scale = match weights {
            Some(w) => w.cast(wide).mul(&scale).with_shape(&per_target(x.shape())),
            None => scale,
        };
        let spread = |t: Tensor| t.with_shape(&per_target(x.shape()));
        Forward::with_extras(y, vec![spread(of.log_sums), spread(of.labels), scale])
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None, None] };
        let x = saved.input(0);
        let gy = if self.0.reduce == Reduce::Mean { gy.clone() } else { with_shape(gy, per_target(x.shape())) };
        let [log_sum, label, scale] = std::array::from_fn(|i| Variable::constant(saved.extra(i).clone()));
        vec![Some(apply(Gradient { hot: true }, &[x, &log_sum, &label, &scale, &gy])), None]
    }
}

/// `(softmax(x) - one hot of the label) * scale * gy`, 0 where the label is ignored; without `hot` the probability alone.
///
/// Of `(x, log_sum, label, scale, gy)`, where all but `x` repeat over the classes and `log_sum` is a value of `x`.
#[derive(Debug)]
struct Gradient {
    hot: bool,
}

impl Function for Gradient {
    fn name(&self) -> &'static str {
        GRADIENT.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let shape = xs[0].shape();
        let inner: usize = shape[2..].iter().product();
        if inner == 1 {
            let [x, log_sum, label, scale, gy] = std::array::from_fn(|i| &xs[i]);
            let flat = Shape::from([shape[0], shape[1]]);
            let factor = scale.mul(&gy.cast(scale.dtype()));
            let gx = cross_entropy_grad(&x.with_shape(&flat), [log_sum, label], factor, self.hot);
            if let Some(gx) = gx {
                return gx.with_shape(shape).into();
            }
        }
        let scalars = [Scalar::F(f64::from(u8::from(self.hot))), word(inner), word(shape[1])];
        let args: [&Tensor; 5] = std::array::from_fn(|i| &xs[i]);
        Tensor::map(GRADIENT, &scalars, &args, shape.clone(), xs[0].dtype()).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(ggx) = &gys[0] else { return vec![None; 5] };
        let [x, log_sum, label, scale, gy] = std::array::from_fn(|i| saved.input(i));
        let one = Variable::constant(Tensor::ones((), x.dtype(), x.device()));
        let with =
            |hot: bool, scale: &Variable, gy: &Variable| apply(Gradient { hot }, &[x, log_sum, label, scale, gy]);
        let gx = saved.needs(0).then(|| {
            let p = with(false, &one, &one);
            with(false, scale, gy) * (ggx - sum_axes(&(ggx * p), Some(&[1]), true))
        });
        let ggy = saved.needs(4).then(|| sum_to(&(ggx * with(self.hot, scale, &one)), gy.shape()));
        vec![gx, None, None, None, ggy]
    }
}

fn word(n: usize) -> Scalar {
    Scalar::U(u32::try_from(n).expect("a tensor has fewer elements than 32 bits count"))
}

const GRADIENT: Op = Op {
    name: "softmax_cross_entropy_grad",
    files: &[wgsl!("loss/softmax_cross_entropy.wgsl")],
    arity: 5,
    indexed: true,
    cheap: false,
    f32: gradient::<f32>,
    f64: gradient::<f64>,
};

fn gradient<R: Real>(args: &[&[R]], scalars: &[Scalar], at: usize, out: &mut [R]) {
    struct Pass<'a, R> {
        args: [&'a [R]; 5],
        out: &'a mut [R],
    }
    impl<R: Real> pulp::NullaryFnOnce for Pass<'_, R> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            let [x, log_sum, label, scale, gy] = self.args;
            for i in 0..self.out.len() {
                let p = R::exp_nonpositive(x[i] - log_sum[i]) * (scale[i] * gy[i]);
                self.out[i] = R::select(label[i] < R::ZERO, R::ZERO, p);
            }
        }
    }
    let n = out.len();
    let args: [&[R]; 5] = std::array::from_fn(|k| &args[k][..n]);
    pulp::Arch::new().dispatch(Pass { args, out: &mut *out });
    let (hot, inner, classes) = (scalars[0].real(), scalars[1].word() as usize, scalars[2].word() as usize);
    if hot == 0.0 {
        return;
    }
    let [_, _, label, scale, gy] = args;
    let (mut class, mut step) = (at / inner % classes, at % inner);
    if inner == 1 {
        // A target's classes lie side by side: one of them is its label.
        let mut i = 0;
        while i < n {
            let len = (classes - class).min(n - i);
            let hot = label[i].to_f64() - class as f64;
            if (0.0..len as f64).contains(&hot) {
                let hot = i + hot as usize;
                out[hot] -= scale[hot] * gy[hot];
            }
            i += len;
            class = 0;
        }
        return;
    }
    for i in 0..n {
        if label[i].to_f64() == class as f64 {
            out[i] -= scale[i] * gy[i];
        }
        step += 1;
        if step == inner {
            (class, step) = ((class + 1) % classes, 0);
        }
    }
}

pub(super) fn cases() -> Vec<Case> {
    fn with(change: impl Fn(&mut SoftmaxCrossEntropy)) -> SoftmaxCrossEntropy {
        let mut options = SoftmaxCrossEntropy::default();
        change(&mut options);
        options
    }
    fn case(what: &str, options: SoftmaxCrossEntropy) -> Case {
        let name = format!("softmax_cross_entropy/{what}");
        Case::new(name, move |x| softmax_cross_entropy_with(&x[0], &x[1], &options))
    }
    let some = || arr1(&[2, -1, 0, 3]).into_dyn();
    vec![
        Case::new("softmax_cross_entropy", |x| softmax_cross_entropy(&x[0], &x[1])).input([5, 4]).integers([5], 0, 4),
        case("ignored", with(|_| ())).input([4, 4]).exact(some()),
        case("by_batch", with(|o| o.normalize = false)).input([4, 4]).exact(some()),
        case("each", with(|o| o.reduce = Reduce::No)).input([4, 4]).exact(some()),
        case("each_4d", with(|o| o.reduce = Reduce::No)).input([2, 3, 2, 2]).integers([2, 2, 2], 0, 3),
        case("mean_4d", with(|_| ())).input([2, 3, 2, 2]).integers([2, 2, 2], -1, 3),
        case("other_label", with(|o| o.ignore_label = 2)).input([6, 4]).integers([6], 0, 4),
        case("all_ignored", with(|_| ())).input([2, 3]).exact(arr1(&[-1, -1]).into_dyn()),
        case("empty", with(|_| ())).input([0, 3]).exact(arr1::<i32>(&[]).into_dyn()),
        case("many_classes", with(|_| ())).input([3, 300]).integers([3], 0, 300).order(1),
        case("many_targets", with(|_| ())).input([70_000, 2]).integers([70_000], -1, 2).order(1).tolerance(1e-4),
        case("large", with(|_| ()))
            .exact(arr2(&[[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4]]).into_dyn())
            .exact(arr1(&[0, 2]).into_dyn())
            .order(0),
        case("soft", with(|_| ())).input([3, 4]).input_in([3, 4], 0.1, 1.0),
        case("soft_divergence", with(|o| o.soft_target = SoftTarget::KlDivergence)).input([2, 3, 2]).input_in(
            [2, 3, 2],
            0.1,
            1.0,
        ),
        case("soft_each", with(|o| o.reduce = Reduce::No)).input([3, 4]).input_in([3, 4], 0.1, 1.0),
        Case::new("softmax_cross_entropy/weighted", |x| {
            let values: Vec<f64> = vec![0.5, 2.0, 1.0, 0.25];
            let weights = Tensor::from_host(HostArray::from(arr1(&values).into_dyn()), &crate::device::Device::cpu());
            let weights = weights.expect("the CPU holds f64").cast(x[0].dtype()).to_device(x[0].device());
            let options = SoftmaxCrossEntropy { class_weight: Some(weights), ..SoftmaxCrossEntropy::default() };
            softmax_cross_entropy_with(&x[0], &x[1], &options)
        })
        .input([4, 4])
        .exact(some()),
    ]
}
