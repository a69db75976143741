//! SQL for who has a session of their own: a text becomes a statement of the algebra, and is run where its caller
//! likes.

use nuages_storage::Value;

use super::Dialect;
use super::bind::Binder;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::parse::{NESTING_MAX, Parsed, SHALLOW_NESTING_MAX, parse, split, with_deep_stack};
use crate::algebra::Statement;
use crate::catalog::Catalog;
use sqlparser::ast;

/// What one query, `INSERT`, `UPDATE` or `DELETE` means over a catalog, and its parameters' values as the statement
/// wants them.
///
/// ```
/// use nuages_engine::sql::{Dialect, statement};
/// use nuages_engine::{Database, Session};
/// let db = Database::new();
/// let (query, values) = statement("SELECT $1 + 1", &[41.into()], Dialect::PostgreSql, &*db.catalog()?)?;
/// assert_eq!(db.execute(&query, &values)?.rows.rows, [[42.into()]]);
/// # Ok::<(), nuages_engine::sql::SqlError>(())
/// ```
///
/// # Errors
/// What it is refused for; [`Problem::NotOneStatement`]; [`Problem::Unsupported`] for what is about the schema or a
/// transaction, which only a [`Connection`](super::Connection) runs.
pub fn statement(
    sql: &str,
    values: &[Value],
    dialect: Dialect,
    catalog: &Catalog,
) -> Result<(Statement, Vec<Value>), SqlError> {
    let bound = match bound(sql, values, dialect, catalog, SHALLOW_NESTING_MAX) {
        Err(error) if error.is_too_deep() => {
            with_deep_stack(|| bound(sql, values, dialect, catalog, NESTING_MAX))
        }
        bound => bound,
    };
    bound.map_err(|error| error.in_text(sql))
}

fn bound(
    sql: &str,
    values: &[Value],
    dialect: Dialect,
    catalog: &Catalog,
    nesting_max: usize,
) -> Result<(Statement, Vec<Value>), SqlError> {
    let mut statements = split(sql, dialect)?;
    let count = statements.len();
    let Some(tokens) = statements.pop().filter(|_| count == 1) else {
        return Err(Problem::NotOneStatement { count }.into());
    };
    let only_rows = || Problem::Unsupported { feature: "a statement that is not about rows".to_owned() };
    let parsed = parse(tokens, dialect, nesting_max)?;
    let mut parameters = Parameters::of(values);
    let mut binder = Binder::new(catalog, dialect, &mut parameters).nesting(nesting_max);
    use ast::Statement::{Delete, Insert, Query, Update};
    let statement = match parsed {
        Parsed::Query(query) => binder.read(&query)?,
        Parsed::Insert(parsed, beyond) => binder.beside(beyond).statement(&parsed)?,
        Parsed::Statement(parsed) if matches!(*parsed, Query(_) | Insert(_) | Update(_) | Delete(_)) => {
            binder.statement(&parsed)?
        }
        _ => return Err(only_rows().into()),
    };
    let values = parameters.converted(values)?.into_owned();
    Ok((statement, values))
}
