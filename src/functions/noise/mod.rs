//! Dropout and other random functions.

mod dropout;
mod gaussian;
mod gumbel_softmax;
mod simplified_dropconnect;
mod standard_gamma;
mod zoneout;

pub use dropout::{dropout, dropout_mask, dropout_with_mask};
pub use gaussian::{gaussian, gaussian_eps, gaussian_with_eps};
pub use gumbel_softmax::{gumbel_softmax, gumbel_softmax_with};
pub use simplified_dropconnect::{
    simplified_dropconnect, simplified_dropconnect_mask, simplified_dropconnect_with_mask,
};
pub use standard_gamma::standard_gamma;
pub(super) use zoneout::Zoneout;
pub use zoneout::{zoneout, zoneout_mask, zoneout_with_mask};

pub(super) const ALL: &[super::Entry] =
    super::entries![dropout, gaussian, gumbel_softmax, simplified_dropconnect, standard_gamma, zoneout];
