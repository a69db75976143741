//! What an evaluation needs beside the rows.

use std::cell::Cell;

use jiff::Timestamp;
use nuages_storage::Value;

use crate::reads::Reads;

/// What an evaluation needs beside the rows: the parameters of its statement, when that began, and who wants to know
/// what it reads.
///
/// ```
/// use nuages_engine::Context;
/// let context = Context::new(&[]);
/// assert_eq!(context.now(), context.now());
/// ```
#[derive(Clone, Debug)]
pub struct Context<'a> {
    parameters: &'a [Value],
    /// Asked of the clock when it is first needed: most statements never ask.
    now: Cell<Option<Timestamp>>,
    /// What is read is noted here, if the transaction must know at its end.
    reads: Option<&'a Reads>,
}

impl<'a> Context<'a> {
    /// Of a statement that begins now.
    #[must_use]
    pub const fn new(parameters: &'a [Value]) -> Context<'a> {
        Context { parameters, now: Cell::new(None), reads: None }
    }

    /// Of a statement that began at this time.
    #[must_use]
    pub const fn at(parameters: &'a [Value], now: Timestamp) -> Context<'a> {
        Context { parameters, now: Cell::new(Some(now)), reads: None }
    }

    /// The same, noting what is read.
    #[must_use]
    pub(crate) fn noting(self, reads: Option<&'a Reads>) -> Context<'a> {
        Context { reads, ..self }
    }

    /// The same with other parameters: for a subquery.
    #[must_use]
    pub(crate) fn with_parameters<'b>(&self, parameters: &'b [Value]) -> Context<'b>
    where
        'a: 'b,
    {
        Context { parameters, now: Cell::new(Some(self.now())), reads: self.reads }
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &'a [Value] {
        self.parameters
    }

    /// When the statement began; the same however often it is asked.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.now.get().unwrap_or_else(Timestamp::now);
        self.now.set(Some(now));
        now
    }

    /// Where to note what is read, if anywhere.
    pub(crate) fn reads(&self) -> Option<&'a Reads> {
        self.reads
    }
}
