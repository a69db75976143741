//! Statements: what a session runs.

use nuages_storage::TableId;

use super::{Expr, Relation, Source};

/// A column of a result: what it is called and how it is computed.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    /// Its name; names need not be unique.
    pub name: String,
    /// Its value, over the columns in scope.
    pub expr: Expr,
}

impl OutputColumn {
    /// A named expression.
    pub fn new(name: impl Into<String>, expr: impl Into<Expr>) -> OutputColumn {
        OutputColumn { name: name.into(), expr: expr.into() }
    }
}

/// A query: rows, and the columns a caller gets of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The rows.
    pub relation: Relation,
    /// The columns.
    pub columns: Vec<OutputColumn>,
}

impl Query {
    /// The columns of `relation` under names.
    pub fn new(relation: Relation, columns: Vec<OutputColumn>) -> Query {
        Query { relation, columns }
    }
}

/// Where inserted rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// Literal rows; `None` asks for the column's default.
    Values(Vec<Vec<Option<Expr>>>),
    /// The rows of a query.
    Query(Box<Query>),
}

/// Inserts rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    /// Into which table.
    pub table: TableId,
    /// The columns given, by their place in the table's definition; the others get their default.
    pub columns: Vec<usize>,
    /// The rows.
    pub rows: InsertSource,
    /// The name of the inserted row in `returning`.
    pub source: Source,
    /// What is returned of each inserted row.
    pub returning: Vec<OutputColumn>,
}

/// Changes rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Of which table.
    pub table: TableId,
    /// The name of the old row in `predicate` and `assignments`, of the new one in `returning`.
    pub source: Source,
    /// Which rows; all if none.
    pub predicate: Option<Expr>,
    /// Which columns, by their place in the table's definition, get which value; all read the old row.
    pub assignments: Vec<(usize, Expr)>,
    /// What is returned of each changed row.
    pub returning: Vec<OutputColumn>,
}

/// Deletes rows, and what their foreign keys cascade to.
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    /// From which table.
    pub table: TableId,
    /// The name of the row in `predicate` and `returning`.
    pub source: Source,
    /// Which rows; all if none.
    pub predicate: Option<Expr>,
    /// What is returned of each deleted row of this table.
    pub returning: Vec<OutputColumn>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Reads.
    Query(Query),
    /// Inserts.
    Insert(Insert),
    /// Updates.
    Update(Update),
    /// Deletes.
    Delete(Delete),
}
