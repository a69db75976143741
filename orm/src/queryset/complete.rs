//! What becomes of rows once they are read: who is told of them, and which relations are read into them.
//!
//! Most querysets ask for nothing of it, which is seen without knowing the type of their rows. Where there is more to
//! do, rows of every type are taken as [`AnyRow`]s: so that it is compiled once for each model, and not again for each
//! type of row that a program reads of it.

use std::any::Any;

use super::state::{Clauses, Prefetch, QueryState};
use crate::{
    error::Result,
    executor::{Executor, fetch::with_mode},
    model::Model,
    partial::Partial,
    prefetch,
    relation::{holder::Holder, origin::Arrival},
    row::Row,
    signal::init::{self, Joins},
};

/// A row of any type.
pub(crate) trait AnyRow {
    /// [`Row::instance`].
    fn any_instance(&mut self) -> Option<&mut dyn Any>;
    /// [`Row::slots`].
    fn any_slots<'r>(&'r mut self, slots: &mut Vec<&'r mut dyn Any>);
}

impl<R: Row> AnyRow for R {
    fn any_instance(&mut self) -> Option<&mut dyn Any> {
        self.instance()
    }

    fn any_slots<'r>(&'r mut self, slots: &mut Vec<&'r mut dyn Any>) {
        self.slots(slots);
    }
}

/// Reads the prefetched relations of the rows of some lists, and tells who wants to see new instances.
pub(crate) fn prefetch_into<M: Model, R: Row>(
    rows: &mut [&mut [R]],
    state: &QueryState,
    ex: &dyn Executor,
) -> Result<()> {
    if !has_more(state.clauses(), ex) {
        return Ok(());
    }
    let mut any: Vec<&mut dyn AnyRow> = Vec::new();
    for list in rows {
        for row in &mut **list {
            any.push(row);
        }
    }
    complete::<M>(&mut any, state.clauses(), ex)
}

/// The same for one row that was found by its key, of a queryset that asks for nothing else.
pub(super) fn complete_row<M: Model, R: Row>(row: &mut R, ex: &dyn Executor) -> Result<()> {
    if is_heard(ex) { complete::<M>(&mut [row], &Clauses::default(), ex) } else { Ok(()) }
}

/// The same for instances, where the executor has the fetch mode already.
pub(super) fn complete_instances<M: Model>(
    rows: &mut [M],
    clauses: &Clauses,
    ex: &dyn Executor,
) -> Result<()> {
    if !has_more(clauses, ex) {
        return Ok(());
    }
    let mut instances: Vec<&mut M> = Vec::with_capacity(rows.len());
    for row in rows {
        instances.push(row);
    }
    tell::<M, M>(&mut instances, clauses, ex);
    prefetch::into::<M, M>(&mut instances, &clauses.prefetch, ex)
}

/// Whether there is anything to be done with rows that were read.
fn has_more(clauses: &Clauses, ex: &dyn Executor) -> bool {
    !clauses.prefetch.is_empty() || clauses.fetch_mode.is_some() || is_heard(ex)
}

/// Whether somebody wants to hear of rows that were read.
fn is_heard(ex: &dyn Executor) -> bool {
    Arrival::is_wanted(ex) || ex.shared().app().signals().hears_any_init()
}

fn complete<M: Model>(rows: &mut [&mut dyn AnyRow], clauses: &Clauses, ex: &dyn Executor) -> Result<()> {
    with_mode(clauses.fetch_mode, ex, |ex| match clauses.loading {
        None => complete_held::<M, M>(rows, clauses, ex),
        Some(_) => complete_held::<M, Partial<M>>(rows, clauses, ex),
    })
}

/// The same for rows that are, or have, an `H`.
fn complete_held<M: Model, H: Holder<M> + 'static>(
    rows: &mut [&mut dyn AnyRow],
    clauses: &Clauses,
    ex: &dyn Executor,
) -> Result<()> {
    let mut holders: Vec<&mut H> = Vec::with_capacity(rows.len());
    for row in &mut *rows {
        if let Some(holder) = row.any_instance().and_then(|instance| instance.downcast_mut()) {
            holders.push(holder);
        }
    }
    tell::<M, H>(&mut holders, clauses, ex);
    let (pushed, kept) = told_apart(&clauses.prefetch);
    prefetch::into::<M, H>(&mut holders, &kept, ex)?;
    for (number, one) in pushed.iter().enumerate() {
        prefetch::pushed::push::<M, H>(rows, number, one, ex)?;
    }
    Ok(())
}

/// What goes to the extras of rows, and what into their relations.
fn told_apart(list: &[Prefetch]) -> (Vec<Prefetch>, Vec<Prefetch>) {
    list.iter().cloned().partition(|prefetch| prefetch.pushed.is_some())
}

/// Tells rows which rows they came with, if somebody asked for that to be known, and who listens to new instances of
/// these.
fn tell<M: Model, H: Holder<M>>(holders: &mut [&mut H], clauses: &Clauses, ex: &dyn Executor) {
    if let Some(arrival) = Arrival::of(holders.len(), ex) {
        H::came_from(holders, arrival);
    }
    let signals = ex.shared().app().signals();
    if !signals.hears_any_init() {
        return;
    }
    let joins = Joins::of(&clauses.select_related);
    if signals.hears_init::<M>() || !joins.is_empty() {
        for holder in holders {
            init::tell::<M, H>(holder, &joins, signals);
        }
    }
}
