//! What rows in conflict are updated to.

use std::borrow::Cow;

use hashbrown::HashMap;
use nuages_storage::{DataType, RowId, Value, Version};

use super::super::coerced;
use super::super::images::Assigned;
use super::Rule;
use crate::algebra::{Expr, JoinKind, OutputColumn, Query, Relation, Source};
use crate::answer::run_query;
use crate::catalog::TableDefinition;
use crate::error::Error;
use crate::evaluate::Context;

/// A row that was to be inserted, as `excluded` shows it.
pub(super) type Proposed<'i> = Cow<'i, [Value]>;

/// The query that computes what rows are updated to: those in conflict beside the rows that were to be inserted, whose
/// last two columns are the row in conflict and the place.
pub(super) fn updates_of<'q>(
    table: &'q TableDefinition,
    source: Source,
    excluded: Source,
    assignments: &'q [(usize, Expr)],
    predicate: Option<&'q Expr>,
) -> impl Fn(&[(RowId, usize)], &[Proposed<'_>]) -> Query + 'q {
    let width = table.columns.len();
    let (row_id, place) = (excluded.column(width), excluded.column(width + 1));
    move |updated, rows| {
        let literals = |((row, place), values): (&(RowId, usize), &Proposed<'_>)| {
            let numbers = [Value::Int(row.get()), Value::from(*place as u64)];
            values.iter().cloned().chain(numbers).map(Expr::Literal).collect()
        };
        let types = table.columns.iter().map(|column| column.data_type);
        let types = types.chain([DataType::BigInt, DataType::BigInt]).collect();
        let rows = updated.iter().zip(rows).map(literals).collect();
        let proposed = Relation::Values { source: excluded, types, rows };
        let same_row = Expr::from(source.row_id()).equals(row_id.into());
        let mut relation = proposed.join(JoinKind::Inner, Relation::scan(table.id, source), same_row);
        if let Some(predicate) = predicate {
            relation = relation.filter(predicate.clone());
        }
        let numbers = [OutputColumn::new("row id", row_id), OutputColumn::new("place", place)];
        let values = assignments.iter().map(|(_, value)| OutputColumn::new("value", value.clone()));
        Query::new(relation, numbers.into_iter().chain(values).collect())
    }
}

/// Which rows are updated, by which of those that were to be inserted, and the values they are given.
pub(super) fn find_updates(
    table: &TableDefinition,
    query: &Query,
    assignments: &[(usize, Expr)],
    version: &Version,
    context: &Context<'_>,
) -> Result<Vec<(RowId, usize, Assigned)>, Error> {
    let mut found = Vec::new();
    run_query(query, version, context, &mut |batch| {
        for row in &batch.selection {
            let (Some(id), Some(place)) = (batch.column(0).int(row), batch.column(1).int(row)) else {
                continue;
            };
            let values = assignments.iter().zip(&batch.columns[2..]);
            let values = values
                .map(|((place, _), column)| Ok((*place, coerced(table, *place, column.value(row))?)))
                .collect::<Result<Assigned, Error>>()?;
            found.push((RowId::new(id), usize::try_from(place).unwrap_or_default(), values));
        }
        Ok(())
    })?;
    Ok(found)
}

/// That of the rows that would update one other only the last does: one that comes later meets what the statement has made
/// of it.
pub(super) fn expect_last(
    table: &TableDefinition,
    rule: &Rule<'_>,
    updated: &[(RowId, usize, Assigned)],
) -> Result<(), Error> {
    let mut last: HashMap<RowId, usize> = HashMap::with_capacity(rule.updated.len());
    last.extend(rule.updated.iter().copied());
    match updated.iter().all(|(row, place, _)| last.get(row) == Some(place)) {
        true => Ok(()),
        false => Err(Error::ConflictTwice { table: table.name.clone() }),
    }
}
