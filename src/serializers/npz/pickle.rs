//! Telling a pickled object array of `None` from every other pickle, without running any.

/// What `numpy.save` writes after the header of `numpy.asarray(None)`, in a protocol that every Python 3 reads.
pub(super) const NONE: &[u8] = b"\x80\x03cnumpy.core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02C\x01bq\x03\x87q\x04Rq\x05(K\x01)cnumpy\ndtype\nq\x06X\x02\x00\x00\x00O8q\x07\x89\x88\x87q\x08Rq\t(K\x03X\x01\x00\x00\x00|q\nNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tq\x0bb\x89]q\x0cNatq\rb.";

/// The longest such pickle NumPy writes has 180 bytes.
pub(super) const LONGEST: u64 = 4096;

/// Whether the bytes are a NumPy object array that holds one `None`, as any pickle protocol from 2 on writes it.
///
/// The opcodes are only compared, never carried out: names other than NumPy's own array machinery are refused.
pub(super) fn is_none(pickle: &[u8]) -> bool {
    let Some(ops) = opcodes(pickle) else { return false };
    // The array's state ends with: is it in Fortran order, the list of its one object, end of the tuple, set, stop.
    ops.ends_with(b"\x89]Natb.")
}

/// The opcodes without their arguments and without the memo's; `None` where one has no place in such an array.
fn opcodes(pickle: &[u8]) -> Option<Vec<u8>> {
    let mut rest = pickle.strip_prefix(b"\x80").filter(|r| r.first().is_some_and(|v| (2..=5).contains(v)))?.get(1..)?;
    let mut ops = Vec::new();
    while let Some((&op, tail)) = rest.split_first() {
        let after = match op {
            b'(' | b')' | b']' | b'N' | b'R' | b'a' | b'b' | b't' => tail,
            0x85..=0x89 | 0x93 | 0x94 => tail,
            b'.' => {
                return if tail.is_empty() {
                    ops.push(op);
                    Some(ops)
                } else {
                    None
                };
            }
            b'K' | b'h' | b'q' => tail.get(1..)?,
            b'J' | b'j' | b'r' => tail.get(4..)?,
            0x95 => tail.get(8..)?,
            b'C' | b'U' | 0x8c => short(tail, known_text)?,
            b'X' => {
                let n = u32::from_le_bytes(*tail.first_chunk()?) as usize;
                let text = tail[4..].get(..n)?;
                known_text(text).then_some(())?;
                &tail[4 + n..]
            }
            b'c' => {
                let (module, tail) = line(tail)?;
                let (name, tail) = line(tail)?;
                known_name(module, name).then_some(())?;
                tail
            }
            _ => return None,
        };
        if !matches!(op, b'q' | b'r' | 0x94 | 0x95) {
            ops.push(op);
        }
        rest = after;
    }
    None
}

fn short(tail: &[u8], known: fn(&[u8]) -> bool) -> Option<&[u8]> {
    let n = usize::from(*tail.first()?);
    let text = tail.get(1..1 + n)?;
    known(text).then_some(&tail[1 + n..])
}

fn line(tail: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = tail.iter().position(|&b| b == b'\n')?;
    Some((&tail[..end], &tail[end + 1..]))
}

fn known_name(module: &[u8], name: &[u8]) -> bool {
    match module {
        b"numpy.core.multiarray" | b"numpy._core.multiarray" => name == b"_reconstruct",
        b"numpy" => matches!(name, b"ndarray" | b"dtype"),
        b"_codecs" => name == b"encode",
        _ => false,
    }
}

/// Every string in such a pickle, names pushed for protocol 4 included.
fn known_text(text: &[u8]) -> bool {
    matches!(
        text,
        b"b" | b"O8"
            | b"|"
            | b"latin1"
            | b"numpy"
            | b"ndarray"
            | b"dtype"
            | b"_reconstruct"
            | b"numpy.core.multiarray"
            | b"numpy._core.multiarray"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOL_2: &[u8] = b"\x80\x02cnumpy._core.multiarray\n_reconstruct\nq\x00cnumpy\nndarray\nq\x01K\x00\x85q\x02c_codecs\nencode\nq\x03X\x01\x00\x00\x00bq\x04X\x06\x00\x00\x00latin1q\x05\x86q\x06Rq\x07\x87q\x08Rq\t(K\x01)cnumpy\ndtype\nq\nX\x02\x00\x00\x00O8q\x0b\x89\x88\x87q\x0cRq\r(K\x03X\x01\x00\x00\x00|q\x0eNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tq\x0fb\x89]q\x10Natq\x11b.";
    const PROTOCOL_4: &[u8] = b"\x80\x04\x95\x87\x00\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01)h\x03\x8c\x05dtype\x94\x93\x94\x8c\x02O8\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01|\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?t\x94b\x89]\x94Nat\x94b.";

    #[test]
    fn every_protocol_is_known() {
        for pickle in [NONE, PROTOCOL_2, PROTOCOL_4] {
            assert!(is_none(pickle));
        }
    }

    #[test]
    fn other_pickles_are_not() {
        // os.system("true"), an object array of 1, and an array of None with a foreign name in it.
        assert!(!is_none(b"\x80\x03cos\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03."));
        let one: Vec<u8> = NONE[..NONE.len() - 6].iter().copied().chain(*b"K\x01atq\rb.").collect();
        assert!(!is_none(&one));
        let at = NONE.windows(6).position(|w| w == b"\nndarr").unwrap() - 5;
        let foreign: Vec<u8> = NONE[..at].iter().chain(b"posix\nsystem").chain(&NONE[at + 13..]).copied().collect();
        assert!(foreign.windows(14).any(|w| w == b"cposix\nsystem\n"));
        assert!(!is_none(&foreign));
        for n in 0..NONE.len() {
            assert!(!is_none(&NONE[..n]), "the first {n} bytes");
        }
    }
}
