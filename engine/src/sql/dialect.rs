//! Which SQL a connection speaks.

use crate::Isolation;

/// Whose meaning a statement has where PostgreSQL and SQLite differ.
///
/// | | PostgreSQL | SQLite |
/// |---|---|---|
/// | names without quotes | are folded to lower case | mean what differs in case alone |
/// | NULLs in an ascending order | last | first |
/// | division by zero | an error | NULL |
/// | `LIKE` | distinguishes case; `\` escapes | does not; nothing escapes unless `ESCAPE` says so |
/// | a comparison as a value | a boolean | 1 or 0 |
/// | a number as a condition | an error | true unless zero |
/// | a text where a number is needed | read if it is a literal, else an error | the number it begins with, or 0 |
/// | `1.5` | numeric | real |
/// | a sum of `bigint`, or `extract(..)`, divided | has a fraction | |
/// | a column beside aggregates that is not grouped | an error | that of some row; of the extreme with one `min` or `max` |
/// | a subquery as a value that has several rows | an error | the first |
/// | `INTEGER` | 32 bits | 64 bits |
/// | `INTEGER PRIMARY KEY` | a key | a key that is generated where none, or NULL, is given |
/// | `format()` | PostgreSQL's | `printf()` |
/// | `LIMIT -1` | an error | no limit |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL's.
    #[default]
    PostgreSql,
    /// SQLite's.
    Sqlite,
}

impl Dialect {
    /// Whether it is SQLite's.
    pub(super) fn is_sqlite(self) -> bool {
        self == Dialect::Sqlite
    }

    /// The isolation of transactions that do not say theirs. SQLite knows none but serializable ones.
    pub(super) fn isolation(self) -> Isolation {
        match self {
            Dialect::PostgreSql => Isolation::ReadCommitted,
            Dialect::Sqlite => Isolation::Serializable,
        }
    }
}
