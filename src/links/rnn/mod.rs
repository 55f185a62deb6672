//! Recurrent links: cells with and without a state of their own, trees, layers over whole sequences.

/// A link that is another one with a state: names and parameters are the other's.
macro_rules! transparent {
    ($name:ident, $cell:ident, $($state:ident: $empty:expr),*) => {
        impl $crate::links::Link for $name {
            fn visit(&self, path: &mut $crate::links::Path, visitor: &mut dyn $crate::links::Visit) {
                self.$cell.visit(path, visitor);
            }

            fn replicate(&self, replica: $crate::links::Replica) -> $name {
                $name { $cell: self.$cell.replicate(replica), $($state: $empty),* }
            }

            fn replicate_boxed(&self, replica: $crate::links::Replica) -> Box<dyn $crate::links::Link> {
                Box::new(self.replicate(replica))
            }
        }
    };
}
use transparent;

mod gru;
mod joined;
mod lstm;
mod mgu;
mod n_step;
mod peephole;
mod state;
mod tree_lstm;
mod zoneout;

pub use gru::{GRU, StatefulGRU, StatelessGRU};
pub use lstm::{LSTM, LstmInit, StatelessLSTM};
pub use mgu::{StatefulMGU, StatelessMGU};
pub use n_step::{
    NStepBiGRU, NStepBiLSTM, NStepBiRNNReLU, NStepBiRNNTanh, NStepGRU, NStepLSTM, NStepRNNReLU, NStepRNNTanh,
};
pub use peephole::StatefulPeepholeLSTM;
pub use state::State;
pub use tree_lstm::{ChildSumTreeLSTM, NaryTreeLSTM};
pub use zoneout::StatefulZoneoutLSTM;
