//! Values under numbers that mostly run from zero without a gap.
//!
//! Ids of tables are never reused, and files say which there are. A list indexed by them would have room for every id
//! that ever was, and a damaged file could ask for any amount of memory; this has room for what there is.

use smallvec::SmallVec;

/// Values by number, in the order of the numbers. One without a gap before it is found at once, others in O(log n).
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T> {
    /// One lies in place: a version of a few tables has one chunk of them, and is copied wherever a snapshot is held.
    entries: SmallVec<[(u32, T); 1]>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Numbered<T> {
        Numbered { entries: SmallVec::new() }
    }
}

impl<T> Numbered<T> {
    /// The value under a number.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.place(number).ok().map(|place| &self.entries[place].1)
    }

    /// The value under a number, which is made if there is none.
    pub(crate) fn get_or_insert_with(&mut self, number: u32, value: impl FnOnce() -> T) -> &mut T {
        let place = self.place(number).unwrap_or_else(|place| {
            self.entries.insert(place, (number, value()));
            place
        });
        &mut self.entries[place].1
    }

    /// Every value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.entries.iter().map(|(number, value)| (*number, value))
    }

    /// Every value, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        self.entries.iter_mut().map(|(number, value)| (*number, value))
    }

    /// Where a number is, or belongs.
    fn place(&self, number: u32) -> Result<usize, usize> {
        match self.entries.get(number as usize) {
            Some((found, _)) if *found == number => Ok(number as usize),
            _ => self.entries.binary_search_by_key(&number, |(number, _)| *number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_and_without_gaps() {
        let mut numbered = Numbered::default();
        for number in [1, 0, u32::MAX, 7, 2] {
            assert_eq!(numbered.get(number), None);
            *numbered.get_or_insert_with(number, || 0) += u64::from(number);
        }
        *numbered.get_or_insert_with(7, || 0) += 1;
        let all = [(0, 0), (1, 1), (2, 2), (7, 8), (u32::MAX, u64::from(u32::MAX))];
        assert_eq!(numbered.iter().map(|(number, value)| (number, *value)).collect::<Vec<_>>(), all);
        assert_eq!((numbered.get(7), numbered.get(3)), (Some(&8), None));
    }
}
