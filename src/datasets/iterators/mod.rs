//! Batches in the order of an epoch: where an iteration stands, how it is saved, and how it goes on.

mod cursor;
mod multithread;
mod serial;

pub use cursor::{Cursor, IteratorState, IteratorStateError};
pub use multithread::MultithreadIterator;
pub use serial::SerialIterator;

/// An iterator over batches that knows its epoch, as Chainer's do.
///
/// An epoch is one pass over the dataset; when an iterator repeats, a batch may hold the end of one and the beginning
/// of the next.
pub trait EpochIterator: Iterator {
    /// Where the iteration stands, after the batch that was handed out last.
    fn cursor(&self) -> &Cursor;

    /// Goes on from a saved state, so that the batches to come are those the saved run would have had.
    ///
    /// # Errors
    /// [`IteratorStateError`] where the state is of another dataset or of another kind of order.
    fn restore(&mut self, state: &IteratorState) -> Result<(), IteratorStateError>;

    /// Goes back to the beginning; a shuffled iterator takes the order of its first epoch again.
    fn reset(&mut self);

    /// The state, as plain values for a snapshot.
    fn state(&self) -> IteratorState {
        self.cursor().state()
    }

    /// Examples in a batch; the last batch of an iteration that does not repeat may have fewer.
    fn batch_size(&self) -> usize {
        self.cursor().batch_size()
    }

    /// Whether the iteration goes on after the first epoch.
    fn repeats(&self) -> bool {
        self.cursor().repeats()
    }

    /// Number of epochs that are complete.
    fn epoch(&self) -> usize {
        self.cursor().epoch()
    }

    /// Whether the last batch completed an epoch.
    fn is_new_epoch(&self) -> bool {
        self.cursor().is_new_epoch()
    }

    /// Examples of the present epoch that were handed out.
    fn current_position(&self) -> usize {
        self.cursor().current_position()
    }

    /// Epochs that are complete, with the present one's fraction.
    fn epoch_detail(&self) -> f64 {
        self.cursor().epoch_detail()
    }

    /// [`epoch_detail`](EpochIterator::epoch_detail) before the last batch; nothing before the first.
    fn previous_epoch_detail(&self) -> Option<f64> {
        self.cursor().previous_epoch_detail()
    }
}
