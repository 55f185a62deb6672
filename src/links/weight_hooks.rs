//! What is made of a parameter before each use of it: normalised weights.

use super::{
    initializers::Zero,
    link::{Path, Replica, Visit},
    parameter::{Parameter, Persistent},
};
use crate::{
    autograd::{Variable, config, no_backprop},
    device::Device,
    functions as F, random,
    shape::{DType, Shape},
    tensor::Tensor,
};
use std::fmt::Debug;

/// Made of a parameter's values whenever a link asks for them; see [`Parameter::add_hook`](super::Parameter::add_hook).
///
/// Gradients reach the parameter through it, and optimizers change the parameter itself.
pub trait WeightHook: Debug + Send + Sync + 'static {
    /// What a link gets for the parameter.
    fn apply(&self, w: &Variable) -> Variable;

    /// Shows what the hook keeps or learns, below the link that has the parameter.
    fn visit(&self, _name: &str, _link: &mut Path, _visitor: &mut dyn Visit) {}

    /// The hook for another parameter.
    fn replicate(&self, replica: Replica) -> Box<dyn WeightHook>;
}

/// Weights as a matrix of a row for each output, which counts along `axis`.
fn matrix(w: &Variable, axis: usize) -> Variable {
    let rows = w.shape()[axis];
    if axis == 0 {
        return F::reshape(w, [rows as isize, -1]);
    }
    let mut order: Vec<isize> = (0..w.ndim() as isize).collect();
    order.swap(0, axis);
    F::reshape(&F::transpose(w, Some(&order)), [rows as isize, -1])
}

/// The shape of `w` with ones for all axes but `axis`.
fn along(w: &Variable, axis: usize) -> Shape {
    (0..w.ndim()).map(|i| if i == axis { w.shape()[i] } else { 1 }).collect()
}

/// Weights over their largest singular value, found by power iteration.
///
/// The left singular vector is kept as `<name>_u`, and moves on with each use in training (Miyato et al., "Spectral
/// Normalization for Generative Adversarial Networks", 2018).
///
/// ```
/// # use catena::prelude::*;
/// let layer = L::Linear::new(3, 2).nobias();
/// layer.W.add_hook(L::SpectralNormalization::new().iterations(20));
/// let x = Variable::constant(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
/// assert_eq!(layer.forward(&x).shape()[..], [4, 2]);
/// assert_eq!(layer.namedpersistents()[0].0, "/W_u");
/// ```
#[derive(Debug)]
pub struct SpectralNormalization {
    iterations: usize,
    eps: f64,
    factor: f64,
    axis: usize,
    u: Persistent,
    gamma: Option<Parameter>,
}

impl Default for SpectralNormalization {
    fn default() -> SpectralNormalization {
        let nothing = Tensor::zeros([0], DType::F32, &Device::cpu());
        SpectralNormalization {
            iterations: 1,
            eps: 1e-6,
            factor: 1.0,
            axis: 0,
            u: Persistent::new(nothing),
            gamma: None,
        }
    }
}

impl SpectralNormalization {
    /// One iteration a use, and outputs along the first axis.
    pub fn new() -> SpectralNormalization {
        SpectralNormalization::default()
    }

    /// With this many iterations a use.
    #[must_use]
    pub fn iterations(self, iterations: usize) -> SpectralNormalization {
        SpectralNormalization { iterations, ..self }
    }

    /// To this largest singular value in place of 1.
    #[must_use]
    pub fn factor(self, factor: f64) -> SpectralNormalization {
        SpectralNormalization { factor, ..self }
    }

    /// With this added to the lengths of vectors before a division; 1e-6 by default.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let layer = L::Linear::new(3, 2).nobias();
    /// layer.W.add_hook(L::SpectralNormalization::new().eps(1e-12));
    /// ```
    #[must_use]
    pub fn eps(self, eps: f64) -> SpectralNormalization {
        SpectralNormalization { eps, ..self }
    }

    /// With outputs along another axis: 1 for deconvolutions and tables of vectors.
    #[must_use]
    pub fn axis(self, axis: usize) -> SpectralNormalization {
        SpectralNormalization { axis, ..self }
    }

    /// Times a factor that is learnt, `gamma`, which starts at the largest singular value.
    #[must_use]
    pub fn with_gamma(self) -> SpectralNormalization {
        SpectralNormalization { gamma: Some(Parameter::lazy(Zero)), ..self }
    }

    /// The vectors of the largest singular value after `iterations` from `u` on.
    fn vectors(&self, m: &Tensor, mut u: Tensor, iterations: usize) -> (Tensor, Tensor) {
        let unit = |v: Tensor| {
            let norm = v.mul(&v).sum(None, true).sqrt().add_scalar(self.eps);
            v.div(&norm)
        };
        let mut v = unit(m.matmul(&u, true, false));
        for i in 0..iterations.max(1) {
            if i > 0 {
                v = unit(m.matmul(&u, true, false));
            }
            u = unit(m.matmul(&v, false, false));
        }
        (u, v)
    }
}

impl WeightHook for SpectralNormalization {
    #[track_caller]
    fn apply(&self, w: &Variable) -> Variable {
        let m = matrix(w, self.axis);
        let rows = m.shape()[0];
        if self.u.data().size() == 0 {
            let mut start = vec![0.0f32; rows];
            random::with(|g| g.fill_normal(&mut start));
            self.u.set_data(Tensor::from_slice(&start, [rows], w.device()));
        }
        let first = self.gamma.as_ref().is_some_and(|g| !g.is_initialized());
        let (u, v) = {
            let _scope = no_backprop();
            let u = self.u.data().to_device(w.device()).cast(w.dtype()).reshape([rows as isize, 1]);
            self.vectors(m.data(), u, if first { self.iterations.max(30) } else { self.iterations })
        };
        if config().train {
            self.u.set_data(u.reshape([rows as isize]).settle());
        }
        let [u, v] = [u, v].map(Variable::constant);
        let sigma = F::sum(&(u * F::matmul(&m, &v)));
        let scaled = w / (&sigma * (1.0 / self.factor));
        match &self.gamma {
            None => scaled,
            Some(gamma) => {
                if first {
                    gamma.set_data(sigma.data().settle());
                }
                scaled * gamma.variable()
            }
        }
    }

    fn visit(&self, name: &str, link: &mut Path, visitor: &mut dyn Visit) {
        if let Some(gamma) = &self.gamma {
            link.child("gamma", |path| visitor.parameter(path.as_str(), gamma));
        }
        link.child(&format!("{name}_u"), |path| visitor.persistent(path.as_str(), &self.u));
    }

    fn replicate(&self, replica: Replica) -> Box<dyn WeightHook> {
        use super::Link;
        let gamma = self.gamma.as_ref().map(|g| match replica {
            Replica::Init => Parameter::lazy(Zero),
            other => g.replicate(other),
        });
        let u = match replica {
            Replica::Init => SpectralNormalization::default().u,
            other => self.u.replicate(other),
        };
        Box::new(SpectralNormalization { u, gamma, ..*self })
    }
}

/// Each output's weights to mean 0 and variance 1.
///
/// (Qiao et al., "Weight Standardization", 2019.)
///
/// ```
/// # use catena::prelude::*;
/// let layer = L::Linear::new(3, 2).nobias();
/// layer.W.add_hook(L::WeightStandardization::default());
/// let ones = Variable::constant(Tensor::ones([1, 3], DType::F32, &Device::cpu()));
/// assert!(layer.forward(&ones).data().to_vec::<f32>().unwrap()[0].abs() < 1e-5);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct WeightStandardization {
    /// Added to the variance; 1e-5 by default.
    pub eps: f64,
}

impl Default for WeightStandardization {
    fn default() -> WeightStandardization {
        WeightStandardization { eps: 1e-5 }
    }
}

impl WeightHook for WeightStandardization {
    #[track_caller]
    fn apply(&self, w: &Variable) -> Variable {
        let m = matrix(w, 0);
        let of = |v: f64| Variable::constant(Tensor::full([m.shape()[1]], v, w.dtype(), w.device()));
        F::with_shape(&F::layer_normalization(&m, &of(1.0), &of(0.0), self.eps), w.shape().clone())
    }

    fn replicate(&self, _: Replica) -> Box<dyn WeightHook> {
        Box::new(*self)
    }
}

/// Each output's weights as a direction and a length: `w = g * v / |v|`, with both learnt.
///
/// The lengths are the parameter `<name>_g`, which starts at those of the parameter's values (Salimans and Kingma, "Weight
/// Normalization", 2016).
///
/// ```
/// # use catena::prelude::*;
/// let layer = L::Linear::new(3, 2).nobias();
/// let before = layer.W.data().to_vec::<f32>().unwrap();
/// layer.W.add_hook(L::WeightNormalization::new());
/// let same = layer.W.variable().data().to_vec::<f32>().unwrap();
/// assert!(before.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-5));
/// assert_eq!(layer.namedparams()[1].0, "/W_g");
/// ```
#[derive(Debug)]
pub struct WeightNormalization {
    axis: usize,
    g: Parameter,
}

impl Default for WeightNormalization {
    fn default() -> WeightNormalization {
        WeightNormalization { axis: 0, g: Parameter::lazy(Zero) }
    }
}

impl WeightNormalization {
    /// With outputs along the first axis.
    pub fn new() -> WeightNormalization {
        WeightNormalization::default()
    }

    /// With outputs along another axis.
    #[must_use]
    pub fn axis(self, axis: usize) -> WeightNormalization {
        WeightNormalization { axis, ..self }
    }
}

impl WeightHook for WeightNormalization {
    #[track_caller]
    fn apply(&self, w: &Variable) -> Variable {
        let over: Vec<isize> = (0..w.ndim()).filter(|&i| i != self.axis).map(|i| i as isize).collect();
        let norm = F::sqrt(&F::sum_axes(&F::square(w), Some(&over), true));
        if !self.g.is_initialized() {
            self.g.set_data(norm.data().with_shape(&Shape::from(w.shape()[self.axis])).settle());
        }
        w / norm * F::with_shape(&self.g.variable(), along(w, self.axis))
    }

    fn visit(&self, name: &str, link: &mut Path, visitor: &mut dyn Visit) {
        link.child(&format!("{name}_g"), |path| visitor.parameter(path.as_str(), &self.g));
    }

    fn replicate(&self, replica: Replica) -> Box<dyn WeightHook> {
        use super::Link;
        let g = match replica {
            Replica::Init => Parameter::lazy(Zero),
            other => self.g.replicate(other),
        };
        Box::new(WeightNormalization { g, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        autograd::test_mode,
        links::{Linear, Link},
    };

    /// A layer of the squares of 0 to 11 as weights, and what it makes of them with a hook.
    fn hooked(hook: impl WeightHook) -> (Linear, Vec<f32>) {
        let layer = Linear::new(4, 3).nobias();
        let squares: Vec<f32> = (0..12).map(|i| (i * i) as f32).collect();
        layer.W.set_data(Tensor::from_slice(&squares, [3, 4], &Device::cpu()));
        layer.W.add_hook(hook);
        let values = layer.W.variable().data().to_vec().unwrap();
        (layer, values)
    }

    fn near(actual: &[f32], expected: &[f32]) {
        assert!(actual.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-5), "{actual:?}, expected {expected:?}");
    }

    #[test]
    fn values_are_chainers() {
        let (_, w) = hooked(WeightStandardization::default());
        near(&w[..4], &[-0.999_999_6, -0.714_285_4, 0.142_857_1, 1.571_428]);
        near(&w[8..], &[-1.293_133_6, -0.493_741_9, 0.399_695_8, 1.387_179_6]);
        let (_, w) = hooked(SpectralNormalization::new().iterations(50));
        near(&w[..4], &[0.0, 0.005_008_638, 0.020_034_55, 0.045_077_74]);
        near(&w[11..], &[0.606_045_2]);
        // One row of ones: u = 2 / (2 + eps), v = 1/2, and w / (u m v) for eps = 2.
        let layer = Linear::new(4, 1).nobias();
        layer.W.set_data(Tensor::ones([1, 4], DType::F32, &Device::cpu()));
        layer.W.add_hook(SpectralNormalization::new().iterations(1));
        near(&layer.W.variable().data().to_vec::<f32>().unwrap(), &[0.5; 4]);
        layer.W.add_hook(SpectralNormalization::new().eps(2.0));
        assert!(layer.W.variable().data().to_vec::<f32>().unwrap()[0] > 0.7, "eps shortens the vectors");
    }

    #[test]
    fn learnt_lengths_and_factors_start_where_the_weights_are() {
        let (layer, w) = hooked(WeightNormalization::new());
        near(&w.iter().map(|v| v / 100.0).collect::<Vec<_>>(), &[0.0, 0.01, 0.04, 0.09, 0.16, 0.25]);
        assert_eq!(layer.namedparams().iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["/W", "/W_g"]);
        let (layer, w) = hooked(SpectralNormalization::new().with_gamma());
        near(&[w[11] / 100.0], &[1.21]);
        assert_eq!(layer.namedparams()[1].0, "/gamma");
    }

    #[test]
    fn gradients_reach_the_parameter_and_what_the_hook_learns() {
        let (layer, _) = hooked(WeightNormalization::new());
        let x = Variable::constant(Tensor::ones([2, 4], DType::F32, &Device::cpu()));
        F::sum(&F::square(&layer.forward(&x))).backward();
        for (name, p) in layer.namedparams() {
            let g = p.grad().unwrap_or_else(|| panic!("{name} has no gradient"));
            assert!(g.to_vec::<f32>().unwrap().iter().any(|&v| v != 0.0), "{name}");
        }
        // A direction's gradient does not change its length.
        let along = layer.W.data().mul(&layer.W.grad().unwrap()).sum(Some(&[1]), false);
        assert!(along.to_vec::<f32>().unwrap().iter().all(|v| v.abs() < 10.0));
    }

    #[test]
    fn the_vector_stands_still_in_evaluation_and_copies_have_their_own() {
        let (layer, _) = hooked(SpectralNormalization::new());
        let vector = |l: &Linear| l.namedpersistents()[0].1.data().to_vec::<f32>().unwrap();
        let before = vector(&layer);
        {
            let _scope = test_mode();
            layer.W.variable();
            assert_eq!(vector(&layer), before);
        }
        let copy = layer.copy();
        layer.W.variable();
        assert_ne!(vector(&layer), before);
        assert_eq!(vector(&copy), before);
        layer.W.remove_hook();
        assert_eq!(layer.W.variable().data().to_vec::<f32>().unwrap()[3], 9.0);
    }
}
