use super::{
    conv2d::sides,
    fixture::{Case, Inputs},
};
use catena::{
    autograd::Variable,
    functions as F,
    shape::{Convolution, Sides},
};

pub fn call(case: &Case, xs: &Inputs) -> Option<Vec<Variable>> {
    if !case.op.starts_with("deconvolution") {
        return None;
    }
    let c = Convolution::default().stride(sides(case, "stride")).pad(sides(case, "pad"));
    let c = c.dilate(sides(case, "dilate")).groups(case.int_or("groups", 1) as usize);
    let outsize = case.sizes("outsize").map(|o| Sides::from(o.as_slice()));
    let (x, w, b) = (&xs["x"], &xs["W"], xs.get("b"));
    let y = match case.op.as_str() {
        "deconvolution_1d" => F::deconvolution_1d(x, w, b, &c, outsize.as_ref()),
        "deconvolution_2d" => F::deconvolution_2d(x, w, b, &c, outsize.as_ref()),
        "deconvolution_3d" => F::deconvolution_3d(x, w, b, &c, outsize.as_ref()),
        "deconvolution_nd" => F::deconvolution_nd(x, w, b, &c, outsize.as_ref()),
        _ => return None,
    };
    Some(vec![y])
}
