// Element i of a draw. Needs random/philox.wgsl.

fn f_uniform(low: T, span: T, key0: u32, key1: u32, offset0: u32, offset1: u32, i: u32) -> T {
    return low + span * T(uniform_from_bits(philox_word(i, vec2<u32>(key0, key1), vec2<u32>(offset0, offset1))));
}

fn f_normal(key0: u32, key1: u32, offset0: u32, offset1: u32, i: u32) -> T {
    return T(philox_normal(i, vec2<u32>(key0, key1), vec2<u32>(offset0, offset1)));
}

fn f_randint(low: u32, high: u32, key0: u32, key1: u32, offset0: u32, offset1: u32, i: u32) -> T {
    let word = philox_word(i, vec2<u32>(key0, key1), vec2<u32>(offset0, offset1));
    return T(randint_from_bits(word, bitcast<i32>(low), bitcast<i32>(high)));
}

fn f_random_word(key0: u32, key1: u32, offset0: u32, offset1: u32, i: u32) -> T {
    return T(bitcast<i32>(philox_word(i, vec2<u32>(key0, key1), vec2<u32>(offset0, offset1))));
}
