//! What is wrong with a definition, and what depends on what a schema change would take away.

use std::fmt;

use nuages_storage::DataType;
use nuages_storage::value::DECIMAL_PRECISION_MAX;

/// What can be wrong with a definition. See [`Error::Definition`](crate::error::Error::Definition).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionProblem {
    /// A name of no character.
    #[error("a name is empty")]
    EmptyName,
    /// A table without columns.
    #[error("it has no column")]
    NoColumn,
    /// A key or index over nothing.
    #[error("\"{name}\" has no part")]
    NoPart {
        /// The index or constraint.
        name: String,
    },
    /// A column named twice in one key.
    #[error("\"{name}\" names column \"{column}\" twice")]
    RepeatedColumn {
        /// The index or constraint.
        name: String,
        /// The column.
        column: String,
    },
    /// `generated` on a column that is not the integer primary key.
    #[error("column \"{column}\" can be generated only as the table's single integer primary key")]
    GeneratedNotKey {
        /// The column.
        column: String,
    },
    /// A column that cannot be computed by its expression.
    #[error(
        "column \"{column}\" can be computed only from columns of its row that are not computed, the same way each time, \
         and is not the key"
    )]
    NotComputable {
        /// The column.
        column: String,
    },
    /// A nullable column in the primary key.
    #[error("column \"{column}\" is in the primary key and cannot be nullable")]
    NullableKey {
        /// The column.
        column: String,
    },
    /// A primary key for a table that has one.
    #[error("it has a primary key already")]
    SecondPrimaryKey,
    /// A decimal type that no number has.
    #[error(
        "column \"{column}\" is numeric({precision}, {scale}): the precision must be 1 to {}, the scale at most the precision",
        DECIMAL_PRECISION_MAX
    )]
    DecimalDigits {
        /// The column.
        column: String,
        /// All digits.
        precision: u8,
        /// Those after the point.
        scale: u8,
    },
    /// `unsigned` on a column that is not a number.
    #[error("column \"{column}\" is {data_type} and cannot be unsigned")]
    UnsignedNotNumber {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// A default that reads a column or runs a query.
    #[error("the default of column \"{column}\" must be a value or a function, not a column or a query")]
    DefaultNotConstant {
        /// The column.
        column: String,
    },
    /// A check or index that does more than read its row.
    #[error("\"{name}\" may read only the columns of its own row, without parameters and queries")]
    NotOfOneRow {
        /// The check or index.
        name: String,
    },
    /// An index over the time at which a row is written, by which its entry could not be found again.
    #[error("index \"{name}\" depends on now(); an index may depend only on its row")]
    IndexOfNow {
        /// The index.
        name: String,
    },
    /// A foreign key with more or fewer columns than the key it refers to.
    #[error("foreign key \"{name}\" has {columns} columns and refers to {target_columns}")]
    ForeignKeyShape {
        /// The foreign key.
        name: String,
        /// How many columns it has.
        columns: usize,
        /// How many it refers to.
        target_columns: usize,
    },
    /// A foreign key to columns that are not a key.
    #[error("foreign key \"{name}\" refers to ({}) of \"{target}\", which no primary key or unique constraint covers",
        .target_columns.join(", "))]
    TargetNotUnique {
        /// The foreign key.
        name: String,
        /// The table it refers to.
        target: String,
        /// The columns there.
        target_columns: Vec<String>,
    },
    /// A foreign key between a temporary table and one that is not.
    #[error(
        "foreign key \"{name}\" refers to \"{target}\": of the two tables one is temporary and one is not"
    )]
    KeyOfTemporary {
        /// The foreign key.
        name: String,
        /// The table it refers to.
        target: String,
    },
    /// A foreign key between columns of different kinds.
    #[error("foreign key \"{name}\": column \"{column}\" is {data_type} and refers to {target_type}")]
    ForeignKeyType {
        /// The foreign key.
        name: String,
        /// Its column.
        column: String,
        /// The column's type.
        data_type: DataType,
        /// The type of the column it refers to.
        target_type: DataType,
    },
    /// `SET NULL` on a column that is not nullable.
    #[error("foreign key \"{name}\" sets column \"{column}\" to NULL, which is not nullable")]
    SetNullNotNullable {
        /// The foreign key.
        name: String,
        /// The column.
        column: String,
    },
    /// The primary key cannot be deferred: a row is found by it.
    #[error("the primary key \"{name}\" cannot be deferred")]
    DeferredPrimaryKey {
        /// The constraint.
        name: String,
    },
}

/// Something a schema consists of. See [`Error::Depended`](crate::error::Error::Depended).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaObject {
    /// The table itself.
    Table,
    /// The table's primary key.
    PrimaryKey,
    /// A column.
    Column(String),
    /// An index.
    Index(String),
    /// A check.
    Check(String),
    /// A view.
    View(String),
    /// A foreign key, and the table that has it.
    ForeignKey {
        /// The table.
        table: String,
        /// The constraint.
        constraint: String,
    },
}

impl fmt::Display for SchemaObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaObject::Table => write!(f, "the rows"),
            SchemaObject::PrimaryKey => write!(f, "the primary key"),
            SchemaObject::Column(name) => write!(f, "column \"{name}\""),
            SchemaObject::Index(name) => write!(f, "index \"{name}\""),
            SchemaObject::View(name) => write!(f, "view \"{name}\""),
            SchemaObject::Check(name) => write!(f, "check \"{name}\""),
            SchemaObject::ForeignKey { table, constraint } => {
                write!(f, "foreign key \"{constraint}\" of table \"{table}\"")
            }
        }
    }
}
