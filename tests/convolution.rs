//! Convolution at random attributes: its shape, its values, and derivatives to second order, on the CPU and on a GPU.

use catena::{
    autograd::Case,
    functions as F,
    shape::{Convolution, DType, Meta, convolution},
    testing,
};
use proptest::prelude::*;

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
