use crate::{shape::Element, tensor::HostArray};
use half::f16;
use ndarray::{Array, Array1, Array2, Array3, Array4, ArrayD, ArrayViewD, Axis, IxDyn, SliceInfoElem};

/// What fills the places that smaller examples of a batch leave empty.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Padding<'a> {
    /// Nothing: all examples must have one shape.
    #[default]
    None,
    /// This value, in every field.
    All(f64),
    /// For each field of the examples its value, or none where that field's shapes are all the same.
    Fields(&'a [Option<f64>]),
}

impl From<f64> for Padding<'_> {
    fn from(value: f64) -> Self {
        Padding::All(value)
    }
}

impl From<Option<f64>> for Padding<'_> {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Padding::None, Padding::All)
    }
}

impl<'a> From<&'a [Option<f64>]> for Padding<'a> {
    fn from(fields: &'a [Option<f64>]) -> Self {
        Padding::Fields(fields)
    }
}

impl Padding<'_> {
    #[track_caller]
    fn field(&self, index: usize, of: usize) -> Self {
        match self {
            Padding::Fields(fields) => {
                assert!(fields.len() == of, "padding for {} fields, but the examples have {of}", fields.len());
                fields[index].into()
            }
            other => *other,
        }
    }

    #[track_caller]
    fn value(&self) -> Option<f64> {
        match self {
            Padding::None => None,
            Padding::All(value) => Some(*value),
            Padding::Fields(_) => self.field(0, 1).value(),
        }
    }
}

/// An example that batches can be made of.
///
/// A number becomes an array of numbers, an array one with an axis more in front, and a tuple of such values the tuple
/// of their batches. A `Vec<HostArray>` is an example of as many fields as it has arrays.
pub trait Example: Sized {
    /// Several examples as one value.
    type Batch;

    /// Makes a batch; panics where there is no example, or where shapes or dtypes do not fit together.
    #[track_caller]
    fn concat(examples: Vec<Self>, padding: Padding<'_>) -> Self::Batch;
}

/// Puts examples behind one another along a new first axis, field by field, as Chainer's function of this name.
///
/// With a padding, the batch takes the largest length along each axis, and smaller examples are filled up at the end.
///
/// # Panics
/// Where there is no example, where shapes differ and there is no padding, where numbers of axes or dtypes differ, and
/// where an integer dtype cannot hold the padding.
///
/// ```
/// use catena::datasets::concat_examples;
/// use ndarray::{arr1, arr2};
/// let (x, t) = concat_examples(vec![(arr1(&[1.0_f32, 2.0, 3.0]), 0), (arr1(&[4.0]), 1)], -1.0);
/// assert_eq!(x, arr2(&[[1.0, 2.0, 3.0], [4.0, -1.0, -1.0]]));
/// assert_eq!(t, arr1(&[0, 1]));
/// ```
#[track_caller]
pub fn concat_examples<'a, E: Example>(examples: Vec<E>, padding: impl Into<Padding<'a>>) -> E::Batch {
    assert!(!examples.is_empty(), "the batch is empty");
    E::concat(examples, padding.into())
}

#[track_caller]
fn stack<T: Element>(examples: &[ArrayViewD<'_, T>], padding: Option<f64>) -> ArrayD<T> {
    let first = examples[0].shape();
    let differs = examples.iter().position(|e| e.shape() != first);
    let shape = |inner: &[usize]| IxDyn(&[&[examples.len()], inner].concat());
    let Some(at) = differs else {
        let mut all = Vec::with_capacity(examples.len() * examples[0].len());
        examples.iter().for_each(|e| match e.as_slice() {
            Some(values) => all.extend_from_slice(values),
            None => all.extend(e.iter().copied()),
        });
        return ArrayD::from_shape_vec(shape(first), all).expect("as many values as equal shapes have");
    };
    let (other, axes) = (examples[at].shape(), first.len());
    let Some(padding) = padding else {
        panic!("examples 0 and {at} have shapes {first:?} and {other:?}; give a padding to batch them");
    };
    let fill = T::from_f64(padding);
    assert!(T::DTYPE.is_float() || fill.to_f64() == padding, "{} cannot hold the padding {padding}", T::DTYPE);
    let mut largest = first.to_vec();
    for (i, e) in examples.iter().enumerate() {
        assert!(e.ndim() == axes, "examples 0 and {i} have {axes} and {} axes; padding cannot add one", e.ndim());
        largest.iter_mut().zip(e.shape()).for_each(|(l, d)| *l = (*l).max(*d));
    }
    let mut out = ArrayD::from_elem(shape(&largest), fill);
    for (mut row, e) in out.axis_iter_mut(Axis(0)).zip(examples) {
        let place: Vec<_> =
            e.shape().iter().map(|&d| SliceInfoElem::Slice { start: 0, end: Some(d as isize), step: 1 }).collect();
        row.slice_mut(place.as_slice()).assign(e);
    }
    out
}

impl<T: Element> Example for ArrayD<T> {
    type Batch = ArrayD<T>;
    #[track_caller]
    fn concat(examples: Vec<Self>, padding: Padding<'_>) -> ArrayD<T> {
        stack(&examples.iter().map(|e| e.view()).collect::<Vec<_>>(), padding.value())
    }
}

macro_rules! arrays {
    ($($array:ident to $batch:ident),*) => {$(
        impl<T: Element> Example for $array<T> {
            type Batch = $batch<T>;
            #[track_caller]
            fn concat(examples: Vec<Self>, padding: Padding<'_>) -> $batch<T> {
                let views: Vec<_> = examples.iter().map(|e| e.view().into_dyn()).collect();
                stack(&views, padding.value()).into_dimensionality().expect("one axis more")
            }
        }
    )*};
}
arrays!(Array1 to Array2, Array2 to Array3, Array3 to Array4);

macro_rules! scalars {
    ($($t:ty),*) => {$(
        impl Example for $t {
            type Batch = Array1<$t>;
            #[track_caller]
            fn concat(examples: Vec<$t>, padding: Padding<'_>) -> Array1<$t> {
                // Numbers need none, but one for each field must name this one too.
                padding.value();
                Array::from_vec(examples)
            }
        }
    )*};
}
scalars!(f16, f32, f64, i32, u32, u8, bool);

macro_rules! host {
    ($examples:ident, $padding:ident, $($variant:ident),*) => {
        match &$examples[0] {
            $(HostArray::$variant(_) => {
                let views: Vec<_> = $examples
                    .iter()
                    .enumerate()
                    .map(|(i, e)| match e {
                        HostArray::$variant(a) => a.view(),
                        e => panic!("examples 0 and {i} have dtypes {} and {}", $examples[0].dtype(), e.dtype()),
                    })
                    .collect();
                stack(&views, $padding.value()).into()
            })*
        }
    };
}

impl Example for HostArray {
    type Batch = HostArray;
    #[track_caller]
    fn concat(examples: Vec<HostArray>, padding: Padding<'_>) -> HostArray {
        host!(examples, padding, F16, F32, F64, I32, U32, U8, Bool)
    }
}

impl Example for Vec<HostArray> {
    type Batch = Vec<HostArray>;
    #[track_caller]
    fn concat(examples: Vec<Vec<HostArray>>, padding: Padding<'_>) -> Vec<HostArray> {
        let fields = examples[0].len();
        let mut columns: Vec<Vec<HostArray>> = (0..fields).map(|_| Vec::with_capacity(examples.len())).collect();
        for (i, example) in examples.into_iter().enumerate() {
            assert!(example.len() == fields, "examples 0 and {i} have {fields} and {} fields", example.len());
            columns.iter_mut().zip(example).for_each(|(column, value)| column.push(value));
        }
        columns.into_iter().enumerate().map(|(i, c)| HostArray::concat(c, padding.field(i, fields))).collect()
    }
}

macro_rules! tuples {
    ($of:literal: $($e:ident $v:ident $i:tt),*) => {
        impl<$($e: Example),*> Example for ($($e,)*) {
            type Batch = ($($e::Batch,)*);
            #[track_caller]
            fn concat(examples: Vec<Self>, padding: Padding<'_>) -> Self::Batch {
                $(let mut $v = Vec::with_capacity(examples.len());)*
                for example in examples {
                    $($v.push(example.$i);)*
                }
                ($($e::concat($v, padding.field($i, $of)),)*)
            }
        }
    };
}
tuples!(1: A a 0);
tuples!(2: A a 0, B b 1);
tuples!(3: A a 0, B b 1, C c 2);
tuples!(4: A a 0, B b 1, C c 2, D d 3);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr0, arr1, arr2};

    fn host(values: &[f32]) -> HostArray {
        arr1(values).into_dyn().into()
    }

    /// The trace of Chainer 7.8.1.
    #[test]
    fn padding_fills_as_chainer_does() {
        let label = |v: i32| HostArray::from(arr0(v).into_dyn());
        let examples = vec![vec![host(&[1.0, 2.0, 3.0]), label(0)], vec![host(&[4.0]), label(1)]];
        let out = concat_examples(examples, -1.0);
        assert_eq!(out[0], arr2(&[[1.0_f32, 2.0, 3.0], [4.0, -1.0, -1.0]]).into_dyn().into());
        assert_eq!(out[1], arr1(&[0, 1]).into_dyn().into());
    }

    #[test]
    fn each_field_has_its_padding() {
        let examples = vec![(arr1(&[1, 2]), arr1(&[0])), (arr1(&[3]), arr1(&[])), (arr1(&[]), arr1(&[2]))];
        let (a, b) = concat_examples(examples, &[Some(100.0), Some(200.0)][..]);
        assert_eq!(a, arr2(&[[1, 2], [3, 100], [100, 100]]));
        assert_eq!(b, arr2(&[[0], [200], [2]]));
    }

    #[test]
    fn shapes_decide_whether_padding_is_needed() {
        let batch = concat_examples(vec![arr2(&[[1.0_f32, 2.0]]), arr2(&[[3.0, 4.0]])], None);
        assert_eq!(batch.shape(), [2, 1, 2]);
        assert!(batch.is_standard_layout());
        let grown = concat_examples(vec![arr2(&[[1, 2]]), arr2(&[[3], [4]])], 0.0);
        assert_eq!(grown.into_raw_vec_and_offset().0, [1, 2, 0, 0, 3, 0, 4, 0]);
        // A transposed example is read in its logical order.
        let turned = arr2(&[[1, 2], [3, 4]]).reversed_axes();
        assert_eq!(concat_examples(vec![turned.clone()], None).into_raw_vec_and_offset().0, [1, 3, 2, 4]);
        assert_eq!(concat_examples(vec![(1_u8, true), (2, false)], None).1, arr1(&[true, false]));
    }

    #[test]
    #[should_panic(expected = "examples 0 and 1 have shapes [3] and [1]; give a padding")]
    fn other_shapes_without_padding_panic() {
        concat_examples(vec![host(&[1.0, 2.0, 3.0]), host(&[4.0])], None);
    }

    #[test]
    #[should_panic(expected = "examples 0 and 1 have dtypes float32 and int32")]
    fn other_dtypes_panic() {
        concat_examples(vec![host(&[1.0]), arr1(&[1_i32]).into_dyn().into()], None);
    }

    #[test]
    #[should_panic(expected = "uint8 cannot hold the padding -1")]
    fn a_padding_that_does_not_fit_panics() {
        concat_examples(vec![arr1(&[1_u8]), arr1(&[1, 2])], -1.0);
    }

    #[test]
    #[should_panic(expected = "the batch is empty")]
    fn no_example_panics() {
        concat_examples(Vec::<f32>::new(), None);
    }
}
