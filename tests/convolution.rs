//! Convolution at random attributes: its shape, its values, and derivatives to second order, on the CPU and on a GPU.

use catena::{
    autograd::{Case, Grad, grad, no_backprop},
    prelude::*,
    shape::{Meta, convolution},
    testing,
};
use half::f16;
use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts of launches are those of the process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, Clone)]
struct Attributes {
    images: usize,
    groups: usize,
    channels: usize,
    filters: usize,
    sides: Vec<[usize; 5]>,
    cover_all: bool,
    bias: bool,
}

/// Length, window, stride, padding and dilation of each axis.
fn side() -> impl Strategy<Value = [usize; 5]> {
    (1usize..7, 1usize..4, 1usize..4, 0usize..3, 1usize..3).prop_map(|(n, k, s, p, d)| [n, k, s, p, d])
}

fn attributes() -> impl Strategy<Value = Attributes> {
    let sides = prop::collection::vec(side(), 1..4);
    // Now and then as many channels and filters as tiles are wide.
    let few = (0usize..3, 1usize..3, 1usize..3, 1usize..4);
    let many = (1usize..3, Just(1), 3usize..20, 8usize..40);
    let numbers = prop_oneof![3 => few, 1 => many];
    (numbers, sides, any::<bool>(), any::<bool>()).prop_map(
        |((images, groups, channels, filters), sides, cover_all, bias)| Attributes {
            images,
            groups,
            channels,
            filters,
            sides,
            cover_all,
            bias,
        },
    )
}

impl Attributes {
    fn along(&self, i: usize) -> Vec<usize> {
        self.sides.iter().map(|s| s[i]).collect()
    }

    fn geometry(&self) -> Convolution {
        let c = Convolution::default().stride(&self.along(2)[..]).pad(&self.along(3)[..]).dilate(&self.along(4)[..]);
        c.groups(self.groups).cover_all(self.cover_all)
    }

    fn shapes(&self) -> [Vec<usize>; 2] {
        let x = [&[self.images, self.groups * self.channels], &self.along(0)[..]].concat();
        let w = [&[self.groups * self.filters, self.channels], &self.along(1)[..]].concat();
        [x, w]
    }

    /// Windows along an axis, counted one by one.
    fn windows(&self, [n, k, s, p, d]: [usize; 5]) -> usize {
        let reach = (k - 1) * d + 1;
        let starts = (0..).map(|i| i * s);
        match self.cover_all {
            false => starts.take_while(|at| at + reach <= n + 2 * p).count(),
            // One more where the last does not cover the end.
            true => {
                let whole = starts.take_while(|at| at + reach <= n + 2 * p).count();
                let covered = if whole == 0 { 0 } else { (whole - 1) * s + reach };
                whole + usize::from(covered < n + 2 * p)
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolution_of_any_attributes(a in attributes()) {
        let _alone = alone();
        let [x, w] = a.shapes();
        let meta = |shape: &[usize]| Meta::new(shape, DType::F32);
        let Ok((y, _)) = convolution(&meta(&x), &meta(&w), &a.geometry()) else {
            prop_assume!(false);
            return Ok(());
        };
        let expected: Vec<usize> = a.sides.iter().map(|&s| a.windows(s)).collect();
        prop_assert_eq!(&y.shape[2..], &expected[..]);
        let (c, bias) = (a.geometry(), a.bias);
        let case = Case::new("convolution_nd", move |v| F::convolution_nd(&v[0], &v[1], bias.then(|| &v[2]), &c));
        let case = case.input(&x[..]).input(&w[..]).input([a.groups * a.filters]).tolerance(3e-5);
        let checked = testing::conform(&case, &testing::devices());
        prop_assert!(checked.is_ok(), "{:?}: {}", a, checked.unwrap_err());
    }

    #[test]
    fn deconvolution_is_the_adjoint(a in attributes()) {
        let _alone = alone();
        let [x, w] = a.shapes();
        let meta = |shape: &[usize]| Meta::new(shape, DType::F32);
        let Ok((y, _)) = convolution(&meta(&x), &meta(&w), &a.geometry()) else {
            prop_assume!(false);
            return Ok(());
        };
        let (c, outsize) = (a.geometry(), a.along(0)[..].into());
        let case = Case::new("deconvolution_nd", move |v| F::deconvolution_nd(&v[0], &v[1], None, &c, Some(&outsize)));
        let case = case.input(y.shape.clone()).input(&w[..]).tolerance(3e-5);
        let checked = testing::conform(&case, &testing::devices());
        prop_assert!(checked.is_ok(), "{:?}: {}", a, checked.unwrap_err());
    }
}

fn ones(shape: &[usize]) -> Variable {
    Variable::new(Tensor::ones(shape, DType::F32, &Device::cpu()))
}

/// What a call that panics says.
fn said(call: impl FnOnce() -> Variable) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).expect_err("the call did not fail");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn what_does_not_fit_is_said() {
    let _alone = alone();
    let c = Convolution::default;
    let deconvolution = |outsize: [usize; 2]| {
        let c = c().stride(2);
        said(move || F::deconvolution_2d(&ones(&[1, 2, 3, 3]), &ones(&[2, 4, 3, 3]), None, &c, Some(&outsize.into())))
    };
    for (text, words) in [
        (
            said(|| F::convolution_2d(&ones(&[1, 3, 4, 4]), &ones(&[2, 3, 7, 3]), None, &c().pad(1))),
            ["a window of 7 within the padded image of 6 on axis 2", "x.shape = (1, 3, 4, 4)"],
        ),
        (
            said(|| F::convolution_2d(&ones(&[1, 3, 4, 4]), &ones(&[2, 3, 2, 2]), None, &c().groups(2))),
            ["x.shape[1] divisible by groups = 2", "Actual: 3"],
        ),
        (
            said(|| F::convolution_2d(&ones(&[1, 4, 4, 4]), &ones(&[3, 2, 2, 2]), None, &c().groups(2))),
            ["w.shape[0] divisible by groups = 2", "Actual: 3"],
        ),
        (
            said(|| F::convolution_2d(&ones(&[1, 4, 4, 4]), &ones(&[3, 3, 2, 2]), None, &c())),
            ["w.shape[1] == x.shape[1] / groups", "3 != 4"],
        ),
        (said(|| F::convolution_2d(&ones(&[4, 4, 4]), &ones(&[3, 3, 2, 2]), None, &c())), ["x.ndim() == 4", "3 != 4"]),
        (
            said(|| F::convolution_nd(&ones(&[1, 4, 4]), &ones(&[3, 4, 2, 2]), None, &c())),
            ["w.ndim == x.ndim", "4 != 3"],
        ),
        (
            said(|| F::convolution_2d(&ones(&[1, 4, 4, 4]), &ones(&[3, 4, 2, 2]), Some(&ones(&[4])), &c())),
            ["b.shape == (3,)", "(4,)"],
        ),
        (
            said(|| F::convolution_2d(&ones(&[1, 4, 4, 4]), &ones(&[3, 4, 2, 2]), None, &c().stride([1, 2, 3]))),
            ["stride: one number, or one for each of 2 axes", "[1, 2, 3]"],
        ),
        (deconvolution([9, 7]), ["an outsize whose convolution has x.shape[2] = 3 windows", "9"]),
    ] {
        for word in words {
            assert!(text.contains(word), "{word} is not in:\n{text}");
        }
    }
}

#[test]
fn links_have_chainers_parameters() {
    let _alone = alone();
    let shapes = |link: &dyn Link| -> Vec<(String, Vec<usize>)> {
        link.namedparams().into_iter().map(|(n, p)| (n, p.shape().map_or(vec![], |s| s.to_vec()))).collect()
    };
    let expect = |link: &dyn Link, expected: &[(&str, &[usize])]| {
        let expected: Vec<_> = expected.iter().map(|(n, s)| (n.to_string(), s.to_vec())).collect();
        assert_eq!(shapes(link), expected);
    };
    let groups = Convolution::default().groups(2);
    expect(&L::Convolution1D::new(4, 6, 3), &[("/W", &[6, 4, 3]), ("/b", &[6])]);
    expect(
        &L::Convolution2D::with(4, 6, [3, 2], groups.clone(), L::initializers::One),
        &[("/W", &[6, 2, 3, 2]), ("/b", &[6])],
    );
    expect(&L::Convolution3D::new(4, 6, 3).nobias(), &[("/W", &[6, 4, 3, 3, 3])]);
    expect(&L::Deconvolution2D::with(4, 6, 3, groups, L::initializers::One), &[("/W", &[4, 3, 3, 3]), ("/b", &[6])]);
    expect(&L::DepthwiseConvolution2D::new(4, 2, 3, 1, 0), &[("/W", &[2, 4, 3, 3]), ("/b", &[8])]);
    expect(&L::LocalConvolution2D::new(2, 3, [5, 4], 3, 1), &[("/W", &[3, 3, 2, 2, 3, 3]), ("/b", &[3, 3, 2])]);
    expect(
        &L::DeformableConvolution2D::new(2, 3, 3, 1, 1),
        &[
            ("/offset_conv/W", &[18, 2, 3, 3]),
            ("/offset_conv/b", &[18]),
            ("/deform_conv/W", &[3, 2, 3, 3]),
            ("/deform_conv/b", &[3]),
        ],
    );
    let lazy = L::Convolution2D::lazy(6, 3, Convolution::default().pad(1));
    assert!(!lazy.W.is_initialized());
    assert_eq!(lazy.forward(&ones(&[2, 5, 4, 4])).shape()[..], [2, 6, 4, 4]);
    expect(&lazy, &[("/W", &[6, 5, 3, 3]), ("/b", &[6])]);
}

/// What follows a convolution takes no launch of its own, on either device: bias and activation, evaluation's batch
/// normalisation, a residual and its rectifier.
#[test]
fn what_follows_is_part_of_the_launch() {
    let _alone = alone();
    if std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off") {
        return;
    }
    for device in testing::devices() {
        let _scope = no_backprop();
        let numbers = |shape: &[isize], from: f64| {
            let n: isize = shape.iter().product();
            let x = Tensor::linspace(from, from + 1.0, n as usize, &device).reshape(shape);
            x.force();
            Variable::constant(x)
        };
        let layer = L::Convolution2D::new(3, 8, 3).pad(1).to_device(&device);
        let (x, shortcut) = (numbers(&[2, 3, 9, 9], -0.5), numbers(&[2, 8, 9, 9], -1.0));
        let [gamma, beta, mean, var] = [0.5, -0.3, 0.1, 0.7].map(|from| numbers(&[8], from));
        let normalized = || F::fixed_batch_normalization(&layer.forward(&x), &gamma, &beta, &mean, &var);
        let tails: [(&str, &dyn Fn() -> Variable); 4] = [
            ("bias and rectifier", &|| F::relu(&layer.forward(&x))),
            ("batch normalisation and rectifier", &|| F::relu(&normalized())),
            ("residual and rectifier", &|| F::relu(&(layer.forward(&x) + &shortcut))),
            ("all of a block", &|| F::relu(&(normalized() + &shortcut))),
        ];
        for (name, tail) in tails {
            tail().data().force();
            device.synchronize().unwrap();
            let before = device.stats();
            let y = tail();
            y.data().force();
            assert_eq!((device.stats() - before).launches, 1, "{name}, {device}");
            // Apart, each by a launch of its own.
            let settled = |y: Variable| {
                y.data().force();
                y
            };
            let plain = settled(layer.forward(&x));
            let scaled = || settled(F::fixed_batch_normalization(&plain, &gamma, &beta, &mean, &var));
            let expected = match name {
                "bias and rectifier" => F::relu(&plain),
                "batch normalisation and rectifier" => F::relu(&scaled()),
                "residual and rectifier" => F::relu(&settled(&plain + &shortcut)),
                _ => F::relu(&settled(scaled() + &shortcut)),
            };
            let [a, e] = [y, expected].map(|v| v.data().to_f64().unwrap());
            testing::close(name, &a.into_dyn(), &e.into_dyn(), 1e-5).unwrap();
        }
    }
}

/// Beside results and operands a convolution holds 64 MiB at most, however many images there are.
#[test]
fn workspace_is_bounded_whatever_the_batch() {
    let _alone = alone();
    for device in testing::devices() {
        // Filters whose transforms take 144 MiB; images whose windows lie side by side in 85; images and results whose spectra
        // take 132.
        for (x, w) in [
            ([16, 1024, 12, 12], [1024, 1024, 3, 3]),
            ([64, 64, 24, 24], [64, 64, 3, 3]),
            ([24, 64, 40, 40], [64, 64, 9, 9]),
        ] {
            let settled = |shape: [usize; 4]| {
                let x = Tensor::ones(shape, DType::F32, &device).copy();
                x.force();
                Variable::new(x)
            };
            let (x, w) = (settled(x), settled(w));
            let c = Convolution::default().pad(1);
            let rise = |what: &str, run: &dyn Fn() -> Vec<Variable>| {
                device.synchronize().unwrap();
                device.reset_peak();
                let before = device.stats().used_bytes;
                let results = run();
                results.iter().for_each(|y| y.data().force());
                device.synchronize().unwrap();
                let bytes: usize = results.iter().map(|y| 4 * y.size()).sum();
                let held = (device.stats().peak_bytes - before) as usize;
                // Blocks come in sizes an eighth apart.
                let most = (64 << 20) + bytes + (bytes + (64 << 20)) / 8;
                assert!(held <= most, "{what} of {:?} on {device}: {held} bytes, expected {most}", x.shape());
                assert_eq!(device.memory().workspace, 0, "{what} on {device}: nothing of it stays");
                results
            };
            let forward = || vec![F::convolution_2d(&x, &w, None, &c)];
            let y = rise("forward", &|| no_backprop_of(&forward)).remove(0);
            let gy = Variable::constant(y.data().clone());
            let y = forward().remove(0);
            y.data().force();
            for (what, to) in [("gradient to images", &x), ("gradient to filters", &w)] {
                let options = || Grad { grad_outputs: vec![Some(gy.clone())], ..Grad::default() };
                rise(what, &|| grad(&[&y], &[to], options()).into_iter().flatten().collect());
            }
        }
    }
}

/// As much of windows with filters of their own, and of bent ones.
#[test]
fn windows_are_laid_out_for_some_images_at_a_time() {
    let _alone = alone();
    type Run = fn(&[Variable]) -> Variable;
    let local: Run = |x| F::local_convolution_2d(&x[0], &x[1], None, 1);
    let bent: Run = |x| F::deformable_convolution_2d_sampler(&x[0], &x[1], &x[2], None, 1, 0);
    // Windows of 200 MiB, and of 50 that are read four times.
    let table: [(Run, &[&[usize]]); 2] = [
        (local, &[&[500, 8, 40, 40], &[4, 38, 38, 8, 3, 3]]),
        (bent, &[&[60, 8, 56, 56], &[60, 18, 54, 54], &[4, 8, 3, 3]]),
    ];
    for device in testing::devices() {
        for (run, shapes) in &table {
            let settled = |shape: &&[usize]| {
                let x = Tensor::full(*shape, 0.3, DType::F32, &device).copy();
                x.force();
                Variable::new(x)
            };
            let xs: Vec<Variable> = shapes.iter().map(settled).collect();
            device.synchronize().unwrap();
            device.reset_peak();
            let before = device.stats().used_bytes;
            let y = run(&xs);
            let gy = Variable::constant(y.data().full_like(1.0));
            let options = Grad { grad_outputs: vec![Some(gy)], ..Grad::default() };
            let gxs: Vec<Variable> =
                grad(&[&y], &xs.iter().collect::<Vec<_>>(), options).into_iter().flatten().collect();
            gxs.iter().for_each(|gx| gx.data().force());
            device.synchronize().unwrap();
            // Results twice: in parts, and joined.
            let bytes: usize = gxs.iter().chain([&y]).map(|y| 2 * 4 * y.size()).sum();
            let most = ((64 << 20) + bytes) / 8 * 9;
            let held = (device.stats().peak_bytes - before) as usize;
            assert!(held <= most, "{shapes:?} on {device}: {held} bytes, expected {most}");
        }
    }
}

fn no_backprop_of<T>(run: &dyn Fn() -> T) -> T {
    let _scope = no_backprop();
    run()
}

/// Halves are summed as singles: all three directions, on devices that have them.
#[test]
fn halves_are_convolved_as_singles_and_rounded_once() {
    let _alone = alone();
    for device in testing::devices() {
        let x = Tensor::linspace(-1.0, 1.0, 2 * 64 * 49, &device).reshape([2, 64, 7, 7]);
        let w = Tensor::linspace(1.0, -0.5, 12 * 64 * 9, &device).reshape([12, 64, 3, 3]);
        // Some adapters have none.
        if Tensor::from_host(ArrayD::from_elem(IxDyn(&[1]), f16::ONE), &device).is_ok() {
            let run = |dtype: DType| {
                let [x, w] = [&x, &w].map(|t| Variable::new(t.cast(DType::F16).cast(dtype)));
                let y = F::convolution_2d(&x, &w, None, &Convolution::default().pad(1).stride(2));
                let gy = Variable::constant(y.data().full_like(0.25));
                let options = Grad { grad_outputs: vec![Some(gy)], ..Grad::default() };
                let gradients = grad(&[&y], &[&x, &w], options).into_iter().flatten();
                std::iter::once(y.clone()).chain(gradients).collect::<Vec<_>>()
            };
            for (i, (half, single)) in run(DType::F16).iter().zip(run(DType::F32)).enumerate() {
                assert_eq!(half.dtype(), DType::F16);
                for (h, s) in half.data().to_f64().unwrap().iter().zip(&single.data().to_f64().unwrap()) {
                    // Half of the last digit, and what sums of singles differ by.
                    assert!((h - s).abs() <= s.abs() * 4.9e-4 + 1e-4, "{i} on {device}: {h}, expected {s}");
                }
            }
        }
    }
}
