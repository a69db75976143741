//! What writes, as `INSERT`, `UPDATE` and `DELETE`.

use super::expression::expression;
use super::identifier::{Identifier, identifiers};
use super::mentions::Mentions;
use super::query::Printer;
use crate::algebra::walk::ColumnSet;
use crate::algebra::{
    ConflictAction, ConflictTarget, Delete, Expr, Insert, InsertSource, OnConflict, OutputColumn, Relation,
    Statement, Update,
};
use crate::catalog::TableDefinition;

/// Prints a statement.
pub(super) fn statement(statement: &Statement, printer: &mut Printer<'_>) -> String {
    match statement {
        Statement::Query(query) => printer.print(query),
        Statement::Insert(one) => insert(one, printer),
        Statement::Update(one) => update(one, printer),
        Statement::Delete(one) => delete(one, printer),
    }
}

/// The columns that a statement needs.
pub(super) fn mentioned(statement: &Statement) -> ColumnSet {
    let mut mentions = Mentions::default();
    let mut returned: &[OutputColumn] = &[];
    match statement {
        Statement::Query(query) => mentions.query(query),
        Statement::Insert(Insert { rows, conflict, returning, .. }) => {
            match rows {
                InsertSource::Values(rows) => {
                    rows.iter().flatten().flatten().for_each(|expr| mentions.expression(expr));
                }
                InsertSource::Query(query) => mentions.query(query),
            }
            for conflict in conflict.iter().flat_map(OnConflict::each) {
                if let ConflictAction::DoUpdate { assignments, predicate, .. } = &conflict.action {
                    let assigned = assignments.iter().map(|(_, expr)| expr);
                    assigned.chain(predicate).for_each(|expr| mentions.expression(expr));
                }
            }
            returned = returning;
        }
        Statement::Update(Update { from, predicate, assignments, returning, .. }) => {
            from.iter().for_each(|from| mentions.relation(from));
            let assigned = assignments.iter().map(|(_, expr)| expr);
            assigned.chain(predicate).for_each(|expr| mentions.expression(expr));
            returned = returning;
        }
        Statement::Delete(Delete { using, predicate, returning, .. }) => {
            using.iter().for_each(|using| mentions.relation(using));
            predicate.iter().for_each(|expr| mentions.expression(expr));
            returned = returning;
        }
    }
    returned.iter().for_each(|column| mentions.expression(&column.expr));
    mentions.into_needed()
}

fn insert(one: &Insert, printer: &mut Printer<'_>) -> String {
    let Insert { table, columns, rows, conflict, source, returning } = one;
    let into = printer.scan(*table, *source).from;
    let Some(definition) = printer.table(*table) else { return String::new() };
    let names = identifiers(columns.iter().map(|column| column_name(definition, *column)));
    let rows = match rows {
        InsertSource::Values(rows) if columns.is_empty() && rows.len() == 1 => "DEFAULT VALUES".to_owned(),
        InsertSource::Values(rows) => {
            let mut value = |value: &Option<Expr>| match value {
                Some(expr) => expression(expr, printer),
                None => "DEFAULT".to_owned(),
            };
            let row = |row: &Vec<Option<Expr>>| row.iter().map(&mut value).collect::<Vec<_>>().join(", ");
            let rows: Vec<String> = rows.iter().map(row).map(|row| format!("({row})")).collect();
            format!("VALUES {}", rows.join(", "))
        }
        InsertSource::Query(query) => printer.print(query),
    };
    let columns = if names.is_empty() { String::new() } else { format!(" ({names})") };
    let or = match conflict {
        Some(OnConflict { target: None, action: ConflictAction::Replace, .. }) => " OR REPLACE",
        Some(OnConflict { target: None, action: ConflictAction::PassOver, .. }) => " OR IGNORE",
        _ => "",
    };
    let conflicts = conflict.iter().flat_map(OnConflict::each);
    let conflict: String = conflicts.map(|one| on_conflict(one, definition, printer)).collect();
    format!("INSERT{or} INTO {into}{columns} {rows}{conflict}{}", returned(returning, printer))
}

fn on_conflict(one: &OnConflict, table: &TableDefinition, printer: &mut Printer<'_>) -> String {
    let target = match &one.target {
        None => String::new(),
        Some(ConflictTarget::Columns(columns)) => {
            format!(" ({})", identifiers(columns.iter().map(|column| column_name(table, *column))))
        }
        Some(ConflictTarget::Index(index)) => {
            let name = table.index(*index).map_or("", |index| &index.name);
            format!(" ON CONSTRAINT {}", Identifier(name))
        }
    };
    match &one.action {
        ConflictAction::Replace | ConflictAction::PassOver => String::new(),
        ConflictAction::DoNothing => format!(" ON CONFLICT{target} DO NOTHING"),
        ConflictAction::DoUpdate { excluded, assignments, predicate, .. } => {
            printer.call_columns(*excluded, table, "excluded");
            let set = assigned(assignments, table, printer);
            format!(" ON CONFLICT{target} DO UPDATE SET {set}{}", filter(&[], predicate.as_ref(), printer))
        }
    }
}

fn update(one: &Update, printer: &mut Printer<'_>) -> String {
    let Update { table, source, from, predicate, assignments, returning } = one;
    let own = printer.scan(*table, *source).from;
    let Some(definition) = printer.table(*table) else { return String::new() };
    let (from, joined) = further(" FROM ", from.as_ref(), printer);
    let set = assigned(assignments, definition, printer);
    let filter = filter(&joined, predicate.as_ref(), printer);
    format!("UPDATE {own} SET {set}{from}{filter}{}", returned(returning, printer))
}

fn delete(one: &Delete, printer: &mut Printer<'_>) -> String {
    let Delete { table, source, using, predicate, returning } = one;
    let own = printer.scan(*table, *source).from;
    let (using, joined) = further(" USING ", using.as_ref(), printer);
    let filter = filter(&joined, predicate.as_ref(), printer);
    format!("DELETE FROM {own}{using}{filter}{}", returned(returning, printer))
}

fn column_name(table: &TableDefinition, column: usize) -> &str {
    table.columns.get(column).map_or("", |column| &column.name)
}

/// `title = 'Nuages', views = post.views + 1`
fn assigned(assignments: &[(usize, Expr)], table: &TableDefinition, printer: &mut Printer<'_>) -> String {
    let one = |(column, expr): &(usize, Expr)| {
        format!("{} = {}", Identifier(column_name(table, *column)), expression(expr, printer))
    };
    assignments.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Further rows behind a word, and the conditions that belong to them.
fn further(word: &str, rows: Option<&Relation>, printer: &mut Printer<'_>) -> (String, Vec<String>) {
    rows.map_or_else(Default::default, |rows| {
        let select = printer.rows_beside(rows);
        (format!("{word}{}", select.from), select.filter)
    })
}

/// ` WHERE ..` of conditions that are printed and one that is not, if there are any.
fn filter(printed: &[String], predicate: Option<&Expr>, printer: &mut Printer<'_>) -> String {
    let last = predicate.map(|predicate| expression(predicate, printer));
    let parts: Vec<String> = printed.iter().cloned().chain(last).collect();
    if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
}

/// ` RETURNING ..`, if anything is returned.
fn returned(columns: &[OutputColumn], printer: &mut Printer<'_>) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let columns: Vec<String> = columns.iter().map(|column| expression(&column.expr, printer)).collect();
    format!(" RETURNING {}", columns.join(", "))
}
