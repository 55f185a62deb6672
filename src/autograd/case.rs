//! Sample calls of a function, from which the conformance sweep makes its tests.

use super::Variable;
use crate::{shape::Shape, tensor::HostArray};
use std::sync::Arc;

/// How to make one input of a case.
#[derive(Debug, Clone)]
pub enum Input {
    /// Reals drawn from `low..high`, none nearer than 0.05 to a value of `avoid`.
    Uniform {
        /// Shape of the input.
        shape: Shape,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
        /// Points at which the function has a kink.
        avoid: Vec<f64>,
    },
    /// Integers drawn from `low..high`; no gradient.
    Integers {
        /// Shape of the input.
        shape: Shape,
        /// Smallest.
        low: i32,
        /// One past the largest.
        high: i32,
    },
    /// These values.
    Exact(HostArray),
}

type CallOf<T> = Arc<dyn Fn(&[Variable]) -> T + Send + Sync>;

#[derive(Clone)]
enum Call {
    One(CallOf<Variable>),
    Many(CallOf<Vec<Variable>>),
}

/// A sample call of a function.
///
/// ```
/// use catena::{autograd::Case, prelude::*};
///
/// let case = Case::new("relu", |x| F::relu(&x[0])).input([3, 2]).avoiding(0.0);
/// assert_eq!(case.name(), "relu");
/// ```
#[derive(Clone)]
pub struct Case {
    name: String,
    call: Call,
    inputs: Vec<Input>,
    order: u8,
    tolerance: f64,
}

impl Case {
    /// A call with one result; the name is `function` or `function/what`.
    pub fn new(name: impl Into<String>, call: impl Fn(&[Variable]) -> Variable + Send + Sync + 'static) -> Case {
        Case::of(name.into(), Call::One(Arc::new(call)))
    }

    /// A call with several results.
    pub fn many(name: impl Into<String>, call: impl Fn(&[Variable]) -> Vec<Variable> + Send + Sync + 'static) -> Case {
        Case::of(name.into(), Call::Many(Arc::new(call)))
    }

    fn of(name: String, call: Call) -> Case {
        Case { name, call, inputs: vec![], order: 2, tolerance: 1e-5 }
    }

    /// Adds an input of reals from -1 to 1.
    #[must_use]
    pub fn input(self, shape: impl Into<Shape>) -> Case {
        self.input_in(shape, -1.0, 1.0)
    }

    /// Adds an input of reals from `low` to `high`.
    #[must_use]
    pub fn input_in(mut self, shape: impl Into<Shape>, low: f64, high: f64) -> Case {
        self.inputs.push(Input::Uniform { shape: shape.into(), low, high, avoid: vec![] });
        self
    }

    /// Adds an input of integers from `low` to below `high`.
    #[must_use]
    pub fn integers(mut self, shape: impl Into<Shape>, low: i32, high: i32) -> Case {
        self.inputs.push(Input::Integers { shape: shape.into(), low, high });
        self
    }

    /// Adds an input with these values.
    #[must_use]
    pub fn exact(mut self, values: impl Into<HostArray>) -> Case {
        self.inputs.push(Input::Exact(values.into()));
        self
    }

    /// Keeps every drawn real away from `point`, where the function has a kink.
    #[must_use]
    pub fn avoiding(mut self, point: f64) -> Case {
        for input in &mut self.inputs {
            if let Input::Uniform { avoid, .. } = input {
                avoid.push(point);
            }
        }
        self
    }

    /// Derivatives that are checked: 0 for none, 1, or 2 (the default).
    #[must_use]
    pub fn order(mut self, order: u8) -> Case {
        self.order = order;
        self
    }

    /// Difference allowed between devices, relative to `1 + |value|`; 1e-5 unless stated.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Case {
        self.tolerance = tolerance;
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The function it is a case of: the name up to the first `/`.
    pub fn function(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// Makes the call.
    pub fn call(&self, xs: &[Variable]) -> Vec<Variable> {
        match &self.call {
            Call::One(call) => vec![call(xs)],
            Call::Many(call) => call(xs),
        }
    }

    /// How its inputs are made.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Derivatives that are checked.
    pub fn derivatives(&self) -> u8 {
        self.order
    }

    /// Difference allowed between devices.
    pub fn allowed(&self) -> f64 {
        self.tolerance
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({}, {:?})", self.name, self.inputs)
    }
}
