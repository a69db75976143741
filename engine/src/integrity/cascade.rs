//! What has to go or change because of a row that goes or changes its key.
//!
//! **Deletion** follows the graph of foreign keys level by level, all rows of a level at once, with no recursion. Only
//! *which* rows is decided here, on the version the statement reads, which the statement does not change meanwhile: a
//! row is found by what it refers to, and rows already doomed are not entered again, so cycles and self references
//! end, and a level costs the work of its own rows, whether it has a million or, at the end of a chain, one. What is
//! found is then written in one round:
//!
//! ```text
//! level 0: the statement's rows     level 1: rows that CASCADE from them     level 2: ...
//!          RESTRICT: error if a row refers that no level so far has
//!          SET NULL, SET DEFAULT: noted, unless the row is doomed in the end
//!          NO ACTION: looked at when all levels are known
//! ```
//!
//! **Changed keys** need a round for each level, because what a row's key becomes is known only when its new image is:
//! [`on_update`] finds, before a round is written, the rows whose foreign keys follow it in the next.

use std::collections::BTreeMap;

use hashbrown::{DefaultHashBuilder, HashSet};
use indexmap::IndexMap;
use nuages_storage::lock::Strength;
use nuages_storage::{Locking, RowId, TableId, Value, Version};
use smallvec::SmallVec;

use super::foreign_key::{ChildrenLookup, violation};
use super::{Cause, KeyCheck};
use crate::catalog::{
    Action, Catalog, ColumnSet, ConstraintId, ForeignKeyDefinition, Reference, TableDefinition, TargetKey,
};
use crate::error::Error;
use crate::write::images::{Assigned, strength_of};
use crate::write::keys::values_of;
use crate::write::leaves::{for_each_leaf, selected};
use crate::write::round::{Fate, Postponed, Round};
use crate::write::row_set::RowSet;

/// What a deletion does to one table.
#[derive(Debug, Default)]
pub(crate) struct Doomed {
    /// The rows that go.
    pub(crate) rows: RowSet,
    /// The foreign keys that rows lose; rows that go may be among them.
    pub(crate) reset: BTreeMap<RowId, SmallVec<[ConstraintId; 1]>>,
}

/// What a deletion does, by table, the statement's own first.
pub(crate) type Closure = IndexMap<TableId, Doomed, DefaultHashBuilder>;

type Level = IndexMap<TableId, Vec<RowId>, DefaultHashBuilder>;

/// What the search for rows that follow reads, and where it leaves what it rests on.
pub(crate) struct Tests<'a, 'w> {
    /// The version with the statement's rounds so far.
    pub(crate) version: &'a Version,
    /// The rows found are locked.
    pub(crate) locking: &'a mut Locking<'w>,
    /// Keys that cannot be decided yet.
    pub(crate) postponed: &'a mut Postponed,
}

/// Everything that goes or loses a foreign key when these rows go.
///
/// # Errors
/// [`Error::Referenced`] if a row refers to one of them by a foreign key that restricts.
pub(crate) fn on_delete(
    catalog: &Catalog,
    table: &TableDefinition,
    rows: Vec<RowId>,
    tests: &mut Tests<'_, '_>,
) -> Result<Closure, Error> {
    let version = tests.version;
    let mut search = Search { catalog, version, closure: Closure::default(), dangling: Vec::new() };
    let doomed = search.closure.entry(table.id).or_default();
    let mut level = Level::default();
    level.insert(table.id, rows.into_iter().filter(|row| doomed.rows.insert(*row)).collect());
    while !level.is_empty() {
        search.restrict(&level, tests.locking)?;
        level = search.expand(&level, tests.locking)?;
    }
    search.postpone_dangling(tests.postponed)?;
    Ok(search.closure)
}

/// A deletion's search.
struct Search<'a> {
    catalog: &'a Catalog,
    version: &'a Version,
    closure: Closure,
    /// Keys that go though rows refer to them by foreign keys without an action.
    dangling: Vec<(Reference, Vec<Value>)>,
}

/// The key of a row that goes, as its children refer to it.
enum Key {
    RowId(RowId),
    Values(Vec<Value>),
}

impl Key {
    fn values(&self) -> Vec<Value> {
        match self {
            Key::RowId(row) => vec![Value::Int(row.get())],
            Key::Values(values) => values.clone(),
        }
    }
}

/// One foreign key that refers to a table, from the side of the table.
struct Referrer<'a> {
    reference: Reference,
    child: &'a TableDefinition,
    key: &'a ForeignKeyDefinition,
    children: ChildrenLookup<'a>,
}

impl<'a> Referrer<'a> {
    /// How strongly a child is locked whose foreign key becomes another: that may be its own primary key, too.
    fn strength(&self) -> Strength {
        strength_of(self.child, self.key.columns.iter().copied().collect())
    }

    fn each_child(&self, key: &Key, found: &mut dyn FnMut(RowId) -> Result<(), Error>) -> Result<(), Error> {
        match key {
            Key::RowId(row) => self.children.of_row_id(*row, found),
            Key::Values(values) => self.children.of_values(values, found),
        }
    }
}

/// The foreign keys that refer to a table and that any row could refer by.
fn referrers<'a>(
    catalog: &'a Catalog,
    version: &'a Version,
    parent: &'a TableDefinition,
) -> impl Iterator<Item = Referrer<'a>> {
    parent.referenced_by.iter().filter_map(|&reference| {
        let child = catalog.table(reference.table)?;
        let key = child.foreign_key(reference.foreign_key)?;
        Some(Referrer { reference, child, key, children: ChildrenLookup::new(version, child, key)? })
    })
}

/// Whether any row could refer to a row of the table. False also if all tables that could are empty.
pub(crate) fn is_referred_to(catalog: &Catalog, version: &Version, table: &TableDefinition) -> bool {
    referrers(catalog, version, table).next().is_some()
}

/// Whether a change of these columns may change a key that foreign keys refer to.
pub(crate) fn may_lose_keys(catalog: &Catalog, table: &TableDefinition, assigned: ColumnSet) -> bool {
    let keys = table
        .referenced_by
        .iter()
        .filter_map(|reference| catalog.table(reference.table)?.foreign_key(reference.foreign_key));
    keys.into_iter().any(|key| assigned.contains_any(&key.target_columns))
}

impl Search<'_> {
    /// No row that stays, as far as is known at this level, refers to a row of the level by a key that restricts.
    ///
    /// A row that refers is locked before it counts: another transaction may be deleting it.
    fn restrict(&self, level: &Level, locking: &mut Locking<'_>) -> Result<(), Error> {
        self.each_referrer(
            level,
            |action| action == Action::Restrict,
            |parent, referrer, rows| {
                self.each_key(parent, referrer.key, rows, &mut |key| {
                    referrer.each_child(&key, &mut |row| match self.is_doomed(referrer.child.id, row) {
                        true => Ok(()),
                        false => {
                            locking.row(referrer.child.id, row, Strength::KeyShare);
                            let (child, cause) = (referrer.child, Cause::Parent);
                            Err(violation(self.catalog, child, referrer.key, key.values(), cause))
                        }
                    })
                })
            },
        )
    }

    /// Dooms the rows that cascade from a level, which are the next one, and notes the others that refer to it.
    fn expand(&mut self, level: &Level, locking: &mut Locking<'_>) -> Result<Level, Error> {
        let mut next = Level::default();
        let (mut closure, mut dangling) =
            (std::mem::take(&mut self.closure), std::mem::take(&mut self.dangling));
        self.each_referrer(
            level,
            |action| action != Action::Restrict,
            |parent, referrer, rows| {
                let child = referrer.child.id;
                let doomed = closure.entry(child).or_default();
                self.each_key(parent, referrer.key, rows, &mut |key| {
                    let mut is_referred_to = false;
                    referrer.each_child(&key, &mut |row| {
                        match referrer.key.on_delete {
                            Action::Cascade => {
                                if doomed.rows.insert(row) {
                                    locking.row(child, row, Strength::Update);
                                    next.entry(child).or_default().push(row);
                                }
                            }
                            Action::SetNull | Action::SetDefault => {
                                locking.row(child, row, referrer.strength());
                                doomed.reset.entry(row).or_default().push(referrer.key.id);
                            }
                            Action::NoAction | Action::Restrict => {
                                locking.row(child, row, Strength::KeyShare);
                                is_referred_to = true;
                            }
                        }
                        Ok(())
                    })?;
                    if is_referred_to {
                        dangling.push((referrer.reference, key.values()));
                    }
                    Ok(())
                })
            },
        )?;
        (self.closure, self.dangling) = (closure, dangling);
        next.values_mut().for_each(|rows| rows.sort_unstable());
        Ok(next)
    }

    /// Keys that go and that a row which stays refers to are looked at again when the statement has been written, or
    /// at commit.
    fn postpone_dangling(&mut self, postponed: &mut Postponed) -> Result<(), Error> {
        for (reference, values) in std::mem::take(&mut self.dangling) {
            let Some(child) = self.catalog.table(reference.table) else { continue };
            let Some(key) = child.foreign_key(reference.foreign_key) else { continue };
            let Some(children) = ChildrenLookup::new(self.version, child, key) else { continue };
            let mut stays = false;
            children.of_values(&values, &mut |row| {
                stays |= !self.is_doomed(child.id, row);
                Ok(())
            })?;
            if stays {
                let check = KeyCheck::Reference {
                    table: child.id,
                    foreign_key: key.id,
                    values,
                    cause: Cause::Parent,
                };
                postponed.add(check, key.deferred);
            }
        }
        Ok(())
    }

    fn is_doomed(&self, table: TableId, row: RowId) -> bool {
        self.closure.get(&table).is_some_and(|doomed| doomed.rows.contains(row))
    }

    fn each_referrer(
        &self,
        level: &Level,
        of_interest: impl Fn(Action) -> bool,
        mut f: impl FnMut(&TableDefinition, &Referrer<'_>, &[RowId]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (table, rows) in level {
            let Some(parent) = self.catalog.table(*table) else { continue };
            for referrer in referrers(self.catalog, self.version, parent) {
                if of_interest(referrer.key.on_delete) {
                    f(parent, &referrer, rows)?;
                }
            }
        }
        Ok(())
    }

    /// The keys of rows, as a foreign key refers to them. Where that is by row id the rows are not read.
    fn each_key(
        &self,
        parent: &TableDefinition,
        key: &ForeignKeyDefinition,
        rows: &[RowId],
        f: &mut dyn FnMut(Key) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if key.target_key == TargetKey::RowId {
            return rows.iter().try_for_each(|row| f(Key::RowId(*row)));
        }
        let Some(table) = self.version.table(parent.id) else { return Ok(()) };
        for_each_leaf(table, rows, |view, selection| {
            selected(selection)
                .try_for_each(|row| f(Key::Values(values_of(parent, &key.target_columns, view, row))))
        })
    }
}

/// That a row's foreign key becomes other values, because the row it refers to changed its key.
#[derive(Debug)]
pub(crate) struct Reassignment {
    pub(crate) table: TableId,
    /// The row, by the id it has after the round.
    pub(crate) row: RowId,
    pub(crate) values: Assigned,
}

/// Which foreign keys of which rows a statement has set already, itself or because they followed a key. None is set a
/// second time but left to be checked, so that keys which change each other in a circle come to an end.
pub(crate) type Followed = HashSet<(TableId, RowId, ConstraintId)>;

/// Marks the foreign keys that a round sets.
pub(crate) fn mark_followed(catalog: &Catalog, round: &Round, followed: &mut Followed) {
    for (table, change) in round.iter() {
        let Some(definition) = catalog.table(table) else { continue };
        for key in &definition.foreign_keys {
            if change.assigned.contains_any(&key.columns) {
                let rows = change.updated.iter().chain(&change.inserted).flat_map(|rows| rows.leaf.row_ids());
                followed.extend(rows.map(|row| (table, RowId::new(*row), key.id)));
            }
        }
    }
}

/// The rows whose foreign keys follow the keys that a round is about to change.
///
/// # Errors
/// [`Error::Referenced`] where a foreign key restricts, and those of evaluating a default.
pub(crate) fn on_update(
    catalog: &Catalog,
    round: &Round,
    followed: &Followed,
    tests: &mut Tests<'_, '_>,
    default: &dyn Fn(&TableDefinition, usize) -> Result<Value, Error>,
) -> Result<Vec<Reassignment>, Error> {
    let Tests { version, locking, postponed } = tests;
    let version = *version;
    let mut following = Vec::new();
    for (table, change) in round.iter() {
        let Some(parent) = catalog.table(table) else { continue };
        for referrer in referrers(catalog, version, parent) {
            let key = referrer.key;
            if !change.assigned.contains_any(&key.target_columns) {
                continue;
            }
            change.each_image(version, table, &mut |old, new| {
                let before = values_of(parent, &key.target_columns, old.view(), old.row());
                let after = values_of(parent, &key.target_columns, new.view(), new.row());
                if before == after {
                    return Ok(());
                }
                let mut children = Vec::new();
                referrer.children.of_values(&before, &mut |row| {
                    locking.row(referrer.child.id, row, referrer.strength());
                    children.extend(referring_after(round, referrer.child.id, key, row));
                    Ok(())
                })?;
                if children.is_empty() {
                    return Ok(());
                }
                if key.on_update == Action::Restrict {
                    return Err(violation(catalog, referrer.child, key, before, Cause::Parent));
                }
                if let Some(values) = referrer.values_following(&after, default)? {
                    children.retain(|row| !followed.contains(&(referrer.child.id, *row, key.id)));
                    let table = referrer.child.id;
                    let follow = |row| Reassignment { table, row, values: values.clone() };
                    following.extend(children.into_iter().map(follow));
                }
                let (table, foreign_key) = (referrer.child.id, key.id);
                let check = KeyCheck::Reference { table, foreign_key, values: before, cause: Cause::Parent };
                postponed.add(check, key.deferred);
                Ok(())
            })?;
        }
    }
    Ok(following)
}

impl Referrer<'_> {
    /// What the foreign key's columns become when the key referred to becomes `after`; `None` if they stay.
    fn values_following(
        &self,
        after: &[Value],
        default: &dyn Fn(&TableDefinition, usize) -> Result<Value, Error>,
    ) -> Result<Option<Assigned>, Error> {
        let places = self.key.columns.iter().copied();
        Ok(Some(match self.key.on_update {
            Action::NoAction | Action::Restrict => return Ok(None),
            Action::Cascade => places.zip(after.iter().cloned()).collect(),
            Action::SetNull => places.map(|place| (place, Value::Null)).collect(),
            Action::SetDefault => {
                places.map(|place| Ok((place, default(self.child, place)?))).collect::<Result<_, Error>>()?
            }
        }))
    }
}

/// The id that a referring row will have after the round, if it will still refer as it does: unless it goes, or is
/// given another foreign key itself.
fn referring_after(round: &Round, child: TableId, key: &ForeignKeyDefinition, row: RowId) -> Option<RowId> {
    let Some(change) = round.get(child) else { return Some(row) };
    let is_reassigned = change.assigned.contains_any(&key.columns);
    match change.fate(row) {
        Fate::Untouched => Some(row),
        Fate::Gone => None,
        Fate::Rewritten(_) if is_reassigned => None,
        Fate::Rewritten(row) => Some(row),
    }
}
