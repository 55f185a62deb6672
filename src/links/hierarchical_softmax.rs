use super::{
    initializers::Uniform,
    parameter::{Parameter, Persistent},
};
use crate::{
    autograd::Variable,
    device::Device,
    functions as F,
    shape::{DType, ensure},
    tensor::{Tensor, expect},
};
use std::{cmp::Ordering, collections::BinaryHeap};

/// A binary tree whose leaves are words.
///
/// ```
/// # use catena::prelude::*;
/// let tree = L::Tree::huffman(&[5.0, 1.0, 1.0]);
/// assert_eq!(tree.words().len(), 3);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// A word.
    Leaf(usize),
    /// Two trees.
    Node(Box<Tree>, Box<Tree>),
}

impl Tree {
    /// Two trees as one.
    pub fn node(left: Tree, right: Tree) -> Tree {
        Tree::Node(Box::new(left), Box::new(right))
    }

    /// The tree in which word `i` is the nearer to the root the larger `counts[i]` is: Huffman's.
    ///
    /// # Panics
    /// When there is no count, or one is no number.
    #[track_caller]
    pub fn huffman(counts: &[f64]) -> Tree {
        struct Weighed(f64, usize, Tree);
        impl PartialEq for Weighed {
            fn eq(&self, other: &Weighed) -> bool {
                self.cmp(other) == Ordering::Equal
            }
        }
        impl Eq for Weighed {}
        impl PartialOrd for Weighed {
            fn partial_cmp(&self, other: &Weighed) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for Weighed {
            /// The lightest comes first, of equals the one that was there first.
            fn cmp(&self, other: &Weighed) -> Ordering {
                other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
            }
        }
        assert!(!counts.is_empty() && counts.iter().all(|c| !c.is_nan()), "huffman: expected counts of words");
        let mut heap: BinaryHeap<Weighed> =
            counts.iter().enumerate().map(|(i, &c)| Weighed(c, i, Tree::Leaf(i))).collect();
        let mut next = counts.len();
        while let Some(Weighed(first, _, left)) = heap.pop() {
            let Some(Weighed(second, _, right)) = heap.pop() else { return left };
            heap.push(Weighed(first + second, next, Tree::node(left, right)));
            next += 1;
        }
        unreachable!("the last tree is returned")
    }

    /// Its words, from left to right.
    pub fn words(&self) -> Vec<usize> {
        let mut words = vec![];
        self.walk(|word, _| words.push(word));
        words
    }

    /// Calls `f(word, path)` for each word, where a path holds inner nodes, numbered from the root on, the left ones first,
    /// and whether the way goes left.
    fn walk(&self, mut f: impl FnMut(usize, &[(usize, bool)])) {
        let mut left = vec![(self, vec![])];
        let mut nodes = 0;
        while let Some((tree, path)) = left.pop() {
            match tree {
                Tree::Leaf(word) => f(*word, &path),
                Tree::Node(a, b) => {
                    let to = |way: bool| path.iter().copied().chain([(nodes, way)]).collect();
                    left.extend([(&**b, to(false)), (&**a, to(true))]);
                    nodes += 1;
                }
            }
        }
    }
}

crate::chain! {
    /// The hierarchical softmax loss of words in a binary tree: a choice between left and right at each node of the way.
    ///
    /// The loss of a word is the sum of `softplus(-c * W[node] . x)` over its way from the root, where `c` is 1 to the left
    /// and -1 to the right; the result is the sum over a batch (Morin and Bengio, "Hierarchical Probabilistic Neural
    /// Network Language Model", 2005). Launches: 8 forward, 6 backward.
    ///
    /// ```
    /// # use catena::prelude::*;
    /// let loss = L::BinaryHierarchicalSoftmax::new(3, &L::Tree::huffman(&[4.0, 2.0, 1.0, 1.0]));
    /// let x = Variable::new(Tensor::zeros([2, 3], DType::F32, &Device::cpu()));
    /// let t = Variable::constant(Tensor::from_slice(&[0, 3], [2], &Device::cpu()));
    /// assert!((loss.forward(&x, &t).item().unwrap() - 4.0 * 2f64.ln()).abs() < 1e-5);
    /// ```
    #[derive(Debug)]
    pub struct BinaryHierarchicalSoftmax {
        /// Vectors of the inner nodes, `(words - 1, in)`.
        pub W: Parameter,
        /// The nodes on each word's way, `(words, longest way)`.
        pub paths: Persistent,
        /// Where its way goes on from each: 1 to the left, -1 to the right, 0 past its end.
        pub codes: Persistent,
    }
}

impl BinaryHierarchicalSoftmax {
    /// Vectors of `in_size` values for the nodes of `tree`, whose words are numbered from 0 on.
    ///
    /// # Panics
    /// When a word is missing or twice in the tree.
    #[track_caller]
    pub fn new(in_size: usize, tree: &Tree) -> BinaryHierarchicalSoftmax {
        let words = tree.words();
        let n = words.len();
        let mut sorted = words.clone();
        sorted.sort_unstable();
        assert!(
            sorted.iter().enumerate().all(|(i, &word)| i == word),
            "BinaryHierarchicalSoftmax: expected each of the words 0 to {} once",
            n.saturating_sub(1)
        );
        let mut longest = 0;
        tree.walk(|_, path| longest = longest.max(path.len()));
        let (mut paths, mut codes) = (vec![0i32; n * longest], vec![0.0f32; n * longest]);
        tree.walk(|word, path| {
            for (k, &(node, left)) in path.iter().enumerate() {
                paths[word * longest + k] = node as i32;
                codes[word * longest + k] = if left { 1.0 } else { -1.0 };
            }
        });
        let cpu = Device::cpu();
        BinaryHierarchicalSoftmax {
            W: Parameter::new([n.saturating_sub(1), in_size], Uniform(1.0)),
            paths: Persistent::new(Tensor::from_slice(&paths, [n, longest], &cpu)),
            codes: Persistent::new(Tensor::from_slice(&codes, [n, longest], &cpu)),
        }
    }

    /// The loss of `x`, `(n, in)`, for the words `t`, `(n,)` of `int32`; a word of -1 counts for nothing.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward(&self, x: &Variable, t: &Variable) -> Variable {
        self.forward_with(x, t, &self.W.variable())
    }

    /// As [`BinaryHierarchicalSoftmax::forward`], with other vectors of the nodes.
    ///
    /// # Panics
    /// When shapes or dtypes do not fit.
    #[track_caller]
    pub fn forward_with(&self, x: &Variable, t: &Variable, w: &Variable) -> Variable {
        let name = "binary_hierarchical_softmax";
        let fits = || {
            ensure!(x.ndim(), ==, 2);
            ensure!(t.dtype(), ==, DType::I32);
            ensure!(t.shape()[..] == x.shape()[..1], "t.shape == (x.shape[0],)", "{}", t.shape());
            Ok(())
        };
        expect(name, fits(), &[x.data(), t.data()]);
        let nodes = Variable::constant(self.paths.data().take_rows(name, t.data(), Some(-1)));
        let codes = Variable::constant(self.codes.data().take_rows(name, t.data(), Some(-1)).cast(x.dtype()));
        let vectors = F::embed_id(&nodes, w, None);
        let scores = F::sum_axes(&(vectors * F::expand_dims(x, 1)), Some(&[-1]), false);
        // Past the end of a way codes are zero.
        F::sum(&(F::softplus(&-(scores * &codes)) * F::square(&codes)))
    }
}
