//! Sets of a few small things, as the planner makes them by the dozen.

use std::fmt::{self, Debug, Formatter};

use smallvec::{Array, SmallVec};

use super::{Column, Source};

/// A set of columns.
pub(crate) type ColumnSet = SortedSet<[Column; 12]>;

/// A set of sources.
pub(crate) type SourceSet = SortedSet<[Source; 8]>;

/// A set whose members lie in order: few as a rule, so that a search costs less than a hash, and a copy no allocation.
pub(crate) struct SortedSet<A: Array>(SmallVec<A>);

impl<A: Array<Item: Clone>> Clone for SortedSet<A> {
    fn clone(&self) -> Self {
        SortedSet(self.0.clone())
    }
}

impl<A: Array<Item: Debug>> Debug for SortedSet<A> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.0).finish()
    }
}

impl<A: Array> Default for SortedSet<A> {
    fn default() -> Self {
        SortedSet(SmallVec::new())
    }
}

impl<A: Array<Item: Copy + Ord>> SortedSet<A> {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn insert(&mut self, member: A::Item) {
        if let Err(place) = self.0.binary_search(&member) {
            self.0.insert(place, member);
        }
    }

    pub(crate) fn contains(&self, member: &A::Item) -> bool {
        self.0.binary_search(member).is_ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Its members, ascending.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, A::Item> {
        self.0.iter()
    }

    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|member| other.contains(member))
    }

    pub(crate) fn is_disjoint(&self, other: &Self) -> bool {
        !self.iter().any(|member| other.contains(member))
    }

    /// Takes out the members of another set.
    pub(crate) fn remove_all(&mut self, other: &Self) {
        self.0.retain(|member| !other.contains(member));
    }
}

impl<A: Array<Item: Copy + Ord>> Extend<A::Item> for SortedSet<A> {
    fn extend<I: IntoIterator<Item = A::Item>>(&mut self, members: I) {
        members.into_iter().for_each(|member| self.insert(member));
    }
}

impl<A: Array<Item: Copy + Ord>> FromIterator<A::Item> for SortedSet<A> {
    fn from_iter<I: IntoIterator<Item = A::Item>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

impl<A: Array> IntoIterator for SortedSet<A> {
    type Item = A::Item;
    type IntoIter = smallvec::IntoIter<A>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
