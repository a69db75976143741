//! What the writing statements do, beside keeping constraints.

use nuages_engine::algebra::{
    Arithmetic, Expr, Function, Insert, InsertSource, OutputColumn, Query, Relation, Source, Statement,
    Update,
};
use nuages_engine::catalog::{NewColumn, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, RowKeys, Session};
use nuages_storage::value::JSON_DEPTH_MAX;
use nuages_storage::{DataType, LeafBuilder, RowId, TableId, TypeError, Value};

use super::support::*;

fn notes() -> (Database, TableId) {
    let db = Database::new();
    let table = NewTable::new("note")
        .column(id())
        .column(text("body"))
        .column(int("rank").default(Expr::literal(5)))
        .column(NewColumn::new("at", DataType::Timestamp).default(Expr::Call(Function::Now, Vec::new())))
        .primary_key(["id"])
        .index(NewIndex::new("note_rank_idx", ["rank"]));
    let table = db.create_table(table).unwrap();
    (db, table)
}

fn inserting(table: TableId, columns: &[usize], rows: Vec<Vec<Option<Expr>>>) -> Insert {
    let returning = (0..3).map(|place| OutputColumn::new("c", ROW.column(place))).collect();
    Insert {
        table,
        columns: columns.to_vec(),
        rows: InsertSource::Values(rows),
        source: ROW,
        returning,
        conflict: None,
    }
}

#[test]
fn what_is_not_given_is_the_default_or_the_next_key() {
    let (db, table) = notes();
    let rows =
        vec![vec![Some(Expr::literal("a")), Some(Expr::literal(1))], vec![Some(Expr::literal("b")), None]];
    let outcome = db.execute(&Statement::Insert(inserting(table, &[1, 2], rows)), &[]).unwrap();
    assert_eq!((outcome.affected, outcome.first_key), (2, Some(1)));
    assert_eq!(outcome.rows.rows, [row![1, "a", 1], row![2, "b", 5]]);
    let before = jiff::Timestamp::now();
    assert!(matches!(&super::support::rows(&db, "note")[0][3], Value::Timestamp(at) if *at <= before));
}

#[test]
fn parameters_and_expressions_are_evaluated_once_a_row() {
    let (db, table) = notes();
    let sum = Expr::Parameter(1, DataType::BigInt).arithmetic(Arithmetic::Add, Expr::literal(1));
    let rows = vec![vec![Some(Expr::Parameter(0, TEXT)), Some(sum)]];
    let insert = Statement::Insert(inserting(table, &[1, 2], rows));
    let outcome = db.execute(&insert, &row!["x", 41]).unwrap();
    assert_eq!(outcome.rows.rows, [row![1, "x", 42]]);
    assert_eq!(db.execute(&insert, &row!["x"]), Err(Error::MissingParameter { index: 1, given: 1 }));
}

#[test]
fn rows_of_a_query_are_inserted_with_the_table_as_it_was() {
    let (db, table) = notes();
    insert(&db, "note", &[row![1, "a", 1], row![2, "b", 2]]);
    let source = Source::new(1);
    let columns =
        vec![OutputColumn::new("body", source.column(1)), OutputColumn::new("rank", source.column(2))];
    let rows = InsertSource::Query(Box::new(Query::new(Relation::scan(table, source), columns)));
    let insert =
        Insert { table, columns: vec![1, 2], rows, source: ROW, returning: Vec::new(), conflict: None };
    let outcome = db.execute(&Statement::Insert(insert), &[]).unwrap();
    assert_eq!((outcome.affected, outcome.first_key), (2, Some(3)));
    let copies: Vec<_> = rows_of_three(&db);
    assert_eq!(copies, [row![1, "a", 1], row![2, "b", 2], row![3, "a", 1], row![4, "b", 2]]);
}

fn rows_of_three(db: &Database) -> Vec<Vec<Value>> {
    rows(db, "note").into_iter().map(|row| row[..3].to_vec()).collect()
}

#[test]
fn an_update_reads_the_old_row_and_returns_the_new() {
    let (db, table) = notes();
    insert(&db, "note", &[row![1, "a", 1], row![2, "b", 2]]);
    let update = Update {
        table,
        source: ROW,
        predicate: Some(is(2, 2)),
        assignments: vec![
            (2, column(2).arithmetic(Arithmetic::Multiply, Expr::literal(10))),
            (1, Expr::Call(Function::Concat, vec![column(1), Expr::literal("!")])),
        ],
        returning: vec![OutputColumn::new("rank", ROW.column(2))],
        from: None,
    };
    let outcome = db.execute(&Statement::Update(update), &[]).unwrap();
    assert_eq!(outcome.rows.rows, [row![20]]);
    assert_eq!(rows_of_three(&db), [row![1, "a", 1], row![2, "b!", 20]]);
}

#[test]
fn a_row_is_found_by_its_key_however_it_is_said() {
    let (db, table) = notes();
    insert(&db, "note", &[row![1, "a", 1], row![2, "b", 2]]);
    let next = || vec![(2, column(2).arithmetic(Arithmetic::Add, Expr::literal(1)))];
    assert_eq!(update(&db, "note", Some(is(0, 1)), next()), Ok(1));
    let reversed = Expr::literal(1).equals(column(0));
    assert_eq!(update(&db, "note", Some(reversed), next()), Ok(1));
    assert_eq!(update(&db, "note", Some(is(0, 3)), next()), Ok(0));
    assert_eq!(update(&db, "note", Some(is(0, Value::Null)), next()), Ok(0));
    let by_parameter = Update {
        table,
        source: ROW,
        predicate: Some(column(0).equals(Expr::Parameter(0, DataType::BigInt))),
        assignments: next(),
        returning: Vec::new(),
        from: None,
    };
    let by_parameter = Statement::Update(by_parameter);
    assert_eq!(db.execute(&by_parameter, &row![1]).unwrap().affected, 1);
    assert_eq!(db.execute(&by_parameter, &[]), Err(Error::MissingParameter { index: 0, given: 0 }));
    assert_eq!(rows_of_three(&db), [row![1, "a", 4], row![2, "b", 2]]);
}

#[test]
fn rows_in_leaf_shape_are_inserted_under_given_or_generated_keys() {
    let (db, table) = notes();
    let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
    let leaf = |bodies: &[&str]| {
        let mut leaf = LeafBuilder::new(layout.clone());
        for body in bodies {
            leaf.set_text(1, body);
            leaf.set_int(2, 1);
            leaf.set_timestamp(3, jiff::Timestamp::UNIX_EPOCH);
            leaf.finish_row(RowId::new(40));
        }
        leaf.finish()
    };
    let first = db.insert_rows(table, vec![leaf(&["a", "b"]), leaf(&["c"])], RowKeys::Generated).unwrap();
    assert_eq!(first, Some(1));
    assert_eq!(db.insert_rows(table, vec![leaf(&["d"])], RowKeys::Given), Ok(None));
    assert_eq!(db.insert_rows(table, vec![leaf(&["e"])], RowKeys::Generated), Ok(Some(41)));
    assert!(matches!(db.insert_rows(table, vec![leaf(&["f"])], RowKeys::Given), Err(Error::Unique { .. })));
    let mut bodies = Vec::new();
    for id in [1, 2, 3, 40, 41] {
        let found = db.get(table, RowId::new(id), &mut |row| bodies.push(row.text(1).unwrap().to_owned()));
        assert_eq!(found, Ok(true));
    }
    assert_eq!(bodies, ["a", "b", "c", "d", "e"]);
    assert_eq!(db.get(table, RowId::new(4), &mut |_| ()), Ok(false));
    assert_eq!(db.insert_rows(table, Vec::new(), RowKeys::Generated), Ok(None));
}

#[test]
fn rows_in_leaf_shape_that_break_a_promise_are_refused() {
    let (db, table) = notes();
    let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
    let mut leaf = LeafBuilder::new(layout);
    leaf.set_int(2, 1);
    leaf.finish_row_unnumbered();
    let error = db.insert_rows(table, vec![leaf.finish()], RowKeys::Generated).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "note".into(), column: "body".into() });
}

#[test]
fn long_values_survive_an_update_beside_them() {
    let (db, _) = notes();
    let long = "long ".repeat(1_000);
    insert(&db, "note", &[row![1, (long.as_str()), 1], row![2, "b", 2]]);
    assert_eq!(update(&db, "note", None, vec![(2, Expr::literal(7))]), Ok(2));
    assert_eq!(rows_of_three(&db), [row![1, (long.as_str()), 7], row![2, "b", 7]]);
    assert_eq!(update(&db, "note", Some(is(0, 1)), vec![(1, Expr::literal("short"))]), Ok(1));
    assert_eq!(update(&db, "note", Some(is(0, 2)), vec![(1, Expr::literal(long.as_str()))]), Ok(1));
    assert_eq!(rows_of_three(&db), [row![1, "short", 7], row![2, (long.as_str()), 7]]);
}

/// Each of these rows takes twenty times the room that the rows of a leaf have together.
#[test]
fn rows_wider_than_a_leaf_are_rows_like_others() {
    const COLUMNS: usize = 300;
    let db = Database::new();
    let table = (1..COLUMNS).fold(NewTable::new("wide").column(id()), |table, at| {
        table.column(text(&format!("c{at}")).nullable(true))
    });
    let by_first_and_last = NewIndex::new("wide_ends", ["c1", "c299"]);
    db.create_table(table.primary_key(["id"]).index(by_first_and_last)).unwrap();
    let row = |id: i64| -> Vec<Value> {
        let texts = (1..COLUMNS).map(|at| match at % 10 {
            0 => Value::Null,
            _ => Value::from(format!("{id}/{at} ").repeat(100)),
        });
        std::iter::once(Value::from(id)).chain(texts).collect()
    };
    let mut expected: Vec<Vec<Value>> = (1..=20).map(row).collect();
    insert(&db, "wide", &expected[10..]);
    insert(&db, "wide", &expected[..10]);
    assert_eq!(rows(&db, "wide"), expected);
    let before = db.snapshot().unwrap();
    assert_eq!(
        update(&db, "wide", Some(is(0, 7)), vec![(150, Expr::literal("short")), (1, column(2))]),
        Ok(1)
    );
    assert_eq!(delete(&db, "wide", Some(is(0, 8))).unwrap().affected, 1);
    assert_eq!(update(&db, "wide", Some(is(0, 20)), vec![(0, Expr::literal(21))]), Ok(1));
    assert_eq!(rows(&before, "wide"), expected, "who holds a version keeps it");
    (expected[6][150], expected[6][1]) = ("short".into(), expected[6][2].clone());
    expected[19][0] = 21.into();
    expected.remove(7);
    assert_eq!(rows(&db, "wide"), expected);
}

#[test]
fn what_is_not_there_is_named_with_what_was_meant() {
    let (db, table) = notes();
    let catalog = db.catalog().unwrap();
    let error = catalog.table_named("notes").unwrap_err();
    assert_eq!(error, Error::UnknownTable { name: "notes".into(), nearest: Some("note".into()) });
    assert_eq!(error.to_string(), "there is no table \"notes\"; did you mean \"note\"?");
    let error = catalog.table(table).unwrap().column_named("bdoy").unwrap_err();
    let nearest = Some("body".into());
    assert_eq!(error, Error::UnknownColumn { table: "note".into(), column: "bdoy".into(), nearest });
    let unknown =
        |columns: &[usize]| db.execute(&Statement::Insert(inserting(table, columns, Vec::new())), &[]);
    assert!(matches!(unknown(&[9]), Err(Error::UnknownColumn { .. })));
    let short = inserting(table, &[1, 2], vec![vec![None]]);
    let error = db.execute(&Statement::Insert(short), &[]).unwrap_err();
    assert_eq!(error, Error::ColumnCount { table: "note".into(), expected: 2, got: 1 });
    db.drop_table("note").unwrap();
    let error = db.execute(&Statement::Insert(inserting(table, &[1], Vec::new())), &[]).unwrap_err();
    assert!(matches!(error, Error::UnknownTable { .. }));
    assert!(matches!(db.get(table, RowId::new(1), &mut |_| ()), Err(Error::UnknownTable { .. })));
    assert!(matches!(db.insert_rows(table, Vec::new(), RowKeys::Given), Err(Error::UnknownTable { .. })));
}

#[test]
fn a_key_that_was_not_given_and_is_not_generated_is_missing() {
    let db = Database::new();
    db.create_table(NewTable::new("t").column(text("a")).column(int("id")).primary_key(["id"])).unwrap();
    let error = try_insert(&db, "t", &[row!["x"]]).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "t".into(), column: "id".into() });
    insert(&db, "t", &[row!["x", (-3)]]);
    let error = update(&db, "t", None, vec![(1, Expr::Literal(Value::Null))]).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "t".into(), column: "id".into() });
    assert_eq!(rows(&db, "t"), [row!["x", (-3)]]);
}

#[test]
fn an_index_entry_longer_than_a_key_may_be_is_refused() {
    let db = Database::new();
    db.create_table(NewTable::new("t").column(text("a")).index(NewIndex::new("t_a_idx", ["a"]))).unwrap();
    let long = "x".repeat(5_000);
    assert!(matches!(try_insert(&db, "t", &[row![(long.as_str())]]), Err(Error::KeyTooLong { .. })));
    assert!(rows(&db, "t").is_empty());
}

#[test]
fn json_that_could_not_be_read_back_is_refused_however_it_comes() {
    let db = Database::new();
    let table = NewTable::new("document").column(id()).column(NewColumn::new("body", DataType::Json));
    let table = db.create_table(table.primary_key(["id"])).unwrap();
    let nested = |levels| (0..levels).fold(serde_json::json!(1), |json, _| serde_json::json!([json]));
    let refusal = |source| Err(Error::Value { table: "document".into(), column: "body".into(), source });
    let deepest = Value::from(nested(JSON_DEPTH_MAX));
    insert(&db, "document", &[row![1, (deepest.clone())]]);
    let deeper = Value::from(nested(JSON_DEPTH_MAX + 1));
    let too_deep = refusal(TypeError::TooDeep { max: JSON_DEPTH_MAX });
    assert_eq!(try_insert(&db, "document", &[row![2, (deeper.clone())]]).map(|_| 0), too_deep);
    assert_eq!(update(&db, "document", None, vec![(1, Expr::Literal(deeper))]), too_deep);

    let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
    for text in ["{oops", &"[".repeat(1_000)] {
        let mut leaf = LeafBuilder::new(layout.clone());
        leaf.set_text(1, text);
        leaf.finish_row_unnumbered();
        let refused = db.insert_rows(table, vec![leaf.finish()], RowKeys::Generated);
        assert!(
            matches!(refused, Err(Error::Value { source: TypeError::NotJson { .. }, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(rows(&db, "document"), [row![1, deepest]]);
}

#[test]
fn keys_of_rows_that_are_refused_are_not_used_up() {
    let db = Database::new();
    let parent = NewForeignKey::new("node_parent_fk", ["parent"], "node", ["id"]).deferred(true);
    let node = NewTable::new("node")
        .column(id())
        .column(int("parent").nullable(true))
        .primary_key(["id"])
        .check("node_parent_check", less(Expr::literal(0), own(1)))
        .foreign_key(parent);
    let table = db.create_table(node).unwrap();
    let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
    let leaf = |id: i64, parent: i64| {
        let mut leaf = LeafBuilder::new(layout.clone());
        leaf.set_int(1, parent);
        leaf.finish_row(RowId::new(id));
        vec![leaf.finish()]
    };
    insert(&db, "node", &[row![1, 1]]);
    // Refused by a check; and, when the statement ends, for a parent that is not there.
    for parent in [-1, 7] {
        assert!(try_insert(&db, "node", &[row![(i64::MAX), parent]]).is_err());
        assert!(try_insert(&db, "node", &[row![(i64::MAX - 1), parent], row![null, 1]]).is_err());
        assert!(db.insert_rows(table, leaf(i64::MAX, parent), RowKeys::Given).is_err());
    }
    assert!(update(&db, "node", None, vec![(0, Expr::literal(i64::MAX)), (1, Expr::literal(-1))]).is_err());
    assert_eq!(try_insert(&db, "node", &[row![null, 1]]).unwrap().first_key, Some(2));
    assert_eq!(try_insert(&db, "node", &[row![9, 1], row![null, 1]]).unwrap().first_key, Some(10));
    assert_eq!(db.insert_rows(table, leaf(0, 1), RowKeys::Generated), Ok(Some(11)));
}

#[test]
fn rows_built_for_another_layout_are_refused() {
    let (db, table) = notes();
    let other = db.create_table(NewTable::new("other").column(text("a"))).unwrap();
    let leaf = |table| {
        let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
        let mut leaf = LeafBuilder::new(layout);
        leaf.finish_row_unnumbered();
        vec![leaf.finish()]
    };
    let outdated = Err(Error::RowsOutdated { table: "note".into() });
    assert_eq!(db.insert_rows(table, leaf(other), RowKeys::Generated), outdated);
    let before = leaf(table);
    db.add_column("note", int("more").default(Expr::literal(1))).unwrap();
    assert_eq!(db.insert_rows(table, before, RowKeys::Generated), outdated);
    assert!(matches!(db.insert_rows(table, leaf(table), RowKeys::Generated), Err(Error::NotNull { .. })));
    assert_eq!(rows(&db, "note"), Vec::<Vec<Value>>::new());
}
