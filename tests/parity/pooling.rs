use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, Pooling, Sampling},
    shape::Sides,
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let x = xs.only();
    let y = match case.op.as_str() {
        "max_pooling_2d" if case.attr("return_indices").as_bool() == Some(true) => {
            let (y, indices) = F::max_pooling_2d_indices(x, windows(case));
            return Some(vec![y, indices]);
        }
        "max_pooling_1d" | "max_pooling_3d" | "max_pooling_nd"
            if case.attr("return_indices").as_bool() == Some(true) =>
        {
            let (y, indices) = F::max_pooling_nd_indices(x, windows(case));
            return Some(vec![y, indices]);
        }
        "max_pooling_nd" => F::max_pooling_nd(x, windows(case)),
        "unpooling_1d" => F::unpooling_1d(x, windows(case)),
        "unpooling_3d" => F::unpooling_3d(x, windows(case)),
        "unpooling_nd" => F::unpooling_nd(x, windows(case)),
        "max_pooling_1d" => F::max_pooling_1d(x, windows(case)),
        "max_pooling_2d" => F::max_pooling_2d(x, windows(case)),
        "max_pooling_3d" => F::max_pooling_3d(x, windows(case)),
        "average_pooling_1d" => F::average_pooling_1d(x, windows(case)),
        "average_pooling_2d" => F::average_pooling_2d(x, windows(case)),
        "average_pooling_3d" => F::average_pooling_3d(x, windows(case)),
        "average_pooling_nd" => F::average_pooling_nd(x, windows(case)),
        "unpooling_2d" => F::unpooling_2d(x, windows(case)),
        "upsampling_2d" if xs.get("indexes").is_some() => F::upsampling_2d(x, &xs["indexes"], windows(case)),
        "upsampling_2d" => {
            let outsize = windows(case);
            let (y, indices) = F::max_pooling_2d_indices(x, outsize.clone());
            F::upsampling_2d(&y, &indices, outsize)
        }
        "spatial_pyramid_pooling_2d" => F::spatial_pyramid_pooling_2d(x, case.int("pyramid_height") as usize),
        "roi_pooling_2d" => {
            let [height, width] = ["outh", "outw"].map(|name| case.int(name) as usize);
            F::roi_pooling_2d(x, &xs["rois"], height, width, case.f64_or("spatial_scale", 1.0))
        }
        "roi_max_pooling_2d" => {
            F::roi_max_pooling_2d(x, &xs["rois"], indices(xs), cells(case), case.f64_or("spatial_scale", 1.0))
        }
        "roi_average_pooling_2d" => {
            F::roi_average_pooling_2d(x, &xs["rois"], indices(xs), cells(case), case.f64_or("spatial_scale", 1.0))
        }
        "roi_max_align_2d" => F::roi_max_align_2d(
            x,
            &xs["rois"],
            indices(xs),
            cells(case),
            case.f64_or("spatial_scale", 1.0),
            sampling(case),
        ),
        "roi_average_align_2d" => F::roi_average_align_2d(
            x,
            &xs["rois"],
            indices(xs),
            cells(case),
            case.f64_or("spatial_scale", 1.0),
            sampling(case),
        ),
        _ => return None,
    };
    Some(vec![y])
}

fn cells(case: &Case) -> Sides {
    case.sizes("outsize").expect("a size").as_slice().into()
}

fn indices(xs: &Inputs) -> &Variable {
    xs.get("idx").unwrap_or_else(|| &xs["roi_indices"])
}

fn sampling(case: &Case) -> Sampling {
    let one = |v: &serde_json::Value| v.as_u64().map(|n| n as usize);
    match case.attr("sampling_ratio").as_array().map(Vec::as_slice) {
        Some([h, w]) => Sampling::Each(one(h), one(w)),
        _ => one(case.attr("sampling_ratio")).map_or(Sampling::Adaptive, Sampling::Fixed),
    }
}

fn windows(case: &Case) -> Pooling {
    let sides = |name: &str| case.sizes(name).map(|s| s.as_slice().into());
    let of = |name: &str| -> Option<Sides> { sides(name) };
    let mut windows = Pooling::new(of("ksize").expect("a size"));
    if let Some(stride) = of("stride") {
        windows = windows.stride(stride);
    }
    if let Some(pad) = of("pad") {
        windows = windows.pad(pad);
    }
    if let Some(cover) = case.attr("cover_all").as_bool() {
        windows = windows.cover_all(cover);
    }
    if let Some(outsize) = of("outsize") {
        windows = windows.outsize(outsize);
    }
    // Null stands for padding that does not count; other functions have no such attribute.
    let counts = case.entry["attrs"].get("pad_value").is_none_or(|v| !v.is_null());
    windows.count_padding(counts)
}
