//! What was compiled: a question with its plan, or a statement that writes, and where it means what it meant.
//!
//! Both what a program [prepares](super::prepared) and what the [cache](super::cache) keeps by itself is made of these.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use jiff::tz::TimeZone;
use nuages_engine::{
    algebra::{Query, Statement},
    bits::WORD_ROWS,
};
use nuages_storage::Value;
use smallvec::SmallVec;

use super::QueryState;
use crate::{
    compile::Compiler,
    error::Result,
    executor::{Executor, statement::execute},
    field::{DecodeError, RowReader},
    model::Model,
    prefetch::Keys,
    read::{self, BatchRow, Question},
    row::{Columns, Joined, Row, read_instance},
    schema::Binding,
};

/// Where something was compiled, and where it means what it meant there.
#[doc(hidden)]
pub struct Home {
    binding: Arc<Binding>,
    zone: Option<TimeZone>,
    /// How many parameters it has; the time of the run is the one after them.
    pub(super) parameters: usize,
}

/// The values of one run.
pub(super) type Values = SmallVec<[Value; 4]>;

impl Home {
    /// That of an executor.
    pub(super) fn of(ex: &dyn Executor, parameters: usize) -> Home {
        let binding = Arc::clone(&ex.shared().binding);
        Home { binding, zone: ex.settings().zone.clone(), parameters }
    }

    pub(super) fn is(&self, ex: &dyn Executor) -> bool {
        Arc::ptr_eq(&self.binding, &ex.shared().binding) && self.zone == ex.settings().zone
    }

    pub(super) fn compiler<'c>(&self, ex: &'c dyn Executor) -> Compiler<'c> {
        Compiler::new(ex).leave_open(self.parameters)
    }

    /// Runs what was compiled, and compiles it first if that has not been done here.
    pub(super) fn with<T, O>(
        &self,
        kept: &OnceLock<T>,
        ex: &dyn Executor,
        compile: impl FnOnce() -> Result<T>,
        run: impl FnOnce(&T) -> Result<O>,
    ) -> Result<O> {
        if !self.is(ex) {
            return run(&compile()?);
        }
        if let Some(compiled) = kept.get() {
            return run(compiled);
        }
        let compiled = compile()?;
        run(kept.get_or_init(|| compiled))
    }
}

/// The values of a run, and behind them the time of the run if that is asked for.
pub(crate) fn with_now<O>(
    values: &[Value],
    now: bool,
    ex: &dyn Executor,
    run: impl FnOnce(&[Value]) -> O,
) -> O {
    if !now {
        return run(values);
    }
    let mut all: Values = values.iter().cloned().collect();
    all.push(Value::Timestamp(ex.settings().now()));
    run(&all)
}

/// A compiled question.
#[derive(Debug)]
pub struct Compiled {
    prepared: nuages_engine::Prepared,
    joined: Vec<Joined>,
    /// Whether the time of the run is a parameter.
    now: bool,
    /// How many rows the last run had: the next one may have as many.
    rows: AtomicUsize,
}

impl Compiled {
    pub(super) fn new(
        query: Query,
        joined: Vec<Joined>,
        compiler: &Compiler<'_>,
        ex: &dyn Executor,
    ) -> Result<Compiled> {
        let prepared = nuages_engine::Prepared::new(ex.session()?, query)?;
        Ok(Compiled { prepared, joined, now: compiler.asks_for_now(), rows: AtomicUsize::new(0) })
    }

    /// The same, planned for these values.
    pub(super) fn for_values(
        query: Query,
        joined: Vec<Joined>,
        compiler: &Compiler<'_>,
        values: &[Value],
        ex: &dyn Executor,
    ) -> Result<Compiled> {
        let (session, now) = (ex.session()?, compiler.asks_for_now());
        let prepared =
            with_now(values, now, ex, |values| nuages_engine::Prepared::for_values(session, query, values))?;
        Ok(Compiled { prepared, joined, now, rows: AtomicUsize::new(0) })
    }

    pub(super) fn rows<R: Row>(
        &self,
        state: &QueryState,
        values: &[Value],
        ex: &dyn Executor,
    ) -> Result<Vec<R>> {
        let names = if R::NAMED { state.names() } else { Vec::new() };
        let columns = super::run::columns_of(state, &names, &self.joined);
        self.read(state, &columns, values, ex, |row| R::read(row, &mut columns.clone()))
    }

    /// The instances of a queryset whose rows are no more than that.
    pub(super) fn instances<M: Model>(
        &self,
        state: &QueryState,
        values: &[Value],
        ex: &dyn Executor,
    ) -> Result<Vec<M>> {
        let columns = Columns { joined: &self.joined, ..Columns::default() };
        self.read(state, &columns, values, ex, |row| read_instance(row, &mut columns.clone()))
    }

    /// The rows of [`Asked::Related`](super::cache::Asked::Related), told apart by what the path leads to.
    pub(crate) fn related<R: Row>(
        &self,
        state: &QueryState,
        values: &[Value],
        keys: &Keys,
        ex: &dyn Executor,
    ) -> Result<Vec<Vec<R>>> {
        let names = if R::NAMED { state.names() } else { Vec::new() };
        let columns = super::run::columns_of(state, &names, &self.joined);
        let last = self.prepared.column_names().len() - 1;
        let number = |row: &BatchRow<'_, '_>| keys.find(row, last);
        let read = |row: &BatchRow<'_, '_>| R::read(row, &mut columns.clone());
        with_now(values, self.now, ex, |values| {
            let question = Question::Prepared(&self.prepared, values);
            read::fetch_lists(ex, state.model, question, &columns, (keys.len(), &number), read)
        })
    }

    fn read<T>(
        &self,
        state: &QueryState,
        columns: &Columns<'_>,
        values: &[Value],
        ex: &dyn Executor,
        read: impl FnMut(&BatchRow<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>> {
        let expected = self.rows.load(Relaxed);
        let rows = with_now(values, self.now, ex, |values| {
            let question = Question::Prepared(&self.prepared, values);
            read::fetch_about(ex, state.model, question, columns, expected, read)
        })?;
        // Most plans have few rows or always as many; those share this line of the cache between threads.
        if rows.len() != expected && rows.len().max(expected) > WORD_ROWS {
            self.rows.store(rows.len(), Relaxed);
        }
        Ok(rows)
    }

    /// All values of the only row.
    pub(super) fn row(&self, state: &QueryState, values: &[Value], ex: &dyn Executor) -> Result<Vec<Value>> {
        let columns = self.prepared.column_names().len();
        let rows = with_now(values, self.now, ex, |values| {
            let question = Question::Prepared(&self.prepared, values);
            read::fetch(ex, state.model, question, |row| {
                Ok((0..columns).map(|column| row.value(column)).collect())
            })
        });
        Ok(rows?.pop().unwrap_or_default())
    }

    pub(super) fn scalar(&self, state: &QueryState, values: &[Value], ex: &dyn Executor) -> Result<Value> {
        with_now(values, self.now, ex, |values| {
            read::scalar(ex, state.model, Question::Prepared(&self.prepared, values))
        })
    }
}

/// A compiled statement that writes.
#[derive(Debug)]
pub struct CompiledWrite {
    statement: Statement,
    now: bool,
}

impl CompiledWrite {
    pub(super) fn new(statement: Statement, compiler: &Compiler<'_>) -> CompiledWrite {
        CompiledWrite { statement, now: compiler.asks_for_now() }
    }

    /// Updates rows of a table, and says how many.
    pub(super) fn update(&self, table: &'static str, values: &[Value], ex: &dyn Executor) -> Result<u64> {
        let run = |values: &[Value]| execute(ex, table, &self.statement, values);
        Ok(with_now(values, self.now, ex, run)?.affected)
    }
}
