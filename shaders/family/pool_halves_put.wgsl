// What windows, from number `at` of an image and number `i` of all on, give to their pixels: all, to the one that the
// index names.
fn of_pixels(plane: u32, at: u32, i: u32) -> Pixels {
    let v = load4_x(plane, at);
    let named = get4_index(i);
    let none = vec4<T>();
    return Pixels(
        select(none, v, named == vec4<i32>(0)),
        select(none, v, named == vec4<i32>(1)),
        select(none, v, named == vec4<i32>(2)),
        select(none, v, named == vec4<i32>(3)),
    );
}
