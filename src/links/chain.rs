//! Structs of links.

/// Makes a struct whose fields are links a [`Link`](crate::links::Link) itself.
///
/// Parameters get the paths of their fields. A field marked `#[plain]` is no link; it must be `Clone + Send + Sync`.
///
/// ```
/// use catena::prelude::*;
///
/// chain! {
///     /// Two layers.
///     pub struct Net {
///         l1: L::Linear,
///         l2: L::Linear,
///         #[plain]
///         slope: f64,
///     }
/// }
///
/// let net = Net { l1: L::Linear::new(4, 3), l2: L::Linear::new(3, 2), slope: 0.1 };
/// let names: Vec<String> = net.namedparams().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["/l1/W", "/l1/b", "/l2/W", "/l2/b"]);
/// assert_eq!((net.count_params(), net.copy().slope), (23, 0.1));
/// ```
#[macro_export]
macro_rules! chain {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident $(<$($generic:ident),+>)? { $($fields:tt)* }
    ) => {
        $crate::chain!(@field
            { $(#[$meta])* $vis struct $name [$($($generic),+)?] }
            [] [] [] [] link
            $($fields)* ,
        );
    };
    // One field after the other: its attributes first, then its name and type.
    (@field $head:tt [$($done:tt)*] [$($links:ident)*] [$($plain:ident)*] [$($attrs:tt)*] $kind:ident #[plain] $($rest:tt)*) => {
        $crate::chain!(@field $head [$($done)*] [$($links)*] [$($plain)*] [$($attrs)*] plain $($rest)*);
    };
    (@field $head:tt [$($done:tt)*] [$($links:ident)*] [$($plain:ident)*] [$($attrs:tt)*] $kind:ident #[$($attr:tt)*] $($rest:tt)*) => {
        $crate::chain!(@field $head [$($done)*] [$($links)*] [$($plain)*] [$($attrs)* #[$($attr)*]] $kind $($rest)*);
    };
    (@field $head:tt [$($done:tt)*] [$($links:ident)*] [$($plain:ident)*] [$($attrs:tt)*] link $vis:vis $field:ident : $type:ty , $($rest:tt)*) => {
        $crate::chain!(@field $head [$($done)* $($attrs)* $vis $field : $type ,] [$($links)* $field] [$($plain)*] [] link $($rest)*);
    };
    (@field $head:tt [$($done:tt)*] [$($links:ident)*] [$($plain:ident)*] [$($attrs:tt)*] plain $vis:vis $field:ident : $type:ty , $($rest:tt)*) => {
        $crate::chain!(@field $head [$($done)* $($attrs)* $vis $field : $type ,] [$($links)*] [$($plain)* $field] [] link $($rest)*);
    };
    (@field { $(#[$meta:meta])* $vis:vis struct $name:ident [$($generic:ident),*] }
        [$($done:tt)*] [$($links:ident)*] [$($plain:ident)*] [] link $(,)?
    ) => {
        $(#[$meta])*
        #[allow(non_snake_case)]
        $vis struct $name<$($generic),*> { $($done)* }

        impl<$($generic: $crate::links::Link + 'static),*> $crate::links::Link for $name<$($generic),*> {
            #[allow(unused_variables)]
            fn visit(&self, path: &mut $crate::links::Path, visitor: &mut dyn $crate::links::Visit) {
                $(path.child(stringify!($links), |path| $crate::links::Link::visit(&self.$links, path, visitor));)*
            }

            #[allow(unused_variables)]
            fn replicate(&self, replica: $crate::links::Replica) -> Self {
                Self {
                    $($links: $crate::links::Link::replicate(&self.$links, replica),)*
                    $($plain: ::std::clone::Clone::clone(&self.$plain),)*
                }
            }

            fn replicate_boxed(&self, replica: $crate::links::Replica) -> ::std::boxed::Box<dyn $crate::links::Link> {
                ::std::boxed::Box::new($crate::links::Link::replicate(self, replica))
            }
        }
    };
}
