// How a reduction combines two values, by the constant REDUCTION: 0 sum, 1 product, 2 maximum, 3 minimum.

// Half of one is nothing among integers.
const FLOATS: bool = T(0.5) != T(0);

// By its bits: drivers take comparisons as if there were no NaN.
fn is_nan(x: T) -> bool {
    return FLOATS && (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn combine(a: T, b: T) -> T {
    switch REDUCTION {
        case 0u: { return a + b; }
        case 1u: { return a * b; }
        case 2u: { return select(select(select(a, b, b > a), b, is_nan(b)), a, is_nan(a)); }
        default: { return select(select(select(a, b, b < a), b, is_nan(b)), a, is_nan(a)); }
    }
}
