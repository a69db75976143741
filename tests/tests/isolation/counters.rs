//! Threads that count: whatever is added is in the sum, and what is moved stays.

use nuages_engine::catalog::{NewIndex, NewTable};
use nuages_engine::{Database, Isolation, Session};

use super::crowd::{audit, crowd, retrying, rounds};
use super::play::LEVELS;
use super::schema::{int, key};
use super::sql::{ints, sql};

/// Accounts from 1 on, with 100 each, found by their owner too.
fn accounts(count: u64) -> Database {
    let db = Database::new();
    let account = NewTable::new("account").column(key("id")).column(int("balance")).column(int("owner"));
    let by_balance = NewIndex::new("account_balance", ["balance"]);
    let by_owner = NewIndex::new("account_owner", ["owner"]);
    db.create_table(account.primary_key(["id"]).index(by_balance).index(by_owner)).unwrap();
    for id in 1..=count {
        sql(&db, &format!("insert into account values ({id}, 100, {id})")).unwrap();
    }
    db
}

fn total(session: &dyn Session) -> i64 {
    ints(session, "select * from account", 1).unwrap().iter().sum()
}

#[test]
fn every_increment_of_one_row_counts() {
    for threads in [2, 8] {
        let db = accounts(1);
        let each = rounds(600 / threads);
        crowd(threads, each, |chance| {
            let add = "update account set balance = balance + 1 where id = 1";
            match chance.below(2) {
                0 => sql(&db, add).map(|_| ()).unwrap(),
                _ => retrying(&db, chance.level(), |tx| sql(tx, add)).map(|_| ()).unwrap(),
            }
        });
        assert_eq!(total(&db), 100 + (threads * each) as i64);
        audit(&db);
    }
}

#[test]
fn every_increment_of_a_transaction_that_makes_several_counts() {
    for level in LEVELS {
        let db = accounts(4);
        let (threads, each) = (4, rounds(100));
        crowd(threads, each, |chance| {
            let mut ids = [1 + chance.below(4), 1 + chance.below(4), 1 + chance.below(4)];
            ids.sort_unstable();
            retrying(&db, level, |tx| {
                ids.iter().try_for_each(|id| {
                    sql(tx, &format!("update account set balance = balance + 1 where id = {id}")).map(drop)
                })
            })
            .unwrap();
        });
        assert_eq!(total(&db), 400 + (3 * threads * each) as i64, "at {level:?}");
        audit(&db);
    }
}

#[test]
fn what_is_read_for_update_is_still_so_when_it_is_written() {
    for level in LEVELS {
        let db = accounts(2);
        let (threads, each) = (4, rounds(60));
        crowd(threads, each, |chance| {
            let id = 1 + chance.below(2);
            retrying(&db, level, |tx| {
                let balance = ints(tx, &format!("select * from account where id = {id} for update"), 1)?[0];
                sql(tx, &format!("update account set balance = {} where id = {id}", balance + 1))
            })
            .unwrap();
        });
        assert_eq!(total(&db), 200 + (threads * each) as i64, "at {level:?}");
        audit(&db);
    }
}

#[test]
fn what_is_read_in_a_snapshot_and_written_is_not_lost() {
    for level in [Isolation::Snapshot, Isolation::Serializable] {
        let db = accounts(2);
        let (threads, each) = (4, rounds(60));
        crowd(threads, each, |chance| {
            let id = 1 + chance.below(2);
            retrying(&db, level, |tx| {
                let balance = ints(tx, &format!("select * from account where owner = {id}"), 1)?[0];
                sql(tx, &format!("update account set balance = {} where id = {id}", balance + 1))
            })
            .unwrap();
        });
        assert_eq!(total(&db), 200 + (threads * each) as i64, "at {level:?}");
        audit(&db);
    }
}

#[test]
fn transfers_leave_the_sum_as_it_is_and_nobody_sees_another() {
    for level in LEVELS {
        let db = accounts(6);
        crowd(4, rounds(80), |chance| {
            if chance.below(4) == 0 {
                assert_eq!(total(&db), 600);
                let tx = db.begin_with(Isolation::Snapshot);
                assert_eq!((total(&tx), total(&tx)), (600, 600));
            }
            let (from, to, amount) = (1 + chance.below(6), 1 + chance.below(6), chance.below(30));
            retrying(&db, level, |tx| {
                sql(tx, &format!("update account set balance = balance - {amount} where owner = {from}"))?;
                sql(tx, &format!("update account set balance = balance + {amount} where id = {to}"))
            })
            .unwrap();
        });
        assert_eq!(total(&db), 600, "at {level:?}");
        audit(&db);
    }
}

#[test]
fn a_statement_on_all_rows_and_those_on_one_add_up() {
    let db = accounts(150);
    let (threads, each) = (4, rounds(30));
    crowd(threads, each, |chance| {
        let level = chance.level();
        sql(&db, "update account set balance = balance + 1").unwrap();
        retrying(&db, level, |tx| sql(tx, "update account set balance = balance + 1")).unwrap();
        for _ in 0..150 {
            let id = 1 + chance.below(150);
            sql(&db, &format!("update account set balance = balance + 1 where id = {id}")).unwrap();
        }
    });
    assert_eq!(total(&db), 15_000 + (threads * each * 3 * 150) as i64);
    audit(&db);
}

#[test]
fn if_one_must_stay_of_each_pair_serializable_transactions_leave_one() {
    let db = accounts(2);
    crowd(4, rounds(100), |chance| {
        let (mine, other) = if chance.below(2) == 0 { (1, 2) } else { (2, 1) };
        retrying(&db, Isolation::Serializable, |tx| {
            if ints(tx, &format!("select * from account where id = {mine}"), 1)? == [0] {
                return sql(tx, &format!("update account set balance = 100 where id = {mine}")).map(drop);
            }
            if ints(tx, &format!("select * from account where id = {other}"), 1)? == [100] {
                sql(tx, &format!("update account set balance = 0 where id = {mine}"))?;
            }
            Ok(())
        })
        .unwrap();
        assert!(total(&db) >= 100);
    });
    audit(&db);
}
