//! Counters that never go back: automatic keys and the ids of schema objects.
//!
//! They live beside the versions, not in them, because a rollback must not return what was handed out. A fork starts
//! from a copy.

use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use crate::error::Error;
use crate::table::TableId;

/// The counters of one store.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// The greatest key handed out or used, by table number.
    keys: Mutex<Vec<i64>>,
    tables: AtomicU32,
    ids: AtomicU32,
}

impl Counters {
    /// The first of `count` keys beyond everything handed out or used.
    pub(crate) fn take(&self, table: TableId, count: u64) -> Result<i64, Error> {
        let mut keys = self.keys.lock();
        let last = entry(&mut keys, table);
        let (first, end) = following(*last, count).ok_or(Error::KeysExhausted { table })?;
        *last = end;
        Ok(first)
    }

    /// The first of `count` keys beyond all that, and beyond `key`; they are not taken.
    pub(crate) fn beyond(&self, table: TableId, key: i64, count: u64) -> Result<i64, Error> {
        let last = key.max(*entry(&mut self.keys.lock(), table));
        following(last, count).map(|(first, _)| first).ok_or(Error::KeysExhausted { table })
    }

    pub(crate) fn note(&self, table: TableId, key: i64) {
        let mut keys = self.keys.lock();
        let last = entry(&mut keys, table);
        *last = (*last).max(key);
    }

    pub(crate) fn fresh_table(&self) -> TableId {
        TableId::new(self.tables.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn fresh_id(&self) -> u32 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A copy for a fork.
    pub(crate) fn copy(&self) -> Counters {
        Counters {
            keys: Mutex::new(self.keys.lock().clone()),
            tables: AtomicU32::new(self.tables.load(Ordering::Relaxed)),
            ids: AtomicU32::new(self.ids.load(Ordering::Relaxed)),
        }
    }
}

/// The first and the last of the `count` keys after `last`, if there are as many.
fn following(last: i64, count: u64) -> Option<(i64, i64)> {
    let first = last.checked_add(1)?;
    Some((first, first.checked_add_unsigned(count.saturating_sub(1))?))
}

fn entry(keys: &mut Vec<i64>, table: TableId) -> &mut i64 {
    let number = table.get() as usize;
    if number >= keys.len() {
        keys.resize(number + 1, 0);
    }
    &mut keys[number]
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
}
