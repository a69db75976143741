//! Deadlocks: found when they close, one is refused, and the others get done.

use nuages_engine::Database;
use nuages_engine::Session;
use nuages_engine::catalog::{Action, NewForeignKey, NewTable};

use super::crowd::{audit, crowd, retrying, rounds};
use super::play::play;
use super::schema::{id, int, key};
use super::sql::{ints, sql};

fn seats() -> Database {
    let db = Database::new();
    let seat = NewTable::new("seat").column(key("id")).column(int("taken"));
    db.create_table(seat.primary_key(["id"])).unwrap();
    let ticket = NewTable::new("ticket").column(id()).column(int("seat")).primary_key(["id"]);
    let of_seat = NewForeignKey::new("of_seat", ["seat"], "seat", ["id"]).on_delete(Action::Cascade);
    db.create_table(ticket.foreign_key(of_seat)).unwrap();
    for id in 1..=8 {
        sql(&db, &format!("insert into seat values ({id}, 0)")).unwrap();
    }
    db
}

#[test]
fn of_two_who_wait_for_each_other_the_second_is_refused() {
    play(
        seats,
        "T1: update seat set taken = 1 where id = 1 | 1
         T2: update seat set taken = 2 where id = 2 | 1
         T1: update seat set taken = 1 where id = 2 | waits
         T2: update seat set taken = 2 where id = 1 | deadlock
         T2: rollback                               | ok
         T1:                                        | 1
         T1: commit                                 | ok
         db: select * from seat where id in (1, 2)  | (1, 1) (2, 1)",
    );
}

/// Also the failed statement of the second left a transaction that can still commit what it did before.
#[test]
fn who_is_refused_keeps_what_it_has_done() {
    play(
        seats,
        "T1: update seat set taken = 1 where id = 1 | 1
         T2: update seat set taken = 2 where id = 2 | 1
         T1: update seat set taken = taken + 1 where id = 2 | waits
         T2: update seat set taken = 2 where id = 1 | deadlock
         T2: commit                                 | ok
         T1:                                        | 1 | not serializable | not serializable
         T1: commit                                 | ok | - | -
         db: select * from seat where id in (1, 2)  | (1, 1) (2, 3) | - | -",
    );
}

#[test]
fn of_two_who_share_a_row_and_both_want_to_write_it_one_is_refused() {
    play(
        seats,
        "T1: select * from seat where id = 1 for share | (1, 0)
         T2: select * from seat where id = 1 for share | (1, 0)
         T1: update seat set taken = 1 where id = 1    | waits
         T2: update seat set taken = 2 where id = 1    | deadlock
         T2: rollback                                  | ok
         T1:                                           | 1",
    );
}

/// Eight who wait for the next one, the last one for the first.
#[test]
fn of_many_in_a_circle_the_last_is_refused() {
    let mut script = String::new();
    for seat in 1..=8 {
        script += &format!("T{seat}: select * from seat where id = {seat} for update | ({seat}, 0)\n");
    }
    for seat in 1..8 {
        let next = seat + 1;
        script += &format!("T{seat}: select * from seat where id = {next} for update | waits\n");
    }
    script += "T8: select * from seat where id = 1 for update | deadlock\n";
    for seat in (1..8).rev() {
        let next = seat + 1;
        script += &format!("T{next}: rollback | ok\nT{seat}: | ({next}, 0)\n");
    }
    play(seats, &script);
}

#[test]
fn who_waits_behind_a_waiter_is_part_of_the_circle() {
    play(
        seats,
        "T1: select * from seat where id = 1 for share  | (1, 0)
         T3: select * from seat where id = 2 for update | (2, 0)
         T2: select * from seat where id = 1 for update | waits
         T3: select * from seat where id = 1 for share  | waits
         T1: select * from seat where id = 2 for update | deadlock
         T1: rollback                                   | ok
         T2:                                            | (1, 0)
         T2: rollback                                   | ok
         T3:                                            | (1, 0)",
    );
}

#[test]
fn parents_and_children_are_part_of_the_circle() {
    play(
        seats,
        "T1: insert into ticket values (1, 1)       | 1
         T2: insert into ticket values (2, 2)       | 1
         T1: delete from seat where id = 2          | waits
         T2: delete from seat where id = 1          | deadlock
         T2: rollback                               | ok
         T1:                                        | 1
         T1: commit                                 | ok
         db: select * from ticket                   | (1, 1)",
    );
}

#[test]
fn unique_keys_are_part_of_the_circle() {
    play(
        seats,
        "T1: insert into seat values (20, 1) | 1
         T2: insert into seat values (30, 2) | 1
         T1: insert into seat values (30, 1) | waits
         T2: insert into seat values (20, 2) | deadlock
         T2: rollback                        | ok
         T1:                                 | 1
         T1: commit                          | ok
         db: select * from seat where id > 8 | (20, 1) (30, 1)",
    );
}

#[test]
fn a_change_of_the_schema_is_part_of_the_circle() {
    play(
        seats,
        "T1: update seat set taken = 1 where id = 1     | 1
         T2: create index seat_taken on ticket (seat)   | 0
         T2: update seat set taken = 2 where id = 2     | 1
         T1: insert into ticket values (1, 3)           | waits
         T2: update seat set taken = 2 where id = 1     | deadlock
         T2: rollback                                   | ok
         T1:                                            | 1
         T1: commit                                     | ok",
    );
}

#[test]
fn many_who_lock_in_any_order_all_get_done() {
    let db = seats();
    let (threads, each) = (6, rounds(40));
    crowd(threads, each, |chance| {
        let seats = [1 + chance.below(8), 1 + chance.below(8), 1 + chance.below(8)];
        retrying(&db, chance.level(), |tx| {
            for seat in seats {
                sql(tx, &format!("update seat set taken = taken + 1 where id = {seat}"))?;
                sql(tx, &format!("insert into ticket values (default, {seat})"))?;
            }
            Ok(())
        })
        .unwrap();
    });
    let taken: i64 = ints(&db, "select * from seat", 1).unwrap().iter().sum();
    assert_eq!(taken, (threads * each * 3) as i64);
    assert_eq!(ints(&db, "select * from ticket", 0).unwrap().len() as i64, taken);
    audit(&db);
}
