//! Tiles of images in the order of their rows.

use std::ops::Range;

/// Neighbouring tiles of one row of an image's tiles.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub image: usize,
    /// Their row, and the first one's column.
    pub row: usize,
    pub column: usize,
    pub n: usize,
    /// The first one's place in the block.
    pub at: usize,
}

/// The tiles `range` of all images as runs, where an image has so many along each axis.
pub(super) fn runs([rows, columns]: [usize; 2], range: Range<usize>) -> Vec<Run> {
    let (mut runs, mut tile) = (vec![], range.start);
    while tile < range.end {
        let (image, row, column) = (tile / columns / rows, tile / columns % rows, tile % columns);
        let n = (columns - column).min(range.end - tile);
        runs.push(Run { image, row, column, n, at: tile - range.start });
        tile += n;
    }
    runs
}

/// Tiles of some runs.
pub(super) fn tiles(runs: &[Run]) -> usize {
    runs.last().map_or(0, |run| run.at + run.n)
}

/// Tiles of the longest of them.
pub(super) fn longest(runs: &[Run]) -> usize {
    runs.iter().map(|run| run.n).max().unwrap_or(0)
}
