//! Connections: layers without their parameters.

mod bilinear;
mod convolution_1d;
mod convolution_2d;
mod convolution_3d;
mod convolution_nd;
mod deconvolution_1d;
mod deconvolution_2d;
mod deconvolution_3d;
mod deconvolution_nd;
mod deformable_convolution_2d_sampler;
mod depthwise_convolution_2d;
mod dilated_convolution_2d;
mod embed_id;
mod linear;
mod local_convolution_2d;
mod parts;
mod scaled_dot_product_attention;
mod shift;
mod sliding;

pub use bilinear::bilinear;
pub use convolution_1d::convolution_1d;
pub use convolution_2d::convolution_2d;
pub use convolution_3d::convolution_3d;
pub use convolution_nd::convolution_nd;
pub use deconvolution_1d::deconvolution_1d;
pub use deconvolution_2d::deconvolution_2d;
pub use deconvolution_3d::deconvolution_3d;
pub use deconvolution_nd::deconvolution_nd;
pub use deformable_convolution_2d_sampler::deformable_convolution_2d_sampler;
pub use depthwise_convolution_2d::depthwise_convolution_2d;
pub use dilated_convolution_2d::dilated_convolution_2d;
pub use embed_id::embed_id;
pub(crate) use embed_id::{add_rows, expect_ids, take_rows};
pub use linear::{linear, linear_axes};
pub use local_convolution_2d::local_convolution_2d;
pub use scaled_dot_product_attention::{Attention, scaled_dot_product_attention};
pub use shift::shift;

pub(super) const ALL: &[super::Entry] = super::entries![
    bilinear,
    convolution_1d,
    convolution_2d,
    convolution_3d,
    convolution_nd,
    deconvolution_1d,
    deconvolution_2d,
    deconvolution_3d,
    deconvolution_nd,
    deformable_convolution_2d_sampler,
    depthwise_convolution_2d,
    dilated_convolution_2d,
    embed_id,
    linear,
    local_convolution_2d,
    scaled_dot_product_attention,
    shift,
];
