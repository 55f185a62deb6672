//! The generator that random functions of this thread draw from.
//!
//! Every thread begins with seed 0, so that a program without a call of [`seed`] is repeatable too. Threads that
//! should differ, such as replicas of a model, give themselves streams of one seed:
//! `set_generator(Generator::with_stream(seed, replica))`.

use crate::kernel::philox::Draw;
pub use crate::kernel::philox::Generator;
use std::cell::Cell;

thread_local! {
    static GENERATOR: Cell<Generator> = Cell::new(Generator::new(0));
}

/// Begins again with a seed, on this thread.
///
/// ```
/// # use catena::{prelude::*, random};
/// let x = Variable::constant(Tensor::ones([100], DType::F32, &Device::cpu()));
/// random::seed(7);
/// let a = F::dropout(&x, 0.5).data().to_vec::<f32>().unwrap();
/// random::seed(7);
/// assert_eq!(F::dropout(&x, 0.5).data().to_vec::<f32>().unwrap(), a);
/// ```
pub fn seed(seed: u64) {
    GENERATOR.set(Generator::new(seed));
}

/// The generator of this thread as it is now: what a snapshot keeps.
pub fn generator() -> Generator {
    GENERATOR.get()
}

/// Replaces the generator of this thread, and gives back what it was.
pub fn set_generator(generator: Generator) -> Generator {
    GENERATOR.replace(generator)
}

/// Takes words from the generator of this thread.
pub(crate) fn take(words: u64) -> Draw {
    let mut generator = GENERATOR.get();
    let draw = generator.take(words);
    GENERATOR.set(generator);
    draw
}

/// Draws from the generator of this thread.
pub(crate) fn with<T>(draw: impl FnOnce(&mut Generator) -> T) -> T {
    let mut generator = GENERATOR.get();
    let drawn = draw(&mut generator);
    GENERATOR.set(generator);
    drawn
}
