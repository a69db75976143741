//! Verbs that await their locks, on a runtime of one thread.

use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use tokio::task::yield_now;

use crate::prelude::*;

#[derive(Model, Clone, Debug)]
struct Account {
    id: Auto<i64>,
    balance: i64,
}

fn accounts() -> Db {
    let db = App::new().models((Account::app(),)).open_memory().unwrap();
    Account::objects().bulk_create((0..2).map(|_| new!(Account { balance: 500 })), &db).unwrap();
    db
}

fn balances(db: &Db) -> Vec<i64> {
    Account::objects().order_by(Account::id.asc()).values_list(Account::balance).all(db).unwrap()
}

async fn transfer(from: i64, to: i64, db: &Db) -> Result<()> {
    db.aatomic(async |tx| {
        let mut payer = Account::objects().select_for_update().aget(Account::id.eq(from), tx).await?;
        yield_now().await; // the row is locked, and the other task comes
        payer.balance -= 1;
        payer.asave(tx).await?;
        let payee = Account::objects().filter(Account::id.eq(to));
        assert_eq!(payee.aupdate(Account::balance.set(Account::balance + 1), tx).await?, 1);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tasks_that_transfer_take_turns_while_another_goes_on() {
    let db = accounts();
    let (ticks, done) = (Cell::new(0), Cell::new(0));
    let worker = async || {
        for _ in 0..25 {
            transfer(1, 2, &db).await.unwrap();
        }
        done.set(done.get() + 1);
    };
    let ticker = async {
        while done.get() < 2 {
            ticks.set(ticks.get() + 1);
            yield_now().await;
        }
    };
    tokio::join!(worker(), worker(), ticker);
    assert_eq!(balances(&db), [450, 550]);
    assert!(ticks.get() >= 50, "{} ticks", ticks.get());
}

#[tokio::test]
async fn a_deadlock_of_tasks_has_a_victim_and_the_other_goes_on() {
    let db = accounts();
    let both = async || tokio::join!(transfer(1, 2, &db), transfer(2, 1, &db));
    let (left, right) = both().await;
    assert!(left.is_ok() != right.is_ok(), "{left:?} {right:?}");
    let refused = left.and(right).unwrap_err();
    assert!(matches!(refused, Error::Deadlock(_)) && refused.is_retryable(), "{refused}");
    assert_eq!(balances(&db).iter().sum::<i64>(), 1_000);
}

#[tokio::test]
async fn a_block_of_a_task_that_fails_leaves_nothing_and_nested_ones_fail_alone() {
    let db = accounts();
    let failed: Result<()> = db
        .aatomic(async |tx| {
            Account::objects().acreate(new!(Account { balance: 1 }), tx).await?;
            Err(Error::custom("no"))
        })
        .await;
    assert!(failed.is_err());
    db.aatomic(async |tx| {
        let mut created = Account::objects().acreate(new!(Account { balance: 7 }), tx).await?;
        let inner = tx.aatomic(async |inner| {
            created.adelete(inner).await?;
            Err::<(), _>(Error::custom("keep it"))
        });
        assert!(inner.await.is_err());
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(balances(&db), [500, 500, 7]);
}

#[tokio::test]
async fn prepared_and_bound_querysets_await_their_locks_too() {
    let db = accounts();
    let add = |more: Param<i64>| {
        Account::objects().filter(Account::id.eq(1)).updating(Account::balance.set(Account::balance + more))
    };
    let richer = |than: Param<i64>| Account::objects().filter(Account::balance.gt(than));
    let (add, richer) = (prepare(add, &db), prepare(richer, &db));
    let (add, richer) = (add.unwrap(), richer.unwrap());
    let holder = async {
        let hold = db.aatomic(async |tx| {
            Account::objects().select_for_update().aget(Account::id.eq(1), tx).await?;
            for _ in 0..10 {
                yield_now().await;
            }
            Ok(())
        });
        hold.await.unwrap();
    };
    let waiter = async {
        yield_now().await; // the row is locked
        assert_eq!(add.arun(5, &db).await, Ok(1));
        let mut first = Account::objects().filter(Account::id.eq(1)).on(&db);
        assert_eq!(first.aupdate(Account::balance.set(Account::balance + 1)).await, Ok(1));
    };
    tokio::join!(holder, waiter);
    assert_eq!(richer.acount(500, &db).await, Ok(1));
    assert_eq!(richer.aget(500, &db).await.map(|account| account.balance), Ok(506));
    assert_eq!(richer.aall(0, &db).await.map(|all| all.len()), Ok(2));
    assert!(richer.aexists(505, &db).await.unwrap() && richer.afirst(900, &db).await.unwrap().is_none());

    let all = Account::objects().order_by(Account::id).on(&db);
    assert_eq!((all.acount().await, all.aexists().await, all.is_read()), (Ok(2), Ok(true), false));
    let second = all.aget(1).await.unwrap().unwrap();
    let queries = db.queries();
    assert_eq!(all.arows().await.map(<[Account]>::len), Ok(2));
    assert_eq!(
        (all.alen().await, all.acount().await, all.acontains(&second).await),
        (Ok(2), Ok(2), Ok(true))
    );
    assert_eq!(all.arange(1..).await.unwrap()[0].balance, 500);
    assert_eq!(all.afirst().await.unwrap().map(|account| account.balance), Some(506));
    assert_eq!(queries.len(), 1, "the rows that were read answer");
    assert_eq!(all.alast().await.unwrap().map(|account| account.balance), Some(500));
    let mut poor = Account::objects().filter(Account::balance.lte(500)).on(&db);
    assert_eq!(poor.adelete().await.map(|deleted| deleted.total), Ok(1));
}

#[test]
fn what_a_task_awaits_may_be_sent_to_another_thread() {
    fn is_send(_: &(impl Future + Send)) {}
    let db = accounts();
    is_send(&transfer(1, 2, &db));
    let owned = async move { transfer(2, 1, &db).await };
    is_send(&owned);
}

#[test]
fn what_follows_from_a_commit_follows_also_if_its_task_is_dropped_while_it_waits_for_the_disk() {
    let path = std::env::temp_dir().join(format!("nuages-dropped-commit-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let db = App::new().models((Account::app(),)).open(&path).unwrap();
    let (sent, mut dropped, mut committed) = (Arc::new(AtomicUsize::new(0)), 0, 0);
    // Mostly the first that is polled once is not ready.
    while dropped == 0 && committed < 1_000 {
        let sent = Arc::clone(&sent);
        let mut task = pin!(db.aatomic(async |tx| {
            Account::objects().acreate(new!(Account { balance: 1 }), tx).await?;
            tx.on_commit(move || {
                sent.fetch_add(1, Ordering::Relaxed);
            })
        }));
        let poll = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        dropped += usize::from(poll.is_pending());
        committed += 1;
    }
    assert_eq!(dropped, 1);
    let begun = Instant::now();
    while sent.load(Ordering::Relaxed) < committed && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(sent.load(Ordering::Relaxed), committed);
    assert_eq!(Account::objects().count(&db), Ok(committed as u64));
    drop(db);
    let _ = std::fs::remove_dir_all(&path);
}

fn row(key: i64) -> QuerySet<Account> {
    Account::objects().filter(Account::id.eq(key))
}

/// Holds the first account while other tasks of the thread are polled some times.
async fn hold(db: &Db) -> Result<()> {
    db.aatomic(async |tx| {
        row(1).select_for_update().aall(tx).await?;
        for _ in 0..5 {
            yield_now().await;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_verb_that_had_to_wait_is_run_again_though_its_error_was_swallowed() {
    let db = accounts();
    let writes = async {
        yield_now().await;
        db.awaiting(|tx| {
            let _swallowed = tx.atomic(|inner| row(1).update(Account::balance.set(1), inner));
            row(2).update(Account::balance.set(2), tx)
        })
        .await
    };
    let (held, written) = tokio::join!(hold(&db), writes);
    assert_eq!((held, written), (Ok(()), Ok(1)));
    assert_eq!(balances(&db), [1, 2]);
}

#[tokio::test]
async fn a_verb_does_not_wait_for_a_lock_that_a_plain_one_was_refused() {
    let db = accounts();
    let writes = async {
        yield_now().await;
        db.aatomic(async |tx| {
            assert!(row(1).update(Account::balance.set(1), tx).is_err());
            let mut runs = Cell::new(0);
            tx.awaiting(|tx| {
                runs.set(runs.get() + 1);
                row(2).update(Account::balance.set(2), tx)
            })
            .await?;
            assert_eq!(*runs.get_mut(), 1);
            Ok(())
        })
        .await
    };
    let (held, written) = tokio::join!(hold(&db), writes);
    assert_eq!((held, written), (Ok(()), Ok(())));
    assert_eq!(balances(&db), [500, 2]);
}

#[tokio::test]
async fn a_verb_that_waits_in_vain_leaves_what_others_of_its_transaction_wrote() {
    let db = accounts();
    let (begun, done) = (Cell::new(false), Cell::new(false));
    let holder = db.aatomic(async |tx| {
        row(1).select_for_update().aall(tx).await?;
        begun.set(true);
        while !done.get() {
            yield_now().await;
        }
        Ok(())
    });
    let short = db.clone().with_lock_timeout(Duration::from_millis(20));
    let writes = async {
        while !begun.get() {
            yield_now().await;
        }
        let written = short
            .aatomic(async |tx| {
                let (first, second) = (row(1), row(2));
                let in_vain = first.aupdate(Account::balance.set(1), tx);
                let other = second.aupdate(Account::balance.set(2), tx);
                let (in_vain, other) = tokio::join!(in_vain, other);
                assert_eq!((in_vain.is_err(), other), (true, Ok(1)));
                Ok(())
            })
            .await;
        done.set(true);
        written
    };
    let (held, written) = tokio::join!(holder, writes);
    assert_eq!((held, written), (Ok(()), Ok(())));
    assert_eq!(balances(&db), [500, 2]);
}

#[tokio::test]
async fn two_blocks_of_one_transaction_do_not_take_turns() {
    let db = accounts();
    let outcome = db
        .aatomic(async |tx| {
            let one = tx.aatomic(async |inner| {
                row(1).aupdate(Account::balance.set(1), inner).await?;
                yield_now().await;
                yield_now().await;
                row(1).aupdate(Account::balance.set(Account::balance + 1), inner).await
            });
            let two = tx.aatomic(async |inner| {
                row(2).aupdate(Account::balance.set(2), inner).await?;
                yield_now().await;
                Err::<(), _>(Error::custom("two fails"))
            });
            let (one, two) = tokio::join!(one, two);
            assert_eq!(one, Ok(1));
            assert_eq!(two, Err(crate::error::Misuse::BlockInside.into()));
            row(2).aupdate(Account::balance.set(3), tx).await // the block that rested goes on
        })
        .await;
    assert_eq!(outcome, Ok(1));
    assert_eq!(balances(&db), [2, 3]);
}
