//! Shapes, views, joins and cuts.

mod broadcast_to;
mod concat;
mod expand_dims;
mod flatten;
mod get_item;
mod reshape;
mod split_axis;
mod squeeze;
mod stack;
mod swapaxes;
mod transpose;

pub use broadcast_to::broadcast_to;
pub use concat::concat;
pub use expand_dims::expand_dims;
pub use flatten::flatten;
pub use get_item::{get_item, get_item_fancy};
pub use reshape::{reshape, with_shape};
pub use split_axis::split_axis;
pub use squeeze::squeeze;
pub use stack::stack;
pub use swapaxes::swapaxes;
pub use transpose::transpose;

pub(super) const ALL: &[super::Entry] = super::entries![
    broadcast_to,
    concat,
    expand_dims,
    flatten,
    get_item,
    reshape,
    split_axis,
    squeeze,
    stack,
    swapaxes,
    transpose,
];
