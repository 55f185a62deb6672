//! Statistics of values far from zero, against double precision: where sums of squares would cancel.

use catena::{kernel::philox::Generator, prelude::*, testing};

/// `n` numbers within 1 of 10,000, of which single precision tells some thousand apart.
fn far(n: usize) -> Vec<f32> {
    let mut values = vec![0.0; n];
    Generator::new(11).fill_uniform(&mut values);
    values.iter().map(|u| 1e4 + 2.0 * u - 1.0).collect()
}

/// Mean and variance, in double precision.
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n)
}

/// The largest difference.
fn apart(got: &Tensor, expected: &[f64]) -> f64 {
    let got = got.to_f64().unwrap();
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn variances_do_not_cancel() {
    for device in testing::devices() {
        for (rows, columns) in [(1, 5), (7, 1000), (2, 30_000), (3, 100_000), (300, 16)] {
            let x = far(rows * columns);
            let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
            let t = Tensor::from_slice(&x, [rows, columns], &device);
            let expected: Vec<f64> = wide.chunks(columns).map(|row| moments(row).1).collect();
            let error = apart(&t.var(Some(&[1]), false), &expected);
            println!("{device}: variance of {rows}x{columns}: {error:e}");
            assert!(error < 1e-5, "{device}: {rows}x{columns}: {error:e}");
            let columns_of = t.transpose(None).copy();
            let error = apart(&columns_of.var(Some(&[0]), false), &expected);
            println!("{device}: variance of columns of {rows}x{columns}: {error:e}");
            assert!(error < 1e-5, "{device}: columns of {rows}x{columns}: {error:e}");
        }
    }
}

#[test]
fn normalised_rows_are_those_of_double_precision() {
    for device in testing::devices() {
        for (rows, columns) in [(4, 10), (7, 1000), (2, 50_000)] {
            let x = far(rows * columns);
            let one = |v: f32| Variable::constant(Tensor::full([columns], f64::from(v), DType::F32, &device));
            let t = Variable::constant(Tensor::from_slice(&x, [rows, columns], &device));
            let y = F::layer_normalization(&t, &one(1.0), &one(0.0), 1e-5);
            let expected: Vec<f64> = x
                .chunks(columns)
                .flat_map(|row| {
                    let wide: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
                    let (mean, var) = moments(&wide);
                    wide.into_iter().map(move |v| (v - mean) / (var + 1e-5).sqrt())
                })
                .collect();
            let error = apart(y.data(), &expected);
            println!("{device}: layer normalisation of {rows}x{columns}: {error:e}");
            assert!(error < 2e-3, "{device}: {rows}x{columns}: {error:e}");
        }
    }
}

#[test]
fn normalised_batches_are_those_of_double_precision() {
    for device in testing::devices() {
        for (n, channels, area) in [(32, 5, 1), (100, 8, 144), (2, 3, 10_000)] {
            let x = far(n * channels * area);
            let one = |v: f32| Variable::constant(Tensor::full([channels], f64::from(v), DType::F32, &device));
            let t = Variable::constant(Tensor::from_slice(&x, [n, channels, area, 1], &device));
            let y = F::batch_normalization(&t, &one(1.0), &one(0.0));
            let of = |c: usize| -> Vec<f64> {
                let image = |i: usize| &x[(i * channels + c) * area..(i * channels + c + 1) * area];
                (0..n).flat_map(|i| image(i).iter().map(|&v| f64::from(v))).collect()
            };
            let statistics: Vec<(f64, f64)> = (0..channels).map(|c| moments(&of(c))).collect();
            let expected: Vec<f64> = x
                .iter()
                .enumerate()
                .map(|(i, &v)| {
                    let (mean, var) = statistics[i / area % channels];
                    (f64::from(v) - mean) / (var + 2e-5).sqrt()
                })
                .collect();
            let error = apart(y.data(), &expected);
            println!("{device}: batch normalisation of {n}x{channels}x{area}: {error:e}");
            assert!(error < 2e-3, "{device}: {n}x{channels}x{area}: {error:e}");
        }
    }
}

/// Halves are read and stored by the kernels of rows themselves, which compute in single precision.
#[test]
fn gradients_of_rows_in_halves_are_rounded_once() {
    type Of = fn(&[Variable]) -> Variable;
    let all: [(&str, Of); 5] = [
        ("softmax", |x| F::softmax(&x[0])),
        ("softmax along columns", |x| F::softmax_axis(&x[0], 0)),
        ("log_softmax", |x| F::log_softmax(&x[0])),
        ("layer_normalization", |x| F::layer_normalization(&x[0], &x[1], &x[1], 1e-5)),
        ("softmax_cross_entropy", |x| {
            let labels = Tensor::from_slice(&(0..70).map(|i| i % 30).collect::<Vec<i32>>(), [70], x[0].device());
            F::softmax_cross_entropy_with(&x[0], &Variable::constant(labels), &options())
        }),
    ];
    fn options() -> F::SoftmaxCrossEntropy {
        F::SoftmaxCrossEntropy { reduce: F::Reduce::No, ..Default::default() }
    }
    let halves = |n: usize, seed: u64| -> Vec<half::f16> {
        let mut values = vec![0.0f32; n];
        Generator::new(seed).fill_uniform(&mut values);
        values.into_iter().map(|u| half::f16::from_f32(2.0 * u - 1.0)).collect()
    };
    let (x, gamma, gy) = (halves(70 * 30, 1), halves(30, 2), halves(70 * 30, 3));
    let gradients = |of: Of, dtype: DType, device: &Device| {
        let on = |values: &[half::f16], shape: &[usize]| {
            Tensor::from_slice(values, shape, &Device::cpu()).cast(dtype).to_device(device)
        };
        let xs = [Variable::new(on(&x, &[70, 30])), Variable::new(on(&gamma, &[30]))];
        let y = of(&xs);
        y.set_grad(Some(on(&gy[..y.size()], y.shape())));
        y.backward();
        xs.into_iter().filter_map(|x| x.grad()).collect::<Vec<_>>()
    };
    for device in testing::devices() {
        if Tensor::from_host(ndarray::arr1(&[half::f16::ONE]).into_dyn(), &device).is_err() {
            continue;
        }
        for (name, of) in all {
            let expected = gradients(of, DType::F64, &Device::cpu());
            for (got, expected) in gradients(of, DType::F16, &device).iter().zip(&expected) {
                assert_eq!(got.dtype(), DType::F16);
                let expected: Vec<f64> = expected.to_f64().unwrap().into_iter().collect();
                // The outputs that gradients are computed from are halves too.
                let most = expected.iter().fold(0.0f64, |most, v| most.max(v.abs()));
                let error = apart(got, &expected) / most;
                println!("{device}: {name}: {error:e}");
                assert!(error < 2e-3, "{device}: {name}: {error:e}");
            }
        }
    }
}
