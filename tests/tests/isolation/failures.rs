//! Transactions that end otherwise than they should: others go on as if they had never been.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Error, LockError, Session};
use nuages_storage::lock::Strength;
use nuages_storage::{Isolation, Reach, RowId, Statement, Step, Store, TableId, Writer};

use super::crowd::{audit, crowd, retrying, rounds};
use super::play::{LEVELS, play};
use super::schema::{int, key};
use super::sql::{ints, sql};

fn test() -> Database {
    let db = Database::new();
    db.create_table(NewTable::new("test").column(key("id")).column(int("value")).primary_key(["id"]))
        .unwrap();
    sql(&db, "insert into test values (1, 10), (2, 20)").unwrap();
    db
}

#[test]
fn a_thread_that_panics_in_a_transaction_takes_it_back_and_lets_others_go_on() {
    for level in LEVELS {
        let (db, has_written) = (test(), Barrier::new(2));
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let tx = db.begin_with(level);
                sql(&tx, "update test set value = 11 where id = 1").unwrap();
                sql(&tx, "insert into test values (3, 30)").unwrap();
                has_written.wait();
                while db.waiting() == 0 {
                    thread::yield_now();
                }
                std::panic::resume_unwind(Box::new("a program went wrong"));
            });
            has_written.wait();
            assert_eq!(sql(&db, "update test set value = value + 5 where id = 1").unwrap().count(), 1);
            assert!(panicking.join().is_err());
        });
        assert_eq!(ints(&db, "select * from test", 1), Ok(vec![15, 20]), "at {level:?}");
        audit(&db);
    }
}

#[test]
fn a_panic_within_a_statement_leaves_the_transaction_as_it_was_before() {
    let db = test();
    let panics = |session: &dyn Session| {
        let statement = AssertUnwindSafe(|| {
            session.write(Reach::Short, &session.interrupt(), &mut |_| {
                std::panic::resume_unwind(Box::new("within a statement"))
            })
        });
        assert!(catch_unwind(statement).is_err());
    };
    panics(&db);
    let tx = db.begin();
    sql(&tx, "update test set value = 11 where id = 1").unwrap();
    panics(&tx);
    sql(&tx, "update test set value = 21 where id = 2").unwrap();
    panics(&db);
    tx.commit().unwrap();
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![11, 21]));
    audit(&db);
}

#[test]
fn many_that_panic_lose_nothing_of_those_who_do_not() {
    let db = test();
    let (threads, each) = (4, rounds(60));
    crowd(threads, each, |chance| {
        let level = chance.level();
        let doomed = AssertUnwindSafe(|| {
            let tx = db.begin_with(level);
            let _ = sql(&tx, "update test set value = value + 1000 where id = 1");
            let _ = sql(&tx, "delete from test where id = 2");
            std::panic::resume_unwind(Box::new("a program went wrong"));
        });
        assert!(catch_unwind(doomed).is_err());
        retrying(&db, level, |tx| sql(tx, "update test set value = value + 1")).unwrap();
    });
    let sum = (threads * each) as i64;
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![10 + sum, 20 + sum]));
    audit(&db);
}

#[test]
fn a_wait_that_takes_too_long_fails_alone() {
    let db = test();
    let holder = db.begin();
    sql(&holder, "update test set value = 11 where id = 1").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let tx = db.begin();
            tx.set_lock_timeout(Some(Duration::from_millis(20)));
            sql(&tx, "update test set value = 21 where id = 2").unwrap();
            let Err(Error::Lock(error)) = sql(&tx, "update test set value = 12 where id = 1") else {
                panic!("it was locked");
            };
            assert!(matches!(*error, LockError::Timeout { .. }), "{error}");
            assert_eq!(db.waiting(), 0);
            sql(&tx, "insert into test values (3, 30)").unwrap();
            tx.commit().unwrap();
        });
        waiting.join().unwrap();
    });
    holder.commit().unwrap();
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![11, 21, 30]));
    audit(&db);
}

#[test]
fn a_time_limit_beyond_all_time_is_none() {
    let db = test();
    let tx = db.begin();
    tx.set_lock_timeout(Some(Duration::MAX));
    sql(&tx, "update test set value = 11 where id = 1").unwrap();
    tx.commit().unwrap();
}

#[test]
fn a_thread_that_would_wait_for_itself_is_told_so() {
    let db = test();
    let tx = db.begin();
    sql(&tx, "update test set value = 11 where id = 1").unwrap();
    let other = db.begin();
    for session in [&db as &dyn Session, &other] {
        let refused = sql(session, "update test set value = 12 where id = 1");
        let Err(Error::Lock(error)) = refused else { panic!("it cannot be done: {refused:?}") };
        assert!(matches!(*error, LockError::WouldWaitForItself { .. }), "{error}");
        sql(session, "update test set value = value + 1 where id = 2").unwrap();
    }
    drop(other);
    tx.commit().unwrap();
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![11, 21]));
    audit(&db);
}

/// Also where it has written on another thread before.
#[test]
fn a_transaction_that_was_handed_to_another_thread_is_that_threads() {
    let db = test();
    let tx = db.begin();
    sql(&tx, "update test set value = 11 where id = 1").unwrap();
    let has_written = Barrier::new(2);
    thread::scope(|scope| {
        let (db, has_written) = (&db, &has_written);
        let there = scope.spawn(move || {
            sql(&tx, "update test set value = 21 where id = 2").unwrap();
            let refused = sql(db, "update test set value = 12 where id = 1");
            let Err(Error::Lock(error)) = refused else { panic!("it cannot be done: {refused:?}") };
            assert!(matches!(*error, LockError::WouldWaitForItself { .. }), "{error}");
            has_written.wait();
            while db.waiting() == 0 {
                thread::yield_now();
            }
            tx.commit().unwrap();
        });
        has_written.wait();
        sql(db, "update test set value = value + 1 where id = 1").unwrap();
        there.join().unwrap();
    });
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![12, 21]));
    audit(&db);
}

#[test]
fn transactions_that_were_begun_on_one_thread_and_run_on_others_wait_for_each_other() {
    let db = test();
    let (first, second) = (db.begin(), db.begin());
    let add = "update test set value = value + 1 where id = 1";
    let has_written = Barrier::new(2);
    thread::scope(|scope| {
        let (db, has_written) = (&db, &has_written);
        let waiting = scope.spawn(move || {
            has_written.wait();
            sql(&second, add).and_then(|_| second.commit())
        });
        scope.spawn(move || {
            sql(&first, add).unwrap();
            has_written.wait();
            while db.waiting() == 0 && !waiting.is_finished() {
                thread::yield_now();
            }
            first.commit().unwrap();
            waiting.join().unwrap().unwrap();
        });
    });
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![12, 20]));
    audit(&db);
}

#[test]
fn who_gives_up_waiting_is_no_longer_in_the_way_of_those_behind() {
    let db = test();
    let holder = db.begin();
    ints(&holder, "select * from test where id = 1 for share", 0).unwrap();
    thread::scope(|scope| {
        let impatient = scope.spawn(|| {
            let tx = db.begin();
            tx.set_lock_timeout(Some(Duration::from_millis(50)));
            assert!(sql(&tx, "update test set value = 12 where id = 1").is_err());
        });
        while db.waiting() == 0 && !impatient.is_finished() {
            thread::yield_now();
        }
        let behind = scope.spawn(|| ints(&db, "select * from test where id = 1 for share", 1));
        assert_eq!(behind.join().unwrap(), Ok(vec![10]));
        impatient.join().unwrap();
    });
    drop(holder);
    audit(&db);
}

/// What an async session does when its future is dropped.
#[test]
fn a_statement_that_is_dropped_while_it_waits_leaves_the_queue() {
    let store = Store::new(std::sync::Arc::new(()));
    let write = |writer: &mut Writer<'_>| {
        writer.locking().row(TableId::new(0), RowId::new(1), Strength::Update);
        Ok::<_, nuages_storage::Error>(())
    };
    let mut holder = store.begin(Isolation::ReadCommitted);
    holder.write(write).unwrap();
    thread::scope(|scope| {
        let dropping = scope.spawn(|| {
            let mut tx = store.begin(Isolation::ReadCommitted);
            let mut statement = Statement::new();
            let Ok(Step::Wait(ticket)) = tx.step(&mut statement, &mut { write }) else {
                panic!("it was locked");
            };
            assert_eq!(store.waiting(), 1);
            drop((ticket, statement));
            assert!(!tx.has_written());
            assert_eq!(store.waiting(), 0);
        });
        dropping.join().unwrap();
    });
    holder.commit().unwrap();
    store.begin(Isolation::ReadCommitted).write(write).unwrap();
}

#[test]
fn what_is_rolled_back_to_a_savepoint_stays_locked() {
    let db = test();
    let tx = db.begin();
    let savepoint = tx.savepoint();
    sql(&tx, "update test set value = 11 where id = 1").unwrap();
    sql(&tx, "insert into test values (3, 30)").unwrap();
    tx.rollback_to(savepoint).unwrap();
    sql(&tx, "update test set value = 21 where id = 2").unwrap();
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            for id in [1, 3] {
                let tx = db.begin();
                tx.set_lock_timeout(Some(Duration::ZERO));
                assert!(sql(&tx, &format!("insert into test values ({id}, 0)")).is_err_and(
                    |error| matches!(&error, Error::Lock(error) if matches!(**error, LockError::Timeout { .. }))
                ));
            }
        });
        others.join().unwrap();
    });
    tx.commit().unwrap();
    assert_eq!(ints(&db, "select * from test", 1), Ok(vec![10, 21]));
    audit(&db);
}

#[test]
fn a_deferred_key_is_checked_when_all_that_could_free_it_has_ended() {
    let db = || {
        let db = Database::new();
        let seat = nuages_engine::catalog::NewIndex::unique("seat_number", ["number"]).deferred(true);
        let number = NewColumn::new("number", nuages_storage::DataType::BigInt);
        let seat = NewTable::new("seat").column(key("id")).column(number).primary_key(["id"]).unique(seat);
        db.create_table(seat).unwrap();
        sql(&db, "insert into seat values (1, 1), (2, 2)").unwrap();
        db
    };
    play(
        db,
        "T1: update seat set number = 2 where id = 1 | 1
         T2: delete from seat where id = 2           | waits
         T1: commit                                  | unique
         T2:                                         | 1
         T2: commit                                  | ok
         db: select * from seat                      | (1, 1)",
    );
    play(
        db,
        "T1: update seat set number = 2 where id = 1 | 1
         T1: update seat set number = 1 where id = 2 | 1
         T2: update seat set number = 3 where id = 2 | waits
         T1: commit                                  | ok
         T2:                                         | 1 | not serializable | not serializable
         T2: commit                                  | ok
         db: select * from seat                      | (1, 2) (2, 3) | (1, 2) (2, 1) | (1, 2) (2, 1)",
    );
}
