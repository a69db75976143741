//! Statements that write: find, write, end.
//!
//! ```text
//! find    which rows, and which values: pure, on the version the statement reads      (insert, update, delete)
//! write   make images and index entries, test them, record them                       (round)
//!         .. and again for what follows from it: keys that changed take their children along
//! end     settle the keys that only the written state can decide, and note the keys that were given
//! ```
//!
//! All this is one *attempt*, which names the locks it rests on as it goes: the rows it writes, the old and the new
//! entries of unique keys, the parents its rows refer to, the children that go along. Then they are locked, and if
//! anybody has committed meanwhile there is another attempt: see [`nuages_storage::statement`]. Which rows the first
//! attempt found is kept ([`Found`]): later ones test the predicate again, but of those rows alone.
//!
//! Order of reading: this file (the statement and its phases), [`found`] and [`drawn`], [`reach`], [`insert`] and
//! [`conflict`], [`update`], [`delete`] and [`beside`], [`lock`]; [`round`] (what is written at once); [`at_once`]
//! (what is left of all this for most statements of one row); [`images`], [`patch`], [`keys`], [`leaves`], [`row_set`]
//! (what these are made of).
//!
//! Invariants: find changes nothing; the images of a round are made of the rows of the version that the round is tested
//! against; what fails while a round is tested fails before anything of it is recorded, and when a statement fails the
//! store drops all that it recorded.

pub(crate) mod at_once;
mod beside;
mod computed;
mod conflict;
pub(crate) mod delete;
mod drawn;
pub(crate) mod found;
pub(crate) mod images;
pub(crate) mod insert;
pub(crate) mod keys;
pub(crate) mod leaves;
pub(crate) mod lock;
mod patch;
pub(crate) mod reach;
pub(crate) mod returning;
pub(crate) mod round;
pub(crate) mod row_set;
#[cfg(test)]
mod tests;
pub(crate) mod update;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use indexmap::IndexMap;
use nuages_storage::{IndexChange, RowId, RowRef, TableId, Value, Version, Writer};
use smallvec::SmallVec;

use crate::algebra::Statement;
use crate::catalog::temporary::Owner;
use crate::catalog::{Catalog, ColumnSet, PrimaryKey, SchemaTest, TableDefinition};
use crate::draws::Draws;
use crate::error::Error;
use crate::evaluate::{Context, Scalar, json_of};
use crate::integrity::KeyCheck;
use crate::integrity::cascade::{self, Followed, Reassignment};
use crate::limits::Interrupt;
use crate::outcome::Outcome;
pub(crate) use found::Found;
use images::{Assigned, rewrite};
pub(crate) use round::Postponed;
use round::{Round, TableChange, TableRound};

/// One statement while it writes.
///
/// Whoever runs it hands out a writer, and either keeps what `finish` leaves for the
/// commit, or looks it up at once.
#[derive(Debug)]
pub struct WritingStatement<'a, 'w> {
    writer: &'a mut Writer<'w>,
    catalog: StatementCatalog<'w>,
    postponed: Postponed,
    /// The greatest of the keys that were given to rows of a table, and that generated ones are to come after.
    given_keys: SmallVec<[(TableId, i64); 1]>,
    interrupt: &'a Interrupt,
    /// Whether it is a part of a statement, and others may yet bring what its foreign keys refer to.
    is_part: bool,
    /// Whose temporary tables its names mean before others.
    seen_by: Option<Owner>,
}

/// The catalog that a statement is under: that of the version it is attempted on, or one that it has made. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub(crate) enum StatementCatalog<'w> {
    Lent(&'w Catalog),
    Own(Arc<Catalog>),
}

impl Deref for StatementCatalog<'_> {
    type Target = Catalog;

    fn deref(&self) -> &Catalog {
        match self {
            StatementCatalog::Lent(catalog) => catalog,
            StatementCatalog::Own(catalog) => catalog,
        }
    }
}

impl<'a, 'w> WritingStatement<'a, 'w> {
    /// A statement that has written nothing.
    pub(crate) fn new(writer: &'a mut Writer<'w>, interrupt: &'a Interrupt) -> WritingStatement<'a, 'w> {
        let catalog = StatementCatalog::Lent(Catalog::carried(writer.catalog()));
        let (postponed, given_keys) = (Postponed::default(), SmallVec::new());
        WritingStatement { writer, catalog, postponed, given_keys, interrupt, is_part: false, seen_by: None }
    }

    /// The same, as a part of a statement of several: what its foreign keys promise holds when the last has run.
    pub(crate) fn in_part(mut self) -> WritingStatement<'a, 'w> {
        self.is_part = true;
        self
    }

    /// What expressions without parameters are evaluated in.
    pub(crate) fn context(&self) -> Context<'a> {
        Context::new(&[]).drawing(Some(self.draws())).within(self.interrupt)
    }

    /// Where numbers of sequences are drawn by a session that nobody asks what it drew.
    pub(crate) fn draws(&self) -> Draws<'a> {
        Draws { numbers: self.writer.numbers(), current: None, only_reads: false }
    }

    /// The catalog the statement is under.
    pub(crate) fn catalog(&self) -> StatementCatalog<'w> {
        self.catalog.clone()
    }

    /// Goes on under another catalog, which has been recorded.
    pub(crate) fn set_catalog(&mut self, catalog: Arc<Catalog>) {
        self.catalog = StatementCatalog::Own(catalog);
    }

    /// From here on names mean the temporary tables of this session before others.
    pub(crate) fn see_as(&mut self, owner: Option<&Owner>) {
        self.seen_by = owner.cloned();
    }

    /// The catalog as who runs the statement sees it, with temporary tables.
    pub(crate) fn catalog_seen(&self) -> StatementCatalog<'w> {
        match &self.seen_by {
            Some(owner) => StatementCatalog::Own(Arc::new(self.catalog.seen_by(owner))),
            None => self.catalog(),
        }
    }

    /// The storage's side of it.
    pub(crate) fn writer(&mut self) -> &mut Writer<'w> {
        self.writer
    }

    /// That a statement was bound to the schema that the transaction sees. Where that is not the newest, no table is
    /// written that is another there.
    ///
    /// # Errors
    /// [`Error::SchemaChanged`].
    pub(crate) fn expect_schema(&self, test: &dyn SchemaTest) -> Result<(), Error> {
        match self.writer.is_behind() {
            true => test.expect(Catalog::of(self.writer.base())),
            false => test.expect(&self.catalog),
        }
    }

    /// Runs an `INSERT`, `UPDATE` or `DELETE` that is not nested too deep.
    ///
    /// # Errors
    /// Whatever the statement's expressions or the tables' constraints refuse; [`Error::SerializationFailure`] if the
    /// transaction does not see the table as it is defined.
    pub(crate) fn run(
        &mut self,
        statement: &Statement,
        found: &mut Found,
        context: &Context<'_>,
    ) -> Result<Outcome, Error> {
        if let (true, Some(target)) = (self.writer.is_behind(), statement.target()) {
            let catalog = self.catalog();
            self.expect_unchanged(catalog.expect_table(target)?, [])?;
        }
        match statement {
            Statement::Insert(insert) => self.insert(insert, found, context),
            Statement::Update(update) => self.update(update, found, context),
            Statement::Delete(delete) => self.delete(delete, found, context),
            Statement::Query(_) => unreachable!("a session runs a query as a read"),
        }
    }

    /// Ends the statement: what only the written state can decide is decided, also what is deferred to the end of the
    /// transaction if the statement is all of it. Returns what only the commit can decide.
    ///
    /// Only now is it noted which keys were given: those of a statement that is refused were not used.
    ///
    /// # Errors
    /// The first key that is violated.
    pub(crate) fn finish(self, is_transaction: bool) -> Result<Vec<KeyCheck>, Error> {
        let Postponed { to_the_end: mut due, mut to_commit } = self.postponed;
        if is_transaction {
            due.append(&mut to_commit);
        }
        if !due.is_empty() {
            self.writer.advance();
            let version = self.writer.version();
            due.iter().try_for_each(|check| check.verify(version))?;
        }
        for (table, key) in self.given_keys {
            self.writer.note_key(table, key);
        }
        Ok(to_commit)
    }

    /// Ends a part of a statement. Returns what the end of the statement decides, and what the commit does.
    pub(crate) fn finish_part(self) -> Postponed {
        for (table, key) in self.given_keys {
            self.writer.note_key(table, key);
        }
        self.postponed
    }

    /// Records a change that has been tested.
    fn record_change(&mut self, table: TableId, change: TableChange, changes: Vec<IndexChange>) {
        if change.ids_given {
            let greatest = change.inserted.iter().flat_map(|rows| rows.leaf.row_ids()).max();
            self.given_keys.extend(greatest.map(|key| (table, *key)));
        }
        change.into_operations(table, changes, &mut |operation| self.writer.push(operation));
    }

    /// Writes a round and what follows from it, round by round.
    fn write_rounds(&mut self, mut round: Round, context: &Context<'_>) -> Result<(), Error> {
        let mut followed = Followed::default();
        loop {
            context.check()?;
            let default = |table: &TableDefinition, place: usize| default_of(table, place, context);
            let (version, locking) = self.writer.parts();
            let mut tests = cascade::Tests { version, locking, postponed: &mut self.postponed };
            let following = cascade::on_update(&self.catalog, &round, &followed, &mut tests, &default)?;
            if following.is_empty() {
                return self.write_round(round, false, context);
            }
            cascade::mark_followed(&self.catalog, &round, &mut followed);
            self.write_round(round, true, context)?;
            self.writer.advance();
            round = self.images_of(following, context)?;
        }
    }

    /// Tests all tables of a round, then records them all.
    fn write_round(&mut self, round: Round, more: bool, context: &Context<'_>) -> Result<(), Error> {
        let unstable = self.tables_losing_keys(&round);
        let mut recorded = SmallVec::<[_; 1]>::new();
        for (table, change) in round {
            let Some(definition) = self.catalog.table(table) else { continue };
            self.expect_room(definition, &change)?;
            let (version, locking) = self.writer.parts();
            let tests = TableRound {
                catalog: &self.catalog,
                version,
                earlier: None,
                context,
                unstable: &unstable,
                more,
                is_part: self.is_part,
            };
            let changes = tests.test(definition, &change, &mut self.postponed, locking)?;
            recorded.push((table, change, changes));
        }
        for (table, change, changes) in recorded {
            self.record_change(table, change, changes);
        }
        Ok(())
    }

    /// Writes a round of one table from which nothing follows: no key that is referred to goes.
    fn write_table(
        &mut self,
        table: &TableDefinition,
        change: TableChange,
        context: &Context<'_>,
    ) -> Result<(), Error> {
        self.expect_room(table, &change)?;
        let parents = table.foreign_keys.iter().map(|key| key.target);
        // What the transaction has written is looked through where that will do, and else applied.
        let has_version = !change.is_of_new_rows() || !self.writer.spares_new_rows(table.id, parents);
        let (version, earlier, locking) = match has_version {
            true => {
                let (version, locking) = self.writer.parts();
                (version, None, locking)
            }
            false => {
                let (version, earlier, locking) = self.writer.parts_for_new_rows();
                (version, Some(earlier), locking)
            }
        };
        let catalog = &self.catalog;
        let is_part = self.is_part;
        let tests = TableRound { catalog, version, earlier, context, unstable: &[], more: false, is_part };
        let changes = tests.test(table, &change, &mut self.postponed, locking)?;
        self.record_change(table.id, change, changes);
        Ok(())
    }

    /// The tables of which a key that is referred to may go in this round.
    fn tables_losing_keys(&self, round: &Round) -> SmallVec<[TableId; 4]> {
        let loses = |(table, change): (TableId, &TableChange)| {
            let definition = self.catalog.table(table)?;
            let columns = if change.deleted.is_empty() { change.assigned } else { ColumnSet::ALL };
            cascade::may_lose_keys(&self.catalog, definition, columns).then_some(table)
        };
        round.iter().filter_map(loses).collect()
    }

    /// What a transaction writes it must see as it is. Where what it sees is fixed, and others have committed since, it
    /// may not.
    ///
    /// # Errors
    /// [`Error::SerializationFailure`] for the first row that is not as it is seen.
    fn expect_unchanged(
        &self,
        table: &TableDefinition,
        rows: impl IntoIterator<Item = RowId>,
    ) -> Result<(), Error> {
        if !self.writer.is_behind() {
            return Ok(());
        }
        let failure = |row| Error::SerializationFailure { table: table.name.clone(), row };
        let (base, newest) = (self.writer.base(), self.writer.version());
        let definition = |version| Catalog::of(version).table(table.id).map(Arc::as_ptr);
        let (Some(before), Some(now)) = (base.table(table.id), newest.table(table.id)) else {
            return Err(failure(None));
        };
        if definition(base) != definition(newest) {
            return Err(failure(None));
        }
        if before.changed() == now.changed() {
            return Ok(());
        }
        let same = |row: RowId| match (before.get(row), now.get(row)) {
            (Some(before), Some(now)) => table.columns.iter().all(|column| {
                let value = |row: RowRef<'_>| row.value(column.slot, &column.data_type);
                value(before) == value(now)
            }),
            (None, None) => true,
            _ => false,
        };
        match rows.into_iter().find(|row| !same(*row)) {
            None => Ok(()),
            Some(row) => Err(failure(Some(row.get()))),
        }
    }

    /// Where a transaction inserts a row under an id, it must see none; and it must see the table as it is defined.
    ///
    /// # Errors
    /// [`Error::SerializationFailure`] for the first row that it sees and others have deleted.
    fn expect_room(&self, table: &TableDefinition, change: &TableChange) -> Result<(), Error> {
        if !self.writer.is_behind() {
            return Ok(());
        }
        self.expect_unchanged(table, [])?;
        if !change.ids_given {
            return Ok(());
        }
        let is_in = |version: &Version, id: &i64| {
            version.table(table.id).is_some_and(|rows| rows.get(RowId::new(*id)).is_some())
        };
        let (base, newest) = (self.writer.base(), self.writer.version());
        let mut ids = change.inserted.iter().flat_map(|rows| rows.leaf.row_ids());
        match ids.find(|id| is_in(base, id) && !is_in(newest, id)) {
            None => Ok(()),
            Some(id) => Err(Error::SerializationFailure { table: table.name.clone(), row: Some(*id) }),
        }
    }

    /// The next round: the images of rows that follow changed keys.
    fn images_of(&mut self, following: Vec<Reassignment>, context: &Context<'_>) -> Result<Round, Error> {
        let mut by_row: IndexMap<TableId, BTreeMap<RowId, Assigned>> = IndexMap::new();
        for reassignment in following {
            let rows = by_row.entry(reassignment.table).or_default();
            rows.entry(reassignment.row).or_default().extend(reassignment.values);
        }
        let mut round = Round::default();
        for (table, rows) in by_row {
            if let Some(definition) = self.catalog.table(table) {
                self.expect_unchanged(&Arc::clone(definition), rows.keys().copied())?;
            }
            if let (Some(definition), Some(tree)) =
                (self.catalog.table(table), self.writer.version().table(table))
            {
                let assigned: ColumnSet = rows.values().flatten().map(|(place, _)| *place).collect();
                round.insert(table, rewrite(definition, tree, rows.into_iter(), assigned, context)?);
            }
        }
        Ok(round)
    }
}

/// What a column gets where nothing is given.
pub(crate) fn default_of(
    table: &TableDefinition,
    place: usize,
    context: &Context<'_>,
) -> Result<Value, Error> {
    let column = table.column(place)?;
    let value = match &column.default {
        None => Value::Null,
        Some(crate::algebra::Expr::Literal(value)) => value.clone(),
        Some(default) => Scalar::compile(default, &|_| None)?.value(context)?,
    };
    coerced(table, place, value)
}

/// A value as a column stores it.
pub(crate) fn coerced(table: &TableDefinition, place: usize, value: Value) -> Result<Value, Error> {
    let column = table.column(place)?;
    let value = match value {
        value @ (Value::Null | Value::Json(_)) => value,
        value if column.any => Value::Json(Box::new(json_of(value))),
        value => value,
    };
    column.data_type.accepts(value).map_err(|source| Error::Value {
        table: table.name.clone(),
        column: column.name.clone(),
        source,
    })
}

/// Whether the table's rows are known by an id of the table's own that no column shows.
fn has_hidden_ids(table: &TableDefinition) -> bool {
    !matches!(table.primary_key, PrimaryKey::RowId { .. })
}
