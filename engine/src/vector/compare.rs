//! Rows of columns compared: for grouping, joining and sorting. Both columns are of one type.

use std::cmp::Ordering;

use nuages_storage::key::KeyPart;
use nuages_storage::{DataType, Value};

use super::Vector;

impl Vector<'_> {
    /// Whether two rows are the same for grouping: equal, or both NULL.
    #[must_use]
    #[inline]
    pub fn same(&self, row: usize, other: &Vector<'_>, other_row: usize) -> bool {
        self.compare(row, other, other_row).is_eq()
    }

    /// The order of two rows in a sort. NULL has its place also if the part says that there is none.
    #[must_use]
    #[inline]
    pub fn order(&self, row: usize, other: &Vector<'_>, other_row: usize, part: KeyPart) -> Ordering {
        match (self.is_null(row), other.is_null(other_row)) {
            (false, false) => {
                let order = self.compare(row, other, other_row);
                if part.descending { order.reverse() } else { order }
            }
            (left, right) if part.nulls_first => right.cmp(&left),
            (left, right) => left.cmp(&right),
        }
    }

    /// The order of two rows as values: NULL is the greatest and equals itself.
    #[must_use]
    #[inline]
    pub fn compare(&self, row: usize, other: &Vector<'_>, other_row: usize) -> Ordering {
        if let Vector::Word { kind, .. } = self
            && *kind != DataType::Float
            && matches!(other, Vector::Word { .. })
        {
            return nulls_last(self.int(row), other.int(other_row), |a, b| a.cmp(&b));
        }
        self.compare_slowly(row, other, other_row)
    }

    fn compare_slowly(&self, row: usize, other: &Vector<'_>, other_row: usize) -> Ordering {
        match (self, other) {
            (Vector::Bool { .. }, Vector::Bool { .. }) => {
                nulls_last(self.bool(row), other.bool(other_row), |a, b| a.cmp(&b))
            }
            (Vector::Word { .. }, Vector::Word { .. }) => {
                nulls_last(self.float(row), other.float(other_row), compare_floats)
            }
            _ if self.holds_text() && other.holds_text() => {
                nulls_last(self.text(row), other.text(other_row), str::cmp)
            }
            _ if self.holds_decimals() && other.holds_decimals() => {
                nulls_last(self.decimal(row), other.decimal(other_row), |a, b| a.cmp(&b))
            }
            _ => self.value(row).cmp(&other.value(other_row)),
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

    /// Whether its rows are decimals.
    pub(crate) fn holds_decimals(&self) -> bool {
        match self {
            Vector::Decimal { .. } => true,
            Vector::Leaf(column) => matches!(column.kind(), DataType::Decimal { .. }),
            Vector::Constant { value, .. } => matches!(value, Value::Decimal(_)),
            _ => false,
        }
    }
}

#[inline]
fn nulls_last<T>(left: Option<T>, right: Option<T>, compare: impl FnOnce(T, T) -> Ordering) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => compare(left, right),
        (left, right) => left.is_none().cmp(&right.is_none()),
    }
}

/// PostgreSQL's order of floats: NaN is the greatest and equals itself, `-0.0` equals `0.0`.
#[inline]
pub(crate) fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}
