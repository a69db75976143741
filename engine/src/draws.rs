//! Numbers that statements draw of sequences.
//!
//! A sequence lies beside the versions (see [`nuages_storage::sequence`]), so an expression that draws needs more than
//! rows and parameters: the store, and the session, which knows what it drew last. Both are lent to its
//! [`Context`](crate::evaluate::Context). Nothing that was drawn is given back, whatever becomes of the statement, and
//! a statement that is attempted again draws again.

use std::sync::atomic::{AtomicBool, Ordering};

use hashbrown::HashMap;
use nuages_storage::Numbers;
use parking_lot::Mutex;

use crate::algebra::{Numbering, Origin};
use crate::error::Error;

/// Where the statements of a session draw numbers.
#[derive(Clone, Copy, Debug)]
pub struct Draws<'a> {
    pub(crate) numbers: Numbers<'a>,
    /// What the session has drawn, if it is asked for that.
    pub(crate) current: Option<&'a CurrentNumbers>,
    pub(crate) only_reads: bool,
}

/// What a session has drawn.
#[derive(Debug, Default)]
pub(crate) struct CurrentNumbers {
    current: Mutex<Current>,
    /// Whether something was drawn that may not be durable.
    is_unreserved: AtomicBool,
}

#[derive(Debug, Default)]
struct Current {
    /// Of each sequence what was drawn last.
    numbers: HashMap<Origin, i64>,
    latest: Option<i64>,
}

impl CurrentNumbers {
    /// A number was drawn.
    pub(crate) fn note(&self, origin: Origin, number: i64) {
        let mut current = self.current.lock();
        current.numbers.insert(origin, number);
        current.latest = Some(number);
        self.is_unreserved.store(true, Ordering::Release);
    }

    /// Whether something was drawn since this was asked last.
    pub(crate) fn take_unreserved(&self) -> bool {
        self.is_unreserved.load(Ordering::Acquire) && self.is_unreserved.swap(false, Ordering::AcqRel)
    }
}

impl Draws<'_> {
    /// The next number.
    ///
    /// # Errors
    /// [`Error::SequenceExhausted`], [`Error::ReadOnly`].
    pub(crate) fn next(&self, of: &Numbering) -> Result<i64, Error> {
        if self.only_reads {
            return Err(Error::ReadOnly);
        }
        let number = match of.origin {
            Origin::Keys(table) => self.numbers.next_key(table)?,
            Origin::Sequence(id) => match self.numbers.next(id, &of.steps) {
                Err(nuages_storage::Error::SequenceExhausted { last }) => {
                    return Err(Error::SequenceExhausted { name: of.name.clone(), last });
                }
                number => number?,
            },
        };
        if let Some(current) = self.current {
            current.note(of.origin, number);
        }
        Ok(number)
    }

    /// Goes on behind a number, or with it if it is not handed out yet. The keys of a table never go back.
    ///
    /// # Errors
    /// [`Error::SequenceBounds`], [`Error::ReadOnly`].
    pub(crate) fn set(&self, of: &Numbering, number: i64, is_called: bool) -> Result<i64, Error> {
        if self.only_reads {
            return Err(Error::ReadOnly);
        }
        let (min, max) = (of.steps.min, of.steps.max);
        if !(min..=max).contains(&number) {
            return Err(Error::SequenceBounds { name: of.name.clone(), number, min, max });
        }
        match of.origin {
            Origin::Keys(table) => self.numbers.note_key(table, number - i64::from(!is_called)),
            Origin::Sequence(id) => self.numbers.set(id, &of.steps, number, is_called),
        }
        if let Some(current) = self.current {
            if is_called {
                current.current.lock().numbers.insert(of.origin, number);
            }
            current.is_unreserved.store(true, Ordering::Release);
        }
        Ok(number)
    }

    /// The number that was handed out last, to whomever, and whether any was; else the first.
    pub(crate) fn last(&self, of: &Numbering) -> (i64, bool) {
        match of.origin {
            Origin::Sequence(id) => self.numbers.last(id, &of.steps),
            Origin::Keys(table) => match self.numbers.last_key(table) {
                0 => (1, false),
                last => (last, true),
            },
        }
    }

    /// The number that the session drew last.
    ///
    /// # Errors
    /// [`Error::NothingDrawn`].
    pub(crate) fn current(&self, of: &Numbering) -> Result<i64, Error> {
        let current =
            self.current.and_then(|current| current.current.lock().numbers.get(&of.origin).copied());
        current.ok_or_else(|| Error::NothingDrawn { name: Some(of.name.clone()) })
    }

    /// The number that the session drew last of any sequence.
    ///
    /// # Errors
    /// [`Error::NothingDrawn`].
    pub(crate) fn latest(&self) -> Result<i64, Error> {
        let latest = self.current.and_then(|current| current.current.lock().latest);
        latest.ok_or(Error::NothingDrawn { name: None })
    }
}
