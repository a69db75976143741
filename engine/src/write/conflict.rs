//! `INSERT .. ON CONFLICT`: rows whose key another row has.
//!
//! Each row is looked up in the indexes that decide, on the newest version: what it finds there is another row, and
//! what it finds among the rows before it in the statement is one of those. A key that is free is locked, as by every
//! insertion, before the row is written, so who inserts it meanwhile is waited for; then the next attempt finds his
//! row. The row that is found is locked too: so that it stays if nothing is done, and to be changed if it is updated.
//!
//! Rows that replace others are written after those are gone, and rows that are inserted after others were updated.
//!
//! In SQLite rows come one after the other: one may update or replace what an earlier one has inserted or updated. They
//! are taken in *runs* for that, each as long as none of its rows meets another: what a run has written is visible to the next. A
//! statement in which no key comes twice, as nearly all are, is one run.

mod arbiter;
mod updates;

use std::borrow::Cow;
use std::ops::Range;

use hashbrown::{HashMap, HashSet};
use nuages_storage::lock::Strength;
use nuages_storage::{RowId, Rows, Table, Value, all_rows};
use smallvec::SmallVec;

use super::WritingStatement;
use super::computed::filled;
use super::drawn::Drawn;
use super::found::Inserted;
use super::images::{RowsBuilder, strength_of};
use super::keys::values_of;
use super::returning::Returning;
use super::round::TableChange;
use crate::algebra::{ConflictAction, Insert, OnConflict};
use crate::catalog::{ColumnSet, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::{check, domain};
use crate::outcome::Outcome;
use arbiter::{Arbiters, Key};
use updates::{Proposed, expect_last, find_updates, updates_of};

/// What happens to rows in conflict by some keys.
struct Rule<'s> {
    conflict: &'s OnConflict,
    arbiters: Arbiters<'s>,
    /// The rows that are updated, and by which of the insertion, by its place in it.
    updated: Vec<(RowId, usize)>,
    /// Whether the run ends before a row that meets another of it.
    one_by_one: bool,
    /// Whether an update may give a row another key.
    moves_keys: bool,
}

/// What is to be done with the rows of an insertion, by their places in it.
#[derive(Default)]
struct Sorted<'s> {
    rules: Vec<Rule<'s>>,
    inserted: Vec<usize>,
    /// The rows that are in the way and go, ascending.
    replaced: Vec<RowId>,
    /// Those in conflict because of which others are not inserted.
    kept: Vec<RowId>,
}

/// The rows that were looked at so far.
#[derive(Default)]
struct Looked {
    /// By each of their keys the places of those that are to be inserted.
    before: HashMap<Key, usize>,
    replaced: HashSet<RowId>,
    /// Those that are updated, where rows come one by one.
    updated: HashSet<RowId>,
    /// Whether one of those may get another key.
    has_moved: bool,
}

/// The rows that one is in conflict with by the keys of one rule.
struct Found {
    others: SmallVec<[RowId; 1]>,
    earlier: SmallVec<[usize; 1]>,
}

/// What the runs of an insertion have done so far.
#[derive(Default)]
struct Done {
    affected: u64,
    /// What is returned of rows, by their places in the insertion.
    returned: Vec<(usize, Vec<Value>)>,
    /// The last row that was inserted.
    last_row: Option<RowId>,
    /// The rows that were inserted or updated, if another run follows.
    written: HashSet<RowId>,
}

/// The fewest rows that a run looks at behind one that was cut off.
const RUN_MIN: usize = 16;

impl WritingStatement<'_, '_> {
    /// Writes the rows of an insertion, of which some may be in conflict.
    pub(super) fn insert_or(
        &mut self,
        table: &TableDefinition,
        (insert, conflict): (&Insert, &OnConflict),
        inserted: &Inserted,
        drawn: &mut Drawn,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        let count = inserted.rows.len();
        let mut run = 0..count;
        let mut done = Done::default();
        loop {
            context.check()?;
            let (sorted, end) =
                self.sort_by_conflict(table, conflict, inserted, (run.clone(), &done), context)?;
            let is_cut_off = end < run.end;
            if end < count {
                done.written.extend(sorted.written(inserted));
            }
            let drawn = (run.start == 0).then_some(&mut *drawn);
            self.write_run(table, insert, (inserted, sorted), drawn, &mut done, context)?;
            if end == count {
                break;
            }
            self.writer.advance();
            let looked_at = if is_cut_off { (end - run.start).max(RUN_MIN / 2) } else { run.len() };
            run = end..count.min(end + 2 * looked_at);
        }
        let mut rows =
            Returning::new(table, insert.source, &insert.returning, || self.writer.base())?.finish();
        done.returned.sort_by_key(|(place, _)| *place);
        rows.rows = done.returned.into_iter().map(|(_, row)| row).collect();
        let last_row = done.last_row.map(RowId::get);
        Ok(Outcome {
            affected: done.affected,
            rows,
            first_key: inserted.first_key,
            last_row,
            ..Outcome::default()
        })
    }

    /// Writes what one run of rows comes to.
    fn write_run(
        &mut self,
        table: &TableDefinition,
        insert: &Insert,
        (inserted, sorted): (&Inserted, Sorted<'_>),
        mut drawn: Option<&mut Drawn>,
        done: &mut Done,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        if !sorted.replaced.is_empty() {
            self.expect_unchanged(
                table,
                sorted.replaced.iter().copied().filter(|row| !done.written.contains(row)),
            )?;
            self.delete_rows(table, sorted.replaced, context)?;
            self.writer.advance();
        }
        for rule in &sorted.rules {
            let drawn = drawn.as_deref_mut();
            self.write_conflicts(table, insert, (inserted, rule), drawn, done, context)?;
        }
        let mut returning = Returning::new(table, insert.source, &insert.returning, || self.writer.base())?;
        done.affected += sorted.inserted.len() as u64;
        let images = match self.writer.version().table(table.id) {
            Some(rows) => images_of(table, rows, inserted, &sorted.inserted, context)?,
            None => Vec::new(),
        };
        let change =
            TableChange { inserted: images, ids_given: inserted.ids_given, ..TableChange::default() };
        self.write_inserted(table, change, &mut returning, context)?;
        let last = sorted.inserted.last().and_then(|place| inserted.ids.get(*place));
        done.last_row = last.copied().or(done.last_row);
        done.returned.extend(sorted.inserted.into_iter().zip(returning.finish().rows));
        Ok(())
    }

    /// Updates the rows that others are in conflict with by one rule.
    fn write_conflicts(
        &mut self,
        table: &TableDefinition,
        insert: &Insert,
        (inserted, rule): (&Inserted, &Rule<'_>),
        drawn: Option<&mut Drawn>,
        done: &mut Done,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let ConflictAction::DoUpdate { excluded, assignments, predicate, .. } = &rule.conflict.action else {
            return Ok(());
        };
        if rule.updated.is_empty() {
            return Ok(());
        }
        let query = updates_of(table, insert.source, *excluded, assignments, predicate.as_ref());
        let proposed = self.proposed_rows(table, inserted, &rule.updated, context)?;
        let query = query(&rule.updated, &proposed);
        // What earlier runs have written is in the version alone.
        let version = if drawn.is_some() { self.writer.base() } else { self.writer.version() };
        let mut updated = find_updates(table, &query, assignments, version, context)?;
        updated.sort_by_key(|(row, ..)| *row);
        expect_last(table, rule, &updated)?;
        if let Some(drawn) = drawn.filter(|_| !self.writer.is_only_attempt()) {
            let rows = updated.iter_mut().map(|(row, _, values)| (*row, values));
            drawn.settle((table, insert.source), assignments, self.writer.base(), rows);
        }
        let places: Vec<usize> = updated.iter().map(|(_, place, _)| *place).collect();
        let updated = updated.into_iter().map(|(row, _, values)| (row, values)).collect();
        let assigned = assignments.iter().map(|(place, _)| *place).collect();
        let mut returning = Returning::new(table, insert.source, &insert.returning, || self.writer.base())?;
        self.write_updated(table, assigned, updated, &mut returning, context)?;
        self.writer.advance();
        done.affected += places.len() as u64;
        done.returned.extend(places.into_iter().zip(returning.finish().rows));
        Ok(())
    }

    /// The rows in conflict as `excluded` shows them.
    fn proposed_rows<'i>(
        &self,
        table: &TableDefinition,
        inserted: &'i Inserted,
        updated: &[(RowId, usize)],
        context: &Context<'_>,
    ) -> Result<Vec<Proposed<'i>>, Error> {
        let places = updated.iter().map(|(_, place)| *place);
        match self.writer.version().table(table.id) {
            Some(rows) if !table.computed.is_empty() => places
                .map(|place| Ok(Cow::Owned(with_computed(table, rows, inserted, place, context)?)))
                .collect(),
            _ => Ok(places.map(|place| Cow::Borrowed(&inserted.rows[place][..])).collect()),
        }
    }

    /// Looks up every row of a run, and asks for the locks of those that are found. Of the rules that a row is in conflict by
    /// the first decides; only where that replaces do those that replace too, so that every row in the way goes. Returns
    /// also where the run ends: before a row that meets one of it, if they come one by one.
    fn sort_by_conflict<'s>(
        &mut self,
        table: &'s TableDefinition,
        conflict: &'s OnConflict,
        inserted: &Inserted,
        (run, done): (Range<usize>, &Done),
        context: &Context<'_>,
    ) -> Result<(Sorted<'s>, usize), Error> {
        let rule = |conflict: &'s OnConflict| Rule::of(table, conflict);
        let rules = conflict.each().map(rule).collect::<Result<Vec<_>, Error>>()?;
        let mut sorted = Sorted { rules, ..Sorted::default() };
        let all: Vec<usize> = run.clone().collect();
        let (version, _) = self.writer.parts();
        let Some(rows) = version.table(table.id) else { return Ok((sorted, run.end)) };
        let images = images_of(table, rows, inserted, &all, context)?;
        let passes_over = conflict.each().any(|rule| rule.action == ConflictAction::PassOver);
        let refused = match passes_over {
            true => refused_rows(table, rows, (inserted, run.start), &images, context)?,
            false => HashSet::new(),
        };
        let mut looked = Looked::default();
        let mut end = run.end;
        let places = images.iter().flat_map(|image| (0..image.len()).map(move |at| (image, at)));
        for (place, (image, at)) in run.clone().zip(places) {
            if refused.contains(&place) {
                continue;
            }
            let keys = |rule: &Rule<'_>| rule.arbiters.keys(rows, image, at, inserted.ids_given, context);
            let keys = sorted.rules.iter().map(keys).collect::<Result<SmallVec<[Vec<Key>; 1]>, _>>()?;
            if !sorted.put(table, place, (rows, keys), &mut looked)? {
                end = place;
                break;
            }
        }
        sorted.replaced = looked.replaced.into_iter().collect();
        sorted.replaced.sort_unstable();
        // Those that are inserted are tested when they are, and in time.
        if sorted.inserted.len() < end - run.start && !passes_over {
            images.iter().try_for_each(|image| expect_allowed(table, rows, image, context))?;
        }
        self.lock_sorted(table, &sorted, done, context)?;
        Ok((sorted, end))
    }

    /// Asks for the locks of rows in conflict, and refuses those that the transaction does not see as they are.
    fn lock_sorted(
        &mut self,
        table: &TableDefinition,
        sorted: &Sorted<'_>,
        done: &Done,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let updated = || sorted.rules.iter().flat_map(|rule| &rule.updated).map(|(row, _)| *row);
        let kept = || sorted.kept.iter().copied();
        let locking = self.writer.locking();
        locking.rows(table.id, kept(), Strength::KeyShare);
        locking.rows(table.id, sorted.replaced.iter().copied(), Strength::Update);
        for rule in &sorted.rules {
            if let ConflictAction::DoUpdate { assignments, .. } = &rule.conflict.action {
                let assigned = assignments.iter().map(|(place, _)| *place).collect();
                let strength = strength_of(table, table.with_computed(assigned));
                locking.rows(table.id, rule.updated.iter().map(|(row, _)| *row), strength);
            }
        }
        if let Some(reads) = context.reads() {
            kept().chain(updated()).for_each(|row| reads.row(table.id, row));
        }
        self.expect_unchanged(table, kept().chain(updated()).filter(|row| !done.written.contains(row)))
    }
}

impl<'s> Rule<'s> {
    fn of(table: &'s TableDefinition, conflict: &'s OnConflict) -> Result<Rule<'s>, Error> {
        let arbiters = Arbiters::of(table, conflict.target.as_ref())?;
        let (one_by_one, moves_keys) = match &conflict.action {
            ConflictAction::DoUpdate { assignments, one_by_one, .. } => {
                let assigned = assignments.iter().map(|(place, _)| *place).collect();
                (*one_by_one, strength_of(table, table.with_computed(assigned)) == Strength::Update)
            }
            _ => (false, false),
        };
        Ok(Rule { conflict, arbiters, updated: Vec::new(), one_by_one, moves_keys })
    }
}

impl Sorted<'_> {
    /// Decides on the row at a place, which has these keys for each of the rules; false if the run ends before it.
    fn put(
        &mut self,
        table: &TableDefinition,
        place: usize,
        (rows, keys): (&Table, SmallVec<[Vec<Key>; 1]>),
        looked: &mut Looked,
    ) -> Result<bool, Error> {
        let found: SmallVec<[Found; 1]> = keys.iter().map(|keys| looked.find(keys, rows)).collect();
        if looked.has_moved
            || found.iter().flat_map(|found| &found.others).any(|row| looked.updated.contains(row))
        {
            return Ok(false);
        }
        let decisive = found.iter().position(|found| !found.others.is_empty() || !found.earlier.is_empty());
        if let Some(at) = decisive {
            let rule = &mut self.rules[at];
            match &rule.conflict.action {
                // What it replaces has to be there, and is returned, too.
                ConflictAction::Replace if found.iter().any(|found| !found.earlier.is_empty()) => {
                    return Ok(false);
                }
                ConflictAction::Replace => {}
                ConflictAction::DoUpdate { .. } if !found[at].earlier.is_empty() => {
                    return match rule.one_by_one {
                        true => Ok(false),
                        false => Err(Error::ConflictTwice { table: table.name.clone() }),
                    };
                }
                ConflictAction::DoUpdate { .. } => {
                    let row = found[at].others.first().copied();
                    rule.updated.extend(row.map(|row| (row, place)));
                    if rule.one_by_one {
                        looked.updated.extend(row);
                        looked.has_moved = rule.moves_keys;
                    }
                    return Ok(true);
                }
                ConflictAction::DoNothing | ConflictAction::PassOver => {
                    self.kept.extend(found[at].others.first());
                    return Ok(true);
                }
            }
        }
        for (rule, found) in self.rules.iter().zip(found) {
            if rule.conflict.action == ConflictAction::Replace {
                looked.replaced.extend(found.others);
            }
        }
        looked.before.extend(keys.into_iter().flatten().map(|key| (key, place)));
        self.inserted.push(place);
        Ok(true)
    }

    /// The rows that are inserted or updated.
    fn written(&self, inserted: &Inserted) -> impl Iterator<Item = RowId> {
        let updated = self.rules.iter().flat_map(|rule| &rule.updated).map(|(row, _)| *row);
        updated.chain(self.inserted.iter().filter_map(|place| inserted.ids.get(*place).copied()))
    }
}

impl Looked {
    /// The rows that have one of these keys and are not to go.
    fn find(&self, keys: &[Key], rows: &Table) -> Found {
        let others = keys.iter().filter_map(|key| key.find(rows));
        let earlier = keys.iter().filter_map(|key| self.before.get(key).copied());
        Found {
            others: others.filter(|row| !self.replaced.contains(row)).collect(),
            earlier: earlier.collect(),
        }
    }
}

/// That no NOT NULL and no check refuses rows.
fn expect_allowed(
    table: &TableDefinition,
    rows: &Table,
    image: &Rows,
    context: &Context<'_>,
) -> Result<(), Error> {
    let view = image.view(rows);
    domain::check_rows(table, ColumnSet::ALL, image, view)?;
    check::check(table, ColumnSet::ALL, view, all_rows(view.len()), context)
}

/// The rows of an insertion from a place on that a NOT NULL or a check refuses, by their places in it.
fn refused_rows(
    table: &TableDefinition,
    rows: &Table,
    (inserted, from): (&Inserted, usize),
    images: &[Rows],
    context: &Context<'_>,
) -> Result<HashSet<usize>, Error> {
    let passes = |image: &Rows| match expect_allowed(table, rows, image, context) {
        Ok(()) => Ok(true),
        Err(Error::NotNull { .. } | Error::Check { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    let mut refused = HashSet::new();
    let mut first = from;
    for image in images {
        // Mostly all of them pass, and are tested at once.
        if !passes(image)? {
            for place in first..first + image.len() {
                let one = images_of(table, rows, inserted, &[place], context)?;
                if !one.iter().try_fold(true, |all, one| Ok::<_, Error>(all && passes(one)?))? {
                    refused.insert(place);
                }
            }
        }
        first += image.len();
    }
    Ok(refused)
}

/// A row that was to be inserted, with what is computed of its values.
fn with_computed(
    table: &TableDefinition,
    rows: &Table,
    inserted: &Inserted,
    place: usize,
    context: &Context<'_>,
) -> Result<Vec<Value>, Error> {
    let mut proposed = inserted.rows[place].clone();
    for image in images_of(table, rows, inserted, &[place], context)? {
        for computed in &table.computed {
            let values = values_of(table, &[computed.column], image.view(rows), 0);
            proposed[computed.column] = values.into_iter().next().unwrap_or(Value::Null);
        }
    }
    Ok(proposed)
}

/// Some rows of an insertion in leaf shape.
fn images_of(
    table: &TableDefinition,
    rows: &Table,
    inserted: &Inserted,
    places: &[usize],
    context: &Context<'_>,
) -> Result<Vec<Rows>, Error> {
    let mut builder = RowsBuilder::new(table, places.len());
    for place in places {
        let row = builder.begin_row();
        for (column, value) in table.columns.iter().zip(&inserted.rows[*place]) {
            row.set_value(column.slot, value);
        }
        row.finish_row(inserted.ids[*place]);
    }
    filled(table, rows, builder.finish(), context)
}
