fn f_determined(left: T, total: T) -> T {
    return select(T(1) - left / total, T(0), total == T(0));
}
