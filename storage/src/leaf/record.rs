//! Leaves written down: without spare room and dead bytes, and built anew from what is read, so that a leaf has its
//! invariants whatever the file says.
//!
//! The code of a text or of bytes is 0 for the default of the slot, 1 for a value beside the leaf, and otherwise its
//! length and 2. The values lie one after another, so their lengths find them.

use std::borrow::Cow;
use std::sync::Arc;

use super::heap::{Buffer, DEFAULT, Heap, LONG};
use super::{Leaf, all_rows};
use crate::codec::Malformed;
use crate::layout::{Layout, Span};
use crate::record::{RowIdsRecord, RowsRecord};
use crate::value::Lane;

/// The most rows that a null map has bits for.
const ROWS_OF_A_MAP: usize = u64::BITS as usize;
const CODE_DEFAULT: u64 = 0;
const CODE_LONG: u64 = 1;
const CODE_LENGTHS: u64 = 2;

impl Leaf {
    /// The leaf as a record; the long values are for the caller to add.
    pub(crate) fn to_record(&self) -> RowsRecord<'static> {
        let (mut words, mut text, mut bytes) =
            (Vec::with_capacity(self.words.len()), String::new(), Vec::new());
        let rows = 0..self.len();
        for (_, span) in self.layout.spans(self.capacity) {
            words.extend_from_slice(&self.words[span.bits()]);
            let data = &self.words[span.rows(&rows)];
            let nulls = self.words[span.nulls];
            match span.lane {
                Lane::Text => words.extend(codes(data, nulls, &self.text, &mut text)),
                Lane::Bytes => words.extend(codes(data, nulls, &self.bytes, &mut bytes)),
                _ => words.extend_from_slice(data),
            }
        }
        RowsRecord {
            slots: self.layout.len(),
            row_ids: RowIdsRecord::of(self.row_ids.iter().copied()),
            words,
            text: Cow::Owned(text),
            bytes: Cow::Owned(bytes),
            longs: Vec::new(),
        }
    }

    /// The leaf that was written down, under the layout it was written under.
    pub(crate) fn from_record(layout: Arc<Layout>, record: &RowsRecord<'_>) -> Result<Leaf, Malformed> {
        if record.row_ids.len() > ROWS_OF_A_MAP {
            return Err(Malformed::new("rows", "they are more than a leaf holds"));
        }
        let mut leaf = Leaf::with_text_buffer(layout, record.row_ids.len());
        leaf.change_row_ids(|row_ids| row_ids.extend(record.row_ids.iter()));
        let mut source = Source { words: record.words.iter(), text: &record.text, bytes: &record.bytes };
        let filled = (0..leaf.layout.len()).try_for_each(|slot| leaf.fill(slot, &mut source));
        let is_used_up = source.words.len() == 0 && source.text.is_empty() && source.bytes.is_empty();
        match filled {
            Some(()) if is_used_up => {
                leaf.settle_heaps();
                Ok(leaf)
            }
            _ => Err(Malformed::new("rows", "they do not agree with the columns of their table")),
        }
    }

    fn fill(&mut self, slot: usize, source: &mut Source<'_>) -> Option<()> {
        let (span, rows) = (self.span(slot), self.len());
        if span.lane == Lane::RowId {
            return Some(());
        }
        let nulls = source.next().filter(|nulls| nulls & !all_rows(rows) == 0)?;
        self.words[span.nulls] = nulls;
        if span.lane == Lane::Bit {
            self.words[span.data] = source.next().filter(|bits| bits & (!all_rows(rows) | nulls) == 0)?;
        }
        for row in 0..rows {
            let is_null = nulls >> row & 1 == 1;
            self.fill_row(&span, row, is_null, source)?;
        }
        Some(())
    }

    fn fill_row(&mut self, span: &Span, row: usize, is_null: bool, source: &mut Source<'_>) -> Option<()> {
        for at in span.rows(&(row..row + 1)) {
            let word = source.next()?;
            self.words[at] = match span.lane {
                _ if is_null => Some(0).filter(|_| word == 0)?,
                Lane::Text => cell_of(word, &mut self.text, |length| {
                    let (value, rest) = source.text.split_at_checked(length)?;
                    source.text = rest;
                    Some(value)
                })?,
                Lane::Bytes => cell_of(word, &mut self.bytes, |length| {
                    let (value, rest) = source.bytes.split_at_checked(length)?;
                    source.bytes = rest;
                    Some(value)
                })?,
                _ => word,
            };
        }
        Some(())
    }
}

/// What of a record is not used yet.
struct Source<'r> {
    words: std::slice::Iter<'r, u64>,
    text: &'r str,
    bytes: &'r [u8],
}

impl Source<'_> {
    fn next(&mut self) -> Option<u64> {
        self.words.next().copied()
    }
}

/// The codes of the cells of a column; the values go to the end of `values`.
fn codes<'a, S: Buffer>(
    cells: &'a [u64],
    nulls: u64,
    heap: &'a Heap<S>,
    values: &'a mut S,
) -> impl Iterator<Item = u64> + 'a {
    cells.iter().enumerate().map(move |(row, &cell)| match heap.get(cell) {
        _ if nulls >> row & 1 == 1 => 0,
        Some(value) => {
            let before = values.len();
            values.push(value);
            CODE_LENGTHS + (values.len() - before) as u64
        }
        None if cell == LONG => CODE_LONG,
        None => CODE_DEFAULT,
    })
}

/// The cell of a code, whose value is taken from the record if it has one.
fn cell_of<'r, S: Buffer>(
    code: u64,
    heap: &mut Heap<S>,
    take: impl FnOnce(usize) -> Option<&'r S::Value>,
) -> Option<u64> {
    match code {
        CODE_DEFAULT => Some(DEFAULT),
        CODE_LONG => Some(LONG),
        _ => take(usize::try_from(code - CODE_LENGTHS).ok()?).map(|value| heap.put(value)),
    }
}
