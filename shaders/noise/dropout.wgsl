// x * scale with probability 1 - ratio, else x * 0. Needs random/philox.wgsl.
fn f_dropout(x: T, ratio: T, scale: T, key0: u32, key1: u32, offset0: u32, offset1: u32, i: u32) -> T {
    let drawn = uniform_from_bits(philox_word(i, vec2<u32>(key0, key1), vec2<u32>(offset0, offset1)));
    return x * select(T(0), scale, drawn >= ratio);
}
