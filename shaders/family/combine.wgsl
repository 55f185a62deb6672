// How a reduction combines two values, by the constant REDUCTION: 0 sum, 1 product, 2 maximum, 3 minimum.
// Needs math/is_nan.wgsl.

fn combine(a: T, b: T) -> T {
    switch REDUCTION {
        case 0u: { return a + b; }
        case 1u: { return a * b; }
        case 2u: { return select(select(select(a, b, b > a), b, is_nan(b)), a, is_nan(a)); }
        default: { return select(select(select(a, b, b < a), b, is_nan(b)), a, is_nan(a)); }
    }
}
