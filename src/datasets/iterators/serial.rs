use super::{Cursor, EpochIterator, IteratorState, IteratorStateError};
use crate::datasets::{BatchDataset, Dataset};

/// Reads batches one after the other on the caller's thread.
///
/// It repeats for ever and shuffles with seed 0 unless told otherwise; as an [`Iterator`] it gives lists of examples.
///
/// ```
/// use catena::datasets::iterators::{EpochIterator, SerialIterator};
/// let mut batches = SerialIterator::new(5, 2).repeat(false).shuffle(false, 0);
/// assert_eq!(batches.next(), Some(vec![0, 1]));
/// assert_eq!(batches.epoch_detail(), 0.4);
/// assert_eq!(batches.by_ref().last(), Some(vec![4]));
/// assert_eq!(batches.epoch(), 1);
/// ```
#[derive(Debug, Clone)]
pub struct SerialIterator<D> {
    dataset: D,
    cursor: Cursor,
}

impl<D: Dataset> SerialIterator<D> {
    /// Batches of `batch_size` examples of a dataset, or of the numbers below one.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn new(dataset: D, batch_size: usize) -> SerialIterator<D> {
        let cursor = Cursor::new(dataset.len(), batch_size, true, Some(0));
        SerialIterator { dataset, cursor }
    }

    /// Whether to go on after the first epoch; begins anew.
    pub fn repeat(self, yes: bool) -> SerialIterator<D> {
        SerialIterator { cursor: self.cursor.with_repeat(yes), ..self }
    }

    /// Whether each epoch has a random order of its own, which the seed decides; begins anew.
    pub fn shuffle(self, yes: bool, seed: u64) -> SerialIterator<D> {
        SerialIterator { cursor: self.cursor.with_seed(yes.then_some(seed)), ..self }
    }

    /// The dataset.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The numbers of the next batch's examples; nothing after the end.
    ///
    /// # Panics
    /// Where it should repeat a dataset without examples.
    #[track_caller]
    pub fn next_indices(&mut self) -> Option<Vec<usize>> {
        self.cursor.next_indices()
    }

    /// The next batch as contiguous arrays; nothing after the end.
    ///
    /// # Panics
    /// Where it should repeat a dataset without examples.
    #[track_caller]
    pub fn next_batch(&mut self) -> Option<D::Batch>
    where
        D: BatchDataset,
    {
        let indices = self.cursor.next_indices()?;
        Some(self.dataset.batch(&indices))
    }
}

impl<D: Dataset> Iterator for SerialIterator<D> {
    type Item = Vec<D::Item>;

    fn next(&mut self) -> Option<Vec<D::Item>> {
        let indices = self.cursor.next_indices()?;
        Some(indices.into_iter().map(|i| self.dataset.get(i)).collect())
    }
}

impl<D: Dataset> EpochIterator for SerialIterator<D> {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn restore(&mut self, state: &IteratorState) -> Result<(), IteratorStateError> {
        self.cursor.restore(state)
    }

    fn reset(&mut self) {
        self.cursor.reset();
    }
}
