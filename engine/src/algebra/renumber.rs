//! Other numbers for the sources and work tables of a query.

use hashbrown::HashMap;

use super::walk::{each_relation_mut, substitute_query, walk_query};
use super::{Column, Expr, Query, Relation, Source, WorkTable};

/// Numbers the sources and work tables that a query introduces anew, in the order in which they come.
pub(crate) fn renumber(query: &mut Query, next_source: &mut u32, next_table: &mut u32) {
    let next = |number: &mut u32| {
        *number += 1;
        *number - 1
    };
    let (mut sources, mut tables) = (HashMap::new(), HashMap::new());
    each_relation_mut(query, &mut |relation| {
        if let Relation::With { table, .. } | Relation::Recursive { table, .. } = relation {
            let own = tables.entry(*table).or_insert_with(|| WorkTable::new(next(next_table)));
            *table = *own;
        }
        if let Relation::WorkTable { table, .. } = relation
            && let Some(own) = tables.get(table)
        {
            *table = *own;
        }
        if let Some(source) = relation.source_mut() {
            let own = Source::new(next(next_source));
            sources.insert(*source, own);
            *source = own;
        }
    });
    let mut by: HashMap<Column, Expr> = HashMap::new();
    walk_query(query, &mut |expr| {
        if let Expr::Column(column) = expr
            && let Some(own) = sources.get(&column.source())
        {
            let own = if column.is_row_id() { own.row_id() } else { own.column(column.index()) };
            by.insert(*column, Expr::Column(own));
        }
    });
    substitute_query(query, &by);
}

/// A query numbered as every other would be that differs in its numbers alone. Columns of sources outside stay as they
/// are: the numbers are beyond those of a statement.
pub(crate) fn normal(mut query: Query) -> Query {
    renumber(&mut query, &mut (u32::MAX / 2), &mut (u32::MAX / 2));
    query
}
