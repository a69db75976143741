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

/// A key of a row: the row id, or an entry of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    RowId(RowId),
    Entry(IndexId, Box<[u8]>),
}

/// What is to be done with the rows of an insertion, by their places in it.
#[derive(Default)]
struct Sorted {
    inserted: Vec<usize>,
    /// The rows that are updated instead.
    updated: Vec<(RowId, usize)>,
    /// The rows that are in the way and go, ascending.
    replaced: Vec<RowId>,
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
        let mut returned = Vec::new();
        if !sorted.replaced.is_empty() {
            self.expect_unchanged(table, sorted.replaced.iter().copied())?;
            self.delete_rows(table, sorted.replaced, context)?;
            self.writer.advance();
        }
        let mut affected = 0;
        if let ConflictAction::DoUpdate { excluded, assignments, predicate } = &conflict.action
            && !sorted.updated.is_empty()
        {
            let query = updates_of(table, insert.source, *excluded, assignments, predicate.as_ref());
            let proposed = self.proposed_rows(table, inserted, &sorted.updated, context)?;
            let query = query(&sorted.updated, &proposed);
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
            affected += places.len() as u64;
            self.write_updated(table, assigned, updated, &mut returning, context)?;
            self.writer.advance();
            returned.extend(places.into_iter().zip(returning.finish().rows));
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

    /// Looks up every row, and asks for the locks of those that are found.
    fn sort_by_conflict(
        &mut self,
        table: &TableDefinition,
        conflict: &OnConflict,
        inserted: &Inserted,
        context: &Context<'_>,
    ) -> Result<Sorted, Error> {
        let arbiters = Arbiters::of(table, conflict.target.as_ref())?;
        let all: Vec<usize> = (0..inserted.rows.len()).collect();
        let mut sorted = Sorted::default();
        let mut before: HashMap<Key, usize> = HashMap::new();
        let mut replaced: HashSet<RowId> = HashSet::new();
        let mut given_up: HashSet<usize> = HashSet::new();
        let mut in_conflict = Vec::new();
        let (version, _) = self.writer.parts();
        let Some(rows) = version.table(table.id) else { return Ok(sorted) };
        let images = images_of(table, rows, inserted, &all, context)?;
        let refused = match conflict.action {
            ConflictAction::PassOver => refused_rows(table, rows, inserted, &images, context)?,
            _ => HashSet::new(),
        };
        let mut place = 0;
        for image in &images {
            for at in 0..image.len() {
                if refused.contains(&place) {
                    place += 1;
                    continue;
                }
                let keys = arbiters.keys(rows, image, at, inserted.ids_given, context)?;
                let others: Vec<RowId> = keys.iter().filter_map(|key| key.find(rows)).collect();
                let earlier: Vec<usize> = keys.iter().filter_map(|key| before.get(key).copied()).collect();
                let first = others.iter().find(|row| !replaced.contains(*row)).copied();
                match &conflict.action {
                    ConflictAction::Replace => {
                        replaced.extend(others);
                        given_up.extend(earlier);
                        before.extend(keys.into_iter().map(|key| (key, place)));
                    }
                    ConflictAction::DoUpdate { .. } if !earlier.is_empty() => {
                        return Err(Error::ConflictTwice { table: table.name.clone() });
                    }
                    ConflictAction::DoUpdate { .. } if first.is_some() => {
                        sorted.updated.extend(first.map(|row| (row, place)));
                    }
                    ConflictAction::DoNothing | ConflictAction::PassOver
                        if first.is_some() || !earlier.is_empty() =>
                    {
                        in_conflict.extend(first);
                    }
                    ConflictAction::DoUpdate { .. }
                    | ConflictAction::DoNothing
                    | ConflictAction::PassOver => {
                        before.extend(keys.into_iter().map(|key| (key, place)));
                        sorted.inserted.push(place);
                    }
                }
                place += 1;
            }
        }
        if conflict.action == ConflictAction::Replace {
            sorted.inserted = all.into_iter().filter(|place| !given_up.contains(place)).collect();
        }
        sorted.replaced = replaced.into_iter().collect();
        sorted.replaced.sort_unstable();
        self.lock_sorted(table, &conflict.action, &sorted, &in_conflict, context)?;
        Ok(sorted)
    }

    /// Asks for the locks of rows in conflict, and refuses those that the transaction does not see as they are.
    fn lock_sorted(
        &mut self,
        table: &TableDefinition,
        action: &ConflictAction,
        sorted: &Sorted,
        kept: &[RowId],
        context: &Context<'_>,
    ) -> Result<(), Error> {
        let updated = || sorted.updated.iter().map(|(row, _)| *row);
        let locking = self.writer.locking();
        locking.rows(table.id, kept.iter().copied(), Strength::KeyShare);
        locking.rows(table.id, sorted.replaced.iter().copied(), Strength::Update);
        if let ConflictAction::DoUpdate { assignments, .. } = action {
            let assigned = assignments.iter().map(|(place, _)| *place).collect();
            let strength = strength_of(table, table.with_computed(assigned));
            locking.rows(table.id, updated(), strength);
        }
        let mut seen = HashSet::new();
        if updated().any(|row| !seen.insert(row)) {
            return Err(Error::ConflictTwice { table: table.name.clone() });
        }
        if let Some(reads) = context.reads() {
            kept.iter().copied().chain(updated()).for_each(|row| reads.row(table.id, row));
        }
        self.expect_unchanged(table, kept.iter().copied().chain(updated()))
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
