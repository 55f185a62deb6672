//! What is done at one step, and its gradient, for one row of units.

use crate::kernel::elementwise::Lane;

/// What a recurrent layer does at each step, where `s` is the logistic function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Gates `a, i, f, o`: `c' = tanh(a) s(i) + s(f) c`, `h' = s(o) tanh(c')`.
    Lstm,
    /// Gates `r, z, g`: `g = tanh(x_g + s(r) h_g)`, `h' = (1 - s(z)) g + s(z) h`.
    Gru,
    /// `h' = tanh(x + h)`.
    Tanh,
    /// `h' = max(x + h, 0)`.
    Relu,
}

impl Cell {
    /// Sums that one unit has at a step.
    pub fn gates(self) -> usize {
        match self {
            Cell::Lstm => 4,
            Cell::Gru => 3,
            Cell::Tanh | Cell::Relu => 1,
        }
    }
}

/// The gates of a row: those of one kind side by side.
fn gates<const N: usize, R>(row: &mut [R]) -> [&mut [R]; N] {
    let units = row.len() / N;
    let mut parts = row.chunks_exact_mut(units);
    std::array::from_fn(|_| parts.next().expect("a part for each gate"))
}

/// One step of rows; what the backward pass needs takes the place of the sums.
pub(super) struct Step<'a, R> {
    pub cell: Cell,
    pub units: usize,
    /// Sums of gates, which become their values.
    pub gates: &'a mut [R],
    /// For the GRU, what the state gives of the sums; its last part is kept in `second`.
    pub on_state: &'a [R],
    pub h: &'a mut [R],
    pub c: &'a mut [R],
    /// The cells after the step, or the state's part of the GRU's third sum.
    pub second: &'a mut [R],
    pub outputs: &'a mut [R],
}

impl<R: Lane> pulp::NullaryFnOnce for Step<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (units, width) = (self.units, self.cell.gates() * self.units);
        let rows = self.h.chunks_exact_mut(units).zip(self.outputs.chunks_exact_mut(units)).enumerate();
        for (row, (h, output)) in rows {
            match self.cell {
                Cell::Lstm => {
                    let at = row * units..(row + 1) * units;
                    let gates = gates(&mut self.gates[row * width..][..width]);
                    lstm(gates, &mut self.c[at.clone()], &mut self.second[at], h);
                    output.copy_from_slice(h);
                }
                Cell::Gru => {
                    let gates = gates(&mut self.gates[row * width..][..width]);
                    let inner = &mut self.second[row * units..][..units];
                    gru(gates, &self.on_state[row * width..][..width], inner, h);
                    output.copy_from_slice(h);
                }
                Cell::Tanh => {
                    for (y, h) in output.iter_mut().zip(h) {
                        *y = R::tanh(*y);
                        *h = *y;
                    }
                }
                Cell::Relu => {
                    for (y, h) in output.iter_mut().zip(h) {
                        *y = R::max(*y, R::ZERO);
                        *h = *y;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn lstm<R: Lane>([a, i, f, o]: [&mut [R]; 4], c: &mut [R], kept: &mut [R], h: &mut [R]) {
    for (((a, i), (f, o)), ((c, kept), h)) in
        (a.iter_mut().zip(i)).zip(f.iter_mut().zip(o)).zip(c.iter_mut().zip(kept).zip(h))
    {
        (*a, *i, *f, *o) = (R::tanh(*a), R::sigmoid(*i), R::sigmoid(*f), R::sigmoid(*o));
        *c = *a * *i + *f * *c;
        *kept = *c;
        *h = *o * R::tanh(*c);
    }
}

#[inline(always)]
fn gru<R: Lane>([r, z, g]: [&mut [R]; 3], on_state: &[R], inner: &mut [R], h: &mut [R]) {
    let (sr, rest) = on_state.split_at(h.len());
    let (sz, sg) = rest.split_at(h.len());
    for (((r, z), (g, inner)), (((&sr, &sz), &sg), h)) in
        (r.iter_mut().zip(z)).zip(g.iter_mut().zip(inner)).zip(sr.iter().zip(sz).zip(sg).zip(h))
    {
        (*r, *z) = (R::sigmoid(*r + sr), R::sigmoid(*z + sz));
        *inner = sg;
        *g = R::tanh(*g + *r * sg);
        *h = *g + *z * (*h - *g);
    }
}

/// The gradient of a [`Step`]: of the sums from those of the state and the cell after it.
pub(super) struct StepBack<'a, R> {
    pub cell: Cell,
    pub units: usize,
    pub gates: &'a [R],
    pub second: &'a [R],
    pub outputs: &'a [R],
    /// The states before the step, and the cells.
    pub h_before: &'a [R],
    pub c_before: &'a [R],
    /// Of the state after the step; for the GRU it becomes what goes to the state before it past the sums.
    pub gh: &'a mut [R],
    /// Of the cell after the step, then before it.
    pub gc: &'a mut [R],
    /// Of the sums.
    pub on_input: &'a mut [R],
    /// For the GRU, of what the state gives of them.
    pub on_state: &'a mut [R],
}

impl<R: Lane> pulp::NullaryFnOnce for StepBack<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (units, width) = (self.units, self.cell.gates() * self.units);
        for (row, gh) in self.gh.chunks_exact_mut(units).enumerate() {
            let (at, wide) = (row * units..(row + 1) * units, row * width..(row + 1) * width);
            let sums = &mut self.on_input[wide.clone()];
            match self.cell {
                Cell::Lstm => {
                    let cells = (&self.second[at.clone()], &self.c_before[at.clone()]);
                    lstm_back(parts(&self.gates[wide]), cells, gh, &mut self.gc[at], gates(sums));
                }
                Cell::Gru => {
                    let states = (&self.second[at.clone()], &self.h_before[at]);
                    gru_back(
                        parts(&self.gates[wide.clone()]),
                        states,
                        gh,
                        gates(sums),
                        gates(&mut self.on_state[wide]),
                    );
                }
                Cell::Tanh => {
                    for ((g, &gh), &y) in sums.iter_mut().zip(&*gh).zip(&self.outputs[at]) {
                        *g = gh * (R::ONE - y * y);
                    }
                }
                Cell::Relu => {
                    for ((g, &gh), &y) in sums.iter_mut().zip(&*gh).zip(&self.outputs[at]) {
                        *g = R::select(y > R::ZERO, gh, R::ZERO);
                    }
                }
            }
        }
    }
}

fn parts<const N: usize, R>(row: &[R]) -> [&[R]; N] {
    let units = row.len() / N;
    std::array::from_fn(|k| &row[k * units..(k + 1) * units])
}

#[inline(always)]
fn lstm_back<R: Lane>(
    [a, i, f, o]: [&[R]; 4],
    (c, c_before): (&[R], &[R]),
    gh: &[R],
    gc: &mut [R],
    [ga, gi, gf, go]: [&mut [R]; 4],
) {
    let values = (a.iter().zip(i)).zip(f.iter().zip(o)).zip(c.iter().zip(c_before));
    let gradients = (ga.iter_mut().zip(gi)).zip(gf.iter_mut().zip(go)).zip(gh.iter().zip(gc));
    for ((((&a, &i), (&f, &o)), (&c, &c_before)), (((ga, gi), (gf, go)), (&gh, gc))) in values.zip(gradients) {
        let t = R::tanh(c);
        let g = *gc + gh * o * (R::ONE - t * t);
        *go = gh * t * o * (R::ONE - o);
        *ga = g * i * (R::ONE - a * a);
        *gi = g * a * i * (R::ONE - i);
        *gf = g * c_before * f * (R::ONE - f);
        *gc = g * f;
    }
}

#[inline(always)]
fn gru_back<R: Lane>(
    [r, z, g]: [&[R]; 3],
    (inner, h): (&[R], &[R]),
    gh: &mut [R],
    [gr, gz, gg]: [&mut [R]; 3],
    [sr, sz, sg]: [&mut [R]; 3],
) {
    let values = (r.iter().zip(z)).zip(g.iter().zip(inner)).zip(h.iter().zip(gh));
    let gradients = (gr.iter_mut().zip(gz)).zip(gg.iter_mut().zip(sr)).zip(sz.iter_mut().zip(sg));
    for ((((&r, &z), (&g, &inner)), (&h, gh)), (((gr, gz), (gg, sr)), (sz, sg))) in values.zip(gradients) {
        let through = *gh * (R::ONE - z) * (R::ONE - g * g);
        (*gg, *sg) = (through, through * r);
        *gr = through * inner * r * (R::ONE - r);
        *sr = *gr;
        *gz = *gh * (h - g) * z * (R::ONE - z);
        *sz = *gz;
        *gh *= z;
    }
}
