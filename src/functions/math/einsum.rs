use super::{matmul, sum_axes};
use crate::{
    autograd::{Case, Variable},
    functions::array::{broadcast_to, diagonal, transpose, with_shape},
    shape::{InvalidType, ensure},
    tensor::{Tensor, expect},
};

/// Sums of products in Einstein's notation, such as `"ij,jk->ik"`.
///
/// Each letter names an axis; those that are not right of the arrow are summed over. Without an arrow the letters that
/// occur once are kept, in the order of the alphabet. `...` stands for leading axes, which broadcast.
///
/// # Panics
/// When the notation is wrong, or shapes or dtypes do not fit.
///
/// ```
/// # use catena::prelude::*;
/// let ones = |shape: &[usize]| Variable::constant(Tensor::ones(shape, DType::F32, &Device::cpu()));
/// let y = F::einsum("bij,bjk->bik", &[&ones(&[2, 3, 4]), &ones(&[2, 4, 5])]);
/// assert_eq!(y.shape()[..], [2, 3, 5]);
/// ```
#[track_caller]
pub fn einsum(subscripts: &str, xs: &[&Variable]) -> Variable {
    let _named = crate::shape::named("einsum");
    let tensors: Vec<&Tensor> = xs.iter().map(|x| x.data()).collect();
    let (operands, output) = expect("einsum", parse(subscripts, xs), &tensors);
    let mut terms = Vec::with_capacity(xs.len());
    for (x, labels) in xs.iter().zip(operands) {
        terms.push(Term { x: (*x).clone(), labels }.without_repeats());
    }
    let mut left = terms.into_iter();
    let mut product = left.next().expect("checked: one operand at least");
    while let Some(next) = left.next() {
        let later = |l: &Label| output.contains(l) || left.as_slice().iter().any(|t| t.labels.contains(l));
        product = product.times(next, later);
    }
    let product = product.keeping(|l| output.contains(l));
    product.ordered(&output)
}

/// A letter, or one of the axes under `...`, counted from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Under(usize),
    Letter(char),
}

fn parse(subscripts: &str, xs: &[&Variable]) -> Result<(Vec<Vec<Label>>, Vec<Label>), InvalidType> {
    let text: String = subscripts.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match text.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (text.as_str(), None),
    };
    let inputs: Vec<&str> = inputs.split(',').collect();
    ensure!(inputs.len() == xs.len(), format!("{} operands for \"{subscripts}\"", inputs.len()), "{}", xs.len());
    let mut operands = Vec::with_capacity(xs.len());
    let mut deepest = 0;
    for (input, x) in inputs.iter().zip(xs) {
        let letters = input.replace("...", "").chars().count();
        let under = if input.contains("...") { x.ndim().checked_sub(letters) } else { Some(0) };
        let labels = under.map(|n| labels(input, n)).transpose()?.unwrap_or_default();
        ensure!(labels.len() == x.ndim(), format!("an operand with the axes of \"{input}\""), "{}", x.shape());
        deepest = deepest.max(under.unwrap_or(0));
        operands.push(labels);
    }
    let all = || operands.iter().flatten();
    let output = match output {
        Some(output) => labels(output, if output.contains("...") { deepest } else { 0 })?,
        None => {
            let once = |l: &Label| matches!(l, Label::Under(_)) || all().filter(|m| *m == l).count() == 1;
            let mut kept: Vec<Label> = all().filter(|l| once(l)).copied().collect();
            // Those under the dots lead, the last of them last.
            kept.sort_unstable_by_key(|l| match *l {
                Label::Under(i) => (0, deepest - i, ' '),
                Label::Letter(c) => (1, 0, c),
            });
            kept.dedup();
            kept
        }
    };
    for (i, l) in output.iter().enumerate() {
        ensure!(all().any(|m| m == l), "letters of the operands right of the arrow", "\"{subscripts}\"");
        ensure!(!output[..i].contains(l), "each letter once right of the arrow", "\"{subscripts}\"");
    }
    for l in all() {
        let lengths = operands.iter().zip(xs).flat_map(|(labels, x)| labels.iter().zip(x.shape().iter()));
        let mut lengths: Vec<usize> = lengths.filter(|(m, _)| *m == l).map(|(_, &n)| n).collect();
        lengths.retain(|&n| n != 1 || !matches!(l, Label::Under(_)));
        ensure!(
            lengths.windows(2).all(|w| w[0] == w[1]),
            format!("one length for {l:?} of \"{subscripts}\""),
            "{lengths:?}"
        );
    }
    Ok((operands, output))
}

fn labels(part: &str, under: usize) -> Result<Vec<Label>, InvalidType> {
    let (before, after) = part.split_once("...").unwrap_or((part, ""));
    let letters = |s: &str| s.chars().map(Label::Letter).collect::<Vec<_>>();
    let fine = before.chars().chain(after.chars()).all(|c| c.is_ascii_alphabetic());
    ensure!(fine, "letters, commas, an arrow and dots", "\"{part}\"");
    Ok([letters(before), (0..under).rev().map(Label::Under).collect(), letters(after)].concat())
}

/// A variable whose axes have names.
struct Term {
    x: Variable,
    labels: Vec<Label>,
}

impl Term {
    /// A letter that occurs twice names a diagonal.
    fn without_repeats(mut self) -> Term {
        let repeat = |labels: &[Label]| {
            let pair = |(j, l): (usize, &Label)| labels[..j].iter().position(|m| m == l).map(|i| (i, j));
            labels.iter().enumerate().find_map(pair)
        };
        while let Some((i, j)) = repeat(&self.labels) {
            self.x = diagonal(&self.x, 0, i as isize, j as isize);
            let label = self.labels.remove(j);
            self.labels.remove(i);
            self.labels.push(label);
        }
        self
    }

    /// Sums over what is not kept.
    fn keeping(self, keep: impl Fn(&Label) -> bool) -> Term {
        let over: Vec<isize> = (0..self.labels.len()).filter(|&i| !keep(&self.labels[i])).map(|i| i as isize).collect();
        if over.is_empty() {
            return self;
        }
        let x = sum_axes(&self.x, Some(&over), false);
        Term { x, labels: self.labels.into_iter().filter(|l| keep(l)).collect() }
    }

    fn length(&self, label: &Label) -> usize {
        self.labels.iter().position(|l| l == label).map_or(1, |i| self.x.shape()[i])
    }

    /// The axes in this order; there are no others.
    fn ordered(&self, labels: &[Label]) -> Variable {
        let place = |l: &Label| self.labels.iter().position(|m| m == l).map(|i| i as isize);
        let order: Option<Vec<isize>> = labels.iter().map(place).collect();
        transpose(&self.x, Some(&order.expect("a permutation of the labels")))
    }

    /// The product, summed over what nobody needs later: one matrix product for each position of what both keep.
    fn times(self, other: Term, later: impl Fn(&Label) -> bool) -> Term {
        let a = self.keeping(|l| later(l) || other.labels.contains(l));
        let b = other.keeping(|l| later(l) || a.labels.contains(l));
        let both = |keep: bool| -> Vec<Label> {
            a.labels.iter().filter(|l| b.labels.contains(l) && later(l) == keep).copied().collect()
        };
        let (batch, summed) = (both(true), both(false));
        let own =
            |x: &Term, y: &Term| -> Vec<Label> { x.labels.iter().filter(|l| !y.labels.contains(l)).copied().collect() };
        let (rows, columns) = (own(&a, &b), own(&b, &a));
        let lengths = |of: &[Label]| of.iter().map(|l| a.length(l).max(b.length(l))).collect::<Vec<_>>();
        // Axes under the dots may be of length 1 in one of the two.
        let matrices = |x: &Term, first: &[Label], second: &[Label]| {
            let order = [&batch, first, second].concat();
            let whole = broadcast_to(&x.ordered(&order), lengths(&order));
            let size = |of: &[Label]| lengths(of).iter().product::<usize>();
            with_shape(&whole, [size(&batch), size(first), size(second)])
        };
        let product = matmul(&matrices(&a, &rows, &summed), &matrices(&b, &summed, &columns));
        let labels = [&batch[..], &rows, &columns].concat();
        Term { x: with_shape(&product, lengths(&labels)), labels }
    }
}

impl Tensor {
    /// Sums of products in Einstein's notation: see [`einsum`].
    ///
    /// # Panics
    /// As [`einsum`].
    #[track_caller]
    pub fn einsum(subscripts: &str, xs: &[&Tensor]) -> Tensor {
        let xs: Vec<Variable> = xs.iter().map(|&x| Variable::constant(x.clone())).collect();
        einsum(subscripts, &xs.iter().collect::<Vec<_>>()).data().clone()
    }
}

pub(super) fn cases() -> Vec<Case> {
    let of = |name: &str, subscripts: &'static str| {
        Case::new(format!("einsum/{name}"), move |x| einsum(subscripts, &x.iter().collect::<Vec<_>>()))
    };
    vec![
        Case::new("einsum", |x| einsum("ij,jk->ik", &[&x[0], &x[1]])).input([3, 4]).input([4, 2]),
        of("outer", "i,j->ji").input([3]).input([4]),
        of("trace", "ii").input([3, 3]),
        of("diagonal", "iji->ji").input([3, 2, 3]),
        of("implicit", "ba,c b").input([2, 3]).input([4, 2]),
        of("batch", "bij,bjk->bik").input([2, 3, 4]).input([2, 4, 2]),
        of("elementwise", "ij,ij->ij").input([2, 3]).input([2, 3]),
        of("three", "ij,jk,kl->il").input([2, 3]).input([3, 2]).input([2, 4]),
        of("bilinear", "bi,ijk,bj->bk").input([2, 3]).input([3, 4, 2]).input([2, 4]),
        of("dots", "...ij,...jk->...ik").input([2, 1, 2, 3]).input([4, 3, 2]),
        of("dots_implicit", "...i").input([2, 3]),
        of("sum_of_one", "ij,k->i").input([2, 3]).input([4]),
        of("transposed", "ij->ji").input([2, 3]),
    ]
}
