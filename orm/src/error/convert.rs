//! What the engine reports, as the ORM's own reasons: a violated constraint, a lock that was not granted, a limit.

use nuages_engine::sql::{Problem, SqlError};
use nuages_engine::{Error as EngineError, LockError};
use nuages_storage::{TypeError, Value};

use super::{Error, IntegrityKind};

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error.problem() {
            // What the engine refused while the statement ran is an error like those of any other.
            Problem::Engine(engine) => engine.clone().into(),
            _ => Error::Sql(Box::new(error)),
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        use IntegrityKind as Kind;
        let integrity =
            |kind, table, constraint, columns: Vec<String>, values: Vec<Value>, related: Option<String>| {
                Error::Integrity {
                    kind,
                    table,
                    constraint,
                    columns: columns.into(),
                    values: values.into(),
                    related: related.map(Into::into),
                }
            };
        match error {
            EngineError::NotNull { table, column } => {
                integrity(Kind::NotNull, table, None, vec![column], Vec::new(), None)
            }
            EngineError::Unique { table, constraint, columns, values } => {
                integrity(Kind::Unique, table, Some(constraint), columns, values, None)
            }
            EngineError::ForeignKey { table, constraint, columns, values, parent } => {
                integrity(Kind::ForeignKey, table, Some(constraint), columns, values, Some(parent))
            }
            EngineError::Referenced { table, constraint, columns, values, child } => {
                integrity(Kind::Referenced, table, Some(constraint), columns, values, Some(child))
            }
            EngineError::Check { table, constraint, values } => {
                let (columns, values) = values.into_iter().unzip();
                integrity(Kind::Check, table, Some(constraint), columns, values, None)
            }
            // What Django puts a CHECK behind: the columns of unsigned numbers.
            EngineError::Value {
                table,
                column,
                source: TypeError::OutOfRange { value, min: Value::Int(0), .. },
            } => {
                let constraint = format!("{table}_{column}_check");
                integrity(Kind::Check, table, Some(constraint), vec![column], vec![value], None)
            }
            EngineError::SerializationFailure { table, row } => Error::SerializationFailure { table, row },
            EngineError::StatementTimeout { timeout } => Error::StatementTimeout { timeout },
            EngineError::Cancelled => Error::Cancelled,
            EngineError::Lock(error) => match *error {
                LockError::Deadlock { .. } | LockError::WouldWaitForItself { .. } => Error::Deadlock(error),
                _ => Error::Locked(error),
            },
            other => Error::Engine(Box::new(other)),
        }
    }
}
