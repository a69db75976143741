//! Where partitions and peers begin and end.

use std::ops::Range;

use nuages_storage::DataType;
use nuages_storage::key::{KeyBuffer, KeyPart};

use crate::evaluate::float_key;
use crate::execute::key_table::{KeyColumns, row_number};
use crate::vector::Vector;

/// Rows in order, divided into partitions, and these into groups of peers. All numbers are places in the order.
#[derive(Debug)]
pub(super) struct Layout {
    len: usize,
    /// Where each group of peers begins, and `len`.
    peers: Vec<u32>,
    /// The number of the group with which each partition begins, and how many groups there are.
    partitions: Vec<u32>,
}

/// A partition: its rows, and its groups of peers.
pub(super) struct Partition {
    pub(super) rows: Range<usize>,
    pub(super) groups: Range<usize>,
}

impl Layout {
    /// Of `len` rows in an order. Rows of a partition agree in the first columns, peers in all.
    pub(super) fn new(
        columns: &KeyColumns<'_, '_>,
        partition_columns: usize,
        order: Option<&[u32]>,
        len: usize,
    ) -> Layout {
        let (mut peers, mut partitions) = (Vec::new(), Vec::new());
        let mut keys = (KeyBuffer::new(), KeyBuffer::new());
        let (partition, within) = columns.split_at(partition_columns);
        let row = |place: usize| order.map_or(place, |order| order[place] as usize);
        for place in 0..len {
            let mut differs = |columns: &[std::borrow::Cow<'_, Vector<'_>>]| {
                let (before, now) = (row(place - 1), row(place));
                columns.iter().any(|column| !same(column, before, now, &mut keys))
            };
            let begins_partition = place == 0 || differs(partition);
            let begins_group = begins_partition || differs(within);
            if begins_partition {
                partitions.push(row_number(peers.len()));
            }
            if begins_group {
                peers.push(row_number(place));
            }
        }
        partitions.push(row_number(peers.len()));
        peers.push(row_number(len));
        Layout { len, peers, partitions }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The partitions in order.
    pub(super) fn partitions(&self) -> impl Iterator<Item = Partition> {
        self.partitions.windows(2).map(|ends| {
            let groups = ends[0] as usize..ends[1] as usize;
            Partition { rows: self.begin(groups.start)..self.begin(groups.end), groups }
        })
    }

    /// The rows of a group of peers.
    pub(super) fn group(&self, group: usize) -> Range<usize> {
        self.begin(group)..self.begin(group + 1)
    }

    fn begin(&self, group: usize) -> usize {
        self.peers.get(group).map_or(self.len, |place| *place as usize)
    }
}

/// Whether two rows of a column agree; NULLs do.
#[inline]
fn same(column: &Vector<'_>, a: usize, b: usize, keys: &mut (KeyBuffer, KeyBuffer)) -> bool {
    match column {
        Vector::Constant { .. } => true,
        Vector::Word { kind, data, nulls } => {
            let equal = match kind {
                DataType::Float => float_key(data[a]) == float_key(data[b]),
                _ => data[a] == data[b],
            };
            match (nulls.contains(a), nulls.contains(b)) {
                (false, false) => equal,
                (a, b) => a == b,
            }
        }
        Vector::Text { .. } => column.text(a) == column.text(b),
        column => {
            const PART: KeyPart = KeyPart::ASCENDING.nullable();
            keys.0.clear();
            keys.1.clear();
            column.push_key(PART, a, &mut keys.0);
            column.push_key(PART, b, &mut keys.1);
            keys.0.as_slice() == keys.1.as_slice()
        }
    }
}
