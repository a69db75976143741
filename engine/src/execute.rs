//! The executor: a tree of operators that hand batches upwards.
//!
//! Every operator pulls batches from its inputs and yields batches of its own, each with a selection of the rows
//! that are there. A scan yields leaves as they lie in the tree, 64 rows at a time, borrowed; what gathers rows from
//! several places (joins, sorts) yields up to [`BATCH_ROWS_MAX`](crate::batch::BATCH_ROWS_MAX). `'v` is the life of
//! the version that is read, and of the plan.
//!
//! Order of reading: `scan` and `ranges` (access paths), `filter`, `project`, `limit` (streaming), `key_table` (the one
//! hash table) and what numbers keys with it: `distinct`, `set`, `aggregate`, `hash_join`; `join` (what follows once
//! partners are known) and `nested_loop`; `sort`; `chunks` (rows that were collected, handed on); `index_join`,
//! `apply` (subqueries row by row); `measured` (what counts the others).
//!
//! A statement that has to end before its time notices where rows come from: in each batch of a scan, and of a join, which
//! makes many of few. An operator that pulls these needs not ask by itself.

mod aggregate;
mod apply;
mod chunks;
mod distinct;
mod filter;
mod hash_join;
mod index_join;
mod join;
mod key_table;
mod limit;
pub(crate) mod measured;
mod nested_loop;
mod project;
pub(crate) mod ranges;
mod scan;
mod set;
mod sort;
#[cfg(test)]
mod testing;
mod values;

use nuages_storage::Version;

use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Node, Plan};

/// A running operator.
pub(crate) trait Operator<'v> {
    /// Puts the next batch, which may have no selected row, in the place of `batch`; false at the end, and then it is
    /// not asked again. A leaf takes some tens of nanoseconds to work on, so who asks gives the same batch again, and
    /// its room is used again.
    fn next(&mut self, batch: &mut Batch<'v>, context: &Context<'_>) -> Result<bool, Error>;
}

/// An operator of any kind.
pub(crate) type Running<'v> = Box<dyn Operator<'v> + 'v>;

/// Runs a plan on a version and hands every batch to `each`. The batch's columns are the query's.
///
/// # Errors
/// What an expression fails with; what `each` returns; what ends the statement before its time.
pub fn run(
    plan: &Plan,
    version: &Version,
    context: &Context<'_>,
    each: &mut dyn FnMut(&Batch<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut operator = open(plan, version);
    let mut batch = Batch::default();
    context.check()?;
    while operator.next(&mut batch, context)? {
        if !batch.selection.is_empty() {
            each(&batch)?;
        }
    }
    Ok(())
}

/// Makes a plan ready to run. Nothing is read until the first batch is asked for.
pub(crate) fn open<'v>(plan: &'v Plan, version: &'v Version) -> Running<'v> {
    match &plan.node {
        Node::Unit => Box::new(values::Unit::new()),
        Node::Values(rows) => Box::new(values::Values::new(rows, &plan.columns)),
        Node::Scan(scan) => Box::new(scan::Scan::new(scan, version)),
        Node::Count(access, table) => Box::new(scan::Count::new(access, *table, version)),
        Node::Filter { input, predicate } => {
            Box::new(filter::Filter::new(open(input, version), &predicate.scalar))
        }
        Node::Project { input, columns } if project::is_identity(columns, input) => open(input, version),
        Node::Project { input, columns } => Box::new(project::Project::new(open(input, version), columns)),
        Node::HashJoin { kind, left, right, left_keys, right_keys, right_columns, residual, .. } => {
            Box::new(hash_join::HashJoin::new(
                *kind,
                (left, open(left, version)),
                (right, open(right, version)),
                (left_keys, right_keys),
                right_columns,
                residual.as_ref().map(|residual| apply::PairTest::new(residual, version)),
            ))
        }
        Node::IndexJoin { kind, left, lookup } => {
            Box::new(index_join::IndexJoin::new(*kind, left, open(left, version), lookup, version))
        }
        Node::NestedLoop { kind, left, right, on } => Box::new(nested_loop::NestedLoop::new(
            *kind,
            (left, open(left, version)),
            (right, open(right, version)),
            on.as_ref().map(|on| apply::PairTest::new(on, version)),
        )),
        Node::Aggregate { input, keys, aggregates, .. } => {
            Box::new(aggregate::Aggregate::new(open(input, version), keys, aggregates))
        }
        Node::Sort { input, keys, top, .. } => {
            Box::new(sort::Sort::new(input, open(input, version), keys, *top))
        }
        Node::Limit { input, offset, count } => {
            Box::new(limit::Limit::new(open(input, version), *offset, *count))
        }
        Node::Distinct { input, on } => Box::new(distinct::Distinct::new(open(input, version), on)),
        Node::Set { kind, all, left, right } => {
            Box::new(set::Set::new(*kind, *all, (left, open(left, version)), (right, open(right, version))))
        }
        Node::Apply { input, subqueries } => {
            Box::new(apply::Apply::new(open(input, version), subqueries, version))
        }
        Node::Measured { input, counter } => Box::new(measured::Measured::new(open(input, version), counter)),
    }
}
