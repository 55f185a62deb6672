//! What does not fit one kernel: tensors larger than a binding, more elements than one launch should take.

use catena::{
    device::{Device, DeviceOptions},
    error::Error,
    functions as F,
    kernel::Reduction,
    prelude::*,
};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values of a few MiB each: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The adapter the other tests run on.
fn adapter() -> String {
    let gpu = catena::testing::devices().into_iter().find(|d| !d.is_cpu());
    assert!(gpu.is_some(), "no adapter; install a software one");
    std::env::var("CATENA_DEVICE").ok().filter(|n| n != "cpu" && !n.is_empty()).unwrap_or_else(|| {
        if Device::all().iter().any(|d| d.id == "gpu:0") { "gpu:0".into() } else { "software".into() }
    })
}

/// A device on which kernels see 64 KiB of a tensor.
fn narrow() -> Device {
    let options = DeviceOptions { max_binding_bytes: Some(1 << 16), ..Default::default() };
    Device::open(&adapter(), &options).unwrap()
}

fn numbers(shape: &[usize], seed: u64) -> Tensor {
    let mut state = seed;
    let n = shape.iter().product();
    let values: Vec<f32> = (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_slice(&values, shape, &Device::cpu())
}

/// The same expression on the CPU and on a device.
#[track_caller]
fn same(device: &Device, inputs: &[&Tensor], tolerance: f64, f: impl Fn(&[Tensor]) -> Tensor) {
    let there: Vec<Tensor> = inputs.iter().map(|t| t.to_device(device)).collect();
    let here: Vec<Tensor> = inputs.iter().map(|&t| t.clone()).collect();
    let (a, e) = (f(&there).to_f64().unwrap(), f(&here).to_f64().unwrap());
    if let Err(text) = catena::testing::close("result", &a, &e, tolerance) {
        panic!("{text}");
    }
}

#[test]
fn elementwise_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    // 400 KB each: 7 windows.
    let (a, b) = (numbers(&[250, 400], 1), numbers(&[250, 400], 2));
    let row = numbers(&[400], 3);
    same(&device, &[&a, &b], 1e-6, |x| x[0].add(&x[1]).mul(&x[0]));
    same(&device, &[&a, &row], 1e-6, |x| x[0].sub(&x[1]));
    // Read across: cells along both axes, stored strided.
    let square = numbers(&[300, 300], 4);
    same(&device, &[&square], 1e-6, |x| x[0].transpose(None).add(&x[0]));
    same(&device, &[&square], 1e-6, |x| x[0].slice(&[Slice::Range(None, None, -1), (7..290usize).into()]).neg());
    // Computed in place where the operand is given away.
    let t = a.to_device(&device);
    let sum = t.add(&t);
    drop(t);
    let twice = sum.mul(&sum.full_like(0.5));
    assert_eq!(twice.to_vec::<f32>().unwrap(), a.to_vec::<f32>().unwrap());
}

#[test]
fn positions_go_on_over_cells() {
    let _alone = alone();
    let device = narrow();
    assert_eq!(
        Tensor::arange(100_000, &device).to_vec::<f32>().unwrap(),
        Tensor::arange(100_000, &Device::cpu()).to_vec::<f32>().unwrap()
    );
    // A mask is drawn by position.
    let x = numbers(&[300, 301], 5);
    let drop_on = |device: &Device| {
        catena::random::seed(3);
        let x = Variable::constant(x.to_device(device).transpose(None));
        F::dropout(&x, 0.5).data().to_vec::<f32>().unwrap()
    };
    assert_eq!(drop_on(&device), drop_on(&Device::cpu()));
}

#[test]
fn reductions_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    let x = numbers(&[60, 50, 40], 6);
    for reduction in [Reduction::Sum, Reduction::Max, Reduction::Min] {
        for axes in [None, Some(&[0][..]), Some(&[1]), Some(&[2]), Some(&[0, 2]), Some(&[0, 1])] {
            same(&device, &[&x], 1e-4, |x| x[0].reduce(reduction, axes, false));
        }
    }
    same(&device, &[&x], 1e-5, |x| x[0].reduce(Reduction::Prod, Some(&[1]), true));
    // With what comes before it and after it, and read across.
    same(&device, &[&x], 1e-5, |x| {
        let sum = x[0].mul(&x[0]).transpose(None).reduce(Reduction::Sum, Some(&[0]), false);
        sum.add(&sum.full_like(1.0)).sqrt()
    });
    // The result itself is beyond a binding.
    let wide = numbers(&[2, 200, 300], 7);
    same(&device, &[&wide], 1e-5, |x| x[0].reduce(Reduction::Sum, Some(&[0]), false).neg());
    for axis in 0..3 {
        same(&device, &[&x], 0.0, |x| x[0].argmax(axis));
        same(&device, &[&x], 0.0, |x| x[0].transpose(None).argmin(axis));
    }
}

#[test]
fn products_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    let product = |transa: bool, transb: bool| move |x: &[Tensor]| x[0].matmul(&x[1], transa, transb);
    // Operands of 3 to 6 windows, and a result of 3, with each axis the one that is cut, in all orders of memory.
    for (m, n, k) in [(200, 70, 250), (70, 260, 200), (33, 40, 2000), (220, 230, 20)] {
        for (transa, transb) in [(false, false), (false, true), (true, false), (true, true)] {
            let a = numbers(&if transa { [k, m] } else { [m, k] }, 1);
            let b = numbers(&if transb { [n, k] } else { [k, n] }, 2);
            same(&device, &[&a, &b], 1e-4, product(transa, transb));
        }
    }
    // With what follows, of the same shape, of another, and by position.
    let (a, b, bias, rest) =
        (numbers(&[200, 70], 3), numbers(&[70, 250], 4), numbers(&[250], 5), numbers(&[200, 250], 6));
    same(&device, &[&a, &b, &bias, &rest], 1e-5, |x| x[0].matmul(&x[1], false, false).add(&x[2]).relu().mul(&x[3]));
    same(&device, &[&a, &b], 1e-5, |x| x[0].matmul(&x[1], false, false).reshape([100, 500]).neg());
    same(&device, &[&a, &b], 1e-5, |x| {
        catena::random::seed(5);
        let product = Variable::constant(x[0].matmul(&x[1], false, false));
        F::dropout(&product, 0.4).data().clone()
    });
    // Batches, one of them broadcast, and vectors.
    let (a, b) = (numbers(&[7, 60, 90], 7), numbers(&[90, 80], 8));
    same(&device, &[&a, &b], 1e-5, product(false, false));
    let (a, b) = (numbers(&[300, 200], 9), numbers(&[200, 1], 10));
    same(&device, &[&a, &b], 1e-5, product(false, false));
    let b = numbers(&[1, 300], 12);
    same(&device, &[&b, &a], 1e-5, product(false, false));
    let long = numbers(&[1, 50_000], 11);
    same(&device, &[&long, &long], 1e-4, product(false, true));
}

#[test]
fn rows_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    let x = numbers(&[300, 120], 8);
    let on = |f: fn(&Variable) -> Variable| move |x: &[Tensor]| f(&Variable::constant(x[0].clone())).data().clone();
    same(&device, &[&x], 1e-5, on(|x| F::softmax_axis(x, 1)));
    same(&device, &[&x], 1e-5, on(|x| F::softmax_axis(x, 0)));
    same(&device, &[&x], 1e-5, on(|x| F::log_softmax_axis(&F::transpose(x, None), 0)));
    same(&device, &[&x], 1e-4, on(|x| F::cumsum(x, Some(1))));
    same(&device, &[&x], 1e-4, on(|x| F::cumsum(x, Some(0))));
}

/// Rows that are themselves beyond a binding, 3 windows of it, along the last axis and across.
#[test]
fn a_row_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    const LENGTH: usize = 40_000;
    let x = numbers(&[2, LENGTH], 12);
    type Rows = fn(&Tensor, isize) -> Tensor;
    let near: [(Rows, f64); 6] = [
        (|x, axis| x.softmax(axis).mul_scalar(LENGTH as f64), 1e-4),
        (|x, axis| x.log_softmax(axis), 1e-5),
        (|x, axis| x.mul_scalar(2.0).softmax(axis).mul_scalar(LENGTH as f64).neg(), 1e-4),
        (|x, axis| x.logsumexp(Some(&[axis])), 1e-5),
        // The sums are of the order of a hundred, and pass through zero.
        (|x, axis| x.cumsum(Some(axis)), 1e-3),
        // Factors near one, or nothing is left of a product.
        (|x, axis| x.mul_scalar(1e-3).add_scalar(1.0).cumprod(Some(axis)), 1e-3),
    ];
    for (rows, tolerance) in near {
        same(&device, &[&x], tolerance, |x| rows(&x[0], 1));
        same(&device, &[&x], tolerance, |x| rows(&x[0].transpose(None).contiguous(), 0));
        same(&device, &[&x], tolerance, |x| rows(&x[0].transpose(None), 0));
    }
    // Gradients: of a product by a recurrence over the row.
    let of = |n: usize, x: &Variable| Variable::constant(Tensor::full([n], 1.5, DType::F32, x.device()));
    let functions: [&dyn Fn(&Variable) -> Variable; 6] = [
        &|x| F::softmax_axis(x, 1) * LENGTH as f64,
        &|x| F::log_softmax_axis(x, 1),
        &|x| F::cumsum(x, Some(1)) * (1.0 / LENGTH as f64),
        &|x| F::cumprod(&(x * 1e-3 + 1.0), Some(1)),
        &|x| F::layer_normalization(x, &of(LENGTH, x), &of(LENGTH, x), 1e-5),
        &|x| {
            let image = F::reshape(x, [1, 2, LENGTH as isize]);
            F::reshape(&F::batch_normalization(&image, &of(2, x), &of(2, x)), [2, LENGTH as isize])
        },
    ];
    for f in functions {
        same(&device, &[&x, &numbers(&[2, LENGTH], 13).add_scalar(0.5)], 1e-3, |x| {
            let (x, gy) = (Variable::new(x[0].clone()), Variable::constant(x[1].clone()));
            F::sum(&(f(&x) * gy)).backward();
            x.grad().unwrap()
        });
    }
}

/// Where extremes are in rows beyond a binding: on either side of a window's edge, at both, and among NaN.
#[test]
fn extremes_of_a_row_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    const LENGTH: usize = 40_000;
    // What a window shows, in elements.
    const EDGE: usize = (65_536 - 512) / 4;
    let nan = f32::NAN;
    let peaks: [&[(usize, f32)]; 9] = [
        &[(0, 5.0)],
        &[(LENGTH - 1, 5.0)],
        &[(EDGE - 1, 5.0), (EDGE, 5.0)],
        &[(EDGE, 5.0), (2 * EDGE, 5.0)],
        &[(EDGE, 5.0), (2 * EDGE + 3, 6.0)],
        &[(7, 6.0), (2 * EDGE, 5.0)],
        &[(EDGE + 1, nan), (2 * EDGE, nan)],
        &[(3, nan), (EDGE + 1, 9.0)],
        &[],
    ];
    let mut values = vec![0.0f32; peaks.len() * LENGTH];
    for (row, peaks) in peaks.iter().enumerate() {
        peaks.iter().for_each(|&(at, value)| values[row * LENGTH + at] = value);
    }
    let x = Tensor::from_slice(&values, [peaks.len(), LENGTH], &device);
    let expected = [0, LENGTH - 1, EDGE - 1, EDGE, 2 * EDGE + 3, 7, EDGE + 1, 3, 0].map(|at| at as i32);
    assert_eq!(x.argmax(1).to_vec::<i32>().unwrap(), expected);
    assert_eq!(x.neg().argmin(1).to_vec::<i32>().unwrap(), expected);
    assert_eq!(x.transpose(None).contiguous().argmax(0).to_vec::<i32>().unwrap(), expected);
    let integers = x.slice(&[(0..6usize).into()]).reshape([-1]).cast(DType::I32);
    assert_eq!(integers.argmax(0).item().unwrap(), (4 * LENGTH + 2 * EDGE + 3) as f64);
}

/// Whole layers, and their gradients, on tensors of some windows.
#[test]
fn layers_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    type Layer = fn(&Variable, fn(&[usize], u64, &Variable) -> Variable) -> Variable;
    let like =
        |shape: &[usize], seed: u64, x: &Variable| Variable::constant(numbers(shape, seed).to_device(x.device()));
    let (images, rows) = (numbers(&[6, 8, 24, 24], 21), numbers(&[90, 300], 22));
    let layers: &[(&str, &Tensor, Layer)] = &[
        ("convolution", &images, |x, like| {
            let padded = Convolution { pad: 1.into(), ..Default::default() };
            F::relu(&F::convolution_2d(x, &like(&[5, 8, 3, 3], 22, x), None, &padded))
        }),
        ("filters", &images, |x, like| {
            let w = F::get_item(x, &[Slice::ALL, Slice::ALL, (0..3usize).into(), (0..3usize).into()]);
            F::convolution_2d(&like(&[5, 8, 26, 26], 23, x), &w, None, &Convolution::default())
        }),
        ("one by one", &images, |x, like| {
            F::convolution_2d(x, &like(&[5, 8, 1, 1], 24, x), None, &Convolution::default())
        }),
        ("deconvolution", &images, |x, like| {
            let apart = Convolution { stride: 2.into(), ..Default::default() };
            F::deconvolution_2d(x, &like(&[8, 3, 2, 2], 25, x), None, &apart, None)
        }),
        ("max pooling", &images, |x, _| F::max_pooling_2d(x, 3)),
        ("max pooling with indices", &images, |x, _| F::max_pooling_2d_indices(x, 2).0),
        ("average pooling", &images, |x, _| F::average_pooling_2d(x, 2)),
        ("batch normalization", &images, |x, like| F::batch_normalization(x, &like(&[8], 26, x), &like(&[8], 27, x))),
        ("layer normalization", &rows, |x, like| {
            F::layer_normalization(x, &like(&[300], 28, x), &like(&[300], 29, x), 1e-5)
        }),
        ("softmax cross entropy", &rows, |x, _| {
            let labels: Vec<i32> = (0..90).map(|i| i * 3).collect();
            F::softmax_cross_entropy(x, &Variable::constant(Tensor::from_slice(&labels, [90], x.device())))
        }),
        ("select", &rows, |x, _| {
            let labels: Vec<i32> = (0..90).map(|i| i * 3).collect();
            F::select_item(x, &Variable::constant(Tensor::from_slice(&labels, [90], x.device())))
        }),
        ("embedding", &numbers(&[400, 60], 30), |x, _| {
            let ids: Vec<i32> = (0..500).map(|i| i * 7 % 401 - 1).collect();
            F::embed_id(&Variable::constant(Tensor::from_slice(&ids, [500], x.device())), x, Some(-1))
        }),
    ];
    for (name, x, layer) in layers {
        let on = |device: &Device| {
            let x = Variable::new(x.to_device(device));
            let y = layer(&x, like);
            F::sum(&(&y * &like(&y.shape()[..], 31, &x))).backward();
            (y.data().to_f64().unwrap(), x.grad().unwrap().to_f64().unwrap())
        };
        let ((y, gx), (ey, egx)) = (on(&device), on(&Device::cpu()));
        catena::testing::close(name, &y, &ey, 1e-4).unwrap();
        catena::testing::close(&format!("{name}, gradient"), &gx, &egx, 1e-4).unwrap();
    }
}

#[test]
fn copies_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    let (a, b) = (numbers(&[100, 300], 9), numbers(&[150, 300], 10));
    same(&device, &[&a, &b], 0.0, |x| Tensor::concat(&[&x[0], &x[1]], 0));
    same(&device, &[&a, &a], 0.0, |x| Tensor::concat(&[&x[0], &x[1]], 1));
    same(&device, &[&a, &a], 0.0, |x| Tensor::concat(&[&x[0].transpose(None), &x[1].transpose(None)], 1));
    same(&device, &[&b], 0.0, |x| x[0].transpose(None).contiguous());
    same(&device, &[&b], 1e-3, |x| x[0].cast(DType::F16).cast(DType::F32));
    same(&device, &[&b], 0.0, |x| x[0].cast(DType::Bool));
}

#[test]
fn gradients_beyond_a_binding() {
    let _alone = alone();
    let device = narrow();
    let x = numbers(&[200, 300], 11);
    let gradient = |device: &Device| {
        let x = Variable::new(x.to_device(device));
        F::sum(&(F::tanh(&x) * F::broadcast_to(&F::mean_axes(&x, Some(&[1]), true), [200, 300]))).backward();
        x.grad().unwrap().to_f64().unwrap()
    };
    catena::testing::close("gradient", &gradient(&device), &gradient(&Device::cpu()), 1e-4).unwrap();
}

#[test]
fn a_kernel_that_cannot_be_cut_says_so_and_its_result_stays_failed() {
    let _alone = alone();
    let device = narrow();
    let x = numbers(&[2, 40_000], 12).to_device(&device);
    // An image that is itself too large.
    let image = Variable::constant(x.reshape([1, 1, 200, 400]));
    let y = F::max_pooling_2d(&image, 2).data().clone();
    for _ in 0..2 {
        let error = y.to_host().unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("65536 bytes"), "{error}");
    }
    // The device goes on.
    assert_eq!(x.add(&x).to_vec::<f32>().unwrap().len(), 80_000);
}

#[test]
fn rows_beyond_a_binding_are_sorted() {
    let _alone = alone();
    let device = narrow();
    // Rows of 40,000 are of 32 parts of 2,048 pairs at least; some of their values are equal, and some are NaN.
    let x = numbers(&[2, 40_000], 12).mul_scalar(4096.0).floor();
    let x = x.equal(&x.full_like(7.0)).where_(&x.full_like(f64::NAN), &x);
    same(&device, &[&x], 0.0, |x| x[0].argsort(1));
    same(&device, &[&x], 0.0, |x| x[0].sort(1));
    same(&device, &[&x], 0.0, |x| x[0].transpose(None).argsort(0));
    for k in [1, 100, 30_000] {
        same(&device, &[&x], 0.0, |x| x[0].topk(k, 1).0);
        same(&device, &[&x], 0.0, |x| x[0].topk(k, 1).1);
    }
    same(&device, &[&x], 0.0, |x| x[0].cast(DType::F16).argsort(1));
    let integers = numbers(&[50_000], 13).mul_scalar(2e9).cast(DType::I32);
    same(&device, &[&integers], 0.0, |x| x[0].sort(0));
    // Many rows, each of which fits.
    let x = numbers(&[3, 7, 3000], 14);
    same(&device, &[&x], 0.0, |x| x[0].argsort(2));
    same(&device, &[&x], 0.0, |x| x[0].topk(5, 1).0);
    // Drawn where it is wanted.
    let order = |device: &Device| {
        let order = Tensor::permutation(&mut catena::kernel::philox::Generator::new(5), 50_000, device);
        order.to_vec::<i32>().unwrap()
    };
    assert_eq!(order(&device), order(&Device::cpu()));
}

#[test]
fn no_launch_takes_too_many_elements() {
    let _alone = alone();
    let options = DeviceOptions { max_launch_elements: Some(10_000), ..Default::default() };
    let device = Device::open(&adapter(), &options).unwrap();
    let x = numbers(&[400, 250], 13);
    let t = x.to_device(&device);
    let before = device.stats();
    assert_eq!(t.neg().to_f64().unwrap(), x.neg().to_f64().unwrap());
    assert!((device.stats() - before).launches >= 10);
    same(&device, &[&x], 1e-5, |x| x[0].reduce(Reduction::Sum, None, false));
    same(&device, &[&x], 1e-5, |x| x[0].reduce(Reduction::Sum, Some(&[0]), false));
    same(&device, &[&x], 1e-5, |x| x[0].reduce(Reduction::Max, Some(&[1]), false));
    // 16 products count as one element.
    let b = numbers(&[250, 100], 14);
    let before = device.stats();
    same(&device, &[&x, &b], 1e-5, |x| x[0].matmul(&x[1], false, false));
    assert!((device.stats() - before).launches >= 400 * 250 * 100 / 160_000);
}

#[test]
fn a_tensor_of_more_than_128_mib() {
    let _alone = alone();
    let device = Device::open(&adapter(), &DeviceOptions::default()).unwrap();
    // 160 MiB of f32, over 131,070 workgroups of 256 threads.
    let (rows, columns) = (40_960, 1024);
    let x = Tensor::arange(rows * columns, &device).reshape([rows as isize, columns as isize]);
    x.force();
    let y = x.mul(&x.full_like(0.5)).add(&Tensor::ones([columns], DType::F32, &device));
    let at = |r: usize, c: usize| y.slice(&[Slice::Index(r as isize), Slice::Index(c as isize)]).item().unwrap();
    for (r, c) in [(0, 0), (1, 1023), (20_479, 512), (20_480, 0), (40_959, 1023)] {
        let expected = ((r * columns + c) as f32 * 0.5 + 1.0) as f64;
        assert_eq!(at(r, c), expected, "at {r}, {c}");
    }
    drop(y);
    let ones = x.mul(&x.full_like(0.0)).add(&x.full_like(1.0));
    ones.force();
    assert_eq!(ones.reduce(Reduction::Sum, None, false).item().unwrap(), (rows * columns) as f64);
    let columns_sum = ones.reduce(Reduction::Sum, Some(&[0]), false).to_vec::<f32>().unwrap();
    assert!(columns_sum.iter().all(|&v| v == rows as f32));
    assert_eq!(x.reduce(Reduction::Max, None, false).item().unwrap(), (rows * columns - 1) as f32 as f64);
    // As the left side of a product, and transposed, where k is the long axis.
    let few = Tensor::from_slice(&[0.5f32, 2.0], [2, 1], &device);
    let product = ones.matmul(&few.broadcast_to([2, columns]), false, true).to_vec::<f32>().unwrap();
    assert!(product.chunks(2).all(|row| row == [512.0, 2048.0]));
    let product = ones.matmul(&few.broadcast_to([2, rows]), true, true).to_vec::<f32>().unwrap();
    assert!(product.chunks(2).all(|row| row == [20_480.0, 81_920.0]));
}

/// Copies whose source and result are each larger than what one binding shows.
#[test]
fn copies_of_more_than_128_mib() {
    let _alone = alone();
    let device = Device::open(&adapter(), &DeviceOptions::default()).unwrap();
    // 160 MiB of f32.
    let (rows, columns) = (40_960, 1024);
    let x = Tensor::arange(rows * columns, &device).reshape([rows as isize, columns as isize]);
    x.force();
    let at = |y: &Tensor, r: usize, c: usize| y.slice(&[(r as isize).into(), (c as isize).into()]).item().unwrap();
    let places = [(0, 0), (1, 1023), (16_383, 7), (16_384, 0), (32_767, 1000), (32_768, 1), (40_959, 1023)];
    let expected = |r: usize, c: usize| f64::from((r * columns + c) as f32);
    let turned = x.transpose(None).contiguous();
    turned.force();
    places.iter().for_each(|&(r, c)| assert_eq!(at(&turned, c, r), expected(r, c), "transposed, at {c}, {r}"));
    // Each element is where it belongs: read back across, nothing is left of the difference.
    let left = turned.transpose(None).sub(&x);
    assert_eq!(left.mul(&left).sum(None, false).item().unwrap(), 0.0);
    drop((turned, left));
    let few = Tensor::full([8, columns], -1.0, DType::F32, &device);
    let joined = Tensor::concat(&[&few, &x, &few], 0);
    joined.force();
    places.iter().for_each(|&(r, c)| assert_eq!(at(&joined, r + 8, c), expected(r, c), "joined, at {r}, {c}"));
    let left = joined.slice(&[(8..8 + rows).into()]).sub(&x);
    assert_eq!(left.mul(&left).sum(None, false).item().unwrap(), 0.0);
    for ends in [0..8usize, rows + 8..rows + 16] {
        assert_eq!(joined.slice(&[ends.into()]).sum(None, false).item().unwrap(), -8.0 * columns as f64);
    }
}

/// Gradients of what looks at whole rows, from one element to ten million: those in f64 on the CPU.
#[test]
fn gradients_of_rows_of_any_length() {
    let _alone = alone();
    let plain = Device::open(&adapter(), &DeviceOptions { no_subgroups: true, ..Default::default() }).unwrap();
    let devices = [plain, Device::open(&adapter(), &DeviceOptions::default()).unwrap()];
    type Layer = fn(&Variable, &[Variable; 2]) -> Variable;
    // Gradients that are of the order of one over the length are scaled up to where a tolerance sees them.
    let layers: &[(&str, bool, Layer)] = &[
        ("softmax", false, |x, _| F::softmax_axis(x, 1) * x.shape()[1] as f64),
        ("log_softmax", false, |x, _| F::log_softmax_axis(x, 1)),
        ("softmax_cross_entropy", false, |x, _| {
            let (rows, length) = (x.shape()[0], x.shape()[1]);
            let labels: Vec<i32> = (0..rows as i32).map(|i| if i == 1 { -1 } else { i * 7 % length as i32 }).collect();
            let t = Variable::constant(Tensor::from_slice(&labels, [rows], x.device()));
            F::softmax_cross_entropy(x, &t) * length as f64
        }),
        ("layer_normalization", true, |x, [gamma, beta]| F::layer_normalization(x, gamma, beta, 1e-3)),
        ("batch_normalization", false, |x, [gamma, beta]| {
            let (rows, length) = (x.shape()[0] as isize, x.shape()[1] as isize);
            F::reshape(&F::batch_normalization(&F::reshape(x, [1, rows, length]), gamma, beta), [rows, length])
        }),
        ("var", false, |x, _| {
            let away = x - F::mean_axes(x, Some(&[1]), true);
            F::mean_axes(&F::square(&away), Some(&[1]), false) * x.shape()[1] as f64
        }),
    ];
    for (rows, length) in [(3, 1), (2, 70_000), (1, 10_000_000)] {
        let x = numbers(&[rows, length], 41).mul_scalar(3.0);
        // What comes back leans towards the row itself, so that no sum in a gradient is near zero.
        let gy = x.mul_scalar(0.25).add(&numbers(&[rows, length], 42)).add_scalar(0.5);
        for &(name, along, layer) in layers {
            let factors = if along { length } else { rows };
            let of = |seed: u64| numbers(&[factors], seed).mul_scalar(0.5).add_scalar(1.0);
            let inputs = [&x, &of(43), &of(44)];
            let on = |device: &Device, dtype: DType| -> Vec<_> {
                let [x, gamma, beta] = inputs.map(|t| Variable::new(t.cast(dtype).to_device(device)));
                let factors = [gamma, beta];
                let y = layer(&x, &factors);
                let gy = if y.shape() == gy.shape() {
                    gy.clone()
                } else {
                    Tensor::ones(y.shape().clone(), DType::F32, &Device::cpu())
                };
                F::sum(&(y * Variable::constant(gy.cast(dtype).to_device(device)))).backward();
                [&x, &factors[0], &factors[1]]
                    .map(|v| v.grad().map(|g| g.to_f64().unwrap()))
                    .into_iter()
                    .flatten()
                    .collect()
            };
            let expected: Vec<_> = on(&Device::cpu(), DType::F64);
            // At the greatest length the CPU and one way take long enough.
            for device in devices.iter().skip(usize::from(length > 1_000_000)) {
                for (at, (g, e)) in on(device, DType::F32).iter().zip(&expected).enumerate() {
                    catena::testing::close(&format!("{name} of {rows} by {length}, gradient {at}"), g, e, 1e-4)
                        .unwrap();
                }
            }
        }
    }
}

/// Rows from one element to ten million, and either way for the threads of a workgroup to share one.
#[test]
fn rows_of_any_length() {
    let _alone = alone();
    let plain = Device::open(&adapter(), &DeviceOptions { no_subgroups: true, ..Default::default() }).unwrap();
    for device in [plain, Device::open(&adapter(), &DeviceOptions::default()).unwrap()] {
        for (rows, length) in [(3, 1), (700, 16), (5, 129), (70, 20_000), (2, 70_000), (1, 10_000_000)] {
            let x = numbers(&[rows, length], 41).mul_scalar(3.0);
            same(&device, &[&x], 1e-4, |x| x[0].softmax(1).mul_scalar(length as f64));
            same(&device, &[&x], 1e-5, |x| x[0].log_softmax(1));
            same(&device, &[&x], 1e-5, |x| x[0].logsumexp(Some(&[1])));
            same(&device, &[&x], 1e-4, |x| x[0].var(Some(&[1]), false));
            same(&device, &[&x], 1e-4, |x| x[0].mean(Some(&[1]), false));
            same(&device, &[&x], 0.0, |x| x[0].argmax(1));
            // Sums of integers have no rounding.
            same(&device, &[&x], 0.0, |x| x[0].mul_scalar(4.0).cast(DType::I32).cumsum(Some(1)));
            same(&device, &[&x], 0.0, |x| x[0].reduce(Reduction::Max, Some(&[1]), false));
            let labels: Vec<i32> = (0..rows as i32).map(|i| if i == 1 { -1 } else { i * 7 % length as i32 }).collect();
            same(&device, &[&x], 1e-5, |x| {
                let t = Variable::constant(Tensor::from_slice(&labels, [rows], x[0].device()));
                F::softmax_cross_entropy(&Variable::constant(x[0].clone()), &t).data().clone()
            });
            same(&device, &[&x], 1e-3, |x| {
                let of = |n: f64| Variable::constant(Tensor::full([length], n, DType::F32, x[0].device()));
                F::layer_normalization(&Variable::constant(x[0].clone()), &of(1.5), &of(0.5), 1e-3).data().clone()
            });
        }
    }
}

/// A hundred million numbers: the error stays below 1e-5 of the sum of their magnitudes.
#[test]
fn long_sums_keep_their_digits() {
    let _alone = alone();
    for device in catena::testing::devices() {
        // 0.1 and a little more each time, never exact in binary.
        let row = Tensor::arange(10_000, &device).mul_scalar(1.0 / 3e7).add_scalar(0.1);
        row.force();
        let values: f64 = row.to_vec::<f32>().unwrap().iter().map(|&v| f64::from(v)).sum();
        let sum = row.broadcast_to([10_000, 10_000]).reduce(Reduction::Sum, None, false).item().unwrap();
        let wrong = (sum - values * 1e4).abs() / (values * 1e4);
        println!("{device}: {wrong:.2e} of the sum");
        assert!(wrong < 1e-5, "{device}: {sum} instead of {}", values * 1e4);
    }
}

#[test]
fn a_buffer_beyond_the_limit_is_a_typed_error() {
    let _alone = alone();
    let options = DeviceOptions { max_buffer_bytes: Some(1 << 20), ..Default::default() };
    let device = Device::open(&adapter(), &options).unwrap();
    let error = Tensor::ones([300_000], DType::F32, &device).copy().to_host().unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("1048576"), "{error}");
    assert_eq!(Tensor::ones([3], DType::F32, &device).to_vec::<f32>().unwrap(), [1.0; 3]);
}

#[test]
fn more_ids_than_a_loop_may_be_long() {
    let _alone = alone();
    let device = Device::open(&adapter(), &DeviceOptions::default()).unwrap();
    // Fewer rows than ids, and more.
    for (n, rows) in [(70_000usize, 7usize), (66_000, 66_001)] {
        let ids: Vec<i32> = (0..n).map(|i| (i % rows.min(40)) as i32).collect();
        let gradient = |device: &Device| {
            let w = Variable::new(Tensor::ones([rows, 2], DType::F32, device));
            let ids = Variable::constant(Tensor::from_slice(&ids, [n], device));
            F::sum(&F::embed_id(&ids, &w, None)).backward();
            w.grad().unwrap().to_f64().unwrap()
        };
        let (a, e) = (gradient(&device), gradient(&Device::cpu()));
        catena::testing::close("gradient", &a, &e, 1e-6).unwrap();
    }
}
