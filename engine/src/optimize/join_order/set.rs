//! Sets of inputs, as bits.

/// Some of the inputs of a join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct InputSet(u128);

impl InputSet {
    /// The most inputs that joins are ordered of at once.
    pub(crate) const INPUTS_MAX: usize = 120;

    /// One input.
    pub(crate) fn of(input: usize) -> InputSet {
        InputSet(1 << input)
    }

    /// The inputs before this one.
    pub(crate) fn before(input: usize) -> InputSet {
        InputSet((1 << input) - 1)
    }

    pub(crate) fn union(self, other: InputSet) -> InputSet {
        InputSet(self.0 | other.0)
    }

    pub(crate) fn intersection(self, other: InputSet) -> InputSet {
        InputSet(self.0 & other.0)
    }

    pub(crate) fn without(self, other: InputSet) -> InputSet {
        InputSet(self.0 & !other.0)
    }

    pub(crate) fn contains(self, input: usize) -> bool {
        self.0 >> input & 1 == 1
    }

    pub(crate) fn is_subset(self, other: InputSet) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) fn meets(self, other: InputSet) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The only input, if there is one.
    pub(crate) fn single(self) -> Option<usize> {
        (self.len() == 1).then(|| self.0.trailing_zeros() as usize)
    }

    /// Its inputs, ascending.
    pub(crate) fn iter(self) -> Inputs {
        Inputs(self.0)
    }

    /// Its subsets but the empty one, each after those it contains (Vance and Maier, "Rapid Bushy Join-Order
    /// Optimization with Cartesian Products", SIGMOD 1996).
    pub(crate) fn subsets(self) -> impl Iterator<Item = InputSet> {
        let next = move |subset: &u128| {
            let next = (subset.wrapping_sub(self.0)) & self.0;
            (next != 0).then_some(next)
        };
        std::iter::successors(next(&0), next).map(InputSet)
    }
}

/// The inputs of a set that have not been handed out.
#[derive(Clone, Debug)]
pub(crate) struct Inputs(u128);

impl Iterator for Inputs {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let first = (self.0 != 0).then(|| self.0.trailing_zeros() as usize)?;
        self.0 &= self.0 - 1;
        Some(first)
    }
}

impl DoubleEndedIterator for Inputs {
    fn next_back(&mut self) -> Option<usize> {
        let last = (self.0 != 0).then(|| 127 - self.0.leading_zeros() as usize)?;
        self.0 ^= 1 << last;
        Some(last)
    }
}

impl FromIterator<usize> for InputSet {
    fn from_iter<I: IntoIterator<Item = usize>>(inputs: I) -> InputSet {
        inputs.into_iter().fold(InputSet::default(), |set, input| set.union(InputSet::of(input)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_come_after_what_they_contain() {
        let set: InputSet = [1, 4, 127].into_iter().collect();
        let subsets: Vec<InputSet> = set.subsets().collect();
        assert_eq!(subsets.len(), 7);
        for (number, subset) in subsets.iter().enumerate() {
            assert!(subset.is_subset(set));
            assert!(subsets[number..].iter().all(|later| later == subset || !later.is_subset(*subset)));
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 4, 127]);
        assert_eq!(set.iter().rev().collect::<Vec<_>>(), [127, 4, 1]);
    }
}
