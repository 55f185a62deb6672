use super::{Distribution, KlDivergence};
use crate::{autograd::Variable, functions as F, shape::Shape};

/// A distribution whose last batch axes are seen as one event: log-probabilities, entropies and divergences add up over
/// them.
///
/// ```
/// # use catena::{distributions::{Distribution, Independent, Normal}, prelude::*};
/// let pixels = Independent::new(Normal::standard([5, 3], &Device::cpu()), 1);
/// assert_eq!((pixels.batch_shape().to_string(), pixels.event_shape().to_string()), ("(5,)".into(), "(3,)".into()));
/// assert_eq!(pixels.entropy().shape()[..], [5]);
/// ```
#[derive(Debug, Clone)]
pub struct Independent<D> {
    /// The distribution inside.
    pub distribution: D,
    axes: usize,
}

impl<D: Distribution> Independent<D> {
    /// With this many axes of the batch as the event's first.
    ///
    /// # Panics
    /// When the batch has fewer.
    #[track_caller]
    pub fn new(distribution: D, axes: usize) -> Independent<D> {
        let batch = distribution.batch_shape();
        assert!(
            axes <= batch.len(),
            "Independent: expected at most the {} axes of batch {batch}, got {axes}",
            batch.len()
        );
        Independent { distribution, axes }
    }

    fn summed(&self, x: &Variable) -> Variable {
        let axes: Vec<isize> = (1..=self.axes as isize).map(|a| -a).collect();
        F::sum_axes(x, Some(&axes), false)
    }
}

impl<D: Distribution> Distribution for Independent<D> {
    fn batch_shape(&self) -> Shape {
        let batch = self.distribution.batch_shape();
        batch[..batch.len() - self.axes].iter().copied().collect()
    }

    fn event_shape(&self) -> Shape {
        let batch = self.distribution.batch_shape();
        batch[batch.len() - self.axes..].iter().chain(self.distribution.event_shape().iter()).copied().collect()
    }

    fn log_prob(&self, x: &Variable) -> Variable {
        self.summed(&self.distribution.log_prob(x))
    }

    fn sample(&self, shape: &[usize]) -> Variable {
        self.distribution.sample(shape)
    }

    fn entropy(&self) -> Variable {
        self.summed(&self.distribution.entropy())
    }

    fn mean(&self) -> Variable {
        self.distribution.mean()
    }

    fn variance(&self) -> Variable {
        self.distribution.variance()
    }
}

impl<D: KlDivergence> KlDivergence for Independent<D> {
    fn kl_divergence(&self, q: &Independent<D>) -> Variable {
        assert_eq!(self.axes, q.axes, "kl_divergence: both see as many axes as one event");
        self.summed(&self.distribution.kl_divergence(&q.distribution))
    }
}
