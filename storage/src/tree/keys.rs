//! Separators whose keys have a fixed size.

use smallvec::SmallVec;

use super::{FANOUT, Keys};
use crate::cache::ask_for;

/// Keys that are their own packed form: row ids, for one. They lie in the node itself.
#[derive(Debug)]
pub(crate) struct PlainKeys<K>(SmallVec<[K; FANOUT]>);

/// One copy; what is derived would go key by key.
impl<K: Copy> Clone for PlainKeys<K> {
    fn clone(&self) -> Self {
        Self(SmallVec::from_slice(&self.0))
    }
}

impl<K> Default for PlainKeys<K> {
    fn default() -> Self {
        Self(SmallVec::new())
    }
}

impl<K: Copy + Ord + 'static> Keys for PlainKeys<K> {
    type Key<'k> = K;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, at: usize) -> K {
        self.0[at]
    }

    /// A binary search has no branch to mispredict, and asks four of so few keys: half the price of counting them all.
    /// But it asks one after the other, so the cache lines in which they lie are asked for together before.
    #[inline]
    fn upper_bound(&self, key: K) -> usize {
        let keys = self.0.as_slice();
        keys.first().into_iter().chain(keys.last()).for_each(ask_for);
        keys.partition_point(|separator| *separator <= key)
    }

    fn insert(&mut self, at: usize, key: K) {
        self.0.insert(at, key);
    }

    fn insert_between(&mut self, at: usize, _left: K, right: K) {
        self.0.insert(at, right);
    }

    fn remove(&mut self, at: usize) {
        self.0.remove(at);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self(self.0.drain(at..).collect())
    }
}
