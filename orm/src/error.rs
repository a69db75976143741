//! The one error of the ORM, as data.
//!
//! A variant is one *reason* a program might want to tell from another: a form shows [`Error::Validation`] beside its
//! fields, a shop answers [`Error::DoesNotExist`] with a 404, a retry loop asks [`Error::is_retryable`]. Fields carry
//! names and values; prose is made when the error is shown ([`display`](self)). What the engine reports as a violated
//! constraint becomes [`Error::Integrity`]; whatever else it reports passes through as [`Error::Engine`].
//!
//! Order of reading: this file (the reasons); `validation` (messages by field), `misuse` (what makes no sense),
//! `convert` (what the engine reports), `display` (the words), `debug` (words and structure).

use std::sync::Arc;
use std::time::Duration;

use nuages_engine::sql::SqlError;
use nuages_engine::{Error as EngineError, LockError};
use nuages_storage::Value;

use crate::meta::ModelMeta;

mod convert;
mod debug;
mod display;
mod misuse;
mod validation;

pub use misuse::{Misuse, UnknownName};
pub use validation::{ValidationErrors, ValidationMessage};

/// What the crate's verbs return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `get` looks at one row more than this before it gives up counting; the number is Django's.
pub const GET_ROWS_MAX: u64 = 20;

/// Why a verb of the ORM failed. See the [module](self).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// `get`, `latest` or a followed key found no row.
    DoesNotExist {
        /// The model's name.
        model: &'static str,
    },
    /// `get` found more than one row.
    MultipleObjectsReturned {
        /// The model's name.
        model: &'static str,
        /// How many were found; more than [`GET_ROWS_MAX`] are not counted.
        count: u64,
    },
    /// A constraint of the database refused a row.
    Integrity {
        /// Which kind of constraint.
        kind: IntegrityKind,
        /// The table of the refused row.
        table: String,
        /// The constraint's name; a NOT NULL has none.
        constraint: Option<String>,
        /// The columns concerned.
        columns: Box<[String]>,
        /// Their values, as far as known.
        values: Box<[Value]>,
        /// The other table of a foreign key.
        related: Option<Box<str>>,
    },
    /// Rows stay because others point at them through a key that says `Protect`.
    Protected {
        /// The model whose rows were to be deleted.
        model: &'static str,
        /// What points at them.
        by: Vec<Blocker>,
    },
    /// Rows stay because others point at them through a key that says `Restrict`.
    Restricted {
        /// The model whose rows were to be deleted.
        model: &'static str,
        /// What points at them.
        by: Vec<Blocker>,
    },
    /// An instance is not valid.
    Validation(ValidationErrors),
    /// A stored value that the field's Rust type cannot hold.
    Decode {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The primary key of the row, where the query has it.
        pk: Option<Box<Value>>,
        /// The value.
        value: Box<Value>,
    },
    /// What a row has not brought along was asked for, and the fetch mode is
    /// [`Raise`](crate::executor::FetchMode::Raise).
    FetchBlocked {
        /// The model's name.
        model: &'static str,
        /// The field; empty for a key whose row was read in no fetch mode, and then the model is the one it leads to.
        field: &'static str,
    },
    /// A relation or deferred field was read row by row, more often than a
    /// [`Budget`](crate::executor::Budget) allows.
    FollowedTooOften {
        /// The model's name.
        model: &'static str,
        /// The field.
        field: &'static str,
        /// How often it may be read.
        follows_max: u32,
    },
    /// One statement more than a [`Budget`](crate::executor::Budget) allows.
    OverBudget {
        /// The table it began with.
        table: &'static str,
        /// How many may run.
        statements_max: u64,
    },
    /// A number was divided by zero.
    DivisionByZero {
        /// The model whose rows were asked for.
        model: &'static str,
        /// The divisions of the query, in words; one of them met a zero.
        divisions: Box<[String]>,
    },
    /// `save_fields` changed no row: it is not, or no longer, stored.
    NotUpdated {
        /// The model's name.
        model: &'static str,
    },
    /// The instance is not stored, and what was asked for needs its key.
    Unsaved {
        /// The model's name.
        model: &'static str,
        /// What was asked for: a relation's name, or a verb.
        wanted: &'static str,
    },
    /// A name that does not resolve to a field or lookup.
    UnknownName(Box<UnknownName>),
    /// A queryset was asked for what its earlier steps exclude.
    Misuse(Misuse),
    /// To wait for a lock would close a cycle of transactions that wait for each other, of which this one was chosen to
    /// give up.
    Deadlock(Box<LockError>),
    /// A lock was not granted: not in time, or not at once where it was not to be waited for.
    Locked(Box<LockError>),
    /// Another transaction has changed what this one was about to change, since this one began.
    SerializationFailure {
        /// The table.
        table: String,
        /// The row, by its id; none if the table's definition was changed.
        row: Option<i64>,
    },
    /// A statement took longer than its limits allow.
    StatementTimeout {
        /// How long it was allowed to take.
        timeout: Duration,
    },
    /// A statement was ended by a [`Cancel`](nuages_engine::Cancel).
    Cancelled,
    /// A statement after a failed write that was swallowed inside its `atomic` block.
    Doomed,
    /// `durable` inside another `atomic` block.
    NestedDurable,
    /// A generic key was followed to a row of another model than the one it leads to.
    OtherModel {
        /// The model that was asked for.
        wanted: &'static ModelMeta,
        /// The model of the row.
        found: &'static ModelMeta,
    },
    /// A model that the [`App`](crate::app::App) was not told of.
    Unregistered {
        /// The model's name.
        model: &'static str,
    },
    /// A migration failed, and has changed nothing.
    Migration {
        /// Its name.
        name: String,
        /// Why.
        error: Box<Error>,
    },
    /// Models that make no sense, whatever the database holds.
    Checks(Vec<crate::check::Finding>),
    /// What the code of the program (a receiver, a hook, a validator) returned.
    Custom(Custom),
    /// What a statement that was written as SQL is refused for, and where.
    Sql(Box<SqlError>),
    /// Whatever else the engine reports.
    Engine(Box<EngineError>),
}

/// Which kind of constraint refused a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IntegrityKind {
    /// A value must be given.
    NotNull,
    /// Two rows would have one key.
    Unique,
    /// The row it points at is not there.
    ForeignKey,
    /// A row that others point at would go, or change its key.
    Referenced,
    /// A check is false.
    Check,
}

/// A row that stands in the way of a deletion.
#[derive(Clone, Debug, PartialEq)]
pub struct Blocker {
    /// Its model.
    pub model: &'static str,
    /// The foreign key by which it points.
    pub field: &'static str,
    /// Its primary key.
    pub pk: Value,
}

/// An error of the program's own, carried through the ORM.
#[derive(Clone, Debug)]
pub struct Custom(Arc<dyn std::error::Error + Send + Sync>);

impl Custom {
    /// What it was made of, to be downcast.
    pub fn source(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Error {
    /// An error of the program's own: what a receiver returns to stop a verb.
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::Custom(Custom(Arc::from(error.into())))
    }

    /// One message about one field.
    pub fn invalid(field: impl Into<String>, code: &'static str, text: impl Into<String>) -> Error {
        let mut errors = ValidationErrors::default();
        errors.add(field, code, text);
        Error::Validation(errors)
    }

    /// Whether what was asked for is not there: what a web view answers with 404, as Django's `get_object_or_404` does.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Error::DoesNotExist { .. })
    }

    /// Whether the same work may succeed when it is simply run again in a new transaction.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Deadlock(error) => matches!(**error, LockError::Deadlock { .. }),
            Error::SerializationFailure { .. } => true,
            Error::Migration { error, .. } => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether a writing verb that fails so, and is swallowed, spoils the `atomic` block around it.
    pub(crate) fn dooms(&self) -> bool {
        use Error::{Cancelled, Deadlock, Integrity, Locked, SerializationFailure, StatementTimeout};
        matches!(
            self,
            Integrity { .. }
                | Deadlock(_)
                | Locked(_)
                | SerializationFailure { .. }
                | StatementTimeout { .. }
                | Cancelled
        )
    }
}
