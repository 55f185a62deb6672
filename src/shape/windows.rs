//! Windows along the sides of images: how many there are, and what they came from.

use super::{InvalidType, ensure};

/// Windows of `k` elements, `stride` apart and `dilate` apart within, on a side of `size` with `pad` on either end.
///
/// With `cover_all` there is one more where elements would be left over: `ceil` instead of `floor`.
///
/// # Errors
/// When a number is 0, or no window fits.
pub fn conv_outsize(
    size: usize,
    k: usize,
    stride: usize,
    pad: usize,
    cover_all: bool,
    dilate: usize,
) -> Result<usize, InvalidType> {
    ensure!(k, >, 0);
    ensure!(stride, >, 0);
    ensure!(dilate, >, 0);
    let reach = (k - 1) * dilate + 1;
    let room = size + 2 * pad + if cover_all { stride - 1 } else { 0 };
    ensure!(room >= reach, format!("a window of {reach} within a side of {size} padded by {pad}"), "{reach} > {room}");
    Ok((room - reach) / stride + 1)
}

/// The side that `size` windows come from, the smallest where several would give as many.
///
/// # Errors
/// When a number is 0, or nothing is left of the side without its padding.
pub fn deconv_outsize(
    size: usize,
    k: usize,
    stride: usize,
    pad: usize,
    cover_all: bool,
    dilate: usize,
) -> Result<usize, InvalidType> {
    ensure!(k, >, 0);
    ensure!(stride, >, 0);
    ensure!(dilate, >, 0);
    ensure!(size, >, 0);
    let whole = stride * (size - 1) + (k - 1) * dilate + 1;
    let less = 2 * pad + if cover_all { stride - 1 } else { 0 };
    ensure!(whole > less, "a side longer than its padding", "{whole} <= {less}");
    Ok(whole - less)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(conv_outsize(13, 3, 2, 0, true, 1), Ok(6));
        assert_eq!(conv_outsize(6, 3, 2, 0, false, 1), Ok(2));
        assert_eq!(conv_outsize(6, 3, 2, 0, true, 1), Ok(3));
        assert_eq!(deconv_outsize(3, 3, 2, 1, false, 1), Ok(5));
        assert_eq!(deconv_outsize(3, 2, 2, 0, true, 1), Ok(5));
        assert!(conv_outsize(2, 4, 1, 0, false, 1).is_err());
        assert!(conv_outsize(2, 2, 0, 0, false, 1).is_err());
    }
}
