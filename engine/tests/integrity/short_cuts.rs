//! What goes a shorter way than a plan or an image: a row by its key, and updates of a few words.

use nuages_engine::algebra::{Arithmetic, Comparison, Expr};
use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
use nuages_engine::{Database, Error, Prepared, Session};
use nuages_storage::{DataType, IndexId, TypeError, Value};

use super::support::*;

fn songs() -> Database {
    let db = Database::new();
    let table = NewTable::new("song")
        .column(id())
        .column(text("slug"))
        .column(int("plays").unsigned())
        .column(NewColumn::new("stars", DataType::SmallInt).nullable(true))
        .column(NewColumn::new("live", DataType::Bool))
        .column(int("year"))
        .primary_key(["id"])
        .unique(NewIndex::unique("song_slug", ["slug", "year"]))
        .index(NewIndex::new("song_year", ["year"]));
    db.create_table(table).unwrap();
    let songs = [row![1, "minor-swing", 5, 4, true, 1937], row![2, "nuages", 9, null, false, 1940]];
    insert(&db, "song", &songs);
    db
}

fn index(db: &Database, name: &str) -> IndexId {
    db.catalog().unwrap().table_named("song").unwrap().index_named(name).unwrap().id
}

fn plays_by_key(db: &Database, index: IndexId, key: &[Value]) -> Option<i64> {
    let mut plays = None;
    let found = db.get_by_key(table_id(db, "song"), index, key, &mut |row| plays = Some(row.int(2))).unwrap();
    assert_eq!(found, plays.is_some());
    plays
}

fn add(place: usize, number: i64) -> (usize, Expr) {
    (place, column(place).arithmetic(Arithmetic::Add, Expr::literal(number)))
}

#[test]
fn a_row_is_found_by_a_key_or_the_beginning_of_one() {
    let db = songs();
    let slug = index(&db, "song_slug");
    assert_eq!(plays_by_key(&db, slug, &row!["nuages", 1940]), Some(9));
    assert_eq!(plays_by_key(&db, slug, &row!["nuages"]), Some(9));
    assert_eq!(plays_by_key(&db, slug, &row!["nuages", 1941]), None);
    assert_eq!(plays_by_key(&db, slug, &row!["nuage"]), None);
}

#[test]
fn a_key_of_another_type_is_compared_as_a_number_or_equals_nothing() {
    let db = songs();
    let year = index(&db, "song_year");
    assert_eq!(plays_by_key(&db, year, &row![1937.0]), Some(5));
    assert_eq!(plays_by_key(&db, year, &row![1937.4]), None);
    assert_eq!(plays_by_key(&db, year, &row!["1937"]), None);
    assert_eq!(plays_by_key(&db, year, &row![null]), None);
}

#[test]
fn a_key_of_an_index_that_is_gone_is_an_error() {
    let db = songs();
    let year = index(&db, "song_year");
    db.drop_index("song", "song_year").unwrap();
    let found = db.get_by_key(table_id(&db, "song"), year, &row![1937], &mut |_| {});
    assert!(matches!(found, Err(Error::UnknownIndex { .. })), "{found:?}");
}

#[test]
fn numbers_and_booleans_change_in_one_row_and_in_many() {
    let db = songs();
    update(&db, "song", Some(is(0, 1)), vec![add(2, 1), (4, Expr::literal(false))]).unwrap();
    let old = column(5).compare(Comparison::Greater, Expr::literal(1900));
    assert_eq!(update(&db, "song", Some(old), vec![add(2, 10), add(3, 1)]), Ok(2));
    let expected = [row![1, "minor-swing", 16, 5, false, 1937], row![2, "nuages", 19, null, false, 1940]];
    assert_eq!(rows(&db, "song"), expected);
}

#[test]
fn what_a_column_refuses_is_refused_and_nothing_is_written() {
    let db = songs();
    let before = rows(&db, "song");
    let out_of = |result: Result<u64, Error>| match result {
        Err(Error::Value { column, source: TypeError::OutOfRange { value, .. }, .. }) => (column, value),
        other => panic!("{other:?}"),
    };
    for predicate in [Some(is(0, 1)), None] {
        let set = |assignment| update(&db, "song", predicate.clone(), vec![assignment]);
        assert_eq!(out_of(set(add(2, -6))), ("plays".to_owned(), Value::Int(-1)));
        assert_eq!(out_of(set(add(3, 40_000))), ("stars".to_owned(), Value::Int(40_004)));
        let null = set((4, Expr::literal(Value::Null)));
        assert!(matches!(null, Err(Error::NotNull { ref column, .. }) if column == "live"), "{null:?}");
        assert_eq!(rows(&db, "song"), before);
    }
}

#[test]
fn a_snapshot_keeps_the_words_that_an_update_changes() {
    let db = songs();
    let snapshot = db.snapshot().unwrap();
    let before = rows(&snapshot, "song");
    update(&db, "song", None, vec![add(2, 1)]).unwrap();
    assert_eq!(rows(&snapshot, "song"), before);
    assert_ne!(rows(&db, "song"), before);
}

#[test]
fn a_prepared_query_runs_on_any_session_with_any_parameters() {
    use nuages_engine::algebra::{OutputColumn, Query, Relation};
    let db = songs();
    let by_id = column(0).equals(Expr::Parameter(0, DataType::BigInt));
    let song = Relation::scan(table_id(&db, "song"), ROW).filter(by_id);
    let query = Query::new(song, vec![OutputColumn::new("plays", column(2))]);
    let prepared = Prepared::new(&db, query).unwrap();
    let plays = |session: &dyn Session, id: i64| {
        let mut plays = Vec::new();
        let mut each = |batch: &nuages_engine::Batch<'_>| {
            plays.extend(batch.selection.iter().map(|row| batch.column(0).int(row)));
            Ok(())
        };
        session.run(&prepared, &[Value::Int(id)], &mut each).unwrap();
        plays
    };
    let transaction = db.begin();
    update(&transaction, "song", None, vec![add(2, 1)]).unwrap();
    assert_eq!(plays(&transaction, 1), [Some(6)]);
    assert_eq!(plays(&db, 1), [Some(5)]);
    assert_eq!(plays(&db, 3), []);
}

#[test]
fn what_is_computed_for_one_row_by_its_key_is_what_is_computed_for_rows_that_are_searched() {
    use Arithmetic::{Add, Divide, Multiply, Subtract};
    let of = |op, left: Expr, right: Expr| left.arithmetic(op, right);
    let number = |number: i64| Expr::literal(number);
    let assignments = [
        of(Add, column(2), of(Multiply, column(5), number(3))),
        of(Subtract, of(Subtract, column(5), column(2)), number(-7)),
        of(Divide, column(5), number(2)),
        of(Add, column(2), column(3)),             // a NULL
        of(Multiply, column(5), number(i64::MAX)), // beyond every integer
        of(Subtract, column(2), number(100)),      // beyond the column
        of(Add, column(0), Expr::literal(0.5)),
    ];
    for assigned in assignments {
        for key in [1, 2] {
            let (by_key, searched) = (songs(), songs());
            let also = is(0, key).and(column(0).compare(Comparison::Less, number(9)));
            let left = update(&by_key, "song", Some(is(0, key)), vec![(2, assigned.clone())]);
            let right = update(&searched, "song", Some(also), vec![(2, assigned.clone())]);
            assert_eq!(left, right, "{assigned:?}");
            assert_eq!(rows(&by_key, "song"), rows(&searched, "song"), "{assigned:?}");
        }
    }
}
