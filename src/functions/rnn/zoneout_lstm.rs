//! A step of long short-term memory that keeps some values of its state, as in the link.

use super::{
    gates::{Gates, or_zeros, total},
    lstm::{self, Step, lstm},
};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all, config},
    functions::{
        array::{split_axis, where_},
        noise::Zoneout,
    },
    kernel::philox::Generator,
    random,
    shape::{InvalidType, Meta, ensure},
    tensor::Tensor,
};

/// As [`lstm`], with each value of the cell and of the output as it was with the probability given for it: see
/// [`zoneout`](crate::functions::zoneout()).
///
/// `c` and `h` are `(B, units)`, the last cell and output, `x` is `(B, 4 units)`; the ratios are those of cell and output.
#[track_caller]
pub(crate) fn zoneout_lstm(c: &Variable, h: &Variable, x: &Variable, ratios: [f64; 2]) -> (Variable, Variable) {
    if !config().train {
        return lstm(c, x);
    }
    let [of_c, of_h] = ratios.map(|ratio| Zoneout::new(ratio, c.size()));
    let mut ys = apply_all(ZoneoutLstm { of_c, of_h }, &[c, h, x]);
    ys.truncate(2);
    let h = ys.pop().expect("two outputs");
    (ys.swap_remove(0), h)
}

/// A further result is what its backward pass needs: the cell before values are kept.
#[derive(Debug)]
struct ZoneoutLstm {
    of_c: Zoneout,
    of_h: Zoneout,
}

const GATES: Gates = Gates::Interleaved;

impl Function for ZoneoutLstm {
    fn name(&self) -> &'static str {
        "zoneout_lstm"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        let (c, h, x) = (&xs[0], &xs[1], &xs[2]);
        lstm::rules(&[c.clone(), x.clone()])?;
        ensure!(x.shape[0], ==, c.shape[0]);
        ensure!(h.shape, ==, c.shape);
        ensure!(h.dtype, ==, c.dtype);
        self.of_c.check()?;
        self.of_h.check()?;
        Ok(vec![c.clone(); 3])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING.input(0).input(2).output(2)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let [c, h] = lstm::next(GATES, &xs[0], &xs[2]);
        let next = self.of_c.mask(&c).where_(&c, &xs[0]);
        let output = self.of_h.mask(&h).where_(&h, &xs[1]);
        vec![next, output, c].into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let parts = || {
            let [of_c, of_h] = [(&self.of_c, &gys[0]), (&self.of_h, &gys[1])].map(|(zoneout, gy)| parted(zoneout, gy));
            let ([new_c, old_c], [new_h, old_h]) = (of_c, of_h);
            let step = Step { gates: GATES, c_prev: saved.input(0), x: saved.input(2), c_next: saved.output(2) };
            let (gates, cell) = step.gradients(total(new_c, &gys[2]), new_h)?;
            let h = or_zeros(old_h, &cell);
            Some((gates, vec![total(Some(cell), &old_c)?, h]))
        };
        let Some((gates, more)) = parts() else { return vec![None; 3] };
        let [gx, state] = GATES.join(gates, more);
        let [gc, gh] = split_axis(&state, 2, 1).try_into().expect("two parts");
        vec![Some(gc), Some(gh), Some(gx)]
    }
}

/// A gradient's parts for values that are new and for those that are kept.
fn parted(zoneout: &Zoneout, gy: &Option<Variable>) -> [Option<Variable>; 2] {
    let Some(gy) = gy else { return [None, None] };
    let mask = Variable::constant(zoneout.mask(gy.data()));
    let zeros = Variable::constant(gy.data().full_like(0.0));
    [Some(where_(&mask, gy, &zeros)), Some(where_(&mask, &zeros, gy))]
}

/// Cases of the function, which no name of its own is public for.
pub(super) fn cases() -> Vec<Case> {
    let seeded = |x: &[Variable]| {
        let before = random::set_generator(Generator::new(5));
        let (c, h) = zoneout_lstm(&x[0], &x[1], &x[2], [0.3, 0.6]);
        random::set_generator(before);
        vec![c, h]
    };
    vec![
        Case::many("lstm/zoneout", move |x| seeded(x)).input([3, 4]).input([3, 4]).input([3, 16]),
        Case::new("lstm/zoneout_output_alone", move |x| seeded(x).swap_remove(1))
            .input([3, 4])
            .input([3, 4])
            .input([3, 16]),
        Case::many("lstm/zoneout_test", |x| {
            let _scope = crate::autograd::test_mode();
            let (c, h) = zoneout_lstm(&x[0], &x[1], &x[2], [0.3, 0.6]);
            vec![c, h]
        })
        .input([2, 2])
        .input([2, 2])
        .input([2, 8]),
    ]
}
