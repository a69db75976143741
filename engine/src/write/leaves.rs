//! Rows by leaf.
//!
//! What a statement does to rows it does to leaves: a leaf and a word that says which of its rows are meant.

use nuages_storage::{LeafView, RowId, Table};

use crate::error::Error;

/// The positions of the bits that are one, ascending.
pub(crate) fn selected(mut selection: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if selection == 0 {
            return None;
        }
        let row = selection.trailing_zeros() as usize;
        selection &= selection - 1;
        Some(row)
    })
}

/// Calls `f` with every leaf that holds some of `rows`, which ascend, and the selection of those it holds. Rows that
/// are not there are passed over. One descent a leaf.
pub(crate) fn for_each_leaf<'v>(
    table: &'v Table,
    rows: &[RowId],
    mut f: impl FnMut(LeafView<'v>, u64) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rest = rows;
    while let Some(&first) = rest.first() {
        let Some(found) = table.get(first) else {
            rest = &rest[1..];
            continue;
        };
        let view = found.view();
        let ids = view.row_ids();
        let (mut selection, mut used, mut position) = (0u64, 0, found.row());
        for row in rest {
            let Some(offset) = ids[position..].iter().position(|id| *id >= row.get()) else { break };
            position += offset;
            selection |= u64::from(ids[position] == row.get()) << position;
            used += 1;
        }
        rest = &rest[used..];
        f(view, selection)?;
    }
    Ok(())
}
