// The derivative of a gamma variable z of shape a by a, with its place in the distribution kept:
// -(dP/da) / p at z, for the distribution function P(a, z) and the density p.
fn f_gamma_slope(a: T, z: T) -> T {
    let x = max(z, 1e-37);
    let bend = math_log(x) - f_digamma(a);
    if (a > 500.0) {
        // Wilson and Hilferty's normal approximation.
        let u = pow(x / a, 1.0 / 3.0);
        let normal = 3.0 * sqrt(a) * (u - 1.0 + 1.0 / (9.0 * a));
        return x / a + 3.0 * a * u * u * (1.0 / (9.0 * a * a) - normal / (6.0 * a * sqrt(a)));
    }
    if (x <= a + 1.0) {
        // P = z^a e^-z / Gamma(a) * sum of z^n / (a (a + 1) .. (a + n)), term by term with its derivative.
        var term = 1.0 / a;
        var harmonic = 1.0 / a;
        var sum = term;
        var slope = -term * harmonic;
        for (var n = 1; n < 400; n++) {
            let next = a + f32(n);
            term *= x / next;
            harmonic += 1.0 / next;
            sum += term;
            slope -= term * harmonic;
            if (term < 1e-9 * sum) {
                break;
            }
        }
        return -x * (sum * bend + slope);
    }
    // 1 - P = z^a e^-z / Gamma(a) / (z + 1 - a - 1 (1 - a) / (z + 3 - a - ..)), from its end, with the derivative.
    var f = x + 161.0 - a;
    var df = -1.0;
    for (var n = 80; n > 0; n--) {
        let k = f32(n);
        let above = k * (a - k);
        df = -1.0 + (k * f - above * df) / (f * f);
        f = x + 2.0 * k - 1.0 - a + above / f;
    }
    return x * (bend / f - df / (f * f));
}
