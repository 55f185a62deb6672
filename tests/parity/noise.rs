use super::fixture::{Case, Inputs};
use catena::autograd::Variable;

pub fn call(_case: &Case, _xs: &Inputs) -> Option<Vec<Variable>> {
    None
}
