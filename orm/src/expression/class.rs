//! Classes of values: which comparisons and transforms a column has.
//!
//! A class is a type parameter of columns and expressions because the compiler tells two inherent impls apart by a
//! type parameter and not by an associated type: so `contains` is a search in text and nothing else has it.

pub mod transform;

use crate::path::{Cols, Hop, Nullability, Path};

pub use transform::{DateCols, NoCols, TimeCols, TimestampCols};

/// A class of values.
pub trait Class: Send + Sync + 'static {
    /// What can be taken out of a column of this class by a dot: `created_at.year`.
    type Transforms<P: Path, H: Hop, N: Nullability>: Cols;
}

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident: $transforms:ident,)*) => {$(
        $(#[$doc])*
        pub struct $class;
        impl Class for $class {
            type Transforms<P: Path, H: Hop, N: Nullability> = $transforms<P, H, N>;
        }
    )*};
}

classes! {
    /// True and false.
    Boolean: NoCols,
    /// Integers, floats and decimals, which compare with each other.
    Number: NoCols,
    /// Text.
    Text: NoCols,
    /// Bytes.
    Binary: NoCols,
    /// Days.
    Day: DateCols,
    /// Times of day.
    Clock: TimeCols,
    /// Instants.
    Instant: TimestampCols,
    /// Lengths of time.
    Span: NoCols,
    /// UUIDs.
    Unique: NoCols,
    /// JSON.
    Document: NoCols,
}
