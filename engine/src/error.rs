//! Everything that can go wrong in the engine, as data.
//!
//! An [`Error`] carries names, columns and values; its prose is made when it is shown. Callers match on it: the ORM
//! turns [`Error::Unique`] into its own `Integrity`, a test asks which constraint refused a row. So a variant is one
//! *reason* a caller might tell from another, and its fields are what a message needs to be acted upon.

mod definition;
mod shown;

use std::time::Duration;

use nuages_storage::lock::LockError;
use nuages_storage::{DataType, FileError, TypeError, Value};

use crate::algebra::Column;
pub use definition::{DefinitionProblem, SchemaObject};
pub(crate) use shown::Cut;
use shown::{Changed, Drawn, Nearest, OfColumn, Pairs, Row};

/// Why the engine refused. See the [module](self).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No table has this name.
    #[error("there is no table \"{name}\"{}", Nearest(nearest))]
    UnknownTable {
        /// The name, or the number of an id that is no longer there.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The table has no column of this name.
    #[error("table \"{table}\" has no column \"{column}\"{}", Nearest(nearest))]
    UnknownColumn {
        /// The table.
        table: String,
        /// The name, or the place of a column that is not there.
        column: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The table has no index of this name.
    #[error("table \"{table}\" has no index \"{index}\"{}", Nearest(nearest))]
    UnknownIndex {
        /// The table.
        table: String,
        /// The name.
        index: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The table has no constraint of this name.
    #[error("table \"{table}\" has no constraint \"{constraint}\"{}", Nearest(nearest))]
    UnknownConstraint {
        /// The table.
        table: String,
        /// The name.
        constraint: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A table of this name exists.
    #[error("a table \"{name}\" exists already; drop or rename it first")]
    DuplicateTable {
        /// The name.
        name: String,
    },
    /// The table has a column of this name.
    #[error("table \"{table}\" has a column \"{column}\" already")]
    DuplicateColumn {
        /// The table.
        table: String,
        /// The name.
        column: String,
    },
    /// An index of this name exists, on this or another table: the names of indexes are the database's.
    #[error("an index \"{index}\" exists already, on table \"{table}\"")]
    DuplicateIndex {
        /// The table that has it.
        table: String,
        /// The name.
        index: String,
    },
    /// The table has a constraint of this name.
    #[error("table \"{table}\" has a constraint \"{constraint}\" already")]
    DuplicateConstraint {
        /// The table.
        table: String,
        /// The name.
        constraint: String,
    },
    /// A definition that makes no sense.
    #[error("table \"{table}\": {problem}")]
    Definition {
        /// The table it is in.
        table: String,
        /// What is wrong with it.
        problem: DefinitionProblem,
    },
    /// A schema change would leave something without what it stands on.
    #[error("cannot change {object} of table \"{table}\": {dependent} depends on it")]
    Depended {
        /// The table.
        table: String,
        /// What was to be dropped or changed.
        object: SchemaObject,
        /// What needs it.
        dependent: SchemaObject,
    },

    /// A NULL, or nothing, for a column that must have a value.
    #[error("column \"{column}\" of table \"{table}\" must have a value")]
    NotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value for a column that is computed.
    #[error("column \"{column}\" of table \"{table}\" is computed from others, and cannot be given a value")]
    Computed {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value that is not one of the column's type: too long, out of range, of another kind.
    #[error("column \"{column}\" of table \"{table}\": {source}")]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What does not fit.
        source: TypeError,
    },
    /// A text that is no value of an enumeration, for a column of it or in a cast.
    #[error("\"{}\" is no value of {enumeration}{}{}", Cut(value), OfColumn(column), Nearest(nearest))]
    NotOfEnum {
        /// The enumeration.
        enumeration: String,
        /// The text.
        value: String,
        /// The value that was probably meant.
        nearest: Option<String>,
        /// The table and its column, if it was for one.
        column: Option<Box<(String, String)>>,
    },
    /// An enumeration was to go, but a table has a column of it, or computes with it.
    #[error(
        "cannot drop type \"{name}\": table \"{table}\" depends on it; drop what does, or drop the type with CASCADE"
    )]
    EnumUsed {
        /// The enumeration.
        name: String,
        /// The table.
        table: String,
    },
    /// An enumeration was to go, or to be called otherwise, but a view names it.
    #[error("cannot drop or rename type \"{name}\": view \"{view}\" depends on it")]
    EnumViewed {
        /// The enumeration.
        name: String,
        /// The view.
        view: String,
    },
    /// There is no more room between two values of an enumeration.
    #[error("type \"{name}\" has no room for \"{}\" there; add it at another place", Cut(value))]
    EnumFull {
        /// The enumeration.
        name: String,
        /// The value that was to be added.
        value: String,
    },
    /// The key of a row in an index is longer than the nodes of an index take.
    #[error(
        "table \"{table}\" has a row with {}, whose key in index \"{index}\" has {bytes} bytes and may have {max}; \
         index a part or a hash of it",
        Pairs(columns, values)
    )]
    KeyTooLong {
        /// The table.
        table: String,
        /// The index.
        index: String,
        /// Its parts: columns, or expressions in their SQL form.
        columns: Vec<String>,
        /// Their values.
        values: Vec<Value>,
        /// The length of the key.
        bytes: usize,
        /// The most that fits.
        max: usize,
    },
    /// Two rows would have one key.
    #[error(
        "table \"{table}\" already has a row with {} (constraint \"{constraint}\")",
        Pairs(columns, values)
    )]
    Unique {
        /// The table.
        table: String,
        /// The unique constraint, the primary key's included.
        constraint: String,
        /// What must differ: columns, or expressions in their SQL form.
        columns: Vec<String>,
        /// The values that two rows would share.
        values: Vec<Value>,
    },
    /// `ON CONFLICT` names a key that the table has not.
    #[error(
        "table \"{table}\" has no unique index or primary key over exactly the columns that the conflict is about"
    )]
    NoConflictTarget {
        /// The table.
        table: String,
    },
    /// An insertion would update one row twice.
    #[error(
        "two of the rows to be inserted into table \"{table}\" are in conflict with one row, or with each other; insert \
         each key once"
    )]
    ConflictTwice {
        /// The table.
        table: String,
    },
    /// A row refers to another that is not there.
    #[error(
        "table \"{table}\" has a row with {} and no such row is in \"{parent}\" (constraint \"{constraint}\")",
        Pairs(columns, values)
    )]
    ForeignKey {
        /// The table that refers.
        table: String,
        /// The foreign key.
        constraint: String,
        /// Its columns.
        columns: Vec<String>,
        /// The values that are not found.
        values: Vec<Value>,
        /// The table referred to.
        parent: String,
    },
    /// A row that others refer to may not go, or may not change its key.
    #[error(
        "table \"{table}\" must keep its row with {}: rows of \"{child}\" refer to it (constraint \"{constraint}\")",
        Pairs(columns, values)
    )]
    Referenced {
        /// The table of the row that must stay.
        table: String,
        /// The foreign key, of the table `child`.
        constraint: String,
        /// The key's columns, of `table`.
        columns: Vec<String>,
        /// The key.
        values: Vec<Value>,
        /// The table that refers.
        child: String,
    },
    /// A row for which a check is false.
    #[error("a row of table \"{table}\" violates the check \"{constraint}\"{}", Row(values))]
    Check {
        /// The table.
        table: String,
        /// The check.
        constraint: String,
        /// The columns that the check reads, and their values.
        values: Vec<(String, Value)>,
    },

    /// An expression of the wrong type.
    #[error("{expression}: expected {expected}, got {got}")]
    Type {
        /// The expression, in its SQL form or by name.
        expression: String,
        /// What was expected there.
        expected: String,
        /// What came.
        got: String,
    },
    /// A number that its type cannot hold.
    #[error("{operation}: the result is out of range")]
    Overflow {
        /// What was computed.
        operation: String,
    },
    /// A LIMIT or an OFFSET that was computed, or given as a parameter, and is negative.
    #[error("LIMIT and OFFSET count rows: expected 0 or more, got {rows}")]
    NegativeRowCount {
        /// What it came to.
        rows: i64,
    },
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A text that is not one of the type it is converted to.
    #[error("{:?} cannot be read as {data_type}", Cut(text))]
    Cast {
        /// The text.
        text: String,
        /// The type.
        data_type: DataType,
    },
    /// A regular expression that is none.
    #[error("{:?} is not a regular expression: {reason}", Cut(pattern))]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Where and why, in the words of the parser.
        reason: String,
    },
    /// A function with too few arguments, or too many.
    #[error("{function} does not take {given} arguments")]
    ArgumentCount {
        /// The function.
        function: String,
        /// How many it was given.
        given: usize,
    },
    /// A statement that would keep more in memory than it may.
    #[error(
        "{operator} would keep more than the {bytes_max} bytes that a statement may; ask for fewer rows, or raise the limit"
    )]
    MemoryLimit {
        /// What would keep it.
        operator: &'static str,
        /// [`Limits::memory_bytes_max`](crate::limits::Limits::memory_bytes_max).
        bytes_max: u64,
    },
    /// A parameter was not given.
    #[error("parameter {index} is used and {given} were given", index = index + 1)]
    MissingParameter {
        /// Which, from 0.
        index: usize,
        /// How many there are.
        given: usize,
    },
    /// A subquery used as a value has more than one row.
    #[error("a subquery used as a value has more than one row")]
    MoreThanOneRow,
    /// A row of values of the wrong length.
    #[error("table \"{table}\": {expected} values are expected, {got} came")]
    ColumnCount {
        /// The table.
        table: String,
        /// How many columns were named.
        expected: usize,
        /// How many values a row has.
        got: usize,
    },
    /// Rows in leaf shape that are not of the table's layout.
    #[error(
        "the rows were built for another table than \"{table}\", or before its columns changed; build them again"
    )]
    RowsOutdated {
        /// The table.
        table: String,
    },
    /// Something the engine does not do.
    #[error("{feature} is not supported")]
    Unsupported {
        /// What was asked for.
        feature: String,
    },

    /// Expressions, operators and subqueries within each other, too many for planning and running them by recursion.
    #[error(
        "the statement or definition is nested deeper than the {max} levels that are allowed; flatten it"
    )]
    TooDeep {
        /// [`DEPTH_MAX`](crate::optimize::DEPTH_MAX).
        max: usize,
    },
    /// An expression mentions a column that no relation in scope introduces.
    #[error("column {} of source {} is not in scope", column.index(), column.source().number())]
    NotInScope {
        /// The column.
        column: Column,
    },
    /// A work table is read outside of what defines it.
    #[error("work table {number} is read outside of what defines it")]
    UnknownWorkTable {
        /// Its number.
        number: u32,
    },
    /// A subquery that is used as a value has no column.
    #[error("a subquery that is used as a value must have one column")]
    NoColumn,
    /// The two sides of a set operation have different numbers of columns.
    #[error("the sides of a union, intersection or difference have {left} and {right} columns")]
    SetShape {
        /// Columns of the left side.
        left: usize,
        /// Columns of the right side.
        right: usize,
    },
    /// A statement was bound to a schema, and is run under another: the places of columns that it names may be those of
    /// other columns now. Nothing of it has happened.
    #[error(
        "the schema was changed after the statement was bound to it; bind it again and run that (models are bound where \
         their database is opened)"
    )]
    SchemaChanged,
    /// A plan was run on another schema than the one it was made for.
    #[error("the schema has changed since the query was planned; plan it again")]
    PlanOutdated,
    /// Two plans of one query have returned different rows: one of them is wrong.
    #[error(
        "two plans of one query return different rows ({} and {}); this is a fault of the engine, please report it with \
         both plans:\n\n{}\n\n{}",
        rows[0], rows[1], plans[0], plans[1]
    )]
    PlansDiffer {
        /// The plans.
        plans: Box<[String; 2]>,
        /// How many rows each returned.
        rows: [u64; 2],
    },

    /// A sequence that does not go round has come to its end.
    #[error("sequence \"{name}\" has no number after {last}")]
    SequenceExhausted {
        /// The sequence.
        name: String,
        /// The number it handed out last.
        last: i64,
    },
    /// A sequence was to go on with a number that it cannot have.
    #[error("{number} is no number of sequence \"{name}\", whose numbers are {min} to {max}")]
    SequenceBounds {
        /// The sequence.
        name: String,
        /// The number.
        number: i64,
        /// The least that it can have.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// What a session drew last was asked for before it drew anything.
    #[error("this session has drawn no number {} yet; call nextval() first", Drawn(name))]
    NothingDrawn {
        /// The sequence, if one was named.
        name: Option<String>,
    },
    /// A sequence was to go, or to be called otherwise, but a view reads it or draws from it.
    #[error("cannot drop or rename sequence \"{name}\": view \"{view}\" depends on it")]
    SequenceViewed {
        /// The sequence.
        name: String,
        /// The view.
        view: String,
    },
    /// A sequence was to go, but a column's default draws from it.
    #[error(
        "cannot drop sequence \"{name}\": the default of column \"{column}\" of table \"{table}\" draws from it; \
         change the default, or drop it with CASCADE"
    )]
    SequenceUsed {
        /// The sequence.
        name: String,
        /// The table.
        table: String,
        /// Its column.
        column: String,
    },

    /// A write through a session that only reads.
    #[error("this session only reads")]
    ReadOnly,
    /// A lock was not granted: a deadlock, a time limit, a lock that was not to be waited for.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// A statement took longer than its [limits](crate::limits::Limits) allow.
    #[error(
        "the statement did not end within its time limit of {timeout:?}; ask for less, or allow it more time"
    )]
    StatementTimeout {
        /// How long it was allowed to take.
        timeout: Duration,
    },
    /// A statement was ended by a [`Cancel`](crate::limits::Cancel).
    #[error("the statement was cancelled")]
    Cancelled,
    /// A statement of a task's transaction has to wait for a lock, and was not awaited. What it waits for is
    /// [`Session::take_waiting`](crate::Session::take_waiting); then it can be run again.
    #[error(
        "the statement has to wait for a lock, which a task does by awaiting; use the verbs that are awaited"
    )]
    WouldBlock,
    /// Under [`Isolation::Snapshot`](nuages_storage::Isolation::Snapshot) somebody else has changed what this
    /// transaction was about to change, since it began.
    #[error(
        "{} of table \"{table}\" was changed by another transaction since this one began; roll back and run it again",
        Changed(*row)
    )]
    SerializationFailure {
        /// The table.
        table: String,
        /// The row; none if the table itself was changed.
        row: Option<i64>,
    },
    /// A savepoint that is not there: it was released, an earlier one was rolled back to, or it is of another
    /// transaction.
    #[error("the savepoint is gone: it was released, or the transaction was rolled back to an earlier one")]
    UnknownSavepoint,
    /// The transaction was ended, or its commit failed.
    #[error("the transaction has ended")]
    TransactionEnded,
    /// Something is wrong with the files of the database.
    #[error(transparent)]
    File(Box<FileError>),
    /// A feed of commits has no next one.
    #[error(transparent)]
    Feed(nuages_storage::FeedError),
    /// The storage refused.
    #[error(transparent)]
    Storage(nuages_storage::Error),
}

impl From<nuages_storage::Error> for Error {
    fn from(error: nuages_storage::Error) -> Error {
        match error {
            nuages_storage::Error::Lock(error) => Error::Lock(error),
            nuages_storage::Error::File(error) => Error::File(error),
            error => Error::Storage(error),
        }
    }
}
