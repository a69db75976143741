//! What a change of a key takes with it.

use nuages_engine::algebra::{Arithmetic, Expr};
use nuages_engine::catalog::{Action, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Error, RowKeys, Session};
use nuages_storage::LeafBuilder;

use super::support::*;

fn plus(place: usize, more: i64) -> Expr {
    column(place).arithmetic(Arithmetic::Add, Expr::literal(more))
}

fn family(action: Action) -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("parent").column(id()).primary_key(["id"])).unwrap();
    let fk = NewForeignKey::new("fk", ["parent"], "parent", ["id"]).on_update(action);
    let reference = int("parent").nullable(true).default(Expr::literal(2));
    let child = NewTable::new("child").column(id()).column(reference).primary_key(["id"]).foreign_key(fk);
    db.create_table(child).unwrap();
    insert(&db, "parent", &[row![1], row![2], row![3]]);
    insert(&db, "child", &[row![10, 1], row![11, 3], row![12, null]]);
    db
}

#[test]
fn children_follow_a_key_or_lose_it() {
    for (action, expected) in
        [(Action::Cascade, row![7]), (Action::SetNull, row![null]), (Action::SetDefault, row![2])]
    {
        let db = family(action);
        assert_eq!(update(&db, "parent", Some(is(0, 1)), vec![(0, Expr::literal(7))]), Ok(1));
        assert_eq!(rows(&db, "child")[0][1..], expected, "{action:?}");
        assert_eq!(rows(&db, "child")[1], row![11, 3]);
    }
    for action in [Action::NoAction, Action::Restrict] {
        let db = family(action);
        let error = update(&db, "parent", Some(is(0, 1)), vec![(0, Expr::literal(7))]).unwrap_err();
        assert!(matches!(error, Error::Referenced { values, .. } if values == row![1]));
        assert_eq!(rows(&db, "parent"), [row![1], row![2], row![3]]);
    }
}

#[test]
fn keys_that_shift_take_each_its_own_children() {
    let db = family(Action::Cascade);
    assert_eq!(update(&db, "parent", None, vec![(0, plus(0, 1))]), Ok(3));
    assert_eq!(rows(&db, "parent"), [row![2], row![3], row![4]]);
    assert_eq!(rows(&db, "child"), [row![10, 2], row![11, 4], row![12, null]]);
    // No action is needed where the key is there again in the end.
    let db = family(Action::NoAction);
    delete(&db, "child", Some(is(0, 10))).unwrap();
    assert_eq!(update(&db, "parent", None, vec![(0, plus(0, 1))]), Ok(3));
    assert_eq!(rows(&db, "child")[0], row![11, 3]);
}

#[test]
fn rows_that_refer_to_rows_of_their_own_table_follow() {
    let db = Database::new();
    let fk = NewForeignKey::new("fk", ["up"], "node", ["id"]).on_update(Action::Cascade);
    let node = NewTable::new("node").column(id()).column(int("up").nullable(true)).primary_key(["id"]);
    db.create_table(node.foreign_key(fk)).unwrap();
    insert(&db, "node", &[row![1, 1], row![2, 1], row![3, 2]]);
    assert_eq!(update(&db, "node", None, vec![(0, plus(0, 10))]), Ok(3));
    assert_eq!(rows(&db, "node"), [row![11, 11], row![12, 11], row![13, 12]]);
    // Rows that are given a reference themselves keep what they are given.
    let both = vec![(0, plus(0, 1)), (1, plus(1, 1))];
    assert_eq!(update(&db, "node", None, both), Ok(3));
    assert_eq!(rows(&db, "node"), [row![12, 12], row![13, 12], row![14, 13]]);
}

#[test]
fn a_changed_key_is_followed_through_tables() {
    let db = Database::new();
    let key = |name: &str| NewTable::new(name).column(text("code")).primary_key(["code"]);
    db.create_table(key("a")).unwrap();
    for (name, target) in [("b", "a"), ("c", "b")] {
        let fk =
            NewForeignKey::new(format!("{name}_fk"), ["code"], target, ["code"]).on_update(Action::Cascade);
        db.create_table(key(name).foreign_key(fk)).unwrap();
    }
    for table in ["a", "b", "c"] {
        insert(&db, table, &[row!["x"], row!["y"]]);
    }
    assert_eq!(update(&db, "a", Some(is(0, "x")), vec![(0, Expr::literal("z"))]), Ok(1));
    for table in ["a", "b", "c"] {
        assert_eq!(rows(&db, table), [row!["z"], row!["y"]]);
    }
    assert!(matches!(
        update(&db, "a", Some(is(0, "y")), vec![(0, Expr::literal("z"))]),
        Err(Error::Unique { table, .. }) if table == "a"
    ));
}

#[test]
fn keys_that_change_each_other_in_a_circle_come_to_an_end() {
    let db = Database::new();
    let table = |name: &str| {
        let unique = NewIndex::new(format!("{name}_key"), ["key"]);
        NewTable::new(name).column(id()).column(int("key")).primary_key(["id"]).unique(unique)
    };
    db.create_table(table("a")).unwrap();
    let fk = |name: &str, to: &str| NewForeignKey::new(name, ["key"], to, ["key"]).on_update(Action::Cascade);
    db.create_table(table("b").foreign_key(fk("b_fk", "a"))).unwrap();
    insert(&db, "a", &[row![1, 1], row![2, 2]]);
    insert(&db, "b", &[row![1, 1], row![2, 2]]);
    db.add_foreign_key("a", fk("a_fk", "b")).unwrap();
    let swapped = Expr::literal(3).arithmetic(Arithmetic::Subtract, column(1));
    assert_eq!(update(&db, "a", None, vec![(1, swapped)]), Ok(2));
    assert_eq!(rows(&db, "a"), [row![1, 2], row![2, 1]]);
    assert_eq!(rows(&db, "b"), [row![1, 2], row![2, 1]]);
    assert_eq!(update(&db, "a", Some(is(1, 1)), vec![(1, Expr::literal(9))]), Ok(1));
    assert_eq!(rows(&db, "b"), [row![1, 2], row![2, 9]]);
}

#[test]
fn a_key_that_an_action_gave_is_not_generated_again() {
    // The child's primary key is its foreign key.
    for (action, given) in [(Action::Cascade, 7), (Action::SetDefault, 5)] {
        let db = Database::new();
        db.create_table(NewTable::new("parent").column(id()).primary_key(["id"])).unwrap();
        let fk = NewForeignKey::new("fk", ["id"], "parent", ["id"]).on_update(action).on_delete(action);
        let child = NewTable::new("child").column(id().default(Expr::literal(5))).primary_key(["id"]);
        db.create_table(child.foreign_key(fk)).unwrap();
        insert(&db, "parent", &[row![1], row![2], row![5], row![6], row![8]]);
        insert(&db, "child", &[row![1]]);
        match action {
            Action::Cascade => {
                update(&db, "parent", Some(is(0, 1)), vec![(0, Expr::literal(7))]).unwrap();
            }
            _ => {
                delete(&db, "parent", Some(is(0, 1))).unwrap();
            }
        }
        assert_eq!(rows(&db, "child"), [row![given]], "{action:?}");
        let layout = db.catalog().unwrap().table_named("child").unwrap().layout.clone();
        let mut leaf = LeafBuilder::new(layout);
        leaf.finish_row_unnumbered();
        let generated = db.insert_rows(table_id(&db, "child"), vec![leaf.finish()], RowKeys::Generated);
        assert_eq!(generated, Ok(Some(given + 1)), "{action:?}");
    }
}
