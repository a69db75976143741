//! The short way of a prepared query to one row: from the key to the row, with nothing made ready in between.

use nuages_storage::{Value, Version};

use super::Session;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::evaluate::Context;
use crate::prepared::Prepared;
use crate::row::Row;

/// Runs a prepared query that finds one row by its key, and says whether it has: not if it is another query, or if the
/// schema is not the one that its first plan was made for.
pub(super) fn run<S: Session + ?Sized>(
    session: &S,
    query: &Prepared,
    parameters: &[Value],
    each: &mut dyn FnMut(Row<'_>) -> Result<(), Error>,
) -> Result<bool, Error> {
    let Some((point, schema)) = query.point() else { return Ok(false) };
    let interrupt = session.interrupt();
    let context =
        Context::new(parameters).noting(session.reads()).drawing(session.draws()).within(&interrupt);
    context.check()?;
    let row_id = point.row_id(&context)?;
    let mut has_run = false;
    let mut read = |version: &Version| {
        if Catalog::of(version).schema_id() != schema {
            return Ok(());
        }
        has_run = true;
        match point.row(version, row_id, &context)? {
            Some(row) => each(row),
            None => Ok(()),
        }
    };
    match row_id {
        Some(row_id) => session.read_row_unnoted(point.table(), row_id, &mut read)?,
        None => session.read_unnoted(&mut read)?,
    }
    Ok(has_run)
}
