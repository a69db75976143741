//! The one error of the ORM, as data.
//!
//! A variant is one *reason* a program might want to tell from another: a form shows [`Error::Validation`] beside its
//! fields, a shop answers [`Error::DoesNotExist`] with a 404, a retry loop asks [`Error::is_retryable`]. Fields carry
//! names and values; prose is made when the error is shown ([`display`](self)). What the engine reports as a violated
//! constraint becomes [`Error::Integrity`]; whatever else it reports passes through as [`Error::Engine`].

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use nuages_engine::sql::{Problem, SqlError};
use nuages_engine::{Error as EngineError, LockError};
use nuages_storage::{TypeError, Value};

mod display;

/// What the crate's verbs return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// `get` looks at one row more than this before it gives up counting; the number is Django's.
pub const GET_ROWS_MAX: u64 = 20;

/// Why a verb of the ORM failed. See the [module](self).
#[derive(Clone, Debug, PartialEq)]
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
    /// A model that the [`App`](crate::app::App) was not told of.
    Unregistered {
        /// The model's name.
        model: &'static str,
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

/// Why an instance is not valid: messages by field, and those of the whole under [`ValidationErrors::WHOLE`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidationErrors {
    messages: IndexMap<String, Vec<ValidationMessage>>,
}

/// One complaint about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationMessage {
    /// What a program tells it by: `required`, `max_length`, `unique`, ..
    pub code: &'static str,
    /// What a person reads.
    pub text: String,
}

/// A name that resolves to nothing. See [`Error::UnknownName`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// Where it was looked up: a model's name, or a field's.
    pub within: String,
    /// The name.
    pub name: String,
    /// The one that was probably meant.
    pub nearest: Option<String>,
    /// What there is.
    pub choices: Vec<String>,
}

/// What makes no sense, whatever the database holds. Builders never fail; the verb that runs tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// A call that a slice, a combination or another row shape forbids.
    NotAllowed {
        /// The call: `filter`.
        call: &'static str,
        /// What stands before it: `a slice`.
        after: &'static str,
    },
    /// A call that needs something to order by, and nothing was given.
    NoOrdering {
        /// The call.
        call: &'static str,
    },
    /// An aggregate of an aggregate that is no annotation.
    NestedAggregate {
        /// The outer one: `max`.
        function: &'static str,
        /// The inner one: its name, or what it computes.
        of: String,
    },
    /// A window function where there are no rows around a row, as in `update`, in an aggregate or in another one.
    WindowHere {
        /// Where.
        place: &'static str,
    },
    /// A condition that every row meets, where only a choice makes sense.
    EmptyCondition {
        /// The call: `when`.
        call: &'static str,
    },
    /// An argument of a function that is too small.
    BelowLeast {
        /// The function.
        call: &'static str,
        /// Which of its arguments.
        argument: &'static str,
        /// The least that makes sense.
        least: i64,
        /// What it was given.
        given: i64,
    },
    /// A name that no function of the engine has.
    UnknownFunction {
        /// The name.
        name: &'static str,
    },
    /// A function with too few arguments.
    TooFew {
        /// The function.
        call: &'static str,
        /// How many it takes at least.
        least: usize,
        /// How many it was given.
        given: usize,
    },
    /// A value of `alias`, which is in no row, was asked for by its name.
    AliasNotSelected {
        /// The name.
        name: String,
    },
    /// An aggregate where rows are not grouped, as in `update`.
    AggregateHere {
        /// Where.
        place: &'static str,
    },
    /// A relation where only columns of the model itself may stand, as in `update`.
    JoinHere {
        /// Where.
        place: &'static str,
    },
    /// A column where there is no row yet that has one, as in `insert_set`.
    ColumnHere {
        /// Where.
        place: &'static str,
    },
    /// An expression where only the names of fields may stand.
    FieldsHere {
        /// Where.
        place: &'static str,
    },
    /// Rows in conflict are to be updated, and no field is named that they get.
    NothingToUpdate,
    /// Batches of no row.
    EmptyBatches,
    /// A reference to the query outside, of a query that stands in no other or in one of another model.
    NoOuter {
        /// The model that should be outside.
        model: &'static str,
    },
    /// A reference to an annotation that the queryset has not.
    UnknownAnnotation {
        /// Its place.
        index: usize,
    },
    /// A path that does not lead to a value.
    NotAColumn {
        /// The model it begins at.
        model: &'static str,
    },
    /// A path of many rows where one is needed.
    ToMany {
        /// The call.
        call: &'static str,
        /// The relation.
        relation: &'static str,
    },
    /// A key that `select_related` joins by, and that is not read.
    DeferredAndJoined {
        /// The model that has the key.
        model: &'static str,
        /// The key.
        field: &'static str,
    },
    /// A sort key of a combined queryset that is none of its columns.
    OrderNotSelected,
    /// Two prefetches of one relation with different querysets.
    PrefetchTwice {
        /// The relation.
        relation: &'static str,
    },
    /// An annotation with the name of a field of the model.
    AnnotationClash {
        /// The model.
        model: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A lookup that was given what it does not take.
    LookupValue {
        /// The lookup, in Django's word.
        lookup: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A queryset of more columns or fewer where a lookup compares with so many.
    ColumnCount {
        /// The lookup, in Django's word.
        lookup: &'static str,
        /// How many it compares.
        expected: usize,
        /// How many the queryset has.
        given: usize,
    },
    /// A name that means nothing for the kind of field it was used on.
    WrongField {
        /// The call: `dates`.
        call: &'static str,
        /// The model.
        model: &'static str,
        /// The field, by its path.
        field: String,
        /// What kind of field it takes.
        expected: &'static str,
    },
    /// The columns of a raw query without the primary key of the model.
    RawWithoutKey {
        /// The model.
        model: &'static str,
    },
    /// Anything else that makes no sense, in words.
    Other(&'static str),
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

impl ValidationErrors {
    /// The name under which messages about the whole instance stand, not about one field; Django's.
    pub const WHOLE: &'static str = "__all__";

    /// Adds a message.
    pub fn add(&mut self, field: impl Into<String>, code: &'static str, text: impl Into<String>) {
        self.messages.entry(field.into()).or_default().push(ValidationMessage { code, text: text.into() });
    }

    /// Adds all messages of another.
    pub fn merge(&mut self, other: ValidationErrors) {
        for (field, messages) in other.messages {
            self.messages.entry(field).or_default().extend(messages);
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The messages of one field.
    pub fn field(&self, name: &str) -> &[ValidationMessage] {
        self.messages.get(name).map_or(&[], Vec::as_slice)
    }

    /// Fields and their messages, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[ValidationMessage])> {
        self.messages.iter().map(|(field, messages)| (field.as_str(), messages.as_slice()))
    }

    /// `Ok` if there is none.
    pub fn into_result(self) -> Result<()> {
        if self.is_empty() { Ok(()) } else { Err(Error::Validation(self)) }
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Error::Misuse(misuse)
    }
}

impl From<crate::node::Misuse> for Error {
    fn from(misuse: crate::node::Misuse) -> Self {
        use crate::node::Misuse as Kept;
        match misuse {
            Kept::UnsavedInstance { model } => Error::Unsaved { model: model.name, wanted: "a comparison" },
            Kept::NotAllowed { call, after } => Error::Misuse(Misuse::NotAllowed { call, after }),
            Kept::AnnotationClash { model, field } => {
                Error::Misuse(Misuse::AnnotationClash { model: model.name, field })
            }
            Kept::EmptyCondition { call } => Error::Misuse(Misuse::EmptyCondition { call }),
            Kept::BelowLeast { call, argument, least, given } => {
                Error::Misuse(Misuse::BelowLeast { call, argument, least, given })
            }
            Kept::UnknownFunction { name } => Error::Misuse(Misuse::UnknownFunction { name }),
            Kept::TooFew { call, least, given } => Error::Misuse(Misuse::TooFew { call, least, given }),
            Kept::Other(words) => Error::Misuse(Misuse::Other(words)),
            Kept::NoOrdering { call } => Error::Misuse(Misuse::NoOrdering { call }),
        }
    }
}

impl From<ValidationErrors> for Error {
    fn from(errors: ValidationErrors) -> Self {
        Error::Validation(errors)
    }
}

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
