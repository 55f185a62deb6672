//! Attention, positions, and the layers of transformers.

mod multi_head;
mod positions;
mod transformer;

pub use multi_head::MultiHeadAttention;
pub use positions::{LearnedEncoding, SinusoidalEncoding};
pub use transformer::{TransformerDecoderLayer, TransformerEncoderLayer};
