use super::gates::{Gates, laid, or_zeros, rows, total, unrows};
use crate::{
    autograd::{Case, Forward, Function, Retain, Saved, Variable, apply_all},
    functions::{
        activation::{sigmoid, sigmoid_grad, tanh, tanh_grad},
        array::{get_item, split_axis},
        math::add_all,
    },
    shape::{InvalidType, Meta, Slice, ensure, same_float},
    tensor::{Tensor, expect},
};
use std::ops::Range;

/// One step of a tree LSTM: the cell and the output of a node from the cells of its children.
///
/// `c' = tanh(a) s(i) + sum over k of s(f_k) c_k` and `h = s(o) tanh(c')`. Each of the `n` cells is `(B, units)`, `x` is
/// `(B, (3 + n) units)` and holds the gates one after the other: `a, i, o, f_1, .., f_n`. Tai, Socher and Manning, 2015.
///
/// # Panics
/// When shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let c = Variable::constant(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
/// let x = Variable::constant(Tensor::ones([2, 15], DType::F32, &Device::cpu()));
/// let (c, h) = F::tree_lstm(&[&c, &c], &x);
/// assert_eq!((c.shape()[1], h.shape()[1]), (3, 3));
/// ```
#[track_caller]
pub fn tree_lstm(cs: &[&Variable], x: &Variable) -> (Variable, Variable) {
    let inputs: Vec<&Tensor> = cs.iter().map(|c| c.data()).chain([x.data()]).collect();
    let fits = || -> Result<(), InvalidType> {
        same_float(&inputs.iter().map(|t| t.meta()).collect::<Vec<_>>())?;
        ensure!(x.ndim(), >=, 2);
        ensure!(x.shape()[1] % (3 + cs.len()), ==, 0);
        for c in cs {
            let wide = x.shape().with(1, x.shape()[1] / (3 + cs.len()));
            ensure!(*c.shape() == wide, format!("c.shape == {wide}"), "{}", c.shape());
        }
        Ok(())
    };
    expect("tree_lstm", fits(), &inputs);
    if x.ndim() > 2 {
        let flat: Vec<Variable> = cs.iter().map(|c| rows(c)).collect();
        let (c, h) = tree_lstm(&flat.iter().collect::<Vec<_>>(), &rows(x));
        let shape = x.shape().with(1, x.shape()[1] / (3 + cs.len()));
        return (unrows(&c, &shape), unrows(&h, &shape));
    }
    let inputs: Vec<&Variable> = cs.iter().copied().chain([x]).collect();
    pair(apply_all(TreeLstm { children: cs.len(), summed: false }, &inputs))
}

/// As [`tree_lstm`], from what the input gives, `x` of `(B, 4 units)`, and what each child gives, the rows of `s`,
/// `(n B, 4 units)`, one child after the other: `a, i, o, f`, where each child has a forget gate of its own and the other
/// gates are of the sum.
#[track_caller]
pub(crate) fn child_sum(cs: &[&Variable], x: &Variable, s: &Variable) -> (Variable, Variable) {
    let inputs: Vec<&Variable> = cs.iter().copied().chain([x, s]).collect();
    pair(apply_all(TreeLstm { children: cs.len(), summed: true }, &inputs))
}

fn pair(mut ys: Vec<Variable>) -> (Variable, Variable) {
    let h = ys.pop().expect("two outputs");
    (ys.swap_remove(0), h)
}

/// Of the children's cells and the gates, or of what the input and what the children give to them.
#[derive(Debug)]
struct TreeLstm {
    children: usize,
    summed: bool,
}

impl TreeLstm {
    /// The sums `a, i, o, f_1, .., f_n` that the gates are of.
    fn sums<T: Parts>(&self, given: &[&T]) -> Vec<T> {
        let n = self.children;
        let [x, rest @ ..] = given else { unreachable!("there is what the input gives") };
        if !self.summed {
            return x.parts(3 + n, 1);
        }
        let of_input = x.parts(4, 1);
        let of_children: Vec<Vec<T>> = rest[0].parts(n, 0).iter().map(|s| s.parts(4, 1)).collect();
        let common = (0..3).map(|k| of_children.iter().fold(of_input[k].clone(), |sum, s| sum.plus(&s[k])));
        common.chain(of_children.iter().map(|s| of_input[3].plus(&s[3]))).collect()
    }
}

/// What forward and backward passes need of tensors and of variables.
trait Parts: Clone {
    fn parts(&self, n: usize, axis: isize) -> Vec<Self>;
    fn plus(&self, other: &Self) -> Self;
}

impl Parts for Tensor {
    fn parts(&self, n: usize, axis: isize) -> Vec<Tensor> {
        self.split(n, axis)
    }

    fn plus(&self, other: &Tensor) -> Tensor {
        self.add(other)
    }
}

impl Parts for Variable {
    fn parts(&self, n: usize, axis: isize) -> Vec<Variable> {
        split_axis(self, n, axis)
    }

    fn plus(&self, other: &Variable) -> Variable {
        self + other
    }
}

impl Function for TreeLstm {
    fn name(&self) -> &'static str {
        "tree_lstm"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let (n, x) = (self.children, &xs[self.children]);
        let cell = Meta::new(x.shape.with(1, x.shape[1] / if self.summed { 4 } else { 3 + n }), x.dtype);
        for c in &xs[..n] {
            ensure!(c.shape, ==, cell.shape);
        }
        if self.summed {
            ensure!(xs[n + 1].shape, ==, x.shape.with(0, n * x.shape[0]));
        }
        Ok(vec![cell.clone(), cell])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS.output(0)
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        let (cs, given) = xs.split_at(self.children);
        let sums = self.sums(&given.iter().collect::<Vec<_>>());
        let new = sums[0].tanh().mul(&sums[1].sigmoid());
        // The second result is computed through the first: one kernel stores both.
        let c = cs.iter().zip(&sums[3..]).fold(new, |sum, (c, f)| sum.add(&f.sigmoid().mul(c)));
        let h = sums[2].sigmoid().mul(&c.tanh());
        vec![c, h].into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let n = self.children;
        let Some(gradients) = self.gradients(saved, gys) else { return vec![None; saved.arity()] };
        let Gradients { common, forget, cells } = gradients;
        if !(n..saved.arity()).any(|i| saved.needs(i)) {
            return cells.into_iter().map(Some).chain([None, None]).take(saved.arity()).collect();
        }
        if !self.summed {
            let gates = common.into_iter().chain(forget).collect();
            let [gx, cells] = Gates::Blocks.join(gates, cells);
            let cells = if n > 0 { split_axis(&cells, n, 1) } else { vec![] };
            return cells.into_iter().chain([gx]).map(Some).collect();
        }
        // Blocks of rows: what the input gave, then what each child gave, with the gradients of its cell behind it.
        let (b, u) = (common[0].shape()[0], common[0].shape()[1]);
        let blocks = |rows: Range<usize>, columns: Range<usize>| -> [Slice; 2] {
            [(rows.start * b..rows.end * b).into(), (columns.start * u..columns.end * u).into()]
        };
        let block = |row: usize, column: usize| blocks(row..row + 1, column..column + 1);
        let sum = add_all(&forget.iter().collect::<Vec<_>>());
        let mut parts = vec![(sum, block(0, 3)), (or_zeros(None, &common[0]), block(0, 4))];
        for row in 0..=n {
            parts.extend(common.iter().enumerate().map(|(k, gate)| (gate.clone(), block(row, k))));
        }
        drop(common);
        for (k, (forget, cell)) in forget.into_iter().zip(cells).enumerate() {
            parts.extend([(forget, block(k + 1, 3)), (cell, block(k + 1, 4))]);
        }
        let whole = laid([(n + 1) * b, 5 * u], parts);
        let of_cells = (1..=n).map(|k| block(k, 4));
        let regions = of_cells.chain([blocks(0..1, 0..4), blocks(1..n + 1, 0..4)]);
        regions.map(|region| Some(get_item(&whole, &region))).collect()
    }
}

/// Of the gates `a, i, o`, of the forget gates, and of the children's cells.
struct Gradients {
    common: Vec<Variable>,
    forget: Vec<Variable>,
    cells: Vec<Variable>,
}

impl TreeLstm {
    fn gradients(&self, saved: &Saved, gys: &[Option<Variable>]) -> Option<Gradients> {
        let n = self.children;
        let given: Vec<&Variable> = (n..saved.arity()).map(|i| saved.input(i)).collect();
        let sums = self.sums(&given);
        let (a, i, o) = (tanh(&sums[0]), sigmoid(&sums[1]), sigmoid(&sums[2]));
        let fs: Vec<Variable> = sums[3..].iter().map(sigmoid).collect();
        let t = tanh(saved.output(0));
        let gh = gys[1].as_ref();
        let gc = total(gh.map(|gh| tanh_grad(&t, &(gh * &o))), &gys[0])?;
        let go = or_zeros(gh.map(|gh| sigmoid_grad(&o, &(gh * &t))), &o);
        let (ga, gi) = (tanh_grad(&a, &(&gc * &i)), sigmoid_grad(&i, &(&gc * &a)));
        let forget = (0..n).map(|k| sigmoid_grad(&fs[k], &(&gc * saved.input(k)))).collect();
        let cells = fs.iter().map(|f| &gc * f).collect();
        Some(Gradients { common: vec![ga, gi, go], forget, cells })
    }
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::many("tree_lstm", |x| {
            let (c, h) = tree_lstm(&[&x[0], &x[1]], &x[2]);
            vec![c, h]
        })
        .input([2, 3])
        .input([2, 3])
        .input([2, 15]),
        Case::new("tree_lstm/further_axes", |x| tree_lstm(&[&x[0]], &x[1]).1).input([2, 3, 2]).input([2, 12, 2]),
        Case::new("tree_lstm/leaf", |x| tree_lstm(&[], &x[0]).1).input([2, 9]),
        Case::new("tree_lstm/three", |x| tree_lstm(&[&x[0], &x[1], &x[0]], &x[2]).1)
            .input([2, 1])
            .input([2, 1])
            .input([2, 6]),
        Case::new("tree_lstm/cell_alone", |x| tree_lstm(&[&x[0]], &x[1]).0).input([2, 3]).input([2, 12]),
        Case::many("tree_lstm/child_sum", |x| {
            let (c, h) = child_sum(&[&x[0], &x[1]], &x[2], &x[3]);
            vec![c, h]
        })
        .input([2, 3])
        .input([2, 3])
        .input([2, 12])
        .input([4, 12]),
        Case::new("tree_lstm/child_sum_of_one", |x| child_sum(&[&x[0]], &x[1], &x[2]).1)
            .input([2, 3])
            .input([2, 12])
            .input([2, 12]),
    ]
}
