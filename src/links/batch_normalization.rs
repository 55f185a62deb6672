use super::{
    initializers::{Initializer, One, Zero},
    link::Layer,
    parameter::{Parameter, Persistent},
};
use crate::{
    autograd::{Variable, config},
    device::Device,
    functions::{
        self as F, BatchNormalization as Options, BatchRenormalization as RenormalizationOptions, RunningProjection,
        RunningStatistics,
    },
    shape::{DType, Shape},
    tensor::Tensor,
};

crate::chain! {
    /// Batch normalisation with running statistics, `y = gamma * (x - mean) / sqrt(var + eps) + beta`.
    ///
    /// In training statistics are those of the batch, and move the running ones; in evaluation
    /// ([`test_mode`](crate::autograd::test_mode)) they are the running ones. See
    /// [`batch_normalization`](crate::functions::batch_normalization).
    ///
    /// ```
    /// # use catena::{autograd::test_mode, prelude::*};
    /// let bn = L::BatchNormalization::new(2);
    /// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, 3.0, 6.0], [2, 2], &Device::cpu()));
    /// bn.forward(&x);
    /// assert!((bn.avg_mean.data().to_vec::<f32>().unwrap()[1] - 0.4).abs() < 1e-6);
    /// let _scope = test_mode();
    /// assert_eq!(bn.forward(&x).shape()[..], [2, 2]);
    /// ```
    #[derive(Debug)]
    pub struct BatchNormalization {
        /// Factors; none is 1.
        pub gamma: Option<Parameter>,
        /// Shifts; none is 0.
        pub beta: Option<Parameter>,
        /// Running means.
        pub avg_mean: Persistent,
        /// Running variances.
        pub avg_var: Persistent,
        /// Batches seen by [`BatchNormalization::finetune`].
        pub N: Persistent,
        #[plain]
        options: Options,
    }
}

/// Gives factors and shifts their shape, and running statistics that have none their first values.
fn initialize<'a>(
    factors: impl Iterator<Item = &'a Parameter>,
    [avg_mean, avg_var]: [&Persistent; 2],
    shape: &Shape,
    device: &Device,
) {
    factors.for_each(|p| p.initialize(shape.clone()));
    if avg_mean.data().size() == 0 && shape.size() > 0 {
        let (mean, var) = fresh(shape, device);
        avg_mean.set_data(mean);
        avg_var.set_data(var);
    }
}

/// The running statistics of a link before its first batch: of a shape, or of none yet.
fn fresh(shape: &Shape, device: &Device) -> (Tensor, Tensor) {
    (Tensor::zeros(shape.clone(), DType::F32, device).copy(), Tensor::ones(shape.clone(), DType::F32, device).copy())
}

impl BatchNormalization {
    /// For `size` channels; factors start at 1, shifts at 0, running means at 0 and variances at 1.
    pub fn new(size: impl Into<Shape>) -> BatchNormalization {
        BatchNormalization::with(size, Options::default())
    }

    /// As [`BatchNormalization::new`], with options.
    pub fn with(size: impl Into<Shape>, options: Options) -> BatchNormalization {
        let shape = size.into();
        let link = BatchNormalization::lazy_with(options);
        link.initialize(&shape, &Device::cpu());
        link
    }

    /// A link that learns its number of channels at the first call.
    pub fn lazy() -> BatchNormalization {
        BatchNormalization::lazy_with(Options::default())
    }

    /// As [`BatchNormalization::lazy`], with options.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let bn = L::BatchNormalization::lazy_with(F::BatchNormalization { decay: 0.5, ..Default::default() });
    /// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, 3.0, 6.0], [2, 2], &Device::cpu()));
    /// bn.forward(&x);
    /// assert_eq!(bn.avg_mean.data().to_vec::<f32>().unwrap(), [1.0, 2.0]);
    /// ```
    pub fn lazy_with(options: Options) -> BatchNormalization {
        let nothing = || Persistent::new(Tensor::zeros([0], DType::F32, &Device::cpu()));
        BatchNormalization {
            gamma: Some(Parameter::lazy(One)),
            beta: Some(Parameter::lazy(Zero)),
            avg_mean: nothing(),
            avg_var: nothing(),
            N: Persistent::new(Tensor::zeros((), DType::I32, &Device::cpu()).copy()),
            options,
        }
    }

    /// With other initial factors.
    #[must_use]
    pub fn initial_gamma(self, initializer: impl Initializer) -> BatchNormalization {
        let gamma = Parameter::lazy(initializer);
        if let Some(shape) = self.gamma.as_ref().and_then(Parameter::shape) {
            gamma.initialize(shape);
        }
        BatchNormalization { gamma: Some(gamma), ..self }
    }

    /// Without factors.
    #[must_use]
    pub fn no_gamma(self) -> BatchNormalization {
        BatchNormalization { gamma: None, ..self }
    }

    /// Without shifts.
    #[must_use]
    pub fn no_beta(self) -> BatchNormalization {
        BatchNormalization { beta: None, ..self }
    }

    fn initialize(&self, shape: &Shape, device: &Device) {
        initialize(self.gamma.iter().chain(&self.beta), [&self.avg_mean, &self.avg_var], shape, device);
    }

    /// The normalised `x`, `(N, C, ..)`.
    ///
    /// # Panics
    /// When `x` has another number of channels than the link.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let [gamma, beta] = self.factors(x);
        if !config().train {
            let of = |p: &Persistent| Variable::constant(p.data().cast(x.dtype()));
            let (mean, var) = (of(&self.avg_mean), of(&self.avg_var));
            return F::fixed_batch_normalization_with(x, &gamma, &beta, &mean, &var, &self.options);
        }
        let mut running = RunningStatistics { mean: self.avg_mean.data(), var: self.avg_var.data() };
        let y = F::batch_normalization_with(x, &gamma, &beta, &self.options, Some(&mut running));
        self.avg_mean.set_data(running.mean);
        self.avg_var.set_data(running.var);
        y
    }

    /// As [`BatchNormalization::forward`] in training; running statistics become the means over all batches so seen.
    ///
    /// # Panics
    /// When `x` has another number of channels than the link.
    #[track_caller]
    pub fn finetune(&self, x: &Variable) -> Variable {
        let [gamma, beta] = self.factors(x);
        let (mean, var) = (self.avg_mean.data(), self.avg_var.data());
        // Nothing of them stays: they come back as those of the batch.
        let options = Options { decay: 0.0, ..self.options.clone() };
        let mut batch = RunningStatistics { mean: mean.clone(), var: var.clone() };
        let y = F::batch_normalization_with(x, &gamma, &beta, &options, Some(&mut batch));
        let count = self.N.data().to_device(x.device()).add_scalar(1.0).copy();
        let share = Tensor::ones((), mean.dtype(), x.device()).div(&count.cast(mean.dtype()));
        self.avg_mean.set_data(mean.add(&batch.mean.sub(&mean).mul(&share)).copy());
        self.avg_var.set_data(var.add(&batch.var.sub(&var).mul(&share)).copy());
        self.N.set_data(count);
        y
    }

    /// Forgets the batches that [`BatchNormalization::finetune`] has seen.
    pub fn start_finetuning(&self) {
        let device = self.N.data().device().clone();
        self.N.set_data(Tensor::zeros((), DType::I32, &device).copy());
    }

    /// Factors and shifts for `x`; the first call fixes the channels.
    #[track_caller]
    fn factors(&self, x: &Variable) -> [Variable; 2] {
        if self.avg_mean.data().size() == 0 && x.ndim() >= 2 {
            self.initialize(&kept(x, self.options.axis.as_deref()), x.device());
        }
        factors(&self.gamma, &self.beta, self.avg_mean.data().shape(), x)
    }
}

/// The shape of the channels of `x`, over all other axes of which statistics are taken.
fn kept(x: &Variable, axis: Option<&[isize]>) -> Shape {
    match axis {
        Some(axes) => {
            let n = x.ndim() as isize;
            let over: Vec<usize> = axes.iter().map(|&a| (if a < 0 { a + n } else { a }) as usize).collect();
            (0..x.ndim()).filter(|i| !over.contains(i)).map(|i| x.shape()[i]).collect()
        }
        None => Shape::from(x.shape()[1]),
    }
}

/// Factors and shifts, 1 and 0 where there is no parameter.
fn factors(gamma: &Option<Parameter>, beta: &Option<Parameter>, shape: &Shape, x: &Variable) -> [Variable; 2] {
    let constant = |v: f64| Variable::constant(Tensor::full(shape.clone(), v, x.dtype(), x.device()));
    let of = |p: &Option<Parameter>, v: f64| p.as_ref().map_or_else(|| constant(v), Parameter::variable);
    [of(gamma, 1.0), of(beta, 0.0)]
}

impl Layer for BatchNormalization {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        BatchNormalization::forward(self, x)
    }
}

crate::chain! {
    /// Batch renormalisation: batch normalisation corrected towards the running statistics.
    ///
    /// See [`batch_renormalization`](crate::functions::batch_renormalization).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let bn = L::BatchRenormalization::new(2, F::BatchRenormalization { rmax: 3.0, dmax: 5.0, ..Default::default() });
    /// let x = Variable::constant(Tensor::ones([4, 2], DType::F32, &Device::cpu()));
    /// assert_eq!(bn.forward(&x).shape()[..], [4, 2]);
    /// ```
    #[derive(Debug)]
    pub struct BatchRenormalization {
        /// Factors; none is 1.
        pub gamma: Option<Parameter>,
        /// Shifts; none is 0.
        pub beta: Option<Parameter>,
        /// Running means.
        pub avg_mean: Persistent,
        /// Running variances.
        pub avg_var: Persistent,
        #[plain]
        options: RenormalizationOptions,
    }
}

impl BatchRenormalization {
    /// For `size` channels; factors start at 1, shifts at 0, running means at 0 and variances at 1.
    pub fn new(size: impl Into<Shape>, options: RenormalizationOptions) -> BatchRenormalization {
        let link = BatchRenormalization::lazy(options);
        link.initialize(&size.into(), &Device::cpu());
        link
    }

    /// A link that learns its number of channels at the first call.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let bn = L::BatchRenormalization::lazy(F::BatchRenormalization::default()).no_gamma();
    /// let x = Variable::constant(Tensor::from_slice(&[1.0f32, 2.0, 3.0, 6.0], [2, 2], &Device::cpu()));
    /// bn.forward(&x);
    /// assert_eq!(bn.avg_mean.data().shape()[..], [2]);
    /// assert_eq!(bn.count_params(), 2);
    /// ```
    pub fn lazy(options: RenormalizationOptions) -> BatchRenormalization {
        let nothing = || Persistent::new(Tensor::zeros([0], DType::F32, &Device::cpu()));
        BatchRenormalization {
            gamma: Some(Parameter::lazy(One)),
            beta: Some(Parameter::lazy(Zero)),
            avg_mean: nothing(),
            avg_var: nothing(),
            options,
        }
    }

    /// Without factors.
    #[must_use]
    pub fn no_gamma(self) -> BatchRenormalization {
        BatchRenormalization { gamma: None, ..self }
    }

    /// Without shifts.
    #[must_use]
    pub fn no_beta(self) -> BatchRenormalization {
        BatchRenormalization { beta: None, ..self }
    }

    fn initialize(&self, shape: &Shape, device: &Device) {
        initialize(self.gamma.iter().chain(&self.beta), [&self.avg_mean, &self.avg_var], shape, device);
    }

    /// The normalised `x`, `(N, C, ..)`.
    ///
    /// # Panics
    /// When `x` has another number of channels than the link.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        if self.avg_mean.data().size() == 0 && x.ndim() >= 2 {
            self.initialize(&kept(x, self.options.axis.as_deref()), x.device());
        }
        let (mean, var) = (self.avg_mean.data(), self.avg_var.data());
        let [gamma, beta] = factors(&self.gamma, &self.beta, mean.shape(), x);
        if !config().train {
            let [mean, var] = [mean, var].map(|t| Variable::constant(t.cast(x.dtype())));
            return F::fixed_batch_renormalization(x, &gamma, &beta, &mean, &var, &self.options);
        }
        let mut running = RunningStatistics { mean, var };
        let y = F::batch_renormalization(x, &gamma, &beta, &mut running, &self.options);
        self.avg_mean.set_data(running.mean);
        self.avg_var.set_data(running.var);
        y
    }
}

impl Layer for BatchRenormalization {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        BatchRenormalization::forward(self, x)
    }
}

crate::chain! {
    /// Channels whitened over a batch, with running statistics for evaluation.
    ///
    /// See [`decorrelated_batch_normalization`](crate::functions::decorrelated_batch_normalization).
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let options = F::DecorrelatedBatchNormalization { groups: 2, ..Default::default() };
    /// let norm = L::DecorrelatedBatchNormalization::new(4, options);
    /// let x = Variable::constant(Tensor::arange(24, &Device::cpu()).reshape([6, 4]));
    /// assert_eq!(norm.forward(&x).shape()[..], [6, 4]);
    /// ```
    #[derive(Debug)]
    pub struct DecorrelatedBatchNormalization {
        /// Running means, `(groups, size / groups)`.
        pub avg_mean: Persistent,
        /// Running projections, `(groups, size / groups, size / groups)`.
        pub avg_projection: Persistent,
        #[plain]
        options: F::DecorrelatedBatchNormalization,
    }
}

impl DecorrelatedBatchNormalization {
    /// For `size` channels; running means start at 0 and projections as identities.
    ///
    /// # Panics
    /// When the groups do not divide the channels.
    #[track_caller]
    pub fn new(size: usize, options: F::DecorrelatedBatchNormalization) -> DecorrelatedBatchNormalization {
        let groups = options.groups;
        let divides = groups > 0 && size.is_multiple_of(groups);
        assert!(divides, "DecorrelatedBatchNormalization: {size} channels in {groups} groups");
        let c = size / groups;
        let identity = |i: usize| if i / c % c == i % c { 1.0f32 } else { 0.0 };
        let identities: Vec<f32> = (0..groups * c * c).map(identity).collect();
        let cpu = Device::cpu();
        DecorrelatedBatchNormalization {
            avg_mean: Persistent::new(Tensor::zeros([groups, c], DType::F32, &cpu).copy()),
            avg_projection: Persistent::new(Tensor::from_slice(&identities, [groups, c, c], &cpu)),
            options,
        }
    }

    /// The whitened `x`, `(N, C, ..)`.
    ///
    /// # Panics
    /// When `x` has another number of channels than the link.
    #[track_caller]
    pub fn forward(&self, x: &Variable) -> Variable {
        let (mean, projection) = (self.avg_mean.data(), self.avg_projection.data());
        if !config().train {
            let [mean, projection] = [mean, projection].map(|t| Variable::constant(t.cast(x.dtype())));
            return F::fixed_decorrelated_batch_normalization(x, &mean, &projection);
        }
        let mut running = RunningProjection { mean, projection };
        let y = F::decorrelated_batch_normalization(x, &self.options, Some(&mut running));
        self.avg_mean.set_data(running.mean);
        self.avg_projection.set_data(running.projection);
        y
    }
}

impl Layer for DecorrelatedBatchNormalization {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        DecorrelatedBatchNormalization::forward(self, x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        autograd::test_mode,
        links::Link,
        serializers::{load_npz, save_npz},
    };

    fn batch(shape: &[usize]) -> Variable {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i| ((i * i) as f32 * 0.37).sin() + 2.0).collect();
        Variable::constant(Tensor::from_slice(&values, shape, &Device::cpu()))
    }

    #[test]
    fn a_lazy_link_learns_its_channels_and_takes_over_what_was_saved() {
        let (x, folder) = (batch(&[4, 3, 5]), tempfile::tempdir().unwrap());
        let link = BatchNormalization::lazy();
        assert_eq!(link.count_params(), 0);
        link.forward(&x);
        assert_eq!((link.count_params(), link.avg_mean.data().shape()[0]), (6, 3));
        let path = folder.path().join("bn.npz");
        save_npz(&path, &link).unwrap();
        let mut other = BatchNormalization::lazy();
        load_npz(&path, &mut other).unwrap();
        let _scope = test_mode();
        let values = |l: &BatchNormalization| l.forward(&x).data().to_vec::<f32>().unwrap();
        assert_eq!(values(&other), values(&link));
    }

    #[test]
    fn evaluation_leaves_the_statistics_alone() {
        let link = BatchNormalization::new(3);
        let x = batch(&[4, 3]);
        let means = || link.avg_mean.data().to_vec::<f32>().unwrap();
        {
            let _scope = test_mode();
            link.forward(&x);
            assert_eq!(means(), [0.0; 3]);
        }
        link.forward(&x);
        let after = means();
        assert!(after.iter().all(|&m| m > 0.1));
        link.finetune(&x);
        assert_eq!(link.N.data().item().unwrap(), 1.0);
        link.start_finetuning();
        assert_eq!(link.N.data().item().unwrap(), 0.0);
    }

    #[test]
    fn factors_and_shifts_can_be_left_out() {
        let link = BatchNormalization::new(2).no_gamma().no_beta();
        assert_eq!(link.count_params(), 0);
        let y = link.forward(&batch(&[50, 2])).data().mean(Some(&[0]), false);
        assert!(y.to_vec::<f32>().unwrap().iter().all(|m| m.abs() < 1e-5));
    }
}
