//! Columns from rows of other columns: the build side of a join, the input of a sort, the branches of a `CASE`.

use std::borrow::Cow;

use nuages_storage::value::decimal_from_wide;
use nuages_storage::{DataType, Lane, RowRef, Value};
use rust_decimal::Decimal;

use super::{BATCH_ROWS_MAX, NO_ROW, Texts, Vector};
use crate::bits::{Bits, WORD_ROWS};

/// Collects rows of columns of one type into one column of any length.
///
/// ```
/// use nuages_engine::bits::Bits;
/// use nuages_engine::vector::{Vector, VectorBuilder};
/// use nuages_storage::value::DataType;
/// let mut builder = VectorBuilder::new(DataType::BigInt);
/// builder.append(&Vector::ints([1, 2, 3]), &Bits::from_word(0b101));
/// builder.append_rows(&Vector::ints([4, 5]), &[1, 1]);
/// let column = builder.finish();
/// assert_eq!((0..column.len()).map(|row| column.int(row)).collect::<Vec<_>>(), [Some(1), Some(3), Some(5), Some(5)]);
/// ```
#[derive(Clone, Debug)]
pub struct VectorBuilder<'v> {
    kind: DataType,
    data: Data<'v>,
    nulls: Bits,
    len: usize,
}

#[derive(Clone, Debug)]
enum Data<'v> {
    Bool(Bits),
    Word(Vec<u64>),
    Decimal(Vec<Decimal>),
    Text(Texts<'v>),
    Values(Vec<Value>),
}

impl<'v> VectorBuilder<'v> {
    /// A builder of a column of this type.
    #[must_use]
    pub fn new(kind: DataType) -> Self {
        Self::with_capacity(kind, 0)
    }

    /// A builder with room for this many rows.
    #[must_use]
    pub fn with_capacity(kind: DataType, rows: usize) -> Self {
        let data = match kind {
            DataType::Decimal { .. } => Data::Decimal(Vec::with_capacity(rows)),
            DataType::Text { .. } => Data::Text(Texts::with_capacity(rows)),
            kind => match kind.lane() {
                Lane::Bit => Data::Bool(Bits::none(0)),
                Lane::Word | Lane::RowId => Data::Word(Vec::with_capacity(rows)),
                Lane::Wide | Lane::Text | Lane::Bytes => Data::Values(Vec::with_capacity(rows)),
            },
        };
        VectorBuilder { kind, data, nulls: Bits::none(0), len: 0 }
    }

    /// A builder of a column of the type of `column`, with room for this many rows.
    pub(super) fn like(column: &Vector<'v>, rows: usize) -> Self {
        let kind = match column {
            Vector::Bool { .. } => DataType::Bool,
            Vector::Word { kind, .. } | Vector::Values { kind, .. } => *kind,
            Vector::Decimal { .. } | Vector::Fixed { .. } => DataType::Decimal { precision: 28, scale: 0 },
            Vector::Text { .. } => DataType::Text { max_length: None },
            Vector::Leaf(column) => column.kind(),
            Vector::Constant { kind, .. } => kind.unwrap_or(DataType::Text { max_length: None }),
        };
        Self::with_capacity(kind, rows)
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the selected rows of a column.
    pub fn append(&mut self, column: &Vector<'v>, selection: &Bits) {
        self.append_each(column, selection.count(), selection.iter());
    }

    /// Adds these rows of a column, in this order; [`NO_ROW`] adds a NULL.
    pub fn append_rows(&mut self, column: &Vector<'v>, rows: &[u32]) {
        let row = |row: &u32| if *row == NO_ROW { BEYOND } else { *row as usize };
        self.append_each(column, rows.len(), rows.iter().map(row));
    }

    /// Adds one row of a column.
    #[inline]
    pub fn append_row(&mut self, column: &Vector<'v>, row: usize) {
        self.append_each(column, 1, std::iter::once(row));
    }

    /// Adds a slot of rows of a table, wherever they lie. Texts are not copied.
    pub fn append_slot(&mut self, rows: &[RowRef<'v>], slot: usize) {
        let first = self.len;
        let mut absent = |at: usize| self.nulls.insert(first + at);
        let count = rows.len();
        let rows = rows.iter().enumerate();
        match &mut self.data {
            Data::Word(data) => rows.for_each(|(at, row)| {
                let word = row.present_word(slot);
                data.push(word.unwrap_or_else(|| {
                    absent(at);
                    0
                }));
            }),
            Data::Bool(bits) => rows.for_each(|(at, row)| match row.null(slot) {
                true => absent(at),
                false if row.bool(slot) => bits.insert(first + at),
                false => {}
            }),
            Data::Decimal(data) => rows.for_each(|(at, row)| {
                let wide = (!row.null(slot)).then(|| decimal_from_wide(row.wide(slot)));
                data.push(wide.unwrap_or_else(|| {
                    absent(at);
                    Decimal::ZERO
                }));
            }),
            Data::Text(data) => rows.for_each(|(at, row)| {
                let text = row.text(slot);
                data.push_borrowed(text.unwrap_or_else(|| {
                    absent(at);
                    ""
                }));
            }),
            Data::Values(data) => rows.for_each(|(at, row)| {
                let value = row.value(slot, &self.kind);
                if value.is_null() {
                    absent(at);
                }
                data.push(value);
            }),
        }
        self.len = first + count;
    }

    /// Adds the ids of rows of a table.
    pub fn append_row_ids(&mut self, rows: &[RowRef<'v>]) {
        match &mut self.data {
            Data::Word(data) => data.extend(rows.iter().map(|row| row.row_id().get().cast_unsigned())),
            _ => return rows.iter().for_each(|_| self.push_null()),
        }
        self.len += rows.len();
    }

    /// Adds a value; NULL if it is not of the builder's type.
    pub fn push(&mut self, value: &Value) {
        match (&mut self.data, value) {
            (Data::Bool(bits), Value::Bool(true)) => bits.insert(self.len),
            (Data::Bool(_), Value::Bool(false)) => {}
            (Data::Decimal(data), Value::Decimal(decimal)) => data.push(*decimal),
            (Data::Decimal(data), Value::Int(int)) => data.push(Decimal::from(*int)),
            (Data::Text(data), Value::Text(text)) => data.push(text),
            (Data::Values(data), value) if !value.is_null() => data.push(value.clone()),
            (Data::Word(data), value) => match word_of(self.kind, value) {
                Some(word) => data.push(word),
                None => return self.push_null(),
            },
            _ => return self.push_null(),
        }
        self.len += 1;
    }

    /// Adds a NULL.
    pub fn push_null(&mut self) {
        match &mut self.data {
            Data::Bool(_) => {}
            Data::Word(data) => data.push(0),
            Data::Decimal(data) => data.push(Decimal::ZERO),
            Data::Text(data) => data.push_borrowed(""),
            Data::Values(data) => data.push(Value::Null),
        }
        self.nulls.insert(self.len);
        self.len += 1;
    }

    /// The column.
    #[must_use]
    pub fn finish(mut self) -> Vector<'v> {
        self.nulls.grow(self.len);
        let nulls = self.nulls;
        match self.data {
            Data::Bool(mut bits) => {
                bits.grow(self.len);
                Vector::Bool { bits, nulls }
            }
            Data::Word(data) => Vector::Word { kind: self.kind, data: Cow::Owned(data), nulls },
            Data::Decimal(data) => Vector::Decimal { data, nulls },
            Data::Text(data) => Vector::Text { data, nulls },
            Data::Values(data) => Vector::Values { kind: self.kind, data },
        }
    }

    /// Makes room for more rows. A column that is begun small and grows is copied at each step, and most are short.
    fn reserve(&mut self, count: usize) {
        match &mut self.data {
            Data::Bool(_) => {}
            Data::Word(data) => data.reserve(count),
            Data::Decimal(data) => data.reserve(count),
            Data::Text(data) => data.reserve(count),
            Data::Values(data) => data.reserve(count),
        }
    }

    /// Adds so many rows of a column, each known to be in it or beyond every row, which is NULL. First the data of all,
    /// then the NULLs: two loops without a branch that depends on a row.
    fn append_each(&mut self, column: &Vector<'v>, count: usize, rows: impl Iterator<Item = usize> + Clone) {
        self.reserve(count);
        match (&mut self.data, column) {
            (Data::Word(data), Vector::Word { data: source, nulls, .. }) => {
                data.extend(rows.clone().map(|row| source.get(row).copied().unwrap_or_default()));
                self.append_nulls(nulls, source.len(), rows);
            }
            (Data::Bool(bits), Vector::Bool { bits: source, nulls }) => {
                for (place, _) in rows.clone().enumerate().filter(|(_, row)| source.contains(*row)) {
                    bits.insert(self.len + place);
                }
                self.append_nulls(nulls, column.len(), rows);
            }
            (Data::Decimal(data), Vector::Decimal { data: source, nulls }) => {
                data.extend(rows.clone().map(|row| source.get(row).copied().unwrap_or_default()));
                self.append_nulls(nulls, source.len(), rows);
            }
            (Data::Decimal(data), Vector::Fixed { scale, data: source, nulls }) => {
                let decimal = |units: &u64| Decimal::new(units.cast_signed(), u32::from(*scale));
                data.extend(rows.clone().map(|row| source.get(row).map_or(Decimal::ZERO, decimal)));
                self.append_nulls(nulls, source.len(), rows);
            }
            (Data::Text(data), Vector::Text { data: source, nulls }) => {
                data.append(source, rows.clone());
                self.append_nulls(nulls, source.len(), rows);
            }
            (Data::Decimal(data), Vector::Leaf(source)) => {
                let decimal = |row| if row < source.len() { source.decimal(row) } else { None };
                data.extend(rows.clone().map(|row| decimal(row).unwrap_or_default()));
                self.append_nulls(&source.nulls(), source.len(), rows);
            }
            (Data::Text(data), Vector::Leaf(source)) => {
                let texts = source.stored_texts();
                let stored = |row| texts.and_then(|texts| texts.get(row));
                let text =
                    |row| if row < source.len() { stored(row).or_else(|| source.text(row)) } else { None };
                rows.clone().for_each(|row| data.push_borrowed(text(row).unwrap_or_default()));
                self.append_nulls(&source.nulls(), source.len(), rows);
            }
            _ => {
                let len = column.len();
                rows.for_each(|row| if row < len { self.push(&column.value(row)) } else { self.push_null() });
            }
        }
    }

    /// Notes which of the rows just added are NULL, given the NULLs of the column they are from and its length.
    fn append_nulls(&mut self, nulls: &Bits, len: usize, rows: impl Iterator<Item = usize> + Clone) {
        let start = self.len;
        self.len = match &self.data {
            Data::Bool(_) => start + rows.clone().count(),
            Data::Word(data) => data.len(),
            Data::Decimal(data) => data.len(),
            Data::Text(data) => data.len(),
            Data::Values(data) => data.len(),
        };
        // Looking through the NULLs of a long column, of which few rows are taken, would take longer than those rows.
        let none = len <= BATCH_ROWS_MAX && nulls.is_empty();
        if none && rows.clone().all(|row| row < len) {
            return;
        }
        // A word at a time: a branch for each row would be mispredicted, and each insertion would ask for room.
        let mut word = 0;
        let mut place = start;
        for row in rows {
            let is_null = row >= len || (!none && nulls.contains(row));
            word |= u64::from(is_null) << (place % WORD_ROWS);
            place += 1;
            if place.is_multiple_of(WORD_ROWS) {
                self.nulls.insert_word(place / WORD_ROWS - 1, std::mem::take(&mut word));
            }
        }
        self.nulls.insert_word(place / WORD_ROWS, word);
    }
}

/// What [`NO_ROW`] is among the rows of a column: beyond every row.
const BEYOND: usize = usize::MAX;

/// The word of a value in a column of type `kind`, if it is of that type.
fn word_of(kind: DataType, value: &Value) -> Option<u64> {
    match (kind, value) {
        (DataType::Float, Value::Int(_)) => value.as_float().map(f64::to_bits),
        (DataType::Float, Value::Float(_))
        | (DataType::SmallInt | DataType::Integer | DataType::BigInt, Value::Int(_))
        | (DataType::Date, Value::Date(_))
        | (DataType::Time, Value::Time(_))
        | (DataType::Timestamp, Value::Timestamp(_))
        | (DataType::Duration, Value::Duration(_)) => value.to_word(),
        _ => None,
    }
}

impl Vector<'_> {
    /// `len` NULLs of a type.
    #[must_use]
    pub fn null(kind: DataType, len: usize) -> Self {
        Vector::Constant { value: Value::Null, kind: Some(kind), len }
    }
}
