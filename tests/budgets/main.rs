//! Launches that training takes: an accidental kernel or synchronisation is a failing test.
//!
//! Counts are those of a GPU or a software adapter, one thread at a time, with fusion.

mod losses;
mod recurrent;

use catena::{
    autograd::no_backprop,
    kernel::{force_all, philox::Generator},
    prelude::*,
    testing,
};
use std::sync::Mutex;

/// One test at a time: all of them count on the same device.
static COUNTING: Mutex<()> = Mutex::new(());

/// Launches and read-backs of `f` on the GPU or software adapter.
fn count<T>(f: impl Fn(&Device) -> T) -> (u64, u64) {
    let device = testing::devices().pop().expect("there is always the CPU");
    assert!(!device.is_cpu(), "launches are counted on a GPU; install a software adapter");
    count_on(&device, f)
}

fn count_on<T>(device: &Device, f: impl Fn(&Device) -> T) -> (u64, u64) {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    device.synchronize().unwrap();
    let before = device.stats();
    let kept = f(device);
    force_all(device);
    let did = device.stats() - before;
    drop(kept);
    (did.launches, did.read_backs)
}

/// Whether one kernel an operator is asked for, for which no budget holds.
fn unfused() -> bool {
    std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off")
}

fn scores(device: &Device) -> (Variable, Variable) {
    let x: Vec<f32> = (0..6 * 5).map(|i| (i as f32 * 0.7).sin()).collect();
    let x = Variable::new(Tensor::from_slice(&x, [6, 5], device));
    let t = Variable::constant(Tensor::from_slice(&[0, 4, -1, 2, 1, 3], [6], device));
    (x, t)
}

#[test]
fn softmax_cross_entropy_takes_two_launches_and_one_back() {
    if unfused() {
        return;
    }
    for normalize in [true, false] {
        let options = F::SoftmaxCrossEntropy { normalize, ..Default::default() };
        let forward = |device: &Device| {
            let (x, t) = scores(device);
            (F::softmax_cross_entropy_with(&x, &t, &options), x)
        };
        assert_eq!(count(forward), (2, 0), "forward, normalize: {normalize}");
        let both = |device: &Device| {
            let (loss, x) = forward(device);
            loss.data().force();
            loss.backward();
            x.grad()
        };
        assert_eq!(count(both), (3, 0), "forward and backward, normalize: {normalize}");
    }
}

#[test]
fn numbers_that_repeat_take_no_launch_of_their_own() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], device);
        let half = Tensor::full((), 0.5, DType::F32, device);
        let row = Tensor::ones([2], DType::F32, device);
        let y = x.mul(&half).add(&row);
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.5, 2.0, 2.5, 3.0]);
        // Still there by themselves.
        assert_eq!(row.to_vec::<f32>().unwrap(), [1.0, 1.0]);
        half
    });
    assert_eq!(launches, (2, 2));
}

#[test]
fn a_result_of_another_dtype_does_not_take_over_its_operand() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let x = Tensor::from_slice(&[1.0f32, 5.0, 7.0, 2.0], [2, 2], &device);
        assert_eq!(x.argmax(1).cast(DType::F32).add_scalar(0.5).to_vec::<f32>().unwrap(), [1.5, 0.5]);
    }
}

#[test]
fn tensors_of_one_shape_are_joined_by_one_launch() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], device);
        let y = x.mul(&x);
        // Two expressions that share a third which stays, and memory as it is.
        let joined = Tensor::stack(&[&y.add_scalar(1.0), &x, &y.transpose(None).add(&x)], -1);
        let expected = [2.0, 1.0, 2.0, 5.0, 2.0, 11.0, 10.0, 3.0, 7.0, 17.0, 4.0, 20.0];
        assert_eq!(joined.to_vec::<f32>().unwrap(), expected);
        let again = Tensor::concat(&[&y.add_scalar(1.0), &y, &y.mul(&x)], 1);
        assert_eq!(again.to_vec::<f32>().unwrap(), [2.0, 5.0, 1.0, 4.0, 1.0, 8.0, 10.0, 17.0, 9.0, 16.0, 27.0, 64.0]);
        y
    });
    // One for `y`, which is wanted transposed, and one for each join.
    assert_eq!(launches, (3, 2));
}

#[test]
fn tensors_of_other_shapes_are_joined_by_one_launch() {
    if unfused() {
        return;
    }
    type Make = fn(&[Tensor; 3]) -> Vec<Tensor>;
    // What is elementwise and held by others too is written for them by the kernel that joins it.
    let all: [(&str, u64, Make); 4] = [
        ("memory", 1, |[a, b, c]| vec![b.clone(), a.clone(), c.transpose(None).slice(&[Slice::ALL, (2..5).into()])]),
        ("numbers that repeat", 1, |[a, b, _]| {
            let of = |width: usize, value: f64| Tensor::full([3, width], value, a.dtype(), a.device());
            vec![a.clone(), of(2, 0.0), b.clone(), of(3, 2.0)]
        }),
        ("integers that repeat", 3, |[a, ..]| {
            let of = |width: usize, value: f64| Tensor::full([3, width], value, DType::I32, a.device());
            vec![of(2, 3.0), of(1, -2.0)]
        }),
        ("what others hold", 2, |[a, b, _]| vec![a.tanh(), b.clone()]),
    ];
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let check = |device: &Device, what: &str, most: u64, make: &dyn Fn() -> Vec<Tensor>| {
        let parts = make();
        let before = device.stats().launches;
        let joined = Tensor::concat(&parts.iter().collect::<Vec<_>>(), 1);
        let taken = device.stats().launches - before;
        assert!(taken <= most, "{device}, {what}: {taken} launches");
        let parts: Vec<_> = make().iter().map(|part| part.to_f64().unwrap()).collect();
        let parts: Vec<_> = parts.iter().map(|part| part.view()).collect();
        let expected = ndarray::concatenate(ndarray::Axis(1), &parts).unwrap();
        testing::close(what, &joined.to_f64().unwrap(), &expected, 1e-6).unwrap();
    };
    for device in testing::devices() {
        let xs = [[3, 4], [3, 7], [7, 3]].map(|shape| numbers(&shape, &device).data().clone());
        for (what, most, make) in &all {
            check(&device, what, *most, &|| make(&xs));
        }
        if !device.is_cpu() {
            // Products are written where they belong.
            let products = |[a, b, c]: &[Tensor; 3]| {
                vec![b.matmul(c, false, false).relu(), c.slice(&[(0..3).into()]).matmul(a, false, false)]
            };
            check(&device, "products", 2, &|| products(&xs));
        }
        // Each in memory of its own: a kernel binds 8 buffers at least, of which it writes one.
        let many: Vec<Tensor> = (0..40).map(|i| xs[i % 2].copy()).collect();
        check(&device, "many", if device.is_cpu() { 1 } else { 6 }, &|| many.clone());
    }
}

/// Views of matrices are read where they lie, whichever way: no operand is copied.
#[test]
fn a_product_of_views_takes_one_launch() {
    if unfused() {
        return;
    }
    let device = testing::devices().pop().expect("there is always the CPU");
    let halves = Tensor::from_host(ndarray::arr1(&[half::f16::ONE]).into_dyn(), &device).is_ok();
    for dtype in [DType::F32, DType::F16].into_iter().take(1 + usize::from(halves)) {
        let x = {
            let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let x = numbers(&[3, 96, 80], &device).data().cast(dtype);
            x.force();
            x
        };
        let (a, b) = (x.slice(&[Slice::Index(0)]), x.slice(&[Slice::Index(1)]));
        let every = |t: &Tensor, rows: isize, columns: isize| {
            t.slice(&[rows, columns].map(|step| Slice::Range(None, None, step)))
        };
        let part = |t: &Tensor| t.slice(&[(3..90usize).into(), (5..70usize).into()]);
        let turned = |t: &Tensor, axes: [isize; 3]| t.transpose(Some(&axes));
        let products: [(&str, Tensor, Tensor, [bool; 2]); 7] = [
            ("transposed on the right", a.clone(), b.clone(), [false, true]),
            ("transposed on the left", a.clone(), b.clone(), [true, false]),
            ("views transposed", a.transpose(None), b.transpose(None), [true, false]),
            ("every other row and column", every(&a, 2, 2), every(&b, 2, 2), [false, true]),
            ("backwards", every(&a, -1, 1), every(&b, 1, -1), [true, false]),
            ("parts", part(&a), part(&b), [true, false]),
            ("batches along another axis", turned(&x, [1, 0, 2]), turned(&x, [1, 2, 0]), [false, false]),
        ];
        for (what, a, b, [transa, transb]) in products {
            let took = count_on(&device, |_| a.matmul(&b, transa, transb));
            assert_eq!(took, (1, 0), "{what}, {dtype}: launches and read-backs");
        }
    }
}

/// `n` numbers without a pattern, as a variable.
fn numbers(shape: &[usize], device: &Device) -> Variable {
    let n = shape.iter().product::<usize>();
    let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
    Variable::new(Tensor::from_slice(&x, shape, device))
}

#[test]
fn layer_normalization_takes_one_launch_and_three_back() {
    if unfused() {
        return;
    }
    for shape in [[6, 5], [300, 1000], [5000, 16]] {
        let forward = |device: &Device| {
            let (x, gamma, beta) =
                (numbers(&shape, device), numbers(&shape[1..], device), numbers(&shape[1..], device));
            (F::layer_normalization(&x, &gamma, &beta, 1e-5), [x, gamma, beta])
        };
        assert_eq!(count(forward), (1, 0), "forward, {shape:?}");
        let both = |device: &Device| {
            let (y, xs) = forward(device);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        let (launches, read_backs) = count(both);
        assert!(launches <= 1 + 3 && read_backs == 0, "forward and backward, {shape:?}: {launches}");
    }
}

#[test]
fn batch_normalization_takes_three_launches_with_the_rectifier_and_three_back() {
    if unfused() {
        return;
    }
    let shapes: [(&[usize], u64, u64); 5] = [
        (&[6, 5], 2, 2),
        (&[100, 1000], 3, 3),
        (&[16, 8, 12, 12], 3, 3),
        (&[1, 8, 100, 100], 2, 2),
        (&[2, 2, 300, 300], 3, 3),
    ];
    for (shape, forth, back) in shapes {
        let statistics = |device: &Device| F::RunningStatistics {
            mean: Tensor::zeros(shape[1], DType::F32, device).copy(),
            var: Tensor::ones(shape[1], DType::F32, device).copy(),
        };
        let forward = |device: &Device, running: Option<&mut F::RunningStatistics>| {
            let [x, gamma, beta] = [shape, &shape[1..2], &shape[1..2]].map(|s| numbers(s, device));
            let options = F::BatchNormalization::default();
            let y = F::batch_normalization_with(&x, &gamma, &beta, &options, running);
            (y, [x, gamma, beta])
        };
        let rectified = |device: &Device| {
            let mut running = statistics(device);
            let (y, xs) = forward(device, Some(&mut running));
            (F::relu(&y), xs, running.mean, running.var)
        };
        // Zeros and ones of the running statistics are made by two.
        assert_eq!(count(rectified), (forth + 2, 0), "forward, {shape:?}");
        let both = |device: &Device| {
            let (y, xs) = forward(device, None);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        assert_eq!(count(both), (forth + back, 0), "forward and backward, {shape:?}");
        // The rectifier's gradient is no launch of its own: both kernels that read it compute it.
        let through = |device: &Device| {
            let (y, xs) = forward(device, None);
            let y = F::relu(&y);
            y.data().force();
            y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], shape, device)));
            y.backward();
            xs
        };
        assert_eq!(count(through), (forth + back, 0), "forward and backward with the rectifier, {shape:?}");
    }
}

#[test]
fn group_normalization_takes_three_launches_and_five_back() {
    if unfused() {
        return;
    }
    let both = |device: &Device| {
        let [x, gamma, beta] = [&[4, 8, 20, 20][..], &[8], &[8]].map(|s| numbers(s, device));
        let y = F::relu(&F::group_normalization(&x, 4, &gamma, &beta, 1e-5));
        y.data().force();
        y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], y.shape().clone(), device)));
        y.backward();
        [x, gamma, beta]
    };
    // One more for the gradient of the rectifier.
    let (launches, _) = count(both);
    assert!(launches <= 3 + 1 + 5, "{launches}");
}

#[test]
fn local_response_normalization_takes_one_launch_with_the_rectifier_and_two_back() {
    if unfused() {
        return;
    }
    let forward = |device: &Device| {
        let x = numbers(&[2, 8, 5, 5], device);
        (F::relu(&F::local_response_normalization(&x)), x)
    };
    assert_eq!(count(forward), (1, 0), "forward");
    let both = |device: &Device| {
        let (y, x) = forward(device);
        y.data().force();
        y.set_grad(Some(Tensor::from_slice(&vec![1.5f32; y.size()], y.shape().clone(), device)));
        y.backward();
        x
    };
    let (launches, _) = count(both);
    assert!(launches <= 1 + 2, "{launches}");
}

/// Softmax reads a row several times and normalisation shares what it reads: both compute a little themselves, and more than
/// that is written first.
#[test]
fn row_kernels_compute_what_is_cheap() {
    if unfused() {
        return;
    }
    let _scope = no_backprop();
    let row = |device: &Device| numbers(&[40], device);
    let sum = |device: &Device| numbers(&[6, 40], device) + numbers(&[6, 40], device) * 0.5;
    type Make = fn(&dyn Fn(&Device) -> Variable, &dyn Fn(&Device) -> Variable, &Device) -> Variable;
    let all: [(&str, u64, Make); 4] = [
        ("softmax of a scaled sum", 1, |sum, _, d| F::softmax(&(sum(d) * 2.0 + 1.0))),
        ("softmax of exponentials", 2, |sum, _, d| F::softmax(&(F::exp(&sum(d)) * 0.1))),
        ("normalised sum", 1, |_, row, d| {
            let [a, b] = [numbers(&[6, 40], d), numbers(&[6, 40], d)];
            F::layer_normalization(&(a + b), &row(d), &row(d), 1e-5)
        }),
        ("normalised tanh", 2, |sum, row, d| F::layer_normalization(&F::tanh(&sum(d)), &row(d), &row(d), 1e-5)),
    ];
    for (name, launches, make) in all {
        assert_eq!(count(|d| make(&sum, &row, d)), (launches, 0), "{name}");
        let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let [device, cpu] = [testing::devices().pop().expect("an adapter"), Device::cpu()];
        let [on_gpu, on_cpu] = [device, cpu].map(|d| make(&sum, &row, &d).data().to_f64().unwrap().into_dyn());
        testing::close(name, &on_gpu, &on_cpu, 1e-5).unwrap();
    }
}

#[test]
fn draws_are_computed_where_they_are_used() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let mut g = Generator::new(3);
        let before = device.stats();
        let drawn = [
            Tensor::rand(&mut g, [1000], DType::F32, &device),
            Tensor::randn(&mut g, [1000], DType::F32, &device),
            Tensor::bernoulli(&mut g, 0.5, [1000], DType::F32, &device),
            Tensor::randint(&mut g, -9, 9, [1000], &device),
        ];
        drawn.iter().for_each(Tensor::force);
        let did = device.stats() - before;
        assert_eq!(did.bytes_up, 0, "{device}: {did:?}");
        assert!(unfused() || did.launches == 4, "{device}: {did:?}");
        let before = device.stats();
        let noisy = Tensor::randn(&mut g, [1000], DType::F32, &device) * 0.1 + &drawn[0];
        noisy.force();
        let did = device.stats() - before;
        assert!(unfused() || (did.launches, did.allocations) == (1, 1), "{device}: {did:?}");
    }
}

#[test]
fn an_expression_is_one_launch_that_writes_its_result_alone() {
    if unfused() {
        return;
    }
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let [a, b, c, d, e] = [0; 5].map(|_| numbers(&[64, 33], &device));
        device.synchronize().unwrap();
        let before = device.stats();
        let [ta, tb, tc, td, te] = [&a, &b, &c, &d, &e].map(|v| v.data().clone());
        let y = (&ta * &tb + &tc).relu() * &td - te.tanh();
        y.force();
        let did = device.stats() - before;
        assert_eq!((did.launches, did.allocations, did.read_backs), (1, 1, 0), "{device}, tensors: {did:?}");
        let before = device.stats();
        let z = F::relu(&(&a * &b + &c)) * &d - F::tanh(&e);
        z.data().force();
        let did = device.stats() - before;
        // What the gradients ask for is written beside it.
        assert_eq!((did.launches, did.read_backs), (1, 0), "{device}, variables: {did:?}");
        assert!(did.allocations <= 3, "{device}, variables: {did:?}");
        assert_eq!(y.to_vec::<f32>().unwrap(), z.data().to_vec::<f32>().unwrap());
        F::sum(&z).backward();
        assert!([a, b, c, d, e].iter().all(|v| v.grad().is_some()));
    }
}

#[test]
fn softmax_of_rows_is_one_launch() {
    if unfused() {
        return;
    }
    let launches = count(|device| {
        let x = Tensor::rand(&mut Generator::new(1), [4096, 1024], DType::F32, device);
        x.force();
        let y = x.softmax(1);
        y.force();
        [x, y]
    });
    // One for the numbers, and one.
    assert_eq!(launches, (2, 0));
}

#[test]
fn gradients_of_softmax_are_one_launch_with_what_came_before() {
    if unfused() {
        return;
    }
    type Of = fn(&Variable) -> Variable;
    for (name, of) in [("softmax", F::softmax as Of), ("log_softmax", F::log_softmax)] {
        let took = |back: bool| {
            let count = count(|device| {
                let x = numbers(&[64, 100], device);
                let y = of(&x);
                y.data().force();
                if back {
                    // The gradient times three is computed as it is read.
                    let z = &y * 3.0;
                    z.set_grad(Some(numbers(&[64, 100], device).data().clone()));
                    z.backward();
                }
                (x.grad(), y)
            });
            count.0
        };
        assert_eq!(took(true) - took(false), 1, "{name}");
    }
}

#[test]
fn variances_of_rows_are_one_launch_and_of_columns_two() {
    if unfused() {
        return;
    }
    // Columns are in parts here.
    for (axis, launches) in [(1, 1), (0, 2)] {
        let took = count(|device| {
            let x = numbers(&[40, 60], device);
            let before = device.stats().launches;
            let found = [x.data().var(Some(&[axis]), false), x.data().std(Some(&[axis]), true)];
            assert_eq!(device.stats().launches - before, 2 * launches, "along axis {axis}");
            found
        });
        assert_eq!(took.1, 0, "read-backs along axis {axis}");
    }
}

#[test]
fn a_sum_of_more_tensors_than_a_kernel_binds_is_cut() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices() {
        let all: Vec<Tensor> = (0..40).map(|i| Tensor::from_slice(&[i as f32, 0.5], [2], &device)).collect();
        let before = device.stats();
        let sum = all.iter().skip(1).fold(all[0].clone(), |sum, t| sum + t);
        assert_eq!(sum.to_vec::<f32>().unwrap(), [780.0, 20.0], "{device}");
        let launches = (device.stats() - before).launches;
        // A kernel binds 8 buffers at least: it adds 6 to what it has, and writes.
        assert!(unfused() || (device.is_cpu() || launches > 1) && launches <= 7, "{device}: {launches}");
    }
}

#[test]
fn other_sizes_of_a_batch_compile_nothing() {
    let _alone = COUNTING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for device in testing::devices().into_iter().filter(|d| !d.is_cpu()) {
        let layers = [(784, 1000), (1000, 1000), (1000, 10)].map(|(m, n)| L::Linear::new(m, n).to_device(&device));
        let mut optimizers = layers.each_ref().map(|l| Adam::default().setup(l));
        let mut step = |n: usize| {
            let before = device.stats().pipelines;
            let pixels: Vec<f32> = (0..n * 784).map(|i| (i * 31 % 97) as f32 / 97.0).collect();
            let labels: Vec<i32> = (0..n as i32).map(|i| i % 10).collect();
            let x = Variable::constant(Tensor::from_slice(&pixels, [n, 784], &device));
            let t = Variable::constant(Tensor::from_slice(&labels, [n], &device));
            let h = F::relu(&layers[1].forward(&F::relu(&layers[0].forward(&x))));
            let loss = F::softmax_cross_entropy(&layers[2].forward(&h), &t);
            layers.iter().for_each(|l| l.cleargrads());
            loss.backward();
            optimizers.iter_mut().for_each(|o| o.update());
            assert!(loss.item().unwrap().is_finite());
            device.stats().pipelines - before
        };
        let first = [step(100), step(100)];
        let others = [96, 37, 100].map(&mut step);
        println!("{device}: {first:?} kernels at first, {others:?} for other sizes");
        assert!(others[0] == 0 && others[1] <= 2 && others[2] == 0, "{device}: {others:?}");
    }
}
