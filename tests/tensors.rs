//! Tensors on every device: dtypes there and back, views, conversions, what they print.

use catena::{kernel::Reduction, prelude::*, testing::devices};
use half::f16;
use ndarray::{ArrayD, IxDyn};

/// Memory limits and counters belong to the device: one test at a time.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn every_dtype_goes_there_and_back() {
    let _alone = alone();
    for device in devices() {
        let d = &device;
        assert_eq!(Tensor::from_slice(&[1.5f32, -2.0, 3.0], [3], d).to_vec::<f32>().unwrap(), [1.5, -2.0, 3.0]);
        assert_eq!(Tensor::from_slice(&[i32::MIN, 7], [2], d).to_vec::<i32>().unwrap(), [i32::MIN, 7]);
        assert_eq!(Tensor::from_slice(&[u32::MAX, 7], [2], d).to_vec::<u32>().unwrap(), [u32::MAX, 7]);
        assert_eq!(Tensor::from_slice(&[255u8, 0, 7], [3], d).to_vec::<u8>().unwrap(), [255, 0, 7]);
        assert_eq!(Tensor::from_slice(&[true, false, true], [3], d).to_vec::<bool>().unwrap(), [true, false, true]);
        let halves: Vec<f16> = [0.5, -1.25, 65504.0].map(f16::from_f32).to_vec();
        match Tensor::from_host(ArrayD::from_shape_vec(IxDyn(&[3]), halves.clone()).unwrap(), d) {
            Ok(t) => {
                assert_eq!(t.to_vec::<f16>().unwrap(), halves);
                // Computed in singles, stored in halves.
                let y = t.mul_scalar(0.5).add(&t);
                assert_eq!(y.dtype(), DType::F16);
                assert_eq!(
                    y.slice(&[Slice::from(0..2usize)]).to_vec::<f16>().unwrap(),
                    [0.75, -1.875].map(f16::from_f32)
                );
                let s = t.slice(&[Slice::from(0..2usize)]).sum(None, false);
                assert_eq!(s.item().unwrap(), -0.75);
                let m = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], d).cast(DType::F16);
                let p = m.matmul(&m, false, true).to_f64().unwrap();
                assert_eq!(p.as_slice().unwrap(), [5.0, 11.0, 11.0, 25.0]);
            }
            Err(error) => assert!(error.to_string().contains("shader-f16"), "{error}"),
        }
        let wide = Tensor::from_host(ArrayD::<f64>::zeros(IxDyn(&[2])), d);
        match wide {
            Ok(t) => assert_eq!((t.dtype(), device.is_cpu()), (DType::F64, true)),
            Err(error) => assert!(error.to_string().contains("cast(DType::F32)"), "{error}"),
        }
    }
}

/// Products of halves are summed in singles: what is wrong of them is one rounding, of the result.
#[test]
fn products_of_halves_are_rounded_once() {
    let _alone = alone();
    let here = &Device::cpu();
    let draw = |shape: [usize; 2], seed: usize| {
        let n = shape[0] * shape[1];
        let values: Vec<f32> = (0..n).map(|i| ((i + seed) * 7919 % 10_007) as f32 / 10_007.0 - 0.5).collect();
        Tensor::from_slice(&values, shape, here).cast(DType::F16)
    };
    let mut with_halves = 0;
    for d in &devices() {
        if Tensor::from_host(ArrayD::from_elem(IxDyn(&[1]), f16::ONE), d).is_err() {
            continue;
        }
        with_halves += 1;
        for (m, n, k) in [(33, 17, 4096), (1, 37, 4096), (35, 1, 4095), (13, 70, 63), (64, 64, 128), (3, 5, 1)] {
            for (transa, transb) in [(false, false), (false, true), (true, false), (true, true)] {
                let a = draw(if transa { [k, m] } else { [m, k] }, 1);
                let b = draw(if transb { [n, k] } else { [k, n] }, 5003);
                let exact = a.cast(DType::F64).matmul(&b.cast(DType::F64), transa, transb).to_f64().unwrap();
                let got = a.to_device(d).matmul(&b.to_device(d), transa, transb);
                assert_eq!(got.dtype(), DType::F16);
                // Half of a half's last place, and what singles lose of a sum of `k` products of up to a quarter.
                let singles = 2f64.powi(-24) * k as f64 / 4.0;
                for (at, (g, e)) in got.to_f64().unwrap().iter().zip(&exact).enumerate() {
                    let allowed = (e.abs() * 2f64.powi(-11)).max(2f64.powi(-25)) + singles;
                    let way = format!("{m} by {k} by {n}, transposed: {transa}, {transb}");
                    assert!((g - e).abs() <= allowed, "{d}, {way}: element {at} is {g} instead of {e}");
                }
            }
        }
    }
    assert!(with_halves > 0, "the CPU has halves");
}

#[test]
fn conversions_are_numpys() {
    let _alone = alone();
    for d in &devices() {
        let x = Tensor::from_slice(&[-1.9f32, -0.0, 0.4, 2.7], [4], d);
        assert_eq!(x.cast(DType::I32).to_vec::<i32>().unwrap(), [-1, 0, 0, 2]);
        assert_eq!(x.cast(DType::Bool).to_vec::<bool>().unwrap(), [true, false, true, true]);
        let i = Tensor::from_slice(&[3i32, -4], [2], d);
        assert_eq!(i.cast(DType::F32).mul_scalar(0.5).to_vec::<f32>().unwrap(), [1.5, -2.0]);
        assert_eq!(i.cast(DType::F32).cast(DType::I32).add(&i).to_vec::<i32>().unwrap(), [6, -8]);
        let b = Tensor::from_slice(&[true, true, false], [3], d);
        assert_eq!(b.sum(None, false).to_vec::<i32>().unwrap(), [2]);
        assert_eq!(b.cast(DType::F32).add_scalar(1.0).to_vec::<f32>().unwrap(), [2.0, 2.0, 1.0]);
        assert_eq!(i.reduce(Reduction::Max, None, false).to_vec::<i32>().unwrap(), [3]);
        let large = Tensor::from_slice(&[16_777_217i32, 1], [2], d);
        assert_eq!(large.add(&large).to_vec::<i32>().unwrap(), [33_554_434, 2], "integers are not rounded to singles");
    }
}

#[test]
fn views_share_and_never_copy() {
    let _alone = alone();
    for d in &devices() {
        let x = Tensor::arange(24, d).reshape([2, 3, 4]);
        x.force();
        let before = d.stats();
        let v =
            x.transpose(Some(&[2, 0, 1])).slice(&[Slice::from(1..3usize), Slice::ALL, Slice::Range(None, None, -1)]);
        let v = v.expand_dims(0).squeeze(None).broadcast_to([2, 2, 2, 3]);
        assert_eq!(v.shape()[..], [2, 2, 2, 3]);
        assert_eq!((d.stats() - before).allocations, 0);
        let values = v.to_vec::<f32>().unwrap();
        assert_eq!(values[..6], [9.0, 5.0, 1.0, 21.0, 17.0, 13.0]);
        assert_eq!(values[12..15], [9.0, 5.0, 1.0]);
        let flat = x.transpose(None).reshape([-1]).to_vec::<f32>().unwrap();
        assert_eq!(flat[..4], [0.0, 12.0, 4.0, 16.0]);
        assert_eq!(Tensor::zeros([0, 3], DType::F32, d).sum(Some(&[0]), false).to_vec::<f32>().unwrap(), [0.0; 3]);
        assert_eq!(Tensor::zeros([0, 3], DType::F32, d).to_vec::<f32>().unwrap(), [0.0; 0]);
    }
}

#[test]
fn large_tensors_take_several_kinds_of_kernel() {
    let _alone = alone();
    for d in &devices() {
        let n = 300_000;
        let x = Tensor::arange(n, d).mul_scalar(1.0 / n as f64);
        let sum = x.sum(None, false).item().unwrap();
        assert!((sum - (n - 1) as f64 / 2.0).abs() < 0.05, "{d}: {sum}");
        let rows = x.reshape([3, -1]);
        assert_eq!(rows.argmax(1).to_vec::<i32>().unwrap(), [99_999; 3]);
        let columns = rows.transpose(None).sum(Some(&[0]), false).to_vec::<f32>().unwrap();
        assert!((f64::from(columns.iter().sum::<f32>()) - sum).abs() < 0.5);
    }
}

#[test]
fn tensors_print_as_numpy_prints() {
    let _alone = alone();
    let d = &Device::cpu();
    let text = |t: &Tensor| t.to_string();
    assert_eq!(text(&Tensor::from_slice(&[1.0f32, 2.5, -3.0], [3], d)), "[ 1.   2.5 -3. ]");
    assert_eq!(text(&Tensor::arange(4, d).reshape([2, 2])), "[[0. 1.]\n [2. 3.]]");
    assert_eq!(text(&Tensor::from_slice(&[10i32, -2], [2], d)), "[10 -2]");
    assert_eq!(text(&Tensor::from_slice(&[true, false], [2], d)), "[ True False]");
    assert_eq!(text(&Tensor::scalar(0.5f32, d)), "0.5");
    assert_eq!(text(&Tensor::from_slice(&[f32::NAN, f32::INFINITY, 1.0], [3], d)), "[nan inf  1.]");
    let long = text(&Tensor::arange(2000, d));
    assert!(long.starts_with("[   0.    1.    2. ... 1997.") && long.len() < 60, "{long}");
    assert_eq!(format!("{:?}", Tensor::arange(3, d)), "Tensor((3,), float32, cpu, pending)");
}

#[test]
fn out_of_memory_is_told_once_and_the_device_goes_on() {
    let _alone = alone();
    for d in &devices() {
        if d.is_cpu() {
            // Its pool is shared with the other tests of this process.
            continue;
        }
        let x = Tensor::ones([1000], DType::F32, d).copy();
        d.set_limit(Some(d.stats().total_bytes + 4096));
        let big = Tensor::ones([4_000_000], DType::F32, d).copy();
        let text = big.to_host().unwrap_err().to_string();
        d.set_limit(None);
        assert!(text.contains("out of memory") && text.contains("16000000 bytes wanted"), "{text}");
        let _ = d.synchronize();
        assert_eq!(x.add_scalar(1.0).to_vec::<f32>().unwrap(), [2.0; 1000]);
    }
}
