//! Hyperparameters as functions of the step.

use std::{fmt, sync::Arc};

/// A number for each step: a learning rate, usually.
///
/// Steps count from 0. A schedule is a function; it keeps nothing, so a run that is resumed goes on where it was.
///
/// ```
/// use catena::{optimizers::Schedule, prelude::*};
///
/// let schedule = Schedule::cosine(0.1, 0.0, 1000).warm_up(0.01, 100);
/// let model = L::Linear::new(3, 2);
/// let mut optimizer = Sgd::new(0.1).setup(&model);
/// // In the training loop:
/// optimizer.lr = schedule.at(optimizer.t());
/// assert_eq!(optimizer.lr, 0.01);
/// ```
#[derive(Clone)]
pub struct Schedule(Arc<dyn Fn(u64) -> f64 + Send + Sync>);

impl Schedule {
    /// Any function of the step.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let root = Schedule::new(|t| 0.1 / ((t + 1) as f64).sqrt());
    /// assert_eq!(root.at(3), 0.05);
    /// ```
    pub fn new(value: impl Fn(u64) -> f64 + Send + Sync + 'static) -> Schedule {
        Schedule(Arc::new(value))
    }

    /// The value in step `t`.
    pub fn at(&self, t: u64) -> f64 {
        (self.0)(t)
    }

    /// `value` in every step.
    pub fn constant(value: f64) -> Schedule {
        Schedule::new(move |_| value)
    }

    /// `value * gamma^(t / every)`, the quotient rounded down.
    ///
    /// # Panics
    /// When `every` is 0.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let s = Schedule::step(1.0, 0.5, 10);
    /// assert_eq!([0, 9, 10, 25].map(|t| s.at(t)), [1.0, 1.0, 0.5, 0.25]);
    /// ```
    #[track_caller]
    pub fn step(value: f64, gamma: f64, every: u64) -> Schedule {
        assert!(every > 0, "Schedule::step: expected an interval of at least one step, got 0");
        Schedule::new(move |t| value * power(gamma, t / every))
    }

    /// `value * gamma^k`, where `k` is the number of `milestones` reached.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let s = Schedule::multistep(1.0, 0.5, [10, 15]);
    /// assert_eq!([9, 10, 15].map(|t| s.at(t)), [1.0, 0.5, 0.25]);
    /// ```
    pub fn multistep(value: f64, gamma: f64, milestones: impl Into<Vec<u64>>) -> Schedule {
        let milestones = milestones.into();
        Schedule::new(move |t| value * power(gamma, milestones.iter().filter(|&&m| t >= m).count() as u64))
    }

    /// `value * rate^t`.
    pub fn exponential(value: f64, rate: f64) -> Schedule {
        Schedule::new(move |t| value * rate.powf(t as f64))
    }

    /// `value * (1 + gamma * t)^-power`.
    pub fn inverse(value: f64, gamma: f64, power: f64) -> Schedule {
        Schedule::new(move |t| value * (1.0 + gamma * t as f64).powf(-power))
    }

    /// From `first` to `last` in `steps` steps, `last + (first - last) * (1 - t / steps)^power`, then `last`.
    ///
    /// # Panics
    /// When `steps` is 0.
    #[track_caller]
    pub fn polynomial(first: f64, last: f64, power: f64, steps: u64) -> Schedule {
        assert!(steps > 0, "Schedule::polynomial: expected at least one step, got 0");
        Schedule::new(move |t| last + (first - last) * (1.0 - t.min(steps) as f64 / steps as f64).powf(power))
    }

    /// In a straight line from `first` to `last` in `steps` steps, then `last`.
    ///
    /// # Panics
    /// When `steps` is 0.
    #[track_caller]
    pub fn linear(first: f64, last: f64, steps: u64) -> Schedule {
        Schedule::polynomial(first, last, 1.0, steps)
    }

    /// Half a cosine from `first` to `last` in `steps` steps, then `last` (Loshchilov and Hutter, 2017):
    /// `last + (first - last) * (1 + cos(pi * t / steps)) / 2`.
    ///
    /// # Panics
    /// When `steps` is 0.
    #[track_caller]
    pub fn cosine(first: f64, last: f64, steps: u64) -> Schedule {
        assert!(steps > 0, "Schedule::cosine: expected at least one step, got 0");
        Schedule::new(move |t| half_cosine(first, last, t.min(steps) as f64 / steps as f64))
    }

    /// [`Schedule::cosine`] again and again; each time `factor` times as long as before.
    ///
    /// # Panics
    /// When `steps` or `factor` is 0.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let s = Schedule::cosine_with_restarts(1.0, 0.0, 10, 2);
    /// assert_eq!([0, 10, 20, 30].map(|t| (s.at(t) * 10.0).round() / 10.0), [1.0, 1.0, 0.5, 1.0]);
    /// ```
    #[track_caller]
    pub fn cosine_with_restarts(first: f64, last: f64, steps: u64, factor: u64) -> Schedule {
        assert!(steps > 0, "Schedule::cosine_with_restarts: expected at least one step, got 0");
        assert!(factor > 0, "Schedule::cosine_with_restarts: expected a factor of at least 1, got 0");
        Schedule::new(move |t| {
            let (mut t, mut length) = (t, steps);
            if factor == 1 {
                t %= length;
            }
            while t >= length {
                t -= length;
                length = length.saturating_mul(factor);
            }
            half_cosine(first, last, t as f64 / length as f64)
        })
    }

    /// Up to `most` in the first `rising` share of `steps` steps and down again, both by half a cosine (Smith and Topin,
    /// 2018): from `most / 25` to `most`, then to `most / 250,000`.
    ///
    /// # Panics
    /// When `steps` is 0 or `rising` is not between 0 and 1.
    #[track_caller]
    pub fn one_cycle(most: f64, steps: u64, rising: f64) -> Schedule {
        assert!(steps > 0, "Schedule::one_cycle: expected at least one step, got 0");
        assert!((0.0..=1.0).contains(&rising), "Schedule::one_cycle: expected a share between 0 and 1, got {rising}");
        let (first, last, top) = (most / 25.0, most / 250_000.0, rising * steps as f64);
        Schedule::new(move |t| {
            let t = t.min(steps) as f64;
            if t < top {
                half_cosine(first, most, t / top)
            } else if top < steps as f64 {
                half_cosine(most, last, (t - top) / (steps as f64 - top))
            } else {
                most
            }
        })
    }

    /// First in a straight line from `first` to this schedule's beginning in `steps` steps, then this schedule.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let s = Schedule::constant(1.0).warm_up(0.0, 4);
    /// assert_eq!([0, 1, 2, 4, 9].map(|t| s.at(t)), [0.0, 0.25, 0.5, 1.0, 1.0]);
    /// ```
    #[must_use]
    pub fn warm_up(self, first: f64, steps: u64) -> Schedule {
        let goal = self.at(0);
        Schedule::new(
            move |t| {
                if t < steps { first + (goal - first) * t as f64 / steps as f64 } else { self.at(t - steps) }
            },
        )
    }

    /// This schedule for `steps` steps, then `next` from its beginning.
    ///
    /// ```
    /// # use catena::optimizers::Schedule;
    /// let s = Schedule::constant(1.0).then(10, Schedule::exponential(0.5, 0.5));
    /// assert_eq!([9, 10, 11].map(|t| s.at(t)), [1.0, 0.5, 0.25]);
    /// ```
    #[must_use]
    pub fn then(self, steps: u64, next: Schedule) -> Schedule {
        Schedule::new(move |t| if t < steps { self.at(t) } else { next.at(t - steps) })
    }
}

fn power(base: f64, exponent: u64) -> f64 {
    base.powi(i32::try_from(exponent).unwrap_or(i32::MAX))
}

fn half_cosine(first: f64, last: f64, share: f64) -> f64 {
    last + (first - last) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({}, {}, {}, ..)", self.at(0), self.at(1), self.at(2))
    }
}
