//! Statements: what a session runs.

use nuages_storage::lock::Strength;
use nuages_storage::{IndexId, TableId};

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
    /// Which of the rows it is made of are locked, if any.
    pub lock: Option<RowLock>,
}

/// That rows which are read stay as they are until the transaction ends (`SELECT .. FOR UPDATE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLock {
    /// Of which scans of the query; none of them under a grouping, a distinction or a set operation.
    pub sources: Vec<(TableId, Source)>,
    /// How strongly.
    pub strength: Strength,
    /// What happens when another transaction is in the way.
    pub wait: LockWait,
}

/// What happens when another transaction is in the way of a lock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LockWait {
    /// The query waits.
    #[default]
    Wait,
    /// The query fails.
    NoWait,
    /// The row is passed over, and does not count for a limit.
    SkipLocked,
}

impl Query {
    /// The columns of `relation` under names.
    pub fn new(relation: Relation, columns: Vec<OutputColumn>) -> Query {
        Query { relation, columns, lock: None }
    }

    /// The same, with rows locked.
    #[must_use]
    pub fn locking(self, lock: RowLock) -> Query {
        Query { lock: Some(lock), ..self }
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
    /// What happens to a row whose key another row has; without it the statement fails.
    pub conflict: Option<OnConflict>,
    /// The name of the inserted or updated row in `returning`.
    pub source: Source,
    /// What is returned of each inserted row.
    pub returning: Vec<OutputColumn>,
}

/// What happens to a row that is to be inserted and whose key another row has (`ON CONFLICT`).
#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    /// Whose key; that of any unique index and of the primary key if none is named. Other keys are as they always are.
    pub target: Option<ConflictTarget>,
    /// What happens.
    pub action: ConflictAction,
    /// What happens to a row that is not in conflict here: it may be by another key.
    pub otherwise: Option<Box<OnConflict>>,
}

impl OnConflict {
    /// What happens to rows in conflict by a key, or by any.
    pub fn new(target: Option<ConflictTarget>, action: ConflictAction) -> OnConflict {
        OnConflict { target, action, otherwise: None }
    }

    /// This and what follows it, in the order in which they are asked.
    pub fn each(&self) -> impl Iterator<Item = &OnConflict> {
        std::iter::successors(Some(self), |one| one.otherwise.as_deref())
    }
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictTarget {
    /// Over these columns, in any order: the primary key or that of a unique index without a condition.
    Columns(Vec<usize>),
    /// Of a unique index.
    Index(IndexId),
}

/// What happens to a row that is to be inserted and whose key another row has.
#[derive(Clone, Debug, PartialEq)]
pub enum ConflictAction {
    /// It is not inserted.
    DoNothing,
    /// It is not inserted, and neither is one that a NOT NULL or a check refuses (SQLite's `OR IGNORE`).
    PassOver,
    /// The other row is updated instead.
    DoUpdate {
        /// The name of the row that was to be inserted; the other row is called as the insertion's own.
        excluded: Source,
        /// Which columns, by their place in the table's definition, get which value; all read the old row.
        assignments: Vec<(usize, Expr)>,
        /// Only if this is true.
        predicate: Option<Expr>,
        /// Whether the rows come one after the other, so that the other row may be one that the statement itself has
        /// inserted or updated (SQLite's); else that is an error.
        one_by_one: bool,
    },
    /// The other row is deleted first, as are further ones whose keys are in the way (SQLite's `OR REPLACE`).
    Replace,
}

/// Changes rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Of which table.
    pub table: TableId,
    /// The name of the old row in `predicate` and `assignments`, of the new one in `returning`.
    pub source: Source,
    /// Further rows that `predicate`, `assignments` and `returning` may mention. A row that meets several of them is
    /// changed once, by any.
    pub from: Option<Relation>,
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
    /// Further rows that `predicate` and `returning` may mention.
    pub using: Option<Relation>,
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

impl Statement {
    /// The table that it writes to; none for a query.
    pub(crate) fn target(&self) -> Option<TableId> {
        match self {
            Statement::Query(_) => None,
            Statement::Insert(insert) => Some(insert.table),
            Statement::Update(update) => Some(update.table),
            Statement::Delete(delete) => Some(delete.table),
        }
    }
}
