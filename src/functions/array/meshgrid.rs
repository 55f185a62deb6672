//! Coordinates of the points of a grid.

use crate::tensor::Tensor;

/// Which axis of a grid belongs to the first of its vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Indexing {
    /// The second one, so that rows run along the first vector: NumPy's `xy`.
    #[default]
    Xy,
    /// The first one: NumPy's `ij`.
    Ij,
}

impl Tensor {
    /// Each vector repeated over the grid of all: one tensor a vector, which copies nothing; a scalar is a vector of one.
    ///
    /// ```
    /// # use catena::{functions::Indexing, prelude::*};
    /// let [x, y] = [2, 3].map(|n| Tensor::arange(n, &Device::cpu()));
    /// let grid = Tensor::meshgrid(&[&x, &y], Indexing::Xy);
    /// assert_eq!(grid[0].to_vec::<f32>().unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    /// assert_eq!(grid[1].to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// When one has more than one axis.
    #[track_caller]
    pub fn meshgrid(vectors: &[&Tensor], indexing: Indexing) -> Vec<Tensor> {
        let n = vectors.len();
        let place = |i: usize| if indexing == Indexing::Xy && n > 1 && i < 2 { 1 - i } else { i };
        let mut shape = vec![1; n];
        for (i, vector) in vectors.iter().enumerate() {
            assert!(vector.ndim() < 2, "meshgrid: expected vectors, got shape {}", vector.shape());
            shape[place(i)] = vector.size();
        }
        let over = |(i, vector): (usize, &&Tensor)| {
            let mut own = vec![1; n];
            own[place(i)] = vector.size();
            vector.with_shape(&own.into()).broadcast_to(&shape[..])
        };
        vectors.iter().enumerate().map(over).collect()
    }
}
