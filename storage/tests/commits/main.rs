//! Transactions and publication under a scheduler that tries out interleavings.
//!
//! These are the sources of the crate itself, compiled over the primitives of `shuttle` in place of the real ones, as
//! in `tests/interleavings`: a scenario runs thousands of times on one thread, and at each use of a lock, a mutex or
//! the latch another of its threads may go on. What takes a crowd of threads luck to meet is met here each time.
//!
//! Stores in files lie on a disk in memory, on which also each write and each sync lets others go on: there the
//! schedules are those of group commit, of checkpoints, and of a disk that fails.
//!
//! The harness is a list, because under the usual one the crate's own unit tests would be compiled in.

#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the whole crate is compiled, and a part of it used"
)]
#[path = "../../src"]
mod source {
    pub(crate) mod cache;
    pub(crate) mod checkpoint;
    pub mod codec;
    pub(crate) mod commit;
    pub mod error;
    pub(crate) mod file;
    pub mod history;
    pub mod holders;
    pub mod index;
    pub(crate) mod isolation;
    pub mod key;
    pub(crate) mod keys;
    pub(crate) mod latch;
    pub mod layout;
    pub mod leaf;
    pub(crate) mod leftovers;
    pub mod lock;
    pub(crate) mod lock_list;
    pub(crate) mod log;
    pub mod long;
    pub(crate) mod numbered;
    pub mod patch;
    pub mod record;
    pub(crate) mod recovery;
    pub(crate) mod salvage;
    pub mod sequence;
    pub(crate) mod shared;
    pub mod statement;
    pub mod store;
    pub mod table;
    pub mod transaction;
    pub(crate) mod tree;
    pub mod value;
    pub mod version;
    pub(crate) mod view;
    pub mod write_set;
    pub mod writer;
}
#[path = "../interleavings/sync.rs"]
mod sync;

mod disk;

use std::sync::Arc;

use shuttle::thread;

#[expect(unused_imports, reason = "the sources name them by the crate")]
use source::{
    cache, checkpoint, codec,
    commit::{self, CommitId},
    error::{self, Error},
    file, history, holders,
    index::{self, Index, IndexChange, IndexId, IndexKeys},
    isolation::{self, Isolation},
    key, keys, latch,
    layout::{self, Layout, Slot},
    leaf::{self, Leaf, LeafBuilder, RowId, Rows, all_rows},
    leftovers::{self, Leftovers},
    lock::{self, How, Strength},
    lock_list, log, long, numbered,
    patch::{self, Patch},
    record, recovery, salvage, sequence, shared,
    statement::{self, Statement, Step},
    store::{self, Reach, Snapshot, Store},
    table::{self, LeafSlice, LeafView, Leaves, RowChange, RowRef, Table, TableId, Words},
    transaction::{self, RowClaim, Savepoint, Transaction},
    tree,
    value::{self, DataType, Lane, TypeError, Value},
    version::{self, Version},
    view,
    write_set::{self, Catalog, CatalogCodec, Operation, SchemaChange, WriteSet},
    writer::{self, Locking, Writer},
};

/// How many schedules of each scenario are tried.
const SCHEDULES: usize = 1_000;

const TABLE: TableId = TableId::new(0);

fn main() {
    let scenarios: [(&str, fn()); 11] = [
        ("each_statement_of_a_transaction_computes_from_the_newest_version", each_statement_is_of_the_newest),
        ("a_statement_alone_and_a_transaction_lose_nothing_of_each_other", alone_beside_a_transaction),
        ("statements_at_once_and_a_transaction_lose_nothing_of_each_other", at_once_beside_a_transaction),
        ("statements_of_one_row_lose_nothing_of_each_other", one_row_after_the_other),
        ("a_long_statement_and_a_transaction_lose_nothing_of_each_other", long_beside_a_transaction),
        ("a_snapshot_is_refused_what_others_have_changed", snapshots_are_refused),
        (
            "of_serializable_transactions_that_read_what_the_other_writes_one_is_refused",
            write_skew_is_refused,
        ),
        ("a_commit_is_seen_whole_and_never_vanishes", commits_are_seen_whole),
        ("what_a_reader_leaves_beside_commits_is_freed_by_somebody", leftovers_are_freed),
        ("what_is_seen_survives_a_power_cut_beside_a_checkpoint", disk::what_is_seen_is_durable),
        ("where_the_disk_fails_what_was_acknowledged_is_there_and_nothing_follows", disk::a_disk_fails),
    ];
    for (name, scenario) in scenarios {
        shuttle::check_random(scenario, SCHEDULES);
        shuttle::check_pct(scenario, SCHEDULES, 3);
        println!("scenario {name} ... ok");
    }
}

/// Rows 1 and 2, each 0.
fn counters() -> Store {
    with_counters(Store::new(Arc::new(())))
}

fn with_counters(store: Store) -> Store {
    let created: Result<(), Error> = store.write(Reach::Long, |writer| {
        let layout = Arc::new(Layout::new([Slot::new(Lane::RowId), Slot::new(Lane::Word)]));
        assert_eq!(writer.fresh_table_id(), TABLE);
        let table = Table::new(TABLE, Arc::clone(&layout));
        writer.push(Operation::Schema(SchemaChange::CreateTable(Arc::new(table))));
        let mut rows = LeafBuilder::new(layout);
        for row in [1, 2] {
            rows.set_int(1, 0);
            rows.finish_row(RowId::new(row));
        }
        writer.push(Operation::Insert { table: TABLE, rows: rows.finish(), changes: Vec::new() });
        Ok(())
    });
    created.expect("nobody is in the way");
    store
}

fn value(version: &Version, row: i64) -> i64 {
    let table = version.table(TABLE).expect("it was created");
    table.get(RowId::new(row)).expect("nobody deletes it").int(1)
}

/// Adds one to a row. Refused, as the engine does it, if the row is not as the transaction sees it.
fn increment(writer: &mut Writer<'_>, row: i64) -> Result<(), Refused> {
    writer.locking().row(TABLE, RowId::new(row), Strength::NoKeyUpdate);
    let now = value(writer.version(), row);
    if writer.is_behind() && value(writer.base(), row) != now {
        return Err(Refused);
    }
    let layout = Arc::clone(writer.version().table(TABLE).expect("it was created").layout());
    let mut rows = LeafBuilder::new(layout);
    rows.set_int(1, now + 1);
    rows.finish_row(RowId::new(row));
    writer.push(Operation::Update { table: TABLE, rows: rows.finish(), changes: Vec::new() });
    Ok(())
}

/// That a statement or a commit was refused.
#[derive(Debug)]
struct Refused;

impl From<Error> for Refused {
    fn from(_: Error) -> Refused {
        Refused
    }
}

fn each_statement_is_of_the_newest() {
    let store = counters();
    let threads: Vec<_> = [0, 1]
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || {
                let mut tx = store.begin(Isolation::ReadCommitted);
                tx.write(|writer| increment(writer, 1)).expect("they lock in one order");
                tx.write(|writer| increment(writer, 2)).expect("they lock in one order");
                tx.commit().expect("nothing is in the way");
                store.write(Reach::Short, |writer| increment(writer, 2)).expect("it waits for one row alone");
            })
        })
        .into();
    threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((2, 4)));
}

fn alone_beside_a_transaction() {
    beside_a_transaction(|| Reach::Short);
}

fn at_once_beside_a_transaction() {
    let store = counters();
    let transaction = {
        let store = store.clone();
        thread::spawn(move || {
            let mut tx = store.begin(Isolation::ReadCommitted);
            tx.write(|writer| increment(writer, 2)).expect("they lock in one order");
            tx.write(|writer| increment(writer, 1)).expect("they wait for one row each");
            tx.commit().expect("nothing is in the way");
        })
    };
    let statements = [1, 2].map(|row| {
        let store = store.clone();
        thread::spawn(move || {
            let held = (row == 1).then(|| store.snapshot().expect("nothing panicked"));
            let at_once = store.write_at_once(|at_once| incremented(at_once.version(), row));
            match at_once {
                Some(done) => done.expect("nothing is refused"),
                None => store
                    .write(Reach::Short, |writer| increment(writer, row))
                    .expect("it waits for one row alone"),
            }
            let unchanged =
                held.is_none_or(|held| value(&held, row) < value(&store.snapshot().expect("as before"), row));
            assert!(unchanged, "a held version changed");
        })
    });
    transaction.join().expect("it did not panic");
    statements.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((2, 2)));
}

/// One more in a row, as an operation.
fn incremented(version: &Version, row: i64) -> Result<Option<((), Operation)>, Refused> {
    let mut patch = Patch::new([1]);
    patch.push(RowId::new(row), [Some((value(version, row) + 1).cast_unsigned())]);
    Ok(Some(((), Operation::Assign { table: TABLE, patch })))
}

fn one_row_after_the_other() {
    let store = counters();
    let transactions = [0, 1].map(|_| {
        let store = store.clone();
        thread::spawn(move || {
            let mut tx = store.begin(Isolation::ReadCommitted);
            [1, 2].into_iter().for_each(|row| increment_row(&mut tx, row));
            tx.commit().expect("nothing is in the way");
        })
    });
    for row in [2, 1] {
        if store.write_at_once(|at_once| incremented(at_once.version(), row)).is_none() {
            store.write(Reach::Short, |writer| increment(writer, row)).expect("it waits for one row alone");
        }
    }
    transactions.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((3, 3)));
}

/// Adds one to a row by a statement that knows it beforehand.
fn increment_row(tx: &mut Transaction, row: i64) {
    let claim =
        RowClaim { table: TABLE, row: RowId::new(row), strength: Strength::NoKeyUpdate, how: How::Wait };
    loop {
        let step = tx.write_row(|version, operation| {
            *operation = incremented(version, row)?.map(|((), operation)| operation);
            Ok::<_, Refused>(operation.is_some().then_some(claim))
        });
        match step.expect("they lock in one order").expect("it is of that form") {
            Step::Done(()) => return,
            Step::Wait(ticket) => ticket.wait(None).expect("who holds it goes on"),
        }
    }
}

fn long_beside_a_transaction() {
    beside_a_transaction(|| Reach::Long);
}

fn beside_a_transaction(reach: fn() -> Reach<'static>) {
    let store = counters();
    let transaction = {
        let store = store.clone();
        thread::spawn(move || {
            let mut tx = store.begin(Isolation::ReadCommitted);
            tx.write(|writer| increment(writer, 2)).expect("they lock in one order");
            tx.write(|writer| increment(writer, 1)).expect("they wait for one row each");
            tx.commit().expect("nothing is in the way");
        })
    };
    let statements = {
        let store = store.clone();
        thread::spawn(move || {
            for row in [1, 1, 2] {
                store.write(reach(), |writer| increment(writer, row)).expect("it waits for one row alone");
            }
        })
    };
    transaction.join().expect("it did not panic");
    statements.join().expect("it did not panic");
    assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((3, 2)));
}

fn snapshots_are_refused() {
    let store = counters();
    let threads: Vec<_> = [0, 1]
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || {
                let mut tx = store.begin(Isolation::Snapshot);
                let written = tx.write(|writer| increment(writer, 1));
                let written = written.and_then(|()| tx.write(|writer| increment(writer, 2)));
                i64::from(written.is_ok() && tx.commit().is_ok())
            })
        })
        .into();
    let done: i64 = threads.into_iter().map(|thread| thread.join().expect("it did not panic")).sum();
    assert!(done >= 1, "the first is not refused");
    assert_eq!(store.read(|version| (value(version, 1), value(version, 2))), Ok((done, done)));
}

fn write_skew_is_refused() {
    let store = counters();
    let threads: Vec<_> = [(1, 2), (2, 1)]
        .map(|(mine, other)| {
            let store = store.clone();
            thread::spawn(move || {
                let mut tx = store.begin(Isolation::Serializable);
                if tx.read(|version| value(version, other)).expect("nobody panicked") == 0 {
                    tx.write(|writer| increment(writer, mine)).expect("nobody else writes it");
                }
                let unchanged = |before: &Version, after: &Version| {
                    if value(before, other) == value(after, other) { Ok(()) } else { Err(Refused) }
                };
                let _ = tx.commit_if(unchanged);
            })
        })
        .into();
    threads.into_iter().for_each(|thread| thread.join().expect("it did not panic"));
    assert_eq!(store.read(|version| value(version, 1) + value(version, 2)), Ok(1), "only one is zero");
}

fn commits_are_seen_whole() {
    let store = counters();
    let writers: Vec<_> = [Isolation::ReadCommitted, Isolation::Snapshot]
        .map(|isolation| {
            let store = store.clone();
            thread::spawn(move || {
                let mut tx = store.begin(isolation);
                let written = tx.write(|writer| increment(writer, 1).and_then(|()| increment(writer, 2)));
                assert!(written.is_ok() || isolation == Isolation::Snapshot, "only a snapshot is refused");
                tx.commit().expect("nothing is in the way");
            })
        })
        .into();
    let mut before = (CommitId::default(), 0);
    for is_held in [false, true, false, true] {
        let both = |version: &Version| (version.commit(), value(version, 1), value(version, 2));
        let seen = if is_held { store.snapshot().map(|held| both(&held)) } else { store.read(both) };
        let (commit, one, other) = seen.expect("no commit panicked");
        assert_eq!(one, other, "half of a commit");
        assert!(before <= (commit, one), "what was seen is gone");
        before = (commit, one);
    }
    writers.into_iter().for_each(|writer| writer.join().expect("it did not panic"));
}

/// One lets go of versions while another's last turns are not over, and nobody comes after those.
fn leftovers_are_freed() {
    const TURNS: usize = 20;
    let (mutex, leftovers) = (sync::Mutex::new(()), Arc::new(Leftovers::default()));
    let turn = |leftovers: &Arc<Leftovers<Arc<()>>>, mutex: &sync::Mutex<()>| {
        let turn = mutex.lock();
        leftovers.begin_turn();
        let frees = leftovers.end_turn();
        drop(turn);
        if frees {
            leftovers.free();
        }
    };
    let (_newest, left) = (leftovers.home(), Arc::new(()));
    let homes = [leftovers.home(), leftovers.home()];
    homes.iter().for_each(leftovers::Home::replace);
    (0..TURNS).for_each(|_| turn(&leftovers, &mutex));
    let reader = {
        let left = Arc::clone(&left);
        thread::spawn(move || homes.into_iter().for_each(|home| home.leave(Arc::clone(&left))))
    };
    (0..3).for_each(|_| turn(&leftovers, &mutex));
    reader.join().expect("it did not panic");
    assert_eq!(Arc::strong_count(&left), 1, "something waits for nobody");
}
