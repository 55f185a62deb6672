//! Pictures as data: decoding, cutting, batches made on threads.
//!
//! A picture is an `Array3<u8>`, `(channels, height, width)`. [`image_batches`] reads them from anything that has them
//! ([`ImageSource`]), prepares each as [`Prepare`] says, and keeps a bounded number of batches ready.
//!
//! ```
//! use catena::datasets::{Prepare, image_batches, iterators::EpochIterator};
//! # use catena::datasets::{Dataset, ImageSource};
//! # use ndarray::Array3;
//! # struct Greys;
//! # impl Dataset for Greys {
//! #     type Item = usize;
//! #     fn len(&self) -> usize { 10 }
//! #     fn get(&self, i: usize) -> usize { i }
//! # }
//! # impl ImageSource for Greys {
//! #     fn image(&self, i: usize) -> catena::error::Result<(Array3<u8>, i32)> {
//! #         Ok((Array3::from_elem((3, 40, 40), 25 * i as u8), i as i32))
//! #     }
//! # }
//! # fn main() -> catena::error::Result<()> {
//! # let pictures = Greys; // ten pictures of 40 x 40 pixels
//! let prepare = Prepare::crop(32).pad(4).flip(true).mean([128.0; 3]).scale(1.0 / 128.0);
//! let mut batches = image_batches(pictures, 4, prepare, 0, None).repeat(false).shuffle(true, 0);
//! let batch = batches.next().unwrap()?;
//! assert_eq!((batch.x.shape(), batch.t.len()), (&[4, 3, 32, 32][..], 4));
//! # Ok(())
//! # }
//! ```

mod decode;
mod labeled;
mod prepare;

pub use decode::{decode_image, read_image};
pub use labeled::{LabeledImageDataset, read_labels};
pub use prepare::{Prepare, resize};

use super::{Dataset, iterators::MultithreadIterator};
use crate::{error::Result, random::Generator};
use ndarray::{Array1, Array3, Array4, Axis};
use parking_lot::Mutex;
use std::{collections::BTreeSet, sync::Arc};

/// A dataset of pictures and what they show.
pub trait ImageSource: Dataset {
    /// A picture `(channels, height, width)` and its label.
    ///
    /// # Errors
    /// Where it cannot be read, or is not of the kind asked for.
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)>;
}

impl<D: ImageSource + ?Sized> ImageSource for Arc<D> {
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        (**self).image(index)
    }
}

/// Several pictures, prepared.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageBatch {
    /// `(N, channels, height, width)`; none at all if every picture was skipped.
    pub x: Array4<f32>,
    /// `(N,)`.
    pub t: Array1<i32>,
}

/// What was left out because it could not be used, and why; what is met again in a later epoch counts once.
#[derive(Debug, Default)]
pub struct Skipped(Mutex<BTreeSet<String>>);

impl Skipped {
    /// Nothing yet.
    pub fn new() -> Arc<Skipped> {
        Arc::default()
    }

    /// Notes one, by a reason that names it.
    pub fn add(&self, reason: impl ToString) {
        self.0.lock().insert(reason.to_string());
    }

    /// How many were left out.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Why each of them was.
    pub fn reasons(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }
}

/// Batches of prepared pictures, made on threads ahead of who takes them.
///
/// What is random of the preparation depends on the seed and on how many pictures were handed out before, not on threads: a
/// run that goes on from a snapshot sees what the unbroken one would have seen. A picture that cannot be used makes its batch
/// an error, or, with `skipped`, is left out of it and noted there.
///
/// # Panics
/// Where the batch size is zero.
#[track_caller]
pub fn image_batches<D>(
    source: D,
    batch_size: usize,
    prepare: Prepare,
    seed: u64,
    skipped: Option<Arc<Skipped>>,
) -> MultithreadIterator<D, Result<ImageBatch>>
where
    D: ImageSource + Send + Sync + 'static,
{
    MultithreadIterator::with_place(source, batch_size, move |source, indices, place| {
        let mut pictures: Vec<Array3<f32>> = Vec::with_capacity(indices.len());
        let mut labels = Vec::with_capacity(indices.len());
        for (i, &index) in indices.iter().enumerate() {
            let mut generator = Generator::with_stream(seed, place + i as u64);
            let made = source.image(index).and_then(|(image, t)| Ok((prepare.apply(&image, &mut generator)?, t)));
            match (made, &skipped) {
                (Ok((x, t)), _) => {
                    pictures.push(x);
                    labels.push(t);
                }
                (Err(error), Some(skipped)) => skipped.add(error),
                (Err(error), None) => return Err(error),
            }
        }
        let views: Vec<_> = pictures.iter().map(|p| p.view()).collect();
        let x = match views.is_empty() {
            true => Array4::zeros((0, 0, 0, 0)),
            false => ndarray::stack(Axis(0), &views).expect("prepared to one shape"),
        };
        Ok(ImageBatch { x, t: labels.into() })
    })
}
