//! Convolution at random attributes: its shape, its values, and derivatives to second order, on the CPU and on a GPU.

use catena::{
    autograd::{Case, no_backprop},
    prelude::*,
    shape::{Meta, convolution},
    testing,
};
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
    let numbers = (0usize..3, 1usize..3, 1usize..3, 1usize..4);
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

/// A bias and an activation behind a convolution take no launch of their own, on either device.
#[test]
fn what_follows_is_part_of_the_launch() {
    let _alone = alone();
    for device in testing::devices() {
        let _scope = no_backprop();
        let layer = L::Convolution2D::new(3, 8, 3).pad(1).to_device(&device);
        let x = Variable::constant(Tensor::ones([2, 3, 9, 9], DType::F32, &device));
        x.data().force();
        let run = || F::relu(&layer.forward(&x)).data().force();
        run();
        device.synchronize().unwrap();
        let before = device.stats();
        run();
        assert_eq!((device.stats() - before).launches, 1, "{device}");
    }
}
