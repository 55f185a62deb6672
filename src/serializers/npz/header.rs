//! The header of an `.npy` member: a magic number, a version, and a Python dict literal.

use std::io::Read;

/// What is wrong with a member, before the file's name is known.
pub(super) struct Flaw {
    /// What was expected of it.
    pub expected: &'static str,
    /// What was there.
    pub actual: String,
    /// What to do, where it is not the usual.
    pub hint: Option<&'static str>,
}

impl Flaw {
    pub(super) fn new(expected: &'static str, actual: impl Into<String>) -> Flaw {
        Flaw { expected, actual: actual.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Flaw {
        self.hint = Some(hint);
        self
    }
}

/// Why a member could not be read.
pub(super) enum Fault {
    /// Its contents are wrong.
    Flaw(Flaw),
    /// Reading failed: damage too, unless it is the operating system that said so.
    Io(std::io::Error),
}

impl From<Flaw> for Fault {
    fn from(flaw: Flaw) -> Fault {
        Fault::Flaw(flaw)
    }
}

impl From<std::io::Error> for Fault {
    fn from(e: std::io::Error) -> Fault {
        Fault::Io(e)
    }
}

/// The kind of an element, by NumPy's type character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F16,
    F32,
    F64,
    I32,
    I64,
    U32,
    U8,
    Bool,
    /// Strings of this many code points.
    Text(usize),
    Object,
}

/// A parsed header.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    pub big_endian: bool,
    pub fortran: bool,
    pub shape: Vec<usize>,
}

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own headers take 118 bytes; a length far beyond that is damage, not to be allocated.
const LONGEST: usize = 1 << 20;

/// Reads a header of version 1, 2 or 3, and leaves the reader at the first element.
pub(super) fn read(from: &mut impl Read) -> Result<Header, Fault> {
    let mut start = [0; 8];
    from.read_exact(&mut start)?;
    if &start[..6] != MAGIC {
        return Err(
            Flaw::new("the magic bytes \\x93NUMPY", format!("{:?}", start[..6].escape_ascii().to_string())).into()
        );
    }
    let length = match start[6] {
        1 => {
            let mut n = [0; 2];
            from.read_exact(&mut n)?;
            usize::from(u16::from_le_bytes(n))
        }
        2 | 3 => {
            let mut n = [0; 4];
            from.read_exact(&mut n)?;
            u32::from_le_bytes(n) as usize
        }
        v => return Err(Flaw::new("version 1, 2 or 3 of the .npy format", format!("version {v}")).into()),
    };
    if length > LONGEST {
        return Err(Flaw::new("an .npy header of at most 1 MiB", format!("{length} bytes")).into());
    }
    let mut text = vec![0; length];
    from.read_exact(&mut text)?;
    Ok(parse(&text)?)
}

fn parse(text: &[u8]) -> Result<Header, Flaw> {
    let bad = || {
        let shown: String = text.escape_ascii().to_string().chars().take(160).collect();
        Flaw::new("a dict of 'descr', 'fortran_order' and 'shape' as the header", shown)
    };
    let mut at = Literal { text, at: 0 };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    at.expect(b'{').ok_or_else(bad)?;
    while !at.eat(b'}') {
        match at.string().ok_or_else(bad)? {
            b"descr" => {
                at.expect(b':').ok_or_else(bad)?;
                if at.peek() == Some(b'[') {
                    return Err(Flaw::new("elements of one plain type", "a structured dtype")
                        .hint("save each field as an array of its own"));
                }
                descr = Some(at.string().ok_or_else(bad)?);
            }
            b"fortran_order" => {
                at.expect(b':').ok_or_else(bad)?;
                fortran = Some(at.boolean().ok_or_else(bad)?);
            }
            b"shape" => {
                at.expect(b':').ok_or_else(bad)?;
                shape = Some(at.tuple().ok_or_else(bad)?);
            }
            _ => return Err(bad()),
        }
        if !at.eat(b',') {
            at.expect(b'}').ok_or_else(bad)?;
            break;
        }
    }
    at.skip_space();
    match (descr, fortran, shape) {
        (Some(descr), Some(fortran), Some(shape)) if at.at == text.len() => {
            let (kind, big_endian) = kind(descr)?;
            Ok(Header { kind, big_endian, fortran, shape })
        }
        _ => Err(bad()),
    }
}

fn kind(descr: &[u8]) -> Result<(Kind, bool), Flaw> {
    let unknown = || {
        Flaw::new(
            "elements of float16, float32, float64, int32, int64, uint32, uint8, bool, str or None",
            format!("dtype '{}'", descr.escape_ascii()),
        )
        .hint("convert the array with NumPy's astype and save it again")
    };
    let (order, rest) = match descr {
        [o @ (b'<' | b'>' | b'|' | b'='), rest @ ..] => (*o, rest),
        rest => (b'=', rest),
    };
    let kind = match rest {
        b"f2" => Kind::F16,
        b"f4" => Kind::F32,
        b"f8" => Kind::F64,
        b"i4" => Kind::I32,
        b"i8" => Kind::I64,
        b"u4" => Kind::U32,
        b"u1" => Kind::U8,
        b"b1" => Kind::Bool,
        b"O" | b"O8" => Kind::Object,
        [b'U', digits @ ..] => {
            let n = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok()).ok_or_else(unknown)?;
            Kind::Text(n)
        }
        _ => return Err(unknown()),
    };
    Ok((kind, order == b'>' || (order == b'=' && cfg!(target_endian = "big"))))
}

/// The few forms of Python literals that NumPy writes into headers.
struct Literal<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Literal<'a> {
    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.eat(byte).then_some(())
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let quote = self.peek().filter(|q| matches!(q, b'\'' | b'"'))?;
        let rest = &self.text[self.at + 1..];
        let end = rest.iter().position(|&b| b == quote)?;
        self.at += end + 2;
        Some(&rest[..end])
    }

    fn boolean(&mut self) -> Option<bool> {
        self.skip_space();
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Some(value);
            }
        }
        None
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        self.expect(b'(')?;
        let mut items = Vec::new();
        while !self.eat(b')') {
            self.skip_space();
            let digits = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
            items.push(std::str::from_utf8(&self.text[self.at..self.at + digits]).ok()?.parse().ok()?);
            self.at += digits;
            // Python 2 wrote long integers so.
            self.eat(b'L');
            if !self.eat(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Some(items)
    }
}

/// A version 1 header whose length, magic included, is a multiple of 64 bytes, as NumPy writes it.
pub(super) fn write(descr: &str, shape: &[usize]) -> Vec<u8> {
    let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut dict = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", dims.join(", "));
    let unpadded = 10 + dict.len() + 1;
    dict.extend(std::iter::repeat_n(' ', unpadded.next_multiple_of(64) - unpadded));
    dict.push('\n');
    let mut out = MAGIC.to_vec();
    out.extend([1, 0]);
    out.extend(u16::try_from(dict.len()).expect("fewer than 3,000 axes").to_le_bytes());
    out.extend(dict.into_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Header> {
        parse(text.as_bytes()).ok()
    }

    #[test]
    fn forms_that_numpy_wrote_over_the_years() {
        let h = parsed("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n").unwrap();
        assert_eq!(h, Header { kind: Kind::F32, big_endian: false, fortran: false, shape: vec![2, 3] });
        let h = parsed("{\"shape\": (7L,), \"fortran_order\": True, \"descr\": \">i8\"}").unwrap();
        assert_eq!(h, Header { kind: Kind::I64, big_endian: true, fortran: true, shape: vec![7] });
        assert_eq!(parsed("{'descr':'|b1','fortran_order':False,'shape':()}").unwrap().shape, Vec::<usize>::new());
        assert_eq!(parsed("{'descr': '<U214', 'fortran_order': False, 'shape': ()}").unwrap().kind, Kind::Text(214));
    }

    #[test]
    fn damaged_headers_are_refused() {
        for text in [
            "",
            "{",
            "{}",
            "{'descr': '<f4'}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } x",
            "{'descr': '<f4', 'fortran_order': false, 'shape': (2, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<U', 'fortran_order': False, 'shape': ()}",
            "{'descr: '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        ] {
            assert!(parsed(text).is_none(), "{text}");
        }
    }

    #[test]
    fn written_headers_are_read_back_and_aligned() {
        for shape in [vec![], vec![3], vec![2, 3], vec![1; 40]] {
            let bytes = write("<f4", &shape);
            assert_eq!(bytes.len() % 64, 0);
            let Ok(back) = read(&mut bytes.as_slice()) else { panic!("{shape:?}") };
            assert_eq!(back.shape, shape);
        }
    }
}
