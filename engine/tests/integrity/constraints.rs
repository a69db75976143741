//! NOT NULL, domains, uniqueness, checks and references.

use nuages_engine::algebra::{Arithmetic, Expr, Function};
use nuages_engine::catalog::{NewColumn, NewForeignKey, NewIndex, NewPart, NewTable};
use nuages_engine::{Database, Error, Session};
use nuages_storage::{DataType, TypeError, Value};

use super::support::*;

fn people() -> Database {
    let db = Database::new();
    db.create_table(
        NewTable::new("person")
            .column(id())
            .column(text("name"))
            .column(int("age").nullable(true))
            .primary_key(["id"])
            .unique(NewIndex::new("person_name_key", ["name"]))
            .check("person_age_check", less(Expr::literal(0), own(2))),
    )
    .unwrap();
    insert(&db, "person", &[row![1, "Ann", 30], row![2, "Bob", null]]);
    db
}

#[test]
fn a_null_where_a_value_must_be_is_refused() {
    let db = people();
    let error = try_insert(&db, "person", &[row![3, null]]).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "person".into(), column: "name".into() });
    let error = update(&db, "person", Some(is(0, 1)), vec![(1, Expr::Literal(Value::Null))]).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "person".into(), column: "name".into() });
    assert_eq!(rows(&db, "person"), [row![1, "Ann", 30], row![2, "Bob", null]]);
}

#[test]
fn a_key_that_is_taken_is_refused_and_named() {
    let db = people();
    let error = try_insert(&db, "person", &[row![3, "Bob", 1]]).unwrap_err();
    let expected = Error::Unique {
        table: "person".into(),
        constraint: "person_name_key".into(),
        columns: vec!["name".into()],
        values: row!["Bob"],
    };
    assert_eq!(error, expected);
    let message = "table \"person\" already has a row with name = 'Bob' (constraint \"person_name_key\")";
    assert_eq!(error.to_string(), message);
    assert_eq!(update(&db, "person", Some(is(0, 1)), vec![(1, Expr::literal("Bob"))]).unwrap_err(), expected);
    assert_eq!(rows(&db, "person").len(), 2);
}

#[test]
fn two_rows_of_one_statement_cannot_share_a_key() {
    let db = people();
    let error = try_insert(&db, "person", &[row![3, "Cid", 1], row![4, "Cid", 2]]).unwrap_err();
    assert!(matches!(error, Error::Unique { constraint, .. } if constraint == "person_name_key"));
    let error = try_insert(&db, "person", &[row![3, "Cid", 1], row![3, "Dan", 2]]).unwrap_err();
    assert!(
        matches!(error, Error::Unique { constraint, values, .. } if constraint == "person_pkey" && values == row![3])
    );
    assert_eq!(rows(&db, "person").len(), 2);
}

#[test]
fn a_primary_key_that_is_taken_is_refused() {
    let db = people();
    let error = try_insert(&db, "person", &[row![2, "Cid", 1]]).unwrap_err();
    assert!(matches!(error, Error::Unique { constraint, .. } if constraint == "person_pkey"));
    let error = update(&db, "person", Some(is(0, 1)), vec![(0, Expr::literal(2))]).unwrap_err();
    assert!(matches!(error, Error::Unique { constraint, .. } if constraint == "person_pkey"));
}

#[test]
fn keys_may_change_places_within_a_statement() {
    let db = people();
    insert(&db, "person", &[row![3, "Cid", 5]]);
    let next = column(0).arithmetic(Arithmetic::Add, Expr::literal(1));
    assert_eq!(update(&db, "person", None, vec![(0, next)]), Ok(3));
    assert_eq!(rows(&db, "person"), [row![2, "Ann", 30], row![3, "Bob", null], row![4, "Cid", 5]]);
    let other = Expr::Case {
        branches: vec![(is(1, "Ann"), Expr::literal("Bob")), (is(1, "Bob"), Expr::literal("Ann"))],
        otherwise: Some(Box::new(column(1))),
    };
    assert_eq!(update(&db, "person", None, vec![(1, other)]), Ok(3));
    assert_eq!(rows(&db, "person"), [row![2, "Bob", 30], row![3, "Ann", null], row![4, "Cid", 5]]);
}

#[test]
fn a_check_refuses_what_is_false_and_accepts_what_is_unknown() {
    let db = people();
    let error = try_insert(&db, "person", &[row![3, "Cid", (-1)]]).unwrap_err();
    let expected = Error::Check {
        table: "person".into(),
        constraint: "person_age_check".into(),
        values: vec![("age".into(), Value::Int(-1))],
    };
    assert_eq!(error, expected);
    insert(&db, "person", &[row![3, "Cid", null]]);
    assert!(matches!(update(&db, "person", None, vec![(2, Expr::literal(0))]), Err(Error::Check { .. })));
}

#[test]
fn composite_keys_differ_if_one_part_does() {
    let db = Database::new();
    let table =
        NewTable::new("seat").column(text("hall")).column(int("number")).column(text("guest").nullable(true));
    db.create_table(table.primary_key(["hall", "number"])).unwrap();
    insert(&db, "seat", &[row!["A", 1], row!["A", 2], row!["B", 1]]);
    let error = try_insert(&db, "seat", &[row!["A", 2, "Eve"]]).unwrap_err();
    let expected = Error::Unique {
        table: "seat".into(),
        constraint: "seat_pkey".into(),
        columns: vec!["hall".into(), "number".into()],
        values: row!["A", 2],
    };
    assert_eq!(error, expected);
}

#[test]
fn nulls_differ_unless_they_are_said_not_to() {
    let db = Database::new();
    let columns =
        |name: &str| NewTable::new(name).column(int("a").nullable(true)).column(int("b").nullable(true));
    db.create_table(columns("distinct").unique(NewIndex::new("distinct_key", ["a", "b"]))).unwrap();
    db.create_table(columns("same").unique(NewIndex::new("same_key", ["a", "b"]).nulls_not_distinct()))
        .unwrap();
    insert(&db, "distinct", &[row![1, null], row![1, null], row![null, null], row![null, null]]);
    assert!(matches!(try_insert(&db, "distinct", &[row![1, 2], row![1, 2]]), Err(Error::Unique { .. })));
    insert(&db, "same", &[row![1, null], row![null, null]]);
    let error = try_insert(&db, "same", &[row![1, null]]).unwrap_err();
    assert!(matches!(error, Error::Unique { values, .. } if values == row![1, null]));
}

#[test]
fn a_conditional_key_binds_only_the_rows_of_its_condition() {
    let db = Database::new();
    let table = NewTable::new("post")
        .column(id())
        .column(text("slug"))
        .column(NewColumn::new("live", DataType::Bool));
    let live = NewIndex::unique("post_live_slug_key", ["slug"]).when(own(2));
    db.create_table(table.primary_key(["id"]).unique(live)).unwrap();
    insert(&db, "post", &[row![1, "a", true], row![2, "a", false], row![3, "a", false]]);
    let error = update(&db, "post", Some(is(0, 3)), vec![(2, Expr::literal(true))]).unwrap_err();
    assert!(matches!(error, Error::Unique { constraint, .. } if constraint == "post_live_slug_key"));
    assert_eq!(update(&db, "post", Some(is(0, 1)), vec![(2, Expr::literal(false))]), Ok(1));
    assert_eq!(update(&db, "post", Some(is(0, 3)), vec![(2, Expr::literal(true))]), Ok(1));
    assert_eq!(rows(&db, "post")[2], row![3, "a", true]);
}

#[test]
fn a_key_on_an_expression_compares_what_it_computes() {
    let db = Database::new();
    let lower = Expr::Call(Function::Lower, vec![own(0)]);
    let key = NewIndex::unique("tag_name_ci_key", [NewPart::expression(lower)]);
    db.create_table(NewTable::new("tag").column(text("name")).unique(key)).unwrap();
    insert(&db, "tag", &[row!["Jazz"], row!["Swing"]]);
    let error = try_insert(&db, "tag", &[row!["JAZZ"]]).unwrap_err();
    assert!(matches!(error, Error::Unique { values, .. } if values == row!["jazz"]));
}

#[test]
fn values_outside_a_column_s_type_are_refused() {
    let db = Database::new();
    let table = NewTable::new("t")
        .column(NewColumn::new("small", DataType::SmallInt).nullable(true))
        .column(NewColumn::new("code", DataType::Text { max_length: Some(2) }).nullable(true))
        .column(NewColumn::new("price", DataType::Decimal { precision: 4, scale: 2 }).nullable(true))
        .column(NewColumn::new("count", DataType::Integer).unsigned().nullable(true));
    db.create_table(table).unwrap();
    let refused = |row: Vec<Value>| match try_insert(&db, "t", &[row]) {
        Err(Error::Value { column, source, .. }) => (column, source),
        other => unreachable!("{other:?}"),
    };
    assert!(matches!(refused(row![40000]), (column, TypeError::OutOfRange { .. }) if column == "small"));
    assert!(
        matches!(refused(row![1, "été"]), (column, TypeError::TooLong { max: 2, length: 3 }) if column == "code")
    );
    assert!(matches!(refused(row![1, "é", 100]), (column, TypeError::Precision { .. }) if column == "price"));
    assert!(
        matches!(refused(row![1, "é", 1, (-1)]), (column, TypeError::OutOfRange { .. }) if column == "count")
    );
    assert!(matches!(refused(row!["one"]), (column, TypeError::Mismatch { .. }) if column == "small"));
    insert(&db, "t", &[row![1, "éé", 1, 0]]);
}

fn library() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("author").column(id()).column(text("name")).primary_key(["id"])).unwrap();
    let author = NewForeignKey::new("book_author_fk", ["author_id"], "author", ["id"]);
    let table =
        NewTable::new("book").column(id()).column(int("author_id").nullable(true)).primary_key(["id"]);
    db.create_table(table.foreign_key(author)).unwrap();
    insert(&db, "author", &[row![1, "Ann"], row![2, "Bob"]]);
    insert(&db, "book", &[row![10, 1], row![11, null]]);
    db
}

#[test]
fn a_reference_to_nothing_is_refused() {
    let db = library();
    let expected = Error::ForeignKey {
        table: "book".into(),
        constraint: "book_author_fk".into(),
        columns: vec!["author_id".into()],
        values: row![9],
        parent: "author".into(),
    };
    assert_eq!(try_insert(&db, "book", &[row![12, 9]]).unwrap_err(), expected);
    assert_eq!(update(&db, "book", Some(is(0, 11)), vec![(1, Expr::literal(9))]).unwrap_err(), expected);
    assert_eq!(update(&db, "book", Some(is(0, 11)), vec![(1, Expr::literal(2))]), Ok(1));
    assert_eq!(rows(&db, "book"), [row![10, 1], row![11, 2]]);
}

#[test]
fn a_row_that_is_referred_to_stays() {
    let db = library();
    let expected = Error::Referenced {
        table: "author".into(),
        constraint: "book_author_fk".into(),
        columns: vec!["id".into()],
        values: row![1],
        child: "book".into(),
    };
    assert_eq!(delete(&db, "author", Some(is(0, 1))).unwrap_err(), expected);
    assert_eq!(update(&db, "author", Some(is(0, 1)), vec![(0, Expr::literal(7))]).unwrap_err(), expected);
    assert_eq!(delete(&db, "author", Some(is(0, 2))).unwrap().affected, 1);
    assert_eq!(rows(&db, "author"), [row![1, "Ann"]]);
}

#[test]
fn a_foreign_key_brings_an_index_to_find_its_rows_by() {
    let db = library();
    let catalog = db.catalog().unwrap();
    let book = catalog.table_named("book").unwrap();
    assert_eq!(book.index_named("book_author_id_fk_idx").unwrap().parts.len(), 1);
}

#[test]
fn a_row_may_refer_to_itself_and_to_rows_of_its_statement() {
    let db = Database::new();
    let boss = NewForeignKey::new("boss_fk", ["boss"], "employee", ["id"]);
    let table = NewTable::new("employee").column(id()).column(int("boss").nullable(true)).primary_key(["id"]);
    db.create_table(table.foreign_key(boss)).unwrap();
    insert(&db, "employee", &[row![1, 1], row![2, 3], row![3, 2]]);
    assert!(matches!(try_insert(&db, "employee", &[row![4, 5]]), Err(Error::ForeignKey { .. })));
    assert_eq!(delete(&db, "employee", None).unwrap().affected, 3);
}

#[test]
fn a_composite_reference_needs_the_whole_key_and_ignores_rows_with_a_null() {
    let db = Database::new();
    let hall =
        NewTable::new("seat").column(text("hall")).column(int("number")).primary_key(["hall", "number"]);
    db.create_table(hall).unwrap();
    // Named in another order than the key has.
    let seat = NewForeignKey::new("ticket_seat_fk", ["number", "hall"], "seat", ["number", "hall"]);
    let ticket = NewTable::new("ticket").column(id()).column(text("hall").nullable(true));
    db.create_table(ticket.column(int("number").nullable(true)).primary_key(["id"]).foreign_key(seat))
        .unwrap();
    insert(&db, "seat", &[row!["A", 1], row!["B", 2]]);
    insert(&db, "ticket", &[row![1, "A", 1], row![2, "Z", null], row![3, null, 9]]);
    let error = try_insert(&db, "ticket", &[row![4, "A", 2]]).unwrap_err();
    assert!(matches!(error, Error::ForeignKey { values, .. } if values == row!["A", 2]));
    assert!(matches!(delete(&db, "seat", Some(is(0, "A"))), Err(Error::Referenced { .. })));
    assert_eq!(delete(&db, "seat", Some(is(0, "B"))).unwrap().affected, 1);
}

#[test]
fn a_failing_statement_leaves_nothing_behind() {
    let db = people();
    let many: Vec<_> =
        (10..300).map(|n| row![n, (format!("person {n}")), 1]).chain([row![300, "Ann", 1]]).collect();
    assert!(try_insert(&db, "person", &many).is_err());
    assert_eq!(rows(&db, "person").len(), 2);
    insert(&db, "person", &many[..290]);
    assert_eq!(rows(&db, "person").len(), 292);
}
