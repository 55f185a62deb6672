// Half of one is nothing among integers.
const FLOATS: bool = T(0.5) != T(0);

// By its bits: `x != x` becomes an ordered comparison in SPIR-V, which is false of a NaN.
fn is_nan(x: T) -> bool {
    return FLOATS && (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn is_infinite(x: T) -> bool {
    return FLOATS && (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}

fn are_nan(x: vec4<T>) -> vec4<bool> {
    return vec4<bool>(FLOATS) & ((bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}
