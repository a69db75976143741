//! What can be locked, and the slots of the lock table that hold it.

use std::fmt;

use crate::{RowId, TableId};

/// Something that can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A table: [`SHARED`](super::Strength::SHARED) by those who write to it or lock rows or keys in it,
    /// [`EXCLUSIVE`](super::Strength::EXCLUSIVE) by a change of its schema.
    Table(TableId),
    /// A row, whether it exists or not.
    Row(TableId, RowId),
    /// An entry of a unique index, whether it exists or not, by the hash that [`Locks::key`](super::Locks::key)
    /// gives it. Two keys of one hash wait for each other without need, and nothing worse.
    Key(u64),
    /// The name of a table, an index or another object of the schema, by the hash that
    /// [`Locks::object`](super::Locks::object) gives it.
    Object(u64),
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "table {}", table.get()),
            Self::Row(table, row) => write!(f, "row {} of table {}", row.get(), table.get()),
            Self::Key(hash) => write!(f, "the unique key with hash {hash:016x}"),
            Self::Object(hash) => write!(f, "the name with hash {hash:016x}"),
        }
    }
}

/// 64 consecutive row ids, of which the first is a multiple of 64. Locks of rows are kept by the block, a bit a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowBlock(i64);

impl RowBlock {
    /// The block in which a row lies, and the bit of the row in it.
    #[must_use]
    pub const fn of(row: RowId) -> (Self, u64) {
        (Self(row.get() >> 6), 1 << (row.get() & 63))
    }

    /// The row of a bit, counted from 0 to 63.
    #[must_use]
    pub const fn row(self, bit: u32) -> RowId {
        RowId::new(self.0 << 6 | (bit & 63) as i64)
    }
}

/// A slot of the lock table: up to 64 names that are locked together, as the bits of a mask. Names other than rows
/// have a slot to themselves and are its lowest bit.
///
/// Two words and no enum, since every lock hashes and compares one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    /// The kind of name in the lowest two bits; for rows the table above them.
    space: u64,
    /// Table, block or hash.
    number: u64,
}

const TABLE: u64 = 0;
const ROWS: u64 = 1;
const KEY: u64 = 2;
const OBJECT: u64 = 3;

/// For a look into the lock table by reference, which copies a slot only where it is new there.
impl From<&Slot> for Slot {
    fn from(slot: &Slot) -> Self {
        *slot
    }
}

impl Slot {
    /// The slot of a name, and its bit there.
    pub(crate) fn of(name: Name) -> (Self, u64) {
        match name {
            Name::Table(table) => (Self { space: TABLE, number: u64::from(table.get()) }, 1),
            Name::Row(table, row) => {
                let (block, bit) = RowBlock::of(row);
                (Self::of_rows(table, block), bit)
            }
            Name::Key(number) => (Self { space: KEY, number }, 1),
            Name::Object(number) => (Self { space: OBJECT, number }, 1),
        }
    }

    /// The slot of a block of rows.
    pub(crate) fn of_rows(table: TableId, block: RowBlock) -> Self {
        Self { space: u64::from(table.get()) << 2 | ROWS, number: block.0.cast_unsigned() }
    }

    /// Whether it is a table's.
    pub(super) fn is_table(self) -> bool {
        self.space == TABLE
    }

    /// The first name in a mask.
    pub(super) fn first(self, mask: u64) -> Name {
        match self.space & 3 {
            TABLE => Name::Table(TableId::new(self.number as u32)),
            KEY => Name::Key(self.number),
            OBJECT => Name::Object(self.number),
            _ => {
                let block = RowBlock(self.number.cast_signed());
                Name::Row(TableId::new((self.space >> 2) as u32), block.row(mask.trailing_zeros()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_again_in_its_slot() {
        let rows = [i64::MIN, -65, -64, -1, 0, 1, 63, 64, i64::MAX].map(RowId::new);
        let tables = [0, 1, u32::MAX].map(TableId::new);
        let mut names: Vec<Name> = tables.into_iter().map(Name::Table).collect();
        names.extend(tables.iter().flat_map(|table| rows.map(|row| Name::Row(*table, row))));
        names.extend([0, 1, u64::MAX].into_iter().flat_map(|hash| [Name::Key(hash), Name::Object(hash)]));
        let mut slots = std::collections::HashSet::new();
        for name in names {
            let (slot, bit) = Slot::of(name);
            assert_eq!((slot.first(bit), bit.count_ones()), (name, 1));
            assert!(slots.insert((slot, bit)));
        }
    }

    #[test]
    fn neighbours_share_a_block_on_both_sides_of_zero() {
        assert_eq!(RowBlock::of(RowId::new(-1)).0, RowBlock::of(RowId::new(-64)).0);
        assert_ne!(RowBlock::of(RowId::new(-1)).0, RowBlock::of(RowId::new(0)).0);
    }
}
