//! From syntax trees to the algebra: names to columns, operators to expressions, by the dialect's rules.
//!
//! The dialect decides here and nowhere below: where SQLite means something else than PostgreSQL, the binder says it in
//! the algebra's words, with a `NULLIF` around a divisor or a sort key that puts NULLs first. SQLite's values have
//! types and its columns have only inclinations; the engine's columns have types. So the binder knows the type of every
//! expression, and beside it the *affinity* that SQLite gives it, and writes the conversions out that SQLite does
//! while it runs:
//!
//! - a comparison is a boolean and becomes 1 or 0 where a value is wanted; a number becomes `<> 0` where a condition is;
//! - a text in arithmetic becomes the number it begins with;
//! - a text compared with a column of numbers is read as a number, and if it is none it is greater than all of them;
//! - of the branches of a `CASE`, and of the rows of a union, numbers and texts stay what each is, as JSON that is handed
//!   out as its value ([`json`]); integers and reals are computed with as what they are.
//!
//! What this cannot give: a column of integers that holds a text, and an integer sum of columns that becomes real where
//! it overflows. Both are errors. A column that is declared without a type keeps what it is given as JSON, but for blobs.
//!
//! Order of reading: `scope` (what a name means), `typed` (an expression and its type), `literal`, `operator`, `integers`,
//! `expression`, `membership`, `choice`, `row`, `collation`, `enumeration`, `zone`, `calendar`, `months`, `function`, `extreme`, `aggregate`, `grouping`,
//! `grouping_sets`, `window`, `written`, `select`, `clauses`, `straight`, `from`, `table_function`, `record`, `series`, `array`, `query`, `limit`, `common`;
//! `change`, `assigned`, `identity`, `view` and `conflict` (INSERT, UPDATE, DELETE); `table`, `constraint` and `types`
//! (definitions); `information` (the catalog as
//! tables).

mod aggregate;
mod array;
mod array_order;
mod assigned;
mod calendar;
mod called;
mod change;
mod choice;
mod clauses;
mod collation;
pub(super) mod common;
mod condition;
mod conflict;
mod constraint;
mod enumeration;
mod expression;
mod extreme;
mod family;
mod from;
mod function;
mod grouping;
mod grouping_sets;
mod identity;
mod information;
mod integers;
pub(super) mod json;
mod limit;
mod literal;
mod membership;
mod moment;
mod months;
mod operator;
mod pattern;
mod query;
mod record;
mod row;
pub(super) mod scope;
mod select;
mod sequence;
mod series;
mod straight;
mod subquery;
pub(super) mod table;
mod table_as;
mod table_function;
mod typed;
mod types;
mod view;
mod window;
mod written;
mod zone;

use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::Dialect;
use super::beyond::Beyond;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::parse::SHALLOW_NESTING_MAX;
use crate::algebra::Source;
use crate::catalog::Catalog;
use crate::catalog::names::nearest;

type Bound<T> = Result<T, SqlError>;

/// How deep views and subqueries may lie within each other.
const QUERY_DEPTH_MAX: usize = 32;

/// How many tables a statement may read, those of views and common tables counted as often as these are mentioned: each
/// may mention the one before it twice.
const SOURCES_MAX: u32 = 10_000;

/// What a statement is bound in.
pub(super) struct Binder<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) dialect: Dialect,
    pub(super) parameters: &'a mut Parameters,
    /// The number of the next source.
    next_source: u32,
    /// The common table expressions in scope, the innermost last.
    common: Vec<common::CommonTable>,
    /// The number of the next work table.
    next_work_table: u32,
    /// How deep in queries.
    depth: usize,
    /// What the last RETURNING returns.
    returned: Vec<scope::Shape>,
    /// What the INSERT to come says beside its tree.
    beyond: Beyond,
    /// How deep the texts of views may be nested: as deep as the stack has room for.
    nesting_max: usize,
    /// Which tables names may mean.
    pub(super) sight: Sight,
}

impl<'a> Binder<'a> {
    pub(super) fn new(catalog: &'a Catalog, dialect: Dialect, parameters: &'a mut Parameters) -> Binder<'a> {
        Binder {
            catalog,
            dialect,
            parameters,
            next_source: 0,
            common: Vec::new(),
            next_work_table: 0,
            depth: 0,
            returned: Vec::new(),
            beyond: Beyond::default(),
            nesting_max: SHALLOW_NESTING_MAX,
            sight: Sight::Own,
        }
    }

    /// A binder on a thread whose stack has room for texts of views that are nested so deep.
    pub(super) fn nesting(mut self, nesting_max: usize) -> Binder<'a> {
        self.nesting_max = nesting_max;
        self
    }

    /// A binder of an INSERT that says something beside its tree.
    pub(super) fn beside(&mut self, beyond: Beyond) -> &mut Self {
        self.beyond = beyond;
        self
    }

    /// The columns that the change returns that was bound last.
    pub(super) fn take_returned(&mut self) -> Vec<scope::Shape> {
        std::mem::take(&mut self.returned)
    }

    fn source(&mut self) -> Source {
        let source = Source::new(self.next_source);
        self.next_source += 1;
        source
    }

    fn is_sqlite(&self) -> bool {
        self.dialect.is_sqlite()
    }

    /// A name as the catalog has it, of something that is to be made.
    pub(super) fn new_name(&self, ident: &ast::Ident) -> String {
        if ident.quote_style.is_some() || self.is_sqlite() {
            ident.value.clone()
        } else {
            ident.value.to_lowercase()
        }
    }

    /// Whether an identifier means a name of the catalog.
    fn means(&self, ident: &ast::Ident, name: &str) -> bool {
        if self.is_sqlite() {
            is_same_in_any_case(&ident.value, name)
        } else if ident.quote_style.is_some() {
            ident.value == name
        } else {
            is_folded_to(&ident.value, name)
        }
    }
}

/// Whether two names are one in SQLite.
fn is_same_in_any_case(written: &str, name: &str) -> bool {
    let (written, name) = (written.as_bytes(), name.as_bytes());
    // The columns of a table are often alike but for their last letters.
    let last = |name: &[u8]| name.last().map(u8::to_ascii_lowercase);
    written.len() == name.len() && last(written) == last(name) && written.eq_ignore_ascii_case(name)
}

/// Whether `written` in lower case is `name`.
fn is_folded_to(written: &str, name: &str) -> bool {
    if written.is_ascii() {
        written.len() == name.len()
            && written.bytes().zip(name.bytes()).all(|(written, name)| written.to_ascii_lowercase() == name)
    } else {
        written.to_lowercase() == name
    }
}

/// The names that the one schema has, or parts of it: those of PostgreSQL and those of SQLite.
const SCHEMAS: [&str; 7] =
    ["public", "main", "temp", "temporary", "pg_temp", "pg_catalog", "information_schema"];

/// Of the names of the one schema, those that mean temporary tables.
const TEMPORARY: [&str; 3] = ["temp", "temporary", "pg_temp"];

/// Which tables a name with a schema before it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaOf {
    /// The temporary ones of the connection.
    Temporary,
    /// Those that stay.
    Permanent,
}

/// Which tables names mean that have no schema before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// The temporary ones of the connection, and behind them those that stay.
    Own,
    /// Those that stay, in what becomes a view: one that means a temporary table is refused.
    Permanent,
    /// Those that stay, in a view that is read: what it means is not what the connection has.
    View,
}

/// The schema that stands before a name.
pub(super) fn schema_in(name: &ast::ObjectName) -> Option<SchemaOf> {
    let [.., schema, _] = name.0.as_slice() else { return None };
    let is_temporary =
        |schema: &ast::Ident| TEMPORARY.iter().any(|word| schema.value.eq_ignore_ascii_case(word));
    let is_temporary = schema.as_ident().is_some_and(is_temporary);
    Some(if is_temporary { SchemaOf::Temporary } else { SchemaOf::Permanent })
}

/// Refuses a schema that there is not.
fn expect_schema(name: &ast::Ident) -> Bound<()> {
    if SCHEMAS.iter().any(|known| name.value.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    Err(SqlError::at(Problem::UnknownSchema { name: name.value.clone() }, name.span))
}

/// The last part of a name that may have a schema before it.
///
/// # Errors
/// [`Problem::UnknownSchema`].
pub(super) fn last_part(name: &ast::ObjectName) -> Bound<&ast::Ident> {
    if let [.., schema, _] = name.0.as_slice()
        && let Some(schema) = schema.as_ident()
    {
        expect_schema(schema)?;
    }
    name.0
        .last()
        .and_then(|part| part.as_ident())
        .ok_or_else(|| unsupported("a name that is a function").into())
}

fn unsupported(feature: impl Into<String>) -> Problem {
    Problem::Unsupported { feature: feature.into() }
}

/// A type as a message names it.
fn shown(kind: Option<DataType>) -> String {
    kind.map_or_else(|| "NULL".to_owned(), |kind| kind.to_string())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a type, or words for some: callers have no name for either"
)]
fn mismatch(expression: &str, expected: impl ToString, got: Option<DataType>, span: Span) -> SqlError {
    let problem =
        Problem::Type { expression: expression.to_owned(), expected: expected.to_string(), got: shown(got) };
    SqlError::at(problem, span)
}

/// The place where an expression begins, without walking all of it.
fn begin_of(expr: &ast::Expr) -> Span {
    let mut expr = expr;
    loop {
        expr = match expr {
            ast::Expr::Identifier(ident) => return ident.span,
            ast::Expr::CompoundIdentifier(parts) => {
                return parts.first().map_or(Span::empty(), |part| part.span);
            }
            ast::Expr::Value(value) => return value.span,
            ast::Expr::Function(function) => {
                let name = function.name.0.first().and_then(|part| part.as_ident());
                return name.map_or(Span::empty(), |name| name.span);
            }
            ast::Expr::Case { case_token, .. } => return case_token.0.span,
            ast::Expr::BinaryOp { left, .. } => left,
            ast::Expr::InList { expr, .. }
            | ast::Expr::InSubquery { expr, .. }
            | ast::Expr::Between { expr, .. }
            | ast::Expr::Like { expr, .. }
            | ast::Expr::ILike { expr, .. }
            | ast::Expr::IsNull(expr)
            | ast::Expr::IsNotNull(expr)
            | ast::Expr::UnaryOp { expr, .. }
            | ast::Expr::Cast { expr, .. }
            | ast::Expr::Nested(expr) => expr,
            other => return sqlparser::ast::Spanned::span(other),
        };
    }
}

fn is_null(value: &Value) -> bool {
    value.is_null()
}

/// The name of the catalog's tables that is nearest to one that is not among them.
fn nearest_table(catalog: &Catalog, name: &str) -> Option<String> {
    nearest(name, catalog.tables().map(|table| &*table.name).chain(catalog.views().map(|view| &*view.name)))
}
