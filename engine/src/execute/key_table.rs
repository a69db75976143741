//! Distinct keys, numbered in the order in which they are first seen: the one hash table of joins, groups,
//! `DISTINCT` and set operations.
//!
//! A key is the values of a few columns in one row. [`KeyTable::insert`] gives every row of a batch the number of
//! its key, making new numbers as new keys come; [`KeyTable::find`] only looks. What a number means is the
//! operator's: a group, a list of build rows, a count.
//!
//! Keys are held in the cheapest form that decides equality. One column of words or booleans is its word; one column
//! of texts is its bytes; anything else is the encoding of an index key (`storage::key`), in which values are equal
//! exactly if their bytes are: zeros of either sign, NaNs, decimals of any scale. The table beneath is hashbrown's,
//! with its seeded hash, so nobody who chooses the stored values can choose the collisions.
//!
//! Invariants: numbers are `0..len` without holes; NULL equals NULL (a join takes rows with NULL keys out before it
//! comes here); what is looked for is of the type that the table was made for.

mod recent;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use nuages_storage::key::{KeyBuffer, KeyPart};
use nuages_storage::{DataType, Lane};
use smallvec::SmallVec;

use crate::batch::Batch;
use crate::bits::Bits;
use crate::error::Error;
use crate::evaluate::{Context, Scalar};
use crate::vector::{NO_ROW, Vector};
use recent::{Recent, ShortKeys};
use words::Words;

/// The number of a key that is not in the table. The same as [`NO_ROW`], so that the numbers of unique keys are the
/// rows to gather for an outer join.
pub(super) const ABSENT: u32 = NO_ROW;

/// How the parts of a key are encoded: only equality counts.
const PART: KeyPart = KeyPart::ASCENDING.nullable();

/// The key columns of a batch.
pub(super) type KeyColumns<'a, 'v> = SmallVec<[Cow<'a, Vector<'v>>; 4]>;

/// Evaluates the keys of the selected rows.
pub(super) fn key_columns<'a, 'v>(
    scalars: impl IntoIterator<Item = &'a Scalar>,
    batch: &'a Batch<'v>,
    context: &'a Context<'a>,
) -> Result<KeyColumns<'a, 'v>, Error> {
    scalars.into_iter().map(|scalar| scalar.operand(batch, context, &batch.selection)).collect()
}

/// The types of a few columns.
pub(super) type Types = SmallVec<[DataType; 4]>;

/// The types of scalars.
pub(super) fn types_of(scalars: &[Scalar]) -> Types {
    scalars.iter().map(Scalar::data_type).collect()
}

/// A row number as it is kept in tables.
///
/// # Panics
/// Beyond 2^32 - 2 rows in memory, which no plan can hold: even a row of one byte would need its key and its hash.
#[inline]
pub(super) fn row_number(row: usize) -> u32 {
    u32::try_from(row).ok().filter(|row| *row != NO_ROW).expect("an operator holds fewer than 2^32 - 1 rows")
}

/// Distinct keys and their numbers. See the [module](self).
pub(super) struct KeyTable {
    hasher: DefaultHashBuilder,
    form: Form,
    /// In front of a table of encoded keys.
    recent: Recent,
}

enum Form {
    /// One column of words or booleans.
    Word(Words),
    /// One column of texts.
    Text(Strings),
    /// Any columns, encoded.
    Encoded(Strings),
}

impl KeyTable {
    /// A table of keys of these types.
    pub(super) fn new(types: &[DataType]) -> Self {
        let form = match types {
            [DataType::Float] => Form::Word(Words::new(true)),
            [kind] if matches!(kind.lane(), Lane::Word | Lane::Bit | Lane::RowId) => {
                Form::Word(Words::new(false))
            }
            [DataType::Text { .. }] => Form::Text(Strings::default()),
            _ => Form::Encoded(Strings::default()),
        };
        KeyTable { hasher: DefaultHashBuilder::default(), form, recent: Recent::default() }
    }

    /// How many distinct keys there are.
    pub(super) fn len(&self) -> usize {
        match &self.form {
            Form::Word(words) => words.len as usize,
            Form::Text(strings) | Form::Encoded(strings) => strings.len(),
        }
    }

    /// Makes ready for many look-ups of keys of which few may be there. O(number of keys)
    pub(super) fn expect_lookups(&mut self) {
        if let Form::Word(words) = &mut self.form {
            words.expect_lookups();
        }
    }

    /// Puts the number of each selected row's key into `numbers`, which has an entry for every row of the batch.
    /// Amortised O(1) a row. Not after [`expect_lookups`](Self::expect_lookups).
    pub(super) fn insert(&mut self, columns: &KeyColumns<'_, '_>, selection: &Bits, numbers: &mut [u32]) {
        let hasher = &self.hasher;
        match &mut self.form {
            Form::Word(words) => {
                let float = words.float;
                each_word(&columns[0], float, selection, |row, word| {
                    numbers[row] = words.insert(word, hasher);
                });
            }
            Form::Text(strings) => {
                for row in selection {
                    numbers[row] = strings.insert(columns[0].text(row).map(str::as_bytes), hasher);
                }
            }
            Form::Encoded(strings) => {
                let recent = &mut self.recent;
                let mut key = KeyBuffer::new();
                let short = ShortKeys::of(columns);
                for row in selection {
                    numbers[row] = recent.number(short.as_ref(), row, || {
                        encode(columns, row, &mut key);
                        strings.insert(Some(key.as_slice()), hasher)
                    });
                }
            }
        }
    }

    /// The same without adding keys: the number of one that is not there is [`ABSENT`]. What rows that are not selected
    /// get means nothing.
    pub(super) fn find(&self, columns: &KeyColumns<'_, '_>, selection: &Bits, numbers: &mut [u32]) {
        let hasher = &self.hasher;
        match &self.form {
            Form::Word(words) => match &*columns[0] {
                // Where all keys have a place of their own, looking at every row is less work than asking which.
                Vector::Word { data, nulls, .. } if words.is_dense() && nulls.is_empty() => {
                    let place = |word: &u64| usize::try_from(*word).ok();
                    let number = |word| place(word).and_then(|place| words.dense.get(place)).copied();
                    numbers.iter_mut().zip(&**data).for_each(|(found, word)| {
                        *found = number(word).unwrap_or(ABSENT);
                    });
                }
                column => each_word(column, words.float, selection, |row, word| {
                    numbers[row] = words.find(word, hasher);
                }),
            },
            Form::Text(strings) => {
                for row in selection {
                    numbers[row] = strings.find(columns[0].text(row).map(str::as_bytes), hasher);
                }
            }
            Form::Encoded(strings) => {
                each_encoded(columns, selection, |row, key| numbers[row] = strings.find(Some(key), hasher));
            }
        }
    }
}

/// The rows whose keys [`KeyTable::insert`] had not seen before, if `known` is how many keys it knew.
pub(super) fn first_rows(known: usize, selection: &Bits, numbers: &[u32]) -> Bits {
    let mut first = Bits::none(numbers.len());
    let mut next = known;
    for row in selection {
        if numbers[row] as usize == next {
            first.insert(row);
            next += 1;
        }
    }
    first
}

/// Calls `visit` with the word of each selected row, `None` for NULL.
#[inline]
fn each_word(column: &Vector<'_>, float: bool, selection: &Bits, mut visit: impl FnMut(usize, Option<u64>)) {
    match column {
        Vector::Word { data, nulls, .. } if !float && nulls.is_empty() => {
            selection.iter().for_each(|row| visit(row, Some(data[row])));
        }
        Vector::Bool { .. } | Vector::Constant { value: nuages_storage::Value::Bool(_), .. } => {
            selection.iter().for_each(|row| visit(row, column.bool(row).map(u64::from)));
        }
        column if float => selection.iter().for_each(|row| visit(row, column.float(row).map(float_word))),
        column => selection.iter().for_each(|row| visit(row, column.word(row))),
    }
}

/// One pattern for both zeros, and one for all NaNs.
fn float_word(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}

/// Calls `visit` with the encoded key of each selected row.
fn each_encoded(columns: &KeyColumns<'_, '_>, selection: &Bits, mut visit: impl FnMut(usize, &[u8])) {
    let mut key = KeyBuffer::new();
    for row in selection {
        encode(columns, row, &mut key);
        visit(row, key.as_slice());
    }
}

/// Puts the encoded key of a row in the place of `key`.
fn encode(columns: &KeyColumns<'_, '_>, row: usize, key: &mut KeyBuffer) {
    key.clear();
    columns.iter().for_each(|column| column.push_key(PART, row, key));
}

/// Distinct byte strings, end to end in one heap.
#[derive(Default)]
struct Strings {
    heap: Vec<u8>,
    ends: Vec<usize>,
    null: Option<u32>,
    /// Hash and number: a hash that agrees is nearly always the same string, and growing the table reads none.
    table: HashTable<(u64, u32)>,
}

impl Strings {
    fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    fn find(&self, string: Option<&[u8]>, hasher: &DefaultHashBuilder) -> u32 {
        let Some(string) = string else { return self.null.unwrap_or(ABSENT) };
        let hash = hasher.hash_one(string);
        let found = self.table.find(hash, |entry| is_string(&self.heap, &self.ends, *entry, hash, string));
        found.map_or(ABSENT, |(_, number)| *number)
    }

    #[inline]
    fn insert(&mut self, string: Option<&[u8]>, hasher: &DefaultHashBuilder) -> u32 {
        let Some(string) = string else {
            let number = *self.null.get_or_insert_with(|| row_number(self.ends.len()));
            if number as usize == self.ends.len() {
                self.ends.push(self.heap.len());
            }
            return number;
        };
        let hash = hasher.hash_one(string);
        let same = |entry: &(u64, u32)| is_string(&self.heap, &self.ends, *entry, hash, string);
        if let Some((_, number)) = self.table.find(hash, same) {
            return *number;
        }
        let number = row_number(self.ends.len());
        self.heap.extend_from_slice(string);
        self.ends.push(self.heap.len());
        self.table.insert_unique(hash, (hash, number), |(hash, _)| *hash);
        number
    }
}

#[inline]
fn is_string(heap: &[u8], ends: &[usize], (known, number): (u64, u32), hash: u64, string: &[u8]) -> bool {
    let number = number as usize;
    known == hash && {
        let start = number.checked_sub(1).map_or(0, |before| ends[before]);
        heap[start..ends[number]] == *string
    }
}
