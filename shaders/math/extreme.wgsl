fn f_where_equal(x: T, y: T, gy: T) -> T {
    return select(T(0), gy, x == y);
}
