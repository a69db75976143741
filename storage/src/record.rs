//! Records: what is written down of values, rows, index entries and write sets.
//!
//! They are types of their own, so that the types in memory can change without the files. A record is made of plain
//! numbers, texts and bytes; what is read back is built from them, and nothing in them is trusted: numbers that cannot
//! be are [`Malformed`](codec::Malformed).
//!
//! Index entries are logged and not computed again. Replaying then evaluates nothing, as a commit evaluates nothing,
//! and what an index holds does not depend on which release of the program replays the log.
//!
//! Order of reading: this file (the records), `value`, `rows`, `entries` (each both ways), `operation` (write sets).

mod entries;
mod operation;
mod rows;
mod value;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub(crate) use entries::append_entries;
pub(crate) use operation::{Scope, commit_of, commit_record};
pub(crate) use rows::{append_rows, empty_table};
pub use value::ValueRecord;

use crate::codec;

/// Row ids, each as its distance from the one before.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowIdsRecord(Vec<i64>);

/// Up to 64 rows.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowsRecord<'a> {
    /// How many slots the layout had under which they were written.
    pub(crate) slots: usize,
    pub(crate) row_ids: RowIdsRecord,
    /// Slot after slot that is stored: its null map, and its booleans, its words, or for each text or bytes a
    /// [code](crate::leaf).
    pub(crate) words: Vec<u64>,
    /// The texts, one after another.
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
    /// The bytes, one after another.
    #[serde(borrow, serialize_with = "codec::bytes")]
    pub(crate) bytes: Cow<'a, [u8]>,
    #[serde(borrow)]
    pub(crate) longs: Vec<LongRecord<'a>>,
}

/// A value too long for a leaf.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LongRecord<'a> {
    /// The position of its row.
    pub(crate) row: usize,
    pub(crate) slot: usize,
    #[serde(borrow)]
    pub(crate) value: LongValueRecord<'a>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LongValueRecord<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes(#[serde(borrow, serialize_with = "codec::bytes")] Cow<'a, [u8]>),
}

/// Entries of an index.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EntriesRecord<'a> {
    row_ids: RowIdsRecord,
    lengths: LengthsRecord,
    /// The keys, one after another.
    #[serde(borrow, serialize_with = "codec::bytes")]
    heap: Cow<'a, [u8]>,
}

/// The lengths of keys.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum LengthsRecord {
    Even(usize),
    Each(Vec<usize>),
}

impl Default for LengthsRecord {
    fn default() -> LengthsRecord {
        LengthsRecord::Even(0)
    }
}

/// What changes in an index.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct IndexChangeRecord<'a> {
    index: u32,
    #[serde(borrow)]
    removed: EntriesRecord<'a>,
    #[serde(borrow)]
    added: EntriesRecord<'a>,
}

/// A slot of a layout.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotRecord<'a> {
    lane: LaneRecord,
    #[serde(borrow)]
    default: ValueRecord<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum LaneRecord {
    RowId,
    Bit,
    Word,
    Wide,
    Text,
    Bytes,
}

/// A whole table.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableRecord<'a> {
    id: u32,
    #[serde(borrow)]
    slots: Vec<SlotRecord<'a>>,
    #[serde(borrow)]
    rows: Vec<RowsRecord<'a>>,
    #[serde(borrow)]
    indexes: Vec<(u32, EntriesRecord<'a>)>,
}

/// A column of a patch: its slot, which rows become NULL, and the words of the others.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PatchColumnRecord {
    slot: usize,
    words: Vec<Option<u64>>,
}

/// One operation of a write set.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum OperationRecord<'a> {
    Insert {
        table: u32,
        #[serde(borrow)]
        rows: RowsRecord<'a>,
        #[serde(borrow)]
        changes: Vec<IndexChangeRecord<'a>>,
    },
    Update {
        table: u32,
        #[serde(borrow)]
        rows: RowsRecord<'a>,
        #[serde(borrow)]
        changes: Vec<IndexChangeRecord<'a>>,
    },
    Assign {
        table: u32,
        rows: RowIdsRecord,
        columns: Vec<PatchColumnRecord>,
    },
    Delete {
        table: u32,
        rows: RowIdsRecord,
        #[serde(borrow)]
        changes: Vec<IndexChangeRecord<'a>>,
    },
    CreateTable(#[serde(borrow)] TableRecord<'a>),
    ReplaceTable(#[serde(borrow)] TableRecord<'a>),
    DropTable(u32),
    AddSlot {
        table: u32,
        #[serde(borrow)]
        slot: SlotRecord<'a>,
    },
    AddIndex {
        table: u32,
        index: u32,
        #[serde(borrow)]
        entries: EntriesRecord<'a>,
    },
    DropIndex {
        table: u32,
        index: u32,
    },
    /// What makes the catalog out of the one before it, as the [codec](crate::CatalogCodec) wrote it.
    Catalog(#[serde(borrow, serialize_with = "codec::bytes")] Cow<'a, [u8]>),
}

/// The [counters](crate::keys): what was handed out of them, or reserved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CountersRecord {
    /// The greatest key of each table, by its number.
    pub(crate) keys: Vec<(u32, i64)>,
    pub(crate) tables: u32,
    pub(crate) ids: u32,
    /// Where the sequences are that have changed, or all.
    pub(crate) sequences: Vec<SequenceRecord>,
}

/// Where a [sequence](crate::sequence) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SequenceRecord {
    pub(crate) id: u32,
    /// How often it had changed then: of two records that with the greater one is the later.
    pub(crate) stamp: u64,
    pub(crate) last: i64,
    pub(crate) is_called: bool,
}

impl CountersRecord {
    /// That they can go on. (Of a table every key may be used.)
    pub(crate) fn check(&self) -> Result<(), codec::Malformed> {
        const IDS_MAX: u32 = u32::MAX / 2;
        const STAMP_MAX: u64 = u64::MAX / 2;
        if self.sequences.iter().any(|sequence| sequence.stamp > STAMP_MAX) {
            return Err(codec::Malformed::new("counters", "a sequence has changed more often than can be"));
        }
        match self.tables.max(self.ids) {
            0..=IDS_MAX => Ok(()),
            _ => Err(codec::Malformed::new("counters", "more ids are used than there are")),
        }
    }
}

/// One frame of a log.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum LogRecord<'a> {
    /// A write set.
    Commit(#[serde(borrow)] Vec<OperationRecord<'a>>),
    /// Counters that are handed out only up to here, until another frame says so.
    Reserve(CountersRecord),
    /// The database was closed, with its counters at this.
    Closed(CountersRecord),
}

/// One frame of a checkpoint, in this order: the beginning, each table with its rows and its indexes, the end.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CheckpointRecord<'a> {
    Begin {
        /// The commit it is of.
        commit: u64,
        /// The last frame of the log before it.
        sequence: u64,
        counters: CountersRecord,
        /// The whole catalog.
        #[serde(borrow, serialize_with = "codec::bytes")]
        catalog: Cow<'a, [u8]>,
    },
    Table {
        id: u32,
        #[serde(borrow)]
        slots: Vec<SlotRecord<'a>>,
    },
    /// Rows of the table before, in order. It is named again, so that they can be told when its own frame is damaged.
    Rows {
        table: u32,
        #[serde(borrow)]
        leaves: Vec<RowsRecord<'a>>,
    },
    /// Another index of that table.
    Index(u32),
    /// Entries of the index before, in order.
    Entries(#[serde(borrow)] EntriesRecord<'a>),
    End,
}
