//! Values that are others each time they are computed, as of `gen_random_uuid()`.
//!
//! A statement that is attempted again is to assign what it did at first. What it assigns to a unique key it asks to
//! lock; with another key each time it would ask for a lock that it has not, each time, for as long as others commit.
//! But a value that was computed from the row too must follow it: so it is kept together with what was read for it.

use hashbrown::HashMap;
use nuages_storage::{RowId, Value, Version};
use smallvec::SmallVec;

use super::images::Assigned;
use crate::algebra::{Expr, Source};
use crate::catalog::TableDefinition;

/// What was drawn for rows by the attempts so far.
#[derive(Debug, Default)]
pub(super) struct Drawn(HashMap<RowId, Draw>);

/// What was drawn for a row.
#[derive(Debug)]
struct Draw {
    /// The values of the columns that were read for it.
    read: Vec<Value>,
    /// The values, in the order of their assignments.
    values: SmallVec<[Value; 1]>,
}

impl Drawn {
    /// Gives rows the values that were drawn for them before, if what was read for these is still so, and keeps those
    /// that are drawn now. `updated` has a value for each of the assignments, in their order.
    pub(super) fn settle<'a>(
        &mut self,
        (table, source): (&TableDefinition, Source),
        assignments: &[(usize, Expr)],
        version: &Version,
        updated: impl Iterator<Item = (RowId, &'a mut Assigned)>,
    ) {
        let mut reads = Vec::new();
        let is_drawn = |(at, (_, expr)): (usize, &(usize, Expr))| {
            (!expr.is_immutable() && add_read(expr, source, &mut reads)).then_some(at)
        };
        let drawn: SmallVec<[usize; 2]> = assignments.iter().enumerate().filter_map(is_drawn).collect();
        let Some(rows) = version.table(table.id).filter(|_| !drawn.is_empty()) else { return };
        for (id, assigned) in updated {
            let Some(row) = rows.get(id) else { continue };
            let columns = reads.iter().filter_map(|place| table.columns.get(*place));
            let read = columns.map(|column| row.value(column.slot, &column.data_type)).collect::<Vec<_>>();
            match self.0.get(&id) {
                Some(before) if before.read == read => {
                    for (at, value) in drawn.iter().zip(&before.values) {
                        assigned[*at].1 = value.clone();
                    }
                }
                _ => {
                    let values = drawn.iter().map(|at| assigned[*at].1.clone()).collect();
                    self.0.insert(id, Draw { read, values });
                }
            }
        }
    }
}

/// Adds the places of the columns that an expression reads; false if it reads anything else than its own row.
fn add_read(expr: &Expr, source: Source, reads: &mut Vec<usize>) -> bool {
    let mut is_own = match expr {
        Expr::Column(column) if column.source() == source && !column.is_row_id() => {
            reads.push(column.index());
            true
        }
        Expr::Column(_) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..) => false,
        _ => true,
    };
    expr.each_child(&mut |child| is_own &= add_read(child, source, reads));
    is_own
}
