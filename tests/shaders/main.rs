//! Every kernel in every back end, without a GPU.
//!
//! The files of `shaders/` are joined with accessors for each dtype and each value of their constants. What the fuser
//! makes of the operators' cases, on whatever adapter there is, goes through the same checks.

mod back_ends;
mod join;

use catena::{autograd::Case, functions, shape::DType, testing};
use join::{File, Kind};
use std::{fs, process::Command};

const FLOATS: [Kind; 2] = [Kind { compute: "f32", stored: "f32" }, Kind { compute: "f32", stored: "f16" }];
const INTEGERS: [Kind; 2] = [Kind { compute: "i32", stored: "i32" }, Kind { compute: "u32", stored: "u32" }];

/// Files that integer tensors use too.
const FOR_INTEGERS: &[&str] = &[
    "family/add_rows.wgsl",
    "family/assign.wgsl",
    "family/create.wgsl",
    "family/identity.wgsl",
    "family/map.wgsl",
    "family/pick.wgsl",
    "family/reduce_columns.wgsl",
    "family/sort_block.wgsl",
    "family/sort_exchange.wgsl",
    "family/sort_keys.wgsl",
    "family/sort_merge.wgsl",
    "family/sort_take.wgsl",
    "family/take_rows.wgsl",
    "math/arithmetic.wgsl",
    "math/integer.wgsl",
    "math/is_nan.wgsl",
    "math/select.wgsl",
    "random/draw.wgsl",
];

/// Everything that a file is compiled to.
fn texts(file: &File, all: &[File]) -> Vec<String> {
    let integers: &[Kind] = if FOR_INTEGERS.contains(&file.path.as_str()) { &INTEGERS } else { &[] };
    let of =
        |kind| if join::is_family(file) { join::family(file, all, kind) } else { join::functions(file, all, kind) };
    FLOATS.iter().chain(integers).flat_map(of).collect()
}

#[test]
fn every_file_for_every_dtype() {
    let all = join::files();
    let mut wrong = vec![];
    let mut count = 0;
    for file in all.iter().filter(|f| !join::is_piece(f)) {
        for text in texts(file, &all) {
            count += 1;
            if let Err(why) = back_ends::check(&text) {
                wrong.push(format!("{}: {why}", file.path));
            }
        }
    }
    println!("{count} texts of {} files", all.len());
    assert!(count >= all.len());
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Kernels over rows, with either way of sharing a row.
const ROWS: &[&[&str]] = &[
    &["rows/reduce.wgsl"],
    &["rows/softmax.wgsl", "rows/largest_and_sum.wgsl"],
    &["rows/softmax_grad.wgsl"],
    &["rows/cross_entropy.wgsl", "rows/largest_and_sum.wgsl"],
    &["rows/cross_entropy_grad.wgsl"],
    &["rows/valid_mean.wgsl"],
    &["rows/moments.wgsl", "rows/moments_corrected.wgsl", "rows/moments_store.wgsl"],
    &["rows/moments.wgsl", "rows/moments_corrected.wgsl", "rows/moments_store_variance.wgsl"],
    &["rows/moments_columns.wgsl", "rows/moments_corrected.wgsl", "rows/moments_store.wgsl"],
    &["rows/moments_finish.wgsl", "rows/moments_corrected.wgsl", "rows/moments_store_running.wgsl"],
    &["rows/paired_sums.wgsl"],
    &["rows/paired_sums_columns.wgsl"],
    &["rows/normalize.wgsl"],
    &["rows/normalize_grad.wgsl"],
];

/// What windows side by side are pooled by.
const HALVES: &[&[&str]] = &[
    &["family/pool_halves_max.wgsl", "family/pool_halves_out.wgsl"],
    &["family/pool_halves_max.wgsl", "family/pool_halves_index.wgsl"],
    &["family/pool_halves_sum.wgsl", "family/pool_halves_out.wgsl"],
    &["family/pool_halves_put.wgsl", "family/pool_halves_in.wgsl"],
    &["family/pool_halves_spread.wgsl", "family/pool_halves_in.wgsl"],
];

/// Schedules of products, each with the operands of everything that is computed as a product.
#[test]
fn every_schedule_with_every_operand() {
    /// The first of them, which read their operands themselves.
    const DIRECT: usize = 3;
    const SINGLE: usize = 2;
    const SCHEDULES: &[&[&str]] = &[
        &["gemm/direct_8x8.wgsl"],
        &["gemm/direct_8x16.wgsl"],
        &["gemm/direct_1x1.wgsl"],
        &["gemm/broadcast_16x32.wgsl"],
        &["gemm/broadcast_32x32.wgsl"],
        &["gemm/tiled.wgsl", "gemm/registers_4x4.wgsl"],
        &["gemm/tiled.wgsl", "gemm/registers_8x8.wgsl"],
    ];
    const FETCHES: [&[&str]; 2] =
        [&["gemm/fetch_a.wgsl", "gemm/fetch_b.wgsl"], &["gemm/fetch_a_vectors.wgsl", "gemm/fetch_b_vectors.wgsl"]];
    const MATRICES: &[&str] = &["gemm/flat.wgsl", "gemm/matrix_a.wgsl", "gemm/matrix_b.wgsl"];
    const PUTS: &[&[&str]] =
        &[&["gemm/put4.wgsl", "gemm/put.wgsl"], &["gemm/put4.wgsl", "gemm/put_part.wgsl"], &["gemm/put4_vectors.wgsl"]];
    const IMAGES: &[&str] =
        &["convolution/phase.wgsl", "convolution/table.wgsl", "convolution/cell.wgsl", "convolution/patches.wgsl"];
    let all = join::files();
    let mut sets: Vec<Vec<&str>> = vec![];
    for (i, schedule) in SCHEDULES.iter().enumerate() {
        // A thread with one result has no vector of them.
        let puts = if i == SINGLE { &PUTS[..2] } else { PUTS };
        for (n, put) in puts.iter().enumerate() {
            let fetch = if i < DIRECT { &[] } else { FETCHES[n.min(1)] };
            sets.push([*schedule, MATRICES, fetch, *put].concat());
        }
        let fetch = if i < DIRECT { &[] } else { FETCHES[0] };
        for put in puts {
            sets.push([*schedule, &["convolution/windows.wgsl", "convolution/cell.wgsl"], fetch, *put].concat());
        }
        for deliver in ["convolution/deliver.wgsl", "convolution/deliver_part.wgsl"] {
            for weights in ["gemm/matrix_a.wgsl", "convolution/weights.wgsl"] {
                let put = ["gemm/put4.wgsl", "convolution/put.wgsl", deliver, weights];
                sets.push([*schedule, IMAGES, &put, fetch].concat());
            }
        }
        if i != SINGLE {
            sets.push([*schedule, IMAGES, &["convolution/put4_images.wgsl", "gemm/matrix_a.wgsl"], fetch].concat());
        }
    }
    for put in ["convolution/put_line.wgsl", "convolution/put_line_fours.wgsl"] {
        sets.push(vec!["convolution/depthwise.wgsl", put]);
    }
    for put in ["gemm/put_flat.wgsl", "gemm/put_part.wgsl"] {
        sets.push(vec!["convolution/depthwise_weights.wgsl", put]);
    }
    sets.push(vec!["convolution/add_windows.wgsl"]);
    sets.push(vec!["convolution/lay_windows.wgsl"]);
    sets.push(vec!["convolution/lay_windows_fours.wgsl"]);
    const TILES: &str = "transformed/tiles.wgsl";
    const READ: [&str; 2] = [TILES, "transformed/pixels.wgsl"];
    const SPECTRA: [&str; 2] = ["spectral/fourier.wgsl", "spectral/lines.wgsl"];
    sets.push([&READ[..], &SPECTRA, &["spectral/transform.wgsl"]].concat());
    for deliver in ["spectral/crop.wgsl", "spectral/whole.wgsl"] {
        sets.push([&[TILES][..], &SPECTRA, &[deliver, "spectral/invert.wgsl"]].concat());
    }
    for matrix in ["winograd/pixels.wgsl", "winograd/filters.wgsl", "winograd/gradients.wgsl"] {
        sets.push([&READ[..], &["winograd/six.wgsl", matrix, "winograd/transform.wgsl"]].concat());
    }
    for (matrix, deliver) in [
        ("winograd/results.wgsl", "winograd/crop.wgsl"),
        ("winograd/results.wgsl", "winograd/crop_fours.wgsl"),
        ("winograd/taps.wgsl", "winograd/crop.wgsl"),
        ("winograd/taps.wgsl", "winograd/crop_taps.wgsl"),
        ("winograd/spread.wgsl", "winograd/whole.wgsl"),
    ] {
        sets.push(vec![TILES, "winograd/six.wgsl", matrix, deliver, "winograd/invert.wgsl"]);
    }
    sets.push(vec!["transformed/overlap.wgsl"]);
    for vector in ["gemm/vector.wgsl", "gemm/vector_along.wgsl", "gemm/vector_across.wgsl"] {
        sets.extend(["gemm/put_flat.wgsl", "gemm/put_part.wgsl"].map(|put| vec![vector, put]));
    }
    for shares in ["family/pool_lines_put.wgsl", "family/pool_lines_spread.wgsl"] {
        sets.push(vec![shares, "family/pool_lines.wgsl"]);
    }
    sets.extend(HALVES.iter().map(|pieces| [&["family/pool_halves.wgsl"], *pieces].concat()));
    for share in ["rows/share.wgsl", "rows/share_subgroups.wgsl"] {
        sets.extend(ROWS.iter().map(|kernel| [*kernel, &[share]].concat()));
    }
    let unused: Vec<&str> = all
        .iter()
        .filter(|f| join::is_piece(f) && !sets.iter().flatten().any(|p| *p == f.path))
        .map(|f| f.path.as_str())
        .collect();
    assert!(unused.is_empty(), "pieces of no kernel here: {unused:?}");
    let mut wrong = vec![];
    for set in &sets {
        let file = join::together(set, &all);
        let integers: &[Kind] = if set[0] == "rows/reduce.wgsl" { &INTEGERS } else { &[] };
        for text in FLOATS.iter().chain(integers).flat_map(|kind| join::family(&file, &all, kind)) {
            if let Err(why) = back_ends::check(&text) {
                wrong.push(format!("{}: {why}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_file_is_seen() {
    let all = join::files();
    let sound = |path: &str| all.iter().find(|f| f.path == path).expect("the file is there");
    for (path, from, to) in [
        ("activation/relu.wgsl", "x > T(0)", "x > T(0"),
        ("activation/relu.wgsl", "-> T", "-> u32"),
        ("family/scan.wgsl", "p.length", "p.length.x"),
        ("family/arg_extreme.wgsl", "p.rows - 1u", "p.rows - 1.0"),
    ] {
        let file = sound(path);
        assert!(file.text.contains(from), "{path} has no {from}");
        let broken = File { path: path.into(), text: file.text.replacen(from, to, 1) };
        let refused = texts(&broken, &all).iter().any(|t| back_ends::check(t).is_err());
        assert!(refused, "{path}: {from} to {to}");
    }
}

/// Runs every case, so that a parent that set `CATENA_DUMP_KERNELS` has their kernels.
#[test]
#[ignore = "started by the_fusers_kernels with a folder to write to"]
fn run_cases() {
    let device = testing::devices().pop().expect("there is always the CPU");
    assert!(!device.is_cpu(), "install a software adapter");
    let mut generator = catena::kernel::philox::Generator::new(1);
    for case in functions::cases() {
        let xs = testing::draw(&case, &mut generator);
        for layout in [testing::Layout::Contiguous, testing::Layout::Strided] {
            let gys = upstream(&case, &xs);
            testing::evaluate(&case, &xs, &gys, &device, DType::F32, layout).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

/// Upstream gradients of ones.
fn upstream(case: &Case, xs: &[catena::tensor::HostArray]) -> Vec<ndarray::ArrayD<f64>> {
    use catena::prelude::*;
    let place = |x: &catena::tensor::HostArray| Variable::new(Tensor::from_host(x.clone(), &Device::cpu()).unwrap());
    let ys = case.call(&xs.iter().map(place).collect::<Vec<_>>());
    ys.iter().map(|y| ndarray::ArrayD::from_elem(ndarray::IxDyn(y.shape()), 1.0)).collect()
}

#[test]
fn the_fusers_kernels() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "run_cases"])
        .env("CATENA_DUMP_KERNELS", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&done.stderr));
    let mut wrong = vec![];
    let mut count = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        count += 1;
        if let Err(why) = back_ends::check(&fs::read_to_string(&path).unwrap()) {
            wrong.push(format!("{}: {why}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    println!("{count} kernels");
    assert!(count > 50, "only {count} kernels were written");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
