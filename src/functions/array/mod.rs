//! Shapes, views, joins and cuts.

mod as_strided;
mod broadcast;
mod broadcast_to;
mod cast;
mod concat;
mod copy;
mod depth2space;
mod diagonal;
mod dstack;
mod expand_dims;
mod flatten;
mod flip;
mod get_item;
mod hstack;
mod im2col;
mod index;
mod meshgrid;
mod moveaxis;
mod pad;
mod pad_sequence;
mod permutate;
mod repeat;
mod reshape;
mod resize_images;
mod rollaxis;
mod scatter_add;
mod select_item;
mod separate;
mod space2depth;
mod spatial_transformer_grid;
mod spatial_transformer_sampler;
mod split_axis;
mod squeeze;
mod stack;
mod swapaxes;
mod take_along_axis;
mod tile;
mod transpose;
mod transpose_sequence;
mod vstack;
mod where_;

pub use as_strided::as_strided;
pub use broadcast::broadcast;
pub use broadcast_to::broadcast_to;
pub use cast::cast;
pub use concat::concat;
pub use copy::copy;
pub use depth2space::depth2space;
pub use diagonal::diagonal;
pub use dstack::dstack;
pub use expand_dims::expand_dims;
pub use flatten::flatten;
pub use flip::{flip, fliplr, flipud};
pub(crate) use get_item::delayed;
pub use get_item::{get_item, get_item_fancy, get_item_with};
pub use hstack::hstack;
pub use im2col::{Windows, im2col};
pub use index::Index;
pub use meshgrid::Indexing;
pub use moveaxis::moveaxis;
pub use pad::{Padding, pad, pad_with};
pub use pad_sequence::pad_sequence;
pub use permutate::permutate;
pub use repeat::repeat;
pub use reshape::{reshape, with_shape};
pub use resize_images::{Resize, resize_images};
pub use rollaxis::rollaxis;
pub use scatter_add::{scatter_add, scatter_add_slice, scatter_add_with};
pub use select_item::select_item;
pub use separate::separate;
pub use space2depth::space2depth;
pub use spatial_transformer_grid::spatial_transformer_grid;
pub use spatial_transformer_sampler::spatial_transformer_sampler;
pub use split_axis::split_axis;
pub use squeeze::squeeze;
pub use stack::stack;
pub use swapaxes::swapaxes;
pub use take_along_axis::{scatter_add_along_axis, take_along_axis};
pub use tile::tile;
pub use transpose::transpose;
pub use transpose_sequence::transpose_sequence;
pub use vstack::vstack;
pub use where_::where_;

pub(super) const ALL: &[super::Entry] = super::entries![
    as_strided,
    broadcast,
    broadcast_to,
    cast,
    concat,
    copy,
    depth2space,
    diagonal,
    dstack,
    expand_dims,
    flatten,
    flip,
    get_item,
    hstack,
    im2col,
    moveaxis,
    pad,
    pad_sequence,
    permutate,
    repeat,
    reshape,
    resize_images,
    rollaxis,
    scatter_add,
    select_item,
    separate,
    space2depth,
    spatial_transformer_grid,
    spatial_transformer_sampler,
    split_axis,
    squeeze,
    stack,
    swapaxes,
    take_along_axis,
    tile,
    transpose,
    transpose_sequence,
    vstack,
    where_
];
