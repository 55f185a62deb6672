//! What a device keeps and gives back: kernels on disk, choices, memory by purpose, values on their way.

use catena::{
    device::{Device, DeviceOptions, Tag},
    error::Error,
    prelude::*,
};
use std::{path::Path, process::Command};

fn open() -> Device {
    let gpu = catena::testing::devices().into_iter().find(|d| !d.is_cpu()).expect("an adapter; install a software one");
    let name = gpu.name();
    let info = Device::all().into_iter().find(|d| d.id != "cpu" && name.starts_with(&d.name)).expect("it is listed");
    Device::open(&info.id, &DeviceOptions::default()).unwrap()
}

/// Runs a test of this file in a process of its own.
fn child(test: &str, settings: &[(&str, &str)]) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(settings.iter().copied())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

#[track_caller]
fn finished(child: std::process::Child) {
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder).map(|d| d.map(|e| e.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
#[ignore = "started by the tests below"]
fn compiles_and_saves() {
    let device = open();
    let x = Tensor::arange(100, &device);
    assert_eq!(x.add(&x).mul(&x).sum(None, false).item().unwrap(), 656_700.0);
    device.save_pipelines();
}

#[test]
fn kernels_are_kept_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let run = |cache: &str| child("compiles_and_saves", &[("CATENA_CACHE", cache)]);
    let path = folder.path().to_str().unwrap();
    finished(run(path));
    let kept = folder.path().join("pipelines");
    let [file] = &files(&kept)[..] else { panic!("one file in {}", kept.display()) };
    let first = std::fs::read(file).unwrap();
    assert!(first.len() > 60, "{} bytes", first.len());
    // Corrupted: passed over, and written anew.
    std::fs::write(file, &first[..first.len() - 5]).unwrap();
    finished(run(path));
    assert!(std::fs::read(file).unwrap().len() >= first.len());
    // Several at once.
    let all: Vec<_> = (0..3).map(|_| run(path)).collect();
    all.into_iter().for_each(finished);
    finished(run(path));
    assert_eq!(files(&kept).len(), 1, "no half-written file is left");
    // Switched off: nothing is written anywhere.
    std::fs::remove_dir_all(&kept).unwrap();
    finished(run("off"));
    assert!(!kept.exists() && !Path::new("off").exists());
}

fn has_halves(device: &Device) -> bool {
    Tensor::from_host(ndarray::arr1(&[half::f16::ONE]).into_dyn(), device).is_ok()
}

#[test]
#[ignore = "started by the test below"]
fn tunes() {
    let device = open();
    let product = |device: &Device| {
        let x = Tensor::linspace(-1.0, 1.0, 64 * 48, device).reshape([64, 48]);
        let y = x.matmul(&x.transpose(None), false, false).relu();
        // Fewer than 8 filters: more would not take the convolutions' own gradients on software adapters.
        let [images, filters] = [[4, 8, 8, 12], [6, 8, 8, 8]].map(|shape| Variable::new(x.reshape(shape)));
        let convolved = F::convolution_2d(&images, &filters, None, &Convolution::default());
        F::sum(&(&convolved * &convolved)).backward();
        let gradients = [&images, &filters].map(|x| x.grad().unwrap());
        let all = [y.clone(), y.sum(Some(&[0]), false), convolved.data().clone()].into_iter().chain(gradients);
        all.map(|t| t.to_f64().unwrap()).collect::<Vec<_>>()
    };
    let found = device.tune(|| {
        if has_halves(&device) {
            let x = Tensor::linspace(-1.0, 1.0, 64 * 48, &device).reshape([64, 48]).cast(DType::F16);
            x.matmul(&x, false, true).force();
        }
        product(&device)
    });
    for (i, (a, e)) in found.iter().zip(&product(&Device::cpu())).enumerate() {
        catena::testing::close(&format!("result {i}"), a, e, 1e-4).unwrap();
    }
    product(&device);
    let before = device.stats();
    product(&device);
    let usual = (device.stats() - before).launches;
    assert!(usual <= 12, "{usual} launches once everything is known");
}

#[test]
fn choices_are_measured_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let kept = folder.path().join("tuned");
    finished(child("tunes", &[("CATENA_CACHE", path), ("CATENA_TUNE", "full")]));
    let [file] = &files(&kept)[..] else { panic!("one file in {}", kept.display()) };
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("\"version\": 1") && text.contains("matmul") && text.contains("reduce"), "{text}");
    assert!(text.contains("convolution ") && text.contains("convolution weights"), "{text}");
    // Products are asked about by the dtype they are stored in and the one they are computed in.
    assert!(text.contains("[F32, F32]"), "{text}");
    assert_eq!(text.contains("[F16, F32]"), has_halves(&open()), "{text}");
    std::fs::write(file, "{\"version\": 7").unwrap();
    let all: Vec<_> = (0..2).map(|_| child("tunes", &[("CATENA_CACHE", path), ("CATENA_TUNE", "full")])).collect();
    all.into_iter().for_each(finished);
    let again = std::fs::read_to_string(file).unwrap();
    assert_eq!(again.matches("matmul").count(), text.matches("matmul").count(), "{again}");
    // A name that is no candidate is asked for anew.
    std::fs::write(file, again.replace("Direct", "Crooked").replace("Tiled", "Crooked")).unwrap();
    finished(child("tunes", &[("CATENA_CACHE", path), ("CATENA_TUNE", "full")]));
    assert!(!std::fs::read_to_string(file).unwrap().contains("Crooked"));
}

#[test]
#[ignore = "started by the test below"]
fn first_steps() {
    let device = open();
    let layers = [(784, 300), (300, 300), (300, 10)].map(|(m, n)| L::Linear::new(m, n).to_device(&device));
    let filters = L::Convolution2D::new(1, 8, 5).to_device(&device);
    let x = Variable::constant(Tensor::linspace(-1.0, 1.0, 64 * 784, &device).reshape([64, 784]));
    let step = |n: usize| {
        let x = Variable::constant(x.data().slice(&[(0..n).into()]));
        let h = F::relu(&layers[1].forward(&F::relu(&layers[0].forward(&x))));
        let images = filters.forward(&F::reshape(&x, [n as isize, 1, 28, 28]));
        (F::sum(&layers[2].forward(&h)) + F::mean(&F::relu(&images))).backward();
        layers.iter().for_each(|l| l.cleargrads());
        device.synchronize().unwrap();
    };
    // Some steps first, after which kernels are compiled; then sizes that were not asked about before.
    for n in [64, 64, 64, 30, 30, 8, 8, 8, 8, 64] {
        step(n);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let lost = device.stats().tuning_micros;
    println!("{lost} microseconds lost");
    match std::env::var("CATENA_TUNE").as_deref() {
        Ok("bounded") => assert!(lost > 0 && lost < 100_000, "{lost} microseconds"),
        _ => assert_eq!(lost, 0),
    }
}

#[test]
fn measuring_holds_a_program_up_for_a_tenth_of_a_second_at_most() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["bounded", "off", "full"] {
        let kept = folder.path().join(mode);
        finished(child("first_steps", &[("CATENA_CACHE", kept.to_str().unwrap()), ("CATENA_TUNE", mode)]));
        // What is found in so short a time is the machine's affair.
        let found = files(&kept.join("tuned")).len();
        assert!(mode == "bounded" || found == usize::from(mode == "full"), "{mode}: {found} files");
    }
}

#[test]
fn values_come_while_the_program_goes_on() {
    let device = open();
    let x = Tensor::arange(1000, &device);
    let mut coming: Vec<_> = (0..5).map(|i| x.add_scalar(f64::from(i)).to_host_async()).collect();
    let last = x.sum(None, false).item_async();
    let y = x.mul(&x);
    y.force();
    assert_eq!(pollster::block_on(last).unwrap(), 499_500.0);
    for (i, values) in coming.drain(1..).enumerate() {
        let values = if i % 2 == 0 { pollster::block_on(values).unwrap() } else { values.wait().unwrap() };
        assert_eq!(values.to_f64()[[999]], 1000.0 + i as f64);
    }
    // One that nobody waits for does no harm.
    drop(coming);
    let one = y.slice(&[Slice::Index(3)]).item_async();
    assert_eq!(std::thread::spawn(move || pollster::block_on(one)).join().unwrap().unwrap(), 9.0);
    // On the CPU they are there at once.
    assert_eq!(pollster::block_on(Tensor::arange(3, &Device::cpu()).to_host_async()).unwrap().len(), 3);
}

#[test]
fn uploads_keep_their_place_among_launches() {
    let device = open();
    // 9 MiB: three pieces; and many small ones into the same blocks of memory, between launches.
    let values: Vec<f32> = (0..9 << 18).map(|i| i as f32).collect();
    let large = Tensor::from_slice(&values, [9 << 18], &device);
    assert_eq!(large.add_scalar(1.0).slice(&[Slice::Index(-1)]).item().unwrap(), f64::from(9 << 18));
    let mut sums = vec![];
    for i in 0..200 {
        let small = Tensor::from_slice(&[i as f32; 50], [50], &device);
        sums.push(small.mul(&small).sum(None, false));
        sums.last().unwrap().force();
    }
    for (i, sum) in sums.iter().enumerate() {
        assert_eq!(sum.item().unwrap(), (50 * i * i) as f64);
    }
}

#[test]
fn memory_is_told_by_purpose_and_size() {
    let device = open();
    let model = L::Linear::new(100, 50).to_device(&device);
    let memory = device.memory();
    assert!(memory.parameters >= 4 * 5050 && memory.gradients == 0, "{memory:?}");
    let x = Variable::constant(Tensor::arange(800, &device).reshape([8, 100]));
    F::sum(&model.forward(&x)).backward();
    let memory = device.memory();
    assert!(memory.gradients >= 4 * 5050, "{memory:?}");
    model.cleargrads();
    assert_eq!(device.memory().gradients, 0);
    let held = Tag::Workspace.during(|| Tensor::ones([1000], DType::F32, &device).copy());
    assert!(device.memory().workspace >= 4000);
    drop(held);
    assert_eq!(device.memory().workspace, 0);
    let memory = device.memory();
    let levels = device.stats();
    let all = |f: fn(&catena::device::ClassUse) -> u64| memory.classes.iter().map(|c| c.bytes * f(c)).sum::<u64>();
    assert_eq!((all(|c| c.live), all(|c| c.live + c.free)), (levels.used_bytes, levels.total_bytes));
    device.trim();
    device.free_all_blocks();
    let levels = device.stats();
    assert_eq!(levels.used_bytes, levels.total_bytes);
}

#[test]
fn a_limit_of_memory_frees_what_is_free_and_then_is_a_typed_error() {
    for device in [open(), Device::open("cpu", &DeviceOptions::default()).unwrap()] {
        let make = |n: usize| Tensor::from_slice(&vec![1.0f32; n], [n], &device);
        // Cached blocks of one size make room for another.
        drop(make(1 << 18));
        let total = device.stats().total_bytes;
        device.set_limit(Some(total + (1 << 19)));
        assert_eq!(make(3 << 17).to_vec::<f32>().unwrap().len(), 3 << 17, "{device}");
        let kept = make(10);
        let big = make(1 << 20);
        let error = big.to_host().unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::OutOfMemory { .. }) && text.contains("4194304 bytes wanted"), "{text}");
        assert!(text.contains("activation"), "holders are named with their purpose: {text}");
        assert!(big.to_host().is_err(), "what was not computed stays so");
        assert_eq!(kept.to_vec::<f32>().unwrap(), [1.0; 10], "{device} goes on");
        device.set_limit(None);
        assert_eq!(make(1 << 20).sum(None, false).item().unwrap(), f64::from(1 << 20), "{device}");
    }
}

#[test]
fn arrays_given_away_stay_where_they_are() {
    let cpu = Device::cpu();
    let values: Vec<f32> = (0..1000).map(|i| i as f32).collect();
    let at = values.as_ptr();
    let before = cpu.stats();
    let x = Tensor::from_vec(values, [10, 100], &cpu);
    assert_eq!(x.with_array::<f32, _>(|a| a.as_ptr()).unwrap(), at);
    let array = ndarray::Array2::<f32>::from_elem((10, 100), 2.0);
    let its = array.as_ptr();
    let y = Tensor::from_host(array.into_dyn(), &cpu).unwrap();
    assert_eq!(y.with_array::<f32, _>(|a| a.as_ptr()).unwrap(), its);
    assert_eq!((cpu.stats() - before).buffers_created, 0);
    // Results may take their memory over; what is left is the system's.
    assert_eq!(x.add(&y).sum(None, false).item().unwrap(), 499_500.0 + 2000.0);
    let z = x.clone();
    drop((x, y));
    assert_eq!(z.add_scalar(1.0).to_vec::<f32>().unwrap()[..2], [1.0, 2.0]);
    // What is not in row-major order, or a part, is copied.
    let square = ndarray::arr2(&[[1.0f32, 2.0], [3.0, 4.0]]);
    let turned = Tensor::from_host(square.clone().reversed_axes().into_dyn(), &cpu).unwrap();
    assert_eq!(turned.to_vec::<f32>().unwrap(), [1.0, 3.0, 2.0, 4.0]);
    let part = square.slice_move(ndarray::s![1.., ..]).into_dyn();
    assert_eq!(Tensor::from_host(part, &cpu).unwrap().to_vec::<f32>().unwrap(), [3.0, 4.0]);
}

#[test]
fn arrays_of_the_cpu_are_shown_where_they_lie() {
    let x = Tensor::arange(6, &Device::cpu()).reshape([2, 3]);
    x.force();
    let at = |t: &Tensor| t.with_array::<f32, _>(|a| a.as_ptr() as usize).unwrap();
    assert_eq!(at(&x), at(&x.transpose(None)));
    let rows = x.slice(&[Slice::Index(1)]).broadcast_to([4, 3]);
    assert_eq!(rows.with_array::<f32, _>(|a| a.sum()).unwrap(), 48.0);
    let back = x.slice(&[Slice::Range(None, None, -1)]);
    assert_eq!(back.with_array::<f32, _>(|a| a[[0, 0]]).unwrap(), 3.0);
    let device = open();
    assert_eq!(x.to_device(&device).transpose(None).with_array::<f32, _>(|a| a[[2, 1]]).unwrap(), 5.0);
}
