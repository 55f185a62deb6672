//! The three products of convolution as functions, each the derivative of the others.

use crate::{
    autograd::{Forward, Function, Retain, Saved, Variable, apply},
    functions::array::with_shape,
    shape::{ConvolutionShape, InvalidType, Meta, ensure},
    tensor::{Tensor, expect},
};

/// Which of three: `y = c(x, w)`, `gx = d(gy, w)`, `gw = f(x, gy)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Results,
    Images,
    Filters,
}

#[derive(Debug)]
struct Sliding {
    name: &'static str,
    product: Product,
    shape: ConvolutionShape,
}

/// A product of sizes that were checked, and a bias for each channel of its results.
#[track_caller]
pub(super) fn slide(
    name: &'static str,
    product: Product,
    shape: &ConvolutionShape,
    a: &Variable,
    b: &Variable,
    bias: Option<&Variable>,
) -> Variable {
    let y = apply(Sliding { name, product, shape: shape.clone() }, &[a, b]);
    let Some(bias) = bias else { return y };
    let fits = || {
        ensure!(bias.dtype(), ==, y.dtype());
        let right = bias.ndim() == 1 && bias.shape()[0] == y.shape()[1];
        ensure!(right, format!("b.shape == ({},)", y.shape()[1]), "{}", bias.shape());
        Ok(())
    };
    expect(name, fits(), &[a.data(), b.data(), bias.data()]);
    let mut row = vec![1; y.ndim()];
    row[1] = bias.shape()[0];
    y + with_shape(bias, row)
}

impl Function for Sliding {
    fn name(&self) -> &'static str {
        self.name
    }

    fn infer(&self, xs: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        ensure!(xs[0].dtype, ==, xs[1].dtype);
        let shape = match self.product {
            Product::Results => self.shape.results_shape(),
            Product::Images => self.shape.images_shape(),
            Product::Filters => self.shape.filters_shape(),
        };
        Ok(vec![Meta::new(shape, xs[0].dtype)])
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, xs: &[Tensor]) -> Forward {
        match self.product {
            Product::Results => xs[0].convolve(&xs[1], &self.shape),
            Product::Images => xs[0].convolve_data(&xs[1], &self.shape),
            Product::Filters => xs[0].convolve_weights(&xs[1], &self.shape),
        }
        .into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let Some(g) = &gys[0] else { return vec![None, None] };
        let (a, b) = (saved.input(0), saved.input(1));
        let of = |product, a: &Variable, b: &Variable| {
            apply(Sliding { name: self.name, product, shape: self.shape.clone() }, &[a, b])
        };
        let first = || match self.product {
            Product::Results => of(Product::Images, g, b),
            Product::Images => of(Product::Results, g, b),
            Product::Filters => of(Product::Images, b, g),
        };
        let second = || match self.product {
            Product::Results => of(Product::Filters, a, g),
            Product::Images => of(Product::Filters, g, a),
            Product::Filters => of(Product::Results, a, g),
        };
        vec![saved.needs(0).then(first), saved.needs(1).then(second)]
    }
}
