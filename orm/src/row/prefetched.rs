//! Related rows in the extras of a row.

use std::any::Any;
use std::ops::Deref;

use super::{Columns, Row};
use crate::field::{DecodeError, RowReader};

/// The related rows that `prefetch_to` puts into a row. It derefs to their slice.
#[derive(Clone, Debug, PartialEq)]
pub struct Prefetched<C>(Vec<C>);

impl<C> From<Vec<C>> for Prefetched<C> {
    fn from(rows: Vec<C>) -> Self {
        Prefetched(rows)
    }
}

impl<C> Deref for Prefetched<C> {
    type Target = [C];
    fn deref(&self) -> &[C] {
        &self.0
    }
}

impl<C> IntoIterator for Prefetched<C> {
    type Item = C;
    type IntoIter = std::vec::IntoIter<C>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'p, C> IntoIterator for &'p Prefetched<C> {
    type Item = &'p C;
    type IntoIter = std::slice::Iter<'p, C>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// It has no column: its rows come by a query of their own.
impl<C: 'static> Row for Prefetched<C> {
    fn read<R: RowReader + ?Sized>(_: &R, _: &mut Columns<'_>) -> Result<Self, DecodeError> {
        Ok(Prefetched(Vec::new()))
    }

    fn slots<'r>(&'r mut self, slots: &mut Vec<&'r mut dyn Any>) {
        slots.push(self);
    }
}
