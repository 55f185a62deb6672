//! Sequences of different lengths as the rows of one matrix, time step by time step: the longest sequence first, and at
//! each step those that are still going on.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, apply},
    device::Device,
    functions::array::{concat, split_axis, with_shape},
    shape::{InvalidType, Meta},
    tensor::Tensor,
};

/// Where each row of packed sequences comes from.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// For each row, which of the sequences' elements, one sequence after the other, it is; and the inverse.
    forward: Tensor,
    inverse: Tensor,
    /// Positions of the sequences, the longest first; equal ones as they came.
    pub sorted: Vec<i32>,
    /// Sequences at each time step.
    pub sizes: Vec<usize>,
    lengths: Vec<usize>,
}

impl Order {
    /// For sequences of these lengths, one at least.
    pub fn new(lengths: &[usize], device: &Device) -> Order {
        let mut sorted: Vec<i32> = (0..lengths.len() as i32).collect();
        sorted.sort_by_key(|&i| std::cmp::Reverse(lengths[i as usize]));
        let mut starts = Vec::with_capacity(lengths.len());
        let mut total = 0;
        for &n in lengths {
            starts.push(total);
            total += n;
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut rows = Vec::with_capacity(total);
        let mut sizes = Vec::with_capacity(longest);
        for t in 0..longest {
            let going = sorted.iter().take_while(|&&i| lengths[i as usize] > t);
            let before = rows.len();
            rows.extend(going.map(|&i| (starts[i as usize] + t) as i32));
            sizes.push(rows.len() - before);
        }
        let mut inverse = vec![0; total];
        for (row, &from) in rows.iter().enumerate() {
            inverse[from as usize] = row as i32;
        }
        let upload = |v: &[i32]| Tensor::from_slice(v, [total], device);
        Order { forward: upload(&rows), inverse: upload(&inverse), sorted, sizes, lengths: lengths.to_vec() }
    }
}

/// The rows of sequences `(len_i, rest..)` of any order as the rows of one matrix.
pub(crate) fn pack(xs: &[&Variable], order: &Order) -> Variable {
    let rows: usize = order.lengths.iter().sum();
    let all = concat(xs, 0);
    let width = all.size() / rows.max(1);
    reorder(&with_shape(&all, [rows, width]), &order.forward, &order.inverse)
}

/// The sequences that packed rows are of, in the order in which they came.
pub(crate) fn unpack(packed: &Variable, order: &Order) -> Vec<Variable> {
    let all = reorder(packed, &order.inverse, &order.forward);
    let mut ends = vec![];
    let mut at = 0;
    for n in &order.lengths[..order.lengths.len() - 1] {
        at += n;
        ends.push(at);
    }
    if ends.is_empty() { vec![all] } else { split_axis(&all, ends, 0) }
}

fn reorder(x: &Variable, order: &Tensor, inverse: &Tensor) -> Variable {
    apply(Reorder { order: order.clone(), inverse: inverse.clone() }, &[x])
}

/// Rows in another order: a permutation, whose gradient is the inverse one and adds nothing up.
#[derive(Debug)]
struct Reorder {
    order: Tensor,
    inverse: Tensor,
}

impl Function for Reorder {
    fn name(&self) -> &'static str {
        "reorder"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(vec![xs[0].clone()])
    }

    fn retain(&self) -> Retain {
        Retain::NOTHING
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        xs[0].take_rows("reorder", &self.order, None).into()
    }

    fn backward(&self, _: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        vec![gys[0].as_ref().map(|gy| reorder(gy, &self.inverse, &self.order))]
    }
}
