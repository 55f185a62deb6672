//! Indices as Python writes them: numbers, `None`, `Ellipsis`, `slice(a, b, c)`, tuples and lists.

use catena::{
    autograd::Variable,
    functions::Index,
    shape::{DType, Slice},
    tensor::Tensor,
};

#[derive(Debug)]
pub enum Written {
    None,
    Ellipsis,
    Number(i64),
    Truth(bool),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Tuple(Vec<Written>),
    List(Vec<Written>),
}

/// Reads one value and takes it off the text.
pub fn read(text: &mut &str) -> Written {
    *text = text.trim_start();
    let mut is = |word: &str| {
        let found = text.starts_with(word);
        if found {
            *text = &text[word.len()..];
        }
        found
    };
    if is("None") || is("null") {
        return Written::None;
    }
    if is("Ellipsis") || is("...") {
        return Written::Ellipsis;
    }
    if is("True") || is("true") {
        return Written::Truth(true);
    }
    if is("False") || is("false") {
        return Written::Truth(false);
    }
    if is("array(") {
        let inside = read(text);
        until(text, ')');
        return inside;
    }
    if is("slice(") {
        let parts: Vec<Option<i64>> = items(text, ')')
            .iter()
            .map(|w| match w {
                Written::Number(n) => Some(*n),
                _ => None,
            })
            .collect();
        let part = |i: usize| parts.get(i).copied().flatten();
        return Written::Slice(part(0), part(1), part(2));
    }
    if is("(") {
        return Written::Tuple(items(text, ')'));
    }
    if is("[") {
        return Written::List(items(text, ']'));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let number = text[..end].parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    *text = &text[end..];
    Written::Number(number)
}

fn until(text: &mut &str, end: char) {
    *text = text.find(end).map_or("", |at| &text[at + 1..]);
}

/// Values up to the closing bracket.
fn items(text: &mut &str, end: char) -> Vec<Written> {
    let mut list = vec![];
    loop {
        *text = text.trim_start_matches([' ', ',']);
        match text.chars().next() {
            Some(c) if c == end => {
                *text = &text[1..];
                return list;
            }
            Some(_) => list.push(read(text)),
            None => return list,
        }
    }
}

impl Written {
    /// The parts of an index: a list that is not of numbers counts as a tuple, as in Chainer.
    pub fn parts(self) -> Vec<Written> {
        match self {
            Written::Tuple(parts) => parts,
            Written::List(parts)
                if !parts.iter().all(|p| matches!(p, Written::Number(_) | Written::Truth(_))) || parts.is_empty() =>
            {
                parts
            }
            one => vec![one],
        }
    }

    pub fn index(&self, x: &Variable) -> Index {
        let wide = |n: Option<i64>| n.map(|n| n as isize);
        match self {
            Written::None => Slice::NewAxis.into(),
            Written::Ellipsis => Slice::Ellipsis.into(),
            Written::Number(n) => Slice::Index(*n as isize).into(),
            Written::Slice(a, b, c) => Slice::Range(wide(*a), wide(*b), wide(*c).unwrap_or(1)).into(),
            Written::Truth(_) => panic!("a truth by itself"),
            Written::Tuple(_) | Written::List(_) => {
                let (mut values, mut shape) = (vec![], vec![]);
                self.gather(0, &mut values, &mut shape);
                Index::At(Variable::constant(Tensor::from_slice(&values, shape, x.device()).cast(DType::I32)))
            }
        }
    }

    /// Numbers of nested lists; truths of a list become the positions of those that hold.
    fn gather(&self, depth: usize, values: &mut Vec<i32>, shape: &mut Vec<usize>) {
        match self {
            Written::Number(n) => values.push(*n as i32),
            Written::Tuple(list) | Written::List(list) => {
                if list.iter().any(|w| matches!(w, Written::Truth(_))) {
                    let held = list.iter().enumerate().filter(|(_, w)| matches!(w, Written::Truth(true)));
                    values.extend(held.map(|(i, _)| i as i32));
                    shape.push(values.len());
                    return;
                }
                if shape.len() == depth {
                    shape.push(list.len());
                }
                list.iter().for_each(|w| w.gather(depth + 1, values, shape));
            }
            other => panic!("{other:?} in a list of positions"),
        }
    }
}
