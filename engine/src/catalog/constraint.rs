//! Checks and foreign keys.

use std::fmt;
use std::sync::Arc;

use nuages_storage::{IndexId, TableId};

use super::ConstraintId;
use super::program::RowProgram;
use crate::algebra::Expr;

/// A condition that is false of no row. Where it is unknown, because of a NULL, the row is accepted.
#[derive(Clone, Debug)]
pub struct CheckDefinition {
    /// Its identity.
    pub id: ConstraintId,
    /// Its name, unique in the table.
    pub name: String,
    /// The condition, over `Source::SELF`.
    pub condition: Expr,
    /// The condition, compiled.
    pub(crate) program: Arc<RowProgram>,
}

/// That the rows of one table refer to rows of another, or of the same.
///
/// A row with a NULL in one of the columns refers to nothing (SQL's `MATCH SIMPLE`).
#[derive(Clone, Debug)]
pub struct ForeignKeyDefinition {
    /// Its identity.
    pub id: ConstraintId,
    /// Its name, unique in the table.
    pub name: String,
    /// The places of the referring columns, in the order of the key they refer to.
    pub columns: Vec<usize>,
    /// How the referring rows of a key are found.
    pub lookup: ChildLookup,
    /// The table referred to.
    pub target: TableId,
    /// The places of the columns referred to, there.
    pub target_columns: Vec<usize>,
    /// How the row referred to is found.
    pub target_key: TargetKey,
    /// What happens to a row when the row it refers to is deleted.
    pub on_delete: Action,
    /// What happens to a row when the row it refers to changes its key.
    pub on_update: Action,
    /// Whether it is checked at commit and not at the end of the statement. Actions are never deferred.
    pub deferred: bool,
}

/// How the row that a foreign key refers to is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKey {
    /// The key is the row id.
    RowId,
    /// In a unique index over exactly the columns referred to.
    Index(IndexId),
}

/// How the rows that refer to a key are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildLookup {
    /// The foreign key's column is the row id of its table, as in a row that extends another.
    RowId,
    /// In an index whose keys begin with the foreign key's columns.
    Index(IndexId),
}

/// What a foreign key does when the row referred to goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Action {
    /// Nothing; at the end of the statement, or at commit, the reference must be good again.
    #[default]
    NoAction,
    /// The row may not go while another row refers to it, except one that goes with it.
    Restrict,
    /// The referring rows go too, or change with it.
    Cascade,
    /// The referring columns become NULL.
    SetNull,
    /// The referring columns get their defaults.
    SetDefault,
}

/// As SQL writes it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::NoAction => "NO ACTION",
            Action::Restrict => "RESTRICT",
            Action::Cascade => "CASCADE",
            Action::SetNull => "SET NULL",
            Action::SetDefault => "SET DEFAULT",
        })
    }
}

/// A foreign key that refers to a table, seen from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The table that refers.
    pub table: TableId,
    /// Its foreign key.
    pub foreign_key: ConstraintId,
}
