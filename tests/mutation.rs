//! The sweep of the cases, swept: kernels with a mistake in them must fail it.

use catena::{functions, testing};
use std::process::Command;

/// A file of `shaders/`, what stands in it, the mistake, and the functions whose cases must notice.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("activation/relu.wgsl", "x > T(0)", "x < T(0)", "relu"),
    ("activation/relu.wgsl", "gy, y > T(0)", "gy, y >= T(0) - T(1)", "relu"),
    ("math/arithmetic.wgsl", "a + b", "a - b", "add"),
    ("math/arithmetic.wgsl", "a * b", "a + b", "mul"),
    ("family/combine.wgsl", "return a + b;", "return a;", "sum"),
    ("rows/reduce.wgsl", "r += 256u", "r += 512u", "sum"),
    ("rows/cross_entropy.wgsl", "select(T(t), T(-1)", "select(T(-1), T(t)", "softmax_cross_entropy"),
    ("rows/cross_entropy.wgsl", "log_sum - load_x", "log_sum + load_x", "softmax_cross_entropy"),
    ("rows/cross_entropy_grad.wgsl", "r == vec4<T>(label)", "r != vec4<T>(label)", "softmax_cross_entropy"),
    ("rows/valid_mean.wgsl", ">= T(0)", "> T(0)", "softmax_cross_entropy"),
    ("gemm/direct_8x8.wgsl", "k = first", "k = first + 1u", "matmul"),
    ("gemm/put4_vectors.wgsl", "p.m + row", "p.m + row + 1u", "matmul"),
    ("convolution/put4_images.wgsl", "p.outputs", "p.m", "convolution_2d"),
    ("family/box_sum.wgsl", "p.length - 1u - at", "p.length - at", "local_response_normalization"),
    ("family/box_sum_four.wgsl", "p.length - 1u - at", "p.length - at", "local_response_normalization"),
    ("normalization/damped.wgsl", "root * sqrt(root)", "root * root", "local_response_normalization"),
    ("rows/softmax_grad.wgsl", "gy - vec4<T>(sum)", "gy + vec4<T>(sum)", "softmax"),
    ("rows/softmax_grad.wgsl", "exp(y) * sum", "y * sum", "log_softmax"),
    ("rows/moments.wgsl", "squares4 += d * d", "squares4 += d", "batch_normalization"),
    ("rows/moments_columns.wgsl", "squares += d * d", "squares += d", "batch_normalization"),
    ("rows/moments_store_variance.wgsl", "sqrt(scaled)", "scaled", "average"),
    ("rows/moments_finish.wgsl", "elements(j) * d) * d", "d) * d", "batch_normalization"),
    ("rows/moments_store_running.wgsl", "p.share_var", "p.share", "batch_normalization"),
    ("rows/normalize.wgsl", "+ T(p.eps)", "", "layer_normalization"),
    ("rows/normalize_grad.wgsl", "- h * sums.y", "+ h * sums.y", "layer_normalization"),
    ("rows/paired_sums.wgsl", "min(first + p.part, p.length)", "first + p.part - 1u", "batch_normalization"),
    ("rows/paired_sums_columns.wgsl", "min(first + p.part, p.length)", "first + p.part - 1u", "layer_normalization"),
    ("family/pool_geometry.wgsl", "WEIGHT == 2u", "WEIGHT == 3u", "average_pooling_2d"),
    ("family/pool_in.wgsl", "c.z - x * s.z < k.z", "c.z - x * s.z <= k.z", "average_pooling_2d"),
    ("family/pool_lines.wgsl", "c.y - y * s.y < k.y", "c.y - y * s.y <= k.y", "average_pooling_2d"),
    ("family/pool_lines_put.wgsl", "named >= ksize().z", "named > ksize().z", "max_pooling_2d"),
    ("family/pool_lines_spread.wgsl", "< vec4<i32>", "<= vec4<i32>", "average_pooling_2d"),
    ("family/pool_in_apart.wgsl", "c - o * stride() < ksize()", "c - o * stride() <= ksize()", "max_pooling_2d"),
    ("family/pool_in_four.wgsl", "== s", "== s + 1", "max_pooling_2d"),
    ("family/pool_halves_max.wgsl", "v.p1, 1)", "v.p1, 2)", "max_pooling_2d"),
    ("family/pool_halves_put.wgsl", "vec4<i32>(2)", "vec4<i32>(3)", "max_pooling_2d"),
    ("family/pool_halves_spread.wgsl", "Pixels(v, v, v, v)", "Pixels(v, v, v, v + v)", "average_pooling_2d"),
    ("family/pool_halves_sum.wgsl", "+ v.p3", "", "average_pooling_2d"),
    ("family/pool_max_index.wgsl", "at - first", "at - low", "max_pooling_2d"),
    ("family/pool_take.wgsl", "index % k.z", "index % k.y", "upsampling_2d"),
    ("family/roi_max.wgsl", "v > best", "v < best", "roi_max_pooling_2d"),
    ("family/roi_put.wgsl", "y >= get_rows(of_row + 1u)", "y > get_rows(of_row)", "roi_max_pooling_2d"),
    ("loss/softmax_cross_entropy.wgsl", "(i / inner) % classes", "i % classes", "softmax_cross_entropy"),
];

/// Runs the cases of the function that `CATENA_MUTATE_SWEEP` names.
#[test]
#[ignore = "started by mistakes_are_noticed with a mistake in a kernel"]
fn sweep() {
    let function = std::env::var("CATENA_MUTATE_SWEEP").expect("the name of a function");
    let devices = testing::devices();
    assert!(devices.len() > 1, "install a software adapter");
    let cases = functions::cases();
    let cases: Vec<_> = cases.iter().filter(|c| c.function() == function).collect();
    assert!(!cases.is_empty(), "no cases of {function}");
    let wrong = cases.iter().filter_map(|c| testing::conform(c, &devices[1..]).err()).count();
    println!("{wrong} of {} cases noticed", cases.len());
    assert_eq!(wrong, 0);
}

/// Whether the sweep of a function passes with a mistake in a kernel.
fn passes(function: &str, mistake: Option<String>) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "sweep", "--nocapture"]).env("CATENA_MUTATE_SWEEP", function);
    child.env("CATENA_MUTATE", mistake.unwrap_or_default());
    let done = child.output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(said.contains("cases noticed"), "the sweep of {function} did not run:\n{said}");
    done.status.success()
}

#[test]
fn mistakes_are_noticed() {
    let mut functions: Vec<&str> = MISTAKES.iter().map(|m| m.3).collect();
    functions.sort_unstable();
    functions.dedup();
    for function in functions {
        assert!(passes(function, None), "the sweep of {function} fails without a mistake");
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut unnoticed = vec![];
    for (path, from, to, function) in MISTAKES {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        assert!(text.contains(from), "{path} has no `{from}` any more: name another mistake");
        if passes(function, Some(format!("{path}=>{from}=>{to}"))) {
            unnoticed.push(format!("{path}: {from} to {to}"));
        }
    }
    assert!(unnoticed.is_empty(), "unnoticed:\n{}", unnoticed.join("\n"));
}
