// Sines, cosines and tangents of any argument, and their inverses. Needs math/limits.wgsl, math/roots.wgsl and
// math/is_nan.wgsl.

fn math_mul_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    let m = a1 * b0 + ((a0 * b0) >> 16u);
    let n = a0 * b1 + (m & 0xffffu);
    return a1 * b1 + (m >> 16u) + (n >> 16u);
}

// An angle is (rest, quarters): a rest between -pi/4 and pi/4, and the multiples of pi/2 that were taken away, of which
// two bits matter.

// a >= 1024 by the digits of 2/pi that matter: those with a weight of 4 and more are multiples of 2 pi.
fn math_reduce_large(a: f32) -> vec2<f32> {
    var digits = array<u32, 9>(
        0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u,
    );
    let bits = bitcast<u32>(a);
    let m = (bits & 0x7fffffu) | 0x800000u;
    // a = m * 2^e; the window of 96 digits begins at digit e - 2, counted from 32 zeros before the first.
    let start = (bits >> 23u) - 150u + 30u;
    let word = min(start >> 5u, 5u);
    let shift = start & 31u;
    let back = 31u - shift;
    let high = (digits[word] << shift) | ((digits[word + 1u] >> 1u) >> back);
    let middle = (digits[word + 1u] << shift) | ((digits[word + 2u] >> 1u) >> back);
    let low = (digits[word + 2u] << shift) | ((digits[word + 3u] >> 1u) >> back);
    // The upper 64 of the lower 96 bits of m times the window: two bits of quarters, and a fraction.
    let carried = math_mul_high(m, low);
    let lower = m * middle + carried;
    let upper = m * high + math_mul_high(m, middle) + select(0u, 1u, lower < carried);
    var f_upper = (upper << 2u) | (lower >> 30u);
    var f_lower = lower << 2u;
    let up = f_upper >= 0x80000000u;
    if (up) {
        f_lower = ~f_lower + 1u;
        f_upper = ~f_upper + select(0u, 1u, f_lower == 0u);
    }
    let fraction = f32(f_upper) * 2.3283064e-10 + f32(f_lower) * 5.421011e-20;
    let rest = fraction * 1.5707964;
    return vec2<f32>(select(rest, -rest, up), f32((upper >> 30u) + select(0u, 1u, up)));
}

// x >= 0 as a quarter and a rest.
fn math_reduce(a: f32) -> vec2<f32> {
    if (a >= 1024.0) {
        return math_reduce_large(a);
    }
    let n = floor(a * 0.63661975 + 0.5);
    // pi/2 in parts of few bits, whose products with n are exact.
    let rest = (((a - n * 1.5703125) - n * 0.000483751297) - n * 7.54953362e-08) - n * 2.56334407e-12;
    return vec2<f32>(rest, n);
}

fn math_sin_quarter(r: f32) -> f32 {
    let z = r * r;
    return r + r * (z * (-0.16666655 + z * (8.33219e-3 + z * -1.9518408e-4)));
}

fn math_cos_quarter(r: f32) -> f32 {
    let z = r * r;
    return (1.0 - 0.5 * z) + (z * z) * (4.1666646e-2 + z * (-1.3887301e-3 + z * 2.4430668e-5));
}

fn math_angle_sin(angle: vec2<f32>) -> f32 {
    let quarters = u32(angle.y);
    let y = select(math_cos_quarter(angle.x), math_sin_quarter(angle.x), (quarters & 1u) == 0u);
    return select(-y, y, (quarters & 2u) == 0u);
}

// NaN for infinity and NaN.
fn math_bounded(x: f32, y: f32) -> f32 {
    return select(y, math_nan(x), (bitcast<u32>(x) & 0x7f800000u) == 0x7f800000u);
}

fn math_sin(x: f32) -> f32 {
    let y = math_angle_sin(math_reduce(abs(x)));
    return math_bounded(x, select(y, -y, x < 0.0));
}

fn math_cos(x: f32) -> f32 {
    let angle = math_reduce(abs(x));
    return math_bounded(x, math_angle_sin(angle + vec2<f32>(0.0, 1.0)));
}

fn math_tan(x: f32) -> f32 {
    let angle = math_reduce(abs(x));
    let s = math_sin_quarter(angle.x);
    let c = math_cos_quarter(angle.x);
    let y = select(-c / s, s / c, (u32(angle.y) & 1u) == 0u);
    return math_bounded(x, select(y, -y, x < 0.0));
}

// x for |x| up to 1/2.
fn math_asin_half(x: f32) -> f32 {
    let z = x * x;
    let series = 0.16666666 + z * (0.07500104 + z * (0.04459646 + z * (0.03113342 + z * (0.01699982 + z * 0.0339297))));
    return x + x * (z * series);
}

fn math_asin(x: f32) -> f32 {
    let a = abs(x);
    let far = 1.5707964 - 2.0 * math_asin_half(math_sqrt(0.5 * (1.0 - a)));
    let y = select(far, math_asin_half(a), a <= 0.5);
    return select(y, -y, x < 0.0);
}

fn math_acos(x: f32) -> f32 {
    let far = 2.0 * math_asin_half(math_sqrt(0.5 * (1.0 - abs(x))));
    return select(select(far, 3.1415927 - far, x < 0.0), 1.5707964 - math_asin_half(x), abs(x) <= 0.5);
}

// For 0 <= a <= 1.
fn math_atan_unit(a: f32) -> f32 {
    let outer = a > 0.41421357;
    let t = select(a, (a - 1.0) / (a + 1.0), outer);
    let z = t * t;
    let series = -0.3333333 + z * (0.19999556 + z * (-0.14264433 + z * (0.10748247 + z * -0.06465172)));
    return select(0.0, 0.7853982, outer) + (t + t * (z * series));
}

fn math_atan(x: f32) -> f32 {
    let a = abs(x);
    let outer = a > 1.0;
    let t = math_atan_unit(select(a, 1.0 / a, outer));
    let y = select(t, 1.5707964 - t, outer);
    return select(y, -y, x < 0.0);
}

fn f_sin(x: T) -> T {
    return math_sin(x);
}

fn f_cos(x: T) -> T {
    return math_cos(x);
}

fn f_tan(x: T) -> T {
    return math_tan(x);
}

fn f_arcsin(x: T) -> T {
    return math_asin(x);
}

fn f_arccos(x: T) -> T {
    return math_acos(x);
}

fn f_arctan(x: T) -> T {
    return math_atan(x);
}

// The angle of the point (x, y), by the signs of both, also of zeros.
fn f_arctan2(y: T, x: T) -> T {
    let a = abs(x);
    let b = abs(y);
    let most = max(a, b);
    let least = min(a, b);
    let t = math_atan_unit(select(select(least / most, 1.0, least == most), 0.0, most == 0.0));
    let right = select(t, 1.5707964 - t, b > a);
    let half = select(right, 3.1415927 - right, (bitcast<u32>(x) >> 31u) == 1u);
    let angle = select(half, -half, (bitcast<u32>(y) >> 31u) == 1u);
    return select(angle, x + y, is_nan(x) || is_nan(y));
}
