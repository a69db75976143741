//! The database as SQL that makes it again.
//!
//! First all tables, then their rows, then indexes, foreign keys and at last views, the oldest first: so the order of
//! the tables does not matter, nor that of rows that refer to each other, and indexes are built once over all rows.

use std::io::Write;
use std::sync::Arc;

use nuages_engine::algebra::{OutputColumn, Query, Relation, Source};
use nuages_engine::catalog::{Catalog, TableDefinition};
use nuages_engine::sql::{Definition, Identifier, literal};
use nuages_engine::{Error, Session};
use nuages_storage::Value;

use crate::failure::Failure;

/// Rows in one `INSERT`.
const ROWS_PER_STATEMENT: usize = 100;

/// Prints the definitions of all tables, or of one.
///
/// # Errors
/// A table that there is not; what writing fails with.
pub(crate) fn schema(catalog: &Catalog, table: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    for table in chosen(catalog, table)? {
        for statement in Definition::of(table, catalog).statements() {
            writeln!(out, "{statement};")?;
        }
    }
    views(catalog, table, out)
}

/// Prints the views, if all is asked for.
fn views(catalog: &Catalog, table: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    for view in catalog.views().filter(|_| table.is_none()) {
        let names: Vec<String> = view.columns.iter().map(|name| Identifier(name).to_string()).collect();
        let columns = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        writeln!(out, "CREATE VIEW {}{columns} AS {};", Identifier(&view.name), view.sql)?;
    }
    Ok(())
}

/// Prints all tables with their rows, or one, as statements in one transaction.
///
/// # Errors
/// A table that there is not; what reading or writing fails with.
pub(crate) fn dump(session: &dyn Session, table: Option<&str>, out: &mut dyn Write) -> Result<(), Failure> {
    let catalog = session.catalog()?;
    let tables = chosen(&catalog, table)?;
    let definitions: Vec<Definition> = tables.iter().map(|table| Definition::of(table, &catalog)).collect();
    writeln!(out, "BEGIN;")?;
    for definition in &definitions {
        writeln!(out, "{};", definition.table)?;
    }
    for table in &tables {
        rows(session, table, out)?;
    }
    let rest = definitions.iter().flat_map(|definition| &definition.indexes);
    for statement in rest.chain(definitions.iter().flat_map(|definition| &definition.foreign_keys)) {
        writeln!(out, "{statement};")?;
    }
    views(&catalog, table, out)?;
    writeln!(out, "COMMIT;")?;
    Ok(())
}

fn chosen<'c>(catalog: &'c Catalog, name: Option<&str>) -> Result<Vec<&'c Arc<TableDefinition>>, Error> {
    match name {
        Some(name) => Ok(vec![catalog.table_named(name)?]),
        None => {
            let mut tables: Vec<_> = catalog.tables().collect();
            tables.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(tables)
        }
    }
}

fn rows(session: &dyn Session, table: &TableDefinition, out: &mut dyn Write) -> Result<(), Failure> {
    let source = Source::new(0);
    // What is computed is computed again where the rows are read.
    let given = || table.columns.iter().enumerate().filter(|(place, _)| table.computed(*place).is_none());
    let columns = given().map(|(place, column)| OutputColumn::new(&column.name, source.column(place)));
    let query = Query::new(Relation::scan(table.id, source), columns.collect());
    let names: Vec<String> = given().map(|(_, column)| Identifier(&column.name).to_string()).collect();
    let is_always = table.columns.iter().any(|column| column.always);
    let overriding = if is_always { " OVERRIDING SYSTEM VALUE" } else { "" };
    let head = format!("INSERT INTO {} ({}){overriding} VALUES", Identifier(&table.name), names.join(", "));
    let mut written = Ok(());
    let mut count = 0;
    session.query_each(&query, &[], &mut |batch| {
        for row in batch.selection.iter() {
            let values = batch.row(row).into_iter().zip(given());
            let values = values.map(|(value, (_, column))| if column.any { plain(value) } else { value });
            let values: Vec<String> = values.map(|value| literal(&value)).collect();
            let start = match count % ROWS_PER_STATEMENT {
                0 if count > 0 => format!(";\n{head}\n "),
                0 => format!("{head}\n "),
                _ => ",\n ".to_owned(),
            };
            count += 1;
            if written.is_ok() {
                written = write!(out, "{start}({})", values.join(", "));
            }
        }
        Ok(())
    })?;
    written?;
    if count > 0 {
        writeln!(out, ";")?;
    }
    Ok(())
}

/// The number or text that a column without a type keeps as JSON.
fn plain(value: Value) -> Value {
    let Value::Json(json) = value else { return value };
    match *json {
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Value::Int(int),
            (None, float) => float.map_or(Value::Null, Value::Float),
        },
        other => Value::Text(other.to_string()),
    }
}
