//! Counters that never go back: automatic keys and the ids of schema objects. [Sequences](crate::sequence) are beside them.
//!
//! They live beside the versions, not in them, because a rollback must not return what was handed out. A fork starts
//! from a copy. Where the store lies in files they are *reserved* there ahead, in blocks, and what is beyond what is
//! reserved is reserved before anybody learns of it; so they do not go back when the program is killed, either.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::error::Error;
use crate::numbered::Numbered;
use crate::record::{CountersRecord, SequenceRecord};
use crate::sequence::Sequences;
use crate::table::TableId;

/// How many keys are reserved beyond those that were handed out. As many may be skipped when a program is killed.
const BLOCK: i64 = if cfg!(test) { 4 } else { 256 };

/// The counters of one store.
#[derive(Debug)]
pub(crate) struct Counters {
    /// By table number.
    keys: Mutex<Numbered<Keys>>,
    tables: AtomicU32,
    ids: AtomicU32,
    /// Whether something was handed out that is not reserved.
    is_beyond: AtomicBool,
    /// What is reserved of the keys of a new table.
    at_first: i64,
    sequences: Sequences,
}

/// The keys of a table.
#[derive(Clone, Copy, Debug)]
struct Keys {
    /// The greatest that was handed out or used.
    last: i64,
    /// The greatest that may be, until more are reserved.
    reserved: i64,
}

/// Counters in memory, which need no reservation.
impl Default for Counters {
    fn default() -> Counters {
        Counters::new(i64::MAX)
    }
}

impl Counters {
    fn new(at_first: i64) -> Counters {
        let (keys, is_beyond) = (Mutex::new(Numbered::default()), AtomicBool::new(false));
        let (tables, ids) = (AtomicU32::new(0), AtomicU32::new(0));
        Counters { keys, tables, ids, is_beyond, at_first, sequences: Sequences::default() }
    }

    /// Counters of a store in files, where these are reserved.
    pub(crate) fn restored(record: &CountersRecord) -> Counters {
        let mut counters = Counters::new(0);
        let mut keys = Numbered::default();
        for &(table, key) in &record.keys {
            *counters.entry(&mut keys, TableId::new(table)) = Keys { last: key, reserved: key };
        }
        counters.keys = Mutex::new(keys);
        counters.sequences = Sequences::restored(&record.sequences);
        (counters.tables, counters.ids) = (AtomicU32::new(record.tables), AtomicU32::new(record.ids));
        counters
    }

    /// The first of `count` keys beyond everything handed out or used.
    pub(crate) fn take(&self, table: TableId, count: u64) -> Result<i64, Error> {
        let mut keys = self.keys.lock();
        let keys = self.entry(&mut keys, table);
        let (first, end) = following(keys.last, count).ok_or(Error::KeysExhausted { table })?;
        self.raise(keys, end);
        Ok(first)
    }

    /// The first of `count` keys beyond all that, and beyond `key`; they are not taken.
    pub(crate) fn beyond(&self, table: TableId, key: i64, count: u64) -> Result<i64, Error> {
        let last = key.max(self.entry(&mut self.keys.lock(), table).last);
        following(last, count).map(|(first, _)| first).ok_or(Error::KeysExhausted { table })
    }

    /// The greatest key that was handed out or used; 0 if none was.
    pub(crate) fn last(&self, table: TableId) -> i64 {
        self.keys.lock().get(table.get()).map_or(0, |keys| keys.last)
    }

    pub(crate) fn note(&self, table: TableId, key: i64) {
        let mut keys = self.keys.lock();
        let keys = self.entry(&mut keys, table);
        self.raise(keys, keys.last.max(key));
    }

    pub(crate) fn sequences(&self) -> &Sequences {
        &self.sequences
    }

    pub(crate) fn fresh_table(&self) -> TableId {
        let table = TableId::new(self.tables.fetch_add(1, Ordering::Relaxed));
        self.is_beyond.store(true, Ordering::Release);
        table
    }

    pub(crate) fn fresh_temporary_table(&self) -> TableId {
        self.fresh_table().as_temporary()
    }

    pub(crate) fn fresh_id(&self) -> u32 {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        self.is_beyond.store(true, Ordering::Release);
        id
    }

    fn raise(&self, keys: &mut Keys, last: i64) {
        keys.last = last;
        if last > keys.reserved {
            self.is_beyond.store(true, Ordering::Release);
        }
    }

    /// Whether something was handed out that is not reserved. In memory it means nothing.
    pub(crate) fn is_beyond_reserved(&self) -> bool {
        self.is_beyond.load(Ordering::Acquire) || self.sequences.is_beyond_reserved()
    }

    /// Reserves a block where the last is used up. What is returned goes to the log, and before it what depends on it
    /// does not.
    pub(crate) fn reserve(&self) -> CountersRecord {
        let mut keys = self.keys.lock();
        // First, so that what is handed out meanwhile is seen here or the next time.
        self.is_beyond.store(false, Ordering::SeqCst);
        let mut reserved = Vec::new();
        for (table, keys) in keys.iter_mut() {
            if keys.last > keys.reserved {
                keys.reserved = keys.last.saturating_add(BLOCK);
                reserved.push((table, keys.reserved));
            }
        }
        self.record_of(reserved, self.sequences.reserve())
    }

    /// Everything up to what is reserved: what a checkpoint of a store in files says.
    pub(crate) fn reserved(&self) -> CountersRecord {
        let keys = self.keys.lock();
        self.record_of(keys_by_table(&keys, |keys| keys.reserved.max(keys.last)), self.sequences.reserved())
    }

    /// Everything up to what was handed out: what is said when nothing more will be, and of a copy, which goes its own
    /// way.
    pub(crate) fn handed_out(&self) -> CountersRecord {
        let keys = self.keys.lock();
        self.record_of(keys_by_table(&keys, |keys| keys.last), self.sequences.handed_out())
    }

    fn record_of(&self, keys: Vec<(u32, i64)>, sequences: Vec<SequenceRecord>) -> CountersRecord {
        let (tables, ids) = (self.tables.load(Ordering::SeqCst), self.ids.load(Ordering::SeqCst));
        CountersRecord { keys, tables, ids, sequences }
    }

    /// A copy for a fork, which is in memory.
    pub(crate) fn copy(&self) -> Counters {
        let mut keys = self.keys.lock().clone();
        keys.iter_mut().for_each(|(_, keys)| keys.reserved = i64::MAX);
        Counters {
            keys: Mutex::new(keys),
            tables: AtomicU32::new(self.tables.load(Ordering::Relaxed)),
            ids: AtomicU32::new(self.ids.load(Ordering::Relaxed)),
            sequences: self.sequences.copy(),
            ..Counters::default()
        }
    }

    fn entry<'k>(&self, keys: &'k mut Numbered<Keys>, table: TableId) -> &'k mut Keys {
        // Keys of temporary tables are not written down, and so need no reservation.
        let reserved = if table.is_temporary() { i64::MAX } else { self.at_first };
        keys.get_or_insert_with(table.get(), || Keys { last: 0, reserved })
    }
}

/// What is said of the keys of each table that has had any, and that files know of.
fn keys_by_table(keys: &Numbered<Keys>, of: impl Fn(&Keys) -> i64) -> Vec<(u32, i64)> {
    let used = keys.iter().filter(|(table, keys)| keys.last != 0 && !TableId::new(*table).is_temporary());
    used.map(|(table, keys)| (table, of(keys))).collect()
}

/// The first and the last of the `count` keys after `last`, if there are as many.
fn following(last: i64, count: u64) -> Option<(i64, i64)> {
    let first = last.checked_add(1)?;
    Some((first, first.checked_add_unsigned(count.saturating_sub(1))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_up_from_one_and_skip_what_was_used() {
        let counters = Counters::default();
        let table = TableId::new(3);
        assert_eq!(counters.take(table, 2), Ok(1));
        assert_eq!(counters.take(table, 1), Ok(3));
        counters.note(table, 10);
        counters.note(table, 5);
        assert_eq!(counters.take(table, 1), Ok(11));
        assert_eq!(counters.take(TableId::new(0), 1), Ok(1));
        assert_eq!(counters.beyond(table, 20, 2), Ok(21));
        assert_eq!(counters.beyond(table, 2, 1), Ok(12));
        assert_eq!(counters.beyond(table, i64::MAX - 1, 2), Err(Error::KeysExhausted { table }));
        assert_eq!(counters.take(table, 1), Ok(12));
    }

    #[test]
    fn the_last_key_is_an_error_and_not_a_wrapped_number() {
        let counters = Counters::default();
        let table = TableId::new(0);
        counters.note(table, i64::MAX - 1);
        assert_eq!(counters.take(table, 1), Ok(i64::MAX));
        assert_eq!(counters.take(table, 1), Err(Error::KeysExhausted { table }));
    }

    #[test]
    fn a_copy_starts_where_the_original_is_and_goes_its_own_way() {
        let counters = Counters::default();
        let table = TableId::new(0);
        counters.note(table, 7);
        let copy = counters.copy();
        assert_eq!(copy.take(table, 1), Ok(8));
        assert_eq!(counters.take(table, 1), Ok(8));
    }

    #[test]
    fn what_is_reserved_covers_what_is_handed_out_and_a_block_beyond() {
        let (counters, table) = (Counters::restored(&CountersRecord::default()), TableId::new(1));
        assert!(!counters.is_beyond_reserved());
        assert_eq!(counters.take(table, 2), Ok(1));
        assert!(counters.is_beyond_reserved());
        assert_eq!(counters.reserve().keys, [(1, 2 + BLOCK)]);
        assert_eq!(counters.take(table, BLOCK.unsigned_abs()), Ok(3));
        assert!(!counters.is_beyond_reserved());
        assert_eq!(counters.take(table, 1), Ok(3 + BLOCK));
        assert!(counters.is_beyond_reserved());
        let after_a_crash = Counters::restored(&counters.reserve());
        assert_eq!(after_a_crash.take(table, 1), Ok(4 + 2 * BLOCK));
        let after_a_close = Counters::restored(&counters.handed_out());
        assert_eq!(after_a_close.take(table, 1), Ok(4 + BLOCK));
        assert!(after_a_close.is_beyond_reserved());
    }
}
