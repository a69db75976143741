//! Columns that give themselves their values, in an INSERT that gives them others.

use sqlparser::tokenizer::Span;

use super::Bound;
use crate::algebra::InsertSource;
use crate::catalog::{ColumnDefinition, TableDefinition};
use crate::sql::error::{Problem, SqlError};

/// Takes the values for columns that number themselves out of the rows.
pub(super) fn drop_identities(
    rows: &mut InsertSource,
    columns: &mut Vec<usize>,
    definition: &TableDefinition,
) {
    let is_kept: Vec<bool> =
        columns.iter().map(|place| !numbers_itself(&definition.columns[*place])).collect();
    let kept = |at: usize| is_kept.get(at).copied().unwrap_or(true);
    match rows {
        InsertSource::Values(rows) => rows.iter_mut().for_each(|row| retain_places(row, &kept)),
        InsertSource::Query(query) => retain_places(&mut query.columns, &kept),
    }
    retain_places(columns, &kept);
}

/// Whether a column gives itself its values.
fn numbers_itself(column: &ColumnDefinition) -> bool {
    column.generated_key || column.always
}

fn retain_places<T>(items: &mut Vec<T>, is_kept: &dyn Fn(usize) -> bool) {
    let mut place = 0;
    items.retain(|_| {
        place += 1;
        is_kept(place - 1)
    });
}

/// Refuses values for columns whose values are always generated.
pub(super) fn expect_generated(
    rows: &InsertSource,
    columns: &[usize],
    definition: &TableDefinition,
    span: Span,
) -> Bound<()> {
    for (at, place) in columns.iter().enumerate().filter(|(_, place)| definition.columns[**place].always) {
        let is_given = match rows {
            InsertSource::Values(rows) => rows.iter().any(|row| row[at].is_some()),
            InsertSource::Query(_) => true,
        };
        if is_given {
            let column = definition.columns[*place].name.clone();
            return Err(SqlError::at(Problem::AlwaysGenerated { column }, span));
        }
    }
    Ok(())
}
