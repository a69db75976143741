//! `ON CONFLICT`, `UPDATE .. FROM` and `DELETE .. USING`, here and by SQLite, and conflicts between transactions.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::thread;

use nuages_engine::algebra::{
    Arithmetic, Comparison, ConflictAction, ConflictTarget, Delete, Expr, Insert, InsertSource, OnConflict,
    OutputColumn, Query, Relation, SortKey, Source, Statement, Update,
};
use nuages_engine::catalog::{NewColumn, NewIndex, NewTable};
use nuages_engine::{Database, Error, Isolation, Session};
use nuages_storage::{DataType, TableId, Value};
use proptest::prelude::*;
use rusqlite::Connection;

const ROW: Source = Source::new(0);
const EXCLUDED: Source = Source::new(1);
const OTHER: Source = Source::new(2);

fn own(place: usize) -> Expr {
    ROW.column(place).into()
}

fn table(db: &Database, name: &str) -> TableId {
    let table = NewTable::new(name)
        .column(NewColumn::new("id", DataType::BigInt))
        .column(NewColumn::new("u", DataType::BigInt).nullable(true))
        .column(NewColumn::new("v", DataType::BigInt))
        .primary_key(["id"])
        .unique(NewIndex::new(format!("{name}_u"), ["u"]));
    db.create_table(table).unwrap()
}

type Row = (i64, Option<i64>, i64);

fn insert(table: TableId, rows: &[Row], conflict: Option<OnConflict>) -> Statement {
    let literals = |(id, u, v): &Row| {
        [Value::Int(*id), (*u).into(), Value::Int(*v)].map(|value| Some(Expr::Literal(value))).to_vec()
    };
    let rows = InsertSource::Values(rows.iter().map(literals).collect());
    let returning = (0..3).map(|place| OutputColumn::new("c", ROW.column(place))).collect();
    Statement::Insert(Insert { table, columns: vec![0, 1, 2], rows, conflict, source: ROW, returning })
}

fn rows(session: &dyn Session, table: TableId) -> Vec<Vec<Value>> {
    let relation = Relation::scan(table, ROW).sort(vec![SortKey::ascending(own(0))]);
    let columns = (0..3).map(|place| OutputColumn::new("c", ROW.column(place))).collect();
    session.query(&Query::new(relation, columns), &[]).unwrap().rows
}

fn sqlite_rows(sqlite: &Connection, sql: &str) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = sqlite.prepare(sql)?;
    let rows = statement.query_map((), |row| {
        let value = |at| row.get::<_, Option<i64>>(at).map(Value::from);
        Ok(vec![value(0)?, value(1)?, value(2)?])
    })?;
    rows.collect()
}

/// An action in both forms. Whose key is named decides what else is an error.
fn conflict() -> impl Strategy<Value = (OnConflict, &'static str)> {
    let excluded = |place: usize| Expr::from(EXCLUDED.column(place));
    let more = own(2).arithmetic(Arithmetic::Add, excluded(2));
    let update = |assignments, predicate| ConflictAction::DoUpdate {
        excluded: EXCLUDED,
        assignments,
        predicate,
        one_by_one: false,
    };
    let columns = |places: &[usize]| Some(ConflictTarget::Columns(places.to_vec()));
    let add = update(vec![(2, more)], None);
    let less = own(2).compare(Comparison::Less, excluded(2));
    let replace = update(vec![(1, excluded(1)), (2, excluded(2))], Some(less));
    let of = |target, action| OnConflict::new(target, action);
    prop::sample::select(vec![
        (of(None, ConflictAction::DoNothing), "on conflict do nothing"),
        (of(columns(&[0]), ConflictAction::DoNothing), "on conflict (id) do nothing"),
        (of(columns(&[1]), ConflictAction::DoNothing), "on conflict (u) do nothing"),
        (of(columns(&[0]), add.clone()), "on conflict (id) do update set v = v + excluded.v"),
        (of(columns(&[1]), add), "on conflict (u) do update set v = v + excluded.v"),
        (
            of(columns(&[0]), replace),
            "on conflict (id) do update set u = excluded.u, v = excluded.v where v < excluded.v",
        ),
        (of(None, ConflictAction::Replace), ""),
    ])
}

fn given() -> impl Strategy<Value = Row> {
    (0_i64..6, prop::option::weighted(0.8, 0_i64..5), 0_i64..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn conflicts_end_as_in_sqlite(
        statements in prop::collection::vec((prop::collection::vec(given(), 1..5), conflict()), 1..12),
    ) {
        let db = Database::new();
        let table = table(&db, "t");
        let sqlite = Connection::open_in_memory().unwrap();
        sqlite.execute("create table t (id integer primary key, u integer unique, v integer not null)", ()).unwrap();
        for (mut given, (conflict, clause)) in statements {
            let is_update = matches!(conflict.action, ConflictAction::DoUpdate { .. });
            if is_update {
                given.truncate(1); // SQLite updates a row as often as it is in conflict, PostgreSQL refuses that
            }
            let is_replace = conflict.action == ConflictAction::Replace;
            let values: Vec<String> = given
                .iter()
                .map(|(id, u, v)| format!("({id}, {}, {v})", u.map_or("null".to_owned(), |u| u.to_string())))
                .collect();
            let or = if is_replace { " or replace" } else { "" };
            let sql = format!("insert{or} into t values {} {clause} returning *", values.join(", "));
            let ours = db.execute(&insert(table, &given, Some(conflict)), &[]);
            let theirs = sqlite_rows(&sqlite, &sql);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}: {:?} {:?}", sql, ours, theirs);
            if let (Ok(ours), Ok(theirs), false) = (ours, theirs, is_replace) {
                prop_assert_eq!(ours.rows.rows, theirs, "{}", sql);
            }
            prop_assert_eq!(rows(&db, table), sqlite_rows(&sqlite, "select * from t order by id").unwrap(), "{}", sql);
        }
    }

    #[test]
    fn rows_are_updated_and_deleted_beside_others_as_in_sqlite(
        left in prop::collection::btree_map(0_i64..8, 0_i64..9, 0..8),
        right in prop::collection::btree_map(0_i64..8, 0_i64..9, 0..8),
        limit in 0_i64..9,
    ) {
        let db = Database::new();
        let tables = ["t", "s"].map(|name| table(&db, name));
        let sqlite = Connection::open_in_memory().unwrap();
        for ((name, table), given) in ["t", "s"].into_iter().zip(tables).zip([&left, &right]) {
            sqlite
                .execute(&format!("create table {name} (id integer primary key, u integer unique, v integer)"), ())
                .unwrap();
            let given: Vec<Row> = given.iter().map(|(id, v)| (*id, None, *v)).collect();
            for (id, u, v) in &given {
                sqlite.execute(&format!("insert into {name} values (?, ?, ?)"), (id, u, v)).unwrap();
            }
            db.execute(&insert(table, &given, None), &[]).unwrap();
        }
        let other = |place: usize| Expr::from(OTHER.column(place));
        let predicate = own(0).equals(other(0)).and(other(2).compare(Comparison::Less, Expr::literal(limit)));
        let returning = vec![
            OutputColumn::new("id", ROW.column(0)),
            OutputColumn::new("v", OTHER.column(2)),
            OutputColumn::new("sum", own(2).arithmetic(Arithmetic::Add, other(2))),
        ];
        let update = Update {
            table: tables[0],
            source: ROW,
            from: Some(Relation::scan(tables[1], OTHER)),
            predicate: Some(predicate.clone()),
            assignments: vec![(1, own(0)), (2, own(2).arithmetic(Arithmetic::Add, other(2)))],
            returning: returning.clone(),
        };
        // SQLite returns nothing of the other tables, so that is computed from the rows.
        let returned = db.execute(&Statement::Update(update), &[]).unwrap().rows.rows;
        let met = |(id, v): (&i64, &i64)| {
            let other = right.get(id).filter(|other| **other < limit)?;
            Some([id, other, &(v + other + other)].map(|int| Value::Int(*int)).to_vec())
        };
        prop_assert_eq!(returned, left.iter().filter_map(met).collect::<Vec<_>>());
        sqlite
            .execute("update t set u = t.id, v = t.v + s.v from s where t.id = s.id and s.v < ?", (limit,))
            .unwrap();
        prop_assert_eq!(rows(&db, tables[0]), sqlite_rows(&sqlite, "select * from t order by id").unwrap());

        let using = Some(Relation::scan(tables[1], OTHER));
        let delete = Delete { table: tables[0], source: ROW, using, predicate: Some(predicate), returning };
        let deleted = db.execute(&Statement::Delete(delete), &[]).unwrap();
        let theirs = sqlite
            .execute("delete from t where exists (select 1 from s where t.id = s.id and s.v < ?)", (limit,))
            .unwrap();
        prop_assert_eq!((deleted.affected, deleted.rows.rows.len()), (theirs as u64, theirs));
        prop_assert_eq!(rows(&db, tables[0]), sqlite_rows(&sqlite, "select * from t order by id").unwrap());
    }
}

fn add_one() -> Option<OnConflict> {
    let assignments = vec![(2, own(2).arithmetic(Arithmetic::Add, Expr::literal(1)))];
    let action =
        ConflictAction::DoUpdate { excluded: EXCLUDED, assignments, predicate: None, one_by_one: false };
    Some(OnConflict::new(Some(ConflictTarget::Columns(vec![1])), action))
}

#[test]
fn a_row_is_not_updated_twice_in_one_statement() {
    let db = Database::new();
    let table = table(&db, "t");
    let twice = insert(table, &[(1, Some(1), 1), (2, Some(1), 1)], add_one());
    assert_eq!(db.execute(&twice, &[]).err(), Some(Error::ConflictTwice { table: "t".into() }));
    db.execute(&insert(table, &[(1, Some(1), 1)], None), &[]).unwrap();
    assert_eq!(db.execute(&twice, &[]).err(), Some(Error::ConflictTwice { table: "t".into() }));
    assert_eq!(rows(&db, table).len(), 1);
}

#[test]
fn a_conflict_is_about_a_key_that_the_table_has() {
    let db = Database::new();
    let table = table(&db, "t");
    let target = Some(ConflictTarget::Columns(vec![2]));
    let conflict = OnConflict::new(target, ConflictAction::DoNothing);
    let refused = db.execute(&insert(table, &[(1, None, 1)], Some(conflict)), &[]);
    assert_eq!(refused.err(), Some(Error::NoConflictTarget { table: "t".into() }));
}

#[test]
fn who_finds_a_key_that_another_transaction_inserts_waits_and_then_updates_its_row() {
    let db = Database::new();
    let table = table(&db, "t");
    let first = db.begin();
    first.execute(&insert(table, &[(1, Some(7), 10)], None), &[]).unwrap();
    thread::scope(|scope| {
        let second = scope.spawn(|| db.execute(&insert(table, &[(2, Some(7), 0)], add_one()), &[]).unwrap());
        let third = scope.spawn(|| {
            let conflict = OnConflict::new(None, ConflictAction::DoNothing);
            db.execute(&insert(table, &[(3, Some(7), 0)], Some(conflict)), &[]).unwrap()
        });
        while db.waiting() < 2 {
            assert!(!second.is_finished() && !third.is_finished(), "both wait for the key");
            thread::yield_now();
        }
        first.commit().unwrap();
        assert_eq!(second.join().unwrap().affected, 1);
        assert_eq!(third.join().unwrap().affected, 0);
    });
    assert_eq!(rows(&db, table), [[Value::Int(1), Value::Int(7), Value::Int(11)]]);
}

#[test]
fn counters_that_many_threads_raise_by_inserting_are_all_counted() {
    const THREADS: i64 = 4;
    const TIMES: i64 = 50;
    let db = Arc::new(Database::new());
    let table = table(&db, "t");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let db = Arc::clone(&db);
            scope.spawn(move || {
                for time in 0..TIMES {
                    let id = number * TIMES + time;
                    db.execute(&insert(table, &[(id, Some(time % 5), 1)], add_one()), &[]).unwrap();
                }
            });
        }
    });
    let found = rows(&*db, table);
    let sum: i64 = found.iter().filter_map(|row| row[2].as_int()).sum();
    assert_eq!((found.len(), sum), (5, THREADS * TIMES));
}

#[test]
fn a_snapshot_that_does_not_see_the_row_in_conflict_is_to_be_run_again() {
    let db = Database::new();
    let table = table(&db, "t");
    let old = db.begin_with(Isolation::Snapshot);
    assert!(rows(&old, table).is_empty());
    db.execute(&insert(table, &[(1, Some(7), 10)], None), &[]).unwrap();
    let refused = old.execute(&insert(table, &[(2, Some(7), 0)], add_one()), &[]);
    assert!(matches!(refused, Err(Error::SerializationFailure { .. })), "{refused:?}");
}
