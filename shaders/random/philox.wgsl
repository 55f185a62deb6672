// Philox 4x32-10 and the numbers made of its words, as src/kernel/philox.rs computes them.
//
// `key` and `offset` come from Draw::params, low words first. Word i of a draw is word i % 4 of block offset + i / 4;
// normal i is made of words 2i and 2i + 1. The logarithm and the cosine are written out because the built-in ones
// differ from driver to driver.

// The upper word of a * b.
fn philox_mul_high(a: u32, b: u32) -> u32 {
    let a0 = a & 0xffffu;
    let a1 = a >> 16u;
    let b0 = b & 0xffffu;
    let b1 = b >> 16u;
    // Neither sum can overflow: (2^16 - 1)^2 + 2^16 - 1 < 2^32.
    let m = a1 * b0 + ((a0 * b0) >> 16u);
    let n = a0 * b1 + (m & 0xffffu);
    return a1 * b1 + (m >> 16u) + (n >> 16u);
}

fn philox4x32(counter: vec4<u32>, key: vec2<u32>) -> vec4<u32> {
    var c = counter;
    var k = key;
    for (var round = 0u; round < 10u; round += 1u) {
        c = vec4<u32>(
            philox_mul_high(c.z, 0xcd9e8d57u) ^ c.y ^ k.x,
            c.z * 0xcd9e8d57u,
            philox_mul_high(c.x, 0xd2511f53u) ^ c.w ^ k.y,
            c.x * 0xd2511f53u,
        );
        k += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return c;
}

// The four words of block `block`: for a thread that writes four elements.
fn philox_block(block: u32, key: vec2<u32>, offset: vec2<u32>) -> vec4<u32> {
    let low = offset.x + block;
    let carry = select(0u, 1u, low < block);
    return philox4x32(vec4<u32>(low, offset.y + carry, 0u, 0u), key);
}

fn philox_word(i: u32, key: vec2<u32>, offset: vec2<u32>) -> u32 {
    let words = philox_block(i >> 2u, key, offset);
    return words[i & 3u];
}

// In [0, 1), a multiple of 2^-24.
fn uniform_from_bits(x: u32) -> f32 {
    return f32(x >> 8u) * 5.9604645e-8;
}

// In low..high: low + floor(x * (high - low) / 2^32).
fn randint_from_bits(x: u32, low: i32, high: i32) -> i32 {
    return low + bitcast<i32>(philox_mul_high(x, bitcast<u32>(high) - bitcast<u32>(low)));
}

// ln x of a positive normal number.
fn philox_ln(x: f32) -> f32 {
    let bits = bitcast<u32>(x) + 0x004afb0du;
    let f = bitcast<f32>((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0;
    let k = f32(i32(bits >> 23u) - 127);
    let s = f / (2.0 + f);
    let z = s * s;
    let r = z * (0.6666666 + z * (0.40000972 + z * (0.28498787 + z * 0.24279211)));
    let half_square = 0.5 * f * f;
    return ((s * (half_square + r) + k * -2.1219444e-4) - half_square + f) + k * 0.6933594;
}

// A standard normal number: sqrt(-2 ln u) * cos(2 pi v).
fn normal_from_bits(a: u32, b: u32) -> f32 {
    let fine = f32(a + 1u) * 2.3283064e-10;
    let coarse = f32((a >> 8u) + 1u) * 5.9604645e-8;
    let u = select(coarse, fine, a < 0x01000000u);
    let v = b >> 8u;
    let quarter = (v + 0x00200000u) >> 22u;
    let r = f32(bitcast<i32>(v - (quarter << 22u))) * 3.7450704e-7;
    let z = r * r;
    let sine = r + r * (z * (-0.16666655 + z * (8.33219e-3 + z * -1.9518408e-4)));
    let cosine = (1.0 - 0.5 * z) + (z * z) * (4.1666646e-2 + z * (-1.3887301e-3 + z * 2.4430668e-5));
    let size = select(sine, cosine, (quarter & 1u) == 0u);
    // Drivers may compute sqrt(x) as x * inverseSqrt(x), which is no number at zero, where u = 1 leads.
    let square = max(-2.0 * philox_ln(u), 1.0e-30);
    return sqrt(square) * select(-size, size, ((quarter + 1u) & 2u) == 0u);
}

// Normal i of a draw.
fn philox_normal(i: u32, key: vec2<u32>, offset: vec2<u32>) -> f32 {
    let words = philox_block(i >> 1u, key, offset);
    let pair = select(words.zw, words.xy, (i & 1u) == 0u);
    return normal_from_bits(pair.x, pair.y);
}
