//! A device that goes away: every later call says so, nothing hangs, and a new one works.

use catena::{
    device::{Device, DeviceOptions},
    error::{Error, Result},
    functions as F,
    prelude::*,
};
use std::time::{Duration, Instant};

fn open() -> Device {
    let gpu = catena::testing::devices().into_iter().find(|d| !d.is_cpu()).expect("an adapter; install a software one");
    let name = gpu.name();
    let info = Device::all().into_iter().find(|d| d.id != "cpu" && name.starts_with(&d.name)).expect("it is listed");
    Device::open(&info.id, &DeviceOptions::default()).unwrap()
}

#[track_caller]
fn lost<T>(result: Result<T>) {
    match result {
        Ok(_) => panic!("a value from a lost device"),
        Err(error) => assert!(matches!(error, Error::DeviceLost { .. }), "{error}"),
    }
}

#[test]
fn a_lost_device_stays_lost_and_a_new_one_works() {
    let since = Instant::now();
    let device = open();
    let x = Tensor::arange(1000, &device);
    let ready = x.add(&x);
    ready.force();
    let pending = ready.mul(&x);
    let model = L::Linear::new(4, 3).to_device(&device);
    let mut optimizer = Adam::new(0.1).setup(&model);
    let coming = ready.to_host_async();
    device.close();
    for _ in 0..3 {
        lost(ready.to_host());
        lost(pending.to_vec::<f32>());
        lost(pending.slice(&[Slice::Index(3)]).item());
        lost(device.synchronize());
        lost(Tensor::ones([3], DType::F32, &device).to_host());
        lost(Tensor::from_slice(&[1.0f32, 2.0], [2], &device).to_host());
        lost(Tensor::from_host(ndarray::arr1(&[1.0f32]).into_dyn(), &device));
        lost(ready.to_device(&Device::cpu()).to_host());
        lost(pollster::block_on(ready.to_host_async()));
        lost(pollster::block_on(x.slice(&[Slice::Index(0)]).item_async()));
        // A whole step: it neither hangs nor panics, and its loss says why.
        let batch = Variable::constant(Tensor::ones([2, 4], DType::F32, &device));
        let loss = F::sum(&model.forward(&batch));
        model.cleargrads();
        loss.backward();
        optimizer.update();
        lost(loss.item());
    }
    // What was on its way before either came, or says so.
    if let Err(error) = coming.wait() {
        assert!(matches!(error, Error::DeviceLost { .. }), "{error}");
    }
    device.free_all_blocks();
    let text = format!("{}", Tensor::ones([2], DType::F32, &device));
    assert!(text.contains("lost"), "{text}");

    let again = open();
    let y = Tensor::arange(1000, &again);
    assert_eq!(y.add(&y).slice(&[Slice::Index(999)]).item().unwrap(), 1998.0);
    assert!(since.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_device_of_everybody_is_opened_anew_once_it_is_lost() {
    let info = Device::all().into_iter().find(|d| d.id != "cpu").expect("an adapter");
    let device = Device::named(&info.id).unwrap();
    assert!(device == Device::named(&info.id).unwrap());
    device.close();
    let again = Device::named(&info.id).unwrap();
    assert!(device != again);
    assert_eq!(Tensor::ones([2], DType::F32, &again).to_vec::<f32>().unwrap(), [1.0; 2]);
    lost(Tensor::ones([2], DType::F32, &device).to_host());
}

#[test]
fn the_cpu_is_never_lost() {
    Device::cpu().close();
    assert_eq!(Tensor::ones([2], DType::F32, &Device::cpu()).to_vec::<f32>().unwrap(), [1.0; 2]);
}
