use super::{joined::Joined, lstm::zeros_like, state::expect_rows};
use crate::{
    autograd::Variable,
    functions::{self as F, rnn::child_sum},
    links::{Linear, Link, Path, Replica, Visit},
};

crate::chain! {
    /// A tree LSTM whose nodes have any number of children, in no order.
    ///
    /// The gates `a, i, o` of a node come from its input and the sum of its children's outputs, and a forget gate for
    /// each child from the input and that child's output: see [`tree_lstm`](crate::functions::tree_lstm()).
    /// Tai, Socher and Manning, 2015.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let node = L::ChildSumTreeLSTM::new(3, 2);
    /// let x = Variable::constant(Tensor::ones([1, 3], DType::F32, &Device::cpu()));
    /// let leaf = node.forward(&[], Some(&x));
    /// let (c, h) = node.forward(&[Some((&leaf.0, &leaf.1)), None], Some(&x));
    /// assert_eq!((&c.shape()[..], &h.shape()[..]), (&[1, 2][..], &[1, 2][..]));
    /// ```
    #[derive(Debug)]
    pub struct ChildSumTreeLSTM {
        /// On the input, `(4 out, in)`: `a, i, o, f`.
        pub W_x: Linear,
        /// On the sum of the children's outputs, `(3 out, out)`.
        pub W_h_aio: Linear,
        /// On each child's output, `(out, out)`.
        pub W_h_f: Linear,
        #[plain]
        joined: Joined,
        #[plain]
        out_size: usize,
    }
}

/// A child: its cell and its output; none stands for zeros.
type Child<'a> = Option<(&'a Variable, &'a Variable)>;

/// Cells and outputs of children, with zeros for those that are not there.
#[track_caller]
fn whole(link: &str, children: &[Child<'_>], model: &Variable, units: usize) -> Vec<(Variable, Variable)> {
    let one = |child: &Child<'_>| match child {
        Some((c, h)) => {
            [c, h].iter().for_each(|s| expect_rows(link, s, model));
            ((*c).clone(), (*h).clone())
        }
        None => (zeros_like(model, units), zeros_like(model, units)),
    };
    children.iter().map(one).collect()
}

impl ChildSumTreeLSTM {
    /// From `in_size` to `out_size` values a node.
    pub fn new(in_size: usize, out_size: usize) -> ChildSumTreeLSTM {
        ChildSumTreeLSTM {
            W_x: Linear::new(in_size, 4 * out_size),
            W_h_aio: Linear::new(out_size, 3 * out_size).nobias(),
            W_h_f: Linear::new(out_size, out_size).nobias(),
            joined: Joined::default(),
            out_size,
        }
    }

    /// The cell and the output of a node, from its children's and its input `(B, in)`; none stands for zeros.
    ///
    /// # Panics
    /// When shapes do not fit, or there is neither an input nor a child.
    #[track_caller]
    pub fn forward(&self, children: &[Child<'_>], x: Option<&Variable>) -> (Variable, Variable) {
        let model = model("ChildSumTreeLSTM", children, x);
        let of_input = of_input(&self.W_x, x, model);
        if children.is_empty() {
            let gates = of_input.expect("without children there is an input");
            return F::tree_lstm(&[], &F::split_axis(&gates, [3 * self.out_size], 1)[0]);
        }
        let of_input = of_input.unwrap_or_else(|| zeros_like(model, 4 * self.out_size));
        let children = whole("ChildSumTreeLSTM", children, model, self.out_size);
        let (cs, hs): (Vec<&Variable>, Vec<&Variable>) = children.iter().map(|(c, h)| (c, h)).unzip();
        let (aio, f) = (self.W_h_aio.weights(), self.W_h_f.weights());
        let w = self.joined.get(&[&aio, &f], || vec![F::concat(&[&aio, &f], 0)]);
        // One product for all children: that of their sum is the sum of theirs.
        child_sum(&cs, &of_input, &F::linear(&F::concat(&hs, 0), &w[0], None))
    }
}

/// A variable that has the rows of a batch.
#[track_caller]
fn model<'a>(link: &str, children: &[Child<'a>], x: Option<&'a Variable>) -> &'a Variable {
    let child = || children.iter().flatten().map(|(c, _)| *c).next();
    x.or_else(child).unwrap_or_else(|| panic!("{link}: expected an input or a child, got neither"))
}

/// What an input gives: without one, as for zeros, the bias, if there is one.
#[track_caller]
fn of_input(layer: &Linear, x: Option<&Variable>, model: &Variable) -> Option<Variable> {
    match x {
        Some(x) => Some(layer.forward(x)),
        None => layer.bias().map(|b| F::broadcast_to(&b, [model.shape()[0], b.size()])),
    }
}

/// A tree LSTM whose nodes have a fixed number of children, in order.
///
/// Every gate comes from the input and from each child's output, by weights of that child's place: see
/// [`tree_lstm`](crate::functions::tree_lstm()). Tai, Socher and Manning, 2015.
///
/// ```
/// # use catena::prelude::*;
/// let node = L::NaryTreeLSTM::new(3, 2, 2);
/// let x = Variable::constant(Tensor::ones([1, 3], DType::F32, &Device::cpu()));
/// let leaf = node.forward(&[None, None], Some(&x));
/// let child = Some((&leaf.0, &leaf.1));
/// assert_eq!(node.forward(&[child, child], None).1.shape()[..], [1, 2]);
/// ```
#[allow(non_snake_case)]
#[derive(Debug)]
pub struct NaryTreeLSTM {
    /// On the input, `((3 + n) out, in)`: `a, i, o, f_1, .., f_n`.
    pub W_x: Linear,
    /// On each child's output, `((3 + n) out, out)`; named `W_h1` and so on.
    pub W_h: Vec<Linear>,
    joined: Joined,
    out_size: usize,
}

impl NaryTreeLSTM {
    /// From `in_size` to `out_size` values a node of `n_ary` children.
    ///
    /// # Panics
    /// When nodes have no children.
    #[track_caller]
    pub fn new(in_size: usize, out_size: usize, n_ary: usize) -> NaryTreeLSTM {
        assert!(n_ary > 0, "NaryTreeLSTM: expected at least one child, got none");
        let gates = (3 + n_ary) * out_size;
        let of_child = |_| Linear::new(out_size, gates).nobias();
        NaryTreeLSTM {
            W_x: Linear::new(in_size, gates),
            W_h: (0..n_ary).map(of_child).collect(),
            joined: Joined::default(),
            out_size,
        }
    }

    /// The cell and the output of a node, from its children's and its input `(B, in)`; none stands for zeros.
    ///
    /// # Panics
    /// When the number of children or shapes do not fit, or there is neither an input nor a child.
    #[track_caller]
    pub fn forward(&self, children: &[Child<'_>], x: Option<&Variable>) -> (Variable, Variable) {
        let n = self.W_h.len();
        assert!(children.len() == n, "NaryTreeLSTM: expected {n} children, got {}", children.len());
        let model = model("NaryTreeLSTM", children, x);
        let of_input = of_input(&self.W_x, x, model);
        let has_child = children.iter().any(Option::is_some);
        let children = whole("NaryTreeLSTM", children, model, self.out_size);
        let of_children = has_child.then(|| {
            // One product: outputs side by side with weights side by side.
            let w: Vec<Variable> = self.W_h.iter().map(Linear::weights).collect();
            let w = self.joined.get(&w.iter().collect::<Vec<_>>(), || vec![side_by_side(w.iter())]);
            F::linear(&side_by_side(children.iter().map(|(_, h)| h)), &w[0], None)
        });
        let terms = of_input.into_iter().chain(of_children);
        let gates = terms.reduce(|a, b| a + b).expect("an input or a child is there");
        F::tree_lstm(&children.iter().map(|(c, _)| c).collect::<Vec<_>>(), &gates)
    }
}

/// Joined along the second axis.
fn side_by_side<'a>(xs: impl Iterator<Item = &'a Variable>) -> Variable {
    F::concat(&xs.collect::<Vec<_>>(), 1)
}

impl Link for NaryTreeLSTM {
    fn visit(&self, path: &mut Path, visitor: &mut dyn Visit) {
        path.child("W_x", |path| self.W_x.visit(path, visitor));
        for (i, w) in self.W_h.iter().enumerate() {
            path.child(&format!("W_h{}", i + 1), |path| w.visit(path, visitor));
        }
    }

    fn replicate(&self, replica: Replica) -> NaryTreeLSTM {
        let on_children = self.W_h.replicate(replica);
        NaryTreeLSTM {
            W_x: self.W_x.replicate(replica),
            W_h: on_children,
            joined: Joined::default(),
            out_size: self.out_size,
        }
    }

    fn replicate_boxed(&self, replica: Replica) -> Box<dyn Link> {
        Box::new(self.replicate(replica))
    }
}
