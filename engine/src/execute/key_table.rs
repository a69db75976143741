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

/// The types of scalars.
pub(super) fn types_of(scalars: &[Scalar]) -> Vec<DataType> {
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

    /// Puts the number of each selected row's key into `numbers`, which has an entry for every row of the batch.
    /// Amortised O(1) a row.
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
                for row in selection {
                    numbers[row] = recent.number(columns, row, || {
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

/// Places for keys that came lately.
const RECENT_PLACES: usize = 256;

/// After so many keys it is decided whether it is worth while to go on looking.
const RECENT_TRIAL: u32 = 4_096;

/// The numbers of short keys that came lately, by the keys as they are. Groups by several columns are often few, and to
/// encode a key, to hash it and to compare it takes several times as long as to find it here.
#[derive(Default)]
struct Recent {
    /// Empty until the first short key comes.
    places: Vec<(u128, u32)>,
    looked: u32,
    found: u32,
}

impl Recent {
    /// The number of a row's key, from here or from `otherwise`.
    #[inline]
    fn number(&mut self, columns: &KeyColumns<'_, '_>, row: usize, otherwise: impl FnOnce() -> u32) -> u32 {
        if self.looked >= RECENT_TRIAL && self.found < self.looked / 2 {
            return otherwise();
        }
        let is_trial = self.looked < RECENT_TRIAL;
        self.looked += u32::from(is_trial);
        let Some(key) = short_key(columns, row) else { return otherwise() };
        if self.places.is_empty() {
            self.places.resize(RECENT_PLACES, (0, ABSENT));
        }
        let place = &mut self.places[place_of_short(key)];
        if place.0 == key && place.1 != ABSENT {
            self.found += u32::from(is_trial);
            return place.1;
        }
        *place = (key, otherwise());
        place.1
    }
}

/// Multiplied by it, the bits of a key are spread over the upper ones (2^64 by the golden ratio).
const SPREADING: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the key, and a place among 256")]
fn place_of_short(key: u128) -> usize {
    let word = (key as u64).rotate_left(23) ^ (key >> 64) as u64;
    (word.wrapping_mul(SPREADING) >> 56) as usize % RECENT_PLACES
}

/// The longest text in a key that is one number.
const SHORT_TEXT_MAX: usize = 15;

/// A row's key as one number, if it takes no more than 16 bytes: of each column a byte that says how long it is, and
/// what it is. Keys that are one number are equal; those that are equal may be several.
#[inline]
fn short_key(columns: &KeyColumns<'_, '_>, row: usize) -> Option<u128> {
    const NULL: u128 = 0xff;
    let (mut key, mut left) = (0_u128, 16_usize);
    let mut push = |length: usize, tag: u128, value: u128| {
        left = left.checked_sub(length + 1)?;
        key = key << 8 | tag;
        key = if length == 0 { key } else { key << (8 * length) | value };
        Some(())
    };
    for column in columns {
        match &**column {
            Vector::Word { data, nulls, .. } => match nulls.contains(row) {
                true => push(0, NULL, 0)?,
                false => push(8, 8, u128::from(data[row]))?,
            },
            column if column.holds_text() => match column.text(row) {
                None => push(0, NULL, 0)?,
                Some(text) => {
                    let length = text.len();
                    if length > SHORT_TEXT_MAX {
                        return None;
                    }
                    let value = text.bytes().fold(0, |all, byte| all << 8 | u128::from(byte));
                    push(length, length as u128, value)?;
                }
            },
            _ => return None,
        }
    }
    Some(key)
}

/// Words below this have a place of their own in an array: small enums, booleans and years need no hashing. The
/// array grows with the words that come, to 16 KB, half of a first-level cache.
const SMALL_WORDS: usize = 4_096;

/// It grows beyond that as long as one place in so many is taken, as the keys of a table take them. It is then no
/// larger than the hash table would be.
const PLACES_PER_WORD: usize = 4;

/// Distinct words. One that came when it was too large for the array stays in the hash table, also when the array has
/// grown beyond it.
struct Words {
    float: bool,
    len: u32,
    null: u32,
    dense: Vec<u32>,
    sparse: HashTable<(u64, u32)>,
}

impl Words {
    fn new(float: bool) -> Self {
        Words { float, len: 0, null: ABSENT, dense: Vec::new(), sparse: HashTable::new() }
    }

    /// Whether all words are in the array, as they are.
    fn is_dense(&self) -> bool {
        !self.float && self.sparse.is_empty()
    }

    #[inline]
    fn find(&self, word: Option<u64>, hasher: &DefaultHashBuilder) -> u32 {
        let Some(word) = word else { return self.null };
        match place_of(word).and_then(|place| self.dense.get(place)) {
            Some(number) if *number != ABSENT || self.sparse.is_empty() => *number,
            _ => self.find_sparse(word, hasher),
        }
    }

    fn find_sparse(&self, word: u64, hasher: &DefaultHashBuilder) -> u32 {
        let found = self.sparse.find(hasher.hash_one(word), |(known, _)| *known == word);
        found.map_or(ABSENT, |(_, number)| *number)
    }

    #[inline]
    fn insert(&mut self, word: Option<u64>, hasher: &DefaultHashBuilder) -> u32 {
        let known = self.find(word, hasher);
        if known != ABSENT {
            return known;
        }
        let number = row_number(self.len as usize);
        self.len += 1;
        match word {
            None => self.null = number,
            Some(word) => match place_of(word).filter(|place| *place < self.places()) {
                Some(place) => {
                    if place >= self.dense.len() {
                        self.dense.resize((place + 1).next_power_of_two(), ABSENT);
                    }
                    self.dense[place] = number;
                }
                None => {
                    let hash = hasher.hash_one(word);
                    self.sparse.insert_unique(hash, (word, number), |(word, _)| hasher.hash_one(word));
                }
            },
        }
        number
    }

    /// How many places the array may have.
    fn places(&self) -> usize {
        SMALL_WORDS.max(self.len as usize * PLACES_PER_WORD)
    }
}

/// The place that a word has in the array, if it is large enough.
#[inline]
fn place_of(word: u64) -> Option<usize> {
    usize::try_from(word).ok()
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
