//! Define-by-run deep learning for any GPU: the graph is what the program ran.
//!
//! catena carries on what [Chainer](https://chainer.org) began: a network is a program, and running it on data leaves
//! behind the graph that gradients flow back through. There is no separate language for models: loops and branches are
//! Rust's own, and every batch may take another path. It runs on Vulkan, Metal and DX12 through
//! [wgpu](https://docs.rs/wgpu), and on the CPU.
//!
//! # A network
//!
//! The feed-forward network of the [Chainer paper](http://learningsys.org/papers/LearningSys_2015_paper_33.pdf), its
//! Figure 2a:
//!
//! ```
//! use catena::prelude::*;
//!
//! chain! {
//!     pub struct Mlp {
//!         l1: L::Linear,
//!         l2: L::Linear,
//!         l3: L::Linear,
//!     }
//! }
//!
//! impl Mlp {
//!     fn new() -> Self {
//!         Mlp { l1: L::Linear::new(784, 100), l2: L::Linear::new(100, 100), l3: L::Linear::new(100, 10) }
//!     }
//!
//!     fn forward(&self, x: &Variable) -> Variable {
//!         let h1 = F::relu(&self.l1.forward(x));
//!         let h2 = F::relu(&self.l2.forward(&h1));
//!         self.l3.forward(&h2)
//!     }
//! }
//!
//! let device = Device::best(); // a GPU if there is one, else the CPU
//! let model = Mlp::new().to_device(&device);
//! let mut optimizer = Sgd::new(0.01).setup(&model);
//! # let x: Variable = Tensor::ones([2, 784], DType::F32, &device).into();
//! # let t: Variable = Tensor::from_slice(&[3i32, 7], [2], &device).into();
//! # let batches = vec![(x.clone(), t.clone()), (x, t)];
//! # let mut losses = vec![];
//! for (x, t) in batches {
//!     let loss = F::softmax_cross_entropy(&model.forward(&x), &t);
//!     model.cleargrads();
//!     loss.backward();
//!     optimizer.update();
//! #   losses.push(loss.item().unwrap());
//! }
//! # assert!(losses[1] < losses[0], "{losses:?}");
//! ```
//!
//! A recurrent one, its Figure 2b: as many steps as the sentence has words, and one backward pass through all of them.
//!
//! ```
//! use catena::prelude::*;
//!
//! chain! {
//!     pub struct Rnn {
//!         embed: L::EmbedID,
//!         x2h: L::Linear,
//!         h2h: L::Linear,
//!         h2y: L::Linear,
//!     }
//! }
//!
//! impl Rnn {
//!     fn new() -> Self {
//!         Rnn {
//!             embed: L::EmbedID::new(1000, 100),
//!             x2h: L::Linear::new(100, 50),
//!             h2h: L::Linear::new(50, 50),
//!             h2y: L::Linear::new(50, 1000),
//!         }
//!     }
//!
//!     /// The next state, and scores for the next word.
//!     fn step(&self, h: &Variable, word: &Variable) -> (Variable, Variable) {
//!         let x = F::tanh(&self.embed.forward(word));
//!         let h = F::tanh(&(self.x2h.forward(&x) + self.h2h.forward(h)));
//!         let y = self.h2y.forward(&h);
//!         (h, y)
//!     }
//!
//!     fn loss(&self, words: &[Variable], device: &Device) -> Variable {
//!         let mut h: Variable = Tensor::zeros([1, 50], DType::F32, device).into();
//!         let mut loss: Variable = Tensor::scalar(0.0f32, device).into();
//!         for pair in words.windows(2) {
//!             let (new_h, y) = self.step(&h, &pair[0]);
//!             let new_loss = F::softmax_cross_entropy(&y, &pair[1]);
//!             h = new_h;
//!             loss += &new_loss;
//!         }
//!         loss
//!     }
//! }
//!
//! let device = Device::best();
//! let model = Rnn::new().to_device(&device);
//! let mut optimizer = Sgd::new(0.1).setup(&model);
//! let words: Vec<Variable> = [7, 23, 7, 901].map(|w: i32| Tensor::from_slice(&[w], [1], &device).into()).into();
//! # let mut losses = vec![];
//! for _ in 0..2 {
//!     let loss = model.loss(&words, &device);
//!     model.cleargrads();
//!     loss.backward();
//!     optimizer.update();
//! #   losses.push(loss.item().unwrap());
//! }
//! # assert!(losses[1] < losses[0], "{losses:?}");
//! ```
//!
//! # Devices
//!
//! [`Device::best`](device::Device::best) is a GPU where there is one and else the CPU; the environment variable
//! `CATENA_DEVICE` and [`Device::named`](device::Device::named) take `cpu`, `gpu`, `gpu:1`, `software`, `vulkan`, or part
//! of an adapter's name. Functions compute where their inputs are; nothing moves by itself. The same program runs on
//! each, in `f32`, with the same random numbers; the CPU also has `f64`.
//!
//! Only [`to_host`](tensor::Tensor::to_host) and what is made of it ([`item`](tensor::Tensor::item), printing) wait for a
//! device. Results of elementwise functions are not computed when the function is called but when they are needed, a
//! whole expression by one kernel. [`Device::stats`](device::Device::stats) counts launches, read-backs and memory.
//!
//! # The graph
//!
//! A [`Variable`](autograd::Variable) is a tensor with a place in the graph. [`Variable::new`](autograd::Variable::new)
//! makes a leaf whose gradient is wanted, [`Variable::constant`](autograd::Variable::constant) (and `into`) one whose
//! gradient is not. [`backward`](autograd::Variable::backward) leaves gradients at the leaves;
//! [`grad`](autograd::grad()) gives them, of any order. Both go by the functions' ranks and never by recursion. The graph
//! is freed with the last variable of it; [`unchain_backward`](autograd::Variable::unchain_backward) cuts it earlier, and
//! under [`no_backprop`](autograd::no_backprop) none is kept. [`test_mode`](autograd::test_mode) is for evaluation.
//!
//! What does not fit (shapes, dtypes, devices) panics at the line of the call, with what was expected and what came.
//! What the environment does (files, memory, a lost device) comes as [`Error`](error::Error), at the latest with the next
//! read-back.
//!
//! # Functions of your own
//!
//! A [`Function`](autograd::Function) states its result's shape, its forward pass in tensors and its backward pass in
//! variables, and is then the equal of the [functions] here; its page has an example, and
//! `examples/own_function.rs` trains with one. [`testing::conform`] checks it on every device.
//!
//! # Reporting and saving
//!
//! [`report`](report::report()) sends a value to the open [`Reporter`](report::Reporter) without waiting for it, and
//! [`DictSummary`](report::DictSummary) keeps running means on the device. [`save_npz`](serializers::save_npz) and
//! [`load_npz`](serializers::load_npz) keep models and optimizers under Chainer's member names. `examples/mnist` has all
//! of this in one program.
#![warn(missing_docs)]

mod atomic;
pub mod autograd;
pub mod datasets;
pub mod device;
pub mod distributions;
pub mod error;
pub mod functions;
pub mod kernel;
pub mod links;
pub mod optimizers;
pub mod random;
pub mod report;
pub mod serializers;
pub mod shape;
pub mod tensor;
pub mod testing;

/// What most programs use.
pub mod prelude {
    pub use crate::{
        autograd::Variable,
        device::Device,
        links::{Layer, Link, Parameter},
        optimizers::{AdaGrad, Adam, GradientClipping, MomentumSGD, RMSprop, Rule, Sgd, WeightDecay},
        shape::{Convolution, DType, Slice},
        tensor::Tensor,
    };
    pub use crate::{chain, functions as F, links as L};
}
