// The largest value of row o, and the sum over it of exp(x - largest). NaN and infinity make the sum NaN.

const LOWEST: T = T(-3.4028234663852886e38);

fn largest_and_sum(o: u32, lane: u32, thread: u32) -> vec2<T> {
    // Not minus infinity, which must add nothing.
    var most = LOWEST;
    var sum = T(0);
    if (THREADS == 1u) {
        // Whoever shares a row with nobody has it in its cache: a second reading costs less than more exponentials.
        let whole = p.length / 4u * 4u;
        var largest4 = vec4<T>(LOWEST);
        for (var r = 0u; r < whole; r += 4u) {
            largest4 = max(largest4, load4_x(o, r));
        }
        most = max(max(largest4.x, largest4.y), max(largest4.z, largest4.w));
        for (var r = whole; r < p.length; r++) {
            most = max(most, load_x(o, r));
        }
        var sum4 = vec4<T>();
        for (var r = 0u; r < whole; r += 4u) {
            sum4 += exp(load4_x(o, r) - vec4<T>(most));
        }
        sum = (sum4.x + sum4.y) + (sum4.z + sum4.w);
        for (var r = whole; r < p.length; r++) {
            sum += exp(load_x(o, r) - most);
        }
    } else {
        // One reading: the sum is brought down whenever a larger value comes.
        for (var r = lane; r < p.length; r += THREADS) {
            let x = load_x(o, r);
            if (x > most) {
                sum = sum * exp(most - x) + T(1);
                most = x;
            } else {
                sum += exp(x - most);
            }
        }
    }
    let largest = together_max(thread, most);
    sum = together(thread, sum * exp(most - largest));
    return vec2<T>(largest, select(sum, math_nan(largest), largest > -LOWEST));
}
