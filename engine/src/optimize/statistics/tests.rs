use super::sample::value_of;
use super::*;
use crate::algebra::{Comparison, Expr, Insert, InsertSource, Source, Statement, Update};
use crate::bits::Bits;
use crate::catalog::{Catalog, NewColumn, NewIndex, NewTable};
use crate::{Database, Session};
use nuages_storage::{DataType, TableId};

const ROWS: i64 = 6_000;
const KEY: usize = 1;
const PLAIN: usize = 2;
const COPY: usize = 3;

/// Rows of which `key` (with an index) and `plain` have 200 different values, the small ones far more often, and `copy`
/// is what `plain` is.
fn skewed() -> (Database, TableId) {
    let db = Database::new();
    let integer = |name: &str| NewColumn::new(name, DataType::BigInt);
    let columns = [integer("id").generated(), integer("key"), integer("plain"), integer("copy")];
    let table = columns.into_iter().fold(NewTable::new("t"), NewTable::column);
    let table = db.create_table(table.primary_key(["id"]).index(NewIndex::new("t_key", ["key"]))).unwrap();
    let value = |n: i64| if n % 2 == 0 { n % 5 } else { scattered(n as u64) as i64 % 200 };
    let row = |n: i64| [n, value(n), value(n), value(n)].map(|n| Some(Expr::literal(n))).into();
    let insert = Insert {
        table,
        columns: vec![0, KEY, PLAIN, COPY],
        rows: InsertSource::Values((1..=ROWS).map(row).collect()),
        source: Source::new(0),
        conflict: None,
        returning: Vec::new(),
    };
    db.execute(&Statement::Insert(insert), &[]).unwrap();
    (db, table)
}

fn with<T>(db: &Database, table: TableId, f: impl FnOnce(&TableDefinition, &Table) -> T) -> T {
    let version = db.version().unwrap();
    f(Catalog::of(&version).table(table).unwrap(), version.table(table).unwrap())
}

fn distinct(db: &Database, table: TableId, place: usize) -> f64 {
    with(db, table, |definition, rows| {
        let sample = definition.statistics.sample(definition, rows, [place].into_iter()).unwrap();
        sample.column(place).unwrap().distinct()
    })
}

#[test]
fn different_values_are_counted_well_by_an_index_and_roughly_without() {
    let (db, table) = skewed();
    // Negative remainders make it about 400 different values, half of the rows being of five.
    let real = with(&db, table, |definition, rows| {
        let value = |n| rows.nth(n).map(|row| value_of(definition, KEY, row));
        (0..rows.len()).filter_map(value).collect::<std::collections::BTreeSet<_>>().len() as f64
    });
    let (by_index, by_sample) = (distinct(&db, table, KEY), distinct(&db, table, PLAIN));
    assert!((real * 0.6..real * 1.6).contains(&by_index), "{by_index} of {real}");
    assert!((real * 0.4..real * 2.5).contains(&by_sample), "{by_sample} of {real}");
    assert_eq!(distinct(&db, table, 0), ROWS as f64);
}

#[test]
fn conditions_that_depend_on_each_other_are_estimated_together() {
    let (db, table) = skewed();
    let t = Source::new(0);
    let is = |place| Expr::from(t.column(place)).equals(Expr::literal(0));
    let share = with(&db, table, |definition, rows| {
        let sample = definition.statistics.sample(definition, rows, [PLAIN, COPY].into_iter()).unwrap();
        let first = sample.filter(&is(PLAIN), t, &Bits::all(sample.len())).unwrap();
        let both = sample.filter(&is(COPY), t, &first).unwrap();
        both.count() as f64 / sample.len() as f64
    });
    assert!((0.07..0.14).contains(&share), "a tenth of the rows are 0 in both columns, not {share}");
}

#[test]
fn a_sample_is_drawn_again_once_the_rows_are_others() {
    let (db, table) = skewed();
    let t = Source::new(0);
    assert!(distinct(&db, table, PLAIN) > 50.0);
    let update = |predicate| {
        let assignments = vec![(PLAIN, Expr::literal(7))];
        let update = Update { table, source: t, from: None, predicate, assignments, returning: Vec::new() };
        db.execute(&Statement::Update(update), &[]).unwrap();
    };
    let first = Expr::from(t.column(0)).compare(Comparison::LessOrEqual, Expr::literal(3));
    update(Some(first));
    assert!(distinct(&db, table, PLAIN) > 50.0, "three rows make no difference");
    update(None);
    assert_eq!(distinct(&db, table, PLAIN), 1.0);
}
