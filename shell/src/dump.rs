//! The database as SQL that makes it again.
//!
//! First types and sequences, then all tables, their rows, where the sequences are and whom they go with, then indexes, foreign keys
//! and at last views, the oldest first, and comments: so the order of the tables does not matter, nor that of rows that refer to each
//! other, and indexes are built once over all rows.

use std::io::Write;
use std::sync::Arc;

use nuages_engine::algebra::{OutputColumn, Query, Relation, SequenceVerb, Source};
use nuages_engine::catalog::{Catalog, EnumDefinition, SequenceDefinition, TableDefinition};
use nuages_engine::sql::{
    Definition, Identifier, comment_statement, enum_statement, literal, quoted, sequence_statement,
};
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
    let tables = chosen(catalog, table)?;
    for of in enums(catalog, table, &tables) {
        writeln!(out, "{};", enum_statement(of))?;
    }
    for sequence in sequences(catalog, table, &tables) {
        writeln!(out, "{};", sequence_statement(sequence))?;
    }
    for table in &tables {
        for statement in Definition::of(table, catalog).statements() {
            writeln!(out, "{statement};")?;
        }
    }
    for sequence in catalog.sequences() {
        owner(sequence, &tables, out)?;
    }
    views(catalog, table, out)?;
    comments(catalog, table, &tables, out)
}

/// The enumerations that are printed: all, or those that columns of a table are of.
fn enums<'c>(
    catalog: &'c Catalog,
    table: Option<&str>,
    tables: &[&'c Arc<TableDefinition>],
) -> Vec<&'c Arc<EnumDefinition>> {
    let is_of = |of: &&Arc<EnumDefinition>| {
        let mut columns = catalog.columns_of_enum(of.id);
        table.is_none() || columns.any(|(owner, _)| tables.iter().any(|table| table.id == owner.id))
    };
    catalog.enums().filter(is_of).collect()
}

/// Prints the comments: all, or those on a table and what is of it.
fn comments(
    catalog: &Catalog,
    table: Option<&str>,
    tables: &[&Arc<TableDefinition>],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for (of, text) in catalog.comments() {
        let is_of = |owner| tables.iter().any(|table| table.id == owner);
        if (table.is_none() || of.table().is_some_and(is_of))
            && let Some(statement) = comment_statement(of, text, catalog)
        {
            writeln!(out, "{statement};")?;
        }
    }
    Ok(())
}

/// The sequences that are printed: all, or those that a table draws from or that go with it.
fn sequences<'c>(
    catalog: &'c Catalog,
    table: Option<&str>,
    tables: &[&'c Arc<TableDefinition>],
) -> Vec<&'c Arc<SequenceDefinition>> {
    let is_wanted = |sequence: &&Arc<SequenceDefinition>| {
        let is_owned = sequence.owner.is_some_and(|(owner, _)| tables.iter().any(|table| table.id == owner));
        let draws = |table: &&Arc<TableDefinition>| table.draws_from(sequence.id);
        table.is_none() || is_owned || tables.iter().any(draws)
    };
    catalog.sequences().filter(is_wanted).collect()
}

/// Prints with which column a sequence goes, if with one of these tables.
fn owner(
    sequence: &SequenceDefinition,
    tables: &[&Arc<TableDefinition>],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let Some((table, column)) = sequence.owner else { return Ok(()) };
    let table = tables.iter().find(|known| known.id == table);
    if let Some(table) = table
        && let Some(column) = table.columns.iter().find(|known| known.id == column)
    {
        let names = [&sequence.name, &table.name, &column.name].map(|name| Identifier(name));
        writeln!(out, "ALTER SEQUENCE {} OWNED BY {}.{};", names[0], names[1], names[2])?;
        if column.always {
            writeln!(out, "ALTER TABLE {} ALTER COLUMN {} SET GENERATED ALWAYS;", names[1], names[2])?;
        }
    }
    Ok(())
}

/// Prints where a sequence is.
fn place(session: &dyn Session, sequence: &SequenceDefinition, out: &mut dyn Write) -> Result<(), Failure> {
    let of = |name: &str, verb| OutputColumn::new(name, sequence.call(verb));
    let columns = vec![of("last_value", SequenceVerb::Value), of("is_called", SequenceVerb::IsCalled)];
    let state = session.query(&Query::new(Relation::Unit, columns), &[])?;
    if let Some([last, is_called]) = state.rows.first().map(Vec::as_slice) {
        let name = quoted(&Identifier(&sequence.name).to_string());
        writeln!(out, "SELECT setval({name}, {}, {});", literal(last), literal(is_called))?;
    }
    Ok(())
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
    let sequences = sequences(&catalog, table, &tables);
    writeln!(out, "BEGIN;")?;
    for of in enums(&catalog, table, &tables) {
        writeln!(out, "{};", enum_statement(of))?;
    }
    for sequence in &sequences {
        writeln!(out, "{};", sequence_statement(sequence))?;
    }
    for definition in &definitions {
        writeln!(out, "{};", definition.table)?;
    }
    for table in &tables {
        rows(session, table, out)?;
    }
    for sequence in &sequences {
        place(session, sequence, out)?;
        owner(sequence, &tables, out)?;
    }
    let rest = definitions.iter().flat_map(|definition| &definition.indexes);
    for statement in rest.chain(definitions.iter().flat_map(|definition| &definition.foreign_keys)) {
        writeln!(out, "{statement};")?;
    }
    views(&catalog, table, out)?;
    comments(&catalog, table, &tables, out)?;
    writeln!(out, "COMMIT;")?;
    Ok(())
}

fn chosen<'c>(catalog: &'c Catalog, name: Option<&str>) -> Result<Vec<&'c Arc<TableDefinition>>, Error> {
    match name {
        Some(name) => Ok(vec![catalog.table_named(name)?]),
        None => {
            let mut tables: Vec<_> = catalog.tables().collect();
            tables.sort_by(|a, b| (a.draws_keys(), &a.name).cmp(&(b.draws_keys(), &b.name)));
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
