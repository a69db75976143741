//! What a deletion takes with it.

use nuages_engine::algebra::{Expr, OutputColumn};
use nuages_engine::catalog::{Action, NewForeignKey, NewTable};
use nuages_engine::{Database, Error, RowKeys, Session};
use nuages_storage::{LeafBuilder, RowId, Value};

use super::support::*;

/// `parent` with rows 1 and 2, and `child` with rows 10, 11 (of 1), 12 (of 2) and 13 (of none).
fn family(action: Action) -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("parent").column(id()).primary_key(["id"])).unwrap();
    let parent = NewForeignKey::new("child_parent_fk", ["parent"], "parent", ["id"]).on_delete(action);
    let reference = int("parent").nullable(true).default(Expr::literal(2));
    let child = NewTable::new("child").column(id()).column(reference).primary_key(["id"]);
    db.create_table(child.foreign_key(parent)).unwrap();
    insert(&db, "parent", &[row![1], row![2]]);
    insert(&db, "child", &[row![10, 1], row![11, 1], row![12, 2], row![13, null]]);
    db
}

#[test]
fn cascade_takes_the_children_and_counts_them() {
    let db = family(Action::Cascade);
    let outcome = delete(&db, "parent", Some(is(0, 1))).unwrap();
    assert_eq!(outcome.affected, 1);
    assert_eq!(deleted(&db, &outcome), [("parent".into(), 1), ("child".into(), 2)]);
    assert_eq!(rows(&db, "child"), [row![12, 2], row![13, null]]);
}

#[test]
fn set_null_and_set_default_leave_the_children() {
    let db = family(Action::SetNull);
    let outcome = delete(&db, "parent", Some(is(0, 1))).unwrap();
    assert_eq!(deleted(&db, &outcome), [("parent".into(), 1)]);
    assert_eq!(rows(&db, "child"), [row![10, null], row![11, null], row![12, 2], row![13, null]]);

    let db = family(Action::SetDefault);
    delete(&db, "parent", Some(is(0, 1))).unwrap();
    assert_eq!(rows(&db, "child"), [row![10, 2], row![11, 2], row![12, 2], row![13, null]]);
    // The default itself goes: the children would refer to nothing.
    assert!(
        matches!(delete(&db, "parent", Some(is(0, 2))), Err(Error::ForeignKey { values, .. }) if values == row![2])
    );
    assert_eq!(rows(&db, "parent"), [row![2]]);
}

#[test]
fn restrict_and_no_action_keep_the_parent() {
    for action in [Action::Restrict, Action::NoAction] {
        let db = family(action);
        let error = delete(&db, "parent", Some(is(0, 1))).unwrap_err();
        assert!(
            matches!(error, Error::Referenced { child, values, .. } if child == "child" && values == row![1])
        );
        assert_eq!(rows(&db, "parent").len(), 2);
        delete(&db, "child", None).unwrap();
        assert_eq!(delete(&db, "parent", None).unwrap().affected, 2);
    }
}

/// `a <- b <- c`, by these actions; `c` refers to `a` too.
fn diamond(b_to_a: Action, c_to_b: Action, c_to_a: Action) -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("a").column(id()).primary_key(["id"])).unwrap();
    let b = NewTable::new("b").column(id()).column(int("a").nullable(true)).primary_key(["id"]);
    db.create_table(b.foreign_key(NewForeignKey::new("b_a_fk", ["a"], "a", ["id"]).on_delete(b_to_a)))
        .unwrap();
    let c = NewTable::new("c").column(id()).column(int("b").nullable(true)).column(int("a").nullable(true));
    let to_b = NewForeignKey::new("c_b_fk", ["b"], "b", ["id"]).on_delete(c_to_b);
    let to_a = NewForeignKey::new("c_a_fk", ["a"], "a", ["id"]).on_delete(c_to_a);
    db.create_table(c.primary_key(["id"]).foreign_key(to_b).foreign_key(to_a)).unwrap();
    insert(&db, "a", &[row![1]]);
    insert(&db, "b", &[row![2, 1]]);
    insert(&db, "c", &[row![3, 2, 1]]);
    db
}

#[test]
fn a_row_that_goes_on_one_way_is_not_missed_on_another() {
    // NO ACTION looks at the end, when the cascade has taken the row.
    let db = diamond(Action::Cascade, Action::NoAction, Action::Cascade);
    let outcome = delete(&db, "a", None).unwrap();
    assert_eq!(deleted(&db, &outcome), [("a".into(), 1), ("b".into(), 1), ("c".into(), 1)]);
    // SET NULL of a row that goes in the end does nothing.
    let db = diamond(Action::Cascade, Action::Cascade, Action::SetNull);
    delete(&db, "a", None).unwrap();
    assert!(rows(&db, "c").is_empty());
    // Both columns are set.
    let db = diamond(Action::Cascade, Action::SetNull, Action::SetNull);
    delete(&db, "a", None).unwrap();
    assert_eq!(rows(&db, "c"), [row![3, null, null]]);
    // RESTRICT looks at once.
    let db = diamond(Action::Cascade, Action::Cascade, Action::Restrict);
    assert!(
        matches!(delete(&db, "a", None), Err(Error::Referenced { constraint, .. }) if constraint == "c_a_fk")
    );
}

#[test]
fn a_restricting_row_that_goes_with_its_parent_does_not_restrict() {
    let db = Database::new();
    let boss = NewForeignKey::new("boss_fk", ["boss"], "employee", ["id"]).on_delete(Action::Restrict);
    let table = NewTable::new("employee").column(id()).column(int("boss").nullable(true)).primary_key(["id"]);
    db.create_table(table.foreign_key(boss)).unwrap();
    insert(&db, "employee", &[row![1, null], row![2, 1], row![3, 1]]);
    assert!(matches!(delete(&db, "employee", Some(is(0, 1))), Err(Error::Referenced { .. })));
    assert_eq!(delete(&db, "employee", None).unwrap().affected, 3);
}

#[test]
fn cycles_of_rows_and_tables_end() {
    let db = Database::new();
    let hen = NewTable::new("hen").column(id()).column(int("egg").nullable(true)).primary_key(["id"]);
    db.create_table(hen).unwrap();
    let egg = NewTable::new("egg").column(id()).column(int("hen").nullable(true)).primary_key(["id"]);
    db.create_table(
        egg.foreign_key(NewForeignKey::new("f", ["hen"], "hen", ["id"]).on_delete(Action::Cascade)),
    )
    .unwrap();
    let back = NewForeignKey::new("g", ["egg"], "egg", ["id"]).on_delete(Action::Cascade);
    db.add_foreign_key("hen", back).unwrap();
    insert(&db, "hen", &[row![1, null], row![2, null], row![3, null]]);
    insert(&db, "egg", &[row![1, 1], row![2, 2], row![3, 3]]);
    for (hen, egg) in [(1, 2), (2, 1)] {
        update(&db, "hen", Some(is(0, hen)), vec![(1, Expr::literal(egg))]).unwrap();
    }
    let outcome = delete(&db, "hen", Some(is(0, 1))).unwrap();
    assert_eq!(deleted(&db, &outcome), [("hen".into(), 2), ("egg".into(), 2)]);
    assert_eq!((rows(&db, "hen"), rows(&db, "egg")), (vec![row![3, null]], vec![row![3, 3]]));
}

#[test]
fn a_chain_of_a_hundred_thousand_rows_goes_at_once() {
    let db = Database::new();
    let next = NewForeignKey::new("next_fk", ["previous"], "link", ["id"]).on_delete(Action::Cascade);
    let table = NewTable::new("link").column(id()).column(int("previous").nullable(true)).primary_key(["id"]);
    let table = db.create_table(table.foreign_key(next)).unwrap();
    let layout = db.catalog().unwrap().table(table).unwrap().layout.clone();
    let mut rows = Vec::new();
    let mut leaf = LeafBuilder::new(layout.clone());
    for n in 0..100_000 {
        if leaf.is_full() {
            rows.push(std::mem::replace(&mut leaf, LeafBuilder::new(layout.clone())).finish());
        }
        if n > 0 {
            leaf.set_int(1, n);
        }
        leaf.finish_row(RowId::new(n + 1));
    }
    rows.push(leaf.finish());
    db.insert_rows(table, rows, RowKeys::Given).unwrap();
    let outcome = delete(&db, "link", Some(is(0, 1))).unwrap();
    assert_eq!((outcome.affected, outcome.per_table), (1, vec![(table, 100_000)]));
    assert!(super::support::rows(&db, "link").is_empty());
}

#[test]
fn a_row_that_extends_another_goes_with_it() {
    let db = Database::new();
    db.create_table(NewTable::new("place").column(id()).column(text("name")).primary_key(["id"])).unwrap();
    let place =
        NewForeignKey::new("restaurant_place_fk", ["place"], "place", ["id"]).on_delete(Action::Cascade);
    let restaurant =
        NewTable::new("restaurant").column(int("place")).column(text("dish")).primary_key(["place"]);
    db.create_table(restaurant.foreign_key(place)).unwrap();
    insert(&db, "place", &[row![1, "bar"], row![2, "park"]]);
    insert(&db, "restaurant", &[row![1, "soup"]]);
    assert!(matches!(try_insert(&db, "restaurant", &[row![3, "stew"]]), Err(Error::ForeignKey { .. })));
    let outcome = delete(&db, "place", None).unwrap();
    assert_eq!(deleted(&db, &outcome), [("place".into(), 2), ("restaurant".into(), 1)]);
}

#[test]
fn composite_and_text_keys_cascade() {
    let db = Database::new();
    let seat =
        NewTable::new("seat").column(text("hall")).column(int("number")).primary_key(["hall", "number"]);
    db.create_table(seat).unwrap();
    let fk =
        NewForeignKey::new("t_fk", ["number", "hall"], "seat", ["number", "hall"]).on_delete(Action::Cascade);
    let ticket =
        NewTable::new("ticket").column(int("number").nullable(true)).column(text("hall").nullable(true));
    db.create_table(ticket.foreign_key(fk)).unwrap();
    insert(&db, "seat", &[row!["A", 1], row!["A", 2], row!["AB", 1]]);
    insert(&db, "ticket", &[row![1, "A"], row![1, "A"], row![2, "A"], row![1, "AB"], row![null, "A"]]);
    let outcome = delete(&db, "seat", Some(is(0, "A").and(is(1, 1)))).unwrap();
    assert_eq!(deleted(&db, &outcome), [("seat".into(), 1), ("ticket".into(), 2)]);
    assert_eq!(rows(&db, "ticket"), [row![2, "A"], row![1, "AB"], row![null, "A"]]);
}

#[test]
fn what_is_deleted_can_be_returned() {
    let db = family(Action::Cascade);
    let twice = column(0).arithmetic(nuages_engine::algebra::Arithmetic::Multiply, Expr::literal(2));
    let returning = vec![OutputColumn::new("id", ROW.column(0)), OutputColumn::new("twice", twice)];
    let outcome = delete_returning(&db, "parent", None, returning).unwrap();
    assert_eq!(outcome.rows.columns, ["id", "twice"]);
    assert_eq!(outcome.rows.rows, [row![1, 2], row![2, 4]]);
    assert_eq!(rows(&db, "child"), [row![13, null]]);
}

#[test]
fn a_value_that_a_reset_row_may_not_have_stops_the_deletion() {
    let db = Database::new();
    db.create_table(NewTable::new("parent").column(id()).primary_key(["id"])).unwrap();
    let fk = NewForeignKey::new("fk", ["parent"], "parent", ["id"]).on_delete(Action::SetDefault);
    let child = NewTable::new("child").column(id()).column(int("parent")).primary_key(["id"]).foreign_key(fk);
    db.create_table(child).unwrap();
    insert(&db, "parent", &[row![1]]);
    insert(&db, "child", &[row![1, 1]]);
    let error = delete(&db, "parent", None).unwrap_err();
    assert_eq!(error, Error::NotNull { table: "child".into(), column: "parent".into() });
    assert_eq!(rows(&db, "parent"), [vec![Value::Int(1)]]);
}
