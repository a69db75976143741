//! Rows as index keys.

use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Value};

use super::Vector;

impl Vector<'_> {
    /// Adds the value of a row to a key, or its NULL if `part` is nullable.
    pub fn push_key(&self, part: KeyPart, row: usize, key: &mut KeyBuffer) {
        match self {
            Vector::Word { kind, data, nulls } if *kind != DataType::Float && !nulls.contains(row) => {
                key.push_int(part, data[row].cast_signed());
            }
            column if column.holds_text() => match column.text(row) {
                Some(text) => key.push_text(part, text),
                None => key.push_null(part),
            },
            column => key.push_value(part, &column.value(row)),
        }
    }

    /// Whether its rows are texts.
    pub(crate) fn holds_text(&self) -> bool {
        match self {
            Vector::Text { .. } => true,
            Vector::Leaf(column) => matches!(column.kind(), DataType::Text { .. }),
            Vector::Constant { value, .. } => matches!(value, Value::Text(_)),
            _ => false,
        }
    }
}
