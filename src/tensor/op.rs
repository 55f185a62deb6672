//! Elementwise operators as values: a WGSL function, and the same on the CPU as loops over blocks.

use super::Real;
use smallvec::SmallVec;

/// A WGSL file of the `shaders` folder: path and text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wgsl {
    /// Path below `shaders/`.
    pub path: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Names a WGSL file of the `shaders` folder: `wgsl!("activation/relu.wgsl")`.
macro_rules! wgsl {
    ($path:literal) => {
        $crate::tensor::Wgsl {
            path: $path,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path)),
        }
    };
}
pub(crate) use wgsl;

/// A number that an operator carries beside its tensors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// A real; WGSL receives it as `T`.
    F(f64),
    /// A word, such as half of a seed; WGSL receives it as `u32`.
    U(u32),
}

impl Scalar {
    /// The value as a real.
    pub fn real(self) -> f64 {
        match self {
            Scalar::F(v) => v,
            Scalar::U(v) => f64::from(v),
        }
    }

    /// The value as a word; zero for a real.
    pub fn word(self) -> u32 {
        match self {
            Scalar::U(v) => v,
            Scalar::F(_) => 0,
        }
    }
}

/// The scalars of one application.
pub type Scalars = SmallVec<[Scalar; 4]>;

/// Computes one block: the operands' blocks, the scalars, the position of the first element, the result.
pub type BlockFn<R> = fn(&[&[R]], &[Scalar], usize, &mut [R]);

/// An elementwise operator.
///
/// Its WGSL function is `f_<name>` and takes the operands as `T`, then the scalars, then, if `indexed`, the position of
/// the element as `u32`. The CPU runs `f32` or `f64`.
#[derive(Clone, Copy)]
pub struct Op {
    /// Unique among operators.
    pub name: &'static str,
    /// The WGSL files with the function and what it calls.
    pub files: &'static [Wgsl],
    /// Number of operands.
    pub arity: usize,
    /// Whether the function takes the element's position.
    pub indexed: bool,
    /// Whether it is so little that row kernels compute it as they read its operands, even if others do that too. That
    /// moves less memory than writing and reading the values would, unless a holder asks for them afterwards.
    pub cheap: bool,
    /// The block loop in `f32`.
    pub f32: BlockFn<f32>,
    /// The block loop in `f64`.
    pub f64: BlockFn<f64>,
}

impl Op {
    /// Whether it gives one number, the same everywhere: such a pending tensor holds on to nothing.
    pub(crate) fn is_constant(&self) -> bool {
        self.arity == 0 && !self.indexed
    }
}

impl std::fmt::Debug for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Op({})", self.name)
    }
}

/// A definition for one element that the compiler turns into block loops.
pub(crate) trait Pointwise<const N: usize, const K: usize> {
    fn at<R: Real>(x: [R; N], s: [R; K]) -> R;

    /// Whether `at` does not hold for an element: [`rare`](Pointwise::rare) does.
    #[inline(always)]
    fn is_rare<R: Real>(_: [R; N]) -> bool {
        false
    }

    /// The value for such an element, of a definition that no vector could hold.
    fn rare<R: Real>(x: [R; N], s: [R; K]) -> R {
        Self::at(x, s)
    }
}

/// The loop of a definition, compiled for what the processor has.
pub(crate) fn block<R: Real, D: Pointwise<N, K>, const N: usize, const K: usize>(
    args: &[&[R]],
    scalars: &[Scalar],
    _: usize,
    out: &mut [R],
) {
    struct Loop<'a, R, D, const N: usize, const K: usize> {
        x: [&'a [R]; N],
        s: [R; K],
        out: &'a mut [R],
        definition: std::marker::PhantomData<D>,
    }
    impl<R: Real, D: Pointwise<N, K>, const N: usize, const K: usize> pulp::NullaryFnOnce for Loop<'_, R, D, N, K> {
        type Output = bool;
        #[inline(always)]
        fn call(self) -> bool {
            let mut rare = false;
            for i in 0..self.out.len() {
                let x = std::array::from_fn(|k| self.x[k][i]);
                self.out[i] = D::at(x, self.s);
                rare |= D::is_rare(x);
            }
            rare
        }
    }
    let n = out.len();
    let x: [&[R]; N] = std::array::from_fn(|k| &args[k][..n]);
    let s = std::array::from_fn(|k| R::of(scalars[k].real()));
    let run = Loop::<R, D, N, K> { x, s, out: &mut *out, definition: std::marker::PhantomData };
    if pulp::Arch::new().dispatch(run) {
        for (i, out) in out.iter_mut().enumerate() {
            let x = std::array::from_fn(|k| x[k][i]);
            if D::is_rare(x) {
                *out = D::rare(x, s);
            }
        }
    }
}
