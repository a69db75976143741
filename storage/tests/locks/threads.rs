//! Real threads on few rows. That nobody is ever in where he should not be is checked by what the locks protect.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nuages_storage::RowId;
use nuages_storage::lock::Strength::{KeyShare, NoKeyUpdate, Share, Update};
use nuages_storage::lock::{How, LockError, Locks, Outcome, Owner, RowBlock, Strength};

use crate::{TABLE, row};

const ROWS: usize = 6;

/// A generator of numbers that need not be good (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// Who is inside each row: the number of those who share it, or -1 for one who writes.
#[derive(Default)]
struct Inside([AtomicI64; ROWS]);

impl Inside {
    fn enter(&self, row: usize, strength: Strength) {
        if strength >= NoKeyUpdate {
            assert_eq!(self.0[row].swap(-1, Ordering::SeqCst), 0, "a writer came in where somebody was");
        } else {
            assert!(self.0[row].fetch_add(1, Ordering::SeqCst) >= 0, "a reader came in where a writer was");
        }
    }

    fn leave(&self, row: usize, strength: Strength) {
        let left = if strength >= NoKeyUpdate { 1 } else { -1 };
        self.0[row].fetch_add(left, Ordering::SeqCst);
    }
}

fn lock(
    owner: &mut Owner,
    number: usize,
    strength: Strength,
    patience: Option<Duration>,
) -> Result<(), LockError> {
    match owner.request(row(number as i64 * 20), strength, How::Wait)? {
        Outcome::Granted => Ok(()),
        Outcome::Wait(ticket) => ticket.wait(patience.map(|patience| Instant::now() + patience)),
    }
}

#[test]
fn threads_that_lock_in_any_order_exclude_each_other_and_all_get_done() {
    let (locks, inside, deadlocks) = (Locks::default(), Inside::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 1..=6 {
            let (locks, inside, deadlocks) = (&locks, &inside, &deadlocks);
            scope.spawn(move || {
                let mut numbers = Numbers(thread);
                for _ in 0..2_000 {
                    transaction(locks, inside, deadlocks, &mut numbers);
                }
            });
        }
    });
    assert_eq!(locks.lockers(), 0);
    assert!(deadlocks.load(Ordering::SeqCst) > 0, "nothing was tried that could go wrong");
    let mut last = locks.owner();
    let (block, _) = RowBlock::of(RowId::new(0));
    assert_eq!(last.take_free_rows(TABLE, block, u64::MAX, Update), u64::MAX);
}

/// Locks up to three rows, looks whether it is alone there, and lets go.
fn transaction(locks: &Locks, inside: &Inside, deadlocks: &AtomicU64, numbers: &mut Numbers) {
    let mut owner = locks.owner();
    let mut entered: Vec<(usize, Strength)> = Vec::new();
    for _ in 0..1 + numbers.below(3) {
        let number = numbers.below(ROWS as u64) as usize;
        let strength = [Share, NoKeyUpdate, Update][numbers.below(3) as usize];
        if entered.iter().any(|(other, _)| *other == number) {
            continue;
        }
        let patience = (numbers.below(4) == 0).then(|| Duration::from_micros(numbers.below(200)));
        match lock(&mut owner, number, strength, patience) {
            Ok(()) => {
                inside.enter(number, strength);
                entered.push((number, strength));
                if numbers.below(4) == 0 {
                    std::thread::yield_now();
                }
            }
            Err(LockError::Deadlock { cycle }) => {
                assert_eq!(cycle.last().map(|edge| edge.blocker), Some(owner.id()));
                deadlocks.fetch_add(1, Ordering::SeqCst);
                break;
            }
            Err(LockError::Timeout { .. }) => break,
            Err(other) => panic!("{other}"),
        }
    }
    for (number, strength) in entered {
        inside.leave(number, strength);
    }
    owner.release();
}

#[test]
fn no_increment_is_lost() {
    let (locks, counter) = (Locks::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let mut owner = locks.owner();
                    lock(&mut owner, 0, NoKeyUpdate, None).unwrap();
                    let read = counter.load(Ordering::Relaxed);
                    counter.store(read + 1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(counter.into_inner(), 20_000);
}

#[test]
fn upgrades_on_one_row_end_in_a_grant_or_a_deadlock() {
    let (locks, done) = (Locks::default(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    loop {
                        let mut owner = locks.owner();
                        let both = lock(&mut owner, 0, KeyShare, None).and_then(|()| {
                            std::thread::yield_now();
                            lock(&mut owner, 0, Update, None)
                        });
                        match both {
                            Ok(()) => break,
                            Err(LockError::Deadlock { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 4_000);
}
