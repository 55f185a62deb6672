//! The graph: options of the backward pass, scopes, truncation, threads, hooks.

use catena::{
    autograd::{
        Backward, Config, Function, FunctionHook, Grad, config, grad, no_backprop, test_mode, using_config, with_hook,
    },
    prelude::*,
};
use std::sync::{Arc, Mutex};

fn scalar(v: f64) -> Variable {
    Variable::new(Tensor::scalar(v, &Device::cpu()))
}

fn value(t: Option<Tensor>) -> Option<f64> {
    t.map(|t| t.item().expect("one value"))
}

#[test]
fn gradients_gather_until_they_are_cleared() {
    let x = scalar(3.0);
    for wanted in [6.0, 12.0] {
        (&x * &x).backward();
        assert_eq!(value(x.grad()), Some(wanted));
    }
    x.cleargrad();
    assert!(x.grad().is_none());
    // One variable used on two ways, one of them longer.
    let y = F::exp(&x) * &x + &x;
    y.backward();
    let expected = 3f64.exp() * 4.0 + 1.0;
    assert!((value(x.grad()).expect("a gradient") - expected).abs() < 1e-9);
}

#[test]
fn gradients_in_between_are_kept_only_on_request() {
    let x = scalar(2.0);
    let h = &x * &x;
    let y = &h * 3.0;
    y.backward();
    assert!(h.grad().is_none());
    assert_eq!(value(y.grad()), Some(1.0));
    x.cleargrad();
    let y = &h * 3.0;
    y.backward_with(Backward { retain_grad: true, ..Backward::default() });
    assert_eq!((value(h.grad()), value(x.grad())), (Some(3.0), Some(12.0)));
    let y = &x * 2.0;
    x.cleargrad();
    y.backward_with(Backward { loss_scale: Some(128.0), ..Backward::default() });
    assert_eq!(value(x.grad()), Some(256.0));
}

#[test]
fn gradients_can_be_differentiated_to_any_order() {
    let x = scalar(0.5);
    let mut y = F::sin(&x);
    let mut orders = vec![];
    for _ in 0..5 {
        let options = Grad { enable_double_backprop: true, ..Grad::default() };
        y = grad(&[&y], &[&x], options).remove(0).expect("y depends on x");
        orders.push(y.item().expect("one value"));
    }
    let (s, c) = 0.5f64.sin_cos();
    for (order, expected) in orders.iter().zip([c, -s, -c, s, c]) {
        assert!((order - expected).abs() < 1e-12, "{orders:?}");
    }
    assert!(x.grad().is_none(), "grad touches no variable's own");
    let unrelated = scalar(1.0);
    assert!(grad(&[&F::exp(&x)], &[&unrelated], Grad::default())[0].is_none());
}

#[test]
fn scopes_end_where_they_end() {
    let x = scalar(1.0);
    {
        let _scope = no_backprop();
        assert!(F::exp(&x).creator().is_none());
        {
            let _inner = using_config(|c| c.enable_backprop = true);
            assert!(F::exp(&x).creator().is_some());
        }
        assert!(F::exp(&x).creator().is_none());
    }
    assert!(F::exp(&x).creator().is_some());
    {
        let _scope = test_mode();
        assert!(!config().train);
        // Settings are the thread's.
        std::thread::spawn(|| assert!(config().train)).join().expect("the other thread trains");
    }
    assert_eq!(config(), Config { train: true, enable_backprop: true, debug: false, recomputing: false });
    assert!(F::exp(&Variable::constant(Tensor::scalar(1.0f32, &Device::cpu()))).creator().is_none());
}

#[test]
fn unchaining_cuts_what_came_before() {
    let (x, w) = (scalar(2.0), scalar(3.0));
    let h = &x * &w;
    h.unchain_backward();
    let y = &h * &w;
    y.backward();
    assert_eq!((value(w.grad()), x.grad().is_none()), (Some(6.0), true));
}

#[test]
fn variables_and_links_cross_threads() {
    fn shareable<T: Send + Sync>(_: &T) {}
    let model = L::Linear::new(3, 2);
    let x = Variable::new(Tensor::ones([4, 3], DType::F32, &Device::cpu()));
    shareable(&model);
    shareable(&x);
    let reference = F::sum(&model.forward(&x)).item().expect("one value");
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..50 {
                    let y = F::sum(&model.forward(&x));
                    assert_eq!(y.item().expect("one value"), reference);
                }
            });
        }
    });
    // One pending tensor, asked for by many at once, is computed once.
    let pending = F::exp(&x).data().add_scalar(1.0);
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                assert!(pending.to_vec::<f32>().expect("values").iter().all(|v| (v - 3.718_281_7).abs() < 1e-5))
            });
        }
    });
}

#[test]
fn debug_mode_names_the_function_that_made_a_nan() {
    let _scope = using_config(|c| c.debug = true);
    let x = scalar(-1.0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(F::log(&x))));
    let text = *outcome.expect_err("a NaN is found").downcast::<String>().expect("a message");
    assert!(text.contains("NaN in the forward pass of log") && text.contains("graph.rs"), "{text}");
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl FunctionHook for Seen {
    fn forward_after(&self, function: &dyn Function, _: &[Tensor]) {
        self.0.lock().expect("not poisoned").push(format!("forward {}", function.name()));
    }
    fn backward_before(&self, function: &catena::autograd::FunctionNode, _: &[Option<Variable>]) {
        self.0.lock().expect("not poisoned").push(format!("backward {}", function.name()));
    }
}

#[test]
fn hooks_see_every_function_both_ways() {
    let seen = Arc::new(Seen::default());
    let x = scalar(1.0);
    {
        let _scope = with_hook(seen.clone());
        F::tanh(&F::neg(&x)).backward();
    }
    F::exp(&x);
    let seen = seen.0.lock().expect("not poisoned");
    let of_user: Vec<&String> = seen.iter().filter(|s| !s.contains("grad") && !s.ends_with("forward neg")).collect();
    assert!(of_user.iter().any(|s| *s == "forward tanh"), "{seen:?}");
    let back: Vec<&String> = seen.iter().filter(|s| s.starts_with("backward")).collect();
    assert_eq!(back, ["backward tanh", "backward neg"]);
    assert!(!seen.iter().any(|s| s.contains("exp")));
}
