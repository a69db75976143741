//! How much memory a statement keeps, where that is limited.
//!
//! Operators that keep rows (joins, sorts, groups, windows, work tables, results) hold a [`Charge`] and add to it what
//! they keep; when they are dropped it is given back. The sum is that of all operators of a statement at one time. It
//! is an estimate by the lengths of values, made only if there is a limit, and it is looked at for each batch; so what
//! is kept exceeds the limit by a batch at most, and by what vectors that grow hold in reserve.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nuages_storage::{DataType, Lane, Value};

use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::row::Row;
use crate::vector::Vector;

/// What a key in a hash table takes beside its values: its hash, its number and its share of empty places.
const KEY_BYTES: usize = 24;

/// What a statement may keep, and what it keeps.
#[derive(Debug)]
pub(crate) struct Memory {
    bytes_max: u64,
    used: AtomicU64,
}

impl Memory {
    /// So many bytes at most.
    pub(crate) fn new(bytes_max: u64) -> Memory {
        Memory { bytes_max, used: AtomicU64::new(0) }
    }

    fn check(&self, operator: &'static str) -> Result<(), Error> {
        match self.used.load(Ordering::Relaxed) > self.bytes_max {
            true => Err(Error::MemoryLimit { operator, bytes_max: self.bytes_max }),
            false => Ok(()),
        }
    }
}

/// What one operator keeps.
#[derive(Debug, Default)]
pub(crate) struct Charge {
    memory: Option<Arc<Memory>>,
    bytes: u64,
}

impl Charge {
    /// Adds the selected rows of a batch.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`] if the statement keeps too much.
    #[inline]
    pub(crate) fn add_rows(
        &mut self,
        operator: &'static str,
        batch: &Batch<'_>,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        match context.memory() {
            None => Ok(()),
            Some(memory) => self.add(operator, rows_bytes(batch), memory),
        }
    }

    /// Adds so many of the selected rows of a batch, which are thought to be like the others. Whether that is too much
    /// is to be asked when it is known how many rows [stay](Charge::keep_rows).
    #[inline]
    pub(crate) fn add_some_rows(&mut self, batch: &Batch<'_>, rows: usize, context: &Context<'_>) {
        if let Some(memory) = context.memory()
            && rows > 0
        {
            self.count(rows_bytes(batch) * rows / batch.count().max(1), memory);
        }
    }

    /// Gives back what is kept no longer, where of so many rows these are left.
    ///
    /// # Errors
    /// As [`add_rows`](Charge::add_rows).
    #[inline]
    pub(crate) fn keep_rows(&mut self, operator: &'static str, left: usize, of: usize) -> Result<(), Error> {
        let Some(memory) = &self.memory else { return Ok(()) };
        if left < of {
            let kept = self.bytes.saturating_mul(left as u64) / of as u64;
            memory.used.fetch_sub(self.bytes - kept, Ordering::Relaxed);
            self.bytes = kept;
        }
        memory.check(operator)
    }

    /// Adds keys of so many columns.
    ///
    /// # Errors
    /// As [`add_rows`](Charge::add_rows).
    #[inline]
    pub(crate) fn add_keys(
        &mut self,
        operator: &'static str,
        keys: usize,
        columns: usize,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        match context.memory() {
            None => Ok(()),
            Some(memory) => self.add(operator, keys * (KEY_BYTES + columns * 16), memory),
        }
    }

    fn add(&mut self, operator: &'static str, bytes: usize, memory: &Arc<Memory>) -> Result<(), Error> {
        self.count(bytes, memory);
        memory.check(operator)
    }

    fn count(&mut self, bytes: usize, memory: &Arc<Memory>) {
        let memory = self.memory.get_or_insert_with(|| Arc::clone(memory));
        self.bytes += bytes as u64;
        memory.used.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// What the selected rows of a batch take when they are copied.
fn rows_bytes(batch: &Batch<'_>) -> usize {
    let rows = batch.count();
    let column = |column: &Vector<'_>| match column {
        Vector::Bool { .. } => rows.div_ceil(8),
        Vector::Word { .. } | Vector::Fixed { .. } => rows * 8,
        Vector::Decimal { .. } => rows * 16,
        Vector::Text { .. } => {
            let texts = batch.selection.iter().filter_map(|row| column.text(row));
            rows * 16 + texts.map(str::len).sum::<usize>()
        }
        // Texts of a leaf are not copied.
        Vector::Leaf(leaf) if matches!(leaf.kind(), DataType::Text { .. }) => rows * 16,
        Vector::Leaf(leaf) if leaf.kind().lane() == Lane::Wide => rows * 16,
        Vector::Constant { value, .. } => rows * value_bytes(value),
        column => batch.selection.iter().map(|row| value_bytes(&column.value(row))).sum(),
    };
    batch.columns.iter().map(column).sum()
}

/// What a value takes.
pub(crate) fn value_bytes(value: &Value) -> usize {
    let beyond = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Json(json) => json_bytes(json),
        _ => 0,
    };
    size_of::<Value>() + beyond
}

fn json_bytes(json: &serde_json::Value) -> usize {
    let beyond = match json {
        serde_json::Value::String(text) => text.len(),
        serde_json::Value::Array(members) => members.iter().map(json_bytes).sum(),
        serde_json::Value::Object(members) => {
            members.iter().map(|(key, value)| key.len() + size_of::<String>() + json_bytes(value)).sum()
        }
        _ => 0,
    };
    size_of::<serde_json::Value>() + beyond
}

/// Rows of values that a result is made of, within the limit of a statement.
#[derive(Debug, Default)]
pub(crate) struct ResultRows {
    rows: Vec<Vec<Value>>,
    bytes: u64,
    bytes_max: Option<u64>,
}

impl ResultRows {
    /// No rows yet; `bytes_max` is the limit, if there is one.
    pub(crate) fn new(bytes_max: Option<u64>) -> ResultRows {
        ResultRows { rows: Vec::new(), bytes: 0, bytes_max }
    }

    /// Adds the selected rows of a batch.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`].
    pub(crate) fn add(&mut self, batch: &Batch<'_>) -> Result<(), Error> {
        let from = self.rows.len();
        let width = batch.columns.len();
        self.rows.extend((0..batch.count()).map(|_| Vec::with_capacity(width)));
        for column in &batch.columns {
            column.add_values(&batch.selection, &mut self.rows[from..]);
        }
        self.count_from(from)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// As [`add`](ResultRows::add).
    pub(crate) fn add_row(&mut self, row: Row<'_>) -> Result<(), Error> {
        if self.rows.capacity() == 0 {
            // Most results of which rows come one by one have one.
            self.rows.reserve_exact(1);
        }
        self.rows.push(row.values());
        self.count_from(self.rows.len() - 1)
    }

    /// Counts the rows from a number on, if that is limited.
    fn count_from(&mut self, from: usize) -> Result<(), Error> {
        let Some(bytes_max) = self.bytes_max else { return Ok(()) };
        let row_bytes =
            |row: &Vec<Value>| size_of::<Vec<Value>>() + row.iter().map(value_bytes).sum::<usize>();
        self.bytes += self.rows[from..].iter().map(row_bytes).sum::<usize>() as u64;
        match self.bytes > bytes_max {
            true => Err(Error::MemoryLimit { operator: "the result", bytes_max }),
            false => Ok(()),
        }
    }

    /// The rows.
    pub(crate) fn finish(self) -> Vec<Vec<Value>> {
        self.rows
    }
}
