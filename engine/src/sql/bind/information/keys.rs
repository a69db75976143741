//! Constraints as tables: keys, the columns they are about, what refers to what, and checks.

use nuages_storage::Value;

use super::{Row, named, place, row, text, yes};
use crate::catalog::{Action, Catalog, ForeignKeyDefinition, TableDefinition, TargetKey};
use crate::sql::print::own;

/// A constraint over columns.
struct Key<'t> {
    name: String,
    kind: &'static str,
    columns: Vec<String>,
    deferred: bool,
    /// The foreign key, if it is one.
    reference: Option<&'t ForeignKeyDefinition>,
}

/// The keys of a table: the primary key first, then the unique constraints, then what refers to others.
fn keys(table: &TableDefinition) -> Vec<Key<'_>> {
    let mut keys = Vec::new();
    let mut add = |name, kind, columns, deferred, reference| {
        keys.push(Key { name, kind, columns, deferred, reference });
    };
    let key = table.primary_key_columns();
    if !key.is_empty() {
        add(table.primary_key_name(), "PRIMARY KEY", table.column_names(key), false, None);
    }
    let uniques = table.indexes.iter().filter_map(|index| Some((index, index.unique.as_ref()?)));
    for (index, unique) in uniques.filter(|(_, unique)| !unique.primary) {
        add(unique.constraint.clone(), "UNIQUE", index.part_names(table), unique.deferred, None);
    }
    for key in &table.foreign_keys {
        add(key.name.clone(), "FOREIGN KEY", table.column_names(&key.columns), key.deferred, Some(key));
    }
    keys
}

pub(super) fn constraints(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.permanent_tables() {
        let checks = table.checks.iter().map(|check| (check.name.clone(), "CHECK", false));
        let keys = keys(table).into_iter().map(|key| (key.name, key.kind, key.deferred));
        for (name, kind, deferred) in keys.chain(checks) {
            rows.push(row([
                named(&name).to_vec(),
                named(&table.name).to_vec(),
                vec![text(kind), yes(deferred), yes(deferred)],
            ]));
        }
    }
    rows
}

pub(super) fn key_columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.permanent_tables() {
        for key in keys(table) {
            for (at, column) in key.columns.iter().enumerate() {
                // The columns of a foreign key are in the order of the key that they refer to.
                let referred = key.reference.map_or(Value::Null, |_| place(at));
                rows.push(row([
                    named(&key.name).to_vec(),
                    named(&table.name).to_vec(),
                    vec![text(column), place(at), referred],
                ]));
            }
        }
    }
    rows
}

/// The columns that constraints are about: of a foreign key those that it refers to.
pub(super) fn constrained_columns(catalog: &Catalog) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in catalog.permanent_tables() {
        let mut add = |of: &TableDefinition, columns: Vec<String>, constraint: &str| {
            let row_of = |column: &String| {
                row([named(&of.name).to_vec(), vec![text(column)], named(constraint).to_vec()])
            };
            rows.extend(columns.iter().map(row_of));
        };
        for key in keys(table) {
            let target =
                key.reference.and_then(|reference| Some((catalog.table(reference.target)?, reference)));
            match target {
                Some((target, reference)) => {
                    add(target, target.column_names(&reference.target_columns), &key.name);
                }
                None => add(table, key.columns, &key.name),
            }
        }
        for check in &table.checks {
            let mut places: Vec<usize> = check.program.places().collect();
            places.sort_unstable();
            places.dedup();
            add(table, table.column_names(&places), &check.name);
        }
    }
    rows
}

pub(super) fn references(catalog: &Catalog) -> Vec<Row> {
    let rule = |action: Action| text(&action.to_string());
    let of_key = |key: &ForeignKeyDefinition| {
        let target = catalog.table(key.target)?;
        let constraint = match key.target_key {
            TargetKey::RowId => target.primary_key_name(),
            TargetKey::Index(index) => target.index(index)?.unique.as_ref()?.constraint.clone(),
        };
        Some(row([
            named(&key.name).to_vec(),
            named(&constraint).to_vec(),
            vec![text("NONE"), rule(key.on_update), rule(key.on_delete)],
        ]))
    };
    catalog.permanent_tables().flat_map(|table| table.foreign_keys.iter().filter_map(of_key)).collect()
}

pub(super) fn checks(catalog: &Catalog) -> Vec<Row> {
    let of_table = |table: &TableDefinition| -> Vec<Row> {
        let checks = table.checks.iter();
        checks
            .map(|check| row([named(&check.name).to_vec(), vec![text(&own(&check.condition, table))]]))
            .collect()
    };
    catalog.permanent_tables().flat_map(|table| of_table(table)).collect()
}
