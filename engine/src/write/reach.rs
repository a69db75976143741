//! Which statements are short: what they read and write is a few rows, whatever is in the tables.
//!
//! A [short](nuages_storage::Reach) statement is attempted while nobody else can commit, so that it is must be certain.
//! It is decided on the very version that the attempt is made on, by what a glance at statement and definitions shows:
//! the rows are given, or the key of one is; no expression asks for further rows; and nothing refers to what goes. What
//! is none of that may be short all the same, and is attempted while others commit.

use nuages_storage::{Value, Version};
use smallvec::SmallVec;

use super::update::{constant, has_query};
use crate::algebra::{
    Comparison, ConflictAction, Delete, Expr, Insert, InsertSource, OnConflict, OutputColumn, Source,
    Statement, Update,
};
use crate::catalog::{Catalog, ColumnSet, IndexDefinition, TableDefinition};
use crate::evaluate::{Context, same_keys};
use crate::integrity::cascade;

/// Rows up to which an insertion of values counts as short.
const SHORT_ROWS_MAX: usize = 64;

/// Whether a statement is short on a version.
pub(crate) fn is_short(statement: &Statement, version: &Version, context: &Context<'_>) -> bool {
    let catalog = Catalog::of(version);
    match statement {
        Statement::Insert(insert) => is_short_insert(insert, catalog, version),
        Statement::Update(update) => is_short_update(update, catalog, context),
        Statement::Delete(delete) => is_short_delete(delete, catalog, version, context),
        Statement::Query(_) => false,
    }
}

fn is_short_insert(insert: &Insert, catalog: &Catalog, version: &Version) -> bool {
    let InsertSource::Values(rows) = &insert.rows else { return false };
    let are_given = || !rows.iter().flatten().flatten().any(has_query) && !return_queries(&insert.returning);
    let goes_no_further = || {
        insert.conflict.iter().flat_map(OnConflict::each).all(|conflict| {
            match (&conflict.action, catalog.table(insert.table)) {
                (ConflictAction::DoNothing | ConflictAction::PassOver, _) => true,
                (ConflictAction::DoUpdate { assignments, predicate, .. }, Some(table)) => {
                    !predicate.as_ref().is_some_and(has_query) && are_short(assignments, catalog, table)
                }
                (ConflictAction::Replace, Some(table)) => !cascade::is_referred_to(catalog, version, table),
                (_, None) => true,
            }
        })
    };
    rows.len() <= SHORT_ROWS_MAX && are_given() && goes_no_further()
}

fn is_short_update(update: &Update, catalog: &Catalog, context: &Context<'_>) -> bool {
    let Update { source, from, predicate, assignments, returning, .. } = update;
    let Some(table) = catalog.table(update.table) else { return true };
    from.is_none()
        && is_of_one_row(table, *source, predicate.as_ref(), context)
        && are_short(assignments, catalog, table)
        && !return_queries(returning)
}

fn is_short_delete(delete: &Delete, catalog: &Catalog, version: &Version, context: &Context<'_>) -> bool {
    let Delete { source, using, predicate, returning, .. } = delete;
    let Some(table) = catalog.table(delete.table) else { return true };
    using.is_none()
        && is_of_one_row(table, *source, predicate.as_ref(), context)
        && !cascade::is_referred_to(catalog, version, table)
        && !return_queries(returning)
}

/// Whether assignments to a row ask for no other, neither in what is assigned nor because other rows follow its key.
fn are_short(assignments: &[(usize, Expr)], catalog: &Catalog, table: &TableDefinition) -> bool {
    let assigned: ColumnSet = assignments.iter().map(|(place, _)| *place).collect();
    !assignments.iter().any(|(_, expr)| has_query(expr))
        && !cascade::may_lose_keys(catalog, table, table.with_computed(assigned))
}

fn return_queries(returning: &[OutputColumn]) -> bool {
    returning.iter().any(|column| has_query(&column.expr))
}

/// Whether a predicate gives all columns of a key, the primary or a unique one, and nothing else: then at most one row
/// is found, and by that key.
fn is_of_one_row(
    table: &TableDefinition,
    source: Source,
    predicate: Option<&Expr>,
    context: &Context<'_>,
) -> bool {
    let mut given = SmallVec::<[usize; 4]>::new();
    let are_given =
        predicate.is_some_and(|predicate| add_given(table, source, predicate, context, &mut given));
    let is_key = |index: &IndexDefinition| {
        index.is_unique()
            && index.condition.is_none()
            && given.len() == index.parts.len()
            && index.parts.iter().all(|part| part.column().is_some_and(|place| given.contains(&place)))
    };
    are_given
        && (matches!((&given[..], table.row_id_column()), ([given], Some(key)) if *given == key)
            || table.indexes.iter().any(is_key))
}

/// Adds the columns that a conjunction gives; false if it says anything else.
fn add_given(
    table: &TableDefinition,
    source: Source,
    predicate: &Expr,
    context: &Context<'_>,
    given: &mut SmallVec<[usize; 4]>,
) -> bool {
    match predicate {
        Expr::And(all) => all.iter().all(|part| add_given(table, source, part, context, given)),
        Expr::Compare(Comparison::Equal, left, right) => {
            let (column, value) = match (&**left, &**right) {
                (Expr::Column(column), value) | (value, Expr::Column(column)) => (*column, value),
                _ => return false,
            };
            if column.source() != source || column.is_row_id() {
                return false;
            }
            let definition = table.columns.get(column.index());
            given.push(column.index());
            // What is of another type is compared as yet another, for which there is no key.
            definition.zip(constant(value, context)).is_some_and(|(column, value)| match value {
                Value::Null => true,
                value => value.data_type().is_some_and(|given| same_keys(given, column.data_type)),
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_short;
    use crate::Database;
    use crate::evaluate::Context;
    use crate::session::Session;
    use crate::sql::Connection;

    const SCHEMA: &str = "
        CREATE TABLE parent (id BIGINT PRIMARY KEY, code TEXT UNIQUE, n INT);
        CREATE TABLE child (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES parent ON DELETE CASCADE, n INT,
                            a INT, b INT, soon INT UNIQUE DEFERRABLE INITIALLY DEFERRED, UNIQUE (a, b));
        CREATE UNIQUE INDEX some ON child (n) WHERE a > 0;
        INSERT INTO parent VALUES (1, 'x', 1); INSERT INTO child VALUES (1, 1, 1, 1, 1, 1);";

    fn are_short(statements: &[&str]) -> Vec<bool> {
        let mut connection = Connection::new(Database::new());
        connection.execute(SCHEMA, &[]).unwrap();
        let version = connection.database().version().unwrap();
        let is_short = |sql: &&str| is_short(&connection.statement(sql), &version, &Context::new(&[]));
        statements.iter().map(is_short).collect()
    }

    #[test]
    fn a_statement_of_one_key_or_of_a_few_given_rows_is_short() {
        let short = [
            "UPDATE child SET n = n + 1 WHERE id = 1",
            "UPDATE child SET n = 2 WHERE b = 1 AND a = 1",
            "UPDATE parent SET n = 2 WHERE code = 'x'",
            "UPDATE parent SET n = 2 WHERE code = 'y' RETURNING id",
            "DELETE FROM child WHERE id = 1",
            "DELETE FROM child WHERE 1 = a AND 1 = b RETURNING n",
            "INSERT INTO child VALUES (2, 1, 1, 1, 2, 2)",
            "INSERT INTO parent VALUES (1, 'y', 0) ON CONFLICT (id) DO UPDATE SET n = parent.n + excluded.n",
            "INSERT INTO parent VALUES (1, 'y', 0) ON CONFLICT DO NOTHING",
        ];
        assert_eq!(are_short(&short), [true; 9]);
    }

    #[test]
    fn a_statement_that_may_find_or_take_along_many_rows_is_long() {
        let many = format!("INSERT INTO parent VALUES {}", ["(9, 'x', 1)"; 65].join(", "));
        let long = [
            "UPDATE child SET n = 2 WHERE parent = 1",
            "UPDATE child SET n = 2 WHERE a = 1",
            "UPDATE child SET n = 2 WHERE n = 1",
            "UPDATE child SET n = 2 WHERE soon = 1",
            "UPDATE child SET n = 2 WHERE id = 1.5",
            "UPDATE child SET n = 2 WHERE id > 1",
            "UPDATE child SET n = 2 WHERE id = 1 OR id = 2",
            "UPDATE child SET n = 2",
            "UPDATE child SET n = (SELECT count(*) FROM parent) WHERE id = 1",
            "UPDATE child SET n = 1 WHERE id = (SELECT max(id) FROM child)",
            "UPDATE child SET n = 1 WHERE id = 1 RETURNING (SELECT count(*) FROM parent)",
            "UPDATE child SET n = 1 FROM parent WHERE child.id = 1",
            "UPDATE parent SET id = 2 WHERE id = 1",
            "DELETE FROM parent WHERE id = 1",
            "DELETE FROM child USING parent WHERE child.id = 1",
            "INSERT INTO parent SELECT id + 1, 'y', 0 FROM parent",
            "INSERT INTO parent VALUES (2, 'y', (SELECT count(*) FROM child))",
            "INSERT INTO parent VALUES (1, 'y', 0) ON CONFLICT (id) DO UPDATE SET id = 7",
            "INSERT INTO parent VALUES (1, 'y', 0)
                ON CONFLICT (id) DO UPDATE SET n = (SELECT count(*) FROM child)",
            &many,
        ];
        assert_eq!(are_short(&long), [false; 20]);
    }
}
