//! Primary keys.

use std::fmt::Debug;
use std::hash::Hash;

use nuages_storage::{DataType, Value};
use smallvec::{SmallVec, smallvec};

use crate::field::Field;

/// The values of a key, mostly one.
pub type KeyValues = SmallVec<[Value; 1]>;

/// A primary key: the value of a field, or a tuple of up to four.
pub trait Key: Clone + Debug + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// Its values, in the order of the key's fields.
    fn values(&self) -> KeyValues;

    /// The integer that it is, if it is one.
    #[inline]
    fn as_int(&self) -> Option<i64> {
        None
    }

    /// The key of these values; none if they are of other types.
    fn from_values(values: &[Value]) -> Option<Self>;
}

impl<T: Field + Debug + Eq + Hash> Key for T {
    fn values(&self) -> KeyValues {
        smallvec![self.to_value()]
    }

    #[inline]
    fn as_int(&self) -> Option<i64> {
        // What the compiler knows of the type decides; a text is not copied to be asked.
        let is_integer = matches!(T::DATA_TYPE, DataType::SmallInt | DataType::Integer | DataType::BigInt);
        if is_integer { self.to_value().as_int() } else { None }
    }

    fn from_values(values: &[Value]) -> Option<Self> {
        match values {
            [value] => T::from_value(value).ok(),
            _ => None,
        }
    }
}

macro_rules! composite {
    ($($($part:ident $index:tt)*;)*) => {$(
        impl<$($part: Field + Debug + Eq + Hash),*> Key for ($($part,)*) {
            fn values(&self) -> KeyValues {
                smallvec![$(self.$index.to_value()),*]
            }

            fn from_values(values: &[Value]) -> Option<Self> {
                Some(($($part::from_value(values.get($index)?).ok()?,)*))
            }
        }
    )*};
}

composite! {
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
}
