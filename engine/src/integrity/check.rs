//! Checks: conditions that are false of no row.

use nuages_storage::LeafView;

use crate::catalog::{ColumnSet, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;

/// Tests the checks that read one of these columns, for the selected rows of a leaf. A condition that is unknown,
/// because of a NULL, holds.
///
/// # Errors
/// [`Error::Check`] for the first row of the first check that is false, and those of evaluating it.
pub(crate) fn check(
    table: &TableDefinition,
    columns: ColumnSet,
    view: LeafView<'_>,
    selection: u64,
    context: &Context<'_>,
) -> Result<(), Error> {
    for check in &table.checks {
        if !check.program.reads(columns) {
            continue;
        }
        let refuted = check.program.refutes(table, view, selection, context)?;
        if refuted != 0 {
            let row = view.row(refuted.trailing_zeros() as usize);
            let shown = |place: usize| {
                let column = &table.columns[place];
                (column.name.clone(), row.value(column.slot, &column.data_type))
            };
            return Err(Error::Check {
                table: table.name.clone(),
                constraint: check.name.clone(),
                values: check.program.places().map(shown).collect(),
            });
        }
    }
    Ok(())
}
