use ndarray::{Array, Array1, Array2, Array3, Array4, ArrayD, Axis, Ix1, Ix2, Ix3, Ix4, IxDyn};
use std::sync::Arc;

/// Examples by number.
///
/// ```
/// use catena::datasets::Dataset;
///
/// struct Squares;
///
/// impl Dataset for Squares {
///     type Item = usize;
///     fn len(&self) -> usize {
///         10
///     }
///     fn get(&self, index: usize) -> usize {
///         index * index
///     }
/// }
/// assert_eq!(Squares.get(3), 9);
/// ```
pub trait Dataset {
    /// One example.
    type Item;

    /// Number of examples.
    fn len(&self) -> usize;

    /// One example; panics where `index` is not below [`len`](Dataset::len).
    fn get(&self, index: usize) -> Self::Item;

    /// Whether there is no example.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A dataset that puts several examples into one contiguous batch without making each of them first.
pub trait BatchDataset: Dataset {
    /// Several examples as one value, such as an array with one more axis, or a tuple of such arrays.
    type Batch;

    /// The examples of these numbers, in this order; panics where one is not below [`len`](Dataset::len).
    fn batch(&self, indices: &[usize]) -> Self::Batch;
}

macro_rules! delegate {
    ($($t:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $t {
            type Item = D::Item;
            fn len(&self) -> usize {
                (**self).len()
            }
            #[track_caller]
            fn get(&self, index: usize) -> D::Item {
                (**self).get(index)
            }
        }
        impl<D: BatchDataset + ?Sized> BatchDataset for $t {
            type Batch = D::Batch;
            #[track_caller]
            fn batch(&self, indices: &[usize]) -> D::Batch {
                (**self).batch(indices)
            }
        }
    )*};
}
delegate!(&D, Arc<D>, Box<D>);

/// The numbers below it, for loops that look their data up on their own.
impl Dataset for usize {
    type Item = usize;
    fn len(&self) -> usize {
        *self
    }
    #[track_caller]
    fn get(&self, index: usize) -> usize {
        assert!(index < *self, "example {index} of {self}");
        index
    }
}

impl BatchDataset for usize {
    type Batch = Vec<usize>;
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> Vec<usize> {
        indices.iter().map(|&i| self.get(i)).collect()
    }
}

impl<T: Clone> Dataset for [T] {
    type Item = T;
    fn len(&self) -> usize {
        <[T]>::len(self)
    }
    #[track_caller]
    fn get(&self, index: usize) -> T {
        self[index].clone()
    }
}

impl<T: Clone> Dataset for Vec<T> {
    type Item = T;
    fn len(&self) -> usize {
        Vec::len(self)
    }
    #[track_caller]
    fn get(&self, index: usize) -> T {
        self[index].clone()
    }
}

impl<T: Clone> Dataset for Array1<T> {
    type Item = T;
    fn len(&self) -> usize {
        Array1::len(self)
    }
    #[track_caller]
    fn get(&self, index: usize) -> T {
        self[index].clone()
    }
}

macro_rules! rows {
    ($($array:ident of $item:ident),*) => {$(
        /// Rows along the first axis.
        impl<T: Clone> Dataset for $array<T> {
            type Item = $item<T>;
            fn len(&self) -> usize {
                self.len_of(Axis(0))
            }
            #[track_caller]
            fn get(&self, index: usize) -> $item<T> {
                self.index_axis(Axis(0), index).to_owned()
            }
        }
    )*};
}
rows!(Array2 of Array1, Array3 of Array2, Array4 of Array3, ArrayD of ArrayD);

macro_rules! batches {
    ($($dim:ty),*) => {$(
        impl<T: Clone> BatchDataset for Array<T, $dim> {
            type Batch = Array<T, $dim>;
            #[track_caller]
            fn batch(&self, indices: &[usize]) -> Array<T, $dim> {
                self.select(Axis(0), indices)
            }
        }
    )*};
}
batches!(Ix1, Ix2, Ix3, Ix4, IxDyn);

/// Several datasets of one length side by side: an example is the tuple of theirs.
///
/// ```
/// use catena::datasets::{Dataset, TupleDataset};
/// let data = TupleDataset::new((vec!["a", "b"], 2));
/// assert_eq!(data.get(1), ("b", 1));
/// ```
#[derive(Debug, Clone)]
pub struct TupleDataset<T> {
    parts: T,
}

impl<T> TupleDataset<T> {
    /// The datasets.
    pub fn parts(&self) -> &T {
        &self.parts
    }
}

impl<T> TupleDataset<T>
where
    TupleDataset<T>: Dataset,
{
    /// Puts two to four datasets side by side.
    ///
    /// # Panics
    /// Where their lengths differ.
    #[track_caller]
    pub fn new(parts: T) -> TupleDataset<T>
    where
        T: SameLength,
    {
        if let Err(lengths) = parts.same_length() {
            panic!("TupleDataset needs datasets of one length, not {lengths:?}");
        }
        TupleDataset { parts }
    }
}

/// A tuple of datasets whose lengths can be compared.
pub trait SameLength {
    /// The lengths, where they differ.
    fn same_length(&self) -> Result<(), Vec<usize>>;
}

macro_rules! tuple {
    ($($d:ident $i:tt),*) => {
        impl<$($d: Dataset),*> SameLength for ($($d,)*) {
            fn same_length(&self) -> Result<(), Vec<usize>> {
                let lengths = vec![$(self.$i.len()),*];
                if lengths.iter().all(|n| *n == lengths[0]) { Ok(()) } else { Err(lengths) }
            }
        }
        impl<$($d: Dataset),*> Dataset for TupleDataset<($($d,)*)> {
            type Item = ($($d::Item,)*);
            fn len(&self) -> usize {
                self.parts.0.len()
            }
            #[track_caller]
            fn get(&self, index: usize) -> Self::Item {
                ($(self.parts.$i.get(index),)*)
            }
        }
        impl<$($d: BatchDataset),*> BatchDataset for TupleDataset<($($d,)*)> {
            type Batch = ($($d::Batch,)*);
            #[track_caller]
            fn batch(&self, indices: &[usize]) -> Self::Batch {
                ($(self.parts.$i.batch(indices),)*)
            }
        }
    };
}
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

/// A dataset whose examples go through a function each time they are read, such as a random crop.
///
/// ```
/// use catena::datasets::{Dataset, TransformDataset};
/// let halves = TransformDataset::new(vec![1.0, 2.0], |v: f64| v / 2.0);
/// assert_eq!(halves.get(1), 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct TransformDataset<D, F> {
    dataset: D,
    transform: F,
}

impl<D: Dataset, F: Fn(D::Item) -> U, U> TransformDataset<D, F> {
    /// Puts a function behind a dataset.
    pub fn new(dataset: D, transform: F) -> TransformDataset<D, F> {
        TransformDataset { dataset, transform }
    }
}

impl<D: Dataset, F: Fn(D::Item) -> U, U> Dataset for TransformDataset<D, F> {
    type Item = U;
    fn len(&self) -> usize {
        self.dataset.len()
    }
    #[track_caller]
    fn get(&self, index: usize) -> U {
        (self.transform)(self.dataset.get(index))
    }
}
