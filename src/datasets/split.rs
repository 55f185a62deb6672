use super::{BatchDataset, Dataset, permutation};
use std::{ops::Range, sync::Arc};

/// Some examples of a dataset, in an order of their own; the dataset itself is shared, not copied.
#[derive(Debug)]
pub struct SubDataset<D> {
    dataset: Arc<D>,
    order: Option<Arc<[usize]>>,
    range: Range<usize>,
}

impl<D> Clone for SubDataset<D> {
    fn clone(&self) -> SubDataset<D> {
        SubDataset { dataset: self.dataset.clone(), order: self.order.clone(), range: self.range.clone() }
    }
}

impl<D: Dataset> SubDataset<D> {
    /// The examples from `range.start` up to, without, `range.end`.
    ///
    /// # Panics
    /// Where the range reaches beyond the dataset.
    #[track_caller]
    pub fn new(dataset: D, range: Range<usize>) -> SubDataset<D> {
        SubDataset::part(Arc::new(dataset), None, range)
    }

    /// The examples whose numbers stand at `range` in `order`.
    ///
    /// # Panics
    /// Where the range reaches beyond the order, or the order names an example that is not there.
    #[track_caller]
    pub fn with_order(dataset: D, order: impl Into<Arc<[usize]>>, range: Range<usize>) -> SubDataset<D> {
        SubDataset::part(Arc::new(dataset), Some(order.into()), range)
    }

    #[track_caller]
    fn part(dataset: Arc<D>, order: Option<Arc<[usize]>>, range: Range<usize>) -> SubDataset<D> {
        let (all, len) = (dataset.len(), order.as_ref().map_or(dataset.len(), |o| o.len()));
        assert!(range.start <= range.end && range.end <= len, "examples {range:?} of {len}");
        if let Some(&outside) = order.iter().flat_map(|o| o.iter()).find(|&&i| i >= all) {
            panic!("the order names example {outside} of {all}");
        }
        SubDataset { dataset, order, range }
    }

    #[track_caller]
    fn original(&self, index: usize) -> usize {
        assert!(index < self.range.len(), "example {index} of {}", self.range.len());
        let at = self.range.start + index;
        self.order.as_ref().map_or(at, |order| order[at])
    }
}

impl<D: Dataset> Dataset for SubDataset<D> {
    type Item = D::Item;
    fn len(&self) -> usize {
        self.range.len()
    }
    #[track_caller]
    fn get(&self, index: usize) -> D::Item {
        self.dataset.get(self.original(index))
    }
}

impl<D: BatchDataset> BatchDataset for SubDataset<D> {
    type Batch = D::Batch;
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> D::Batch {
        let originals: Vec<usize> = indices.iter().map(|&i| self.original(i)).collect();
        self.dataset.batch(&originals)
    }
}

/// The first `split_at` examples, and the others.
///
/// # Panics
/// Where there are fewer than `split_at`.
///
/// ```
/// use catena::datasets::{Dataset, split_dataset};
/// let (train, valid) = split_dataset(10, 8);
/// assert_eq!((train.len(), valid.get(0)), (8, 8));
/// ```
#[track_caller]
pub fn split_dataset<D: Dataset>(dataset: D, split_at: usize) -> (SubDataset<D>, SubDataset<D>) {
    halves(dataset, split_at, None)
}

/// `first_size` examples chosen at random, and the others; the seed decides which.
///
/// # Panics
/// Where there are fewer than `first_size`.
#[track_caller]
pub fn split_dataset_random<D: Dataset>(dataset: D, first_size: usize, seed: u64) -> (SubDataset<D>, SubDataset<D>) {
    let order = permutation(dataset.len(), seed, 0);
    halves(dataset, first_size, Some(order.into()))
}

#[track_caller]
fn halves<D: Dataset>(dataset: D, at: usize, order: Option<Arc<[usize]>>) -> (SubDataset<D>, SubDataset<D>) {
    let len = dataset.len();
    assert!(at <= len, "cannot split {len} examples after {at}");
    let dataset = Arc::new(dataset);
    (SubDataset::part(dataset.clone(), order.clone(), 0..at), SubDataset::part(dataset, order, at..len))
}

/// `n` parts of one size one after the other; examples beyond `n` times that size are in none, as in Chainer.
///
/// # Panics
/// Where `n` is zero.
#[track_caller]
pub fn split_dataset_n<D: Dataset>(dataset: D, n: usize) -> Vec<SubDataset<D>> {
    parts(dataset, n, None)
}

/// `n` parts of one size chosen at random; the seed decides which examples are in which.
///
/// # Panics
/// Where `n` is zero.
#[track_caller]
pub fn split_dataset_n_random<D: Dataset>(dataset: D, n: usize, seed: u64) -> Vec<SubDataset<D>> {
    let order = permutation(dataset.len(), seed, 0);
    parts(dataset, n, Some(order.into()))
}

#[track_caller]
fn parts<D: Dataset>(dataset: D, n: usize, order: Option<Arc<[usize]>>) -> Vec<SubDataset<D>> {
    assert!(n > 0, "cannot split a dataset into no part");
    let size = dataset.len() / n;
    let dataset = Arc::new(dataset);
    (0..n).map(|i| SubDataset::part(dataset.clone(), order.clone(), i * size..(i + 1) * size)).collect()
}

/// For each of `n_folds` stretches of the dataset: the examples outside it for training, and those in it for testing.
///
/// The last stretch comes first, as in Chainer; their lengths differ by one at most.
///
/// # Panics
/// Where `n_folds` is zero.
#[track_caller]
pub fn get_cross_validation_datasets<D: Dataset>(dataset: D, n_folds: usize) -> Vec<(SubDataset<D>, SubDataset<D>)> {
    let order = (0..dataset.len()).collect();
    folds(dataset, n_folds, order)
}

/// As [`get_cross_validation_datasets`], of the examples in a random order that the seed decides.
///
/// # Panics
/// Where `n_folds` is zero.
#[track_caller]
pub fn get_cross_validation_datasets_random<D: Dataset>(
    dataset: D,
    n_folds: usize,
    seed: u64,
) -> Vec<(SubDataset<D>, SubDataset<D>)> {
    let order = permutation(dataset.len(), seed, 0);
    folds(dataset, n_folds, order)
}

#[track_caller]
fn folds<D: Dataset>(dataset: D, n: usize, order: Vec<usize>) -> Vec<(SubDataset<D>, SubDataset<D>)> {
    assert!(n > 0, "cannot split a dataset into no fold");
    let (len, dataset) = (order.len(), Arc::new(dataset));
    (0..n)
        .rev()
        .map(|i| {
            let (start, end) = (len * i / n, len * (i + 1) / n);
            let turned: Arc<[usize]> = [&order[end..], &order[..start], &order[start..end]].concat().into();
            let split = len - (end - start);
            (
                SubDataset::part(dataset.clone(), Some(turned.clone()), 0..split),
                SubDataset::part(dataset.clone(), Some(turned), split..len),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<D: Dataset>(d: &D) -> Vec<D::Item> {
        (0..d.len()).map(|i| d.get(i)).collect()
    }

    #[test]
    fn splits_cover_every_example_once() {
        let (a, b) = split_dataset(vec![1, 2, 3, 4, 5], 2);
        assert_eq!((all(&a), all(&b)), (vec![1, 2], vec![3, 4, 5]));
        let (a, b) = split_dataset_random(100, 30, 5);
        assert_eq!((a.len(), b.len()), (30, 70));
        assert_ne!(all(&a), (0..30).collect::<Vec<_>>());
        assert_eq!(a.batch(&[2, 0]), [a.get(2), a.get(0)]);
        let mut both = [all(&a), all(&b)].concat();
        both.sort_unstable();
        assert_eq!(both, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn parts_are_equal_and_drop_the_rest() {
        let parts = split_dataset_n(7, 3);
        assert_eq!(parts.iter().map(all).collect::<Vec<_>>(), [[0, 1], [2, 3], [4, 5]]);
        assert_eq!(split_dataset_n_random(7, 3, 1).iter().map(Dataset::len).collect::<Vec<_>>(), [2, 2, 2]);
    }

    #[test]
    fn folds_test_every_example_once() {
        let folds = get_cross_validation_datasets(8, 3);
        assert_eq!(
            folds.iter().map(|(_, test)| all(test)).collect::<Vec<_>>(),
            [vec![5, 6, 7], vec![2, 3, 4], vec![0, 1]]
        );
        assert_eq!(all(&folds[1].0), [5, 6, 7, 0, 1]);
        let random = get_cross_validation_datasets_random(8, 3, 9);
        let mut tested: Vec<usize> = random.iter().flat_map(|(_, test)| all(test)).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..8).collect::<Vec<_>>());
    }

    #[test]
    #[should_panic(expected = "cannot split 3 examples after 4")]
    fn a_split_beyond_the_end_panics() {
        split_dataset(3, 4);
    }

    #[test]
    #[should_panic(expected = "example 2 of 2")]
    fn an_example_beyond_the_part_panics() {
        split_dataset(10, 2).0.get(2);
    }
}
