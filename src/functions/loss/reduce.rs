use crate::{
    autograd::Variable,
    functions::math::{mean, sum},
};

/// What becomes of the losses of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reduce {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
    /// They stay as they are.
    No,
}

impl Reduce {
    /// What becomes of these losses.
    #[track_caller]
    pub(super) fn apply(self, losses: Variable) -> Variable {
        match self {
            Reduce::Mean => mean(&losses),
            Reduce::Sum => sum(&losses),
            Reduce::No => losses,
        }
    }
}
