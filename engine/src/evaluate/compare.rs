//! Comparison of columns.
//!
//! Words are compared in loops without branches whose results are the bits of a selection; floats are mapped to
//! integers of the same order first, so one loop serves both. Texts and what is rarer are compared row by row, only
//! where selected.

use std::cmp::Ordering;

use nuages_storage::Value;
use nuages_storage::value::decimal_unit;
use rust_decimal::Decimal;

use super::Class;
use super::fixed::Fixed;
use super::truth::Truth;
use crate::algebra::Comparison;
use crate::bits::{Bits, WORD_ROWS};
use crate::vector::Vector;

/// An operand whose words lie at hand: a column of the batch, a constant, a parameter.
pub(super) struct WordOperand<'a> {
    words: Words<'a>,
    nulls: Option<&'a Bits>,
}

impl<'a> WordOperand<'a> {
    /// The words of a column of that form.
    #[inline]
    pub(super) fn column(vector: &'a Vector<'_>) -> Option<Self> {
        match vector {
            Vector::Word { data, nulls, .. } => {
                Some(WordOperand { words: Words::Slice(data), nulls: Some(nulls) })
            }
            _ => None,
        }
    }

    /// The word of a value that has one; NULL has none.
    pub(super) fn value(value: &Value) -> Option<Self> {
        value.to_word().map(|word| WordOperand { words: Words::Same(word), nulls: None })
    }

    #[inline]
    fn present(&self, selection: &Bits) -> Bits {
        self.nulls.map_or_else(|| selection.clone(), |nulls| selection.and_not(nulls))
    }
}

/// The rows of `selection` for which `left op right` is true: what [`compare`] comes to for most conditions, without
/// making columns of the operands and without asking where it is unknown. None if the class is not one of words.
pub(super) fn filter_words(
    op: Comparison,
    class: Class,
    left: &WordOperand<'_>,
    right: &WordOperand<'_>,
    len: usize,
    selection: &Bits,
) -> Option<Bits> {
    let live = right.present(&left.present(selection));
    let mut yes = match class {
        Class::Float => compare_words(op, left.words, right.words, len, &live, float_key),
        class if class.has_integer_words() => {
            compare_words(op, left.words, right.words, len, &live, u64::cast_signed)
        }
        _ => return None,
    };
    yes &= &live;
    Some(yes)
}

/// The rows of `selection` for which `left op right` is true, where nobody asks for those in which it is unknown. Not of
/// [`Comparison::Same`], to which NULL is a value.
pub(super) fn filter(
    op: Comparison,
    class: Option<Class>,
    left: &Vector<'_>,
    right: &Vector<'_>,
    len: usize,
    selection: &Bits,
) -> Bits {
    let live = right.present(&left.present(selection));
    let Some(class) = class.filter(|_| !live.is_empty()) else { return Bits::none(len) };
    let mut yes = compare_class(op, class, left, right, len, &live);
    yes &= &live;
    yes
}

/// The truth of `left op right` in the rows of `selection`.
pub(super) fn compare(
    op: Comparison,
    class: Option<Class>,
    left: &Vector<'_>,
    right: &Vector<'_>,
    len: usize,
    selection: &Bits,
) -> Truth {
    let (left_nulls, right_nulls) = (nulls(left, len), nulls(right, len));
    let nulls = &left_nulls | &right_nulls;
    let live = selection.and_not(&nulls);
    let plain = if op == Comparison::Same { Comparison::Equal } else { op };
    let mut yes = match class {
        Some(class) if !live.is_empty() => compare_class(plain, class, left, right, len, &live),
        _ => Bits::none(len),
    };
    yes &= &live;
    if op == Comparison::Same {
        yes |= &(&(&left_nulls & &right_nulls) & selection);
        return Truth { yes, unknown: Bits::none(len) };
    }
    Truth { yes, unknown: &nulls & selection }
}

/// The null map of an operand, which may be a constant of no particular length.
pub(super) fn nulls(vector: &Vector<'_>, len: usize) -> Bits {
    match vector {
        Vector::Constant { value: Value::Null, .. } => Bits::all(len),
        Vector::Constant { .. } => Bits::none(len),
        vector => vector.nulls(),
    }
}

fn compare_class(
    op: Comparison,
    class: Class,
    left: &Vector<'_>,
    right: &Vector<'_>,
    len: usize,
    live: &Bits,
) -> Bits {
    match class {
        Class::Int | Class::Date | Class::Time | Class::Timestamp | Class::Duration => {
            compare_words(op, Words::of(left), Words::of(right), len, live, u64::cast_signed)
        }
        Class::Float => compare_words(op, Words::of(left), Words::of(right), len, live, float_key),
        Class::Bool => compare_bits(op, &bits(left, len), &bits(right, len), len),
        Class::Text => {
            let texts = left.texts();
            match right {
                Vector::Constant { value: Value::Text(text), .. } => {
                    rows_where(op, live, |row| Some(order_of_texts(op, texts.get(row)?, text)))
                }
                _ => rows_where(op, live, |row| Some(order_of_texts(op, texts.get(row)?, right.text(row)?))),
            }
        }
        Class::Decimal => {
            if let Some(rows) = few_decimals(op, left, right, len, live) {
                return rows;
            }
            if let Some((left, right)) = Fixed::of(left, live).zip(Fixed::of(right, live)) {
                let scale = left.scale().max(right.scale());
                if let Some((left, right)) = left.at(scale).zip(right.at(scale)) {
                    return compare_words(op, left.words(), right.words(), len, live, u64::cast_signed);
                }
            }
            rows_where(op, live, |row| Some(left.decimal(row)?.cmp(&right.decimal(row)?)))
        }
        Class::Bytes => rows_where(op, live, |row| Some(left.bytes(row)?.cmp(right.bytes(row)?))),
        Class::Uuid => rows_where(op, live, |row| Some(left.uuid(row)?.cmp(&right.uuid(row)?))),
        Class::Json => rows_where(op, live, |row| Some(left.value(row).cmp(&right.value(row)))),
    }
}

/// The order of two texts; where only that is asked, whether they are equal.
#[inline]
fn order_of_texts(op: Comparison, left: &str, right: &str) -> Ordering {
    match op {
        Comparison::Equal | Comparison::NotEqual if left.len() != right.len() => Ordering::Less,
        _ => left.cmp(right),
    }
}

/// The rows whose decimal in a leaf compares so with a constant, if at most half of the leaf's are asked about and those
/// are of one scale: as integers, each where it lies. Of more it is sooner to make integers of all.
fn few_decimals(
    op: Comparison,
    left: &Vector<'_>,
    right: &Vector<'_>,
    len: usize,
    live: &Bits,
) -> Option<Bits> {
    let (Vector::Leaf(leaf), Vector::Constant { value, .. }) = (left, right) else { return None };
    if live.count() * 2 > len {
        return None;
    }
    let wides = leaf.stored_decimals()?;
    let scale = live.iter().next().map(|row| leaf.decimal(row))??.scale();
    let constant = units_of(value, scale)?;
    let scale = u8::try_from(scale).ok()?;
    let mut yes = live.clone();
    for row in live {
        if !holds(op, decimal_unit(*wides.get(row)?, scale)?.cmp(&constant)) {
            yes.remove(row);
        }
    }
    Some(yes)
}

/// A number as so many times the last digit of a scale; `None` if it has more digits than that, or does not fit.
fn units_of(value: &Value, scale: u32) -> Option<i64> {
    let decimal = match value {
        Value::Decimal(decimal) => *decimal,
        Value::Int(int) => Decimal::from(*int),
        _ => return None,
    };
    let factor = 10_i128.checked_pow(scale.checked_sub(decimal.scale())?)?;
    i64::try_from(decimal.mantissa().checked_mul(factor)?).ok()
}

/// The rows whose two values are in such an order.
#[inline]
fn rows_where(op: Comparison, live: &Bits, order: impl Fn(usize) -> Option<Ordering>) -> Bits {
    let mut yes = live.clone();
    for row in live {
        if !order(row).is_some_and(|order| holds(op, order)) {
            yes.remove(row);
        }
    }
    yes
}

/// Whether two values in this order compare so.
#[inline]
pub(super) fn holds(op: Comparison, order: Ordering) -> bool {
    match op {
        Comparison::Equal | Comparison::Same => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// The words of an operand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words<'a> {
    Slice(&'a [u64]),
    Same(u64),
}

impl<'a> Words<'a> {
    /// The words of a column of that form; zeros of any other, which only NULL is.
    pub(crate) fn of(vector: &'a Vector<'_>) -> Words<'a> {
        match vector {
            Vector::Word { data, .. } => Words::Slice(data),
            vector => Words::Same(vector.word(0).unwrap_or_default()),
        }
    }

    #[inline]
    pub(crate) fn get(&self, row: usize) -> u64 {
        match self {
            Words::Slice(words) => words.get(row).copied().unwrap_or_default(),
            Words::Same(word) => *word,
        }
    }
}

/// An integer that is ordered as PostgreSQL orders floats: NaN is the greatest, both zeros are equal.
#[inline]
pub(crate) fn float_key(word: u64) -> i64 {
    let float = f64::from_bits(word);
    let bits = if float.is_nan() { i64::MAX } else { (float + 0.0).to_bits().cast_signed() };
    // The magnitude of a negative float is reversed, which makes two's complement of sign and magnitude.
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

/// Rows up to which words are compared row by row: what an earlier condition left over is often one or two of a leaf.
const FEW_ROWS: usize = 6;

fn compare_words(
    op: Comparison,
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    live: &Bits,
    key: impl Fn(u64) -> i64 + Copy,
) -> Bits {
    if live.count() <= FEW_ROWS {
        return rows_where(op, live, |row| Some(key(left.get(row)).cmp(&key(right.get(row)))));
    }
    if let (Words::Same(_), Words::Slice(_)) = (left, right) {
        return compare_words(mirrored(op), right, left, len, live, key);
    }
    match op {
        Comparison::Equal | Comparison::Same => word_mask(left, right, len, key, |a, b| a == b),
        Comparison::NotEqual => word_mask(left, right, len, key, |a, b| a != b),
        Comparison::Less => word_mask(left, right, len, key, |a, b| a < b),
        Comparison::LessOrEqual => word_mask(left, right, len, key, |a, b| a <= b),
        Comparison::Greater => word_mask(left, right, len, key, |a, b| a > b),
        Comparison::GreaterOrEqual => word_mask(left, right, len, key, |a, b| a >= b),
    }
}

/// The comparison that holds when the sides are swapped.
fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        symmetric => symmetric,
    }
}

#[inline]
fn word_mask(
    left: Words<'_>,
    right: Words<'_>,
    len: usize,
    key: impl Fn(u64) -> i64 + Copy,
    test: impl Fn(i64, i64) -> bool + Copy,
) -> Bits {
    match (left, right) {
        (Words::Slice(left), Words::Same(right)) => {
            let right = key(right);
            Bits::from_words_with(len, |start| {
                mask(part(left, start, len).iter().map(|left| test(key(*left), right)))
            })
        }
        (Words::Slice(left), Words::Slice(right)) => Bits::from_words_with(len, |start| {
            let pairs = part(left, start, len).iter().zip(part(right, start, len));
            mask(pairs.map(|(left, right)| test(key(*left), key(*right))))
        }),
        (left, right) => {
            if test(key(left.get(0)), key(right.get(0))) {
                Bits::all(len)
            } else {
                Bits::none(len)
            }
        }
    }
}

/// The words of 64 rows from `start`.
#[inline]
fn part(words: &[u64], start: usize, len: usize) -> &[u64] {
    words.get(start..len.min(start + WORD_ROWS)).unwrap_or_default()
}

/// A word for each row of up to 64, with the bit of the row.
static ROW_BITS: [u64; WORD_ROWS] = {
    let mut bits = [1; WORD_ROWS];
    let mut row = 1;
    while row < WORD_ROWS {
        bits[row] = bits[row - 1] << 1;
        row += 1;
    }
    bits
};

/// The bits of up to 64 tests. Each keeps or drops the bit of its row, which is done for several rows at once.
#[inline]
fn mask(tests: impl Iterator<Item = bool>) -> u64 {
    tests.zip(&ROW_BITS).fold(0, |mask, (test, bit)| mask | if test { *bit } else { 0 })
}

fn bits(vector: &Vector<'_>, len: usize) -> Bits {
    match vector {
        Vector::Bool { bits, .. } => bits.clone(),
        vector if vector.bool(0) == Some(true) => Bits::all(len),
        _ => Bits::none(len),
    }
}

/// False is less than true.
fn compare_bits(op: Comparison, left: &Bits, right: &Bits, len: usize) -> Bits {
    match op {
        Comparison::NotEqual => &left.and_not(right) | &right.and_not(left),
        Comparison::Less => right.and_not(left),
        Comparison::Greater => left.and_not(right),
        Comparison::Equal | Comparison::Same => {
            compare_bits(Comparison::NotEqual, left, right, len).complement(len)
        }
        Comparison::LessOrEqual => left.and_not(right).complement(len),
        Comparison::GreaterOrEqual => right.and_not(left).complement(len),
    }
}
