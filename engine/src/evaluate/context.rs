//! What an evaluation needs beside the rows.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use nuages_storage::Value;

use super::membership::Sets;
use crate::draws::Draws;
use crate::error::Error;
use crate::limits::Interrupt;
use crate::memory::Memory;
use crate::reads::Reads;

/// How often it is asked whether the statement may go on, for each time the clock is looked at: a leaf of rows is often
/// read in less time than that takes.
const CHECKS_PER_LOOK: u32 = 16;

/// What an evaluation needs beside the rows: the parameters of its statement, when that began and when it must end, and
/// who wants to know what it reads.
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
    /// Which nodes of trees are visited is counted here, if somebody measures.
    visits: Option<&'a Visits>,
    /// What ends the statement before its time, if anything can.
    interrupt: Option<&'a Interrupt>,
    /// Where numbers of sequences are drawn, if anywhere.
    draws: Option<Draws<'a>>,
    /// How often it was asked whether that is so.
    checks: Cell<u32>,
    /// Made when the first list of parameters is looked at.
    sets: OnceCell<Box<Sets>>,
}

impl<'a> Context<'a> {
    /// Of a statement that begins now.
    #[must_use]
    pub const fn new(parameters: &'a [Value]) -> Context<'a> {
        Context {
            parameters,
            now: Cell::new(None),
            reads: None,
            visits: None,
            interrupt: None,
            draws: None,
            checks: Cell::new(0),
            sets: OnceCell::new(),
        }
    }

    /// Of a statement that began at this time.
    #[must_use]
    pub const fn at(parameters: &'a [Value], now: Timestamp) -> Context<'a> {
        let now = Cell::new(Some(now));
        Context {
            parameters,
            now,
            reads: None,
            visits: None,
            interrupt: None,
            draws: None,
            checks: Cell::new(0),
            sets: OnceCell::new(),
        }
    }

    /// The same, noting what is read.
    #[must_use]
    pub(crate) fn noting(self, reads: Option<&'a Reads>) -> Context<'a> {
        Context { reads, ..self }
    }

    /// The same, where numbers of sequences are drawn here.
    #[must_use]
    pub(crate) fn drawing(self, draws: Option<Draws<'a>>) -> Context<'a> {
        Context { draws, ..self }
    }

    /// The same for an operator that is measured.
    #[must_use]
    pub(crate) fn visiting<'b>(&self, visits: &'b Visits) -> Context<'b>
    where
        'a: 'b,
    {
        Context { visits: Some(visits), ..self.with_parameters(self.parameters) }
    }

    /// The same, within limits.
    #[must_use]
    pub(crate) fn within(self, interrupt: &'a Interrupt) -> Context<'a> {
        let now = Cell::new(self.now.get().or(interrupt.now()));
        Context { interrupt: (!interrupt.is_none()).then_some(interrupt), now, ..self }
    }

    /// The same with other parameters: for a subquery.
    #[must_use]
    pub(crate) fn with_parameters<'b>(&self, parameters: &'b [Value]) -> Context<'b>
    where
        'a: 'b,
    {
        let Context { reads, visits, interrupt, draws, .. } = *self;
        Context {
            parameters,
            now: Cell::new(Some(self.now())),
            reads,
            visits,
            interrupt,
            draws,
            checks: Cell::new(0),
            sets: OnceCell::new(),
        }
    }

    /// That the statement may go on. To be asked for every batch and every leaf: mostly it is a look at a flag, and now
    /// and then at the clock.
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::StatementTimeout`].
    #[inline]
    pub fn check(&self) -> Result<(), Error> {
        let Some(interrupt) = self.interrupt else { return Ok(()) };
        let checks = self.checks.get();
        self.checks.set(checks.wrapping_add(1));
        interrupt.check(checks.is_multiple_of(CHECKS_PER_LOOK))
    }

    /// What the statement keeps in memory, if that is limited.
    #[inline]
    pub(crate) fn memory(&self) -> Option<&'a Arc<Memory>> {
        self.interrupt?.memory()
    }

    /// Where numbers of sequences are drawn, if anywhere.
    pub(crate) fn draws(&self) -> Option<Draws<'a>> {
        self.draws
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &'a [Value] {
        self.parameters
    }

    /// The sets of its lists of parameters.
    pub(super) fn sets(&self) -> &Sets {
        self.sets.get_or_init(Box::default)
    }

    /// When the statement began, or the transaction if that is what its statements go by; the same however often it is
    /// asked.
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

    /// Counts nodes of trees that are visited, if somebody measures. Otherwise it costs a look at a flag, and what is
    /// counted is not even found out.
    #[inline]
    pub(crate) fn visit(&self, nodes: impl FnOnce() -> u64) {
        if let Some(visits) = self.visits {
            visits.0.fetch_add(nodes(), Ordering::Relaxed);
        }
    }

    /// Whether somebody measures, or wants to know what is read.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.visits.is_some() || self.reads.is_some()
    }

    /// Whether somebody measures.
    #[inline]
    pub(crate) fn is_measured(&self) -> bool {
        self.visits.is_some()
    }
}

/// How many nodes of trees were visited.
#[derive(Debug, Default)]
pub(crate) struct Visits(AtomicU64);

impl Visits {
    /// The number.
    pub(crate) fn nodes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
