// The mean of row o, and one over its deviation.
fn store_moments(o: u32, mean: T, variance: T) {
    store_y(o, mean);
    store_y(p.kept + o, T(1) / sqrt(variance + T(p.eps)));
}
