//! Indexes as tables: each with its columns, and as the statement that makes it.

use super::{Row, SCHEMA, named, place, row, text, yes};
use crate::catalog::{Catalog, IndexDefinition, TableDefinition};
use crate::sql::print::index_statement;

pub(super) fn indexes(catalog: &Catalog) -> Vec<Row> {
    let of_index = |table: &TableDefinition, index: &IndexDefinition| -> Vec<Row> {
        let names = index.part_names(table).into_iter().enumerate();
        let of_part = |(at, column): (usize, String)| {
            row([
                named(&table.name).to_vec(),
                vec![text(&index.name), yes(index.unique.is_some()), text(&column), place(at)],
            ])
        };
        names.map(of_part).collect()
    };
    let of_table = |table: &TableDefinition| -> Vec<Row> {
        table.indexes.iter().flat_map(|index| of_index(table, index)).collect()
    };
    catalog.permanent_tables().flat_map(|table| of_table(table)).collect()
}

/// Every index as the statement that makes it. That of a primary key that is the row id is the table itself.
pub(super) fn pg_indexes(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.permanent_tables() {
        if let Some(key) = table.row_id_column() {
            let name = table.primary_key_name();
            let columns = table.column_names(&[key]).join(", ");
            let definition = format!("CREATE UNIQUE INDEX {name} ON {} ({columns})", table.name);
            rows.push(vec![text(SCHEMA), text(&table.name), text(&name), text(&definition)]);
        }
        for index in &table.indexes {
            let definition = index_statement(index, table);
            rows.push(vec![text(SCHEMA), text(&table.name), text(&index.name), text(&definition)]);
        }
    }
    rows
}
