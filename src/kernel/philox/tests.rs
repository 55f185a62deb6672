use super::*;

/// Mean, variance, skewness and excess kurtosis.
fn moments(values: impl Iterator<Item = f64> + Clone) -> [f64; 4] {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let [m2, m3, m4] = [2, 3, 4].map(|k| values.clone().map(|v| (v - mean).powi(k)).sum::<f64>() / n);
    [mean, m2, m3 / m2.powf(1.5), m4 / (m2 * m2) - 3.0]
}

fn assert_moments(name: &str, got: [f64; 4], want: [f64; 4], tolerance: f64) {
    for (i, (g, w)) in got.into_iter().zip(want).enumerate() {
        assert!((g - w).abs() < tolerance, "{name}: moment {} is {g}, not {w}", i + 1);
    }
}

#[test]
fn known_answers_of_random123() {
    for (counter, key, want) in [
        ([0; 4], [0; 2], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
        ([u32::MAX; 4], [u32::MAX; 2], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]),
        (
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        ),
    ] {
        assert_eq!(philox4x32(counter, key), want);
    }
}

#[test]
fn elements_are_functions_of_their_index() {
    // The offset crosses 2³², and the length leaves a block unfinished and is long enough to be filled in parallel.
    let start = Generator::from_state([0x1234_5678_9abc_def0, 3, (1 << 32) - 5]);
    let n = 4 * TASK_BLOCKS * 2 + 4 * TASK_BLOCKS + 3;
    let draw = { start }.take(4 * n as u64);
    let (mut uniform, mut normal, mut wide, mut wide_normal) = (vec![0.0; n], vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    { start }.fill_uniform(&mut uniform);
    { start }.fill_normal(&mut normal);
    { start }.fill_uniform_f64(&mut wide);
    { start }.fill_normal_f64(&mut wide_normal);
    for i in (0..n).filter(|i| i % 97 == 0 || *i < 50 || i + 50 > n) {
        let word = |k| draw.word(k as u64);
        assert_eq!(uniform[i], uniform_from_bits(word(i)));
        assert_eq!(normal[i], normal_from_bits(word(2 * i), word(2 * i + 1)));
        assert_eq!(wide[i], uniform_f64_from_bits(word(2 * i), word(2 * i + 1)));
        assert_eq!(wide_normal[i], normal_f64_from_bits([0, 1, 2, 3].map(|k| word(4 * i + k))));
    }
    assert_eq!(draw.word(4 * 7 + 2), philox4x32([2, 1, 0, 0], [draw.params()[0], draw.params()[1]])[2]);
    // A chunk computed on its own is the same as in its place.
    let mut chunk = [0.0; 10];
    draw.skip(25).fill_uniform(&mut chunk);
    assert_eq!(chunk, uniform[100..110]);
}

#[test]
fn draws_take_whole_blocks() {
    fn taken(draw: impl FnOnce(&mut Generator)) -> u64 {
        let mut g = Generator::new(1);
        draw(&mut g);
        g.state()[2]
    }
    assert_eq!(taken(|g| g.fill_uniform(&mut [])), 0);
    assert_eq!(taken(|g| g.fill_uniform(&mut [0.0; 5])), 2);
    assert_eq!(taken(|g| g.fill_normal(&mut [0.0; 5])), 3);
    assert_eq!(taken(|g| g.fill_uniform_f64(&mut [0.0; 2])), 1);
    assert_eq!(taken(|g| g.fill_normal_f64(&mut [0.0; 2])), 2);
    assert_eq!(taken(|g| g.fill_randint(&mut [0; 4], 0, 9)), 1);
    assert_eq!(taken(|g| g.fill_bernoulli(&mut [0u8; 9], 0.5)), 3);
    assert_eq!(taken(|g| assert_eq!(g.permutation(3).len(), 3)), 2);
    assert_eq!(taken(|g| assert_ne!(g.split(), *g)), 1);
    assert_eq!(taken(|g| assert!(g.uniform() < 1.0 && g.normal() < 7.0 && g.randint(0, 2) < 2)), 3);
    assert_eq!(taken(|g| assert!(g.bernoulli(1.0))), 1);
}

#[test]
fn state_restores_and_streams_differ() {
    let mut g = Generator::with_stream(5, 2);
    g.normal();
    let mut restored = Generator::from_state(g.state());
    assert_eq!((g.seed(), g.uniform(), g.uniform()), (5, restored.uniform(), restored.uniform()));

    let key = |mut g: Generator| g.take(0).params();
    assert_eq!(key(Generator::new(5)), [5, 0, 0, 0]);
    let (mut parent, mut keys) = (Generator::new(5), Vec::new());
    for i in 0..1000 {
        let mut child = parent.split();
        keys.extend([key(child), key(child.split()), key(Generator::with_stream(5, i))]);
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3000);

    // Two streams are no more alike than chance makes them.
    let n = 100_000;
    let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
    parent.split().fill_normal(&mut a);
    parent.split().fill_normal(&mut b);
    let correlation = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / n as f64;
    assert!(correlation.abs() < 0.01, "{correlation}");
}

#[test]
fn uniforms_have_their_range_and_moments() {
    assert_eq!((uniform_from_bits(0), uniform_from_bits(u32::MAX)), (0.0, 1.0 - f32::EPSILON / 2.0));
    assert_eq!(uniform_f64_from_bits(u32::MAX, u32::MAX), 1.0 - f64::EPSILON / 2.0);
    let n = 400_000;
    let (mut single, mut double) = (vec![0.0; n], vec![0.0; n]);
    Generator::new(11).fill_uniform(&mut single);
    Generator::new(12).fill_uniform_f64(&mut double);
    let want = [0.5, 1.0 / 12.0, 0.0, -1.2];
    assert_moments("uniform", moments(single.iter().map(|&v| f64::from(v))), want, 0.01);
    assert_moments("uniform f64", moments(double.iter().copied()), want, 0.01);
    let mut bins = [0; 64];
    single.iter().for_each(|v| bins[(v * 64.0) as usize] += 1);
    let expected = n as f64 / 64.0;
    let chi2: f64 = bins.iter().map(|&b| (f64::from(b) - expected).powi(2) / expected).sum();
    assert!((20.0..120.0).contains(&chi2), "χ² of 63 degrees of freedom is {chi2}");
    let lag: f64 = single.windows(2).map(|w| f64::from((w[0] - 0.5) * (w[1] - 0.5))).sum::<f64>() / n as f64;
    assert!(lag.abs() < 1e-3, "neighbours are correlated: {lag}");
}

#[test]
fn normals_have_their_moments_and_tails() {
    let n = 1_000_000;
    let (mut single, mut double) = (vec![0.0; n], vec![0.0; n]);
    Generator::new(21).fill_normal(&mut single);
    Generator::new(22).fill_normal_f64(&mut double);
    assert_moments("normal", moments(single.iter().map(|&v| f64::from(v))), [0.0, 1.0, 0.0, 0.0], 0.02);
    assert_moments("normal f64", moments(double.iter().copied()), [0.0, 1.0, 0.0, 0.0], 0.02);
    for (bound, probability) in [(1.0, 0.317_31), (2.0, 0.045_5), (3.0, 0.002_7), (4.0, 6.334e-5)] {
        let beyond = single.iter().filter(|v| v.abs() > bound).count() as f64;
        let expected = probability * n as f64;
        assert!((beyond - expected).abs() < 5.0 * expected.sqrt(), "{beyond} beyond {bound}, expected {expected}");
    }
    assert!((normal_from_bits(0, 0) - 6.660_434).abs() < 1e-5, "{}", normal_from_bits(0, 0));
    assert_eq!(normal_from_bits(u32::MAX, 0), 0.0);
}

#[test]
fn normals_agree_with_the_transform_in_double_precision() {
    let draw = Generator::new(31).take(1 << 20);
    for i in 0..1 << 18 {
        let [a, b, ..] = draw.block(i);
        // Small words, too, for the tail.
        for a in [a, a >> 9, a | 0xfff0_0000] {
            let u = if a < 1 << 24 {
                (f64::from(a) + 1.0) * 2f64.powi(-32)
            } else {
                (f64::from(a >> 8) + 1.0) * 2f64.powi(-24)
            };
            let v = f64::from(b >> 8) * 2f64.powi(-24);
            let want = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            let got = f64::from(normal_from_bits(a, b));
            assert!((got - want).abs() < 1e-6, "{a:#x} {b:#x}: {got}, not {want}");
        }
    }
}

#[test]
fn integers_cover_their_range_evenly() {
    let mut g = Generator::new(41);
    let mut values = vec![0; 70_000];
    g.fill_randint(&mut values, -3, 4);
    let mut bins = [0; 7];
    values.iter().for_each(|v| bins[(v + 3) as usize] += 1);
    assert!(bins.iter().all(|b| (9_500..10_500).contains(b)), "{bins:?}");
    assert_eq!(
        (randint_from_bits(0, i32::MIN, i32::MAX), randint_from_bits(u32::MAX, i32::MIN, i32::MAX)),
        (i32::MIN, i32::MAX - 1)
    );
    assert_eq!((randint_from_bits(0, 5, 6), randint_from_bits(u32::MAX, 5, 6)), (5, 5));
}

#[test]
#[should_panic(expected = "the range 4..4 is empty")]
fn an_empty_range_of_integers_panics() {
    Generator::new(0).randint(4, 4);
}

#[test]
fn bernoulli_has_its_probability_and_its_ends() {
    let mut g = Generator::new(51);
    for p in [0.0, 0.1, 0.5, 0.9, 1.0] {
        let mut values = vec![7u8; 100_000];
        g.fill_bernoulli(&mut values, p);
        assert!(values.iter().all(|v| *v <= 1));
        let share = values.iter().filter(|v| **v == 1).count() as f32 / 1e5;
        assert!((share - p).abs() < if p == 0.0 || p == 1.0 { 1e-9 } else { 0.006 }, "{share} of {p}");
    }
    let mut mask = [false; 2];
    g.fill_bernoulli(&mut mask, 1.0);
    assert_eq!((mask, g.bernoulli(0.0)), ([true; 2], false));
}

#[test]
fn permutations_are_even_over_all_orders() {
    let mut g = Generator::new(61);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..24_000 {
        *counts.entry(g.permutation(4)).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 24);
    assert!(counts.values().all(|c| (850..1150).contains(c)), "{counts:?}");
    assert_eq!((g.permutation(0), g.permutation(1)), (vec![], vec![0]));
    let mut order = g.permutation(1000);
    assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    order.sort();
    assert!(order.into_iter().eq(0..1000));
}
