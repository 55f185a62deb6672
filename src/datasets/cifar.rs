//! CIFAR-10: 32x32 photographs of ten kinds of things, from wherever they can be had.

use super::{
    BatchDataset, Dataset, ImageSource, Source, cache_dir, cached_download, download::find_cached, read_labels,
    vendored_dir,
};
use crate::error::{Error, Result};
use flate2::read::GzDecoder;
use ndarray::{Array1, Array3, Array4, ArrayView4, s};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;
/// A label and its picture.
const RECORD: usize = 1 + PIXELS;

const URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const SHA256: &str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";
const BYTES: u64 = 170_052_171;
/// The folder in the archive.
const INSIDE: &str = "cifar-10-batches-bin";
const NAMES: &str = "batches.meta.txt";
const TEST: &str = "test_batch.bin";

fn training_file(i: usize) -> String {
    format!("data_batch_{i}.bin")
}

/// What [`get_cifar10`] gives and where it looks.
///
/// ```
/// use catena::datasets::{BatchDataset, CifarOptions, get_cifar10};
/// # fn main() -> catena::error::Result<()> {
/// let cifar = get_cifar10(&CifarOptions::default().download(false))?;
/// println!("{} from {}", cifar.train.labels().len(), cifar.source);
/// let (x, t) = cifar.train.batch(&[0, 1]);
/// assert_eq!((x.shape(), t.len()), (&[2, 3, 32, 32][..], 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CifarOptions {
    data: Option<PathBuf>,
    cache: Option<PathBuf>,
    download: bool,
    archive: (String, String, u64),
    scale: f32,
}

impl Default for CifarOptions {
    fn default() -> CifarOptions {
        let archive = (URL.into(), SHA256.into(), BYTES);
        CifarOptions { data: None, cache: None, download: true, archive, scale: 1.0 }
    }
}

impl CifarOptions {
    /// Takes the files of the binary version from this folder, and from nowhere else: `data_batch_1.bin` and as many of the
    /// others as there are, `test_batch.bin`, and perhaps `batches.meta.txt`.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> CifarOptions {
        self.data = Some(folder.into());
        self
    }

    /// Keeps the download in this folder, instead of `cifar10` in [`cache_dir`].
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> CifarOptions {
        self.cache = Some(folder.into());
        self
    }

    /// Whether the network may be used; it may at first.
    pub fn download(mut self, yes: bool) -> CifarOptions {
        self.download = yes;
        self
    }

    /// Downloads another archive of the same layout, with this SHA-256 and length in bytes.
    pub fn archive(mut self, url: impl Into<String>, sha256: impl Into<String>, bytes: u64) -> CifarOptions {
        self.archive = (url.into(), sha256.into(), bytes);
        self
    }

    /// The largest value of a pixel, 1 at first; the smallest is 0.
    pub fn scale(mut self, most: f32) -> CifarOptions {
        self.scale = most;
        self
    }
}

/// CIFAR-10's two parts, and where they came from.
#[derive(Debug, Clone)]
pub struct Cifar {
    /// Pictures to learn from: 50,000 in the whole set.
    pub train: Pictures,
    /// Pictures to test with: 10,000 in the whole set.
    pub test: Pictures,
    /// Names of the ten classes.
    pub names: Vec<String>,
    /// Where the files came from.
    pub source: Source,
}

/// Gives CIFAR-10: from the folder asked for, else the cache, else the network, else a small set of the same form that is
/// kept with the source, whose ten classes are textures.
///
/// # Errors
/// [`Error::BadFile`] where a file is missing from the folder asked for, is damaged, or is not of records of 3,073 bytes with
/// labels of 0 to 9; [`Error::Io`] where one cannot be read; [`Error::Download`] where there is no source at all.
pub fn get_cifar10(options: &CifarOptions) -> Result<Cifar> {
    if let Some(folder) = &options.data {
        return load(folder, Source::Directory(folder.clone()), options);
    }
    let because = match published(options) {
        Ok((archive, source)) => return from_archive(&archive, source, options),
        Err(why) => why,
    };
    let Some(folder) = vendored_dir("textures10") else {
        return Err(Error::Download {
            name: "CIFAR-10".into(),
            reason: format!("{because}; nor is the small set found that is kept with the source"),
            hint: "give the folder of its files, or set CATENA_DATA_DIR to catena's examples/data".into(),
        });
    };
    load(&folder, Source::Vendored { because: because.to_string() }, options)
}

fn published(options: &CifarOptions) -> Result<(PathBuf, Source)> {
    let cache = options.cache.clone().map_or_else(|| cache_dir().map(|dir| dir.join("cifar10")), Ok)?;
    let (url, sha256, bytes) = &options.archive;
    if let Some(path) = find_cached(ARCHIVE, sha256, *bytes, &cache)? {
        return Ok((path, Source::Cache));
    }
    if !options.download {
        return Err(Error::Download {
            name: ARCHIVE.into(),
            reason: "it is not in the cache, and the network was not to be used".into(),
            hint: "allow downloads once".into(),
        });
    }
    Ok((cached_download(&[url], ARCHIVE, sha256, *bytes, &cache)?, Source::Downloaded))
}

fn bad(path: &Path, expected: impl Into<String>, actual: impl Into<String>, hint: &str) -> Error {
    Error::BadFile { path: path.into(), expected: expected.into(), actual: actual.into(), hint: hint.into() }
}

fn load(folder: &Path, source: Source, options: &CifarOptions) -> Result<Cifar> {
    let read = |name: &str| {
        let path = folder.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some((path, bytes))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", path, e)),
        }
    };
    let hint = "put the files of CIFAR-10's binary version there, or name no folder";
    let missing = |name: &str| bad(folder, format!("a folder with {name}"), "none", hint);
    let mut train = vec![];
    for i in 1..=5 {
        train.extend(read(&training_file(i))?);
    }
    if train.is_empty() {
        return Err(missing(&training_file(1)));
    }
    let test = read(TEST)?.ok_or_else(|| missing(TEST))?;
    let names = folder.join(NAMES);
    let names = if names.is_file() { read_labels(names)? } else { vec![] };
    Cifar::of(&train, &[test], names, source, options)
}

/// Reads the files out of the archive, which is a gzip'd tar.
fn from_archive(path: &Path, source: Source, options: &CifarOptions) -> Result<Cifar> {
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let members = untar(path, GzDecoder::new(std::io::BufReader::new(file)))?;
    let hint = "delete the file, so that it is downloaded again";
    let take = |name: &str| {
        let inside = format!("{INSIDE}/{name}");
        let found = members.iter().find(|(n, _)| *n == inside).map(|(_, bytes)| (path.join(name), bytes.clone()));
        found.ok_or_else(|| bad(path, format!("an archive with {inside}"), "none", hint))
    };
    let train: Vec<_> = (1..=5).map(|i| take(&training_file(i))).collect::<Result<_>>()?;
    let test = take(TEST)?;
    let names = take(NAMES).map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let names = names.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_string).collect();
    Cifar::of(&train, &[test], names, source, options)
}

/// The plain files of a tar: blocks of 512 bytes, a header each, with name and length in octal.
fn untar(path: &Path, mut from: impl Read) -> Result<Vec<(String, Vec<u8>)>> {
    let hint = "delete the file, so that it is downloaded again";
    let broken = |e: std::io::Error| bad(path, "a gzip'd tar archive", e.to_string(), hint);
    let mut members = vec![];
    let mut header = [0u8; 512];
    loop {
        from.read_exact(&mut header).map_err(broken)?;
        if header.iter().all(|b| *b == 0) {
            return Ok(members);
        }
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_string()
        };
        let length = u64::from_str_radix(&text(124..136), 8)
            .ok()
            .filter(|n| *n < 1 << 30)
            .ok_or_else(|| bad(path, "a gzip'd tar archive", format!("a length of `{}`", text(124..136)), hint))?;
        let mut bytes = vec![0; (length as usize).next_multiple_of(512)];
        from.read_exact(&mut bytes).map_err(broken)?;
        bytes.truncate(length as usize);
        if matches!(header[156], 0 | b'0') {
            members.push((text(0..100).trim_start_matches("./").to_string(), bytes));
        }
    }
}

impl Cifar {
    fn of(
        train: &[(PathBuf, Vec<u8>)],
        test: &[(PathBuf, Vec<u8>)],
        names: Vec<String>,
        source: Source,
        options: &CifarOptions,
    ) -> Result<Cifar> {
        let scale = (f64::from(options.scale) / 255.0) as f32;
        let names = match names.len() {
            10 => names,
            _ => (0..10).map(|i| i.to_string()).collect(),
        };
        Ok(Cifar { train: Pictures::of(train, scale)?, test: Pictures::of(test, scale)?, names, source })
    }
}

/// Pictures of 32x32 pixels in three colours, with labels.
#[derive(Debug, Clone)]
pub struct Pictures {
    pixels: Arc<[u8]>,
    labels: Arc<[i32]>,
    scale: f32,
}

impl Pictures {
    fn of(files: &[(PathBuf, Vec<u8>)], scale: f32) -> Result<Pictures> {
        let (mut pixels, mut labels) = (vec![], vec![]);
        let hint = "get CIFAR-10's binary version anew";
        for (path, bytes) in files {
            if bytes.is_empty() || !bytes.len().is_multiple_of(RECORD) {
                let expected = format!("records of {RECORD} bytes, a label and a picture each");
                return Err(bad(path, expected, format!("{} bytes", bytes.len()), hint));
            }
            for (at, record) in bytes.chunks_exact(RECORD).enumerate() {
                if record[0] > 9 {
                    return Err(bad(path, "labels of 0 to 9", format!("{} in record {at}", record[0]), hint));
                }
                labels.push(i32::from(record[0]));
                pixels.extend_from_slice(&record[1..]);
            }
        }
        Ok(Pictures { pixels: pixels.into(), labels: labels.into(), scale })
    }

    /// The labels, 0 to 9.
    pub fn labels(&self) -> &[i32] {
        &self.labels
    }

    /// The bytes, `[count, 3, 32, 32]`.
    pub fn bytes(&self) -> ArrayView4<'_, u8> {
        let shape = (self.labels.len(), 3, SIDE, SIDE);
        ArrayView4::from_shape(shape, &self.pixels).expect("checked when it was read")
    }

    /// The first `count` pictures, or all of them if there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Pictures {
        let count = count.min(self.labels.len());
        let (pixels, labels) = (self.pixels[..count * PIXELS].into(), self.labels[..count].into());
        Pictures { pixels, labels, scale: self.scale }
    }
}

impl Dataset for Pictures {
    type Item = (Array3<f32>, i32);

    fn len(&self) -> usize {
        self.labels.len()
    }

    #[track_caller]
    fn get(&self, index: usize) -> (Array3<f32>, i32) {
        let image = self.bytes().slice(s![index, .., .., ..]).mapv(|b| f32::from(b) * self.scale);
        (image, self.labels[index])
    }
}

/// Pictures `[n, 3, 32, 32]`, contiguous, and their labels.
impl BatchDataset for Pictures {
    type Batch = (Array4<f32>, Array1<i32>);

    #[track_caller]
    fn batch(&self, indices: &[usize]) -> (Array4<f32>, Array1<i32>) {
        let values = indices.iter().flat_map(|&i| &self.pixels[i * PIXELS..][..PIXELS]);
        let values = values.map(|&b| f32::from(b) * self.scale).collect();
        let x = Array4::from_shape_vec((indices.len(), 3, SIDE, SIDE), values).expect("3,072 numbers a picture");
        (x, indices.iter().map(|&i| self.labels[i]).collect())
    }
}

impl ImageSource for Pictures {
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        Ok((self.bytes().slice(s![index, .., .., ..]).to_owned(), self.labels[index]))
    }
}
