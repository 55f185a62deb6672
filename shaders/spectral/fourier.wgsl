// Fourier transforms of length 16, of four tiles at once: a component of a vector for each of them.

struct Complex {
    re: vec4<T>,
    im: vec4<T>,
}

struct Four {
    a: Complex,
    b: Complex,
    c: Complex,
    d: Complex,
}

fn plus(a: Complex, b: Complex) -> Complex {
    return Complex(a.re + b.re, a.im + b.im);
}

fn minus(a: Complex, b: Complex) -> Complex {
    return Complex(a.re - b.re, a.im - b.im);
}

// a (c - i s)
fn turned(a: Complex, c: T, s: T) -> Complex {
    return Complex(a.re * c + a.im * s, a.im * c - a.re * s);
}

// A transform followed by `swapped`, of what was swapped, is the inverse without a factor.
fn swapped(a: Complex) -> Complex {
    return Complex(a.im, a.re);
}

fn conjugate(a: Complex) -> Complex {
    return Complex(a.re, -a.im);
}

// Length 4.
fn fourier4(a: Complex, b: Complex, c: Complex, d: Complex) -> Four {
    let s = plus(a, c);
    let t = minus(a, c);
    let u = plus(b, d);
    let v = minus(b, d);
    return Four(
        plus(s, u),
        Complex(t.re + v.im, t.im - v.re),
        minus(s, u),
        Complex(t.re - v.im, t.im + v.re),
    );
}

// What transforms there and back, of two factors, are too large by.
const SCALE: T = 1.0 / 1024.0;

// Cosines of 1, 2 and 3 sixteenths of a turn.
const COS1: T = 0.9238795325112867;
const COS2: T = 0.7071067811865476;
const COS3: T = 0.3826834323650898;

fn fourier8(x: array<Complex, 8>) -> array<Complex, 8> {
    let even = fourier4(x[0], x[2], x[4], x[6]);
    let odd = fourier4(x[1], x[3], x[5], x[7]);
    let b = turned(odd.b, COS2, COS2);
    let c = turned(odd.c, 0.0, 1.0);
    let d = turned(odd.d, -COS2, COS2);
    return array<Complex, 8>(
        plus(even.a, odd.a), plus(even.b, b), plus(even.c, c), plus(even.d, d),
        minus(even.a, odd.a), minus(even.b, b), minus(even.c, c), minus(even.d, d),
    );
}

fn fourier16(x: array<Complex, 16>) -> array<Complex, 16> {
    let p = fourier4(x[0], x[4], x[8], x[12]);
    let q = fourier4(x[1], x[5], x[9], x[13]);
    let r = fourier4(x[2], x[6], x[10], x[14]);
    let s = fourier4(x[3], x[7], x[11], x[15]);
    let a = fourier4(p.a, q.a, r.a, s.a);
    let b = fourier4(p.b, turned(q.b, COS1, COS3), turned(r.b, COS2, COS2), turned(s.b, COS3, COS1));
    let c = fourier4(p.c, turned(q.c, COS2, COS2), turned(r.c, 0.0, 1.0), turned(s.c, -COS2, COS2));
    let d = fourier4(p.d, turned(q.d, COS3, COS1), turned(r.d, -COS2, COS2), turned(s.d, -COS1, -COS3));
    return array<Complex, 16>(a.a, b.a, c.a, d.a, a.b, b.b, c.b, d.b, a.c, b.c, c.c, d.c, a.d, b.d, c.d, d.d);
}

// Twice the frequency k of real numbers, of which the even are the real parts of what z transforms, the odd the imaginary:
// e = z[k] and f = z[8 - k].
fn untwined(e: Complex, f: Complex, c: T, s: T) -> Complex {
    let g = conjugate(f);
    let odd = turned(minus(e, g), c, s);
    // -i odd
    return plus(plus(e, g), Complex(odd.im, -odd.re));
}

// Twice what 16 real numbers transform to, up to the middle.
fn fourier_of_real(x: array<vec4<T>, 16>) -> array<Complex, 9> {
    let z = fourier8(array<Complex, 8>(
        Complex(x[0], x[1]), Complex(x[2], x[3]), Complex(x[4], x[5]), Complex(x[6], x[7]),
        Complex(x[8], x[9]), Complex(x[10], x[11]), Complex(x[12], x[13]), Complex(x[14], x[15]),
    ));
    return array<Complex, 9>(
        untwined(z[0], z[0], 1.0, 0.0),
        untwined(z[1], z[7], COS1, COS3),
        untwined(z[2], z[6], COS2, COS2),
        untwined(z[3], z[5], COS3, COS1),
        untwined(z[4], z[4], 0.0, 1.0),
        untwined(z[5], z[3], -COS3, COS1),
        untwined(z[6], z[2], -COS2, COS2),
        untwined(z[7], z[1], -COS1, COS3),
        untwined(z[0], z[0], -1.0, 0.0),
    );
}

// The reverse of `untwined`, twice, and swapped: of frequencies k and 8 - k.
fn twined(e: Complex, f: Complex, c: T, s: T) -> Complex {
    let g = conjugate(f);
    let odd = turned(minus(e, g), c, -s);
    // i odd
    return swapped(plus(plus(e, g), Complex(-odd.im, odd.re)));
}

// Sixteen times the 16 real numbers whose transform begins so.
fn real_of_fourier(x: array<Complex, 9>) -> array<vec4<T>, 16> {
    let z = fourier8(array<Complex, 8>(
        twined(x[0], x[8], 1.0, 0.0),
        twined(x[1], x[7], COS1, COS3),
        twined(x[2], x[6], COS2, COS2),
        twined(x[3], x[5], COS3, COS1),
        twined(x[4], x[4], 0.0, 1.0),
        twined(x[5], x[3], -COS3, COS1),
        twined(x[6], x[2], -COS2, COS2),
        twined(x[7], x[1], -COS1, COS3),
    ));
    return array<vec4<T>, 16>(
        z[0].im, z[0].re, z[1].im, z[1].re, z[2].im, z[2].re, z[3].im, z[3].re,
        z[4].im, z[4].re, z[5].im, z[5].re, z[6].im, z[6].re, z[7].im, z[7].re,
    );
}
