//! The texts of a slot, for who reads many of them: where they lie is found out once.

use super::Leaf;

/// The texts of a slot of a leaf that lie in it.
#[derive(Clone, Copy, Debug)]
pub struct LeafTexts<'v> {
    cells: &'v [u64],
    nulls: u64,
    shared: &'v str,
    own: &'v str,
}

impl Leaf {
    /// The texts of a slot.
    #[inline]
    pub(crate) fn texts(&self, slot: usize) -> LeafTexts<'_> {
        let span = self.span(slot);
        let (shared, own) = self.text.parts();
        LeafTexts {
            cells: &self.words[span.rows(&(0..self.len()))],
            nulls: self.words[span.nulls],
            shared,
            own,
        }
    }
}

impl<'v> LeafTexts<'v> {
    /// The text of a row; `None` if it is NULL, or if it does not lie in the leaf, as long ones and defaults do not: then
    /// the [view](crate::LeafView::text) has it. O(1)
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> Option<&'v str> {
        let cell = *self.cells.get(row)?;
        if self.nulls >> row & 1 == 1 {
            return None;
        }
        // What does not lie here has a cell that is beyond any heap.
        let (start, length) = ((cell >> 32) as usize, (cell & u64::from(u32::MAX)) as usize);
        match start.checked_sub(self.shared.len()) {
            None => self.shared.get(start..start + length),
            Some(start) => self.own.get(start..start + length),
        }
    }
}
