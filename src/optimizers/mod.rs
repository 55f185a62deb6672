//! Optimizers: rules that change parameters by their gradients, and hooks that change the gradients first, or look at what
//! was done.
//!
//! A rule is written with tensors; the expressions of all parameters together become one kernel, in place.

mod ada_delta;
mod ada_grad;
mod adam;
mod corrected_momentum_sgd;
mod group;
pub mod hooks;
mod lamb;
mod lion;
mod momentum_sgd;
mod msvag;
mod muon;
mod nesterov_ag;
mod optimizer;
mod rms_prop;
mod rms_prop_graves;
mod schedule;
mod sgd;
mod smorms3;

pub use ada_delta::AdaDelta;
pub use ada_grad::AdaGrad;
pub use adam::{AMSBound, AMSGrad, AdaBound, Adam, AdamW};
pub use corrected_momentum_sgd::CorrectedMomentumSGD;
pub use hooks::{
    Gradient, GradientClipping, GradientHardClipping, GradientLARS, GradientNoise, Hook, Lasso, WeightDecay,
};
pub use lamb::LAMB;
pub use lion::Lion;
pub use momentum_sgd::MomentumSGD;
pub use msvag::MSVAG;
pub use muon::Muon;
pub use nesterov_ag::NesterovAG;
pub use optimizer::{Optimizer, Rule};
pub use rms_prop::RMSprop;
pub use rms_prop_graves::RMSpropGraves;
pub use schedule::Schedule;
pub use sgd::{SGD, Sgd};
pub use smorms3::SMORMS3;
