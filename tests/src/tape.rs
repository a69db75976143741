//! Random decisions that shrink.
//!
//! A generator that builds a query step by step cannot easily say how to make a failing query smaller. So it does not
//! draw random numbers: it reads its decisions off a tape of numbers that proptest made, and where the tape has ended
//! every decision is the first choice, which is the simplest one. proptest shrinks the tape, by leaving numbers out and
//! lowering them, and the query gets simpler with it (the idea is Hypothesis's: MacIver and Donaldson, "Test-Case
//! Reduction via Test-Case Generation", ECOOP 2020).

/// Decisions, read one after the other.
pub struct Tape<'t> {
    choices: std::slice::Iter<'t, u16>,
}

impl<'t> Tape<'t> {
    /// A tape, from its beginning.
    pub fn new(choices: &'t [u16]) -> Tape<'t> {
        Tape { choices: choices.iter() }
    }

    /// A number below `end`; 0 at the end of the tape. A lower number on the tape never gives a higher one here.
    pub fn below(&mut self, end: usize) -> usize {
        let choice = self.choices.next().copied().unwrap_or(0);
        (usize::from(choice) * end) >> 16
    }

    /// True one time in `n`; false at the end of the tape.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// One of these; the first at the end of the tape.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Whether every further decision is the first choice.
    pub fn is_at_end(&self) -> bool {
        self.choices.len() == 0
    }
}
