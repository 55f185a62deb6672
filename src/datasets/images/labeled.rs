use super::{ImageSource, Skipped, decode_image};
use crate::{
    datasets::Dataset,
    error::{Error, Result},
};
use ndarray::{Array3, Axis, concatenate};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

type Decode = dyn Fn(&[u8]) -> Result<Array3<u8>, String> + Send + Sync;

/// Pictures in files, each with a label: from a list, or from a folder with a folder for each class.
///
/// A picture is read and decoded when it is asked for. That it is there is found out at once.
#[derive(Clone)]
pub struct LabeledImageDataset {
    pairs: Arc<[(PathBuf, i32)]>,
    /// Names of the classes, where they are known.
    names: Vec<String>,
    channels: usize,
    convert: bool,
    decode: Arc<Decode>,
}

impl LabeledImageDataset {
    /// From a list with a path and a label a line, as Chainer's: `bird/robin.jpg 0`; paths are taken from `root`.
    ///
    /// Labels count from 0, and with `classes` are below it. A line that cannot be used is an error, or, with `skipped`, left
    /// out and noted there.
    ///
    /// # Errors
    /// [`Error::BadFile`] names the line that is malformed, whose label is out of range, or whose picture is not there, or says
    /// that nothing is left; [`Error::Io`] where the list cannot be read.
    pub fn from_list(
        list: impl AsRef<Path>,
        root: impl AsRef<Path>,
        classes: Option<usize>,
        skipped: Option<&Skipped>,
    ) -> Result<LabeledImageDataset> {
        let (list, root) = (list.as_ref(), root.as_ref());
        let text = crate::datasets::words::read_text(list)?;
        let mut pairs = vec![];
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match pair(list, root, classes, at + 1, line) {
                Ok(pair) => pairs.push(pair),
                Err(error) => match skipped {
                    Some(skipped) => skipped.add(error),
                    None => return Err(error),
                },
            }
        }
        LabeledImageDataset::of(list, pairs, vec![])
    }

    /// From a folder with a folder for each class, numbered in the order of their names; files that begin with a dot do not
    /// count.
    ///
    /// # Errors
    /// [`Error::BadFile`] where there is no class or no picture; [`Error::Io`] where a folder cannot be read.
    pub fn from_folder(folder: impl AsRef<Path>) -> Result<LabeledImageDataset> {
        let folder = folder.as_ref();
        let mut classes: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (name, path) in entries(folder)? {
            if path.is_dir() {
                classes.insert(name, path);
            }
        }
        let mut pairs = vec![];
        for (label, class) in classes.values().enumerate() {
            let files = entries(class)?.into_iter().filter(|(_, path)| path.is_file());
            pairs.extend(files.map(|(_, path)| (path, label as i32)));
        }
        LabeledImageDataset::of(folder, pairs, classes.into_keys().collect())
    }

    fn of(from: &Path, pairs: Vec<(PathBuf, i32)>, names: Vec<String>) -> Result<LabeledImageDataset> {
        if pairs.is_empty() {
            return Err(Error::BadFile {
                path: from.into(),
                expected: "at least one picture with a label".into(),
                actual: "none".into(),
                hint: "give a list with a path and a label a line, or a folder with a folder for each class".into(),
            });
        }
        let decode = Arc::new(decode_image);
        Ok(LabeledImageDataset { pairs: pairs.into(), names, channels: 3, convert: false, decode })
    }

    /// Pictures of so many channels instead of three.
    #[must_use]
    pub fn channels(self, channels: usize) -> LabeledImageDataset {
        LabeledImageDataset { channels, ..self }
    }

    /// Whether pictures of another number of channels are made fit, instead of being errors: grey becomes colour, colour grey,
    /// and transparency is left out.
    #[must_use]
    pub fn convert(self, yes: bool) -> LabeledImageDataset {
        LabeledImageDataset { convert: yes, ..self }
    }

    /// With another decoder, from a file's bytes to `(channels, height, width)`.
    #[must_use]
    pub fn decoder(
        self,
        decode: impl Fn(&[u8]) -> Result<Array3<u8>, String> + Send + Sync + 'static,
    ) -> LabeledImageDataset {
        LabeledImageDataset { decode: Arc::new(decode), ..self }
    }

    /// The first `count` of them.
    #[must_use]
    pub fn first(self, count: usize) -> LabeledImageDataset {
        LabeledImageDataset { pairs: self.pairs[..count.min(self.pairs.len())].into(), ..self }
    }

    /// Paths and labels.
    pub fn pairs(&self) -> &[(PathBuf, i32)] {
        &self.pairs
    }

    /// One more than the largest label, or the number of folders.
    pub fn classes(&self) -> usize {
        let largest = self.pairs.iter().map(|(_, t)| *t as usize + 1).max().unwrap_or(0);
        largest.max(self.names.len())
    }

    /// The names of the classes, where it was made from a folder.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn fit(&self, image: Array3<u8>) -> Result<Array3<u8>, String> {
        let found = image.shape()[0];
        if found == self.channels {
            return Ok(image);
        }
        if !self.convert || !matches!(found, 1..=4) || !matches!(self.channels, 1 | 3) {
            let what = match found {
                1 => "grey",
                2 => "grey with transparency",
                3 => "colour",
                4 => "colour with transparency",
                _ => "another kind",
            };
            return Err(format!("{found} ({what})"));
        }
        let opaque = image.slice_axis(Axis(0), (0..if found < 3 { 1 } else { 3 }).into());
        Ok(match (opaque.shape()[0], self.channels) {
            (1, 3) => concatenate(Axis(0), &[opaque, opaque, opaque]).expect("of one size"),
            (3, 1) => {
                let grey = |y, x| {
                    let of = |c| f32::from(opaque[[c, y, x]]);
                    (0.299 * of(0) + 0.587 * of(1) + 0.114 * of(2) + 0.5) as u8
                };
                let (_, height, width) = opaque.dim();
                Array3::from_shape_fn((1, height, width), |(_, y, x)| grey(y, x))
            }
            _ => opaque.to_owned(),
        })
    }
}

impl fmt::Debug for LabeledImageDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabeledImageDataset")
            .field("pictures", &self.pairs.len())
            .field("classes", &self.classes())
            .finish_non_exhaustive()
    }
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let failed = |e| Error::io("read", folder, e);
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    found.retain(|(name, _)| !name.starts_with('.'));
    found.sort();
    Ok(found)
}

fn pair(list: &Path, root: &Path, classes: Option<usize>, number: usize, line: &str) -> Result<(PathBuf, i32)> {
    let bad = |expected: String, actual: String, hint: &str| {
        let actual = format!("{actual} in line {number}");
        Error::BadFile { path: list.into(), expected, actual, hint: hint.into() }
    };
    let form = "write a path, a space and a number, such as `bird/robin.jpg 0`";
    // Paths may have spaces in them.
    let Some((path, label)) = line.trim().rsplit_once(char::is_whitespace) else {
        return Err(bad("a path and a label".into(), format!("`{line}`"), form));
    };
    let Ok(label) = label.parse::<i64>() else {
        return Err(bad("a label that is a whole number".into(), format!("`{label}`"), form));
    };
    let most = classes.map_or(i64::from(i32::MAX), |n| n as i64 - 1);
    if !(0..=most).contains(&label) {
        let expected = format!("a label of 0 to {most}");
        return Err(bad(expected, format!("{label}"), "count labels from 0, and give as many classes as there are"));
    }
    let path = root.join(path.trim_end());
    if !path.is_file() {
        let actual = format!("no file {}", path.display());
        return Err(bad("a picture".into(), actual, "name the folder that its paths are taken from"));
    }
    Ok((path, label as i32))
}

impl Dataset for LabeledImageDataset {
    type Item = Result<(Array3<u8>, i32)>;

    fn len(&self) -> usize {
        self.pairs.len()
    }

    #[track_caller]
    fn get(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        let (path, label) = &self.pairs[index];
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let bad = |expected: String, actual: String| Error::BadFile {
            path: path.clone(),
            expected,
            actual,
            hint: "convert it, or leave it out".into(),
        };
        let image = (self.decode)(&bytes).map_err(|actual| bad("a JPEG or PNG picture".into(), actual))?;
        let image = self.fit(image).map_err(|found| bad(format!("{} channels", self.channels), found))?;
        Ok((image, *label))
    }
}

impl ImageSource for LabeledImageDataset {
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        self.get(index)
    }
}

/// Names of classes, one a line.
///
/// # Errors
/// [`Error::BadFile`] where there is none; [`Error::Io`] where the file cannot be read.
pub fn read_labels(path: impl AsRef<Path>) -> Result<Vec<String>> {
    let path = path.as_ref();
    let text = crate::datasets::words::read_text(path)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect())
}
