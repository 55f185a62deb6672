fn f_triangle(x: T, row: T, column: T, k: T, side: T) -> T {
    return select(T(0), x, (column - row) * side <= k * side);
}
