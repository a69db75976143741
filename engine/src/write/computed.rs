//! What the computed columns of a row are, when it is written.

use nuages_storage::{Rows, Table, all_rows};

use super::coerced;
use super::images::RowsBuilder;
use crate::catalog::TableDefinition;
use crate::error::Error;
use crate::evaluate::Context;

/// New images of rows with their computed columns filled in.
pub(super) fn filled(
    table: &TableDefinition,
    tree: &Table,
    images: Vec<Rows>,
    context: &Context<'_>,
) -> Result<Vec<Rows>, Error> {
    if table.computed.is_empty() {
        return Ok(images);
    }
    let mut builder = RowsBuilder::new(table, images.iter().map(Rows::len).sum());
    for image in &images {
        let view = image.view(tree);
        let compute = |computed: &crate::catalog::ComputedColumn| {
            let values = computed.program.evaluate(table, view, all_rows(view.len()), context)?;
            Ok((computed.column, values))
        };
        let computed = table.computed.iter().map(compute).collect::<Result<Vec<_>, Error>>()?;
        for at in 0..view.len() {
            let row = view.row(at);
            let leaf = builder.begin_row();
            leaf.copy_row(row);
            for (place, values) in &computed {
                let value = coerced(table, *place, values.value(at))?;
                leaf.set_value(table.columns[*place].slot, &value);
            }
            leaf.finish_row(row.row_id());
        }
    }
    Ok(builder.finish())
}
