// The sum of squared distances from a mean, from those to what it was rounded to and the sum of these distances.
fn corrected(squares: T, off: T, count: T) -> T {
    let rounding = off * off / count;
    if (squares > T(3.4028234663852886e38)) {
        return squares;
    }
    // Not by `max`, which loses a NaN.
    return select(squares - rounding, T(0), rounding > squares);
}
