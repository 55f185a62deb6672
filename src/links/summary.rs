//! A model as a table.

use super::{Link, Parameter, Path, Persistent, Visit};
use crate::shape::{DType, Shape};
use std::fmt;

/// One line of a [`Summary`].
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The path, such as `/l1/W`.
    pub path: String,
    /// The shape, once it is known.
    pub shape: Option<Shape>,
    /// The type of the elements.
    pub dtype: DType,
    /// What it is.
    pub kind: Kind,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A parameter that optimizers change.
    Learnt,
    /// A parameter that they leave as it is.
    Frozen,
    /// A persistent value.
    Kept,
    /// A parameter that is shown elsewhere too: here is where.
    Shared(String),
}

/// The parameters and persistent values of a link, made by [`Link::summary`]; shows as a table.
///
/// ```
/// # use catena::prelude::*;
/// let net = L::Sequential::new().then(L::Linear::new(3, 2)).then(L::BatchNormalization::new(2));
/// let text = net.summary().to_string();
/// assert!(text.contains("/0/W") && text.contains("(2, 3)") && text.ends_with("12 parameters, 12 of them learnt\n"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Parameters and persistent values in the order of their fields.
    pub entries: Vec<Entry>,
}

impl Summary {
    pub(super) fn of<K: Link + ?Sized>(link: &K) -> Summary {
        #[derive(Default)]
        struct Gather {
            entries: Vec<Entry>,
            seen: Vec<(Parameter, String)>,
        }
        impl Visit for Gather {
            fn parameter(&mut self, path: &str, parameter: &Parameter) {
                let kind = match self.seen.iter().find(|(p, _)| p.is(parameter)) {
                    Some((_, first)) => Kind::Shared(first.clone()),
                    None if parameter.updates() => Kind::Learnt,
                    None => Kind::Frozen,
                };
                self.seen.push((parameter.clone(), path.into()));
                let (shape, dtype) = (parameter.shape(), parameter.dtype());
                self.entries.push(Entry { path: path.into(), shape, dtype, kind });
            }

            fn persistent(&mut self, path: &str, persistent: &Persistent) {
                let data = persistent.data();
                let (shape, dtype) = (Some(data.shape().clone()), data.dtype());
                self.entries.push(Entry { path: path.into(), shape, dtype, kind: Kind::Kept });
            }
        }
        let mut gather = Gather::default();
        link.visit(&mut Path::default(), &mut gather);
        Summary { entries: gather.entries }
    }

    /// Numbers in parameters, and how many of them optimizers change.
    pub fn counts(&self) -> (usize, usize) {
        let of = |kinds: &[Kind]| {
            let chosen = self.entries.iter().filter(|e| kinds.contains(&e.kind));
            chosen.filter_map(|e| e.shape.as_ref()).map(Shape::size).sum()
        };
        (of(&[Kind::Learnt, Kind::Frozen]), of(&[Kind::Learnt]))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = |e: &Entry| e.shape.as_ref().map_or_else(|| "not known yet".to_string(), Shape::to_string);
        let rows: Vec<[String; 4]> = self
            .entries
            .iter()
            .map(|e| {
                let size = e.shape.as_ref().map_or_else(String::new, |s| s.size().to_string());
                let what = match &e.kind {
                    Kind::Learnt => String::new(),
                    Kind::Frozen => "frozen".into(),
                    Kind::Kept => "kept".into(),
                    Kind::Shared(first) => format!("is {first}"),
                };
                [e.path.clone(), shape(e), size, what]
            })
            .collect();
        let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
        let (path, shape, size) = (width(0), width(1), width(2));
        for [p, s, n, what] in &rows {
            let line = format!("{p:path$}  {s:shape$}  {n:>size$}  {what}");
            writeln!(f, "{}", line.trim_end())?;
        }
        let (all, learnt) = self.counts();
        writeln!(f, "{all} parameters, {learnt} of them learnt")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::{Linear, Sequential};

    #[test]
    fn a_table_of_what_there_is() {
        let layer = Linear::new(2, 2).nobias();
        let frozen = Linear::new(2, 1);
        frozen.disable_update();
        let net = Sequential::new().then(layer.share()).then(layer).then(frozen).then(Linear::lazy(4).nobias());
        let summary = net.summary();
        assert_eq!(summary.counts(), (4 + 3, 4));
        let expected = "/0/W  (2, 2)         4\n/1/W  (2, 2)         4  is /0/W\n/2/W  (1, 2)         2  frozen\n\
                        /2/b  (1,)           1  frozen\n/3/W  not known yet\n7 parameters, 4 of them learnt\n";
        assert_eq!(summary.to_string(), expected);
    }
}
