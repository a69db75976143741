//! One attempt of a statement that writes.
//!
//! A statement *finds* rows in [`Writer::base`], names what has to be [locked](Writer::locking), computes images, keys
//! and checks on [`Writer::version`], and [pushes](Writer::push) operations. Most statements have one round and never
//! see their own writes: for them nothing is copied, and the store applies their operations in place. A statement of
//! several rounds (a cascade) [advances](Writer::advance) between them, which makes the operations so far visible in a
//! private copy of what they touched.
//!
//! Where the transaction has written little, even its earlier writes are in no copy: a [row](Writer::base_row) that
//! they leave alone is read where the newest version has it, and the copy is made for whoever asks for more. New rows
//! are [tested](Writer::parts_for_new_rows) on the newest version and what the earlier ones have brought.
//!
//! An attempt may be made before the locks are held, and is then made [again](crate::statement) if anything may have
//! changed before they were. So it is a function of what it reads, and does nothing that cannot be undone.

use std::cell::OnceCell;

use crate::error::Error;
use crate::index::{IndexChange, IndexId};
use crate::keys::Counters;
use crate::leaf::RowId;
use crate::lock::{Owner, RowBlock, Strength};
use crate::lock_list::LockList;
use crate::sequence::Numbers;
use crate::store::Store;
use crate::table::{RowRef, TableId};
use crate::version::Version;
use crate::view::View;
use crate::write_set::{Catalog, Operation, WriteSet};

/// The versions an attempt reads, the write set it adds to, and the locks it asks for.
#[derive(Debug)]
pub struct Writer<'a> {
    ground: Ground<'a>,
    view: Option<View>,
    write_set: &'a mut WriteSet,
    /// Operations before this one were recorded by earlier statements.
    visible: usize,
    counters: &'a Counters,
    locking: Locking<'a>,
    /// Whether this is the only attempt there will be.
    is_only: bool,
}

/// What an attempt stands on: where it finds rows, and the newest version, both with the transaction's earlier writes.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    base: &'a Version,
    newest: &'a Version,
    /// Both of them, where `newest` lacks those writes. Made when it is asked for.
    overlaid: Option<OnceCell<View>>,
}

impl<'a> Ground<'a> {
    /// Two versions that have the transaction's earlier writes.
    pub(crate) fn of(base: &'a Version, newest: &'a Version) -> Ground<'a> {
        Ground { base, newest, overlaid: None }
    }

    /// The newest version, which lacks them. They change no schema.
    pub(crate) fn without_own_writes(newest: &'a Version) -> Ground<'a> {
        Ground { base: newest, newest, overlaid: Some(OnceCell::new()) }
    }

    /// One of the versions, with the writes.
    fn with<'s>(&'s self, version: &'s Version, write_set: &WriteSet, visible: usize) -> &'s Version {
        let Some(overlaid) = &self.overlaid else { return version };
        let view = overlaid.get_or_init(|| {
            let mut view = View::of(self.newest);
            view.catch_up_to(write_set, visible);
            view
        });
        view.version()
    }
}

/// How a statement is attempted.
#[derive(Debug)]
pub(crate) enum Attempts<'a> {
    /// Once, and nobody else can write before it is published.
    One,
    /// Without locks, and if that does not do once more.
    Unlocked,
    /// Until all locks are held that are asked for.
    Locked(Asking<'a>),
}

/// Takes down which locks an attempt asks for. Where nobody else can write before the statement is published, nothing
/// is.
#[derive(Debug)]
pub struct Locking<'a>(Option<Asking<'a>>);

/// Who asks for locks, and where.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) list: &'a mut LockList,
    pub(crate) owner: &'a mut Owner,
    pub(crate) store: &'a Store,
}

impl Locking<'_> {
    /// One that takes nothing down.
    #[must_use]
    pub fn off() -> Self {
        Locking(None)
    }

    /// Whether it takes anything down.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Asks for the lock of a row, whether it is there or not.
    pub fn row(&mut self, table: TableId, row: RowId, strength: Strength) {
        if let Some(locks) = &mut self.0 {
            locks.list.row(table, row, strength);
        }
    }

    /// Asks for the locks of rows.
    pub fn rows(&mut self, table: TableId, rows: impl IntoIterator<Item = RowId>, strength: Strength) {
        if let Some(locks) = &mut self.0 {
            rows.into_iter().for_each(|row| locks.list.row(table, row, strength));
        }
    }

    /// Asks for the lock of an entry of a unique index, whether it is there or not.
    pub fn key(&mut self, table: TableId, index: IndexId, key: &[u8], strength: Strength) {
        if let Some(locks) = &mut self.0 {
            locks.list.key(table, locks.store.locks().key(index, key), strength);
        }
    }

    /// Whether the transaction may have locked an entry of a unique index before the statement. If it has not, it has
    /// not brought it, either.
    pub fn may_hold_key(&self, index: IndexId, key: &[u8]) -> bool {
        self.0.as_ref().is_none_or(|locks| locks.owner.holds(locks.store.locks().key(index, key)))
    }

    /// Asks to share a table with others who write to it: nobody changes its schema until the transaction ends. The
    /// lock of a row or a key brings it along.
    fn share(&mut self, table: TableId) {
        if let Some(locks) = &mut self.0 {
            locks.list.table(table, Strength::SHARED);
        }
    }

    /// Asks to be alone with a table: nobody else writes to it until the transaction ends.
    pub fn table(&mut self, table: TableId) {
        if let Some(locks) = &mut self.0 {
            locks.list.table(table, Strength::EXCLUSIVE);
        }
    }

    /// Asks to be the only transaction that changes the schema.
    pub fn schema(&mut self) {
        if let Some(locks) = &mut self.0 {
            locks.list.schema(locks.store.locks());
        }
    }

    /// Asks that none of the locks be waited for: if one is not free, the statement fails.
    pub fn without_waiting(&mut self) {
        if let Some(locks) = &mut self.0 {
            locks.list.without_waiting();
        }
    }

    /// Locks a row at once if it is free; false if another transaction is in the way. Its table is asked for, too.
    pub fn try_row(&mut self, table: TableId, row: RowId, strength: Strength) -> bool {
        let Some(Asking { list, owner, store }) = &mut self.0 else { return true };
        if owner.announce() {
            store.wait_for_unlocked_writers();
        }
        let (block, bit) = RowBlock::of(row);
        let is_free = owner.take_free_rows(table, block, bit, strength) == bit;
        if is_free {
            list.row(table, row, strength);
        }
        is_free
    }
}

/// What a transaction has written before a statement, as far as it is in no version yet.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a>(&'a [Operation]);

impl Earlier<'_> {
    /// Whether any of the new rows has this key in an index. O(operations).
    pub fn bring_key(self, table: TableId, index: IndexId, key: &[u8]) -> bool {
        let has_key = |change: &IndexChange| change.index == index && change.added.has_key(key);
        self.0.iter().any(|operation| match operation {
            Operation::Insert { table: of, changes, .. } => *of == table && changes.iter().any(has_key),
            _ => false,
        })
    }
}

impl<'a> Writer<'a> {
    /// An attempt that adds to `write_set`, whose operations so far are the transaction's earlier writes.
    pub(crate) fn new(
        ground: Ground<'a>,
        write_set: &'a mut WriteSet,
        counters: &'a Counters,
        attempts: Attempts<'a>,
    ) -> Writer<'a> {
        let visible = write_set.len();
        let (is_only, locks) = match attempts {
            Attempts::One => (true, None),
            Attempts::Unlocked => (false, None),
            Attempts::Locked(asking) => (false, Some(asking)),
        };
        Writer { ground, view: None, write_set, visible, counters, locking: Locking(locks), is_only }
    }

    /// Where rows are found: what the transaction sees, with its earlier writes.
    pub fn base(&self) -> &Version {
        self.ground.with(self.ground.base, self.write_set, self.visible)
    }

    /// A row of the [`base`](Writer::base), which this spares making where it can. O(log n).
    pub fn base_row(&self, table: TableId, row: RowId) -> Option<RowRef<'_>> {
        let earlier = &self.write_set.operations()[..self.visible];
        let version = match &self.ground.overlaid {
            Some(overlaid)
                if overlaid.get().is_none()
                    && !earlier.iter().any(|operation| operation.concerns(table, row)) =>
            {
                self.ground.newest
            }
            _ => self.base(),
        };
        version.table(table)?.get(row)
    }

    /// What is written is computed from this, and integrity is checked on it: the newest version, with the
    /// transaction's earlier writes and the statement's own up to the last [`advance`](Writer::advance). Under
    /// [`ReadCommitted`](crate::Isolation::ReadCommitted) it is the [`base`](Writer::base), until it advances.
    pub fn version(&self) -> &Version {
        match &self.view {
            Some(view) => view.version(),
            None => self.ground.with(self.ground.newest, self.write_set, self.visible),
        }
    }

    /// The catalog of the newest version, which the attempt begins with. A transaction's own changes of it are in
    /// there.
    pub fn catalog(&self) -> &'a Catalog {
        self.ground.newest.catalog()
    }

    /// Whether others may have committed since what the transaction sees.
    pub fn is_behind(&self) -> bool {
        self.ground.base.commit() != self.ground.newest.commit()
    }

    /// Whether others have committed changes of a table since what the transaction sees.
    pub fn is_behind_in(&self, table: TableId) -> bool {
        self.ground.base.changed(table) != self.ground.newest.changed(table)
    }

    /// Records an operation. It is not yet visible in [`version`](Writer::version).
    ///
    /// One of rows asks to share their table, for also where it rests on no row and no key that others could have, it
    /// was made for the table as it is: its columns, its indexes, what it promises, and that it is there.
    pub fn push(&mut self, operation: Operation) {
        if let Some(table) = operation.table_of_rows() {
            self.locking.share(table);
        }
        self.write_set.push(operation);
    }

    /// Makes the operations recorded so far visible. Copies what they touch and anybody else holds; the first call also
    /// copies the version's few pointers.
    pub fn advance(&mut self) {
        let mut view = match self.view.take() {
            Some(view) => view,
            None => View::made(self.version().clone(), self.visible),
        };
        view.catch_up(self.write_set);
        self.view = Some(view);
    }

    /// Where the locks are asked for that keep what it writes true until it is published.
    pub fn locking(&mut self) -> &mut Locking<'a> {
        &mut self.locking
    }

    /// The [version](Writer::version), and where locks are asked for while it is read.
    pub fn parts(&mut self) -> (&Version, &mut Locking<'a>) {
        let Writer { ground, view, write_set, visible, locking, .. } = self;
        match view {
            Some(view) => (view.version(), locking),
            None => (ground.with(ground.newest, write_set, *visible), locking),
        }
    }

    /// Whether rows that come to a table under fresh row ids can be tested without a version that has the transaction's
    /// earlier writes: these have done no more to the table than bring rows, and nothing to `others`, in which rows are
    /// looked up.
    pub fn spares_new_rows(&self, table: TableId, others: impl IntoIterator<Item = TableId>) -> bool {
        let is_overlaid = self.ground.overlaid.as_ref().is_some_and(|overlaid| overlaid.get().is_none())
            && self.view.is_none();
        let is_changed = |other| self.write_set.tables().contains(&other);
        is_overlaid && !self.write_set.rewrites(table) && !others.into_iter().any(is_changed)
    }

    /// What these are tested on: the newest version without the earlier writes, what they have brought, and where locks
    /// are asked for.
    pub fn parts_for_new_rows(&mut self) -> (&Version, Earlier<'_>, &mut Locking<'a>) {
        let Writer { ground, write_set, visible, locking, .. } = self;
        (ground.newest, Earlier(&write_set.operations()[..*visible]), locking)
    }

    /// Whether this is the only attempt there will be, so that what it consumes will not be needed again.
    pub fn is_only_attempt(&self) -> bool {
        self.is_only
    }

    /// The first of `count` fresh row ids of a table. They are never handed out again, whatever becomes of the
    /// statement.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`] when the table has used every positive 64-bit integer.
    pub fn next_keys(&mut self, table: TableId, count: u64) -> Result<i64, Error> {
        self.counters.take(table, count)
    }

    /// The first of `count` row ids of a table beyond all that were handed out or used, and beyond `key`. They are not
    /// handed out by this, but used when they are [noted](Writer::note_key).
    ///
    /// # Errors
    /// [`Error::KeysExhausted`] if there are not as many.
    pub fn keys_beyond(&self, table: TableId, key: i64, count: u64) -> Result<i64, Error> {
        self.counters.beyond(table, key, count)
    }

    /// An explicit key was used: no automatic key up to it will be handed out.
    pub fn note_key(&mut self, table: TableId, key: i64) {
        self.counters.note(table, key);
    }

    /// The numbers that the store hands out beside its versions.
    pub fn numbers(&self) -> Numbers<'a> {
        Numbers::of(self.counters)
    }

    /// A table id that was never used in this store.
    pub fn fresh_table_id(&mut self) -> TableId {
        self.counters.fresh_table()
    }

    /// The same for a table that files are to know nothing of.
    pub fn fresh_temporary_table_id(&mut self) -> TableId {
        self.counters.fresh_temporary_table()
    }

    /// A number for an index or a constraint that was never used in this store.
    pub fn fresh_id(&mut self) -> u32 {
        self.counters.fresh_id()
    }

    /// The newest version with the transaction's writes, if that was made; it may still lack the statement's own.
    pub(crate) fn into_view(self) -> Option<View> {
        self.view.or_else(|| self.ground.overlaid?.into_inner())
    }
}
