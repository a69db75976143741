//! What a row of a queryset is: an instance, an instance with extras, a tuple, one value, a list, a map.
//!
//! [`Select`] says what `values_list` takes and what rows it makes; [`Push`] how `annotate` lets a row grow; [`Row`]
//! how a row is read. A model row grows to `Annotated<M, (A,)>`, a row `(A,)` to `(A, B)`.
//!
//! Reading is from left to right: [`Columns`] counts the columns that were read, and knows what joined models lie
//! behind them.

pub(crate) mod joined;
mod prefetched;
mod push;
mod select;

use std::any::Any;
use std::ops::{Deref, DerefMut};

use indexmap::IndexMap;
use nuages_storage::Value;

use crate::field::{DecodeError, Field, RowReader, ShiftedRow};
use crate::model::Model;
use crate::node::Node;

pub use crate::words::Fields;
pub use joined::Joined;
pub use prefetched::Prefetched;
pub use push::Push;
pub use select::{Select, Selection};

/// The row of `values()`: names as Django makes them, and values.
pub type ValuesRow = IndexMap<String, Value>;

/// What a queryset yields.
pub trait Row: Sized {
    /// Whether the names of the columns are part of the row.
    const NAMED: bool = false;

    /// The instance of a model that the row is or has, for what is read into it after the query.
    fn instance(&mut self) -> Option<&mut dyn Any> {
        None
    }

    /// The places for rows of `prefetch_to`, in their order.
    fn slots<'r>(&'r mut self, _slots: &mut Vec<&'r mut dyn Any>) {}

    /// Reads the row from the next columns.
    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError>;
}

/// Where the next column of a row is, and what is known of the rows of the whole result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Columns<'q> {
    /// The next column.
    pub next: usize,
    /// The names of all columns; only rows of `values()` ask for them.
    pub names: &'q [String],
    /// What was selected, if rows are not instances.
    pub selected: &'q [Node],
    /// The fields that were read, if rows need not be whole; only partial rows ask for it.
    pub read: Option<&'q [u16]>,
    /// The models that were joined by `select_related`.
    pub joined: &'q [Joined],
}

impl Columns<'_> {
    /// Takes `count` columns; gives the first.
    pub(crate) fn take(&mut self, count: usize) -> usize {
        let first = self.next;
        self.next += count;
        first
    }
}

/// An instance and what was annotated to it. It derefs to the instance.
///
/// ```
/// use nuages::row::Annotated;
/// let mut row = Annotated { object: String::from("alice"), extra: (3,) };
/// row.push('!');
/// assert_eq!((row.len(), row.extra.0), (6, 3));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Annotated<M, A> {
    /// The instance.
    pub object: M,
    /// The annotations, in the order in which they were made.
    pub extra: A,
}

impl<M, A> Deref for Annotated<M, A> {
    type Target = M;
    fn deref(&self) -> &M {
        &self.object
    }
}

impl<M, A> DerefMut for Annotated<M, A> {
    fn deref_mut(&mut self) -> &mut M {
        &mut self.object
    }
}

/// Reads an instance and the models joined to it. The derive implements `Row` of each model by it.
pub fn read_instance<M: Model, R: RowReader + ?Sized>(
    row: &R,
    columns: &mut Columns<'_>,
) -> Result<M, DecodeError> {
    let first = columns.take(M::meta().column_count());
    // The instance stays where it was made: a row has a hundred bytes and more, and each move copies them.
    let mut read = decode::<M, R>(row, first);
    match &mut read {
        Ok(_) if columns.joined.is_empty() => {}
        Ok(instance) => joined::attach(instance, row, columns.joined)?,
        Err(error) => error.shift(first),
    }
    read
}

/// Reads an instance from the columns that begin at `first`. Where nothing is optimised, one reading serves rows of all
/// kinds: it is the longest function of a model, and would be compiled for each kind.
#[inline]
pub(crate) fn decode<M: Model, R: RowReader + ?Sized>(row: &R, first: usize) -> Result<M, DecodeError> {
    let row = ShiftedRow::new(row, first);
    match cfg!(debug_assertions) {
        true => M::decode::<dyn RowReader>(&row),
        false => M::decode(&row),
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field> Row for T {
    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
        T::decode(row, columns.take(1))
    }
}

#[diagnostic::do_not_recommend]
impl<M: Row, A: Row> Row for Annotated<M, A> {
    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
        Ok(Annotated { object: M::read(row, columns)?, extra: A::read(row, columns)? })
    }

    fn instance(&mut self) -> Option<&mut dyn Any> {
        self.object.instance()
    }

    fn slots<'r>(&'r mut self, slots: &mut Vec<&'r mut dyn Any>) {
        self.extra.slots(slots);
    }
}

#[diagnostic::do_not_recommend]
impl Row for ValuesRow {
    const NAMED: bool = true;

    fn read<R: RowReader + ?Sized>(row: &R, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
        let names = columns.names.iter().skip(columns.next).cloned();
        let values = (columns.next..).map(|column| row.value(column));
        let row: ValuesRow = names.zip(values).collect();
        columns.take(row.len());
        Ok(row)
    }
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($part: Row),*> Row for ($($part,)*) {
            fn read<Source: RowReader + ?Sized>(row: &Source, columns: &mut Columns<'_>) -> Result<Self, DecodeError> {
                Ok(($($part::read(row, columns)?,)*))
            }

            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn slots<'r>(&'r mut self, slots: &mut Vec<&'r mut dyn Any>) {
                let ($($part,)*) = self;
                $($part.slots(slots);)*
            }
        }
    )*};
}

/// Calls a macro with the names of tuples' places, from one to twelve.
macro_rules! for_tuples {
    ($callback:ident) => {
        $callback! {
            A;
            A B;
            A B C;
            A B C D;
            A B C D E;
            A B C D E F;
            A B C D E F G;
            A B C D E F G H;
            A B C D E F G H I;
            A B C D E F G H I J;
            A B C D E F G H I J K;
            A B C D E F G H I J K L;
        }
    };
}
pub(crate) use for_tuples;

for_tuples!(tuples);
