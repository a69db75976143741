//! What statements are told and return: rows under names, what was done, and where keys come from.

use std::ops::Deref;
use std::sync::Arc;

use nuages_storage::{TableId, Value};

/// The names of the columns of a result: a slice of strings that is cheap to clone. All results of a prepared statement
/// have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnNames(
    /// None if there are none, which most statements that write have in common.
    Option<Arc<[String]>>,
);

impl ColumnNames {
    /// Those of no column.
    #[must_use]
    pub const fn none() -> ColumnNames {
        ColumnNames(None)
    }
}

impl Deref for ColumnNames {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Vec<String>> for ColumnNames {
    fn from(names: Vec<String>) -> ColumnNames {
        ColumnNames((!names.is_empty()).then(|| names.into()))
    }
}

impl FromIterator<String> for ColumnNames {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> ColumnNames {
        names.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'n> IntoIterator for &'n ColumnNames {
    type Item = &'n String;
    type IntoIter = std::slice::Iter<'n, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<const N: usize> PartialEq<[&str; N]> for ColumnNames {
    fn eq(&self, other: &[&str; N]) -> bool {
        **self == *other
    }
}

/// Rows of values under names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    /// The names of the columns.
    pub columns: ColumnNames,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// How many rows of the statement's own table it inserted, changed or deleted; of a query, how many it returned.
    pub affected: u64,
    /// Of a `DELETE`: how many rows went, by table, the statement's own first and then those it cascaded to.
    pub per_table: Vec<(TableId, u64)>,
    /// What it returned.
    pub rows: ResultSet,
    /// Of an `INSERT` that left keys to be generated: the first of them. The others follow it, in the order of the
    /// rows.
    pub first_key: Option<i64>,
    /// Of an `INSERT`: the row id of the last row it inserted, which is its key in a table keyed by an integer column.
    pub last_row: Option<i64>,
}

/// Whether [`Session::insert_rows`](crate::Session::insert_rows) is given row ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKeys {
    /// The rows have the primary keys they are to have. For a table that is not keyed by an integer column this
    /// means nothing: its row ids are its own.
    Given,
    /// Every row gets the table's next key.
    Generated,
}
