//! MNIST: 28x28 pictures of handwritten digits, from wherever they can be had.

use super::{
    BatchDataset, Dataset, ImageSource, cache_dir, cached_download, download::find_cached, read_idx, vendored_dir,
};
use crate::error::{Error, Result};
use ndarray::{Array1, Array3, ArrayD, ArrayView3, Axis, Ix3, IxDyn};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

pub(super) struct Published {
    pub(super) name: &'static str,
    pub(super) sha256: &'static str,
    pub(super) bytes: u64,
}

/// Training images, training labels, test images, test labels.
const FILES: [Published; 4] = [
    Published {
        name: "train-images-idx3-ubyte.gz",
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        bytes: 9_912_422,
    },
    Published {
        name: "train-labels-idx1-ubyte.gz",
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        bytes: 28_881,
    },
    Published {
        name: "t10k-images-idx3-ubyte.gz",
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        bytes: 1_648_877,
    },
    Published {
        name: "t10k-labels-idx1-ubyte.gz",
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        bytes: 4_542,
    },
];

/// What [`get_mnist`] gives and where it looks.
///
/// ```
/// use catena::datasets::{BatchDataset, MnistOptions, get_mnist};
/// # fn main() -> catena::error::Result<()> {
/// let mnist = get_mnist(&MnistOptions::default().download(false).ndim(3))?;
/// println!("{} from {}", mnist.train.labels().len(), mnist.source);
/// let (x, t) = mnist.train.batch(&[0, 1]);
/// assert_eq!((x.shape(), t.len()), (&[2, 1, 28, 28][..], 2));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MnistOptions {
    data: Option<PathBuf>,
    cache: Option<PathBuf>,
    download: bool,
    mirrors: Vec<String>,
    ndim: usize,
    scale: f32,
}

impl Default for MnistOptions {
    fn default() -> MnistOptions {
        let mirrors = MIRRORS.map(String::from).to_vec();
        MnistOptions { data: None, cache: None, download: true, mirrors, ndim: 1, scale: 1.0 }
    }
}

impl MnistOptions {
    /// Takes the four files, gzip'd or not, from this folder, and from nowhere else.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> MnistOptions {
        self.data = Some(folder.into());
        self
    }

    /// Keeps downloads in this folder, instead of `mnist` in [`cache_dir`].
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> MnistOptions {
        self.cache = Some(folder.into());
        self
    }

    /// Whether the network may be used; it may at first.
    pub fn download(mut self, yes: bool) -> MnistOptions {
        self.download = yes;
        self
    }

    /// Downloads from these addresses, each with the four files under it, tried in this order.
    pub fn mirrors(mut self, addresses: impl IntoIterator<Item = impl Into<String>>) -> MnistOptions {
        self.mirrors = addresses.into_iter().map(Into::into).collect();
        self
    }

    /// The axes of one image: 1 for `[784]`, as it is at first, or 3 for `[1, 28, 28]`.
    ///
    /// # Panics
    /// Where it is neither 1 nor 3.
    #[track_caller]
    pub fn ndim(mut self, n: usize) -> MnistOptions {
        assert!(n == 1 || n == 3, "an MNIST image has 1 axis or 3, not {n}");
        self.ndim = n;
        self
    }

    /// The value of a white pixel, 1 at first; black is 0.
    pub fn scale(mut self, white: f32) -> MnistOptions {
        self.scale = white;
        self
    }
}

/// MNIST's two parts, and where they came from.
#[derive(Debug, Clone)]
pub struct Mnist {
    /// Images to learn from: 60,000 in the whole set.
    pub train: Digits,
    /// Images to test with: 10,000 in the whole set.
    pub test: Digits,
    /// Where the files came from.
    pub source: Source,
}

/// Where data came from; as text, half a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The folder that was asked for.
    Directory(PathBuf),
    /// An earlier download.
    Cache,
    /// The network, now.
    Downloaded,
    /// The small subset that is kept with the source.
    Vendored {
        /// Why it was not the whole set.
        because: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Directory(folder) => write!(f, "the folder {}", folder.display()),
            Source::Cache => f.write_str("an earlier download"),
            Source::Downloaded => f.write_str("the network, kept for the next time"),
            Source::Vendored { because } => {
                write!(
                    f,
                    "the small set kept with the source, whose results compare with nothing published ({because})"
                )
            }
        }
    }
}

/// Gives MNIST: from the folder asked for, else the cache, else the network, else the subset kept with the source.
///
/// # Errors
/// [`Error::BadFile`] where a file is missing from the folder asked for, is damaged, or is not of 28x28 images and as
/// many labels of 0 to 9; [`Error::Io`] where one cannot be read; [`Error::Download`] where there is no source at all.
pub fn get_mnist(options: &MnistOptions) -> Result<Mnist> {
    if let Some(folder) = &options.data {
        return load(&in_folder(folder)?, Source::Directory(folder.clone()), options);
    }
    let because = match published(&FILES, options) {
        Ok((files, source)) => return load(&files, source, options),
        Err(why) => why,
    };
    let Some(folder) = vendored_dir("mnist") else {
        return Err(Error::Download {
            name: "MNIST".into(),
            reason: format!("{because}; nor is the subset found that is kept with the source"),
            hint: "give the folder of its four files, or set CATENA_DATA_DIR to catena's examples/data".into(),
        });
    };
    load(&in_folder(&folder)?, Source::Vendored { because: because.to_string() }, options)
}

/// The whole set's files, or why they cannot be had.
pub(super) fn published(wanted: &[Published; 4], options: &MnistOptions) -> Result<([PathBuf; 4], Source)> {
    let cache = options.cache.clone().map_or_else(|| cache_dir().map(|dir| dir.join("mnist")), Ok)?;
    let mut files = [const { PathBuf::new() }; 4];
    let mut source = Source::Cache;
    for (file, path) in wanted.iter().zip(&mut files) {
        *path = match find_cached(file.name, file.sha256, file.bytes, &cache)? {
            Some(path) => path,
            None if options.download => {
                source = Source::Downloaded;
                let urls: Vec<String> =
                    options.mirrors.iter().map(|m| format!("{}/{}", m.trim_end_matches('/'), file.name)).collect();
                let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
                cached_download(&urls, file.name, file.sha256, file.bytes, &cache)?
            }
            None => {
                return Err(Error::Download {
                    name: file.name.into(),
                    reason: "it is not in the cache, and the network was not to be used".into(),
                    hint: "allow downloads once".into(),
                });
            }
        };
    }
    Ok((files, source))
}

fn in_folder(folder: &Path) -> Result<[PathBuf; 4]> {
    let mut files = [const { PathBuf::new() }; 4];
    for (file, path) in FILES.iter().zip(&mut files) {
        let plain = file.name.trim_end_matches(".gz");
        // Some archives write the second dash of the name as a dot.
        let dotted = plain.replace("-idx", ".idx");
        let names = [file.name.to_string(), plain.to_string(), format!("{dotted}.gz"), dotted];
        *path = names.iter().map(|n| folder.join(n)).find(|p| p.is_file()).ok_or_else(|| Error::BadFile {
            path: folder.to_path_buf(),
            expected: format!("a folder with {plain} or {}", file.name),
            actual: "neither".into(),
            hint: "put MNIST's four files there, or name no folder".into(),
        })?;
    }
    Ok(files)
}

fn load(files: &[PathBuf; 4], source: Source, options: &MnistOptions) -> Result<Mnist> {
    let [train, train_labels, test, test_labels] = files;
    Ok(Mnist {
        train: Digits::read(train, train_labels, options)?,
        test: Digits::read(test, test_labels, options)?,
        source,
    })
}

/// Labelled 28x28 images; a copy shares the pixels.
///
/// They are kept as bytes, a quarter of the memory, and turned into `f32` batch by batch.
#[derive(Debug, Clone)]
pub struct Digits {
    pixels: Arc<[u8]>,
    labels: Arc<[i32]>,
    values: Arc<[f32; 256]>,
    ndim: usize,
}

impl Digits {
    fn read(images: &Path, labels: &Path, options: &MnistOptions) -> Result<Digits> {
        let bad = |path: &Path, expected: String, actual: String| Error::BadFile {
            path: path.to_path_buf(),
            expected,
            actual,
            hint: "put MNIST's own files there".into(),
        };
        let pixels = read_idx(images)?;
        let &[count, SIDE, SIDE] = pixels.shape() else {
            return Err(bad(images, "images of 28x28 bytes".into(), format!("shape {:?}", pixels.shape())));
        };
        if count == 0 {
            return Err(bad(images, "at least one image".into(), "none".into()));
        }
        let marks = read_idx(labels)?;
        if marks.shape() != [count] {
            let expected = format!("{count} labels, as many as {} has images", images.display());
            return Err(bad(labels, expected, format!("shape {:?}", marks.shape())));
        }
        if let Some((at, label)) = marks.iter().enumerate().find(|(_, label)| **label > 9) {
            return Err(bad(labels, "labels of 0 to 9".into(), format!("{label} at position {at}")));
        }
        // Chainer's rounding: a multiplication by the nearest f32 to scale/255.
        let step = (f64::from(options.scale) / 255.0) as f32;
        Ok(Digits {
            pixels: pixels.into_raw_vec_and_offset().0.into(),
            labels: marks.iter().map(|&label| i32::from(label)).collect(),
            values: Arc::new(std::array::from_fn(|byte| byte as f32 * step)),
            ndim: options.ndim,
        })
    }

    /// The labels, 0 to 9.
    pub fn labels(&self) -> &[i32] {
        &self.labels
    }

    /// The images' bytes, `[count, 28, 28]`, 0 for black.
    pub fn bytes(&self) -> ArrayView3<'_, u8> {
        let shape = Ix3(self.labels.len(), SIDE, SIDE);
        ArrayView3::from_shape(shape, &self.pixels).expect("checked when it was read")
    }

    /// All images as `f32`, `[count, 784]` or `[count, 1, 28, 28]`.
    pub fn images(&self) -> ArrayD<f32> {
        let values = self.pixels.iter().map(|&byte| self.values[usize::from(byte)]).collect();
        self.shaped(Some(self.labels.len()), values)
    }

    /// The first `count` digits, or all of them if there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Digits {
        let count = count.min(self.labels.len());
        Digits { pixels: self.pixels[..count * PIXELS].into(), labels: self.labels[..count].into(), ..self.clone() }
    }

    /// The same images as a dataset without labels, such as for an autoencoder.
    pub fn without_labels(&self) -> Images {
        Images(self.clone())
    }

    #[track_caller]
    fn images_of(&self, indices: &[usize]) -> ArrayD<f32> {
        let mut values = Vec::with_capacity(indices.len() * PIXELS);
        indices.iter().for_each(|&i| values.extend(self.image(i)));
        self.shaped(Some(indices.len()), values)
    }

    #[track_caller]
    fn image(&self, index: usize) -> impl Iterator<Item = f32> + use<'_> {
        assert!(index < self.labels.len(), "image {index} of {}", self.labels.len());
        self.pixels[index * PIXELS..][..PIXELS].iter().map(|&byte| self.values[usize::from(byte)])
    }

    fn shaped(&self, count: Option<usize>, values: Vec<f32>) -> ArrayD<f32> {
        let one: &[usize] = if self.ndim == 1 { &[PIXELS] } else { &[1, SIDE, SIDE] };
        let all: Vec<usize> = count.into_iter().chain(one.iter().copied()).collect();
        ArrayD::from_shape_vec(IxDyn(&all), values).expect("784 pixels an image")
    }
}

impl Dataset for Digits {
    type Item = (ArrayD<f32>, i32);
    fn len(&self) -> usize {
        self.labels.len()
    }
    #[track_caller]
    fn get(&self, index: usize) -> (ArrayD<f32>, i32) {
        (self.shaped(None, self.image(index).collect()), self.labels[index])
    }
}

/// Images `[n, 784]` or `[n, 1, 28, 28]`, contiguous, and their labels.
impl BatchDataset for Digits {
    type Batch = (ArrayD<f32>, Array1<i32>);
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> (ArrayD<f32>, Array1<i32>) {
        (self.images_of(indices), indices.iter().map(|&i| self.labels[i]).collect())
    }
}

/// `(1, 28, 28)`.
impl ImageSource for Digits {
    fn image(&self, index: usize) -> Result<(Array3<u8>, i32)> {
        let image = self.bytes().index_axis(Axis(0), index).to_owned();
        Ok((image.insert_axis(Axis(0)), self.labels[index]))
    }
}

/// Images without their labels.
#[derive(Debug, Clone)]
pub struct Images(Digits);

impl Dataset for Images {
    type Item = ArrayD<f32>;
    fn len(&self) -> usize {
        self.0.labels.len()
    }
    #[track_caller]
    fn get(&self, index: usize) -> ArrayD<f32> {
        self.0.get(index).0
    }
}

impl BatchDataset for Images {
    type Batch = ArrayD<f32>;
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> ArrayD<f32> {
        self.0.images_of(indices)
    }
}
