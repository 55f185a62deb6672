//! What would lay out every window of a batch, done for some images at a time.

use crate::{
    autograd::{Forward, Function, Grad, Retain, Saved, Variable, apply, config, grad, using_config},
    functions::array::{concat, copy, get_item},
    shape::{InvalidType, Meta},
    tensor::Tensor,
};
use parking_lot::Mutex;
use std::{fmt, ops::Range, sync::Arc};

/// A function of a batch's images, as long as each image's result is its own.
type OfImages = dyn Fn(&[Variable]) -> Variable + Send + Sync;

/// `f` of variables that begin with `images` over batches, for as many images at a time as `fit`.
///
/// Where that is not all of them, what `f` computes on the way is dropped, and computed again in the backward pass.
#[track_caller]
pub(super) fn in_parts(
    fit: usize,
    images: usize,
    xs: &[&Variable],
    f: impl Fn(&[Variable]) -> Variable + Send + Sync + 'static,
) -> Variable {
    let count = xs[0].shape()[0];
    if count <= fit.max(1) {
        return f(&xs.iter().map(|&x| x.clone()).collect::<Vec<_>>());
    }
    let parts = Parts { fit: fit.max(1), images, f: Arc::new(f), result: Mutex::new(None) };
    let values: Vec<Variable> = xs.iter().map(|x| x.detach()).collect();
    let ys: Vec<Variable> = {
        let _scope = using_config(|c| c.enable_backprop = false);
        let part = |range: Range<usize>| {
            let y = (parts.f)(&parts.part(&values, &range));
            y.data().force();
            y
        };
        parts.ranges(count).map(part).collect()
    };
    let result = Tensor::concat(&ys.iter().map(Variable::data).collect::<Vec<_>>(), 0);
    *parts.result.lock() = Some(result);
    apply(parts, xs)
}

struct Parts {
    fit: usize,
    images: usize,
    f: Arc<OfImages>,
    /// Until the forward pass hands it on.
    result: Mutex<Option<Tensor>>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

impl Parts {
    fn ranges(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let fit = self.fit;
        (0..count).step_by(fit).map(move |start| start..(start + fit).min(count))
    }

    /// The arguments for some of the images.
    fn part(&self, xs: &[Variable], range: &Range<usize>) -> Vec<Variable> {
        let of = |(i, x): (usize, &Variable)| if i < self.images { images_of(x, range) } else { x.clone() };
        xs.iter().enumerate().map(of).collect()
    }
}

fn images_of(x: &Variable, range: &Range<usize>) -> Variable {
    get_item(x, &[range.clone().into()])
}

impl Function for Parts {
    fn name(&self) -> &'static str {
        "parts"
    }

    fn infer(&self, _: &[Meta]) -> Result<Vec<Meta>, InvalidType> {
        Ok(self.result.lock().iter().map(Tensor::meta).collect())
    }

    fn retain(&self) -> Retain {
        Retain::INPUTS
    }

    fn forward(&self, _: &[Tensor]) -> Forward {
        self.result.lock().take().expect("computed before").into()
    }

    fn backward(&self, saved: &Saved, gys: &[Option<Variable>]) -> Vec<Option<Variable>> {
        let n = saved.arity();
        let Some(gy) = &gys[0] else { return vec![None; n] };
        let graph = config().enable_backprop;
        let wanted: Vec<usize> = (0..n).filter(|&i| saved.needs(i)).collect();
        let mut found: Vec<Vec<Variable>> = vec![vec![]; n];
        for range in self.ranges(gy.shape()[0]) {
            let own = |i: usize| {
                let x = if i < self.images { images_of(saved.input(i), &range) } else { saved.input(i).clone() };
                match saved.needs(i) {
                    false => Variable::constant(x.data().clone()),
                    true if graph => copy(&x, x.device()),
                    true => Variable::new(x.data().clone()),
                }
            };
            let xs: Vec<Variable> = (0..n).map(own).collect();
            let y = {
                let _scope = using_config(|c| {
                    c.enable_backprop = true;
                    c.recomputing = true;
                });
                (self.f)(&xs)
            };
            let grad_outputs = vec![Some(images_of(gy, &range))];
            let to: Vec<&Variable> = wanted.iter().map(|&i| &xs[i]).collect();
            let options = Grad { grad_outputs, enable_double_backprop: graph, ..Grad::default() };
            for (&i, gx) in wanted.iter().zip(grad(&[&y], &to, options)) {
                let Some(gx) = gx else { continue };
                // Computed now, so that nothing of this part is held by what is left to compute.
                let gx = match found[i].pop() {
                    Some(sum) if i >= self.images => sum + gx,
                    before => {
                        found[i].extend(before);
                        gx
                    }
                };
                gx.data().force();
                found[i].push(gx);
            }
        }
        let whole = |parts: Vec<Variable>| match &parts[..] {
            [] => None,
            [one] => Some(one.clone()),
            parts => Some(concat(&parts.iter().collect::<Vec<_>>(), 0)),
        };
        found.into_iter().map(whole).collect()
    }
}
