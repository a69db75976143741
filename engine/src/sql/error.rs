//! What is wrong with a statement, and where.

use std::fmt;

use nuages_storage::DataType;
use sqlparser::tokenizer::{Location, Span};

use crate::error::{Cut, Error};

/// Why a statement was refused, and the place in its text if the reason has one.
///
/// ```
/// use nuages_engine::Database;
/// use nuages_engine::sql::{Connection, Problem};
/// let mut connection = Connection::new(Database::new());
/// connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, title TEXT)", &[])?;
/// let error = connection.query("SELECT id,\n       titel FROM post", &[]).unwrap_err();
/// assert!(matches!(error.problem(), Problem::UnknownColumn { nearest: Some(name), .. } if name == "title"));
/// let place = error.place().unwrap();
/// assert_eq!((place.line, place.column, place.snippet.as_str()), (2, 8, "titel FROM post"));
/// assert!(format!("{error:#}").ends_with(":\n         titel FROM post\n         ^"));
/// # Ok::<(), nuages_engine::sql::SqlError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SqlError {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    problem: Problem,
    place: Option<Place>,
}

/// A place in the text of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: u64,
    /// The character of the line, from 1.
    pub column: u64,
    /// What stands there, to the end of the line or for some forty characters.
    pub snippet: String,
    /// What stands before it in its line, or the last forty characters of that.
    pub before: String,
}

/// The most characters of the text that an error repeats.
const SNIPPET_CHARACTERS_MAX: usize = 40;

/// What can be wrong with a statement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is not SQL that is understood.
    #[error("{message}")]
    Syntax {
        /// In the words of the parser.
        message: String,
    },
    /// A text that is longer than a statement may be.
    #[error("the statement has {bytes} bytes and may have {max}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// Parentheses, subqueries or operators within each other.
    #[error("the statement is nested deeper than the {max} levels that are allowed; flatten it")]
    TooDeep {
        /// How deep it may be.
        max: usize,
    },
    /// Tables, and those that views and common tables stand for.
    #[error(
        "the statement reads more than the {max} tables that are allowed, with those of its views and common tables"
    )]
    TooLarge {
        /// How many it may read.
        max: usize,
    },
    /// Operators in a row.
    #[error(
        "the expression has more than the {max} operators in a row that are allowed; use IN (..) or parentheses"
    )]
    TooManyOperators {
        /// How many it may have.
        max: usize,
    },
    /// Not one statement where one is wanted.
    #[error("one statement was expected, {count} came")]
    NotOneStatement {
        /// How many there are.
        count: usize,
    },
    /// No table or view has this name.
    #[error("there is no table \"{}\"{}", Cut(name), Nearest(nearest))]
    UnknownTable {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A table of the name that a temporary table has hides behind it.
    #[error("the table \"{}\" cannot be changed while a temporary table has its name", Cut(name))]
    Hidden {
        /// The name.
        name: String,
    },
    /// No table in scope has a column of this name.
    #[error("there is no column \"{}\"{}{}", Cut(name), InTable(table), Nearest(nearest))]
    UnknownColumn {
        /// The name.
        name: String,
        /// The table it was looked for in, if one was named.
        table: Option<String>,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// Several tables in scope have a column of this name.
    #[error("the column \"{name}\" is ambiguous: both \"{first}\" and \"{second}\" have one; name the table")]
    AmbiguousColumn {
        /// The name.
        name: String,
        /// One table.
        first: String,
        /// Another.
        second: String,
    },
    /// No index has this name.
    #[error("there is no index \"{}\"{}", Cut(name), Nearest(nearest))]
    UnknownIndex {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// No function has this name.
    #[error("there is no function {}(){}", Cut(name), Nearest(nearest))]
    UnknownFunction {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// No PRAGMA has this name.
    #[error("there is no PRAGMA {name}{}", Nearest(nearest))]
    UnknownPragma {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// No setting has this name.
    #[error("there is no setting {}{}", Cut(name), Nearest(nearest))]
    UnknownSetting {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A function with more or fewer arguments than it takes.
    #[error("{function}() takes {expected}, got {got}")]
    Arguments {
        /// The function.
        function: String,
        /// How many it takes.
        expected: &'static str,
        /// How many it got.
        got: usize,
    },
    /// No type has this name.
    #[error("there is no type {}{}", Cut(name), Nearest(nearest))]
    UnknownType {
        /// The name.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// Operands that do not go together.
    #[error("{expression}: expected {expected}, got {got}")]
    Type {
        /// The operator or function.
        expression: String,
        /// What was expected.
        expected: String,
        /// What came.
        got: String,
    },
    /// A column beside aggregates that the groups do not agree in.
    #[error("the column \"{name}\" must be in GROUP BY or in an aggregate")]
    Ungrouped {
        /// The column.
        name: String,
    },
    /// An aggregate or window function where there are no groups.
    #[error("{function}() is not allowed in {clause}")]
    AggregateHere {
        /// The function.
        function: String,
        /// The clause.
        clause: &'static str,
    },
    /// `ORDER BY 3` of two columns.
    #[error("there is no column {number} among the {columns} of the result")]
    Ordinal {
        /// The number.
        number: String,
        /// How many columns there are.
        columns: usize,
    },
    /// `SELECT DISTINCT` or a union in the order of what is not in the result.
    #[error("the order must be by columns of the result, because it is distinct or a set operation")]
    OrderNotInResult,
    /// `string_agg(DISTINCT a, ',' ORDER BY b)`: one value may have come with several of `b`.
    #[error("{function}() of DISTINCT values can only be in the order of its arguments")]
    OrderNotOfArguments {
        /// The aggregate.
        function: String,
    },
    /// `rank()` without OVER.
    #[error("{function}() is computed over a window; write {function}(..) OVER (..)")]
    WindowMissing {
        /// The function.
        function: String,
    },
    /// `a JOIN b` without a condition.
    #[error("a JOIN needs ON or USING; write CROSS JOIN for all pairs")]
    JoinWithoutCondition,
    /// A row that two rows of the source of a MERGE would change.
    #[error("two rows of the source of MERGE meet the same row of \"{table}\"; a row is changed once")]
    MergedTwice {
        /// The table.
        table: String,
    },
    /// A window that is made of another one, and says what that one has said.
    #[error("the window \"{}\" has {clause} already; write a window of its own", Cut(name))]
    WindowHas {
        /// The window that it is made of.
        name: String,
        /// What that one has.
        clause: &'static str,
    },
    /// Two things of one name in a FROM clause.
    #[error("the name \"{name}\" is used for two tables; give one of them an alias")]
    RepeatedAlias {
        /// The name.
        name: String,
    },
    /// Lists of different lengths.
    #[error("{expected} {} expected, got {got}", if *expected == 1 { "column is" } else { "columns are" })]
    ColumnCount {
        /// How many there should be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A change of the rows of a view.
    #[error("\"{name}\" is a view, whose rows cannot be changed")]
    View {
        /// The view.
        name: String,
    },
    /// A table that cannot lose all its rows alone.
    #[error("rows of \"{by}\" refer to \"{name}\"; truncate both, or write CASCADE")]
    Referred {
        /// The table.
        name: String,
        /// A table that refers to it.
        by: String,
    },
    /// A value for a column that gives itself its values.
    #[error(
        "column \"{column}\" is always generated; leave it out, or write OVERRIDING SYSTEM VALUE before VALUES"
    )]
    AlwaysGenerated {
        /// The column.
        column: String,
    },
    /// No schema has this name.
    #[error(
        "there is no schema \"{}\": all tables are in one, which is called public, or main by SQLite",
        Cut(name)
    )]
    UnknownSchema {
        /// The name.
        name: String,
    },
    /// A name that is taken.
    #[error("\"{name}\" exists already")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Something of a kind of which there is none of this name.
    #[error("there is no {kind} \"{}\"", Cut(name))]
    Unknown {
        /// What kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A count that is negative, not whole, or not known.
    #[error("{clause} takes a number of rows, not {}", Cut(got))]
    RowCount {
        /// `LIMIT` or `OFFSET`.
        clause: &'static str,
        /// What it got.
        got: String,
    },
    /// A literal that is none of its type.
    #[error("{} cannot be read as {data_type}", Cut(text))]
    Literal {
        /// The text.
        text: String,
        /// The type.
        data_type: DataType,
    },
    /// A named parameter without a value.
    #[error("the parameter {name} is used and {given} were given")]
    Parameter {
        /// As it is written.
        name: String,
        /// How many there are.
        given: usize,
    },
    /// A prepared statement with too few values, or too many.
    #[error("the statement has {expected} parameters and {given} were given")]
    ParameterCount {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        given: usize,
    },
    /// `BEGIN` within a transaction.
    #[error("a transaction is open already")]
    TransactionOpen,
    /// A statement in a transaction in which one has failed, in PostgreSQL's dialect.
    #[error(
        "a statement has failed in the transaction, so nothing is done in it any more; ROLLBACK it, or go back to a savepoint"
    )]
    TransactionFailed,
    /// What needs a transaction outside of one.
    #[error("no transaction is open")]
    NoTransaction,
    /// What is not done.
    #[error("{feature} is not supported")]
    Unsupported {
        /// What was asked for.
        feature: String,
    },
    /// What the engine refused.
    #[error(transparent)]
    Engine(Error),
}

impl SqlError {
    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.inner.problem
    }

    /// Whether it is refused for how deep it is nested.
    pub(super) fn is_too_deep(&self) -> bool {
        matches!(self.problem(), Problem::TooDeep { .. })
    }

    /// Where in the text, if it is about a place.
    pub fn place(&self) -> Option<&Place> {
        self.inner.place.as_ref()
    }

    /// A problem of the statement as a whole.
    pub(super) fn new(problem: Problem) -> SqlError {
        SqlError { inner: Box::new(Inner { problem, place: None }) }
    }

    /// A problem at the beginning of a span.
    pub(super) fn at(problem: Problem, span: Span) -> SqlError {
        SqlError::new(problem).or_at(span.start)
    }

    /// The same at a place, if it has none yet.
    pub(super) fn or_at(mut self, at: Location) -> SqlError {
        if self.inner.place.is_none() && at.line > 0 {
            let (line, column) = (at.line, at.column);
            self.inner.place = Some(Place { line, column, snippet: String::new(), before: String::new() });
        }
        self
    }

    /// The same without its place, which is one in another text.
    pub(super) fn without_place(mut self) -> SqlError {
        self.inner.place = None;
        self
    }

    /// The same of a statement that is a part of a text, behind so many lines and so many characters of the line that
    /// it begins in.
    #[must_use]
    pub fn behind(mut self, lines: u64, characters: u64) -> SqlError {
        if let Some(place) = &mut self.inner.place {
            place.column += if place.line == 1 { characters } else { 0 };
            place.line += lines;
        }
        self
    }

    /// The same with what stands at its place in the text.
    pub(super) fn in_text(mut self, text: &str) -> SqlError {
        if let Some(place) = &mut self.inner.place
            && place.snippet.is_empty()
        {
            let number = |number: u64| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
            let line = text.lines().nth(number(place.line)).unwrap_or_default();
            let column = number(place.column);
            let rest = line.chars().skip(column);
            place.snippet = rest.take(SNIPPET_CHARACTERS_MAX).collect::<String>().trim_end().to_owned();
            let from = column.saturating_sub(SNIPPET_CHARACTERS_MAX);
            place.before = line.chars().take(column).skip(from).collect();
        }
        self
    }
}

impl std::error::Error for SqlError {}

/// In one line; with `{:#}` the place is shown below, with a mark under it.
impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner.problem)?;
        match &self.inner.place {
            Some(place) if f.alternate() && !(place.before.is_empty() && place.snippet.is_empty()) => {
                let Place { line, column, snippet, before } = place;
                let blank = |character: char| if character == '\t' { '\t' } else { ' ' };
                let mark: String = before.chars().map(blank).collect();
                write!(f, ", at line {line}, column {column}:\n  {before}{snippet}\n  {mark}^")
            }
            Some(Place { line, column, snippet, .. }) if snippet.is_empty() => {
                write!(f, ", at the end of line {line}, column {column}")
            }
            Some(Place { line, column, snippet, .. }) => {
                write!(f, ", at line {line}, column {column}: {snippet}")
            }
            None => Ok(()),
        }
    }
}

impl From<Problem> for SqlError {
    fn from(problem: Problem) -> SqlError {
        SqlError::new(problem)
    }
}

impl From<Error> for SqlError {
    fn from(error: Error) -> SqlError {
        SqlError::new(Problem::Engine(error))
    }
}

/// "; did you mean .." or nothing.
struct Nearest<'a>(&'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(nearest) => write!(f, "; did you mean \"{nearest}\"?"),
            None => Ok(()),
        }
    }
}

/// " in .." or nothing.
struct InTable<'a>(&'a Option<String>);

impl fmt::Display for InTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(table) => write!(f, " in \"{table}\""),
            None => Ok(()),
        }
    }
}
