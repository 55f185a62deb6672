use crate::{
    autograd::Variable,
    functions as F,
    links::{Layer, Parameter, initializers::Normal},
    shape::Slice,
    tensor::Tensor,
};
use parking_lot::Mutex;
use std::sync::Arc;

crate::chain! {
    /// Adds sines and cosines of the position, which no one has to learn.
    ///
    /// `x[.., t, 2 i] + sin(t / 10000^(2 i / size))` and `x[.., t, 2 i + 1] + cos(t / 10000^(2 i / size))` for `x` of shape
    /// `(B, T, size)`. Vaswani et al., 2017.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Variable::constant(Tensor::zeros([1, 3, 4], DType::F32, &Device::cpu()));
    /// let y = L::SinusoidalEncoding::default().forward(&x);
    /// assert_eq!(y.data().to_vec::<f32>().unwrap()[..4], [0.0, 1.0, 0.0, 1.0]);
    /// ```
    #[derive(Debug, Default)]
    pub struct SinusoidalEncoding {
        /// For the longest sequence so far.
        #[plain]
        table: Arc<Mutex<Option<Tensor>>>,
    }
}

impl SinusoidalEncoding {
    /// `x` with its positions.
    ///
    /// # Panics
    /// When `x` has no axes for positions and values.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let (length, size) = positions("SinusoidalEncoding", x);
        let mut kept = self.table.lock();
        let fits = |t: &Tensor| {
            t.shape()[0] >= length && t.shape()[1] == size && t.device() == x.device() && t.dtype() == x.dtype()
        };
        let table = kept.take().filter(fits).unwrap_or_else(|| {
            let value = |t: usize, j: usize| {
                let angle = t as f64 / 10_000f64.powf((j - j % 2) as f64 / size as f64);
                (if j.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
            };
            let values: Vec<f32> = (0..length).flat_map(|t| (0..size).map(move |j| value(t, j))).collect();
            Tensor::from_slice(&values, [length, size], x.device()).cast(x.dtype())
        });
        let rows = table.slice(&[(0..length).into()]);
        *kept = Some(table);
        x + Variable::constant(rows)
    }
}

impl Layer for SinusoidalEncoding {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        SinusoidalEncoding::forward(self, x)
    }
}

/// Length and size of `(.., T, size)`.
#[track_caller]
fn positions(link: &str, x: &Variable) -> (usize, usize) {
    match x.shape()[..] {
        [.., length, size] => (length, size),
        _ => panic!("{link}: expected x of shape (.., length, size), got {}", x.shape()),
    }
}

crate::chain! {
    /// Adds a vector that is learnt for each position: `x[.., t, :] + W[t, :]` for `x` of shape `(B, T, size)`.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let x = Variable::constant(Tensor::zeros([1, 3, 4], DType::F32, &Device::cpu()));
    /// assert_eq!(L::LearnedEncoding::new(10, 4).forward(&x).shape()[..], [1, 3, 4]);
    /// ```
    #[derive(Debug)]
    pub struct LearnedEncoding {
        /// Vectors, `(longest, size)`.
        pub W: Parameter,
    }
}

impl LearnedEncoding {
    /// For at most `longest` positions of `size` values, drawn from a normal distribution of deviation 0.02.
    pub fn new(longest: usize, size: usize) -> LearnedEncoding {
        LearnedEncoding { W: Parameter::new([longest, size], Normal(0.02)) }
    }

    /// `x` with its positions.
    ///
    /// # Panics
    /// When there are more positions than vectors, or sizes differ.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let (length, _) = positions("LearnedEncoding", x);
        let w = self.W.variable();
        let longest = w.shape()[0];
        assert!(length <= longest, "LearnedEncoding: expected at most {longest} positions, got {length}");
        x + F::get_item(&w, &[Slice::from(0..length)])
    }
}

impl Layer for LearnedEncoding {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        LearnedEncoding::forward(self, x)
    }
}
