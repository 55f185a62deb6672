//! Tiles of every shape on every instruction set, and what is packed for them.

use super::*;

/// The instruction sets of this machine.
fn all() -> Vec<Arch> {
    let mut all = vec![Arch::Scalar, Arch::new()];
    #[cfg(target_arch = "x86_64")]
    all.extend(pulp::x86::V3::try_new().map(Arch::V3));
    all
}

struct Shape<E>(std::marker::PhantomData<E>);
impl<E: Number> WithSimd for Shape<E> {
    type Output = (usize, usize);
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        (lanes::<E, S>(), rows_of::<S>())
    }
}

/// Products of whole numbers, which come out exactly, in memory whose other elements must stay.
fn products<E: Number>() {
    let value = |i: usize| E::from_f64((i * 7 % 5) as f64 - 2.0);
    for arch in all() {
        let (lanes, together) = arch.dispatch(Shape::<E>(std::marker::PhantomData));
        let columns = [1, lanes, lanes + 1, 2 * lanes, 3 * lanes - 1, 3 * lanes];
        for (m, n, k) in (1..=9).flat_map(|m| columns.map(|n| (m, n, 5))).chain([(20, 2, DEPTH), (3, 3 * lanes, 0)]) {
            if n == 0 {
                continue;
            }
            let pitch = n.next_multiple_of(lanes);
            let (a, b) = ((0..m * k).map(value).collect::<Vec<E>>(), (0..k * n).map(value).collect::<Vec<E>>());
            let mut panel = vec![E::from_f64(f64::NAN); k * pitch + 1];
            b.chunks_exact(n).zip(panel.chunks_exact_mut(pitch)).for_each(|(b, p)| p[..n].copy_from_slice(b));
            for (rows, begun) in [(Rows::Apart, false), (Rows::Steps, true)] {
                let tiles = m.next_multiple_of(together);
                let mut packed = vec![E::from_f64(f64::NAN); tiles * DEPTH];
                for (i, t) in (0..m).flat_map(|i| (0..k).map(move |t| (i, t))) {
                    let apart = rows == Rows::Apart;
                    let steps = (i / together * k + t) * together + i % together;
                    packed[if apart { i * DEPTH + t } else { steps }] = a[i * k + t];
                }
                let mut c = vec![E::ONE; m * (n + 2)];
                let (a_at, b_at, c_at) = (packed.as_ptr(), panel.as_ptr(), c.as_mut_ptr());
                let product = Product { rows, m, n, k, a: a_at, b: b_at, c: c_at, row: n + 2, begun };
                arch.dispatch(product);
                for (i, j) in (0..m).flat_map(|i| (0..n + 2).map(move |j| (i, j))) {
                    let sum: f64 =
                        if j < n { (0..k).map(|t| (a[i * k + t] * b[t * n + j]).to_f64()).sum() } else { 1.0 };
                    let expected = sum + if begun && j < n { 1.0 } else { 0.0 };
                    assert_eq!(c[i * (n + 2) + j].to_f64(), expected, "{arch:?} {m} by {k} by {n}: {i}, {j}");
                }
            }
        }
    }
}

#[test]
fn every_tile_on_every_instruction_set() {
    products::<f32>();
    products::<f64>();
}

fn packed<E: Number>() {
    let source: Vec<E> = (0..60).map(|i| E::from_f64(f64::from(i))).collect();
    // From the last rows on a whole move would end past the source.
    let offsets = [0, 20, 40, 43];
    for runs in [&[(0, 3, 1), (1, 2, 1)][..], &[(0, 1, 3), (3, 7, 4)], &[(0, 5, 12)], &[(0, 0, 6), (6, 9, 8)]] {
        let runs: Vec<Run> = runs.iter().map(|&(at, from, n)| Run { at, from, n }).collect();
        let columns = runs.last().map_or(0, |run| run.at + run.n);
        let from = columns / 3;
        let mut pieces = vec![];
        packing::pieces(&runs, from, columns, piece(&runs), &mut pieces);
        let mut out = vec![E::ZERO; offsets.len() * columns + SLACK];
        pack(&source, &offsets, &pieces, piece(&runs), columns, &mut out);
        let mut back = vec![E::ZERO; 60 + SLACK];
        scatter(&out, &offsets[1..2], &pieces, columns, &mut back);
        for (row, &offset) in offsets.iter().enumerate() {
            for run in &runs {
                for i in (0..run.n).filter(|i| run.at + i >= from) {
                    assert_eq!(out[row * columns + run.at + i - from], source[offset + run.from + i]);
                }
            }
        }
        let total = back.iter().fold(0.0, |sum, v| sum + v.to_f64());
        let expected = pieces.iter().flat_map(|p| out[p.at..p.at + p.n].iter()).fold(0.0, |sum, v| sum + v.to_f64());
        assert_eq!(total, expected, "{runs:?}");
    }
}

#[test]
fn packing_and_adding_back() {
    packed::<f32>();
    packed::<f64>();
}

#[test]
fn steps_side_by_side() {
    let together = together();
    let w: Vec<f32> = (0..3 * 40).map(|i| i as f32).collect();
    let rows = 2 * together + 1;
    let mut out = vec![0.0; 3 * together * 3];
    pack_steps(&w, 40, 3, rows, &mut out);
    for (row, step) in (0..rows).flat_map(|row| (0..3).map(move |step| (row, step))) {
        let at = (row / together * 3 + step) * together + row % together;
        assert_eq!(out[at], w[step * 40 + row]);
    }
}

#[test]
fn panels_of_neighbours() {
    fn of<E: Number>() {
        let b: Vec<E> = (0..6 * 50).map(|i| E::from_f64(f64::from(i))).collect();
        for n in [1, 7, width::<E>() - 1, width::<E>()] {
            let pitch = pitch::<E>(n);
            let mut out = vec![E::ZERO; 6 * pitch + SLACK];
            // The last row ends where the source does.
            pack_panel(&b[..5 * 50 + n], 50, 6, n, pitch, &mut out);
            for (step, j) in (0..6).flat_map(|step| (0..n).map(move |j| (step, j))) {
                assert_eq!(out[step * pitch + j], b[step * 50 + j]);
            }
        }
    }
    of::<f32>();
    of::<f64>();
}
