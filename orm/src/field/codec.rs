//! Rows as fields see them: written column by column, read column by column.

use jiff::{SignedDuration, Timestamp, civil};
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;
use uuid::Uuid;

/// A row being written. Columns come in ascending order, and those that were not named are NULL.
pub trait RowWriter {
    /// NULL.
    fn null(&mut self, column: usize);
    /// Whatever the database fills in: the next key, the column's default.
    fn fill(&mut self, column: usize);
    /// A boolean.
    fn bool(&mut self, column: usize, value: bool);
    /// An integer.
    fn int(&mut self, column: usize, value: i64);
    /// A double.
    fn float(&mut self, column: usize, value: f64);
    /// A decimal.
    fn decimal(&mut self, column: usize, value: Decimal);
    /// A text.
    fn text(&mut self, column: usize, value: &str);
    /// Bytes.
    fn bytes(&mut self, column: usize, value: &[u8]);
    /// A date.
    fn date(&mut self, column: usize, value: civil::Date);
    /// A time of day.
    fn time(&mut self, column: usize, value: civil::Time);
    /// An instant.
    fn timestamp(&mut self, column: usize, value: Timestamp);
    /// A length of time.
    fn duration(&mut self, column: usize, value: SignedDuration);
    /// A UUID.
    fn uuid(&mut self, column: usize, value: Uuid);
    /// JSON.
    fn json(&mut self, column: usize, value: &serde_json::Value);
    /// A value of any class; for what no other method takes, such as integers beyond 64 bits.
    fn value(&mut self, column: usize, value: Value);
}

/// A row being read. A method gives nothing if the column is NULL or of another class.
pub trait RowReader {
    /// Whether the column is NULL.
    fn is_null(&self, column: usize) -> bool;
    /// A boolean.
    fn bool(&self, column: usize) -> Option<bool>;
    /// An integer.
    fn int(&self, column: usize) -> Option<i64>;
    /// A double; also of integers and decimals.
    fn float(&self, column: usize) -> Option<f64>;
    /// A decimal; also of integers.
    fn decimal(&self, column: usize) -> Option<Decimal>;
    /// A text.
    fn text(&self, column: usize) -> Option<&str>;
    /// Bytes.
    fn bytes(&self, column: usize) -> Option<&[u8]>;
    /// A date.
    fn date(&self, column: usize) -> Option<civil::Date>;
    /// A time of day.
    fn time(&self, column: usize) -> Option<civil::Time>;
    /// An instant.
    fn timestamp(&self, column: usize) -> Option<Timestamp>;
    /// A length of time.
    fn duration(&self, column: usize) -> Option<SignedDuration>;
    /// A UUID.
    fn uuid(&self, column: usize) -> Option<Uuid>;
    /// JSON.
    fn json(&self, column: usize) -> Option<serde_json::Value>;
    /// The value, whatever it is.
    fn value(&self, column: usize) -> Value;
}

/// A stored value that the field's type does not know.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeError {
    /// The column's place in the row that was read.
    pub column: usize,
    /// What was expected.
    pub expected: DataType,
    /// What was there.
    pub found: Value,
}

impl DecodeError {
    /// The same in the row around it, in which the row that was read begins at an offset.
    pub(crate) fn shift(&mut self, offset: usize) {
        self.column += offset;
    }

    /// The same as a value.
    pub(crate) fn shifted(mut self, offset: usize) -> DecodeError {
        self.shift(offset);
        self
    }

    /// The error for a column of `row`.
    #[cold]
    pub fn new<R: RowReader + ?Sized>(row: &R, column: usize, expected: DataType) -> DecodeError {
        DecodeError { column, expected, found: row.value(column) }
    }
}

/// A row of one column, to be written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueRow(Value);

impl ValueRow {
    /// The value.
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl RowWriter for ValueRow {
    fn null(&mut self, _: usize) {
        self.0 = Value::Null;
    }
    fn fill(&mut self, _: usize) {
        self.0 = Value::Null;
    }
    fn bool(&mut self, _: usize, value: bool) {
        self.0 = Value::Bool(value);
    }
    fn int(&mut self, _: usize, value: i64) {
        self.0 = Value::Int(value);
    }
    fn float(&mut self, _: usize, value: f64) {
        self.0 = Value::Float(value);
    }
    fn decimal(&mut self, _: usize, value: Decimal) {
        self.0 = Value::Decimal(value);
    }
    fn text(&mut self, _: usize, value: &str) {
        self.0 = Value::Text(value.into());
    }
    fn bytes(&mut self, _: usize, value: &[u8]) {
        self.0 = Value::Bytes(value.into());
    }
    fn date(&mut self, _: usize, value: civil::Date) {
        self.0 = Value::Date(value);
    }
    fn time(&mut self, _: usize, value: civil::Time) {
        self.0 = Value::Time(value);
    }
    fn timestamp(&mut self, _: usize, value: Timestamp) {
        self.0 = Value::Timestamp(value);
    }
    fn duration(&mut self, _: usize, value: SignedDuration) {
        self.0 = Value::Duration(value);
    }
    fn uuid(&mut self, _: usize, value: Uuid) {
        self.0 = Value::Uuid(value);
    }
    fn json(&mut self, _: usize, value: &serde_json::Value) {
        self.0 = Value::Json(Box::new(value.clone()));
    }
    fn value(&mut self, _: usize, value: Value) {
        self.0 = value;
    }
}

/// The content of a value of one class.
macro_rules! take {
    ($value:ident, $class:ident) => {
        match $value {
            Value::$class(content) => Some(*content),
            _ => None,
        }
    };
}

/// The methods of [`RowReader`] that read a value, each with its type and how a [`Value`] gives it.
macro_rules! readers {
    ($callback:ident) => {
        $callback! {
            bool -> bool = |value| value.as_bool();
            int -> i64 = |value| value.as_int();
            float -> f64 = |value| value.as_float();
            decimal -> Decimal = |value| value.as_decimal();
            text -> &str = |value| value.as_text();
            bytes -> &[u8] = |value| value.as_bytes();
            date -> civil::Date = |value| take!(value, Date);
            time -> civil::Time = |value| take!(value, Time);
            timestamp -> Timestamp = |value| take!(value, Timestamp);
            duration -> SignedDuration = |value| take!(value, Duration);
            uuid -> Uuid = |value| take!(value, Uuid);
            json -> serde_json::Value = |value| value.as_json().cloned();
        }
    };
}

macro_rules! read_values {
    ($($method:ident -> $type:ty = |$value:ident| $read:expr;)*) => {
        /// A row of values, such as one of a result set.
        impl RowReader for [Value] {
            fn is_null(&self, column: usize) -> bool {
                self.get(column).is_none_or(Value::is_null)
            }
            $(fn $method(&self, column: usize) -> Option<$type> {
                let $value = self.get(column)?;
                $read
            })*
            fn value(&self, column: usize) -> Value {
                self.get(column).cloned().unwrap_or_default()
            }
        }
    };
}
readers!(read_values);

/// A row whose columns begin at an offset in another: that of a joined model.
#[derive(Clone, Copy, Debug)]
pub struct ShiftedRow<'r, R: ?Sized> {
    row: &'r R,
    offset: usize,
}

impl<'r, R: RowReader + ?Sized> ShiftedRow<'r, R> {
    /// The columns of `row` from `offset`.
    pub fn new(row: &'r R, offset: usize) -> Self {
        ShiftedRow { row, offset }
    }
}

macro_rules! read_shifted {
    ($($method:ident -> $type:ty = |$value:ident| $read:expr;)*) => {
        impl<R: RowReader + ?Sized> RowReader for ShiftedRow<'_, R> {
            fn is_null(&self, column: usize) -> bool {
                self.row.is_null(self.offset + column)
            }
            $(fn $method(&self, column: usize) -> Option<$type> {
                self.row.$method(self.offset + column)
            })*
            fn value(&self, column: usize) -> Value {
                self.row.value(self.offset + column)
            }
        }
    };
}
readers!(read_shifted);
