//! What statements are told and return: rows under names, what was done, and where keys come from.

use nuages_storage::{TableId, Value};

/// Rows of values under names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    /// The names of the columns.
    pub columns: Vec<String>,
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
