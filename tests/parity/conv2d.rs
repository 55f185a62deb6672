use super::fixture::{Case, Inputs};
use catena::{
    autograd::Variable,
    functions as F,
    shape::{Convolution, Sides},
};

/// A number or a list of them.
pub fn sides(case: &Case, name: &str) -> Sides {
    case.sizes(name).unwrap_or_else(|| vec![usize::from(name != "pad")]).as_slice().into()
}

fn geometry(case: &Case) -> Convolution {
    let c = Convolution::default().stride(sides(case, "stride")).pad(sides(case, "pad"));
    c.dilate(sides(case, "dilate"))
        .groups(case.int_or("groups", 1) as usize)
        .cover_all(case.flag_or("cover_all", false))
}

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    let side = |name| sides(case, name);
    let b = xs.get("b");
    let y = match case.op.as_str() {
        "convolution_1d" => F::convolution_1d(&xs["x"], &xs["W"], b, &geometry(case)),
        "convolution_2d" => F::convolution_2d(&xs["x"], &xs["W"], b, &geometry(case)),
        "convolution_3d" => F::convolution_3d(&xs["x"], &xs["W"], b, &geometry(case)),
        "convolution_nd" => F::convolution_nd(&xs["x"], &xs["W"], b, &geometry(case)),
        "depthwise_convolution_2d" => F::depthwise_convolution_2d(&xs["x"], &xs["W"], b, side("stride"), side("pad")),
        "dilated_convolution_2d" if case.flag_or("cover_all", false) => {
            F::convolution_2d(&xs["x"], &xs["W"], b, &geometry(case))
        }
        "dilated_convolution_2d" => {
            F::dilated_convolution_2d(&xs["x"], &xs["W"], b, side("stride"), side("pad"), side("dilate"))
        }
        "local_convolution_2d" => F::local_convolution_2d(&xs["x"], &xs["W"], b, side("stride")),
        "deformable_convolution_2d_sampler" => {
            let (stride, pad) = (side("stride"), side("pad"));
            F::deformable_convolution_2d_sampler(&xs["x"], &xs["offset"], &xs["W"], b, stride, pad)
        }
        "shift" => F::shift(xs.only(), case.sizes("ksize").unwrap_or_else(|| vec![3]).as_slice(), side("dilate")),
        _ => return None,
    };
    Some(vec![y])
}
