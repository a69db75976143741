//! Foreign keys: no row refers to one that is not there, whoever came first.

use nuages_engine::catalog::{Action, NewForeignKey, NewIndex, NewTable};
use nuages_engine::{Database, Session};

use super::crowd::{audit, crowd, retrying, rounds, unless_refused};
use super::play::{LEVELS, play};
use super::schema::{id, int, key, text};
use super::sql::sql;

/// Parents 1 and 2, named 'a' and 'b'; children refer to the id, and by their label to the name.
fn family(action: Action) -> Database {
    family_checked(action, false)
}

/// The same, checked at the end of each statement or of each transaction.
fn family_checked(action: Action, deferred: bool) -> Database {
    let db = Database::new();
    let parent = NewTable::new("parent").column(key("id")).column(text("name")).column(int("note"));
    let name = NewIndex::unique("parent_name", ["name"]);
    db.create_table(parent.primary_key(["id"]).unique(name)).unwrap();
    let child = NewTable::new("child").column(id()).column(int("parent")).column(text("label"));
    let act = |foreign_key: NewForeignKey| foreign_key.on_delete(action).on_update(action).deferred(deferred);
    let by_id = act(NewForeignKey::new("child_parent", ["parent"], "parent", ["id"]));
    let by_name = act(NewForeignKey::new("child_label", ["label"], "parent", ["name"]));
    db.create_table(child.primary_key(["id"]).foreign_key(by_id).foreign_key(by_name)).unwrap();
    sql(&db, "insert into parent values (1, 'a', 0), (2, 'b', 0)").unwrap();
    db
}

fn cascading() -> Database {
    family(Action::Cascade)
}

fn restricting() -> Database {
    family(Action::Restrict)
}

fn with_child(action: Action) -> Database {
    let db = family(action);
    sql(&db, "insert into child values (1, 1, 'a')").unwrap();
    db
}

#[test]
fn two_children_of_one_parent_do_not_wait_for_each_other() {
    play(
        cascading,
        "T1: insert into child values (1, 1, 'a')        | 1
         T2: insert into child values (2, 1, 'a')        | 1
         T3: update parent set note = 5 where id = 1     | 1
         T1: update parent set note = 6 where id = 2     | 1
         T1: commit                                      | ok
         T2: commit                                      | ok
         T3: commit                                      | ok
         db: select * from child                         | (1, 1, a) (2, 1, a)
         db: select * from parent                        | (1, a, 5) (2, b, 6)",
    );
}

#[test]
fn a_parent_goes_after_the_child_that_came_before() {
    for text in ["T1: insert into child values (1, 1, null)", "T1: insert into child values (1, null, 'a')"] {
        let script = |end: &str| {
            format!(
                "{text}                               | 1
                 T2: delete from parent where id = 1  | waits
                 T1: commit                           | ok
                 {end}"
            )
        };
        play(
            restricting,
            &script(
                "T2:                     | has children
                 db: select * from parent | (1, a, 0) (2, b, 0)",
            ),
        );
        play(|| family(Action::NoAction), &script("T2: | has children"));
        play(
            cascading,
            &script(
                "T2:                     | 1 | not serializable | not serializable
                 T2: commit              | ok
                 db: select * from parent | (2, b, 0) | (1, a, 0) (2, b, 0) | (1, a, 0) (2, b, 0)",
            ),
        );
        play(
            || family(Action::SetNull),
            &script(
                "T2:                     | 1 | not serializable | not serializable
                 T2: commit              | ok | - | -
                 db: select * from child | (1, null, null) | - | -",
            ),
        );
    }
}

#[test]
fn a_child_of_a_parent_that_goes_finds_none() {
    for insert in ["insert into child values (1, 1, null)", "insert into child values (1, null, 'a')"] {
        play(
            cascading,
            &format!(
                "T1: delete from parent where id = 1 | 1
                 T2: {insert}                        | waits
                 T1: commit                          | ok
                 T2:                                 | no parent
                 T2: commit                          | ok
                 db: select * from child             | none"
            ),
        );
        play(
            cascading,
            &format!(
                "T1: delete from parent where id = 1 | 1
                 T2: {insert}                        | waits
                 T1: rollback                        | ok
                 T2:                                 | 1"
            ),
        );
    }
}

#[test]
fn a_parent_that_comes_is_waited_for() {
    play(
        cascading,
        "T1: insert into parent values (3, 'c', 0) | 1
         T2: insert into child values (1, 3, 'c')  | waits
         T1: commit                                | ok
         T2:                                       | 1
         T2: commit                                | ok",
    );
}

#[test]
fn a_snapshot_older_than_the_child_does_not_make_it_an_orphan() {
    play(
        cascading,
        "T1: select * from child             | none
         T2: insert into child values (1, 1, 'a') | 1
         T2: commit                          | ok
         T1: delete from parent where id = 1 | 1 | not serializable | not serializable
         T1: commit                          | ok
         db: select * from child             | none | (1, 1, a) | (1, 1, a)",
    );
}

#[test]
fn a_child_whose_deletion_is_under_way_is_waited_for() {
    for action in [Action::Restrict, Action::NoAction] {
        play(
            || with_child(action),
            "T1: delete from child where id = 1  | 1
             T2: delete from parent where id = 1 | waits
             T1: commit                          | ok
             T2:                                 | 1
             T2: commit                          | ok",
        );
    }
}

#[test]
fn a_key_that_changes_takes_the_child_along_that_came_before() {
    play(
        cascading,
        "T1: insert into child values (1, 1, 'a')           | 1
         T2: update parent set name = 'z', id = 9 where id = 1 | waits
         T1: commit                                         | ok
         T2:                                                | 1 | not serializable | not serializable
         T2: commit                                         | ok
         db: select * from child                            | (1, 9, z) | (1, 1, a) | (1, 1, a)",
    );
}

#[test]
fn what_is_checked_at_commit_is_locked_until_then() {
    let deferred = || family_checked(Action::NoAction, true);
    play(
        deferred,
        "T1: insert into child values (1, 3, null)   | 1
         T2: insert into parent values (3, 'c', 0)   | waits
         T1: commit                                  | no parent
         T2:                                         | 1
         T2: commit                                  | ok
         db: select * from child                     | none",
    );
    play(
        deferred,
        "T1: delete from parent where id = 1         | 1
         T2: insert into child values (1, 1, null)   | waits
         T1: insert into parent values (1, 'a', 0)   | 1
         T1: commit                                  | ok
         T2:                                         | 1
         T2: commit                                  | ok",
    );
    play(
        deferred,
        "db: insert into child values (1, 1, null)   | 1
         T1: delete from parent where id = 1         | 1
         T2: update child set parent = 2             | 1
         T2: commit                                  | ok
         T1: commit                                  | ok
         db: select * from child                     | (1, 2, null)",
    );
}

/// Each level's primary key is its foreign key to the one above; badges refer to the lowest.
fn heirs() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("person").column(key("id")).primary_key(["id"])).unwrap();
    let is_person = NewForeignKey::new("is_person", ["id"], "person", ["id"]).on_update(Action::Cascade);
    let employee = NewTable::new("employee").column(key("id")).primary_key(["id"]);
    db.create_table(employee.foreign_key(is_person)).unwrap();
    let wearer = NewForeignKey::new("wearer", ["employee"], "employee", ["id"]).on_update(Action::Cascade);
    let badge = NewTable::new("badge").column(id()).column(int("employee"));
    db.create_table(badge.primary_key(["id"]).foreign_key(wearer)).unwrap();
    sql(&db, "insert into person values (1)").unwrap();
    sql(&db, "insert into employee values (1)").unwrap();
    db
}

#[test]
fn a_row_whose_primary_key_follows_another_is_not_referred_to_meanwhile() {
    play(
        heirs,
        "T1: update person set id = 10 where id = 1 | 1
         T2: insert into badge values (1, 1)        | waits
         T1: commit                                 | ok
         T2:                                        | no parent
         T2: commit                                 | ok
         db: select * from employee                 | (10)",
    );
    play(
        heirs,
        "T2: insert into badge values (1, 1)        | 1
         T1: update person set id = 10 where id = 1 | waits
         T2: commit                                 | ok
         T1:                                        | 1 | not serializable | not serializable
         T1: commit                                 | ok
         db: select * from badge                    | (1, 10) | (1, 1) | (1, 1)",
    );
}

/// The deadlock that children and an update of their parent had in PostgreSQL before there were key locks.
#[test]
fn a_child_and_then_its_parent_are_written_by_two_without_deadlock() {
    play(
        cascading,
        "T1: insert into child values (1, 1, null)       | 1
         T2: insert into child values (2, 1, null)       | 1
         T1: update parent set note = note + 1 where id = 1 | 1
         T2: update parent set note = note + 1 where id = 1 | waits
         T1: commit                                      | ok
         T2:                                             | 1 | not serializable | not serializable
         T2: commit                                      | ok | - | -",
    );
}

#[test]
fn parents_and_children_that_come_and_go_at_every_level_leave_no_orphan() {
    let actions = [Action::Cascade, Action::Restrict, Action::SetNull, Action::NoAction];
    for (action, deferred) in
        actions.map(|action| (action, false)).into_iter().chain([(Action::NoAction, true)])
    {
        for (threads, level) in [(2, None), (4, Some(0)), (4, Some(1)), (4, Some(2)), (8, None)] {
            let db = family_checked(action, deferred);
            crowd(threads, rounds(100 / threads), |chance| {
                let level = level.map_or_else(|| chance.level(), |at: usize| LEVELS[at]);
                let (parent, other) = (1 + chance.below(4), 1 + chance.below(4));
                let name = char::from(b'a' + parent as u8 - 1);
                let statement = match chance.below(9) {
                    0 => format!("delete from parent where id = {parent}"),
                    1 => format!("delete from parent where name = '{name}'"),
                    2 => format!("insert into parent values ({parent}, '{name}', 0)"),
                    3 => format!("insert into child values (default, {parent}, null)"),
                    4 => format!("insert into child values (default, null, '{name}')"),
                    5 => format!(
                        "insert into child values (default, {parent}, '{name}'), (default, {other}, null)"
                    ),
                    6 => format!("update child set parent = {parent} where parent = {other}"),
                    7 => format!("update parent set id = {other} where id = {parent}"),
                    _ => format!("delete from child where parent = {parent}"),
                };
                match chance.below(3) {
                    0 => unless_refused(sql(&db, &statement)),
                    1 => unless_refused(retrying(&db, level, |tx| sql(tx, &statement))),
                    _ => unless_refused(retrying(&db, level, |tx| {
                        sql(tx, &format!("insert into child values (default, {other}, null)"))?;
                        sql(tx, &statement)
                    })),
                };
            });
            audit(&db);
        }
    }
}

#[test]
fn chains_of_keys_that_follow_each_other_stay_whole() {
    let db = heirs();
    crowd(4, rounds(60), |chance| {
        let (one, other) = (1 + chance.below(3), 1 + chance.below(3));
        let done = retrying(&db, chance.level(), |tx| match (one + other) % 3 {
            0 => sql(tx, &format!("update person set id = {other} where id = {one}")),
            1 => sql(tx, &format!("insert into badge values (default, {one})")),
            _ => sql(tx, &format!("insert into person values ({one})"))
                .and_then(|_| sql(tx, &format!("insert into employee values ({one})"))),
        });
        unless_refused(done);
    });
    audit(&db);
}
