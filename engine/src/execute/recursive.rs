//! Recursion: rows, the rows that follow from them, and so on until none follow.
//!
//! The evaluation is semi-naive: a round sees the rows of the round before it and no older ones (Bancilhon and
//! Ramakrishnan, "An Amateur's Introduction to Recursive Query Processing Strategies", SIGMOD 1986). Without `ALL`,
//! rows that came before are left out, so that a walk over a graph with cycles ends.

use std::rc::Rc;

use super::chunks::{Chunks, builder_for};
use super::key_table::{KeyColumns, KeyTable, first_rows};
use super::scope::{Scope, WorkRows};
use super::{Operator, Running, open};
use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::memory::Charge;
use crate::plan::Plan;
use std::borrow::Cow;

/// See the [module](self).
pub(super) struct Recursive<'v> {
    base: &'v Plan,
    step: &'v Plan,
    /// What the step is opened in, once for each round.
    scope: Scope<'v>,
    /// The rows of the round before.
    last: Rc<WorkRows<'v>>,
    /// The operator of the first round, before it has run.
    first: Option<Running<'v>>,
    seen: Option<Seen>,
    /// The rows of this round, on their way out.
    round: Option<Chunks<'v>>,
    /// All rows so far count as kept, so that a recursion without end has one where there is a limit.
    charge: Charge,
}

/// All rows so far.
struct Seen {
    table: KeyTable,
    numbers: Vec<u32>,
}

impl<'v> Recursive<'v> {
    pub(super) fn new(
        table: crate::algebra::WorkTable,
        all: bool,
        (base, first): (&'v Plan, Running<'v>),
        step: &'v Plan,
        scope: &Scope<'v>,
    ) -> Self {
        let last = WorkRows::unknown();
        let types: Vec<_> = base.columns.iter().map(|column| column.data_type).collect();
        Recursive {
            base,
            step,
            scope: scope.with(table, Rc::clone(&last)),
            last,
            first: Some(first),
            seen: (!all).then(|| Seen { table: KeyTable::new(&types), numbers: Vec::new() }),
            round: None,
            charge: Charge::default(),
        }
    }

    /// Runs a round. False if no rows came of it.
    fn run(&mut self, mut input: Running<'v>, context: &Context<'_>) -> Result<bool, Error> {
        let mut rows = builder_for(self.base);
        let mut batch = Batch::default();
        while input.next(&mut batch, context)? {
            context.check()?;
            if let Some(seen) = &mut self.seen {
                seen.keep_new(&mut batch);
            }
            self.charge.add_rows("a recursion", &batch, context)?;
            rows.append(&batch);
        }
        let rows = Rc::new(rows.finish());
        if rows.len == 0 {
            return Ok(false);
        }
        self.last.set(Rc::clone(&rows));
        self.round = Some(Chunks::new((*rows).clone()));
        Ok(true)
    }
}

impl Seen {
    /// Leaves of a batch the rows that are new.
    fn keep_new(&mut self, batch: &mut Batch<'_>) {
        let keys: KeyColumns<'_, '_> = batch.columns.iter().map(Cow::Borrowed).collect();
        let known = self.table.len();
        self.numbers.resize(batch.len, 0);
        self.table.insert(&keys, &batch.selection, &mut self.numbers);
        batch.selection = first_rows(known, &batch.selection, &self.numbers);
    }
}

impl<'v> Operator<'v> for Recursive<'v> {
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error> {
        loop {
            if let Some(round) = &mut self.round
                && round.next_into(batch)
            {
                return Ok(true);
            }
            let input = match self.first.take() {
                Some(first) => first,
                None if self.round.is_some() => open(self.step, &self.scope),
                None => return Ok(false),
            };
            if !self.run(input, context)? {
                self.round = None;
                return Ok(false);
            }
        }
    }
}
