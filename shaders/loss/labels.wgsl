fn f_one_hot(label: T, inner: u32, classes: u32, i: u32) -> T {
    return select(T(0), T(1), T((i / inner) % classes) == label);
}
