//! Short keys that came lately, by the keys as they are.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::words::SPREADING;
use super::{ABSENT, KeyColumns};
use crate::bits::Bits;
use crate::vector::{TextsOf, Vector};

/// Places for keys that came lately.
const RECENT_PLACES: usize = 256;

/// After so many keys it is decided whether it is worth while to go on looking.
const RECENT_TRIAL: u32 = 4_096;

/// The numbers of short keys that came lately, by the keys as they are. Groups by several columns are often few, and to
/// encode a key, to hash it and to compare it takes several times as long as to find it here.
#[derive(Default)]
pub(super) struct Recent {
    /// Empty until the first short key comes.
    places: Vec<(u128, u32)>,
    looked: u32,
    found: u32,
}

impl Recent {
    /// The number of a row's key, from here or from `otherwise`.
    #[inline]
    pub(super) fn number(
        &mut self,
        keys: Option<&ShortKeys<'_, '_>>,
        row: usize,
        otherwise: impl FnOnce() -> u32,
    ) -> u32 {
        if self.looked >= RECENT_TRIAL && self.found < self.looked / 2 {
            return otherwise();
        }
        let is_trial = self.looked < RECENT_TRIAL;
        self.looked += u32::from(is_trial);
        let Some(key) = keys.and_then(|keys| keys.key(row)) else { return otherwise() };
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

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the key, and a place among 256")]
fn place_of_short(key: u128) -> usize {
    let word = (key as u64).rotate_left(23) ^ (key >> 64) as u64;
    (word.wrapping_mul(SPREADING) >> 56) as usize % RECENT_PLACES
}

/// The longest text in a key that is one number.
const SHORT_TEXT_MAX: usize = 15;

/// Keys as one number each.
pub(super) struct ShortKeys<'a, 'v>(SmallVec<[ShortPart<'a, 'v>; 4]>);

/// A column of short keys.
enum ShortPart<'a, 'v> {
    Words(&'a [u64], &'a Bits),
    Texts(TextsOf<'a, 'v>),
}

impl<'a, 'v> ShortKeys<'a, 'v> {
    /// The keys of these columns; none if they may be other than words and texts.
    pub(super) fn of(columns: &'a KeyColumns<'_, 'v>) -> Option<Self> {
        let part = |column: &'a Cow<'_, Vector<'v>>| match &**column {
            Vector::Word { data, nulls, .. } => Some(ShortPart::Words(data, nulls)),
            column if column.holds_text() => Some(ShortPart::Texts(column.texts())),
            _ => None,
        };
        columns.iter().map(part).collect::<Option<_>>().map(ShortKeys)
    }

    /// A row's key, if it takes no more than 16 bytes: of each column a byte that says how long it is, and what it is.
    /// Keys that are one number are equal; those that are equal may be several.
    #[inline]
    fn key(&self, row: usize) -> Option<u128> {
        const NULL: u128 = 0xff;
        let (mut key, mut left) = (0_u128, 16_usize);
        let mut push = |length: usize, tag: u128, value: u128| {
            left = left.checked_sub(length + 1)?;
            key = key << 8 | tag;
            key = if length == 0 { key } else { key << (8 * length) | value };
            Some(())
        };
        for part in &self.0 {
            match part {
                ShortPart::Words(data, nulls) => match nulls.contains(row) {
                    true => push(0, NULL, 0)?,
                    false => push(8, 8, u128::from(data[row]))?,
                },
                ShortPart::Texts(texts) => match texts.get(row) {
                    None => push(0, NULL, 0)?,
                    Some(text) if text.len() > SHORT_TEXT_MAX => return None,
                    Some(text) => {
                        let value = text.bytes().fold(0, |all, byte| all << 8 | u128::from(byte));
                        push(text.len(), text.len() as u128, value)?;
                    }
                },
            }
        }
        Some(key)
    }
}
