//! What a NumPy user reaches for, on every device.

use catena::{functions::Padding, kernel::philox::Generator, prelude::*};

fn numbers(n: usize, modulus: i64) -> Vec<f32> {
    let mut state = 1u64;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) as i64 % modulus - modulus / 2) as f32 * 0.25
        })
        .collect()
}

/// The order that NumPy's stable argsort gives: NaN last.
fn argsorted(x: &[f32]) -> Vec<i32> {
    let mut order: Vec<i32> = (0..x.len() as i32).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (x[a as usize], x[b as usize]);
        a.is_nan().cmp(&b.is_nan()).then(a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
    });
    order
}

#[test]
fn rows_are_sorted() {
    for device in catena::testing::devices() {
        // One block and many, powers of two and not, with many equal values.
        for n in [1, 2, 5, 64, 511, 512, 513, 1024, 3000] {
            let mut x = numbers(3 * n, 200);
            if n > 4 {
                (x[1], x[3], x[n + 2]) = (f32::NAN, f32::NEG_INFINITY, -0.0);
            }
            let t = Tensor::from_slice(&x, [3, n], &device);
            let expected: Vec<i32> = x.chunks(n).flat_map(argsorted).collect();
            assert_eq!(t.argsort(1).to_vec::<i32>().unwrap(), expected, "{device}, {n}");
            let sorted: Vec<f32> = x.chunks(n).flat_map(|r| argsorted(r).into_iter().map(|i| r[i as usize])).collect();
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&t.sort(-1).to_vec::<f32>().unwrap()), bits(&sorted), "{device}, {n}");
            // Along another axis, and of an expression nobody holds.
            let columns = t.transpose(None).add_scalar(0.0).argsort(0);
            assert_eq!(columns.transpose(None).to_vec::<i32>().unwrap(), expected, "{device}, {n}");
        }
    }
}

#[test]
fn integers_and_halves_are_sorted() {
    for device in catena::testing::devices() {
        let x = [3i32, i32::MIN, -1, i32::MAX, 0, -1];
        let t = Tensor::from_slice(&x, [6], &device);
        assert_eq!(t.sort(0).to_vec::<i32>().unwrap(), [i32::MIN, -1, -1, 0, 3, i32::MAX], "{device}");
        let u = Tensor::from_slice(&[3u32, u32::MAX, 0], [3], &device);
        assert_eq!(u.argsort(0).to_vec::<i32>().unwrap(), [2, 0, 1], "{device}");
        let truth = Tensor::from_slice(&[true, false, true], [3], &device);
        assert_eq!(truth.sort(0).to_vec::<bool>().unwrap(), [false, true, true], "{device}");
        let half = Tensor::from_slice(&[3.0f32, -1.5], [2], &device).cast(DType::F16);
        assert_eq!(half.sort(0).to_f64().unwrap().as_slice().unwrap(), [-1.5, 3.0], "{device}");
        let none = Tensor::zeros([2, 0], DType::F32, &device);
        assert_eq!(none.sort(1).shape()[..], [2, 0]);
        assert_eq!(none.argsort(0).shape()[..], [2, 0]);
    }
}

#[test]
fn the_largest_few() {
    for device in catena::testing::devices() {
        let x = numbers(2 * 700, 150);
        let t = Tensor::from_slice(&x, [2, 700], &device);
        let (values, positions) = t.topk(5, 1);
        for (row, x) in x.chunks(700).enumerate() {
            let mut order: Vec<i32> = (0..700).collect();
            order.sort_by(|&a, &b| x[b as usize].partial_cmp(&x[a as usize]).unwrap());
            let at = positions.slice(&[Slice::Index(row as isize)]).to_vec::<i32>().unwrap();
            assert_eq!(at, order[..5], "{device}");
            let of = values.slice(&[Slice::Index(row as isize)]).to_vec::<f32>().unwrap();
            assert_eq!(of, at.iter().map(|&i| x[i as usize]).collect::<Vec<_>>(), "{device}");
        }
        assert_eq!(t.topk(0, 0).0.shape()[..], [0, 700]);
        assert_eq!(t.topk(1, 0).1.shape()[..], [1, 700]);
    }
    let x = Tensor::arange(3, &Device::cpu());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| x.topk(4, 0))).is_err());
}

#[test]
fn creation_indexing_and_the_rest() {
    for device in catena::testing::devices() {
        let x = Tensor::arange(6, &device).reshape([2, 3]);
        let f = |t: &Tensor| t.to_vec::<f32>().unwrap();
        assert_eq!(f(&x.tile(&[1, 2])), [0., 1., 2., 0., 1., 2., 3., 4., 5., 3., 4., 5.]);
        assert_eq!(f(&x.repeat(&[2], Some(0)))[3..6], [0., 1., 2.]);
        assert_eq!(f(&x.pad(&[(0, 0), (1, 0)], Padding::Constant(9.0)))[..4], [9., 0., 1., 2.]);
        assert_eq!(f(&x.cumprod(Some(1))), [0., 0., 0., 3., 12., 60.]);
        assert!((x.logsumexp(None).item().unwrap() - 5.456_193_2).abs() < 1e-5);
        assert_eq!(f(&Tensor::einsum("ij,ij->i", &[&x, &x])), [5., 50.]);
        assert!((f(&x.arctan2(&x.ones_like()))[1] - std::f32::consts::FRAC_PI_4).abs() < 1e-6);
        assert_eq!(f(&x.zeros_like()), [0.0; 6]);
        assert_eq!(f(&Tensor::arange_step(3.0, 0.0, -1.5, &device)), [3.0, 1.5]);
        let odd = Tensor::from_slice(&[false, true, false, true, false, true], [2, 3], &device);
        assert_eq!(f(&x.masked_fill(&odd, 7.0)), [0., 7., 2., 7., 4., 7.]);
        assert_eq!(f(&x.masked_select(&odd).unwrap()), [1., 3., 5.]);
        assert_eq!(odd.nonzero().unwrap().to_vec::<i32>().unwrap(), [0, 1, 1, 0, 1, 2]);
        let rows = Tensor::from_slice(&[1, 1], [2], &device);
        assert_eq!(f(&x.scatter_add(&rows, &x)), [0., 1., 2., 6., 9., 12.]);
        assert_eq!(f(&Tensor::from_slice(&[1.0f32, f32::INFINITY], [2], &device).diag()), [1., 0., 0., f32::INFINITY]);
        assert_eq!(f(&x.slice(&[Slice::ALL, (0..2).into()]).diag()), [0., 4.]);
    }
}

#[test]
fn draws_are_the_same_on_every_device() {
    let draw = |device: &Device| {
        let mut g = Generator::new(5);
        let zeros_and_ones = Tensor::bernoulli(&mut g, 0.3, [1000], DType::F32, device).to_f64().unwrap();
        let integers = Tensor::randint(&mut g, -3, 4, [1000], device).to_f64().unwrap();
        let order = Tensor::permutation(&mut g, 50, device).to_f64().unwrap();
        let uniform = Tensor::rand(&mut g, [1001], DType::F32, device).add_scalar(0.0).to_f64().unwrap();
        let dtypes = [DType::Bool, DType::U8, DType::I32].map(|dtype| {
            let t = Tensor::bernoulli(&mut g, 0.7, [7, 3], dtype, device);
            assert_eq!(t.dtype(), dtype);
            t.transpose(None).to_f64().unwrap()
        });
        let state = g.state();
        let next = Tensor::rand(&mut g, [3], DType::F32, device).to_f64().unwrap();
        let again = Tensor::rand(&mut Generator::from_state(state), [3], DType::F32, device).to_f64().unwrap();
        assert_eq!(next, again, "a generator goes on from its state");
        (zeros_and_ones, integers, order, uniform, dtypes, next)
    };
    let here = draw(&Device::cpu());
    assert!((here.0.sum() - 300.0).abs() < 60.0);
    assert!(here.1.iter().all(|&v| (-3.0..4.0).contains(&v)) && here.1.iter().any(|&v| v == -3.0));
    let normal = |device: &Device| {
        let t = Tensor::randn(&mut Generator::new(5), [1001], DType::F32, device);
        assert!(t.is_pending());
        t.to_vec::<f32>().unwrap()
    };
    let mut filled = [vec![0.0f32; 1001], vec![0.0; 1001]];
    Generator::new(5).fill_normal(&mut filled[0]);
    assert_eq!(normal(&Device::cpu()), filled[0]);
    Generator::new(5).fill_uniform(&mut filled[1]);
    for device in catena::testing::devices() {
        assert_eq!(draw(&device), here, "{device}");
        assert!(normal(&device).iter().zip(&filled[0]).all(|(a, b)| (a - b).abs() < 1e-5), "{device}");
        let uniform = Tensor::rand(&mut Generator::new(5), [1001], DType::F32, &device);
        assert_eq!(uniform.to_vec::<f32>().unwrap(), filled[1], "{device}: as a generator fills");
        // Positions that were drawn from a range are known to lie in it, and others are refused at once.
        let table = Tensor::arange(4, &device);
        let drawn = Tensor::randint(&mut Generator::new(5), 0, 4, [100], &device);
        assert!(table.take(&drawn, 0).to_f64().unwrap().iter().all(|v| (0.0..4.0).contains(v)), "{device}");
        let outside = Tensor::randint(&mut Generator::new(5), 0, 9, [100], &device);
        let take = std::panic::AssertUnwindSafe(|| table.take(&outside, 0));
        assert!(std::panic::catch_unwind(take).is_err(), "{device}");
    }
}

#[test]
fn operators_are_those_of_variables() {
    for device in catena::testing::devices() {
        let a = Tensor::from_slice(&[1.0f32, 2.0, 49.0], [3], &device);
        let b = Tensor::from_slice(&[2.0f32], [1], &device);
        let check = |t: Tensor, expected: [f32; 3]| assert_eq!(t.to_vec::<f32>().unwrap(), expected, "{device}");
        check(&a + &b, [3.0, 4.0, 51.0]);
        check(a.clone() - &b, [-1.0, 0.0, 47.0]);
        check(&a * b.clone(), [2.0, 4.0, 98.0]);
        check(a.clone() / b.clone(), [0.5, 1.0, 24.5]);
        check(a.clone() + 1.0, [2.0, 3.0, 50.0]);
        check(1.0 + &a, [2.0, 3.0, 50.0]);
        check(&a - 1.0, [0.0, 1.0, 48.0]);
        check(1.0 - a.clone(), [0.0, -1.0, -48.0]);
        check(2.0 * &a, [2.0, 4.0, 98.0]);
        check(&a * 2.0, [2.0, 4.0, 98.0]);
        check(98.0 / &a, [98.0, 49.0, 2.0]);
        check(-&a, [-1.0, -2.0, -49.0]);
        check(-a.clone(), [-1.0, -2.0, -49.0]);
        let mut total = a.clone();
        total += &b;
        total += b.clone();
        check(total, [5.0, 6.0, 53.0]);
        if device.is_cpu() {
            // Adapters may divide by a reciprocal.
            check(&a / 49.0, [1.0 / 49.0, 2.0 / 49.0, 1.0]);
        }
        let i = Tensor::from_slice(&[7i32, -7], [2], &device);
        assert_eq!((2.0 * &i - 1.0).to_vec::<i32>().unwrap(), [13, -15], "{device}");
        let u = Tensor::from_slice(&[7u32, 9], [2], &device);
        assert_eq!((&u - 7.0).to_vec::<u32>().unwrap(), [0, 2], "{device}");
    }
}

#[test]
fn a_fraction_beside_integers_panics_where_it_is_written() {
    let i = Tensor::from_slice(&[7i32, -7], [2], &Device::cpu());
    type Expression<'a> = Box<dyn Fn() -> Tensor + 'a>;
    let each: [(Expression<'_>, &str); 5] = [
        (Box::new(|| &i + 0.5), "add"),
        (Box::new(|| 0.5 * &i), "mul"),
        (Box::new(|| 0.5 - &i), "sub"),
        (Box::new(|| &i / 2.0), "div"),
        (Box::new(|| i.mean(None, false)), "mean"),
    ];
    for (expression, name) in each {
        let (said, line) = panicked(expression);
        assert!(said.contains(&format!("performed in: {name} (Forward)")) && said.contains("int32"), "{said}");
        assert!(line.ends_with("tests/tensor_api.rs"), "{line}");
    }
}

/// The message of a panic, and the file that it names.
fn panicked(f: impl Fn() -> Tensor) -> (String, String) {
    let said = std::sync::Arc::new(std::sync::Mutex::new((String::new(), String::new())));
    let heard = said.clone();
    let thread = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            let text = info.payload().downcast_ref::<String>().cloned().unwrap_or_default();
            *heard.lock().unwrap() = (text, info.location().map_or(String::new(), |l| l.file().to_string()));
        }
    }));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    std::panic::set_hook(before);
    assert!(result.is_err(), "nothing was wrong");
    let said = said.lock().unwrap();
    said.clone()
}

#[test]
fn a_permutation_is_the_same_on_every_device() {
    for device in catena::testing::devices() {
        let order = Tensor::permutation(&mut Generator::new(7), 8, &device);
        assert_eq!(order.to_vec::<i32>().unwrap(), [1, 5, 0, 7, 3, 2, 6, 4], "{device}");
        for n in [0, 1, 2, 513, 5000] {
            let mut generator = Generator::new(n as u64);
            let order = Tensor::permutation(&mut generator, n, &device).to_vec::<i32>().unwrap();
            let here = Tensor::permutation(&mut Generator::new(n as u64), n, &Device::cpu());
            assert_eq!(order, here.to_vec::<i32>().unwrap(), "{device}");
            let mut sorted = order;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..n as i32), "{device}");
            assert_eq!(generator.state(), [n as u64, 0, n.div_ceil(4) as u64]);
        }
    }
    // Each of the six orders of three as often as the others.
    let mut generator = Generator::new(1);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..6000 {
        let order = Tensor::permutation(&mut generator, 3, &Device::cpu()).to_vec::<i32>().unwrap();
        *counts.entry(order).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 6);
    assert!(counts.values().all(|&n| (870..1130).contains(&n)), "{counts:?}");
}

#[test]
fn numbers_beside_integers_are_exact() {
    const LARGE: f64 = 16_777_217.0;
    for device in catena::testing::devices() {
        let x = Tensor::from_slice(&[1i32, -5, i32::MAX - 20_000_000], [3], &device);
        let values = |t: Tensor| t.to_vec::<i32>().unwrap();
        let expected = [16_777_218, 16_777_212, 2_144_260_864];
        assert_eq!(values(x.add_scalar(LARGE)), expected, "{device}");
        assert_eq!(values(&x + LARGE), expected, "{device}");
        assert_eq!(values(&x - -LARGE), expected, "{device}");
        assert_eq!(values(LARGE - &x), [16_777_216, 16_777_222, -2_110_706_430], "{device}");
        let small = x.slice(&[(0..2usize).into()]);
        assert_eq!(values(small.mul_scalar(LARGE)), [16_777_217, -83_886_085], "{device}");
        let full = Tensor::full([2], f64::from(i32::MAX), DType::I32, &device);
        assert_eq!(values(full.add(&Tensor::zeros([2], DType::I32, &device))), [i32::MAX; 2], "{device}");
        let lowest = Tensor::full([2], f64::from(i32::MIN), DType::I32, &device);
        assert_eq!(values(lowest), [i32::MIN; 2], "{device}");
        let unsigned = Tensor::from_slice(&[3u32, 4_000_000_000], [2], &device);
        assert_eq!(unsigned.add_scalar(LARGE).to_vec::<u32>().unwrap(), [16_777_220, 4_016_777_217], "{device}");
        let ids = Tensor::full([3], LARGE, DType::U32, &device).add_scalar(2.0);
        assert_eq!(ids.to_vec::<u32>().unwrap(), [16_777_219; 3], "{device}");
    }
}
