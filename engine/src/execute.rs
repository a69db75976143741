//! The executor: a tree of operators that hand batches upwards.
//!
//! Every operator pulls batches from its inputs and yields batches of its own, each with a selection of the rows
//! that are there. A scan yields leaves as they lie in the tree, 64 rows at a time, borrowed; what gathers rows from
//! several places (joins, sorts) yields up to [`BATCH_ROWS_MAX`](crate::batch::BATCH_ROWS_MAX). `'v` is the life of
//! the version that is read, and of the plan.
//!
//! Order of reading: `scan` and `ranges` (access paths), `point` and `nothing` (one row and none, without operators),
//! `filter`, `project`, `limit` (streaming), `together` (rows of batches that have few), `key_table` (the one hash table)
//! and what numbers keys with it: `distinct`, `set`, `aggregate`, `hash_join`, `marking_join`; `merge_join`; `join` (what
//! follows once partners are known) and `nested_loop`; `sort`; `window`; `chunks` (rows that were collected, handed on);
//! `index_join`, `apply` (subqueries row by row), `mark` (those whose rows are read once), `lateral`; `scope` (what is
//! defined around a plan), `work_table`,
//! `recursive`; `measured` (what counts the others).
//!
//! A statement that has to end before its time notices where rows come from: in each batch of a scan, of a list of
//! rows and of a work table, and of a join, which makes many of few. An operator that pulls these needs not ask by
//! itself.

mod aggregate;
mod apply;
mod chunks;
mod distinct;
mod filter;
mod hash_join;
mod index_join;
mod join;
mod key_table;
mod lateral;
mod limit;
mod mark;
mod marking_join;
pub(crate) mod measured;
mod merge_join;
mod nested_loop;
mod nothing;
pub(crate) mod point;
mod project;
pub(crate) mod ranges;
mod recursive;
mod scan;
pub(crate) mod scope;
mod set;
mod sort;
#[cfg(test)]
mod testing;
mod together;
mod values;
mod window;
mod work_table;

use nuages_storage::Version;

use crate::batch::Batch;
use crate::error::Error;
use crate::evaluate::Context;
use crate::plan::{Node, Plan};
use nothing::yields_nothing;
use point::{Point, point_fetch};
use scope::Scope;
use together::Together;

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
    run_held(plan, version, context, &mut |batch| each(batch))
}

/// The same where plan and version live longer than the run, and so does what batches borrow from them.
pub(crate) fn run_held<'v>(
    plan: &'v Plan,
    version: &'v Version,
    context: &Context<'_>,
    each: &mut dyn FnMut(&Batch<'v>) -> Result<(), Error>,
) -> Result<(), Error> {
    if let Some(fetch) = point_fetch(plan)
        && let Some(point) = Point::of(plan, &fetch)
    {
        return point.run(version, context, each);
    }
    run_operators(plan, &Scope::new(version), context, each)
}

/// The same by operators, whatever the plan is.
pub(crate) fn run_operators<'v>(
    plan: &'v Plan,
    scope: &Scope<'v>,
    context: &Context<'_>,
    each: &mut dyn FnMut(&Batch<'v>) -> Result<(), Error>,
) -> Result<(), Error> {
    context.check()?;
    if !context.is_watched() && yields_nothing(plan, scope, context) {
        return Ok(());
    }
    let mut operator = open(plan, scope);
    let mut batch = Batch::default();
    while operator.next(&mut batch, context)? {
        if !batch.selection.is_empty() {
            each(&batch)?;
        }
    }
    Ok(())
}

/// Makes a plan ready to run. Nothing is read until the first batch is asked for.
pub(crate) fn open<'v>(plan: &'v Plan, scope: &Scope<'v>) -> Running<'v> {
    let version = scope.version();
    let input = |plan: &'v Plan| open(plan, scope);
    match &plan.node {
        Node::Unit => Box::new(values::Unit::new()),
        Node::Values(rows) => Box::new(values::Values::new(rows, &plan.columns)),
        Node::Scan(scan) => Box::new(scan::Scan::new(scan, scope)),
        Node::Count(access, table) => Box::new(scan::Count::new(access, *table, version)),
        Node::Filter { input: below, predicate } => {
            Box::new(filter::Filter::new(input(below), &predicate.scalar))
        }
        Node::Project { input: below, columns } if project::is_identity(columns, below) => input(below),
        Node::Project { input: below, columns } => {
            let computes = columns.iter().any(|column| column.column().is_none());
            let rows = if computes { Together::of_join(below, input(below)) } else { input(below) };
            Box::new(project::Project::new(rows, columns))
        }
        Node::HashJoin { kind, left, right, left_keys, right_keys, right_columns, residual, on, marks } => {
            let join = join::Equijoin {
                kind: *kind,
                left: join::Side { plan: left, input: input(left), keys: left_keys },
                right: join::Side { plan: right, input: input(right), keys: right_keys },
                on,
                right_columns,
                residual: residual.as_ref().map(|residual| apply::PairTest::new(residual, scope)),
            };
            match marks {
                true => Box::new(marking_join::MarkingJoin::new(join)),
                false => Box::new(hash_join::HashJoin::new(join)),
            }
        }
        Node::MergeJoin { kind, left, right, left_keys, right_keys, right_columns, residual, .. } => {
            Box::new(merge_join::MergeJoin::new(
                *kind,
                (input(left), left_keys),
                (right, input(right)),
                right_keys,
                right_columns,
                residual.as_ref().map(|residual| apply::PairTest::new(residual, scope)),
            ))
        }
        Node::IndexJoin { kind, left, lookup } => {
            Box::new(index_join::IndexJoin::new(*kind, left, input(left), lookup, version))
        }
        Node::NestedLoop { kind, left, right, on } => Box::new(nested_loop::NestedLoop::new(
            *kind,
            (left, input(left)),
            (right, input(right)),
            on.as_ref().map(|on| apply::PairTest::new(on, scope)),
        )),
        Node::Lateral { kind, left, right, bindings, on } => {
            let on = on.as_ref().map(|on| apply::PairTest::new(on, scope));
            Box::new(lateral::Lateral::new(*kind, input(left), right, bindings, on, scope.clone()))
        }
        Node::Aggregate { input: below, keys, deciding, aggregates, shared, .. } => {
            let rows = Together::of_join(below, input(below));
            let aggregate = aggregate::Aggregate::new(rows, keys, aggregates).sharing(shared);
            Box::new(aggregate.decided_by(deciding))
        }
        Node::Sort { input: below, keys, top, .. } => {
            Box::new(sort::Sort::new(below, input(below), keys, top.as_ref()))
        }
        Node::Window { input: below, partition, order, functions, .. } => {
            Box::new(window::Window::new((below, input(below)), partition, order, functions))
        }
        Node::Limit { input: below, offset, count } => {
            Box::new(limit::Limit::new(input(below), offset, count.as_ref()))
        }
        Node::Distinct { input: below, on } => Box::new(distinct::Distinct::new(input(below), on)),
        Node::Set { kind, all, left, right } => {
            Box::new(set::Set::new(*kind, *all, (left, input(left)), (right, input(right))))
        }
        Node::Apply { input: below, subqueries } => {
            Box::new(apply::Apply::new(input(below), subqueries, scope))
        }
        Node::With { table, rows, input: below } => {
            let rows = scope::WorkRows::pending(rows, input(rows));
            open(below, &scope.with(*table, rows))
        }
        Node::Recursive { table, all, base, step } => {
            Box::new(recursive::Recursive::new(*table, *all, (base, input(base)), step, scope))
        }
        Node::WorkTable { table, columns } => {
            Box::new(work_table::WorkTable::new(scope.table(*table), columns))
        }
        Node::Measured { input: below, counter } => Box::new(measured::Measured::new(input(below), counter)),
    }
}
