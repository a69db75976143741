//! What can be locked, and the slots of the lock table that hold it.

use std::fmt;

use crate::{RowId, TableId};

/// Something that can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// A table: [`SHARED`](super::Strength::SHARED) by those who lock rows or keys in it,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Table(TableId),
    Rows(TableId, RowBlock),
    Key(u64),
    Object(u64),
}

impl Slot {
    /// The slot of a name, and its bit there.
    pub(super) fn of(name: Name) -> (Self, u64) {
        match name {
            Name::Table(table) => (Self::Table(table), 1),
            Name::Row(table, row) => {
                let (block, bit) = RowBlock::of(row);
                (Self::Rows(table, block), bit)
            }
            Name::Key(hash) => (Self::Key(hash), 1),
            Name::Object(hash) => (Self::Object(hash), 1),
        }
    }

    /// The first name in a mask.
    pub(super) fn first(self, mask: u64) -> Name {
        match self {
            Self::Table(table) => Name::Table(table),
            Self::Rows(table, block) => Name::Row(table, block.row(mask.trailing_zeros())),
            Self::Key(hash) => Name::Key(hash),
            Self::Object(hash) => Name::Object(hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_again_in_its_block_and_neighbours_share_one() {
        let table = TableId::new(1);
        for number in [i64::MIN, -65, -64, -1, 0, 1, 63, 64, i64::MAX] {
            let name = Name::Row(table, RowId::new(number));
            let (slot, bit) = Slot::of(name);
            assert_eq!((slot.first(bit), bit.count_ones()), (name, 1));
        }
        assert_eq!(RowBlock::of(RowId::new(-1)).0, RowBlock::of(RowId::new(-64)).0);
        assert_ne!(RowBlock::of(RowId::new(-1)).0, RowBlock::of(RowId::new(0)).0);
    }
}
