use crate::datasets::permutation;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A place in a dataset's epochs, and the numbers of the examples that come next.
#[derive(Debug, Clone)]
pub struct Cursor {
    len: usize,
    batch_size: usize,
    repeat: bool,
    /// The seed, where the order is shuffled.
    seed: Option<u64>,
    draws: u64,
    order: Option<Arc<[usize]>>,
    position: usize,
    epoch: usize,
    new_epoch: bool,
    previous: Option<f64>,
}

/// A place in a dataset's epochs, as plain values that a snapshot can keep.
///
/// The first four have the names and meanings that Chainer saves them with; the random state is the last two.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IteratorState {
    /// Examples of the present epoch that were handed out.
    pub current_position: usize,
    /// Number of epochs that are complete.
    pub epoch: usize,
    /// Whether the last batch completed an epoch.
    pub is_new_epoch: bool,
    /// The exact number of epochs before the last batch; -1 before the first.
    pub previous_epoch_detail: f64,
    /// The examples' order in the present epoch; nothing where they are not shuffled.
    pub order: Option<Vec<usize>>,
    /// What the orders of all epochs follow from.
    pub seed: u64,
    /// How many orders were drawn from the seed.
    pub draws: u64,
}

/// A saved state that does not fit the iterator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the iterator's saved {what}; resume with the dataset and the order the run began with")]
pub struct IteratorStateError {
    what: String,
}

impl Cursor {
    /// The beginning of a dataset of `len` examples.
    ///
    /// # Panics
    /// Where the batch size is zero.
    #[track_caller]
    pub fn new(len: usize, batch_size: usize, repeat: bool, seed: Option<u64>) -> Cursor {
        assert!(batch_size > 0, "the batch size must be at least 1");
        let mut cursor = Cursor {
            len,
            batch_size,
            repeat,
            seed,
            draws: 0,
            order: None,
            position: 0,
            epoch: 0,
            new_epoch: false,
            previous: None,
        };
        cursor.reset();
        cursor
    }

    /// Goes back to the beginning, with the first order again.
    pub fn reset(&mut self) {
        self.draws = 0;
        self.draw();
        (self.position, self.epoch, self.new_epoch, self.previous) = (0, 0, false, None);
    }

    /// The same beginning, repeating or not.
    pub(super) fn with_repeat(self, repeat: bool) -> Cursor {
        Cursor::new(self.len, self.batch_size, repeat, self.seed)
    }

    /// The same beginning in the order of a seed, or in that of the dataset.
    pub(super) fn with_seed(self, seed: Option<u64>) -> Cursor {
        Cursor::new(self.len, self.batch_size, self.repeat, seed)
    }

    fn draw(&mut self) {
        self.order = self.seed.map(|seed| permutation(self.len, seed, self.draws).into());
        self.draws += u64::from(self.seed.is_some());
    }

    /// Moves past one batch and gives its examples' numbers; nothing after the end.
    ///
    /// # Panics
    /// Where it should repeat a dataset without examples.
    #[track_caller]
    pub fn next_indices(&mut self) -> Option<Vec<usize>> {
        self.previous = Some(self.epoch_detail());
        if !self.repeat && (self.epoch > 0 || self.len == 0) {
            return None;
        }
        assert!(self.len > 0, "a dataset without examples cannot be repeated");
        self.new_epoch = false;
        let mut indices = Vec::with_capacity(self.batch_size.min(self.len.max(1 << 16)));
        while indices.len() < self.batch_size {
            let end = self.len.min(self.position + self.batch_size - indices.len());
            match &self.order {
                Some(order) => indices.extend_from_slice(&order[self.position..end]),
                None => indices.extend(self.position..end),
            }
            self.position = end;
            if end == self.len {
                self.draw();
                (self.position, self.new_epoch) = (0, true);
                self.epoch += 1;
                if !self.repeat {
                    break;
                }
            }
        }
        Some(indices)
    }

    /// Number of examples in the dataset.
    pub fn dataset_len(&self) -> usize {
        self.len
    }

    /// Examples in a batch.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// Whether it goes on after the first epoch.
    pub fn repeats(&self) -> bool {
        self.repeat
    }

    /// Number of epochs that are complete.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Whether the last batch completed an epoch.
    pub fn is_new_epoch(&self) -> bool {
        self.new_epoch
    }

    /// Examples of the present epoch that were handed out.
    pub fn current_position(&self) -> usize {
        self.position
    }

    /// Epochs that are complete, with the present one's fraction.
    pub fn epoch_detail(&self) -> f64 {
        // Without examples there is no fraction, and no division by zero.
        self.epoch as f64 + self.position as f64 / self.len.max(1) as f64
    }

    /// The exact number of epochs before the last batch; nothing before the first.
    pub fn previous_epoch_detail(&self) -> Option<f64> {
        self.previous
    }

    /// Everything that decides the batches to come, and what was reported of the last one.
    pub fn state(&self) -> IteratorState {
        IteratorState {
            current_position: self.position,
            epoch: self.epoch,
            is_new_epoch: self.new_epoch,
            previous_epoch_detail: self.previous.unwrap_or(-1.0),
            order: self.order.as_ref().map(|order| order.to_vec()),
            seed: self.seed.unwrap_or(0),
            draws: self.draws,
        }
    }

    /// Takes over a saved state; the batch size stays as it is here.
    ///
    /// # Errors
    /// [`IteratorStateError`] where the state is of another dataset or of another kind of order; nothing has then
    /// changed.
    pub fn restore(&mut self, state: &IteratorState) -> Result<(), IteratorStateError> {
        let misfit = |what: String| Err(IteratorStateError { what });
        match (&state.order, self.seed) {
            (Some(_), None) => return misfit("order is shuffled, and this iterator does not shuffle".into()),
            (None, Some(_)) => return misfit("order is not shuffled, and this iterator shuffles".into()),
            (Some(order), Some(_)) if order.len() != self.len => {
                return misfit(format!("order has {} examples, and the dataset {}", order.len(), self.len));
            }
            (Some(order), Some(_)) if order.iter().any(|&i| i >= self.len) => {
                return misfit(format!("order names examples beyond the dataset's {}", self.len));
            }
            _ => {}
        }
        if state.current_position > 0 && state.current_position >= self.len {
            return misfit(format!("position is {}, and the dataset has {}", state.current_position, self.len));
        }
        self.position = state.current_position;
        self.epoch = state.epoch;
        self.new_epoch = state.is_new_epoch;
        self.previous = Some(state.previous_epoch_detail).filter(|v| *v >= 0.0);
        self.order = state.order.as_deref().map(Arc::from);
        self.seed = state.order.as_ref().map(|_| state.seed);
        self.draws = state.draws;
        Ok(())
    }
}
