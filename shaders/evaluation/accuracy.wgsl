// Whether a label is met, and which labels count.

fn f_equal_label(predicted: T, label: T) -> T {
    return select(T(0), T(1), predicted == label);
}

fn f_binary_hit(x: T, label: T) -> T {
    return select(T(0), T(1), select(T(0), T(1), x >= T(0)) == label);
}

fn f_counted_label(label: T, ignored: T) -> T {
    return select(T(1), T(-1), label == ignored);
}
