//! Parameters of a cell joined for fewer products, as in the links.

use crate::{
    autograd::{Case, Forward, Function, Saved, Variable, apply_all},
    functions::array::get_item,
    shape::{self, InvalidType, Meta, Slice, ensure, same_float},
    tensor::Tensor,
};

/// Groups of arrays, each joined along its first axis, all by one kernel; a part is an array, or the sum of several of one
/// shape.
#[track_caller]
pub(crate) fn joined(groups: &[Vec<Vec<Variable>>]) -> Vec<Variable> {
    let terms = groups.iter().map(|parts| parts.iter().map(Vec::len).collect()).collect();
    apply_all(Joined { terms }, &groups.iter().flatten().flatten().collect::<Vec<_>>())
}

/// For each group, of how many arrays each part is the sum.
#[derive(Debug)]
struct Joined {
    terms: Vec<Vec<usize>>,
}

impl Joined {
    /// What belongs to a group's parts, of what belongs to all arrays.
    fn parts<'a, T>(&self, mut all: &'a [T]) -> Vec<Vec<&'a [T]>> {
        let mut take = |&n: &usize| {
            let (part, rest) = all.split_at(n);
            all = rest;
            part
        };
        self.terms.iter().map(|parts| parts.iter().map(&mut take).collect()).collect()
    }
}

impl Function for Joined {
    fn name(&self) -> &'static str {
        "joined"
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        same_float(xs)?;
        let of_group = |parts: Vec<&[Meta]>| {
            for part in &parts {
                for term in *part {
                    ensure!(term.shape, ==, part[0].shape);
                }
            }
            let firsts: Vec<Meta> = parts.iter().map(|part| part[0].clone()).collect();
            Ok(shape::concat(&firsts, 0)?.0)
        };
        self.parts(xs).into_iter().map(of_group).collect()
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        // A sum that nobody else holds is computed where it is written.
        let sum = |terms: &[Tensor]| terms[1..].iter().fold(terms[0].clone(), |sum, term| sum.add(term));
        let groups = self.parts(xs).into_iter().map(|parts| parts.into_iter().map(sum).collect());
        Tensor::joined(groups.collect(), 0).into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let mut gradients = Vec::with_capacity(saved.arity());
        for (parts, gy) in self.terms.iter().zip(gys) {
            let mut start = 0;
            for &terms in parts {
                let end = start + saved.meta(gradients.len()).shape[0];
                let of_part = gy.as_ref().map(|gy| get_item(gy, &[Slice::from(start..end)]));
                gradients.extend(std::iter::repeat_n(of_part, terms));
                start = end;
            }
        }
        gradients
    }
}

/// Cases of the function, which no name of its own is public for.
pub(super) fn cases() -> Vec<Case> {
    let alone = |x: &Variable| vec![x.clone()];
    vec![
        Case::many("n_step_gru/joined", move |x| {
            let sums = vec![vec![x[2].clone(), x[3].clone()], vec![x[2].clone(), x[2].clone()]];
            joined(&[vec![alone(&x[0]), alone(&x[1])], sums, vec![alone(&x[3])]])
        })
        .input([2, 3])
        .input([4, 3])
        .input([2])
        .input([2]),
        Case::new("n_step_gru/joined_one_used", move |x| {
            joined(&[vec![alone(&x[0])], vec![alone(&x[1]), alone(&x[1])]]).swap_remove(1)
        })
        .input([2, 2])
        .input([3]),
        Case::many("n_step_gru/joined_no_rows", move |x| {
            joined(&[vec![alone(&x[0]), alone(&x[1])], vec![alone(&x[0])]])
        })
        .input([0, 2])
        .input([2, 2]),
    ]
}
