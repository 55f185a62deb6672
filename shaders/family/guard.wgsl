fn f_guard(flag: T, new_value: T, old_value: T) -> T {
    return select(old_value, new_value, flag == T(0));
}
