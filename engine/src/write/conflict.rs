//! `INSERT .. ON CONFLICT`: rows whose key another row has.
//!
//! Each row is looked up in the indexes that decide, on the newest version: what it finds there is another row, and
//! what it finds among the rows before it in the statement is one of those. A key that is free is locked, as by every
//! insertion, before the row is written, so who inserts it meanwhile is waited for; then the next attempt finds his
//! row. The row that is found is locked too: so that it stays if nothing is done, and to be changed if it is updated.
//!
//! Rows that replace others are written after those are gone, and rows that are inserted after others were updated.

use std::borrow::Cow;

use hashbrown::{HashMap, HashSet};
use nuages_storage::lock::Strength;
use nuages_storage::{DataType, IndexId, IndexKeys, RowId, Rows, Table, Value, all_rows};
use smallvec::SmallVec;

use super::computed::filled;
use super::drawn::Drawn;
use super::found::Inserted;
use super::images::{Assigned, RowsBuilder, strength_of};
use super::keys::{leaf_keys, values_of};
use super::returning::Returning;
use super::round::TableChange;
use super::{WritingStatement, coerced};
use crate::algebra::{
    ConflictAction, ConflictTarget, Expr, Insert, JoinKind, OnConflict, OutputColumn, Query, Relation, Source,
};
use crate::answer::run_query;
use crate::catalog::{ColumnSet, IndexDefinition, TableDefinition};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::{check, domain};
use crate::outcome::Outcome;

/// The keys that decide whether a row is in conflict.
struct Arbiters<'t> {
    table: &'t TableDefinition,
    /// Whether the primary key is one, where it is the row id.
    row_id: bool,
    indexes: Vec<&'t IndexDefinition>,
}

/// What happens to rows in conflict by some keys.
struct Rule<'s> {
    conflict: &'s OnConflict,
    arbiters: Arbiters<'s>,
    /// The rows that are updated, and by which of the insertion, by its place in it.
    updated: Vec<(RowId, usize)>,
}

/// A key of a row: the row id, or an entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    RowId(RowId),
    Entry(IndexId, Box<[u8]>),
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
    /// Those that one after them replaces.
    given_up: HashSet<usize>,
}

/// The rows that one is in conflict with by the keys of one rule.
struct Found {
    others: SmallVec<[RowId; 1]>,
    earlier: SmallVec<[usize; 1]>,
}

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
        let sorted = self.sort_by_conflict(table, conflict, inserted, context)?;
        let (mut affected, mut returned) = (0, Vec::new());
        if !sorted.replaced.is_empty() {
            self.expect_unchanged(table, sorted.replaced.iter().copied())?;
            self.delete_rows(table, sorted.replaced, context)?;
            self.writer.advance();
        }
        for rule in &sorted.rules {
            let ConflictAction::DoUpdate { excluded, assignments, predicate } = &rule.conflict.action else {
                continue;
            };
            if rule.updated.is_empty() {
                continue;
            }
            let query = updates_of(table, insert.source, *excluded, assignments, predicate.as_ref());
            let proposed = self.proposed_rows(table, inserted, &rule.updated, context)?;
            let query = query(&rule.updated, &proposed);
            let mut updated = self.find_updates(table, &query, assignments, context)?;
            updated.sort_by_key(|(row, ..)| *row);
            if !self.writer.is_only_attempt() {
                let rows = updated.iter_mut().map(|(row, _, values)| (*row, values));
                drawn.settle((table, insert.source), assignments, self.writer.base(), rows);
            }
            let places: Vec<usize> = updated.iter().map(|(_, place, _)| *place).collect();
            let updated = updated.into_iter().map(|(row, _, values)| (row, values)).collect();
            let assigned = assignments.iter().map(|(place, _)| *place).collect();
            let mut returning =
                Returning::new(table, insert.source, &insert.returning, || self.writer.base())?;
            self.write_updated(table, assigned, updated, &mut returning, context)?;
            self.writer.advance();
            let rows = returning.finish().rows;
            affected += places.len() as u64;
            returned.extend(places.into_iter().zip(rows));
        }
        let mut returning = Returning::new(table, insert.source, &insert.returning, || self.writer.base())?;
        affected += sorted.inserted.len() as u64;
        let images = match self.writer.version().table(table.id) {
            Some(rows) => images_of(table, rows, inserted, &sorted.inserted, context)?,
            None => Vec::new(),
        };
        let change =
            TableChange { inserted: images, ids_given: inserted.ids_given, ..TableChange::default() };
        self.write_inserted(table, change, &mut returning, context)?;
        let last_row = sorted.inserted.last().and_then(|place| inserted.ids.get(*place)).map(|id| id.get());
        let mut rows = returning.finish();
        returned.extend(sorted.inserted.into_iter().zip(std::mem::take(&mut rows.rows)));
        returned.sort_by_key(|(place, _)| *place);
        rows.rows = returned.into_iter().map(|(_, row)| row).collect();
        Ok(Outcome { affected, rows, first_key: inserted.first_key, last_row, ..Outcome::default() })
    }

    /// The rows that were to be inserted, as `excluded` shows those in conflict.
    fn proposed_rows<'i>(
        &self,
        table: &TableDefinition,
        inserted: &'i Inserted,
        updated: &[(RowId, usize)],
        context: &Context<'_>,
    ) -> Result<Cow<'i, [Vec<Value>]>, Error> {
        Ok(match self.writer.version().table(table.id) {
            Some(rows) if !table.computed.is_empty() => {
                let places = updated.iter().map(|(_, place)| *place);
                Cow::Owned(with_computed(table, rows, inserted, places, context)?)
            }
            _ => Cow::Borrowed(&inserted.rows),
        })
    }

    /// Looks up every row, and asks for the locks of those that are found. Of the rules that a row is in conflict by the
    /// first decides; only where that replaces do those that replace too, so that every row in the way goes.
    fn sort_by_conflict<'s>(
        &mut self,
        table: &'s TableDefinition,
        conflict: &'s OnConflict,
        inserted: &Inserted,
        context: &Context<'_>,
    ) -> Result<Sorted<'s>, Error> {
        let rule = |conflict: &'s OnConflict| {
            let arbiters = Arbiters::of(table, conflict.target.as_ref())?;
            Ok(Rule { conflict, arbiters, updated: Vec::new() })
        };
        let rules = conflict.each().map(rule).collect::<Result<Vec<_>, Error>>()?;
        let mut sorted = Sorted { rules, ..Sorted::default() };
        let all: Vec<usize> = (0..inserted.rows.len()).collect();
        let (version, _) = self.writer.parts();
        let Some(rows) = version.table(table.id) else { return Ok(sorted) };
        let images = images_of(table, rows, inserted, &all, context)?;
        let refused = match conflict.each().any(|rule| rule.action == ConflictAction::PassOver) {
            true => refused_rows(table, rows, inserted, &images, context)?,
            false => HashSet::new(),
        };
        let mut looked = Looked::default();
        let places = images.iter().flat_map(|image| (0..image.len()).map(move |at| (image, at)));
        for (place, (image, at)) in places.enumerate() {
            if refused.contains(&place) {
                continue;
            }
            let keys = |rule: &Rule<'_>| rule.arbiters.keys(rows, image, at, inserted.ids_given, context);
            let keys = sorted.rules.iter().map(keys).collect::<Result<SmallVec<[Vec<Key>; 1]>, _>>()?;
            sorted.put(table, place, (rows, keys), &mut looked)?;
        }
        sorted.inserted.retain(|place| !looked.given_up.contains(place));
        sorted.replaced = looked.replaced.into_iter().collect();
        sorted.replaced.sort_unstable();
        self.lock_sorted(table, &sorted, context)?;
        Ok(sorted)
    }

    /// Asks for the locks of rows in conflict, and refuses those that the transaction does not see as they are.
    fn lock_sorted(
        &mut self,
        table: &TableDefinition,
        sorted: &Sorted<'_>,
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
        let mut seen = HashSet::new();
        if updated().any(|row| !seen.insert(row)) {
            return Err(Error::ConflictTwice { table: table.name.clone() });
        }
        if let Some(reads) = context.reads() {
            kept().chain(updated()).for_each(|row| reads.row(table.id, row));
        }
        self.expect_unchanged(table, kept().chain(updated()))
    }

    /// Which rows are updated, by which of those that were to be inserted, and the values they are given.
    fn find_updates(
        &self,
        table: &TableDefinition,
        query: &Query,
        assignments: &[(usize, Expr)],
        context: &Context<'_>,
    ) -> Result<Vec<(RowId, usize, Assigned)>, Error> {
        let mut found = Vec::new();
        run_query(query, self.writer.base(), context, &mut |batch| {
            for row in &batch.selection {
                let (Some(id), Some(place)) = (batch.column(0).int(row), batch.column(1).int(row)) else {
                    continue;
                };
                let values = assignments.iter().zip(&batch.columns[2..]);
                let values = values
                    .map(|((place, _), column)| Ok((*place, coerced(table, *place, column.value(row))?)))
                    .collect::<Result<Assigned, Error>>()?;
                found.push((RowId::new(id), usize::try_from(place).unwrap_or_default(), values));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Sorted<'_> {
    /// Decides on the row at a place, which has these keys for each of the rules.
    fn put(
        &mut self,
        table: &TableDefinition,
        place: usize,
        (rows, keys): (&Table, SmallVec<[Vec<Key>; 1]>),
        looked: &mut Looked,
    ) -> Result<(), Error> {
        let found: SmallVec<[Found; 1]> = keys.iter().map(|keys| looked.find(keys, rows)).collect();
        let decisive = found.iter().position(|found| !found.others.is_empty() || !found.earlier.is_empty());
        if let Some(at) = decisive {
            let rule = &mut self.rules[at];
            match &rule.conflict.action {
                ConflictAction::Replace => {}
                ConflictAction::DoUpdate { .. } if !found[at].earlier.is_empty() => {
                    return Err(Error::ConflictTwice { table: table.name.clone() });
                }
                ConflictAction::DoUpdate { .. } => {
                    rule.updated.extend(found[at].others.first().map(|row| (*row, place)));
                    return Ok(());
                }
                ConflictAction::DoNothing | ConflictAction::PassOver => {
                    self.kept.extend(found[at].others.first());
                    return Ok(());
                }
            }
        }
        for (rule, found) in self.rules.iter().zip(found) {
            if rule.conflict.action == ConflictAction::Replace {
                looked.replaced.extend(found.others);
                looked.given_up.extend(found.earlier);
            }
        }
        looked.before.extend(keys.into_iter().flatten().map(|key| (key, place)));
        self.inserted.push(place);
        Ok(())
    }
}

impl Looked {
    /// The rows that have one of these keys and are not to go.
    fn find(&self, keys: &[Key], rows: &Table) -> Found {
        let others = keys.iter().filter_map(|key| key.find(rows));
        let earlier = keys.iter().filter_map(|key| self.before.get(key).copied());
        Found {
            others: others.filter(|row| !self.replaced.contains(row)).collect(),
            earlier: earlier.filter(|place| !self.given_up.contains(place)).collect(),
        }
    }
}

/// The rows of an insertion that a NOT NULL or a check refuses, by their places in it.
fn refused_rows(
    table: &TableDefinition,
    rows: &Table,
    inserted: &Inserted,
    images: &[Rows],
    context: &Context<'_>,
) -> Result<HashSet<usize>, Error> {
    let passes = |image: &Rows| {
        let view = image.view(rows);
        let tested = domain::check_rows(table, ColumnSet::ALL, image, view)
            .and_then(|()| check::check(table, ColumnSet::ALL, view, all_rows(view.len()), context));
        match tested {
            Ok(()) => Ok(true),
            Err(Error::NotNull { .. } | Error::Check { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    };
    let mut refused = HashSet::new();
    let mut first = 0;
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

/// Rows that were to be inserted, with what is computed of their values.
fn with_computed(
    table: &TableDefinition,
    rows: &Table,
    inserted: &Inserted,
    places: impl Iterator<Item = usize>,
    context: &Context<'_>,
) -> Result<Vec<Vec<Value>>, Error> {
    let mut proposed = inserted.rows.clone();
    for place in places {
        for image in images_of(table, rows, inserted, &[place], context)? {
            for computed in &table.computed {
                let values = values_of(table, &[computed.column], image.view(rows), 0);
                proposed[place][computed.column] = values.into_iter().next().unwrap_or(Value::Null);
            }
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

/// The query that computes what rows are updated to: those in conflict beside the rows that were to be inserted, whose
/// last two columns are the row in conflict and the place.
fn updates_of<'q>(
    table: &'q TableDefinition,
    source: Source,
    excluded: Source,
    assignments: &'q [(usize, Expr)],
    predicate: Option<&'q Expr>,
) -> impl Fn(&[(RowId, usize)], &[Vec<Value>]) -> Query + 'q {
    let width = table.columns.len();
    let (row_id, place) = (excluded.column(width), excluded.column(width + 1));
    move |updated, rows| {
        let literals = |(row, place): &(RowId, usize)| {
            let numbers = [Value::Int(row.get()), Value::from(*place as u64)];
            rows[*place].iter().cloned().chain(numbers).map(Expr::Literal).collect()
        };
        let types = table.columns.iter().map(|column| column.data_type);
        let types = types.chain([DataType::BigInt, DataType::BigInt]).collect();
        let proposed =
            Relation::Values { source: excluded, types, rows: updated.iter().map(literals).collect() };
        let same_row = Expr::from(source.row_id()).equals(row_id.into());
        let mut relation = proposed.join(JoinKind::Inner, Relation::scan(table.id, source), same_row);
        if let Some(predicate) = predicate {
            relation = relation.filter(predicate.clone());
        }
        let numbers = [OutputColumn::new("row id", row_id), OutputColumn::new("place", place)];
        let values = assignments.iter().map(|(_, value)| OutputColumn::new("value", value.clone()));
        Query::new(relation, numbers.into_iter().chain(values).collect())
    }
}

impl<'t> Arbiters<'t> {
    /// Those of a table that a target names: all if none is.
    fn of(table: &'t TableDefinition, target: Option<&ConflictTarget>) -> Result<Arbiters<'t>, Error> {
        let immediate =
            |index: &&IndexDefinition| index.unique.as_ref().is_some_and(|unique| !unique.deferred);
        let unique = || table.indexes.iter().filter(immediate);
        let found = match target {
            None => Arbiters { table, row_id: table.row_id_column().is_some(), indexes: unique().collect() },
            Some(ConflictTarget::Index(id)) => {
                let indexes = unique().filter(|index| index.id == *id).collect();
                Arbiters { table, row_id: false, indexes }
            }
            Some(ConflictTarget::Columns(places)) => {
                let wanted: ColumnSet = places.iter().copied().collect();
                let is_over = |index: &&IndexDefinition| {
                    let columns: Option<Vec<usize>> = index.parts.iter().map(|part| part.column()).collect();
                    let columns = columns.map(|columns| columns.into_iter().collect::<ColumnSet>());
                    index.condition.is_none() && columns == Some(wanted)
                };
                let row_id = table.row_id_column().is_some_and(|place| *places == [place]);
                Arbiters { table, row_id, indexes: unique().filter(is_over).collect() }
            }
        };
        match target {
            Some(_) if !found.row_id && found.indexes.is_empty() => {
                Err(Error::NoConflictTarget { table: table.name.clone() })
            }
            _ => Ok(found),
        }
    }

    /// The keys of a row, without those that equal no other because of a NULL.
    fn keys(
        &self,
        rows: &Table,
        image: &Rows,
        at: usize,
        ids_given: bool,
        context: &Context<'_>,
    ) -> Result<Vec<Key>, Error> {
        let view = image.view(rows);
        let mut keys = Vec::new();
        if self.row_id && ids_given {
            keys.push(Key::RowId(RowId::new(view.row_ids()[at])));
        }
        for index in &self.indexes {
            let mut entries = IndexKeys::new();
            let with_null = leaf_keys(self.table, index, view, 1 << at, context, &mut entries)?;
            let is_distinct = index.unique.as_ref().is_some_and(|unique| unique.nulls_distinct);
            if with_null == 0 || !is_distinct {
                keys.extend(entries.iter().map(|(key, _)| Key::Entry(index.id, key.into())));
            }
        }
        Ok(keys)
    }
}

impl Key {
    /// The row that has it.
    fn find(&self, rows: &Table) -> Option<RowId> {
        match self {
            Key::RowId(id) => rows.get(*id).map(|row| row.row_id()),
            Key::Entry(index, key) => rows.index(*index)?.first_with_key(key),
        }
    }
}
