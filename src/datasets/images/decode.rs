use crate::error::{Error, Result};
use ndarray::Array3;
use std::path::Path;

/// Reads a picture from a JPEG or PNG file: `(channels, height, width)`.
///
/// Grey pictures have one channel, colours three, transparency is one more.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read; [`Error::BadFile`] where it holds no picture that can be decoded, or catena
/// was built without its feature `images`.
pub fn read_image(path: impl AsRef<Path>) -> Result<Array3<u8>> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    decode_image(&bytes).map_err(|actual| Error::BadFile {
        path: path.into(),
        expected: "a JPEG or PNG picture".into(),
        actual,
        hint: "convert it, or leave it out".into(),
    })
}

/// Decodes the bytes of a JPEG or PNG file: `(channels, height, width)`.
///
/// # Errors
/// What is wrong with them.
#[cfg(not(feature = "images"))]
pub fn decode_image(_: &[u8]) -> Result<Array3<u8>, String> {
    Err("a file that catena, built without its feature `images`, cannot decode".into())
}

#[cfg(feature = "images")]
pub use with_decoders::decode_image;

#[cfg(feature = "images")]
mod with_decoders {
    use ndarray::{Array3, ArrayView3};
    use zune_jpeg::{
        JpegDecoder,
        zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
    };

    /// Pixels a side that are believed.
    const SIDE: usize = 1 << 15;

    /// Decodes the bytes of a JPEG or PNG file: `(channels, height, width)`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode_image(bytes: &[u8]) -> Result<Array3<u8>, String> {
        match bytes {
            [] => Err("an empty file".into()),
            [0xff, 0xd8, ..] => jpeg(bytes).map_err(|e| format!("a JPEG file that cannot be decoded ({e})")),
            [0x89, b'P', b'N', b'G', ..] => png(bytes).map_err(|e| format!("a PNG file that cannot be decoded ({e})")),
            _ => Err("another kind of file".into()),
        }
    }

    fn planes(bytes: &[u8], height: usize, width: usize, channels: usize) -> Result<Array3<u8>, String> {
        let view = ArrayView3::from_shape((height, width, channels), bytes).map_err(|e| e.to_string())?;
        Ok(view.permuted_axes([2, 0, 1]).as_standard_layout().into_owned())
    }

    /// Whether the last scan of a JPEG file has an end: the decoder fills up what is missing.
    fn is_whole(bytes: &[u8]) -> bool {
        let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
        matches!((last(0xda), last(0xd9)), (Some(scan), Some(end)) if end > scan)
    }

    fn jpeg(bytes: &[u8]) -> Result<Array3<u8>, String> {
        if !is_whole(bytes) {
            return Err("it is cut off".into());
        }
        let options = || DecoderOptions::default().set_strict_mode(true).set_max_width(SIDE).set_max_height(SIDE);
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options());
        decoder.decode_headers().map_err(|e| e.to_string())?;
        let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
        let (colours, channels) = if grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
        decoder.set_options(options().jpeg_set_out_colorspace(colours));
        let pixels = decoder.decode().map_err(|e| e.to_string())?;
        let (width, height) = decoder.dimensions().ok_or("no size")?;
        planes(&pixels, height, width, channels)
    }

    fn png(bytes: &[u8]) -> Result<Array3<u8>, String> {
        let limits = png::Limits { bytes: 1 << 30 };
        let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
        decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
        let size = reader.output_buffer_size().filter(|n| *n <= 4 * SIDE * SIDE).ok_or("too large")?;
        let mut pixels = vec![0; size];
        let info = reader.next_frame(&mut pixels).map_err(|e| e.to_string())?;
        let (channels, _) = reader.output_color_type();
        pixels.truncate(info.buffer_size());
        planes(&pixels, info.height as usize, info.width as usize, channels.samples())
    }
}
