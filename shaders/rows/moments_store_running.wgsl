// The mean of row o, one over its deviation, and running statistics moved towards them: the variance's share is that of
// an unbiased estimate.
fn store_moments(o: u32, mean: T, variance: T) {
    store_y(o, mean);
    store_y(p.kept + o, T(1) / sqrt(variance + T(p.eps)));
    store_y(2u * p.kept + o, T(p.decay) * load_running_mean(o) + T(p.share) * mean);
    store_y(3u * p.kept + o, T(p.decay) * load_running_var(o) + T(p.share_var) * variance);
}
