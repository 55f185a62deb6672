// Half of one is nothing among integers.
const FLOATS: bool = T(0.5) != T(0);

// By its bits: `x != x` becomes an ordered comparison in SPIR-V, which is false of a NaN.
fn is_nan(x: T) -> bool {
    return FLOATS && (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn is_infinite(x: T) -> bool {
    return FLOATS && (bitcast<u32>(x) & 0x7fffffffu) == 0x7f800000u;
}
