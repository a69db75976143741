//! One column of a batch.
//!
//! A column that comes straight from a leaf of a table is borrowed: words are a slice of the leaf, everything of
//! another width ([`LeafColumn`]) is fetched from the leaf when asked for, so a filter that drops a row never looks
//! at its texts. A column that was computed, or gathered from several leaves by a join or a sort, owns its data and
//! still borrows the texts. `'v` is the life of what is borrowed: the version that is read.
//!
//! Order of reading: this file (the shapes, and reading one value), [`text`](self::Texts) (how texts are held),
//! `leaf` (columns of a leaf), `builder` (columns from rows of other columns), `key` (rows as bytes that sort as they
//! do: for grouping, joining and sorting).
//!
//! Invariants: data and null map have the same number of rows; a null row holds some datum that means nothing; what
//! a row of the wrong kind is asked for is `None`, as if it were NULL (plans are typed, so nobody asks).

mod builder;
mod key;
mod leaf;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};
use nuages_storage::value::temporal;
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use builder::VectorBuilder;
pub use leaf::LeafColumn;
pub(crate) use leaf::TextsOf;
pub use text::Texts;

use crate::bits::{Bits, WORD_ROWS};

/// The most rows an operator puts into a batch it makes: a thousand rows of a few columns stay in the second-level
/// cache, and the cost per batch is spread thin.
pub const BATCH_ROWS_MAX: usize = 1_024;

/// One column of a batch. See the [module](self).
#[derive(Clone, Debug)]
pub enum Vector<'v> {
    /// Booleans.
    Bool {
        /// The rows that are true; no null row is among them.
        bits: Bits,
        /// The rows that are NULL.
        nulls: Bits,
    },
    /// Integers, floats, dates, times, timestamps and durations as the words they are stored as.
    Word {
        /// What a word means.
        kind: DataType,
        /// The words.
        data: Cow<'v, [u64]>,
        /// The rows that are NULL.
        nulls: Bits,
    },
    /// Decimals.
    Decimal {
        /// The decimals.
        data: Vec<Decimal>,
        /// The rows that are NULL.
        nulls: Bits,
    },
    /// Decimals of one scale as integers, each so many times the last digit of that scale (fixed point).
    Fixed {
        /// How many digits stand after the point.
        scale: u8,
        /// The integers.
        data: Vec<u64>,
        /// The rows that are NULL.
        nulls: Bits,
    },
    /// Texts.
    Text {
        /// The texts.
        data: Texts<'v>,
        /// The rows that are NULL.
        nulls: Bits,
    },
    /// What is rare: bytes, UUIDs, JSON.
    Values {
        /// Their type.
        kind: DataType,
        /// The values; NULL is [`Value::Null`].
        data: Vec<Value>,
    },
    /// A column of a leaf that is fetched when asked for: decimals, texts, bytes, UUIDs, JSON.
    Leaf(LeafColumn<'v>),
    /// One value in every row.
    Constant {
        /// The value.
        value: Value,
        /// Its type; none if it is NULL of no known type.
        kind: Option<DataType>,
        /// How many rows.
        len: usize,
    },
}

impl<'v> Vector<'v> {
    /// `len` times `value`.
    #[must_use]
    pub fn constant(value: Value, len: usize) -> Self {
        let kind = value.data_type();
        Vector::Constant { value, kind, len }
    }

    /// Words without NULLs.
    #[must_use]
    pub fn words(kind: DataType, data: Vec<u64>) -> Self {
        let nulls = Bits::none(data.len());
        Vector::Word { kind, data: Cow::Owned(data), nulls }
    }

    /// Integers without NULLs.
    #[must_use]
    pub fn ints(data: impl IntoIterator<Item = i64>) -> Self {
        Self::words(DataType::BigInt, data.into_iter().map(i64::cast_unsigned).collect())
    }

    /// A column of these values.
    #[must_use]
    pub fn from_values(kind: DataType, values: impl IntoIterator<Item = Value>) -> Self {
        let mut builder = VectorBuilder::new(kind);
        values.into_iter().for_each(|value| builder.push(&value));
        builder.finish()
    }

    /// How many rows there are. (Booleans know it only to the next multiple of 64, so a batch holds it too.)
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Vector::Bool { bits, .. } => bits.words().len() * crate::bits::WORD_ROWS,
            Vector::Word { data, .. } => data.len(),
            Vector::Decimal { data, .. } => data.len(),
            Vector::Fixed { data, .. } => data.len(),
            Vector::Text { data, .. } => data.len(),
            Vector::Values { data, .. } => data.len(),
            Vector::Leaf(column) => column.len(),
            Vector::Constant { len, .. } => *len,
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows that are NULL.
    #[must_use]
    pub fn nulls(&self) -> Bits {
        match self {
            Vector::Bool { nulls, .. }
            | Vector::Word { nulls, .. }
            | Vector::Decimal { nulls, .. }
            | Vector::Fixed { nulls, .. }
            | Vector::Text { nulls, .. } => nulls.clone(),
            Vector::Values { data, .. } => Bits::from_fn(data.len(), |row| data[row].is_null()),
            Vector::Leaf(column) => column.nulls(),
            Vector::Constant { value: Value::Null, len, .. } => Bits::all(*len),
            Vector::Constant { len, .. } => Bits::none(*len),
        }
    }

    /// The rows of `selection` that are not NULL. (Of a constant the length means nothing here.)
    #[must_use]
    #[inline]
    pub fn present(&self, selection: &Bits) -> Bits {
        match self {
            Vector::Bool { nulls, .. }
            | Vector::Word { nulls, .. }
            | Vector::Decimal { nulls, .. }
            | Vector::Fixed { nulls, .. }
            | Vector::Text { nulls, .. } => selection.and_not(nulls),
            Vector::Constant { value: Value::Null, .. } => selection.and_not(selection),
            Vector::Constant { .. } => selection.clone(),
            Vector::Values { .. } | Vector::Leaf(_) => selection.and_not(&self.nulls()),
        }
    }

    /// Whether the row is NULL.
    #[must_use]
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Vector::Bool { nulls, .. }
            | Vector::Word { nulls, .. }
            | Vector::Decimal { nulls, .. }
            | Vector::Fixed { nulls, .. }
            | Vector::Text { nulls, .. } => nulls.contains(row),
            Vector::Values { data, .. } => data.get(row).is_none_or(Value::is_null),
            Vector::Leaf(column) => column.is_null(row),
            Vector::Constant { value, .. } => value.is_null(),
        }
    }

    /// The word of the row, or `None` if it is NULL or has another form.
    #[must_use]
    #[inline]
    pub fn word(&self, row: usize) -> Option<u64> {
        match self {
            Vector::Word { data, nulls, .. } if !nulls.contains(row) => data.get(row).copied(),
            Vector::Constant { value, .. } => value.to_word(),
            _ => None,
        }
    }

    /// The boolean of the row; `None` is NULL, here and below.
    #[must_use]
    #[inline]
    pub fn bool(&self, row: usize) -> Option<bool> {
        match self {
            Vector::Bool { bits, nulls } if !nulls.contains(row) => Some(bits.contains(row)),
            Vector::Constant { value, .. } => value.as_bool(),
            _ => None,
        }
    }

    /// The integer of the row.
    #[must_use]
    #[inline]
    pub fn int(&self, row: usize) -> Option<i64> {
        self.word(row).map(u64::cast_signed)
    }

    /// The float of the row.
    #[must_use]
    #[inline]
    pub fn float(&self, row: usize) -> Option<f64> {
        match self {
            Vector::Constant { value, .. } => value.as_float(),
            column => column.word(row).map(f64::from_bits),
        }
    }

    /// The decimal of the row.
    #[must_use]
    #[inline]
    pub fn decimal(&self, row: usize) -> Option<Decimal> {
        match self {
            Vector::Decimal { data, nulls } if !nulls.contains(row) => data.get(row).copied(),
            Vector::Fixed { scale, data, nulls } if !nulls.contains(row) => {
                data.get(row).map(|units| Decimal::new(units.cast_signed(), u32::from(*scale)))
            }
            Vector::Leaf(column) => column.decimal(row),
            Vector::Constant { value, .. } => value.as_decimal(),
            _ => None,
        }
    }

    /// The text of the row; of JSON, which is stored as text, only [`LeafColumn::text`] is.
    #[must_use]
    #[inline]
    pub fn text(&self, row: usize) -> Option<&str> {
        match self {
            Vector::Text { data, nulls } if !nulls.contains(row) => Some(data.get(row)),
            Vector::Leaf(column) if column.kind() != DataType::Json => column.text(row),
            Vector::Constant { value, .. } => value.as_text(),
            _ => None,
        }
    }

    /// The text of the row, if it lies where it outlives the column: in what is read, and not in the column itself.
    #[must_use]
    #[inline]
    pub fn lent_text(&self, row: usize) -> Option<&'v str> {
        match self {
            Vector::Text { data, nulls } if !nulls.contains(row) => data.borrowed(row),
            Vector::Leaf(column) if column.kind() != DataType::Json => column.text(row),
            _ => None,
        }
    }

    /// The bytes of the row.
    #[must_use]
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        match self {
            Vector::Values { data, .. } => data.get(row)?.as_bytes(),
            Vector::Leaf(column) => column.bytes(row),
            Vector::Constant { value, .. } => value.as_bytes(),
            _ => None,
        }
    }

    /// The date of the row.
    #[must_use]
    pub fn date(&self, row: usize) -> Option<Date> {
        self.word(row).and_then(|word| temporal::date_from_days(word.cast_signed()))
    }

    /// The time of day of the row.
    #[must_use]
    pub fn time(&self, row: usize) -> Option<Time> {
        self.word(row).and_then(|word| temporal::time_from_micros(word.cast_signed()))
    }

    /// The timestamp of the row.
    #[must_use]
    pub fn timestamp(&self, row: usize) -> Option<Timestamp> {
        self.word(row).and_then(|word| temporal::timestamp_from_micros(word.cast_signed()))
    }

    /// The duration of the row.
    #[must_use]
    pub fn duration(&self, row: usize) -> Option<SignedDuration> {
        self.word(row).map(|word| temporal::duration_from_micros(word.cast_signed()))
    }

    /// The UUID of the row.
    #[must_use]
    pub fn uuid(&self, row: usize) -> Option<Uuid> {
        let of = |value: &Value| match value {
            Value::Uuid(uuid) => Some(*uuid),
            _ => None,
        };
        match self {
            Vector::Values { data, .. } => of(data.get(row)?),
            Vector::Leaf(column) => column.uuid(row),
            Vector::Constant { value, .. } => of(value),
            _ => None,
        }
    }

    /// The JSON of the row; parsed where it comes from a leaf.
    #[must_use]
    pub fn json(&self, row: usize) -> Option<Cow<'_, serde_json::Value>> {
        match self {
            Vector::Values { data, .. } => data.get(row)?.as_json().map(Cow::Borrowed),
            Vector::Leaf(column) => column.json(row).map(Cow::Owned),
            Vector::Constant { value, .. } => value.as_json().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The row as a value.
    #[must_use]
    pub fn value(&self, row: usize) -> Value {
        match self {
            Vector::Bool { .. } => self.bool(row).into(),
            Vector::Word { kind, .. } => {
                self.word(row).and_then(|word| kind.value_from_word(word)).unwrap_or_default()
            }
            Vector::Decimal { .. } | Vector::Fixed { .. } => self.decimal(row).into(),
            Vector::Text { .. } => self.text(row).into(),
            Vector::Values { data, .. } => data.get(row).cloned().unwrap_or_default(),
            Vector::Leaf(column) => column.value(row),
            Vector::Constant { value, .. } => value.clone(),
        }
    }

    /// Adds the value of each selected row to the row of values that is made of it.
    pub(crate) fn add_values(&self, selection: &Bits, rows: &mut [Vec<Value>]) {
        let selected = selection.iter().zip(rows);
        match self {
            Vector::Word { kind: DataType::BigInt | DataType::Integer | DataType::SmallInt, data, nulls } => {
                for (row, values) in selected {
                    let word = data.get(row).filter(|_| !nulls.contains(row));
                    values.push(word.map_or(Value::Null, |word| Value::Int(word.cast_signed())));
                }
            }
            column => selected.for_each(|(row, values)| values.push(column.value(row))),
        }
    }

    /// A column of these rows of this one, in this order; [`NO_ROW`] becomes NULL. Texts that lie in a leaf are not
    /// copied.
    #[must_use]
    pub fn gather(&self, rows: &[u32]) -> Vector<'v> {
        if let Vector::Constant { value, kind, .. } = self
            && (value.is_null() || !rows.contains(&NO_ROW))
        {
            return Vector::Constant { value: value.clone(), kind: *kind, len: rows.len() };
        }
        if let Vector::Word { kind, data, nulls } = self {
            let words = rows.iter().map(|row| data.get(*row as usize).copied().unwrap_or_default());
            let nulls = gathered_nulls(nulls, data.len(), rows);
            return Vector::Word { kind: *kind, data: words.collect(), nulls };
        }
        let mut builder = VectorBuilder::like(self, rows.len());
        builder.append_rows(self, rows);
        builder.finish()
    }
}

/// The NULLs of rows of a column of `len` rows, given its own.
fn gathered_nulls(nulls: &Bits, len: usize, rows: &[u32]) -> Bits {
    // Looking through the NULLs of a long column would take longer than looking for those of a few of its rows.
    let none = len <= BATCH_ROWS_MAX && nulls.is_empty();
    Bits::from_words_with(rows.len(), |start| {
        let rows = &rows[start..rows.len().min(start + WORD_ROWS)];
        match none {
            true => word_where(rows, |row| row >= len),
            false => word_where(rows, |row| row >= len || nulls.contains(row)),
        }
    })
}

/// The bits of up to 64 tests.
#[inline]
fn word_where(rows: &[u32], test: impl Fn(usize) -> bool) -> u64 {
    rows.iter().rev().fold(0, |word, row| word << 1 | u64::from(test(*row as usize)))
}

/// Stands for no row in [`Vector::gather`], as an outer join needs it: the result is NULL there.
pub const NO_ROW: u32 = u32::MAX;
