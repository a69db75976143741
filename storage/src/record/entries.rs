//! Index entries.

use std::borrow::Cow;

use super::{EntriesRecord, IndexChangeRecord, LengthsRecord, RowIdsRecord};
use crate::codec::Malformed;
use crate::index::{Entry, Index, IndexChange, IndexId, IndexKeys};

impl EntriesRecord<'static> {
    /// Entries, in the order in which they come.
    pub(crate) fn of<'k>(entries: impl IntoIterator<Item = Entry<'k>>) -> EntriesRecord<'static> {
        let (mut row_ids, mut heap, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for (key, row_id) in entries {
            row_ids.push(row_id.get());
            heap.extend_from_slice(key);
            lengths.push(key.len());
        }
        let first = lengths.first().copied().unwrap_or_default();
        let lengths = match lengths.iter().all(|length| *length == first) {
            true => LengthsRecord::Even(first),
            false => LengthsRecord::Each(lengths),
        };
        EntriesRecord { row_ids: RowIdsRecord::of(row_ids), lengths, heap: Cow::Owned(heap) }
    }
}

impl EntriesRecord<'_> {
    /// The entries, in order.
    pub(crate) fn to_keys(&self) -> Result<IndexKeys, Malformed> {
        let malformed = || Malformed::new("index entries", "the lengths of the keys do not agree with them");
        let length_of = |at: usize| match &self.lengths {
            LengthsRecord::Even(length) => Some(*length),
            LengthsRecord::Each(lengths) => lengths.get(at).copied(),
        };
        let (mut keys, mut rest) = (IndexKeys::new(), &*self.heap);
        for (at, row_id) in self.row_ids.row_ids().enumerate() {
            let length = length_of(at).ok_or_else(malformed)?;
            let (key, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
            keys.push(key, row_id);
            rest = after;
        }
        if rest.is_empty() { Ok(keys.sorted()) } else { Err(malformed()) }
    }
}

/// Adds entries to an index that is being read.
pub(crate) fn append_entries(index: &mut Index, entries: &EntriesRecord<'_>) -> Result<(), Malformed> {
    let keys = entries.to_keys()?;
    let last = index.len().checked_sub(1).and_then(|last| index.nth(last));
    if keys.iter().next().is_some_and(|first| last.is_some_and(|last| first <= last)) {
        return Err(Malformed::new("index entries", "they are not in order"));
    }
    index.append(&keys);
    Ok(())
}

impl IndexChangeRecord<'static> {
    pub(super) fn of(change: &IndexChange) -> IndexChangeRecord<'static> {
        IndexChangeRecord {
            index: change.index.get(),
            removed: EntriesRecord::of(&change.removed),
            added: EntriesRecord::of(&change.added),
        }
    }
}

impl IndexChangeRecord<'_> {
    pub(super) fn to_change(&self) -> Result<IndexChange, Malformed> {
        Ok(IndexChange {
            index: IndexId::new(self.index),
            removed: self.removed.to_keys()?,
            added: self.added.to_keys()?,
        })
    }
}
