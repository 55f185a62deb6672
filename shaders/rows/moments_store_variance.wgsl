// The variance of row o times a factor, or its root (ROOT = 1).
fn store_moments(o: u32, mean: T, variance: T) {
    let scaled = variance * T(p.factor);
    store_y(o, select(scaled, sqrt(scaled), ROOT == 1u));
}
