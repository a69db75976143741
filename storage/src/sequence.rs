//! Sequences: numbers that are handed out one after another, for whoever asks.
//!
//! They live beside the versions, as automatic keys do, and for the same reason: what was handed out is handed out,
//! whatever is rolled back. But a sequence may step by any number, downwards too, go round, and be set to where it was
//! before. So what is written down of one is a *state* and how often it had changed to get there, its stamp: of two
//! records the one with the greater stamp is the later, wherever they lie in the log.
//!
//! In files states are reserved ahead, as keys are: what is written down is a state that so many further numbers lead
//! to, and until those are handed out nothing more is. A program that is killed skips at most as many.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::error::Error;
use crate::keys::Counters;
use crate::numbered::Numbered;
use crate::record::SequenceRecord;
use crate::table::TableId;

/// How many numbers of a sequence are reserved beyond those that were handed out.
const BLOCK: u64 = if cfg!(test) { 4 } else { 32 };

/// A sequence of a store. Ids are never used again, and say whether files know nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(u32);

impl SequenceId {
    /// What is added to the numbers of temporary sequences; others are less.
    const TEMPORARY: u32 = 1 << 31;

    /// The id with this number.
    pub const fn new(number: u32) -> SequenceId {
        SequenceId(number)
    }

    /// Its number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The id of a temporary sequence in the place of this one.
    #[must_use]
    pub const fn as_temporary(self) -> SequenceId {
        SequenceId(self.0 | Self::TEMPORARY)
    }

    /// Whether it is a temporary sequence, which is not written into files.
    #[must_use]
    pub const fn is_temporary(self) -> bool {
        self.0 >= Self::TEMPORARY
    }
}

/// How a sequence goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Steps {
    /// The first number.
    pub start: i64,
    /// What each is beyond the one before; not zero.
    pub increment: i64,
    /// The least number.
    pub min: i64,
    /// The greatest number.
    pub max: i64,
    /// Whether it goes on at the other end when there is no further number.
    pub cycles: bool,
}

impl Steps {
    /// The number after another, if there is one before the end.
    fn after(&self, last: i64) -> Option<i64> {
        last.checked_add(self.increment).filter(|next| (self.min..=self.max).contains(next))
    }

    /// The number `count` steps after another, or as many as there are before the end; and how many those are.
    fn ahead(&self, last: i64, count: u64) -> (i64, u64) {
        let mut reached = (last, 0);
        while reached.1 < count
            && let Some(next) = self.after(reached.0)
        {
            reached = (next, reached.1 + 1);
        }
        reached
    }
}

/// Where a sequence is.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The number that was handed out last; if none was, the first.
    last: i64,
    /// Whether it was handed out.
    is_called: bool,
    /// How often it has changed.
    stamp: u64,
    /// What is written down of it: its stamp and its number then.
    reserved: (u64, i64),
    steps: Steps,
}

/// What a store hands out beside its versions: numbers of sequences, and keys of tables.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'s>(&'s Counters);

impl<'s> Numbers<'s> {
    pub(crate) fn of(counters: &'s Counters) -> Numbers<'s> {
        Numbers(counters)
    }

    /// The next number of a sequence. It is not handed out again, unless the sequence goes round or is set back.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`] if there is none.
    pub fn next(&self, id: SequenceId, steps: &Steps) -> Result<i64, Error> {
        self.0.sequences().next(id, steps)
    }

    /// Sets a sequence to a number, which was handed out, or is the next to be. That is undone by nothing.
    pub fn set(&self, id: SequenceId, steps: &Steps, last: i64, is_called: bool) {
        self.0.sequences().set(id, steps, last, is_called);
    }

    /// Says how a sequence goes on from where it is, whatever was reserved.
    pub fn go_on(&self, id: SequenceId, steps: &Steps) {
        self.0.sequences().go_on(id, steps);
    }

    /// The number of a sequence that was handed out last, and whether it was; if none was, it is the first.
    pub fn last(&self, id: SequenceId, steps: &Steps) -> (i64, bool) {
        self.0.sequences().last(id, steps)
    }

    /// The next automatic key of a table.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`].
    pub fn next_key(&self, table: TableId) -> Result<i64, Error> {
        self.0.take(table, 1)
    }

    /// No automatic key of a table up to this one will be handed out.
    pub fn note_key(&self, table: TableId, key: i64) {
        self.0.note(table, key);
    }

    /// The greatest automatic key of a table that was handed out or used; 0 if none was.
    pub fn last_key(&self, table: TableId) -> i64 {
        self.0.last(table)
    }
}

/// The sequences of one store. See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    states: Mutex<Numbered<State>>,
    /// Whether they are written down.
    is_durable: bool,
    /// Whether something was handed out that is not reserved.
    is_beyond: AtomicBool,
}

impl Sequences {
    /// Those of a store in files, where these are written down.
    pub(crate) fn restored(records: &[SequenceRecord]) -> Sequences {
        let mut states = Numbered::default();
        for record in records {
            let SequenceRecord { id, stamp, last, is_called } = *record;
            // How it goes on is said by whoever asks.
            let steps = Steps { start: last, increment: 1, min: i64::MIN, max: i64::MAX, cycles: false };
            *states.get_or_insert_with(id, || State::new(&steps)) =
                State { last, is_called, stamp, reserved: (stamp, last), steps };
        }
        Sequences { states: Mutex::new(states), is_durable: true, is_beyond: AtomicBool::new(false) }
    }

    fn next(&self, id: SequenceId, steps: &Steps) -> Result<i64, Error> {
        let mut states = self.states.lock();
        let state = states.get_or_insert_with(id.0, || State::new(steps));
        if state.steps != *steps {
            // What is reserved was counted in other steps.
            (state.stamp, state.steps) = (state.stamp.max(state.reserved.0), *steps);
        }
        let around = || {
            let first = if steps.increment > 0 { steps.min } else { steps.max };
            steps.cycles.then_some(first)
        };
        let next = match state.is_called {
            false => Some(state.last),
            true => steps.after(state.last).or_else(around),
        };
        let next = next.ok_or(Error::SequenceExhausted { last: state.last })?;
        (state.last, state.is_called) = (next, true);
        state.stamp += 1;
        self.note(id, state);
        Ok(next)
    }

    fn go_on(&self, id: SequenceId, steps: &Steps) {
        let mut states = self.states.lock();
        let state = states.get_or_insert_with(id.0, || State::new(steps));
        (state.stamp, state.steps) = (state.stamp.max(state.reserved.0) + 1, *steps);
        self.note(id, state);
    }

    fn set(&self, id: SequenceId, steps: &Steps, last: i64, is_called: bool) {
        let mut states = self.states.lock();
        let state = states.get_or_insert_with(id.0, || State::new(steps));
        (state.last, state.is_called, state.steps) = (last, is_called, *steps);
        state.stamp = state.stamp.max(state.reserved.0) + 1;
        self.note(id, state);
    }

    fn last(&self, id: SequenceId, steps: &Steps) -> (i64, bool) {
        let states = self.states.lock();
        states.get(id.0).map_or((steps.start, false), |state| (state.last, state.is_called))
    }

    fn note(&self, id: SequenceId, state: &State) {
        if self.is_durable && !id.is_temporary() && state.stamp > state.reserved.0 {
            self.is_beyond.store(true, Ordering::Release);
        }
    }

    /// Whether something was handed out that is not reserved.
    pub(crate) fn is_beyond_reserved(&self) -> bool {
        self.is_beyond.load(Ordering::Acquire)
    }

    /// Reserves further numbers of the sequences of which more was handed out than is reserved, and tells which.
    pub(crate) fn reserve(&self) -> Vec<SequenceRecord> {
        let mut states = self.states.lock();
        self.is_beyond.store(false, Ordering::SeqCst);
        let beyond = states.iter_mut().filter(|(id, state)| is_kept(*id) && state.stamp > state.reserved.0);
        beyond
            .map(|(id, state)| {
                let count = if state.is_called { BLOCK } else { 0 };
                let (last, steps) = state.steps.ahead(state.last, count);
                state.reserved = (state.stamp + steps, last);
                state.reserved(id)
            })
            .collect()
    }

    /// Everything up to what is reserved.
    pub(crate) fn reserved(&self) -> Vec<SequenceRecord> {
        self.kept(State::reserved)
    }

    /// Everything up to what was handed out.
    pub(crate) fn handed_out(&self) -> Vec<SequenceRecord> {
        self.kept(State::handed_out)
    }

    /// What is said of each sequence that files know of.
    fn kept(&self, of: impl Fn(&State, u32) -> SequenceRecord) -> Vec<SequenceRecord> {
        let states = self.states.lock();
        states.iter().filter(|(id, _)| is_kept(*id)).map(|(id, state)| of(state, id)).collect()
    }

    /// A copy for a fork, which is in memory.
    pub(crate) fn copy(&self) -> Sequences {
        Sequences { states: Mutex::new(self.states.lock().clone()), ..Sequences::default() }
    }
}

/// Whether files know of the sequence with this number.
fn is_kept(number: u32) -> bool {
    !SequenceId::new(number).is_temporary()
}

impl State {
    fn new(steps: &Steps) -> State {
        State { last: steps.start, is_called: false, stamp: 0, reserved: (0, steps.start), steps: *steps }
    }

    fn handed_out(&self, id: u32) -> SequenceRecord {
        SequenceRecord { id, stamp: self.stamp, last: self.last, is_called: self.is_called }
    }

    /// What is reserved, or was handed out beyond that.
    fn reserved(&self, id: u32) -> SequenceRecord {
        match self.reserved {
            (stamp, last) if stamp > self.stamp => SequenceRecord { id, stamp, last, is_called: true },
            _ => self.handed_out(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Steps = Steps { start: 1, increment: 1, min: 1, max: i64::MAX, cycles: false };
    const ID: SequenceId = SequenceId::new(0);

    fn taken(sequences: &Sequences, steps: &Steps, count: usize) -> Vec<i64> {
        (0..count).map(|_| sequences.next(ID, steps).unwrap()).collect()
    }

    #[test]
    fn numbers_in_other_steps_than_were_reserved_are_reserved_anew() {
        let sequences = Sequences::restored(&[]);
        assert_eq!(taken(&sequences, &UP, 1), [1]);
        sequences.reserve();
        assert_eq!(taken(&sequences, &UP, 1), [2]);
        assert!(!sequences.is_beyond_reserved());
        assert_eq!(taken(&sequences, &Steps { increment: 4, ..UP }, 2), [6, 10]);
        assert!(sequences.is_beyond_reserved());
        let [record] = sequences.reserve()[..] else { panic!("there is one") };
        let restored = Sequences::restored(&[record]);
        assert!(taken(&restored, &UP, 1) > vec![10]);
    }

    #[test]
    fn a_sequence_with_other_bounds_has_none_of_what_was_reserved_within_the_old_ones() {
        let sequences = Sequences::restored(&[]);
        assert_eq!(taken(&sequences, &UP, 1), [1]);
        sequences.reserve();
        let short = Steps { max: 3, ..UP };
        sequences.go_on(ID, &short);
        let [record] = sequences.reserve()[..] else { panic!("there is one") };
        assert_eq!((record.last, record.is_called), (3, true));
        assert_eq!(sequences.last(ID, &short), (1, true));
    }

    #[test]
    fn a_sequence_steps_goes_round_and_ends() {
        let sequences = Sequences::default();
        assert_eq!(sequences.last(ID, &UP), (1, false));
        assert_eq!(taken(&sequences, &UP, 3), [1, 2, 3]);
        let down = Steps { start: 10, increment: -4, min: 1, max: 11, cycles: true };
        sequences.set(ID, &down, 10, false);
        assert_eq!(taken(&sequences, &down, 5), [10, 6, 2, 11, 7]);
        let short = Steps { max: 2, ..UP };
        sequences.set(ID, &short, 1, true);
        assert_eq!(taken(&sequences, &short, 1), [2]);
        assert_eq!(sequences.next(ID, &short), Err(Error::SequenceExhausted { last: 2 }));
        let last = Steps { start: i64::MAX, ..UP };
        sequences.set(ID, &last, i64::MAX, true);
        assert_eq!(sequences.next(ID, &last), Err(Error::SequenceExhausted { last: i64::MAX }));
    }

    #[test]
    fn what_lies_ahead_ends_where_the_sequence_does() {
        assert_eq!(UP.ahead(5, 4), (9, 4));
        assert_eq!(Steps { max: 7, ..UP }.ahead(5, 4), (7, 2));
        assert_eq!(Steps { max: 7, increment: 4, ..UP }.ahead(5, 4), (5, 0));
        assert_eq!(Steps { min: -9, increment: -5, max: 0, ..UP }.ahead(0, 4), (-5, 1));
        assert_eq!(UP.ahead(i64::MAX, 4), (i64::MAX, 0));
        let far = Steps { increment: i64::MAX, ..UP };
        assert_eq!(far.ahead(1, 4), (1, 0));
        assert_eq!(Steps { min: i64::MIN, ..far }.ahead(i64::MIN, 4), (i64::MAX - 1, 2));
    }

    #[test]
    fn what_is_reserved_covers_what_is_handed_out_and_a_block_beyond() {
        let sequences = Sequences::restored(&[]);
        assert_eq!(taken(&sequences, &UP, 2), [1, 2]);
        assert!(sequences.is_beyond_reserved());
        let record = SequenceRecord { id: 0, stamp: 2 + BLOCK, last: 6, is_called: true };
        assert_eq!(sequences.reserve(), [record]);
        assert_eq!(taken(&sequences, &UP, 4), [3, 4, 5, 6]);
        assert!(!sequences.is_beyond_reserved());
        assert_eq!(sequences.reserve(), []);
        assert_eq!(taken(&Sequences::restored(&[record]), &UP, 1), [7]);
        let closed = Sequences::restored(&sequences.handed_out());
        assert_eq!(taken(&closed, &UP, 1), [7]);
        assert!(closed.is_beyond_reserved());
    }

    #[test]
    fn a_sequence_that_is_set_back_is_later_than_what_was_reserved() {
        let sequences = Sequences::restored(&[]);
        taken(&sequences, &UP, 2);
        let before = sequences.reserve()[0].stamp;
        sequences.set(ID, &UP, 1, false);
        assert!(sequences.is_beyond_reserved());
        let set = sequences.reserve()[0];
        assert!(set.stamp > before);
        assert_eq!((set.last, set.is_called), (1, false));
        assert_eq!(sequences.reserved(), [set]);
        assert_eq!(taken(&Sequences::restored(&[set]), &UP, 2), [1, 2]);
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        let sequences = Sequences::restored(&[]);
        taken(&sequences, &UP, 7);
        let copy = sequences.copy();
        assert_eq!(taken(&copy, &UP, 1), [8]);
        assert_eq!(taken(&sequences, &UP, 1), [8]);
        assert!(!copy.is_beyond_reserved());
    }
}
