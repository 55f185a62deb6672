use super::{
    NpyValue,
    header::{self, Fault, Flaw, Header, Kind},
    pickle,
};
use crate::error::{Error, Result};
use half::f16;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};
use zip::{ZipArchive, result::ZipError};

const DAMAGED: &str = "the file is damaged or was not written to its end; write or fetch it again";
/// Memory is taken as the data come, not as a damaged header promises them.
const AT_ONCE: usize = 1 << 20;

/// An open `.npz` file, whose members are read when they are asked for.
///
/// Members may be stored or deflated, larger than 4 GiB, in C or Fortran order, of either byte order, and of
/// version 1, 2 or 3 of the `.npy` format. What they are checked against is their CRC, their header and their length.
#[derive(Debug)]
pub struct NpzReader {
    path: PathBuf,
    names: Vec<String>,
    index: HashMap<String, usize>,
    archive: Mutex<ZipArchive<BufReader<File>>>,
}

impl NpzReader {
    /// Opens a file and reads its directory.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be opened, [`Error::BadFile`] where it is no zip archive or names a member twice.
    pub fn open(path: impl Into<PathBuf>) -> Result<NpzReader> {
        let path = path.into();
        let file = File::open(&path).map_err(|e| Error::io("read", &path, e))?;
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|e| whole_file(&path, e))?;
        let (mut names, mut index) = (Vec::new(), HashMap::new());
        for i in 0..archive.len() {
            let name =
                archive.name_for_index(i).expect("an index below the length").map_err(|e| whole_file(&path, e))?;
            let Some(name) = name.strip_suffix(".npy") else { continue };
            if index.insert(name.to_string(), i).is_some() {
                return Err(Error::BadFile {
                    expected: "every member once".into(),
                    actual: format!("`{name}` twice"),
                    hint: "write the file again; it is not known which of the two was meant".into(),
                    path,
                });
            }
            names.push(name.to_string());
        }
        Ok(NpzReader { path, names, index, archive: Mutex::new(archive) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The members' names in the file's order, without `.npy`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether there is a member of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// Reads one member.
    ///
    /// # Errors
    /// [`Error::BadFile`] where there is no such member, where it is damaged, and where its dtype is none of
    /// [`NpyValue`]'s; a pickle other than that of `None` is refused, never run.
    pub fn get(&self, name: &str) -> Result<NpyValue> {
        let Some(&i) = self.index.get(name) else {
            return Err(Error::BadFile {
                path: self.path.clone(),
                expected: format!("a member `{name}`"),
                actual: self.listing(),
                hint: "check that the file belongs to this model or run".into(),
            });
        };
        let mut archive = self.archive.lock();
        let mut member = archive.by_index(i).map_err(|e| self.member_error(name, from_zip(e)))?;
        let size = member.size();
        read_member(&mut member, size).map_err(|fault| self.member_error(name, fault))
    }

    fn listing(&self) -> String {
        const SHOWN: usize = 8;
        let mut list: Vec<String> = self.names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect();
        match self.names.len() {
            0 => return "no array at all".into(),
            n if n > SHOWN => list.push(format!("{} more", n - SHOWN)),
            _ => {}
        }
        list.join(", ")
    }

    fn member_error(&self, name: &str, fault: Fault) -> Error {
        let flaw = match fault {
            Fault::Io(e) if is_the_system(&e) => return Error::io("read", &self.path, e),
            Fault::Io(e) => Flaw::new("data to its end with the right checksum", e.to_string()),
            Fault::Flaw(flaw) => flaw,
        };
        Error::BadFile {
            path: self.path.clone(),
            expected: format!("member `{name}` to have {}", flaw.expected),
            actual: flaw.actual,
            hint: flaw.hint.unwrap_or(DAMAGED).into(),
        }
    }
}

/// A wrong offset in a damaged file makes the system refuse a seek; every other code it gives is its own trouble.
fn is_the_system(e: &io::Error) -> bool {
    e.raw_os_error().is_some() && e.kind() != io::ErrorKind::InvalidInput
}

fn from_zip(e: ZipError) -> Fault {
    match e {
        ZipError::Io(e) => Fault::Io(e),
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => Fault::Flaw(
            Flaw::new("stored or deflated data without a password", e.to_string())
                .hint("write it with numpy.savez or numpy.savez_compressed"),
        ),
        e => Fault::Flaw(Flaw::new("an entry in the zip archive", e.to_string())),
    }
}

fn whole_file(path: &Path, e: ZipError) -> Error {
    match e {
        ZipError::Io(e) if is_the_system(&e) => Error::io("read", path, e),
        e => Error::BadFile {
            path: path.to_path_buf(),
            expected: "an .npz file, which is a zip archive".into(),
            actual: e.to_string(),
            hint: DAMAGED.into(),
        },
    }
}

fn read_member(from: &mut impl Read, size: u64) -> Result<NpyValue, Fault> {
    let mut from = Counted { inner: from, read: 0 };
    let header = header::read(&mut from)?;
    let held = size.saturating_sub(from.read);
    let value = match header.kind {
        Kind::Object => none(&header, &mut from)?,
        kind => {
            let count = element_count(&header, held)?;
            let big = header.big_endian;
            match kind {
                Kind::F16 => array(&header, numbers(&mut from, count, big, f16::from_le_bytes)?)?.into(),
                Kind::F32 => array(&header, numbers(&mut from, count, big, f32::from_le_bytes)?)?.into(),
                Kind::F64 => array(&header, numbers(&mut from, count, big, f64::from_le_bytes)?)?.into(),
                Kind::I32 => array(&header, numbers(&mut from, count, big, i32::from_le_bytes)?)?.into(),
                Kind::I64 => array(&header, numbers(&mut from, count, big, i64::from_le_bytes)?)?.into(),
                Kind::U32 => array(&header, numbers(&mut from, count, big, u32::from_le_bytes)?)?.into(),
                Kind::U8 => array(&header, numbers(&mut from, count, big, |[b]| b)?)?.into(),
                Kind::Bool => array(&header, numbers(&mut from, count, big, |[b]| b != 0)?)?.into(),
                Kind::Text(width) => array(&header, strings(&mut from, count, width, big)?)?.into(),
                Kind::Object => unreachable!("handled above"),
            }
        }
    };
    // Reading on to the end is also what checks the CRC.
    let surplus = io::copy(&mut from, &mut io::sink())?;
    if surplus > 0 {
        return Err(Flaw::new("nothing after its last element", format!("{surplus} bytes more")).into());
    }
    Ok(value)
}

fn element_count(header: &Header, held: u64) -> Result<usize, Flaw> {
    let size = match header.kind {
        Kind::U8 | Kind::Bool => 1,
        Kind::F16 => 2,
        Kind::F32 | Kind::I32 | Kind::U32 => 4,
        Kind::F64 | Kind::I64 | Kind::Object => 8,
        Kind::Text(width) => width.saturating_mul(4),
    };
    let count = header.shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let bytes = count.and_then(|n| n.checked_mul(size));
    match (count, bytes) {
        // Empty strings take no bytes, so that no length holds their number in check.
        (Some(count), Some(bytes)) if bytes as u64 == held && (size > 0 || count <= AT_ONCE) => Ok(count),
        _ => Err(Flaw::new(
            "as many bytes as its shape says",
            format!("shape {:?} of {size} bytes an element, and {held} bytes", header.shape),
        )),
    }
}

fn array<T: Clone>(header: &Header, data: Vec<T>) -> Result<ArrayD<T>, Flaw> {
    let shape = IxDyn(&header.shape);
    let made = ArrayD::from_shape_vec(shape.set_f(header.fortran), data)
        .map_err(|e| Flaw::new("a shape that fits into memory", format!("{:?}: {e}", header.shape)))?;
    Ok(if header.fortran { made.as_standard_layout().into_owned() } else { made })
}

fn numbers<T, const N: usize>(
    from: &mut impl Read,
    count: usize,
    big_endian: bool,
    decode: fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    let mut out = Vec::with_capacity(count.min(AT_ONCE));
    let mut buffer = vec![0; (count * N).min(1 << 16)];
    let mut left = count;
    while left > 0 {
        let bytes = &mut buffer[..(left * N).min(1 << 16)];
        from.read_exact(bytes)?;
        left -= bytes.len() / N;
        let (elements, _) = bytes.as_chunks_mut::<N>();
        if big_endian {
            elements.iter_mut().for_each(|e| e.reverse());
        }
        out.extend(elements.iter().map(|e| decode(*e)));
    }
    Ok(out)
}

fn strings(from: &mut impl Read, count: usize, width: usize, big_endian: bool) -> Result<Vec<String>, Fault> {
    let mut out = Vec::with_capacity(count.min(AT_ONCE));
    for _ in 0..count {
        let mut codes = numbers(from, width, big_endian, u32::from_le_bytes)?;
        while codes.last() == Some(&0) {
            codes.pop();
        }
        let text: Option<String> = codes.iter().map(|&c| char::from_u32(c)).collect();
        out.push(text.ok_or_else(|| Flaw::new("strings of Unicode characters", "a number that is no character"))?);
    }
    Ok(out)
}

fn none(header: &Header, from: &mut impl Read) -> Result<NpyValue, Fault> {
    let mut bytes = Vec::new();
    from.take(pickle::LONGEST).read_to_end(&mut bytes)?;
    if header.shape.is_empty() && pickle::is_none(&bytes) {
        return Ok(NpyValue::None);
    }
    let found = format!("an object array of shape {:?}", header.shape);
    Err(Flaw::new("plain data, or None", found)
        .hint("pickles can run any code and are not loaded; convert the array with NumPy and save it again")
        .into())
}

struct Counted<'a, R> {
    inner: &'a mut R,
    read: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(into)?;
        self.read += n as u64;
        Ok(n)
    }
}
