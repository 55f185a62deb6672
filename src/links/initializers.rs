//! Initial values of parameters.
//!
//! Values are drawn in `float32` on the host from a counter-based generator: a seed gives the same weights everywhere.

mod structured;

pub use structured::{DownsamplingConvFilter, Identity, Mode, NaN, Orthogonal, UpsamplingDeconvFilter};

use crate::{kernel::philox::Generator, shape::Shape};
use std::{cell::Cell, fmt::Debug, marker::PhantomData};

thread_local! {
    static UNFILLED: Cell<bool> = const { Cell::new(false) };
}

/// Parameters of this thread get shapes and no values, until it is dropped.
#[must_use = "values are drawn again as soon as the scope is dropped"]
pub struct WithoutValues {
    before: bool,
    // As settings are the thread's, the scope must end on the one where it began.
    thread: PhantomData<*const ()>,
}

impl Drop for WithoutValues {
    fn drop(&mut self) {
        UNFILLED.set(self.before);
    }
}

/// Parameters that are made until the scope is dropped have their shapes, and zeros that are neither drawn nor kept in
/// memory: for links that are loaded from a file, or only counted.
///
/// ```
/// # use catena::{links::initializers::without_values, prelude::*};
/// let layer = {
///     let _scope = without_values();
///     L::Linear::new(100_000, 100_000) // 40 GB, were they there
/// };
/// assert_eq!(layer.count_params(), 10_000_100_000);
/// ```
pub fn without_values() -> WithoutValues {
    WithoutValues { before: UNFILLED.replace(true), thread: PhantomData }
}

/// Whether parameters get no values now.
pub(super) fn are_unfilled() -> bool {
    UNFILLED.get()
}

/// Draws initial values.
pub trait Initializer: Debug + Send + Sync + 'static {
    /// Values of a parameter of this shape, in row-major order.
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32>;
}

/// Inputs and outputs of one unit: `shape[1] * receptive` and `shape[0] * receptive`, where `receptive` is the number of
/// elements of the axes after the second.
///
/// # Panics
/// When the shape has fewer than two axes.
#[track_caller]
pub fn get_fans(shape: &Shape) -> (usize, usize) {
    assert!(shape.len() >= 2, "get_fans: expected a shape of at least two axes, got {shape}");
    let receptive: usize = shape[2..].iter().product();
    (shape[1] * receptive, shape[0] * receptive)
}

fn normal(shape: &Shape, deviation: f64, generator: &mut Generator) -> Vec<f32> {
    let mut values = vec![0.0f32; shape.size()];
    generator.fill_normal(&mut values);
    values.iter_mut().for_each(|v| *v *= deviation as f32);
    values
}

fn uniform(shape: &Shape, bound: f64, generator: &mut Generator) -> Vec<f32> {
    let mut values = vec![0.0f32; shape.size()];
    generator.fill_uniform(&mut values);
    values.iter_mut().for_each(|v| *v = ((2.0 * f64::from(*v) - 1.0) * bound) as f32);
    values
}

/// Which side of a unit sets the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fan {
    /// Its inputs.
    #[default]
    In,
    /// Its outputs.
    Out,
}

impl Fan {
    fn of(self, shape: &Shape) -> f64 {
        let (inputs, outputs) = get_fans(shape);
        (if self == Fan::In { inputs } else { outputs }) as f64
    }
}

macro_rules! scaled {
    ($($(#[$doc:meta])* $name:ident, $draw:ident, |$s:ident, $shape:ident| $value:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name {
            /// Factor of the deviation or bound.
            pub scale: f64,
        }
        impl Default for $name {
            fn default() -> $name {
                $name { scale: 1.0 }
            }
        }
        impl Initializer for $name {
            fn draw(&self, $shape: &Shape, generator: &mut Generator) -> Vec<f32> {
                let $s = self.scale;
                $draw($shape, $value, generator)
            }
        }
    )*};
}

scaled! {
    /// Normal of deviation `scale * sqrt(1 / fan_in)`: the default of most links.
    LeCunNormal, normal, |s, shape| s * (1.0 / Fan::In.of(shape)).sqrt();
    /// Uniform within `+-scale * sqrt(3 / fan_in)`.
    LeCunUniform, uniform, |s, shape| s * (3.0 / Fan::In.of(shape)).sqrt();
    /// Normal of deviation `scale * sqrt(2 / (fan_in + fan_out))`.
    GlorotNormal, normal, |s, shape| s * (2.0 / (Fan::In.of(shape) + Fan::Out.of(shape))).sqrt();
    /// Uniform within `+-scale * sqrt(6 / (fan_in + fan_out))`.
    GlorotUniform, uniform, |s, shape| s * (6.0 / (Fan::In.of(shape) + Fan::Out.of(shape))).sqrt();
    /// Uniform within `+-scale * sqrt(6 / fan_in)`.
    HeUniform, uniform, |s, shape| s * (6.0 / Fan::In.of(shape)).sqrt();
}

/// Normal of deviation `scale * sqrt(2 / fan)`: for layers before a rectifier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeNormal {
    /// Factor of the deviation.
    pub scale: f64,
    /// Which side sets it.
    pub fan: Fan,
}

impl Default for HeNormal {
    fn default() -> HeNormal {
        HeNormal { scale: 1.0, fan: Fan::In }
    }
}

impl Initializer for HeNormal {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        normal(shape, self.scale * (2.0 / self.fan.of(shape)).sqrt(), generator)
    }
}

/// Normal of this deviation; 0.05 by default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal(pub f64);

impl Default for Normal {
    fn default() -> Normal {
        Normal(0.05)
    }
}

impl Initializer for Normal {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        normal(shape, self.0, generator)
    }
}

/// Uniform within `+-` this bound; 0.05 by default.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform(pub f64);

impl Default for Uniform {
    fn default() -> Uniform {
        Uniform(0.05)
    }
}

impl Initializer for Uniform {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        uniform(shape, self.0, generator)
    }
}

/// This number everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant(pub f64);

impl Initializer for Constant {
    fn draw(&self, shape: &Shape, _: &mut Generator) -> Vec<f32> {
        vec![self.0 as f32; shape.size()]
    }
}

/// Zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zero;

impl Initializer for Zero {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        Constant(0.0).draw(shape, generator)
    }
}

/// Ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct One;

impl Initializer for One {
    fn draw(&self, shape: &Shape, generator: &mut Generator) -> Vec<f32> {
        Constant(1.0).draw(shape, generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_are_chainers() {
        let fans = |s: &[usize]| get_fans(&Shape::from(s));
        assert_eq!(fans(&[3, 5]), (5, 3));
        assert_eq!(fans(&[4, 3, 2, 2]), (12, 16));
        assert_eq!(fans(&[6, 2, 5]), (10, 30));
        assert_eq!(fans(&[7, 4, 3, 3, 3]), (108, 189));
    }

    #[test]
    fn deviations_and_bounds_hold() {
        let shape = Shape::from([200, 300]);
        let of = |i: &dyn Initializer| {
            let v = i.draw(&shape, &mut Generator::new(1));
            let mean = v.iter().map(|&x| f64::from(x)).sum::<f64>() / v.len() as f64;
            let deviation = (v.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / v.len() as f64).sqrt();
            (mean, deviation, v.iter().fold(0.0f64, |m, &x| m.max(f64::from(x).abs())))
        };
        let near = |a: f64, b: f64| (a - b).abs() < 0.02 * b;
        assert!(near(of(&LeCunNormal::default()).1, (1.0f64 / 300.0).sqrt()));
        assert!(near(of(&GlorotNormal::default()).1, (2.0f64 / 500.0).sqrt()));
        assert!(near(of(&HeNormal { fan: Fan::Out, scale: 1.0 }).1, (2.0f64 / 200.0).sqrt()));
        for (i, bound) in [
            (&LeCunUniform::default() as &dyn Initializer, (3.0f64 / 300.0).sqrt()),
            (&GlorotUniform::default(), (6.0f64 / 500.0).sqrt()),
            (&HeUniform { scale: 2.0 }, 2.0 * (6.0f64 / 300.0).sqrt()),
            (&Uniform::default(), 0.05),
        ] {
            let (mean, deviation, most) = of(i);
            assert!(mean.abs() < 0.01 * bound.max(0.5) && near(deviation, bound / 3f64.sqrt()), "{i:?}");
            assert!(most <= bound * 1.000_001 && most > 0.99 * bound, "{i:?}: {most}");
        }
    }
}
