//! Aggregates of booleans and of bits, and any value.

use std::borrow::Cow;

use nuages_storage::{DataType, Value};

use crate::bits::Bits;
use crate::evaluate::Words;
use crate::vector::{Vector, VectorBuilder};

/// Whether all are true, or some.
#[derive(Clone, Debug)]
pub(super) struct Truths {
    all: bool,
    groups: Vec<Option<bool>>,
}

impl Truths {
    pub(super) fn new(all: bool) -> Truths {
        Truths { all, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, None);
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        for row in live {
            let group = &mut self.groups[group(row)];
            *group = both(self.all, *group, input.bool(row));
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        truths(&self.groups)
    }
}

/// Of two truths both or one, where they are known.
pub(crate) fn both(all: bool, left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(left), Some(right)) => Some(if all { left && right } else { left || right }),
        (left, right) => left.or(right),
    }
}

/// A column of booleans; `None` is NULL.
pub(crate) fn truths(values: &[Option<bool>]) -> Vector<'static> {
    let bits = Bits::from_fn(values.len(), |row| values[row] == Some(true));
    let nulls = Bits::from_fn(values.len(), |row| values[row].is_none());
    Vector::Bool { bits, nulls }
}

/// Integers joined bit by bit.
#[derive(Clone, Debug)]
pub(super) struct BitSets {
    how: Joining,
    groups: Vec<Option<u64>>,
}

impl BitSets {
    pub(super) fn new(how: Joining) -> BitSets {
        BitSets { how, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, None);
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, live: &Bits) {
        let words = Words::of(input);
        for row in live {
            let group = &mut self.groups[group(row)];
            *group = joined(self.how, *group, Some(words.get(row)));
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        words(&self.groups)
    }
}

/// Which bits are kept of two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Those that both have.
    And,
    /// Those that one has.
    Or,
    /// Those that only one has.
    Xor,
}

/// The bits of two words, where they are known.
pub(crate) fn joined(how: Joining, left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(match how {
            Joining::And => left & right,
            Joining::Or => left | right,
            Joining::Xor => left ^ right,
        }),
        (left, right) => left.or(right),
    }
}

/// A column of integers; `None` is NULL.
pub(crate) fn words(values: &[Option<u64>]) -> Vector<'static> {
    let nulls = Bits::from_fn(values.len(), |row| values[row].is_none());
    let data = values.iter().map(|value| value.unwrap_or_default()).collect();
    Vector::Word { kind: DataType::BigInt, data: Cow::Owned(data), nulls }
}

/// The value of the first row of each group, of those that are given: all, or those in which it is not NULL.
#[derive(Clone, Debug)]
pub(super) struct FirstValues {
    kind: DataType,
    /// None until the first row.
    groups: Vec<Option<Value>>,
}

impl FirstValues {
    pub(super) fn new(kind: DataType) -> FirstValues {
        FirstValues { kind, groups: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn resize(&mut self, groups: usize) {
        self.groups.resize(groups, None);
    }

    #[inline]
    pub(super) fn take(&mut self, group: impl Fn(usize) -> usize, input: &Vector<'_>, rows: &Bits) {
        for row in rows {
            self.groups[group(row)].get_or_insert_with(|| input.value(row));
        }
    }

    pub(super) fn finish(self) -> Vector<'static> {
        let mut builder = VectorBuilder::with_capacity(self.kind, self.groups.len());
        self.groups.iter().for_each(|value| builder.push(value.as_ref().unwrap_or(&Value::Null)));
        builder.finish()
    }
}
