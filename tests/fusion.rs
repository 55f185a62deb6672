//! Random expressions: what the fuser computes is what plain loops over f64 compute, whatever is held meanwhile.

use catena::{
    kernel::Reduction,
    prelude::*,
    testing::{close, devices},
};
use ndarray::{ArrayD, Axis, Ix2, IxDyn};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::{fmt::Write, process::Command};

#[derive(Debug, Clone)]
enum Step {
    Add(usize, usize),
    Sub(usize, usize),
    Mul(usize, usize),
    Neg(usize),
    Relu(usize),
    Shift(usize, i8),
    Transpose(usize),
    Reverse(usize),
    Column(usize),
    Sum(usize, bool),
    Max(usize),
    Softmax(usize, bool),
    Matmul(usize, usize),
    Where(usize, usize, usize),
    Whole(usize, usize),
    Truth(usize, usize),
    Leaves(usize),
    Reshape(usize),
    Copy(usize),
    Force(usize),
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let i = || 0..64usize;
    prop_oneof![
        3 => (i(), i()).prop_map(|(a, b)| Step::Add(a, b)),
        2 => (i(), i()).prop_map(|(a, b)| Step::Sub(a, b)),
        3 => (i(), i()).prop_map(|(a, b)| Step::Mul(a, b)),
        1 => i().prop_map(Step::Neg),
        2 => i().prop_map(Step::Relu),
        2 => (i(), -3i8..3).prop_map(|(a, c)| Step::Shift(a, c)),
        1 => i().prop_map(Step::Transpose),
        1 => i().prop_map(Step::Reverse),
        1 => i().prop_map(Step::Column),
        1 => (i(), any::<bool>()).prop_map(|(a, k)| Step::Sum(a, k)),
        1 => i().prop_map(Step::Max),
        1 => (i(), any::<bool>()).prop_map(|(a, last)| Step::Softmax(a, last)),
        1 => (i(), i()).prop_map(|(a, b)| Step::Matmul(a, b)),
        2 => (i(), i(), i()).prop_map(|(a, b, c)| Step::Where(a, b, c)),
        1 => (i(), i()).prop_map(|(a, b)| Step::Whole(a, b)),
        1 => (i(), i()).prop_map(|(a, b)| Step::Truth(a, b)),
        1 => i().prop_map(Step::Leaves),
        1 => i().prop_map(Step::Reshape),
        1 => i().prop_map(Step::Copy),
        1 => i().prop_map(Step::Force),
        2 => i().prop_map(Step::Drop),
    ]
}

/// Devices count for the whole process: tests that read the counters run one at a time.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

type Pair = (Tensor, ArrayD<f64>);

fn fits(a: &ArrayD<f64>, b: &ArrayD<f64>) -> bool {
    a.shape().iter().rev().zip(b.shape().iter().rev()).all(|(x, y)| x == y || *x == 1 || *y == 1)
}

fn both(a: &ArrayD<f64>, b: &ArrayD<f64>, f: impl Fn(f64, f64) -> f64) -> ArrayD<f64> {
    let zero_a = a * 0.0 + &(b * 0.0);
    let wide_b = &zero_a + b;
    let mut out = &zero_a + a;
    out.zip_mut_with(&wide_b, |x, &y| *x = f(*x, y));
    out
}

/// Numbers stay small enough that singles hold them well.
fn bounded(v: f64) -> f64 {
    v.clamp(-4.0, 4.0)
}

/// What is added before a comparison or a truncation: quarters and their halves are then never at its edge.
const ASIDE: f64 = 0.1037;

/// Whether rounding cannot turn the answer to whether this is above zero.
fn clear(x: &ArrayD<f64>) -> bool {
    x.iter().all(|v| v.abs() > 1e-3)
}

fn apply(step: &Step, pool: &mut Vec<Pair>) {
    let pick = |i: usize| i % pool.len();
    let two = |a: usize, b: usize, f: fn(&Tensor, &Tensor) -> Tensor, g: fn(f64, f64) -> f64| -> Option<Pair> {
        let ((ta, xa), (tb, xb)) = (&pool[pick(a)], &pool[pick(b)]);
        // Scaled after products, so that values do not run away.
        fits(xa, xb).then(|| (f(ta, tb).mul_scalar(0.5), both(xa, xb, |x, y| g(x, y) * 0.5)))
    };
    let made: Option<Pair> = match *step {
        Step::Add(a, b) => two(a, b, Tensor::add, |x, y| x + y),
        Step::Sub(a, b) => two(a, b, Tensor::sub, |x, y| x - y),
        Step::Mul(a, b) => two(a, b, Tensor::mul, |x, y| x * y),
        Step::Neg(a) => Some((pool[pick(a)].0.neg(), -&pool[pick(a)].1)),
        Step::Relu(a) => Some((pool[pick(a)].0.relu(), pool[pick(a)].1.mapv(|v| v.max(0.0)))),
        Step::Shift(a, c) => Some((pool[pick(a)].0.add_scalar(f64::from(c)), &pool[pick(a)].1 + f64::from(c))),
        Step::Transpose(a) => Some((pool[pick(a)].0.transpose(None), pool[pick(a)].1.t().to_owned())),
        Step::Reverse(a) if pool[pick(a)].0.ndim() > 0 => {
            let (t, x) = &pool[pick(a)];
            let mut x = x.clone();
            x.invert_axis(Axis(0));
            Some((t.slice(&[Slice::Range(None, None, -1)]), x))
        }
        Step::Column(a) if pool[pick(a)].0.ndim() == 2 => {
            let (t, x) = &pool[pick(a)];
            let last = x.index_axis(Axis(1), x.shape()[1] - 1).insert_axis(Axis(1)).to_owned();
            Some((t.slice(&[Slice::ALL, Slice::Range(Some(-1), None, 1)]), last))
        }
        Step::Sum(a, keep) if pool[pick(a)].0.ndim() > 0 => {
            let (t, x) = &pool[pick(a)];
            let n = x.shape()[0] as f64;
            let sum = x.sum_axis(Axis(0)) / n;
            let sum = if keep { sum.insert_axis(Axis(0)) } else { sum };
            Some((t.sum(Some(&[0]), keep).mul_scalar(1.0 / n), sum))
        }
        Step::Max(a) if pool[pick(a)].0.ndim() > 0 => {
            let (t, x) = &pool[pick(a)];
            let axis = x.ndim() - 1;
            let most = x.map_axis(Axis(axis), |row| row.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            Some((t.reduce(Reduction::Max, Some(&[-1]), true), most.insert_axis(Axis(axis))))
        }
        Step::Softmax(a, last) if pool[pick(a)].0.ndim() > 0 => {
            let (t, x) = &pool[pick(a)];
            let axis = if last { x.ndim() - 1 } else { 0 };
            let mut y = x.mapv(f64::exp);
            y.lanes_mut(Axis(axis)).into_iter().for_each(|mut row| row /= row.sum());
            Some((t.softmax(axis as isize), y))
        }
        Step::Matmul(a, b) => {
            let ((ta, xa), (tb, xb)) = (&pool[pick(a)], &pool[pick(b)]);
            let matrices = xa.ndim() == 2 && xb.ndim() == 2 && xa.shape()[1] == xb.shape()[1];
            matrices.then(|| {
                let by = 1.0 / xa.shape()[1] as f64;
                let [xa, xb] = [xa, xb].map(|x| x.view().into_dimensionality::<Ix2>().expect("two axes"));
                (ta.matmul(tb, false, true).mul_scalar(by), (xa.dot(&xb.t()) * by).into_dyn())
            })
        }
        Step::Where(a, b, c) => {
            let ((ta, xa), (tb, xb), (tc, xc)) = (&pool[pick(a)], &pool[pick(b)], &pool[pick(c)]);
            let fit = fits(xa, xb) && fits(xb, xc) && fits(xa, xc);
            let apart = fit.then(|| both(xa, xb, |x, y| x - y - ASIDE)).filter(clear);
            apart.map(|apart| {
                let chosen = both(&both(&apart, xa, |s, x| if s > 0.0 { x } else { f64::NAN }), xc, |x, y| {
                    if x.is_nan() { y } else { x }
                });
                (ta.greater(&tb.add_scalar(ASIDE)).where_(ta, tc), chosen)
            })
        }
        Step::Whole(a, b) => {
            let ((ta, xa), (tb, xb)) = (&pool[pick(a)], &pool[pick(b)]);
            let whole = |x: &ArrayD<f64>| x.mapv(|v| v * 2.0 + ASIDE);
            let far = [xa, xb].iter().all(|x| clear(&whole(x).mapv(|v| v - v.round())));
            (far && fits(xa, xb)).then(|| {
                let cast = |t: &Tensor| t.mul_scalar(2.0).add_scalar(ASIDE).cast(DType::I32);
                let y = both(&whole(xa), &whole(xb), |x, y| (x.trunc() - y.trunc() * 2.0) * 0.125);
                (cast(ta).sub(&cast(tb).mul_scalar(2.0)).cast(DType::F32).mul_scalar(0.125), y)
            })
        }
        Step::Truth(a, b) => {
            let ((ta, xa), (tb, xb)) = (&pool[pick(a)], &pool[pick(b)]);
            let apart = fits(xa, xb).then(|| both(xa, xb, |x, y| y - x - ASIDE)).filter(clear);
            apart.map(|apart| {
                let holds = both(&apart, xb, |s, y| if s > 0.0 { 0.5 - y } else { -y });
                (ta.add_scalar(ASIDE).less(tb).cast(DType::F32).mul_scalar(0.5).sub(tb), holds)
            })
        }
        Step::Leaves(a) => {
            let (t, x) = &pool[pick(a)];
            let leaves: Vec<Pair> = (0..20).map(|seed| leaf(x.shape(), seed, t.device())).collect();
            let (sum, total) = leaves.iter().fold((t.clone(), x.clone()), |(t, x), (u, v)| (t.add(u), x + v));
            Some((sum.mul_scalar(0.0625), total * 0.0625))
        }
        Step::Reshape(a) => {
            let (t, x) = &pool[pick(a)];
            let flat = x.as_standard_layout().to_owned().into_shape_with_order(IxDyn(&[x.len()])).expect("same size");
            Some((t.reshape([-1]), flat))
        }
        Step::Copy(a) => Some((pool[pick(a)].0.copy(), pool[pick(a)].1.clone())),
        Step::Force(a) => {
            pool[pick(a)].0.force();
            None
        }
        Step::Drop(a) if pool.len() > 3 => {
            let i = pick(a);
            pool.swap_remove(i);
            None
        }
        _ => None,
    };
    if let Some((t, x)) = made
        && x.iter().all(|v| bounded(*v) == *v)
    {
        pool.push((t, x));
    }
}

fn leaf(shape: &[usize], seed: usize, device: &Device) -> Pair {
    let n: usize = shape.iter().product();
    // Quarters are exact in singles.
    let values: Vec<f32> = (0..n).map(|i| ((i * 7 + seed * 13) % 17) as f32 * 0.25 - 2.0).collect();
    let x = ArrayD::from_shape_vec(IxDyn(shape), values.iter().map(|&v| f64::from(v)).collect()).expect("n values");
    (Tensor::from_slice(&values, shape, device), x)
}

/// The leaves, and whatever the steps made of them.
fn made(steps: &[Step], device: &Device, (m, n): (usize, usize)) -> Vec<Pair> {
    let mut pool: Vec<Pair> = vec![
        leaf(&[m, n], 0, device),
        leaf(&[m, n], 1, device),
        leaf(&[n], 2, device),
        leaf(&[m, 1], 3, device),
        leaf(&[], 4, device),
    ];
    for step in steps {
        apply(step, &mut pool);
    }
    pool
}

fn check(steps: &[Step], device: &Device, sizes: (usize, usize)) -> Result<(), String> {
    for (i, (t, x)) in made(steps, device, sizes).iter().enumerate() {
        let actual = t.to_f64().map_err(|e| e.to_string())?;
        close(&format!("{device}: tensor {i}"), &actual, x, 2e-5)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_on_the_cpu(steps in prop::collection::vec(step(), 1..60), m in 1usize..7, n in 1usize..10) {
        let _alone = alone();
        check(&steps, &Device::cpu(), (m, n)).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    // Each new structure is a pipeline to compile: fewer, on a GPU.
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_on_a_gpu(steps in prop::collection::vec(step(), 1..40), m in 1usize..7, n in 1usize..10) {
        let _alone = alone();
        for device in devices().iter().filter(|d| !d.is_cpu()) {
            check(&steps, device, (m, n)).map_err(TestCaseError::fail)?;
        }
    }
}

/// Values of the same expressions in every process, on every device.
fn sample() -> Vec<Vec<f64>> {
    let mut runner = TestRunner::deterministic();
    let choices: Vec<Vec<Step>> = (0..10)
        .map(|_| prop::collection::vec(step(), 30..50).new_tree(&mut runner).expect("steps").current())
        .collect();
    let on = |device: &Device| -> Vec<Vec<f64>> {
        let pools = choices.iter().flat_map(|steps| made(steps, device, (4, 7)));
        pools.map(|(t, _)| t.to_f64().unwrap().into_iter().collect()).collect()
    };
    devices().iter().flat_map(on).collect()
}

#[test]
#[ignore = "started by the test below"]
fn computes_the_sample() {
    let mut lines = String::new();
    for values in sample() {
        values.iter().for_each(|v| write!(lines, "{v:e} ").expect("a string takes everything"));
        lines.push('\n');
    }
    std::fs::write(std::env::var("CATENA_SAMPLE").unwrap(), lines).unwrap();
}

#[test]
fn what_is_fused_is_what_is_not() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let [fused, single] = ["on", "off"].map(|fusion| {
        let path = folder.path().join(fusion);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "computes_the_sample", "--ignored", "--nocapture"]);
        let done = child.env("CATENA_SAMPLE", &path).env("CATENA_FUSION", fusion).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let text = std::fs::read_to_string(path).unwrap();
        let numbers = |line: &str| line.split(' ').filter_map(|v| v.parse().ok()).collect::<Vec<f64>>();
        text.lines().map(numbers).collect::<Vec<_>>()
    });
    assert!(fused.len() == single.len() && fused.len() > 100, "{} and {} tensors", fused.len(), single.len());
    for (i, (f, s)) in fused.iter().zip(&single).enumerate() {
        assert_eq!(f.len(), s.len(), "tensor {i}");
        let worst = f.iter().zip(s).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst <= 1e-5, "tensor {i}: {worst:e} apart");
    }
}

#[test]
fn a_long_chain_is_cut_and_a_held_middle_is_computed_once() {
    let _alone = alone();
    for device in devices() {
        let x = Tensor::from_slice(&[1.0f32; 100], [100], &device);
        let before = device.stats();
        let mut y = x.clone();
        for _ in 0..1000 {
            y = y.add_scalar(1.0);
        }
        y.force();
        let launches = (device.stats() - before).launches;
        assert!(launches <= 32 || std::env::var("CATENA_FUSION").is_ok(), "{device}: {launches} launches");
        assert_eq!(y.to_vec::<f32>().unwrap(), [1001.0; 100]);
    }
}

#[test]
fn a_dead_leaf_gives_its_memory_to_the_result() {
    if std::env::var("CATENA_FUSION").is_ok_and(|v| v == "off") {
        return;
    }
    let _alone = alone();
    for device in devices() {
        let mut x = Tensor::from_slice(&[1.0f32; 5000], [5000], &device);
        let before = device.stats();
        for _ in 0..10 {
            x = x.mul_scalar(2.0);
            x.force();
        }
        let after = device.stats() - before;
        // One kernel an operator is launched before the operand is given away.
        assert!(after.allocations == 0 || std::env::var("CATENA_FUSION").is_ok(), "{device}: {}", after.allocations);
        let kept = x.clone();
        let y = x.add_scalar(1.0);
        drop(x);
        assert_eq!(y.to_vec::<f32>().unwrap()[0], 1025.0);
        assert_eq!(kept.to_vec::<f32>().unwrap()[0], 1024.0, "{device}: a held tensor keeps its values");
    }
}

/// A tensor that only its user holds, and that is still pending, has its values after a method has read it.
#[test]
fn what_its_user_holds_is_not_swallowed() {
    type Reader = fn(&Tensor) -> Tensor;
    let readers: &[(&str, Reader)] = &[
        ("sum", |x| x.sum(Some(&[1]), false)),
        ("argmax", |x| x.argmax(1)),
        ("var", |x| x.var(Some(&[0]), false)),
        ("logsumexp", |x| x.logsumexp(Some(&[1]))),
        ("softmax", |x| x.softmax(0)),
        ("log_softmax", |x| x.log_softmax(1)),
        ("cumsum", |x| x.cumsum(Some(1))),
        ("cumprod", |x| x.cumprod(Some(0))),
        ("sort", |x| x.sort(1)),
        ("argsort", |x| x.argsort(0)),
        ("topk", |x| x.topk(2, 1).0),
        ("matmul", |x| x.matmul(x, false, true)),
        ("take", |x| x.take(&Tensor::from_slice(&[1, 0], [2], x.device()), 0)),
        ("contiguous", |x| x.transpose(None).contiguous()),
    ];
    for device in devices() {
        for (name, read) in readers {
            let values: Vec<f32> = (0..12).map(|i| ((i * 7) % 12) as f32 - 4.5).collect();
            let x = Tensor::from_slice(&values, [3, 4], &device).mul_scalar(2.0).add_scalar(0.25);
            let y = read(&x);
            let expected: Vec<f32> = values.iter().map(|v| v * 2.0 + 0.25).collect();
            assert_eq!(x.to_vec::<f32>().unwrap(), expected, "{name} on {device}: the operand");
            drop(x);
            let alone = read(&Tensor::from_slice(&expected, [3, 4], &device));
            let [got, wanted] = [y, alone].map(|t| t.cast(DType::F32).to_vec::<f32>().unwrap());
            let close = got.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()));
            assert!(close && got.len() == wanted.len(), "{name} on {device}: {got:?} instead of {wanted:?}");
        }
    }
}
