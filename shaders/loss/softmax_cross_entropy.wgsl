// The gradient of softmax cross entropy at element i of scores (n, classes, inner..): the probability, less `hot` at
// the labelled class; labels below 0 are ignored.
fn f_softmax_cross_entropy_grad(
    x: T,
    log_sum: T,
    label: T,
    scale: T,
    gy: T,
    hot: T,
    inner: u32,
    classes: u32,
    i: u32,
) -> T {
    let own = select(T(0), hot, T((i / inner) % classes) == label);
    return select((exp(x - log_sum) - own) * (scale * gy), T(0), label < T(0));
}
