// The number of a row: that of the axes before, and a position that counts from the end where it is negative.

fn f_row_number(before: T, position: T, n: T) -> T {
    let i = select(position, position + n, position < T(0));
    return select(T(-1), before * n + i, i >= T(0) && i < n && before >= T(0));
}
