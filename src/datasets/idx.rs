use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use ndarray::{ArrayD, IxDyn};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

const HINT: &str = "fetch the file again, or take it out of the folder";

/// Reads an idx file of bytes, gzip'd or not, which is how MNIST is published.
///
/// The shape is the one in the file's header. Whether the file is gzip'd is told from its first bytes, not its name.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read, [`Error::BadFile`] where it is no idx file of bytes, is damaged, or
/// has fewer or more bytes than its header says.
pub fn read_idx(path: impl AsRef<Path>) -> Result<ArrayD<u8>> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    let start = file.fill_buf().map_err(|e| Error::io("read", path, e))?;
    if start.starts_with(&[0x1f, 0x8b]) { parse(path, MultiGzDecoder::new(file)) } else { parse(path, file) }
}

fn parse(path: &Path, mut from: impl Read) -> Result<ArrayD<u8>> {
    let bad = |expected: String, actual: String| Error::BadFile {
        path: path.to_path_buf(),
        expected,
        actual,
        hint: HINT.into(),
    };
    let failed = |e: io::Error, expected: &str| match e.raw_os_error() {
        Some(_) => Error::io("read", path, e),
        None if e.kind() == io::ErrorKind::UnexpectedEof => bad(expected.into(), "the end of the file".into()),
        None => bad(expected.into(), e.to_string()),
    };
    let mut magic = [0; 4];
    from.read_exact(&mut magic).map_err(|e| failed(e, "the 4 bytes that every idx file begins with"))?;
    let [zero, zero_too, kind, axes] = magic;
    if zero != 0 || zero_too != 0 || axes == 0 {
        return Err(bad("an idx file, which begins with 00 00 08 and its number of axes".into(), hex(&magic)));
    };
    if kind != 0x08 {
        let name = match kind {
            0x09 => "signed bytes",
            0x0b => "16-bit integers",
            0x0c => "32-bit integers",
            0x0d => "32-bit floats",
            0x0e => "64-bit floats",
            _ => "an unknown type",
        };
        return Err(bad("an idx file of unsigned bytes, type 08".into(), format!("type {kind:02x}, {name}")));
    }
    let mut shape = Vec::with_capacity(usize::from(axes));
    for _ in 0..axes {
        let mut length = [0; 4];
        from.read_exact(&mut length).map_err(|e| failed(e, &format!("the lengths of {axes} axes in the header")))?;
        shape.push(u32::from_be_bytes(length) as usize);
    }
    let wanted = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).filter(|n| isize::try_from(*n).is_ok());
    let Some(wanted) = wanted else {
        return Err(bad("a shape that fits into memory".into(), format!("{shape:?}")));
    };
    // Memory is taken as the data come: a damaged header may promise anything.
    let mut data = Vec::with_capacity(wanted.min(1 << 26));
    let whole = format!("{wanted} bytes for shape {shape:?}");
    from.by_ref().take(wanted as u64).read_to_end(&mut data).map_err(|e| failed(e, &whole))?;
    if data.len() < wanted {
        return Err(bad(whole, format!("{} bytes before the end", data.len())));
    }
    // This read is also what checks the gzip member's CRC.
    let surplus = io::copy(&mut from, &mut io::sink()).map_err(|e| failed(e, &whole))?;
    if surplus > 0 {
        return Err(bad(whole, format!("{surplus} bytes more")));
    }
    let described = format!("{shape:?}");
    ArrayD::from_shape_vec(IxDyn(&shape), data)
        .map_err(|e| bad("a shape that fits into memory".into(), format!("{described}: {e}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    const SMALL: &[u8] = &[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    fn parsed(bytes: &[u8]) -> Result<ArrayD<u8>> {
        parse(Path::new("digits"), bytes)
    }

    fn text(bytes: &[u8]) -> String {
        parsed(bytes).unwrap_err().to_string()
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut to = GzEncoder::new(Vec::new(), Compression::default());
        to.write_all(bytes).unwrap();
        to.finish().unwrap()
    }

    #[test]
    fn shape_and_bytes_come_from_the_file() {
        let a = parsed(SMALL).unwrap();
        assert_eq!((a.shape(), a[[1, 0]]), (&[2, 3][..], 4));
        assert_eq!(parse(Path::new("digits"), MultiGzDecoder::new(gz(SMALL).as_slice())).unwrap(), a);
        assert_eq!(parsed(&[0, 0, 8, 1, 0, 0, 0, 0]).unwrap().len(), 0);
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(
            text(&[0, 0, 7]),
            "digits: expected the 4 bytes that every idx file begins with, found the end of the file; fetch the file again, or take it out of the folder"
        );
        assert!(text(b"\x89PNG\r\n").contains("found 89 50 4e 47"));
        assert!(text(&[0, 0, 8, 0]).contains("found 00 00 08 00"));
        assert!(text(&[0, 0, 0x0d, 1, 0, 0, 0, 1]).contains("type 0d, 32-bit floats"));
        assert!(text(&SMALL[..10]).contains("the lengths of 2 axes in the header"));
        assert!(text(&SMALL[..17]).contains("expected 6 bytes for shape [2, 3], found 5 bytes before the end"));
        assert!(text(&[SMALL, &[0]].concat()).contains("found 1 bytes more"));
        let huge = [0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];
        assert!(text(&huge).contains("a shape that fits into memory"));
        assert!(text(&[0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 255, 255, 1]).contains("found 1 bytes before the end"));
    }

    #[test]
    fn damaged_gzip_is_refused() {
        let whole = gz(SMALL);
        let read = |bytes: &[u8]| parse(Path::new("digits"), MultiGzDecoder::new(bytes));
        assert!(read(&whole).is_ok());
        for n in 0..whole.len() {
            assert!(matches!(read(&whole[..n]), Err(Error::BadFile { .. })), "the first {n} bytes");
        }
        for at in 10..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            assert!(read(&flipped).is_err(), "byte {at} flipped");
        }
    }
}
