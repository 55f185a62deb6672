use super::{Distribution, KlDivergence, sampled, uniforms};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// Distributions over the classes `0..n`, by logits along the last axis.
///
/// Values are class numbers of `int32`.
///
/// ```
/// # use catena::{distributions::{Categorical, Distribution}, prelude::*};
/// let logits = Variable::new(Tensor::zeros([2, 4], DType::F32, &Device::cpu()));
/// let fair = Categorical::new(&logits);
/// let class = Variable::constant(Tensor::from_slice(&[3, 0], [2], &Device::cpu()));
/// assert!((fair.prob(&class).data().to_vec::<f32>().unwrap()[1] - 0.25).abs() < 1e-6);
/// ```
#[derive(Debug, Clone)]
pub struct Categorical {
    /// Logarithms of the probabilities.
    log_p: Variable,
}

impl Categorical {
    /// By logits: logarithms of the probabilities up to a constant.
    ///
    /// # Panics
    /// When there is no axis.
    #[track_caller]
    pub fn new(logits: &Variable) -> Categorical {
        assert!(!logits.shape().is_empty(), "Categorical: expected logits along the last axis, got shape ()");
        Categorical { log_p: F::log_softmax_axis(logits, -1) }
    }

    /// By probabilities that add up to 1.
    ///
    /// # Panics
    /// When there is no axis.
    #[track_caller]
    pub fn from_p(p: &Variable) -> Categorical {
        assert!(!p.shape().is_empty(), "Categorical: expected probabilities along the last axis, got shape ()");
        Categorical { log_p: F::log(p) }
    }

    /// The logarithms of the probabilities.
    pub(super) fn log_p(&self) -> &Variable {
        &self.log_p
    }

    /// The probabilities.
    pub fn p(&self) -> Variable {
        F::exp(&self.log_p)
    }

    /// `p * x` summed over the classes; nothing for classes of no probability.
    fn expect(&self, x: &Variable) -> Variable {
        let p = self.p();
        let never = Variable::constant(p.data().equal(&p.data().full_like(0.0)));
        let nothing = Variable::constant(x.data().full_like(0.0));
        F::sum_axes(&(p * F::where_(&never, &nothing, x)), Some(&[-1]), false)
    }
}

impl Distribution for Categorical {
    fn batch_shape(&self) -> Shape {
        let shape = self.log_p.shape();
        shape[..shape.len() - 1].iter().copied().collect()
    }

    /// # Panics
    /// When `x` is not of `int32`, does not end in the batch shape, or names no class.
    fn log_prob(&self, x: &Variable) -> Variable {
        let classes = self.log_p.shape()[self.log_p.shape().len() - 1];
        let mut over = x.shape().clone();
        over.push(classes);
        let rows = F::broadcast_to(&self.log_p, over);
        let flat = F::reshape(&rows, [-1, classes as isize]);
        let picked = F::select_item(&flat, &F::reshape(x, [-1]));
        let shape: Vec<isize> = x.shape().iter().map(|&n| n as isize).collect();
        F::reshape(&picked, shape)
    }

    /// Class numbers, through which no gradient flows; see [`gumbel_softmax`](crate::functions::gumbel_softmax) for
    /// nearly one-hot draws through which it does.
    fn sample(&self, shape: &[usize]) -> Variable {
        const LEAST: f64 = 1.0 / 33_554_432.0;
        let u = uniforms(shape, &self.log_p);
        let gumbel = u.clip(LEAST, 1.0).log().neg().log().neg();
        let classes = self.log_p.data().add(&gumbel).argmax(-1);
        debug_assert_eq!(*classes.shape(), sampled(shape, &self.batch_shape()));
        Variable::constant(classes)
    }

    fn entropy(&self) -> Variable {
        -self.expect(&self.log_p)
    }

    /// # Panics
    /// Always: classes are no numbers.
    fn mean(&self) -> Variable {
        panic!("Categorical has no mean: its values are classes, not numbers");
    }

    /// # Panics
    /// Always: classes are no numbers.
    fn variance(&self) -> Variable {
        panic!("Categorical has no variance: its values are classes, not numbers");
    }
}

impl KlDivergence for Categorical {
    fn kl_divergence(&self, q: &Categorical) -> Variable {
        self.expect(&(&self.log_p - &q.log_p))
    }
}
