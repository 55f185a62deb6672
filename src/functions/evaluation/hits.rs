//! Labels met, and labels that count, as numbers.

use crate::{
    shape::DType,
    tensor::{Op, Pointwise, Real, Scalar, Tensor, Wgsl, block, wgsl},
};

const FILES: &[Wgsl] = &[wgsl!("evaluation/accuracy.wgsl")];

struct Equal;
impl Pointwise<2, 0> for Equal {
    #[inline(always)]
    fn at<R: Real>([predicted, label]: [R; 2], []: [R; 0]) -> R {
        R::select(predicted == label, R::ONE, R::ZERO)
    }
}

struct BinaryHit;
impl Pointwise<2, 0> for BinaryHit {
    #[inline(always)]
    fn at<R: Real>([x, label]: [R; 2], []: [R; 0]) -> R {
        R::select(R::select(x >= R::ZERO, R::ONE, R::ZERO) == label, R::ONE, R::ZERO)
    }
}

struct Counted;
impl Pointwise<1, 1> for Counted {
    #[inline(always)]
    fn at<R: Real>([label]: [R; 1], [ignored]: [R; 1]) -> R {
        R::select(label == ignored, -R::ONE, R::ONE)
    }
}

const EQUAL: Op = Op {
    name: "equal_label",
    files: FILES,
    arity: 2,
    indexed: false,
    cheap: false,
    f32: block::<f32, Equal, 2, 0>,
    f64: block::<f64, Equal, 2, 0>,
};

const BINARY_HIT: Op = Op {
    name: "binary_hit",
    files: FILES,
    arity: 2,
    indexed: false,
    cheap: false,
    f32: block::<f32, BinaryHit, 2, 0>,
    f64: block::<f64, BinaryHit, 2, 0>,
};

const COUNTED: Op = Op {
    name: "counted_label",
    files: FILES,
    arity: 1,
    indexed: false,
    cheap: false,
    f32: block::<f32, Counted, 1, 1>,
    f64: block::<f64, Counted, 1, 1>,
};

/// 1 where two `int32` tensors are equal, else 0.
pub(super) fn equal(predicted: &Tensor, label: &Tensor, dtype: DType) -> Tensor {
    Tensor::map(EQUAL, &[], &[predicted, label], label.shape().clone(), dtype)
}

/// 1 where `x >= 0` is the label, else 0.
pub(super) fn binary_hit(x: &Tensor, label: &Tensor) -> Tensor {
    Tensor::map(BINARY_HIT, &[], &[x, label], x.shape().clone(), x.dtype())
}

/// -1 for labels to ignore, 1 for the others.
pub(super) fn counted(label: &Tensor, ignored: i32) -> Tensor {
    Tensor::map(COUNTED, &[Scalar::F(f64::from(ignored))], &[label], label.shape().clone(), DType::F32)
}
