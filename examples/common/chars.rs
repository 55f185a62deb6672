//! Texts by characters: reading a file, and writing on from a beginning.

use super::lm::{LanguageModel, Text, sample};
use catena::{
    datasets::{Vocabulary, vendored_dir, words::read_text},
    error::{Error, Result},
    prelude::*,
};
use std::path::PathBuf;

/// What models of characters have on their command lines.
#[derive(clap::Args, Debug)]
pub struct Characters {
    /// A text in UTF-8; the vendored Moby Dick by default
    #[arg(long)]
    pub text: Option<PathBuf>,
    /// Characters to write after training
    #[arg(long, default_value_t = 400)]
    pub sample: usize,
    /// Below 1 the likelier characters are written more often than they should be, above 1 less often
    #[arg(long, default_value_t = 0.8, value_parser = super::positive)]
    pub temperature: f64,
    /// What is written goes on from this
    #[arg(long, default_value = "the ")]
    pub prime: String,
}

impl Characters {
    /// The text by the numbers of its characters: nine parts to learn from, half a part each to stop by and test with.
    pub fn read(&self) -> Result<Text> {
        if self.sample > 0 && self.prime.is_empty() {
            return Err(super::bad_option("--prime", "one character at least", "none"));
        }
        let path = match &self.text {
            Some(path) => path.clone(),
            None => vendored_dir("moby-dick").map(|d| d.join("ptb.train.txt")).ok_or_else(|| Error::Download {
                name: "Moby Dick".into(),
                reason: "it is not where this program was built".into(),
                hint: "name a text with --text, or set CATENA_DATA_DIR to catena's examples/data".into(),
            })?,
        };
        println!("text: {}", path.display());
        let text = read_text(&path)?;
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        let mut vocabulary = Vocabulary::default();
        for c in characters {
            vocabulary.add(c.encode_utf8(&mut [0; 4]));
        }
        let ids: Vec<i32> = number(&text, &vocabulary).map_err(|c| bad_prime(&text, c))?;
        if self.sample > 0 {
            number(&self.prime, &vocabulary).map_err(|c| bad_prime(&self.prime, c))?;
        }
        let (learn, stop) = (ids.len() * 18 / 20, ids.len() * 19 / 20);
        Ok(Text {
            train: ids[..learn].to_vec(),
            valid: ids[learn..stop].to_vec(),
            test: ids[stop..].to_vec(),
            vocabulary,
            unit: "characters",
        })
    }

    /// Writes on from the beginning that was asked for.
    pub fn write_on(&self, model: &dyn LanguageModel, text: &Text, seed: u64, device: &Device) -> Result<()> {
        if self.sample == 0 {
            return Ok(());
        }
        let prime = number(&self.prime, &text.vocabulary).map_err(|c| bad_prime(&self.prime, c))?;
        let ids = sample(model, &prime, self.sample, self.temperature, seed, device)?;
        let written: String = ids.iter().map(|&id| text.vocabulary.word(id)).collect();
        println!("\n{}{written}", self.prime);
        Ok(())
    }
}

/// A text by numbers, or a character that has none.
fn number(text: &str, vocabulary: &Vocabulary) -> std::result::Result<Vec<i32>, char> {
    text.chars().map(|c| vocabulary.id(c.encode_utf8(&mut [0; 4])).ok_or(c)).collect()
}

fn bad_prime(prime: &str, unknown: char) -> Error {
    Error::BadFile {
        path: "--prime".into(),
        expected: "one character at least, all of them in the text".into(),
        actual: format!("{unknown:?} in {prime:?}"),
        hint: "begin with words of the text".into(),
    }
}
