//! Evaluation.

mod accuracy;
mod binary_accuracy;
mod classification_summary;
mod hits;
mod r2_score;

pub use accuracy::accuracy;
pub use binary_accuracy::binary_accuracy;
pub use classification_summary::{
    Summary, classification_summary, classification_summary_of, f1_score, f1_score_of, precision, precision_of, recall,
    recall_of,
};
pub use r2_score::{r2_score, r2_score_each};

pub(super) const ALL: &[super::Entry] = super::entries![accuracy, binary_accuracy, classification_summary, r2_score];
