//! Isolation, retries and hooks of transactions.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::prelude::*;

#[derive(Model, Clone, Debug)]
struct Account {
    id: Auto<i64>,
    balance: i64,
}

fn accounts() -> Db {
    let db = App::new().models((Account::app(),)).open_memory().unwrap();
    for _ in 0..2 {
        Account::objects().create(new!(Account { balance: 50 }), &db).unwrap();
    }
    db
}

fn balance(id: i64, ex: &dyn Executor) -> i64 {
    Account::objects().get(Account::id.eq(id), ex).unwrap().balance
}

fn withdraw(id: i64, amount: i64, ex: &dyn Executor) -> Result<()> {
    let mut account = Account::objects().get(Account::id.eq(id), ex)?;
    account.balance -= amount;
    account.save(ex)
}

#[test]
fn what_is_read_and_written_back_is_lost_to_no_one_where_rows_must_be_as_seen() {
    for isolation in [Isolation::Snapshot, Isolation::Serializable] {
        let db = accounts().with_isolation(isolation);
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    for _ in 0..30 {
                        let retry = Retry { attempts_max: 1_000, ..Retry::default() };
                        db.atomic_retrying(retry, |tx| withdraw(1, 1, tx)).unwrap();
                    }
                });
            }
        });
        assert_eq!(balance(1, &db), 50 - 90);
    }
}

#[test]
fn a_retry_ends_and_other_errors_are_not_retried() {
    let db = accounts().with_isolation(Isolation::Snapshot);
    let attempts = AtomicU32::new(0);
    let beaten = db.atomic_retrying(Retry { attempts_max: 3, ..Retry::default() }, |tx| {
        attempts.fetch_add(1, Relaxed);
        let seen = balance(1, tx);
        withdraw(1, 1, &db)?; // somebody else is always quicker
        Account::objects().filter(Account::id.eq(1)).update(Account::balance.set(seen), tx)
    });
    assert!(matches!(beaten, Err(Error::SerializationFailure { row: Some(1), .. })), "{beaten:?}");
    assert_eq!((attempts.swap(0, Relaxed), balance(1, &db)), (3, 47));

    let absent = db.atomic_retrying(Retry::default(), |tx| {
        attempts.fetch_add(1, Relaxed);
        Account::objects().get(Account::id.eq(9), tx)
    });
    assert!(matches!(absent, Err(Error::DoesNotExist { .. })));
    assert_eq!(attempts.load(Relaxed), 1);
}

#[test]
fn write_skew_is_refused_where_it_should_be() {
    let skew = |isolation| {
        let db = accounts().with_isolation(isolation);
        db.atomic(|first| {
            let both = |ex: &dyn Executor| balance(1, ex) + balance(2, ex);
            assert_eq!(both(first), 100);
            db.atomic(|second| {
                assert_eq!(both(second), 100);
                withdraw(2, 100, second)
            })?;
            withdraw(1, 100, first)
        })
    };
    assert_eq!(skew(Isolation::Snapshot), Ok(()));
    assert!(matches!(skew(Isolation::Serializable), Err(Error::SerializationFailure { .. })));
}

#[test]
fn a_lock_is_waited_for_no_longer_than_is_said() {
    let db = accounts();
    db.atomic(|tx| {
        withdraw(1, 1, tx)?;
        std::thread::scope(|threads| {
            let hasty = db.with_lock_timeout(std::time::Duration::from_millis(5));
            threads.spawn(move || {
                let refused = hasty.atomic(|other| withdraw(1, 1, other));
                assert!(matches!(refused, Err(Error::Locked(_))), "{refused:?}");
                let refused = withdraw(1, 1, &hasty);
                assert!(matches!(refused, Err(Error::Locked(_))), "outside of a transaction: {refused:?}");
            });
        });
        Ok(())
    })
    .unwrap();
    assert_eq!(balance(1, &db), 49);
}

#[test]
fn a_write_that_was_cancelled_spoils_its_block() {
    let db = accounts();
    let cancel = Cancel::new();
    let result = db.with_cancel(&cancel).atomic(|tx| {
        withdraw(1, 1, tx)?;
        cancel.cancel();
        assert_eq!(withdraw(1, 1, tx), Err(Error::Cancelled));
        assert_eq!(withdraw(1, 1, tx), Err(Error::Doomed));
        Ok(())
    });
    assert_eq!(result, Err(Error::Doomed));
    assert_eq!(balance(1, &db), 50);
}

#[test]
fn a_robust_hook_that_fails_keeps_its_error_from_others() {
    let db = accounts();
    let (failed, ran) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (failures, runs) = (failed.clone(), ran.clone());
    db.atomic(|tx| {
        tx.on_commit_robust(
            || Err(Error::custom("no mail today")),
            move |error| {
                assert_eq!(error.to_string(), "no mail today");
                failures.fetch_add(1, Relaxed);
            },
        )?;
        tx.on_commit(move || {
            runs.fetch_add(1, Relaxed);
        })
    })
    .unwrap();
    assert_eq!((failed.load(Relaxed), ran.load(Relaxed)), (1, 1));
}
