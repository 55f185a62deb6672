//! Families: an operator that fits one states only what is its own.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, apply},
    functions::math::sum_to,
    kernel::same_device,
    shape::{DType, InvalidType, Meta, broadcast, ensure},
    tensor::{Op, Pointwise, Real, Scalar, Tensor, Wgsl, block, expect, op::Scalars},
};
use std::{fmt::Debug, marker::PhantomData};

/// A function of `N` operands and `K` numbers, applied element by element over their broadcast shape.
///
/// It is its WGSL function `f_<NAME>(x0: T, .., s0: T, ..) -> T`, the generic Rust twin of it, and its backward pass.
pub trait Elementwise<const N: usize, const K: usize = 0>: Debug + Clone + Send + Sync + 'static {
    /// The name, also of the WGSL function behind `f_`.
    const NAME: &'static str;
    /// The WGSL files that define it.
    const FILES: &'static [Wgsl];
    /// What `backward` asks for.
    const RETAIN: Retain = Retain::NOTHING;
    /// Whether it also takes integers.
    const INTEGERS: bool = false;

    /// Whether a kernel that reads values rather computes them once more than have them written and read: see [`Op::cheap`].
    const CHEAP: bool = false;

    /// The dtype of the result, or why operands of these dtypes do not fit; unless stated, numbers of one dtype give it.
    ///
    /// # Errors
    /// What was expected and what came.
    fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
        numbers_of_one_dtype(xs, Self::INTEGERS)
    }

    /// The numbers it carries.
    fn scalars(&self) -> [f64; K] {
        [0.0; K]
    }

    /// The value for one element.
    fn reference<R: Real>(x: [R; N], s: [R; K]) -> R;

    /// Whether `reference` does not hold for an element, as where a vector's arithmetic has too few digits.
    fn is_rare<R: Real>(_: [R; N]) -> bool {
        false
    }

    /// The value for such an element.
    fn rare<R: Real>(x: [R; N], s: [R; K]) -> R {
        Self::reference(x, s)
    }

    /// Gradients of the operands; they are summed to the operands' own shapes afterwards.
    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; N];
}

// What follows without type parameters is compiled once; the generic parts around it once for every operator.

fn numbers_of_one_dtype(xs: &[Meta], integers: bool) -> Result<DType, InvalidType> {
    for (i, x) in xs.iter().enumerate() {
        let name = || if xs.len() == 1 { "x".to_string() } else { format!("x{i}") };
        ensure!(x.dtype.is_float() || integers, format!("{}.dtype.kind == f", name()), "{}", x.dtype);
        ensure!(x.dtype != DType::Bool, format!("{}.dtype of numbers", name()), "{}", x.dtype);
        ensure!(x.dtype == xs[0].dtype, format!("x0.dtype == {}.dtype", name()), "{} != {}", xs[0].dtype, x.dtype);
    }
    Ok(xs[0].dtype)
}

fn infer_as(n: usize, dtype: fn(&[Meta]) -> Result<DType, InvalidType>, xs: &[Meta]) -> Result<Meta, InvalidType> {
    ensure!(xs.len(), ==, n);
    let dtype = dtype(xs)?;
    let shape = if n == 1 { xs[0].shape.clone() } else { broadcast(&xs.iter().map(|x| &x.shape).collect::<Vec<_>>())? };
    Ok(Meta::new(shape, dtype))
}

/// Gradients over the common shape as those of the operands.
fn gradients_of_operands(gxs: &mut [Option<Variable>], saved: &Saved) -> Vec<Option<Variable>> {
    let own = |(i, gx): (usize, &mut Option<Variable>)| {
        let gx = gx.take().filter(|_| saved.needs(i))?;
        Some(sum_to(&gx, saved.meta(i).shape.clone()))
    };
    gxs.iter_mut().enumerate().map(own).collect()
}

fn launch(op: Op, scalars: &[f64], dtype: fn(&[Meta]) -> Result<DType, InvalidType>, xs: &[Tensor]) -> Forward {
    let metas: Vec<Meta> = xs.iter().map(Tensor::meta).collect();
    let meta = infer_as(op.arity, dtype, &metas).expect("inferred before");
    let scalars: Scalars = scalars.iter().map(|&s| Scalar::F(s)).collect();
    Tensor::map(op, &scalars, &xs.iter().collect::<Vec<_>>(), meta.shape, meta.dtype).into()
}

#[track_caller]
fn launch_tensors(op: Op, scalars: &[f64], dtype: fn(&[Meta]) -> Result<DType, InvalidType>, xs: &[&Tensor]) -> Tensor {
    let metas: Vec<Meta> = xs.iter().map(|x| x.meta()).collect();
    let meta = expect(op.name, infer_as(op.arity, dtype, &metas), xs);
    same_device(op.name, xs);
    let scalars: Scalars = scalars.iter().map(|&s| Scalar::F(s)).collect();
    Tensor::map(op, &scalars, xs, meta.shape, meta.dtype)
}

/// The twin of an operator as block loops.
struct Twin<E>(PhantomData<E>);

impl<E: Elementwise<N, K>, const N: usize, const K: usize> Pointwise<N, K> for Twin<E> {
    #[inline(always)]
    fn at<R: Real>(x: [R; N], s: [R; K]) -> R {
        E::reference(x, s)
    }

    #[inline(always)]
    fn is_rare<R: Real>(x: [R; N]) -> bool {
        E::is_rare(x)
    }

    fn rare<R: Real>(x: [R; N], s: [R; K]) -> R {
        E::rare(x, s)
    }
}

/// The operator as a value.
pub(crate) fn op<E: Elementwise<N, K>, const N: usize, const K: usize>() -> Op {
    Op {
        name: E::NAME,
        files: E::FILES,
        arity: N,
        indexed: false,
        cheap: E::CHEAP,
        f32: block::<f32, Twin<E>, N, K>,
        f64: block::<f64, Twin<E>, N, K>,
    }
}

/// An elementwise operator as a function.
#[derive(Debug, Clone)]
pub struct Map<E, const N: usize, const K: usize>(pub E);

impl<E: Elementwise<N, K>, const N: usize, const K: usize> Function for Map<E, N, K> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![infer_as(N, E::dtype, xs)?])
    }

    fn retain(&self) -> Retain {
        E::RETAIN
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        launch(op::<E, N, K>(), &self.0.scalars(), E::dtype, xs)
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None; N] };
        gradients_of_operands(&mut self.0.backward(saved, gy), saved)
    }
}

/// Applies an elementwise operator to variables.
#[track_caller]
pub(crate) fn map<E: Elementwise<N, K>, const N: usize, const K: usize>(e: E, xs: [&Variable; N]) -> Variable {
    apply(Map::<E, N, K>(e), &xs)
}

/// Applies an elementwise operator to tensors.
#[track_caller]
pub(crate) fn map_tensors<E: Elementwise<N, K>, const N: usize, const K: usize>(e: E, xs: [&Tensor; N]) -> Tensor {
    launch_tensors(op::<E, N, K>(), &e.scalars(), E::dtype, &xs)
}
