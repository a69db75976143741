//! Transactions, on one thread and on two.
//!
//! All of it is done by a [`Worker`], which is the contestant as its threads share it. SQLite is shared as programs
//! do that share one database in memory: its connection is behind a mutex, which a thread holds for a transaction.
//!
//! What is moved between rows leaves their sum as it was, so whatever order threads come in, contestants that lost
//! nothing end with equal tables.
//!
//! `workers` has each contestant's way of doing it.

mod workers;

use std::hint::spin_loop;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Tables, Workload, repeats};
use crate::data::{Input, Item};
use crate::harness::{Result, Sample, timed};

const TRANSFERS: usize = 5_000;
const INCREMENTS: usize = 5_000;
const READS: usize = 10_000;
/// Transfers that are made while others read.
const MEANWHILE: usize = 1_000;
const SNAPSHOTS: usize = 1_000;
/// Gets whose time is compared alone and beside a writer.
const GETS: usize = 50_000;
/// How often a writer commits that keeps a pace.
const PACE: Duration = Duration::from_micros(20);
/// Updates while a snapshot is held.
const UPDATES: usize = 20_000;

/// Moves 1 from the `a` of an item to that of another, with a greater key: so nobody waits for each other.
#[derive(Clone, Copy)]
pub(crate) struct Transfer {
    from: i64,
    to: i64,
}

/// What several threads may ask of a contestant at once. Checksums leave out `a`, which others change.
pub(crate) trait Worker: Sync {
    /// In one transaction, reads both items by key, then updates both by key.
    fn transfer(&self, transfer: Transfer) -> Result<u64>;

    /// In one transaction, reads an item, keeping others from changing it, and writes its `a` plus 1.
    fn increment_read(&self, key: i64) -> Result<u64>;

    /// Adds 1 to an item's `a`, in one statement.
    fn increment(&self, key: i64) -> Result<u64>;

    /// Takes 1 from an item's `a`, in one statement.
    fn decrement(&self, key: i64) -> Result<u64>;

    /// Reads an item by its key.
    fn get(&self, key: i64) -> Result<u64>;

    /// The sum of `a`.
    fn sum(&self) -> Result<u64>;
}

/// Transactions of one thread or more.
pub(crate) trait Concurrency {
    /// The contestant as threads share it.
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>>;

    /// Makes the transfers on one thread, which shares with nobody.
    fn transfer(&mut self, transfers: &[Transfer]) -> Result<Sample> {
        let worker = self.worker()?;
        timed(|| added_up(transfers, |transfer| worker.transfer(transfer)))
    }

    /// Adds 1 to `a` of the item with each of these keys, each its own commit, and before each takes a snapshot, which
    /// it holds until the next. Who has no snapshots of a database in memory updates without them.
    fn update_with_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = self.worker()?;
        timed(|| added_up(keys, |key| worker.increment(key)))
    }

    /// Adds 1 to `a` of the item with each of these keys, each its own commit, while a snapshot from before is held.
    /// Who has no snapshots of a database in memory updates without it.
    fn update_beside_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = self.worker()?;
        timed(|| added_up(keys, |key| worker.increment(key)))
    }
}

pub(super) const WORKLOADS: [Workload; 13] = [
    Workload {
        name: "transfer between two rows, 1 thread",
        unit: "transaction",
        tables: Tables::Items,
        units: |_| TRANSFERS,
        run: |contestant, input, round| contestant.transfer(&transfers(input, TRANSFERS, round)),
    },
    Workload {
        name: "transfer between two rows, 2 threads",
        unit: "transaction",
        tables: Tables::Items,
        units: |_| TRANSFERS,
        run: |contestant, input, round| {
            let transfers = transfers(input, TRANSFERS, round);
            let (worker, (first, second)) = (contestant.worker()?, transfers.split_at(TRANSFERS / 2));
            let part = |part: &[Transfer]| added_up(part, |transfer| worker.transfer(transfer));
            timed(|| at_once(|| part(first), || part(second)))
        },
    },
    Workload {
        name: "counter, locked and written, 2 threads",
        unit: "transaction",
        tables: Tables::Items,
        units: |_| INCREMENTS,
        run: |contestant, input, round| {
            let (worker, counter) = (contestant.worker()?, counter(input, round));
            let part = || added_up(&[counter; INCREMENTS / 2], |key| worker.increment_read(key));
            timed(|| at_once(part, part))
        },
    },
    Workload {
        name: "counter, one update, 2 threads",
        unit: "update",
        tables: Tables::Items,
        units: |_| INCREMENTS,
        run: |contestant, input, round| {
            let (worker, counter) = (contestant.worker()?, counter(input, round));
            let part = || added_up(&[counter; INCREMENTS / 2], |key| worker.increment(key));
            timed(|| at_once(part, part))
        },
    },
    Workload {
        name: "10,000 gets beside 1,000 transfers",
        unit: "get",
        tables: Tables::Items,
        units: |_| READS,
        run: |contestant, input, round| {
            let keys = input.draw(READS, round).map(|item| item.id).collect::<Vec<_>>();
            let (worker, transfers) = (contestant.worker()?, transfers(input, MEANWHILE, round));
            let write = || added_up(&transfers, |transfer| worker.transfer(transfer));
            timed(|| at_once(|| added_up(&keys, |key| worker.get(key)), write))
        },
    },
    Workload {
        name: "sum beside 1,000 transfers",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, round| {
            let (worker, transfers) = (contestant.worker()?, transfers(input, MEANWHILE, round));
            let write = || added_up(&transfers, |transfer| worker.transfer(transfer));
            let sums = vec![(); repeats(input)];
            timed(|| at_once(|| added_up(&sums, |()| worker.sum()), write))
        },
    },
    Workload {
        name: "update by key, each after a snapshot",
        unit: "update",
        tables: Tables::Items,
        units: |_| SNAPSHOTS,
        run: |contestant, input, round| {
            let keys = input.draw(SNAPSHOTS, round).map(|item| item.id).collect::<Vec<_>>();
            contestant.update_with_snapshot(&keys)
        },
    },
    Workload {
        name: "update by key, one snapshot held",
        unit: "update",
        tables: Tables::Items,
        units: |_| UPDATES,
        run: |contestant, input, round| {
            let keys = input.draw(UPDATES, round).map(|item| item.id).collect::<Vec<_>>();
            contestant.update_beside_snapshot(&keys)
        },
    },
    Workload {
        name: "50,000 gets, nobody writes",
        unit: "get",
        tables: Tables::Items,
        units: |_| GETS,
        run: |contestant, input, round| gets(&*contestant.worker()?, input, round, Beside::Nobody),
    },
    Workload {
        name: "50,000 gets beside 50,000 commits a second",
        unit: "get",
        tables: Tables::Items,
        units: |_| GETS,
        run: |contestant, input, round| gets(&*contestant.worker()?, input, round, Beside::Paced),
    },
    Workload {
        name: "sum, nobody writes",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, round| sums(&*contestant.worker()?, input, round, Beside::Nobody),
    },
    Workload {
        name: "sum beside 50,000 commits a second",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, round| sums(&*contestant.worker()?, input, round, Beside::Paced),
    },
    Workload {
        name: "sum beside commits without a pause",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, round| sums(&*contestant.worker()?, input, round, Beside::Hasty),
    },
];

/// Who writes on another thread while something is read.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    /// Nobody.
    Nobody,
    /// Who commits every [`PACE`].
    Paced,
    /// Who commits as often as it can.
    Hasty,
}

fn gets(worker: &dyn Worker, input: &Input, round: usize, beside: Beside) -> Result<Sample> {
    let keys = input.draw(GETS, round).map(|item| item.id).collect::<Vec<_>>();
    read_beside(worker, input, round, beside, || added_up(&keys, |key| worker.get(key)))
}

fn sums(worker: &dyn Worker, input: &Input, round: usize, beside: Beside) -> Result<Sample> {
    // What is added and taken away again may be seen in between.
    let sum = |()| worker.sum().map(|_| 0);
    read_beside(worker, input, round, beside, || added_up(&vec![(); repeats(input)], sum))
}

/// Times what is read on this thread while another writes.
fn read_beside(
    worker: &dyn Worker,
    input: &Input,
    round: usize,
    beside: Beside,
    read: impl FnOnce() -> Result<u64>,
) -> Result<Sample> {
    if beside == Beside::Nobody {
        return timed(read);
    }
    let keys = input.draw(MEANWHILE, round + 1).map(|item| item.id).collect::<Vec<_>>();
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        let write = || write_until(&is_over, beside, worker, &keys).map_err(|error| error.to_string());
        let writer = threads.spawn(write);
        let sample = {
            let _over = Over(&is_over);
            timed(read)
        };
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        sample
    })
}

/// Ends who writes beside, whatever comes of the reading.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Adds 1 to items and takes it away again, each its own commit, so that the tables end as they were. Who is late for
/// the pace makes up for it.
fn write_until(is_over: &AtomicBool, beside: Beside, worker: &dyn Worker, keys: &[i64]) -> Result<()> {
    let mut due = Instant::now();
    let mut wait = || {
        due += PACE;
        while beside == Beside::Paced && Instant::now() < due {
            spin_loop();
        }
    };
    for &key in keys.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        worker.increment(key)?;
        wait();
        worker.decrement(key)?;
        wait();
    }
    Ok(())
}

pub(super) fn transfers(input: &Input, count: usize, round: usize) -> Vec<Transfer> {
    let mut ids = input.draw(usize::MAX, round).map(|item| item.id);
    let pairs = std::iter::from_fn(|| Some((ids.next()?, ids.next()?)));
    let ordered = pairs.filter(|(one, other)| one != other);
    ordered.map(|(one, other)| Transfer { from: one.min(other), to: one.max(other) }).take(count).collect()
}

/// The key of the item that everybody counts in.
fn counter(input: &Input, round: usize) -> i64 {
    input.draw(1, round).map(|item| item.id).sum()
}

/// The sum of the checksums of what `work` does for each of `questions`.
pub(super) fn added_up<Q: Copy>(questions: &[Q], mut work: impl FnMut(Q) -> Result<u64>) -> Result<u64> {
    questions.iter().try_fold(0_u64, |sum, &question| Ok(sum.wrapping_add(work(question)?)))
}

/// Does both at once, and adds up what they return when both are done.
fn at_once(here: impl FnOnce() -> Result<u64>, there: impl FnOnce() -> Result<u64> + Send) -> Result<u64> {
    thread::scope(|threads| {
        let there = threads.spawn(|| there().map_err(|error| error.to_string()));
        let here = here()?;
        let there = there.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(here.wrapping_add(there))
    })
}

/// A checksum without `a`, which is part of it as a summand.
fn still(checksum: u64, a: i64) -> u64 {
    checksum.wrapping_sub(a as u64)
}

fn still_item(item: &Item) -> u64 {
    still(item.checksum(), item.a)
}
