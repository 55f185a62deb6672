// Numbers that a constant expression must not have. Each is made from an argument, so that no compiler folds it.

fn math_nan(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | 0x7fc00000u);
}

// With the sign of x.
fn math_infinity(x: f32) -> f32 {
    return bitcast<f32>((bitcast<u32>(x) & 0x80000000u) | 0x7f800000u);
}
