//! Schema changes, and the rows there are.

use nuages_engine::algebra::{Expr, Function};
use nuages_engine::catalog::{NewCheck, NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
use nuages_engine::error::{DefinitionProblem, SchemaObject};
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, Value};

use super::support::*;

/// `author` (id, name) and `book` (id, title, author_id, pages): three books, the last without pages.
fn library() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("author").column(id()).column(text("name")).primary_key(["id"])).unwrap();
    let author = NewForeignKey::new("book_author_fk", ["author_id"], "author", ["id"]);
    let book = NewTable::new("book")
        .column(id())
        .column(text("title"))
        .column(int("author_id"))
        .column(int("pages").nullable(true))
        .primary_key(["id"])
        .check("book_pages_check", less(Expr::literal(0), own(3)))
        .index(NewIndex::new("book_pages_idx", ["pages"]))
        .foreign_key(author);
    db.create_table(book).unwrap();
    insert(&db, "author", &[row![1, "Ann"], row![2, "Bob"]]);
    insert(&db, "book", &[row![1, "x", 1, 100], row![2, "y", 1, 200], row![3, "y", 2, null]]);
    db
}

fn problem(error: Error) -> DefinitionProblem {
    match error {
        Error::Definition { problem, .. } => problem,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_name_is_taken_once() {
    let db = library();
    let error = db.create_table(NewTable::new("book").column(int("a"))).unwrap_err();
    assert_eq!(error, Error::DuplicateTable { name: "book".into() });
    assert_eq!(db.rename_table("author", "book"), Err(Error::DuplicateTable { name: "book".into() }));
    let error = db.add_column("book", text("title")).unwrap_err();
    assert_eq!(error, Error::DuplicateColumn { table: "book".into(), column: "title".into() });
    assert!(matches!(db.rename_column("book", "pages", "title"), Err(Error::DuplicateColumn { .. })));
    let error = db.add_index("author", NewIndex::new("book_pages_idx", ["name"])).unwrap_err();
    assert_eq!(error, Error::DuplicateIndex { table: "book".into(), index: "book_pages_idx".into() });
    let error = db.add_check("book", NewCheck::new("book_author_fk", own(0).is_null())).unwrap_err();
    assert!(matches!(error, Error::DuplicateConstraint { constraint, .. } if constraint == "book_author_fk"));
}

#[test]
fn a_definition_that_makes_no_sense_is_refused() {
    let db = library();
    let refused = |table: NewTable| problem(db.create_table(table).unwrap_err());
    let t = || NewTable::new("t").column(int("a")).column(text("b").nullable(true));
    assert_eq!(refused(NewTable::new("").column(int("a"))), DefinitionProblem::EmptyName);
    assert_eq!(refused(NewTable::new("t")), DefinitionProblem::NoColumn);
    assert_eq!(refused(t().primary_key(["b"])), DefinitionProblem::NullableKey { column: "b".into() });
    assert_eq!(refused(t().column(id())), DefinitionProblem::GeneratedNotKey { column: "id".into() });
    assert!(matches!(refused(t().column(text("c").unsigned())), DefinitionProblem::UnsignedNotNumber { .. }));
    for (precision, scale) in [(0, 1), (29, 2), (4, 5)] {
        let column = NewColumn::new("c", DataType::Decimal { precision, scale });
        let expected = DefinitionProblem::DecimalDigits { column: "c".into(), precision, scale };
        assert_eq!(refused(t().column(column)), expected);
    }
    assert!(matches!(
        refused(t().column(int("c").default(own(0)))),
        DefinitionProblem::DefaultNotConstant { .. }
    ));
    assert!(matches!(refused(t().check("c", column(0).is_null())), DefinitionProblem::NotOfOneRow { .. }));
    assert!(matches!(refused(t().check("c", own(7).is_null())), DefinitionProblem::NotOfOneRow { .. }));
    let none: [NewPart; 0] = [];
    assert!(matches!(refused(t().index(NewIndex::new("i", none))), DefinitionProblem::NoPart { .. }));
    assert!(matches!(
        refused(t().index(NewIndex::new("i", ["a", "a"]))),
        DefinitionProblem::RepeatedColumn { .. }
    ));
    let fk = |columns: [&str; 1], target: [&str; 1]| NewForeignKey::new("f", columns, "author", target);
    assert!(matches!(
        refused(t().foreign_key(fk(["a"], ["name"]))),
        DefinitionProblem::ForeignKeyType { .. }
    ));
    assert!(matches!(
        refused(t().foreign_key(fk(["b"], ["name"]))),
        DefinitionProblem::TargetNotUnique { .. }
    ));
    let two = NewForeignKey::new("f", ["a", "b"], "author", ["id"]);
    assert!(matches!(refused(t().foreign_key(two)), DefinitionProblem::ForeignKeyShape { .. }));
    let set_null = fk(["a"], ["id"]).on_delete(nuages_engine::catalog::Action::SetNull);
    assert!(matches!(refused(t().foreign_key(set_null)), DefinitionProblem::SetNullNotNullable { .. }));
    let error = db.create_table(t().check("c", own(0))).unwrap_err();
    assert!(matches!(error, Error::Type { .. }), "{error:?}");
    let error = db.create_table(t().column(int("c").default(Expr::literal("x")))).unwrap_err();
    assert!(matches!(error, Error::Value { column, .. } if column == "c"));
    assert!(matches!(db.create_table(t().primary_key(["c"])), Err(Error::UnknownColumn { .. })));
    assert!(db.catalog().unwrap().table_named("t").is_err());
}

#[test]
fn a_table_others_refer_to_is_not_dropped() {
    let db = library();
    let dependent = SchemaObject::ForeignKey { table: "book".into(), constraint: "book_author_fk".into() };
    let error = db.drop_table("author").unwrap_err();
    assert_eq!(error, Error::Depended { table: "author".into(), object: SchemaObject::Table, dependent });
    db.drop_table("book").unwrap();
    db.drop_table("author").unwrap();
    assert_eq!(db.catalog().unwrap().tables().count(), 0);
    assert!(matches!(db.drop_table("author"), Err(Error::UnknownTable { .. })));
}

#[test]
fn a_renamed_table_keeps_what_refers_to_it() {
    let db = library();
    db.rename_table("author", "writer").unwrap();
    let error = try_insert(&db, "book", &[row![4, "z", 9, 1]]).unwrap_err();
    assert!(matches!(error, Error::ForeignKey { parent, .. } if parent == "writer"));
    assert!(matches!(delete(&db, "writer", None), Err(Error::Referenced { .. })));
}

#[test]
fn rows_that_were_there_read_a_new_column_s_default() {
    let db = library();
    db.add_column("book", text("language").default(Expr::literal("fr"))).unwrap();
    db.add_column("book", int("stars").nullable(true)).unwrap();
    insert(&db, "book", &[row![4, "z", 2, 1, "en", 5]]);
    update(&db, "book", Some(is(0, 1)), vec![(5, Expr::literal(3))]).unwrap();
    let tail: Vec<_> = rows(&db, "book").into_iter().map(|row| row[4..].to_vec()).collect();
    assert_eq!(tail, [row!["fr", 3], row!["fr", null], row!["fr", null], row!["en", 5]]);
    let error = db.add_column("book", int("price")).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "book".into(), column: "price".into() });
    delete(&db, "book", None).unwrap();
    db.add_column("book", int("price")).unwrap();
}

#[test]
fn a_dropped_column_takes_its_indexes_and_checks_with_it() {
    let db = library();
    db.add_index("book", NewIndex::unique("book_title_pages_key", ["title", "pages"])).unwrap();
    db.drop_column("book", "pages").unwrap();
    {
        let catalog = db.catalog().unwrap();
        let book = catalog.table_named("book").unwrap();
        let names: Vec<_> = book.indexes.iter().map(|index| index.name.as_str()).collect();
        assert_eq!((names, book.checks.len()), (vec!["book_author_id_fk_idx"], 0));
    }
    db.drop_column("book", "title").unwrap();
    assert_eq!(rows(&db, "book"), [row![1, 1], row![2, 1], row![3, 2]]);
    insert(&db, "book", &[row![4, 2]]);
    // The reference moved one place to the left, and still holds.
    assert!(matches!(try_insert(&db, "book", &[row![5, 9]]), Err(Error::ForeignKey { .. })));
    assert!(matches!(delete(&db, "author", Some(is(0, 2))), Err(Error::Referenced { .. })));
}

#[test]
fn a_column_of_a_key_is_not_dropped() {
    let db = library();
    let error = db.drop_column("author", "id").unwrap_err();
    assert!(matches!(error, Error::Depended { dependent: SchemaObject::PrimaryKey, .. }));
    db.add_index("author", NewIndex::unique("author_name_key", ["name"])).unwrap();
    let fk = NewForeignKey::new("quote_fk", ["who"], "author", ["name"]);
    db.create_table(NewTable::new("quote").column(text("who")).foreign_key(fk)).unwrap();
    let dependent = SchemaObject::ForeignKey { table: "quote".into(), constraint: "quote_fk".into() };
    let object = SchemaObject::Column("name".into());
    let expected = Error::Depended { table: "author".into(), object, dependent };
    assert_eq!(db.drop_column("author", "name").unwrap_err(), expected);
    assert!(matches!(db.drop_index("author", "author_name_key"), Err(Error::Depended { .. })));
    assert!(matches!(db.drop_constraint("author", "author_name_key"), Err(Error::Depended { .. })));
    db.drop_constraint("quote", "quote_fk").unwrap();
    db.drop_column("author", "name").unwrap();
    assert_eq!(rows(&db, "author"), [row![1], row![2]]);
}

#[test]
fn a_dropped_column_left_of_a_referenced_one_moves_the_reference() {
    let db = Database::new();
    let parent = NewTable::new("parent").column(text("junk").nullable(true)).column(id()).primary_key(["id"]);
    db.create_table(parent).unwrap();
    let fk = NewForeignKey::new("fk", ["parent"], "parent", ["id"]);
    db.create_table(NewTable::new("child").column(int("parent")).foreign_key(fk)).unwrap();
    insert(&db, "parent", &[row!["x", 1], row!["y", 2]]);
    insert(&db, "child", &[row![1]]);
    db.drop_column("parent", "junk").unwrap();
    assert!(matches!(
        update(&db, "parent", Some(is(0, 1)), vec![(0, Expr::literal(5))]),
        Err(Error::Referenced { .. })
    ));
    assert_eq!(update(&db, "parent", Some(is(0, 2)), vec![(0, Expr::literal(5))]), Ok(1));
}

#[test]
fn a_renamed_column_is_the_same_column() {
    let db = library();
    db.rename_column("book", "pages", "length").unwrap();
    let error = try_insert(&db, "book", &[row![4, "z", 1, 0]]).unwrap_err();
    assert!(matches!(error, Error::Check { values, .. } if values == [("length".into(), Value::Int(0))]));
    assert!(matches!(db.rename_column("book", "pages", "x"), Err(Error::UnknownColumn { .. })));
    assert!(matches!(db.rename_column("book", "length", ""), Err(Error::Definition { .. })));
}

#[test]
fn a_column_becomes_another_type_if_every_value_can() {
    let db = library();
    db.change_column("book", "pages", text("pages").nullable(true)).unwrap_err();
    db.drop_constraint("book", "book_pages_check").unwrap();
    db.change_column("book", "pages", text("pages").nullable(true)).unwrap();
    let pages: Vec<_> = rows(&db, "book").into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(pages, row!["100", "200", null]);
    db.change_column("book", "pages", int("length").nullable(true)).unwrap();
    let pages: Vec<_> = rows(&db, "book").into_iter().map(|row| row[3].clone()).collect();
    assert_eq!(pages, row![100, 200, null]);
    let error = db.change_column("book", "title", int("title")).unwrap_err();
    assert!(matches!(error, Error::Cast { text, .. } if text == "x"));
    let error = db.change_column("book", "length", int("length")).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "book".into(), column: "length".into() });
    let short = NewColumn::new("title", DataType::Text { max_length: Some(1) });
    db.change_column("book", "title", short).unwrap();
    assert!(matches!(try_insert(&db, "book", &[row![4, "zz", 1, 1]]), Err(Error::Value { .. })));
    insert(&db, "book", &[row![4, "z", 1, 1]]);
}

#[test]
fn a_changed_column_keeps_its_keys_and_they_are_checked_again() {
    let db = Database::new();
    let table = NewTable::new("t").column(id()).column(text("n")).primary_key(["id"]);
    db.create_table(table.unique(NewIndex::new("t_n_key", ["n"]))).unwrap();
    insert(&db, "t", &[row![1, "1"], row![2, "01"]]);
    let error = db.change_column("t", "n", int("n")).unwrap_err();
    assert!(matches!(error, Error::Unique { values, .. } if values == row![1]));
    assert_eq!(rows(&db, "t"), [row![1, "1"], row![2, "01"]]);
    update(&db, "t", Some(is(0, 2)), vec![(1, Expr::literal("2"))]).unwrap();
    db.change_column("t", "n", int("n").nullable(true)).unwrap();
    assert!(matches!(try_insert(&db, "t", &[row![3, 2]]), Err(Error::Unique { .. })));
    insert(&db, "t", &[row![3, null], row![4, null]]);
    assert_eq!(rows(&db, "t").len(), 4);
}

#[test]
fn a_column_of_a_foreign_key_stays_of_its_kind() {
    let db = library();
    assert!(matches!(db.change_column("book", "author_id", text("author_id")), Err(Error::Depended { .. })));
    assert!(matches!(db.change_column("author", "id", text("id")), Err(Error::Depended { .. })));
    db.change_column("book", "author_id", NewColumn::new("author", DataType::Integer).nullable(true))
        .unwrap();
    insert(&db, "book", &[row![4, "z", null, 1]]);
    assert!(matches!(try_insert(&db, "book", &[row![5, "z", 9, 1]]), Err(Error::ForeignKey { .. })));
    assert!(matches!(delete(&db, "author", Some(is(0, 2))), Err(Error::Referenced { .. })));
    db.change_column("author", "id", NewColumn::new("id", DataType::SmallInt).generated()).unwrap();
    assert!(matches!(try_insert(&db, "author", &[row![70000, "Cid"]]), Err(Error::Value { .. })));
}

#[test]
fn an_index_is_built_over_the_rows_there_are() {
    let db = library();
    let error = db.add_index("book", NewIndex::unique("book_title_key", ["title"])).unwrap_err();
    assert!(matches!(error, Error::Unique { values, .. } if values == row!["y"]));
    let lower = Expr::Call(Function::Lower, vec![own(1)]);
    let parts = [NewPart::expression(lower), NewPart::column("id").descending()];
    db.add_index("book", NewIndex::unique("book_lower_key", parts)).unwrap();
    db.add_index("book", NewIndex::unique("book_long_key", ["title"]).when(less(own(3), Expr::literal(150))))
        .unwrap();
    assert_eq!(rows(&db, "book").len(), 3);
    let error = try_insert(&db, "book", &[row![4, "x", 1, 120]]).unwrap_err();
    assert!(matches!(error, Error::Unique { constraint, .. } if constraint == "book_long_key"));
    db.drop_index("book", "book_long_key").unwrap();
    insert(&db, "book", &[row![4, "x", 1, 120]]);
    assert!(matches!(db.drop_index("book", "book_long_key"), Err(Error::UnknownIndex { .. })));
}

#[test]
fn an_index_that_a_foreign_key_finds_its_rows_by_stays_until_another_serves() {
    let db = library();
    let index = "book_author_id_fk_idx";
    assert!(matches!(db.drop_index("book", index), Err(Error::Depended { .. })));
    db.add_index("book", NewIndex::new("book_author_title_idx", ["author_id", "title"])).unwrap();
    db.drop_index("book", index).unwrap();
    assert!(matches!(delete(&db, "author", Some(is(0, 1))), Err(Error::Referenced { .. })));
    // The last index that serves goes with its column: it is replaced.
    db.drop_column("book", "title").unwrap();
    assert!(matches!(delete(&db, "author", Some(is(0, 1))), Err(Error::Referenced { .. })));
    assert_eq!(rows(&db, "book").len(), 3);
}

#[test]
fn a_check_and_a_foreign_key_are_added_if_every_row_keeps_them() {
    let db = library();
    let error = db.add_check("book", NewCheck::new("short", less(own(3), Expr::literal(150)))).unwrap_err();
    assert!(matches!(error, Error::Check { values, .. } if values == [("pages".into(), Value::Int(200))]));
    db.add_check("book", NewCheck::new("short", less(own(3), Expr::literal(250)))).unwrap();
    assert!(matches!(try_insert(&db, "book", &[row![4, "z", 1, 300]]), Err(Error::Check { .. })));
    db.drop_constraint("book", "short").unwrap();
    insert(&db, "book", &[row![4, "z", 1, 300]]);

    let sequel = NewForeignKey::new("book_pages_fk", ["pages"], "author", ["id"]);
    let error = db.add_foreign_key("book", sequel).unwrap_err();
    assert!(matches!(error, Error::ForeignKey { values, .. } if values == row![100]));
    let error = db.drop_constraint("book", "book_page_check").unwrap_err();
    assert!(
        matches!(error, Error::UnknownConstraint { nearest, .. } if nearest.as_deref() == Some("book_pages_check"))
    );
    assert!(matches!(db.drop_constraint("book", "book_pkey"), Err(Error::Depended { .. })));
    db.drop_constraint("book", "book_author_fk").unwrap();
    delete(&db, "author", None).unwrap();
}

#[test]
fn a_reference_is_known_once_on_both_sides_whatever_changes() {
    let db = library();
    let up = NewForeignKey::new("book_sequel_fk", ["sequel"], "book", ["id"]);
    db.add_column("book", int("sequel").nullable(true)).unwrap();
    db.add_foreign_key("book", up).unwrap();
    db.add_column("book", int("stars").unsigned().default(Expr::literal(3))).unwrap();
    db.rename_table("book", "volume").unwrap();
    db.rename_column("author", "name", "full_name").unwrap();
    let references = |table: &str| db.catalog().unwrap().table_named(table).unwrap().referenced_by.len();
    assert_eq!((references("volume"), references("author")), (1, 1));
    db.drop_constraint("volume", "book_sequel_fk").unwrap();
    assert_eq!((references("volume"), references("author")), (0, 1));
    db.drop_table("volume").unwrap();
    assert_eq!(references("author"), 0);
    let error = db.add_column("author", int("age").unsigned().default(Expr::literal(-1))).unwrap_err();
    assert!(matches!(error, Error::Value { column, .. } if column == "age"));
}

#[test]
fn a_schema_change_is_part_of_its_transaction() {
    let db = library();
    let tx = db.begin();
    tx.add_column("book", int("year").default(Expr::literal(1900))).unwrap();
    tx.add_index("book", NewIndex::new("book_year_idx", ["year"])).unwrap();
    update(&tx, "book", Some(is(0, 2)), vec![(4, Expr::literal(1910))]).unwrap();
    tx.drop_column("book", "pages").unwrap();
    assert_eq!(rows(&tx, "book")[1], row![2, "y", 1, 1910]);
    assert_eq!(rows(&db, "book")[1], row![2, "y", 1, 200]);
    tx.commit().unwrap();
    assert_eq!(rows(&db, "book"), [row![1, "x", 1, 1900], row![2, "y", 1, 1910], row![3, "y", 2, 1900]]);
    insert(&db, "book", &[row![4, "z", 1, 1920]]);
    assert_eq!(rows(&db, "book").len(), 4);
}

#[test]
fn the_time_is_allowed_in_checks_and_defaults_but_not_in_indexes() {
    let db = Database::new();
    let now = || Expr::Call(Function::Now, Vec::new());
    let at = NewColumn::new("at", DataType::Timestamp).default(now());
    db.create_table(NewTable::new("event").column(at).check("event_past_check", less(now(), own(0)).not()))
        .unwrap();
    let index_of_now = DefinitionProblem::IndexOfNow { name: "event_idx".into() };
    let over_now = NewIndex::new("event_idx", [NewPart::expression(less(own(0), now()))]);
    assert_eq!(problem(db.add_index("event", over_now).unwrap_err()), index_of_now);
    let where_now = NewIndex::new("event_idx", ["at"]).when(less(own(0), now()));
    assert_eq!(problem(db.add_index("event", where_now).unwrap_err()), index_of_now);
}

#[test]
fn the_last_column_of_a_table_is_not_dropped() {
    let db = Database::new();
    db.create_table(NewTable::new("t").column(int("a")).column(text("b"))).unwrap();
    db.drop_column("t", "a").unwrap();
    assert_eq!(problem(db.drop_column("t", "b").unwrap_err()), DefinitionProblem::NoColumn);
    insert(&db, "t", &[row!["x"]]);
}

#[test]
fn a_key_that_is_too_long_is_refused_with_its_table_index_and_value() {
    let db = library();
    let by_title =
        [NewPart::column("author_id"), NewPart::expression(Expr::Call(Function::Upper, vec![own(1)]))];
    db.add_index("book", NewIndex::new("book_title_idx", by_title)).unwrap();
    let long = "x".repeat(5_000);
    let error = try_insert(&db, "book", &[row![4, (long.clone()), 1, 1]]).unwrap_err();
    let expected = long.to_uppercase();
    assert!(matches!(
        &error,
        Error::KeyTooLong { table, index, values, bytes: 5_001.., .. }
            if table == "book" && index == "book_title_idx" && *values == row![1, expected]
    ));
    let shown = error.to_string();
    assert!(
        shown.starts_with(r#"table "book" has a row with author_id = 1, "#) && shown.len() < 400,
        "{shown}"
    );
}
