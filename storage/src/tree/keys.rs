//! Separators whose keys have a fixed size.

use smallvec::SmallVec;

use super::{FANOUT, Keys};

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

    /// Counting all of so few keys has no branch to mispredict.
    fn upper_bound(&self, key: K) -> usize {
        self.0.iter().filter(|separator| **separator <= key).count()
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
