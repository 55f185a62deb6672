//! Recurrent networks: cells, and layers over whole sequences.

mod gates;
mod gru;
mod joined;
mod layer;
mod lstm;
mod mgu;
mod n_step;
mod n_step_gru;
mod n_step_lstm;
mod n_step_rnn;
mod packed;
mod pass;
mod peephole;
mod slstm;
mod states;
mod tree_lstm;
mod zoneout_lstm;

pub(crate) use gru::gru;
pub(crate) use joined::joined;
pub use lstm::lstm;
pub(crate) use mgu::{mgu, mgu_weights};
pub(crate) use n_step::{Cell, Layers};
pub use n_step_gru::{n_step_bigru, n_step_gru};
pub use n_step_lstm::{n_step_bilstm, n_step_lstm};
pub use n_step_rnn::{RnnActivation, n_step_birnn, n_step_rnn};
pub(crate) use packed::{Order, pack, unpack};
pub(crate) use peephole::{peephole_lstm, peephole_weights};
pub use slstm::slstm;
pub(crate) use tree_lstm::child_sum;
pub use tree_lstm::tree_lstm;
pub(crate) use zoneout_lstm::zoneout_lstm;

pub(super) const ALL: &[super::Entry] = super::entries![lstm, n_step_gru, n_step_lstm, n_step_rnn, slstm, tree_lstm];
