//! Row locks: who excludes whom, and what happens to those who are excluded.

use std::sync::atomic::{AtomicBool, Ordering};

use nuages_engine::Database;
use nuages_engine::catalog::NewTable;
use nuages_engine::{Isolation, Session};

use super::crowd::{audit, crowd, rounds};
use super::play::{play, play_at};
use super::schema::{id, int};
use super::sql::{ints, rows, sql};

/// Jobs 1 to 3, open.
fn jobs() -> Database {
    let db = Database::new();
    let job = NewTable::new("job").column(id()).column(int("done")).column(int("by"));
    db.create_table(job.primary_key(["id"])).unwrap();
    sql(&db, "insert into job values (1, 0, null), (2, 0, null), (3, 0, null)").unwrap();
    db
}

/// PostgreSQL's table, row by row: what is held, and what is asked for.
#[test]
fn the_strengths_exclude_each_other_as_in_postgresql() {
    let strengths = ["key share", "share", "no key update", "update"];
    let excluded = [
        [false, false, false, true],
        [false, false, true, true],
        [false, true, true, true],
        [true, true, true, true],
    ];
    for (held, row) in strengths.iter().zip(excluded) {
        for (asked, is_excluded) in strengths.iter().zip(row) {
            let answer = if is_excluded { "locked" } else { "(1, 0, null)" };
            play(
                jobs,
                &format!(
                    "T1: select * from job where id = 1 for {held}         | (1, 0, null)
                     T2: select * from job where id = 1 for {asked} nowait | {answer}
                     T2: select * from job where id = 2 for {asked} nowait | (2, 0, null)
                     T1: commit                                            | ok
                     T2: select * from job where id = 1 for {asked} nowait | (1, 0, null)"
                ),
            );
        }
    }
}

#[test]
fn an_update_is_kept_out_by_all_but_who_refers_to_the_row() {
    play(
        jobs,
        "T1: select * from job where id = 1 for key share | (1, 0, null)
         T2: update job set done = 1 where id = 1         | 1
         T2: commit                                       | ok
         T3: delete from job where id = 1                 | waits
         T1: commit                                       | ok
         T3:                                              | 1",
    );
    for strength in ["share", "no key update", "update"] {
        play(
            jobs,
            &format!(
                "T1: select * from job where id = 1 for {strength} | (1, 0, null)
                 T2: update job set done = 1 where id = 1          | waits
                 T1: commit                                        | ok
                 T2:                                               | 1"
            ),
        );
    }
}

#[test]
fn locks_are_kept_until_the_end_also_if_a_statement_fails() {
    play(
        jobs,
        "T1: update job set done = 1 where id = 1                  | 1
         T2: select * from job where id = 2 for update             | (2, 0, null)
         T2: select * from job where id = 1 for update nowait      | locked
         T3: select * from job where id = 2 for update nowait      | locked
         T2: rollback                                              | ok
         T3: select * from job where id = 2 for update nowait      | (2, 0, null)
         T1: rollback                                              | ok
         T3: select * from job where id = 1 for update nowait      | (1, 0, null)",
    );
}

#[test]
fn those_who_share_do_not_overtake_who_waits_to_be_alone() {
    play(
        jobs,
        "T1: select * from job where id = 1 for share        | (1, 0, null)
         T2: select * from job where id = 1 for update       | waits
         T3: select * from job where id = 1 for share nowait | locked
         T3: select * from job where id = 1 for share        | waits
         T1: commit                                          | ok
         T2:                                                 | (1, 0, null)
         T2: commit                                          | ok
         T3:                                                 | (1, 0, null)",
    );
}

#[test]
fn workers_that_skip_locked_jobs_take_one_each() {
    play(
        jobs,
        "T1: select * from job where done = 0 order by id limit 1 for update skip locked | (1, 0, null)
         T2: select * from job where done = 0 order by id limit 1 for update skip locked | (2, 0, null)
         T3: select * from job where done = 0 for update skip locked                     | (3, 0, null)
         T4: select * from job where done = 0 order by id limit 1 for update skip locked | none
         T1: update job set done = 1 where id = 1                                        | 1
         T1: commit                                                                      | ok
         T2: rollback                                                                    | ok
         db: select * from job where done = 0 order by id limit 1 for update skip locked | (2, 0, null)",
    );
}

/// PostgreSQL's eval-plan-qual: what is found is looked at again when its lock is held.
#[test]
fn a_row_that_was_waited_for_and_matches_no_more_is_left_alone() {
    play(
        jobs,
        "T1: update job set done = 1 where id = 1       | 1
         T2: update job set by = 2 where done = 0       | waits
         T1: commit                                     | ok
         T2:                                            | 2 | not serializable | not serializable
         T2: commit                                     | ok
         db: select * from job | (1, 1, null) (2, 0, 2) (3, 0, 2) | (1, 1, null) (2, 0, null) (3, 0, null) | \
         (1, 1, null) (2, 0, null) (3, 0, null)",
    );
    play(
        jobs,
        "T1: delete from job where id = 1                                | 1
         T2: update job set by = 2 where id = 1                          | waits
         T3: select * from job where done = 0 for update                 | waits
         T1: commit                                                      | ok
         T2:                                                             | 0 | not serializable | not serializable
         T2: commit                                                      | ok
         T3:                                                 | (2, 0, null) (3, 0, null) | not serializable | not serializable",
    );
}

#[test]
fn what_is_written_is_computed_from_the_row_as_it_is_after_the_wait() {
    play_at(
        Isolation::ReadCommitted,
        &jobs(),
        "T1: update job set done = done + 10 where id = 1        | 1
         T2: update job set done = done + 1, by = done where id = 1 | waits
         T3: select * from job where id = 1 for update           | waits
         T1: commit                                              | ok
         T2:                                                     | 1
         T2: commit                                              | ok
         T3:                                                     | (1, 11, 10)",
    );
}

#[test]
fn a_row_that_comes_to_match_while_another_is_waited_for_is_not_taken() {
    play_at(
        Isolation::ReadCommitted,
        &jobs(),
        "T0: update job set done = 1 where id = 3       | 1
         T0: commit                                     | ok
         T1: update job set by = 1 where id = 1         | 1
         T1: update job set done = 0 where id = 3       | 1
         T1: insert into job values (4, 0, null)        | 1
         T2: update job set by = 2 where done = 0       | waits
         T3: select * from job where done = 0 for share | waits
         T1: commit                                     | ok
         T2:                                            | 2
         T2: commit                                     | ok
         T3:                                            | (1, 0, 2) (2, 0, 2)
         db: select * from job                          | (1, 0, 2) (2, 0, 2) (3, 0, null) (4, 0, null)",
    );
}

#[test]
fn under_a_limit_the_next_row_is_taken_instead() {
    play_at(
        Isolation::ReadCommitted,
        &jobs(),
        "T1: update job set done = 1 where id = 1                           | 1
         T2: select * from job where done = 0 order by id limit 1 for update | waits
         T1: commit                                                         | ok
         T2:                                                                | (2, 0, null)",
    );
}

#[test]
fn every_job_of_a_queue_is_done_once() {
    for wait in ["", "skip locked"] {
        let db = jobs();
        let count = rounds(120) as i64;
        for _ in 3..count {
            sql(&db, "insert into job values (default, 0, null)").unwrap();
        }
        crowd(4, 1, |chance| {
            let by = chance.below(1 << 40);
            loop {
                let tx = db.begin();
                let next = format!("select * from job where done = 0 order by id limit 1 for update {wait}");
                let Some(id) = ints(&tx, &next, 0).unwrap().first().copied() else { break };
                sql(&tx, &format!("update job set done = done + 1, by = {by} where id = {id}")).unwrap();
                tx.commit().unwrap();
            }
        });
        assert_eq!(rows(&db, "select * from job where done = 1").unwrap().len() as i64, count);
        audit(&db);
    }
}

#[test]
fn who_locks_a_whole_table_gets_done_while_others_insert() {
    let db = jobs();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    sql(&db, "insert into job values (default, 0, null)").unwrap();
                }
            });
        }
        for wait in ["", "skip locked"] {
            for _ in 0..5 {
                let tx = db.begin();
                assert!(rows(&tx, &format!("select * from job for update {wait}")).unwrap().len() >= 3);
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
    audit(&db);
}
