use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions::{self as F, Pooling, Sampling},
    shape::Sides,
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let x = &xs["x"];
    let y = match case.op.as_str() {
        "max_pooling_2d" if case.attr("return_indices").as_bool() == Some(true) => {
            let (y, indices) = F::max_pooling_2d_indices(x, windows(case));
            return Some(vec![y, indices]);
        }
        "max_pooling_1d" => F::max_pooling_1d(x, windows(case)),
        "max_pooling_2d" => F::max_pooling_2d(x, windows(case)),
        "max_pooling_3d" => F::max_pooling_3d(x, windows(case)),
        "average_pooling_1d" => F::average_pooling_1d(x, windows(case)),
        "average_pooling_2d" => F::average_pooling_2d(x, windows(case)),
        "average_pooling_3d" => F::average_pooling_3d(x, windows(case)),
        "average_pooling_nd" => F::average_pooling_nd(x, windows(case)),
        "unpooling_2d" => F::unpooling_2d(x, windows(case)),
        "upsampling_2d" => {
            let outsize = windows(case);
            let (y, indices) = F::max_pooling_2d_indices(x, outsize.clone());
            F::upsampling_2d(&y, &indices, outsize)
        }
        "spatial_pyramid_pooling_2d" => F::spatial_pyramid_pooling_2d(x, case.int("pyramid_height") as usize),
        "roi_pooling_2d" => {
            let [height, width] = ["outh", "outw"].map(|name| case.int(name) as usize);
            F::roi_pooling_2d(x, &xs["rois"], height, width, case.f64("spatial_scale"))
        }
        "roi_max_pooling_2d" => {
            F::roi_max_pooling_2d(x, &xs["rois"], &xs["idx"], cells(case), case.f64("spatial_scale"))
        }
        "roi_average_pooling_2d" => {
            F::roi_average_pooling_2d(x, &xs["rois"], &xs["idx"], cells(case), case.f64("spatial_scale"))
        }
        "roi_max_align_2d" => {
            F::roi_max_align_2d(x, &xs["rois"], &xs["idx"], cells(case), case.f64("spatial_scale"), sampling(case))
        }
        "roi_average_align_2d" => {
            F::roi_average_align_2d(x, &xs["rois"], &xs["idx"], cells(case), case.f64("spatial_scale"), sampling(case))
        }
        _ => return None,
    };
    Some(vec![y])
}

fn cells(case: &Case) -> Sides {
    case.sizes("outsize").expect("a size").as_slice().into()
}

fn sampling(case: &Case) -> Sampling {
    case.sizes("sampling_ratio").map_or(Sampling::Adaptive, |n| Sampling::Fixed(n[0]))
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
