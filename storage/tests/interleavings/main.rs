//! The lock table under a scheduler that tries out interleavings.
//!
//! These are the sources of the crate itself, compiled over the primitives of `shuttle` in place of the real ones: a
//! test body runs thousands of times on one thread, and at each use of a primitive another of its threads may go on.
//! A thread that is never woken, or a cycle that nobody found, is a deadlock that `shuttle` reports.

#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the whole public face is compiled, and a part of it used"
)]
#[path = "../../src"]
mod source {
    pub mod lock;
}
mod sync;

use std::pin::Pin;
use std::task::{Context, Poll};

use nuages_storage::{IndexId, RowId, TableId};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use shuttle::thread;

use source::lock::Strength::{KeyShare, NoKeyUpdate, Share, Update};
use source::lock::{How, LockError, Locks, Name, Outcome, Owner, Strength, Ticket};

/// How many schedules of each test are tried.
const SCHEDULES: usize = 1_500;

/// Tries schedules at random, and such that switch a few times only, where the rare mistakes are.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || again(), SCHEDULES);
    shuttle::check_pct(move || test(), SCHEDULES, 3);
}

fn row(number: i64) -> Name {
    Name::Row(TableId::new(1), RowId::new(number))
}

/// Locks, waiting as long as it takes.
fn lock(owner: &mut Owner, number: i64, strength: Strength) -> Result<(), LockError> {
    match owner.request(row(number), strength, How::Wait)? {
        Outcome::Granted => Ok(()),
        Outcome::Wait(ticket) => ticket.wait(None),
    }
}

/// Asks for what somebody else holds.
fn queue(owner: &mut Owner, number: i64, strength: Strength) -> Ticket {
    match owner.request(row(number), strength, How::Wait) {
        Ok(Outcome::Wait(ticket)) => ticket,
        other => unreachable!("it is held, but: {other:?}"),
    }
}

#[test]
fn writers_of_one_row_exclude_each_other_and_none_is_forgotten() {
    explore(|| {
        let (locks, inside) = (Locks::default(), Arc::new(AtomicI64::new(0)));
        let threads: Vec<_> = [NoKeyUpdate, Update, Share]
            .into_iter()
            .map(|strength| {
                let (locks, inside) = (locks.clone(), Arc::clone(&inside));
                thread::spawn(move || {
                    let mut owner = locks.owner();
                    lock(&mut owner, 1, strength).unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "somebody else is in");
                    inside.fetch_sub(1, Ordering::SeqCst);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(locks.lockers(), 0);
    });
}

#[test]
fn of_three_in_a_circle_at_least_one_is_refused_and_the_others_get_done() {
    explore(|| {
        let (locks, done) = (Locks::default(), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = [(1, 2), (2, 3), (3, 1)]
            .into_iter()
            .map(|(first, second)| {
                let (locks, done) = (locks.clone(), Arc::clone(&done));
                thread::spawn(move || {
                    let mut owner = locks.owner();
                    lock(&mut owner, first, Update).unwrap();
                    match lock(&mut owner, second, Update) {
                        Ok(()) => drop(done.fetch_add(1, Ordering::SeqCst)),
                        Err(LockError::Deadlock { cycle }) => assert_eq!(cycle.len(), 3),
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(done.load(Ordering::SeqCst) >= 2, "more than one was refused for one cycle");
    });
}

#[test]
fn of_two_who_upgrade_one_is_refused() {
    explore(|| {
        let (locks, refused) = (Locks::default(), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (locks, refused) = (locks.clone(), Arc::clone(&refused));
                thread::spawn(move || {
                    let mut owner = locks.owner();
                    lock(&mut owner, 1, KeyShare).unwrap();
                    if let Err(error) = lock(&mut owner, 1, Update) {
                        assert!(matches!(error, LockError::Deadlock { .. }), "{error}");
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(refused.load(Ordering::SeqCst) <= 1);
    });
}

#[test]
fn who_takes_over_many_locks_gets_them_while_they_are_released_in_slices() {
    explore(|| {
        let locks = Locks::default();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let locks = locks.clone();
                thread::spawn(move || {
                    let mut owner = locks.owner();
                    for block in 0..5 {
                        lock(&mut owner, block * 64, Update).unwrap();
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(locks.lockers(), 0);
        let mut last = locks.owner();
        for block in 0..5 {
            assert!(matches!(last.request(row(block * 64), Update, How::NoWait), Ok(Outcome::Granted)));
        }
    });
}

#[test]
fn a_grant_that_races_with_giving_up_is_kept_or_never_happened() {
    explore(|| {
        let locks = Locks::default();
        let [mut holder, mut late, mut last] = std::array::from_fn(|_| locks.async_owner());
        lock(&mut holder, 1, Share).unwrap();
        let ticket = queue(&mut late, 1, Update);
        let behind = queue(&mut last, 1, Share);
        let releasing = thread::spawn(move || drop(holder));
        let giving_up = thread::spawn(move || {
            let outcome = ticket.give_up();
            let again = late.request(row(1), Update, How::NoWait);
            match outcome {
                Ok(()) => assert!(matches!(again, Ok(Outcome::Granted)), "it was granted, and is gone"),
                Err(LockError::Timeout { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        });
        behind.wait(None).unwrap();
        releasing.join().unwrap();
        giving_up.join().unwrap();
    });
}

#[test]
fn a_ticket_dropped_while_the_lock_is_granted_strands_nobody() {
    explore(|| {
        let locks = Locks::default();
        let [mut holder, mut late, mut last] = std::array::from_fn(|_| locks.async_owner());
        lock(&mut holder, 1, Update).unwrap();
        let ticket = queue(&mut late, 1, Update);
        let behind = queue(&mut last, 1, NoKeyUpdate);
        let releasing = thread::spawn(move || drop(holder));
        let dropping = thread::spawn(move || {
            drop(ticket);
            drop(late); // with what it may have been granted
        });
        behind.wait(None).unwrap();
        releasing.join().unwrap();
        dropping.join().unwrap();
    });
}

#[test]
fn a_task_is_woken_by_a_release_whenever_it_was_polled() {
    explore(|| {
        let locks = Locks::default();
        let (mut holder, mut late) = (locks.async_owner(), locks.async_owner());
        lock(&mut holder, 1, Update).unwrap();
        let ticket = queue(&mut late, 1, Update);
        let releasing = thread::spawn(move || drop(holder));
        shuttle::future::block_on(ticket).unwrap();
        releasing.join().unwrap();
    });
}

/// A task that moves polls its future with another waker than before.
#[test]
fn a_task_is_woken_by_the_waker_it_left_last() {
    struct PolledBefore(Ticket);

    impl Future for PolledBefore {
        type Output = Result<(), LockError>;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
            let early = Pin::new(&mut self.0).poll(&mut Context::from_waker(std::task::Waker::noop()));
            if early.is_ready() { early } else { Pin::new(&mut self.0).poll(context) }
        }
    }

    explore(|| {
        let locks = Locks::default();
        let (mut holder, mut late) = (locks.async_owner(), locks.async_owner());
        lock(&mut holder, 1, Update).unwrap();
        let ticket = PolledBefore(queue(&mut late, 1, Update));
        let releasing = thread::spawn(move || drop(holder));
        shuttle::future::block_on(ticket).unwrap();
        releasing.join().unwrap();
    });
}

/// The protocol at the head of the lock table: a statement without locks, and a transaction that takes its first.
#[test]
fn a_statement_without_locks_never_runs_beside_a_holder() {
    explore(|| {
        let (locks, commit) = (Locks::default(), Arc::new(shuttle::sync::Mutex::new(())));
        let counter = Arc::new(AtomicI64::new(0));
        let transaction = {
            let (locks, commit, counter) = (locks.clone(), Arc::clone(&commit), Arc::clone(&counter));
            thread::spawn(move || {
                let mut owner = locks.owner();
                if owner.announce() {
                    drop(commit.lock().unwrap());
                }
                lock(&mut owner, 1, Update).unwrap();
                let read = counter.load(Ordering::SeqCst);
                let _commit = commit.lock().unwrap();
                counter.store(read + 1, Ordering::SeqCst);
            })
        };
        let statement = {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                let inside = commit.lock().unwrap();
                if locks.lockers() == 0 {
                    counter.store(counter.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
                    return;
                }
                drop(inside);
                let mut owner = locks.owner();
                lock(&mut owner, 1, Update).unwrap();
                let read = counter.load(Ordering::SeqCst);
                let _commit = commit.lock().unwrap();
                counter.store(read + 1, Ordering::SeqCst);
            })
        };
        transaction.join().unwrap();
        statement.join().unwrap();
        assert_eq!(counter.load(Ordering::SeqCst), 2, "an update was lost");
    });
}
