//! Families: an operator that fits one states only what is its own.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, apply},
    functions::math::sum_to,
    kernel::same_device,
    shape::{DType, InvalidType, Meta, broadcast, ensure},
    tensor::{Op, Pointwise, Real, Scalar, Tensor, Wgsl, block, expect},
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

    /// The dtype of the result, or why operands of these dtypes do not fit; unless stated, numbers of one dtype give it.
    ///
    /// # Errors
    /// What was expected and what came.
    fn dtype(xs: &[Meta]) -> Result<DType, InvalidType> {
        for (i, x) in xs.iter().enumerate() {
            let name = || if N == 1 { "x".to_string() } else { format!("x{i}") };
            ensure!(x.dtype.is_float() || Self::INTEGERS, format!("{}.dtype.kind == f", name()), "{}", x.dtype);
            ensure!(x.dtype != DType::Bool, format!("{}.dtype of numbers", name()), "{}", x.dtype);
            ensure!(x.dtype == xs[0].dtype, format!("x0.dtype == {}.dtype", name()), "{} != {}", xs[0].dtype, x.dtype);
        }
        Ok(xs[0].dtype)
    }

    /// The numbers it carries.
    fn scalars(&self) -> [f64; K] {
        [0.0; K]
    }

    /// The value for one element.
    fn reference<R: Real>(x: [R; N], s: [R; K]) -> R;

    /// Gradients of the operands; they are summed to the operands' own shapes afterwards.
    fn backward(&self, saved: &Saved, gy: &Variable) -> [Option<Variable>; N];
}

/// The twin of an operator as block loops.
struct Twin<E>(PhantomData<E>);

impl<E: Elementwise<N, K>, const N: usize, const K: usize> Pointwise<N, K> for Twin<E> {
    #[inline(always)]
    fn at<R: Real>(x: [R; N], s: [R; K]) -> R {
        E::reference(x, s)
    }
}

/// The operator as a value.
pub(crate) fn op<E: Elementwise<N, K>, const N: usize, const K: usize>() -> Op {
    Op {
        name: E::NAME,
        files: E::FILES,
        arity: N,
        indexed: false,
        f32: block::<f32, Twin<E>, N, K>,
        f64: block::<f64, Twin<E>, N, K>,
    }
}

fn infer<E: Elementwise<N, K>, const N: usize, const K: usize>(xs: &[Meta]) -> Result<Meta, InvalidType> {
    ensure!(xs.len(), ==, N);
    let dtype = E::dtype(xs)?;
    let shape = if N == 1 { xs[0].shape.clone() } else { broadcast(&xs.iter().map(|x| &x.shape).collect::<Vec<_>>())? };
    Ok(Meta::new(shape, dtype))
}

/// An elementwise operator as a function.
#[derive(Debug, Clone)]
pub struct Map<E, const N: usize, const K: usize>(pub E);

impl<E: Elementwise<N, K>, const N: usize, const K: usize> Function for Map<E, N, K> {
    fn name(&self) -> &'static str {
        E::NAME
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![infer::<E, N, K>(xs)?])
    }

    fn retain(&self) -> Retain {
        E::RETAIN
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let xs: [&Tensor; N] = std::array::from_fn(|i| &xs[i]);
        let metas: [Meta; N] = std::array::from_fn(|i| xs[i].meta());
        launch(&self.0, &xs, infer::<E, N, K>(&metas).expect("inferred before")).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(gy) = &gys[0] else { return vec![None; N] };
        let gxs = self.0.backward(saved, gy);
        gxs.into_iter()
            .enumerate()
            .map(|(i, gx)| gx.filter(|_| saved.needs(i)).map(|gx| sum_to(&gx, saved.meta(i).shape.clone())))
            .collect()
    }
}

fn launch<E: Elementwise<N, K>, const N: usize, const K: usize>(e: &E, xs: &[&Tensor; N], meta: Meta) -> Tensor {
    Tensor::map(op::<E, N, K>(), &e.scalars().map(Scalar::F), xs, meta.shape, meta.dtype)
}

/// Applies an elementwise operator to variables.
#[track_caller]
pub(crate) fn map<E: Elementwise<N, K>, const N: usize, const K: usize>(e: E, xs: [&Variable; N]) -> Variable {
    apply(Map::<E, N, K>(e), &xs)
}

/// Applies an elementwise operator to tensors.
#[track_caller]
pub(crate) fn map_tensors<E: Elementwise<N, K>, const N: usize, const K: usize>(e: E, xs: [&Tensor; N]) -> Tensor {
    let metas: Vec<Meta> = xs.iter().map(|x| x.meta()).collect();
    let meta = expect(E::NAME, infer::<E, N, K>(&metas), &xs);
    same_device(E::NAME, &xs);
    launch(&e, &xs, meta)
}
