//! `select_for_update`: what is read under it stays as it is until the block ends.

use crate::{
    prelude::*,
    queryset::state::{Lock, LockWait},
};

#[derive(Model, Clone, Debug)]
struct Counter {
    id: Auto<i64>,
    value: i64,
}

fn counter() -> Db {
    let db = App::new().models((Counter::app(),)).open_memory().unwrap();
    Counter::objects().create(new!(Counter { value: 0 }), &db).unwrap();
    db
}

/// Two threads, 200 increments each.
fn race(db: &Db, increment: impl Fn() -> Result<()> + Sync) -> i64 {
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| (0..200).for_each(|_| increment().unwrap()));
        }
    });
    Counter::objects().get(Counter::id.eq(1), db).unwrap().value
}

#[test]
fn no_increment_is_lost_under_a_lock() {
    let db = counter();
    let increment = || {
        db.atomic(|tx| {
            let mut counter = Counter::objects().select_for_update().get(Counter::id.eq(1), tx)?;
            counter.value += 1;
            counter.save(tx)
        })
    };
    assert_eq!(race(&db, increment), 400);
}

#[test]
fn update_or_create_loses_no_change() {
    let db = counter();
    let increment = || {
        let change = |counter: &mut Counter| counter.value += 1;
        let new = || new!(Counter { value: 0 });
        Counter::objects().update_or_create(Counter::id.eq(1), change, new, &db).map(drop)
    };
    assert_eq!(race(&db, increment), 400);
}

#[test]
fn a_lock_outside_of_a_block_or_that_does_not_wait_is_refused() {
    let db = counter();
    assert!(matches!(Counter::objects().select_for_update().all(&db), Err(Error::Misuse(_))));
    for wait in [LockWait::NoWait, LockWait::SkipLocked] {
        let lock = Lock { wait, ..Lock::default() };
        let rows = db.atomic(|tx| Counter::objects().select_for_update_with(lock.clone()).all(tx));
        assert!(matches!(rows, Err(Error::Misuse(_))));
    }
}
