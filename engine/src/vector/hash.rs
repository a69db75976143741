//! Hashing columns, for joins, groups and `DISTINCT`.
//!
//! Rows that are [the same](Vector::same) hash alike, whatever the form of their columns. The step is the folded
//! multiplication of wyhash and foldhash: a 64 x 64 bit product whose halves are added by exclusive or.

use std::hash::{Hash, Hasher};

use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use super::Vector;
use crate::bits::Bits;

/// What NULL hashes to.
const NULL: u64 = 0x9e37_79b9_7f4a_7c15;
/// Two odd constants with about as many ones as zeros, from the digits of pi.
const KEYS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345];

impl Vector<'_> {
    /// Mixes the hash of each selected row into `hashes`, which has an entry for every row of the batch. Called for
    /// one column after the other it hashes a composite key.
    ///
    /// # Panics
    /// If `hashes` is shorter than the batch.
    pub fn hash_into(&self, selection: &Bits, hashes: &mut [u64]) {
        match self {
            Vector::Word { kind: DataType::Float, .. } => {
                mix_rows(selection, hashes, |row| self.float(row).map_or(NULL, float_bits));
            }
            Vector::Word { data, nulls, .. } => {
                mix_rows(selection, hashes, |row| if nulls.contains(row) { NULL } else { data[row] });
            }
            Vector::Constant { value, .. } => {
                let hash = hash_value(value);
                mix_rows(selection, hashes, |_| hash);
            }
            _ if self.holds_text() => {
                mix_rows(selection, hashes, |row| {
                    self.text(row).map_or(NULL, |text| hash_bytes(text.as_bytes()))
                });
            }
            _ if self.holds_decimals() => {
                mix_rows(selection, hashes, |row| self.decimal(row).map_or(NULL, hash_decimal));
            }
            Vector::Bool { .. } => {
                mix_rows(selection, hashes, |row| self.bool(row).map_or(NULL, u64::from));
            }
            _ => mix_rows(selection, hashes, |row| hash_value(&self.value(row))),
        }
    }
}

#[inline]
fn mix_rows(selection: &Bits, hashes: &mut [u64], hash: impl Fn(usize) -> u64) {
    for row in selection {
        hashes[row] = mix(hashes[row], hash(row));
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product")]
fn mix(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word ^ KEYS[0]) * u128::from(KEYS[1] | 1 << 63);
    (product as u64) ^ (product >> 64) as u64
}

fn hash_value(value: &Value) -> u64 {
    match value {
        Value::Null => NULL,
        Value::Bool(bool) => u64::from(*bool),
        Value::Float(float) => float_bits(*float),
        Value::Text(text) => hash_bytes(text.as_bytes()),
        Value::Decimal(decimal) => hash_decimal(*decimal),
        Value::Bytes(bytes) => hash_bytes(bytes),
        value => value.to_word().unwrap_or_else(|| {
            let mut mixer = Mixer(KEYS[0]);
            value.hash(&mut mixer);
            mixer.0
        }),
    }
}

/// One pattern for both zeros, and one for all NaNs.
fn float_bits(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}

/// Equal decimals may differ in scale.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the number")]
fn hash_decimal(decimal: Decimal) -> u64 {
    let normal = decimal.normalize();
    let mantissa = normal.mantissa();
    mix(mix(u64::from(normal.scale()), mantissa as u64), (mantissa >> 64) as u64)
}

/// Hashes bytes, eight at a time.
fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut mixer = Mixer(bytes.len() as u64);
    mixer.write(bytes);
    mixer.0
}

/// The same mixing as a hasher, for the values that know only how to hash themselves.
struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.0 = mix(self.0, u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.0 = mix(self.0, u64::from_le_bytes(last));
        }
    }
}
