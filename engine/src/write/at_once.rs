//! Statements of one row that are one operation, written at once.
//!
//! A row that is inserted, changed or deleted by its key, as a transaction of its own, is what most writes are. While
//! nobody else is in the way, nothing of it can wait, be undone or be seen before it is whole. So there is no write set
//! and no second attempt, and what is left of a [`WritingStatement`](super::WritingStatement) is: find the row, test it
//! as any other, and have the store apply what came of it. Whatever is not of this form, or needs more than the tests
//! of its own table, is a statement like others.
//!
//! In a transaction there is a write set, and locks; but who changes or locks one row by its key needs no more of them
//! than that ([`nuages_storage::Transaction::write_row`]).

use nuages_storage::lock::{How, Strength};
use nuages_storage::{
    AtOnce, Locking, Operation, Patch, RowClaim, Step, Store, TableId, Transaction, Version,
};

use super::insert::NewRows;
use super::keys::entries_of_row;
use super::patch;
use super::round::{Postponed, TableChange, TableRound};
use super::update::key_of_one_row;
use crate::algebra::{Delete, Statement, Update};
use crate::catalog::{Catalog, SchemaTest, expect};
use crate::error::Error;
use crate::evaluate::Context;
use crate::integrity::cascade;
use crate::outcome::Outcome;

/// A store in which each statement is a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub struct Autocommit<'s> {
    pub(crate) store: &'s Store,
    /// What a statement must find there, if that was asked for.
    pub(crate) test: Option<&'s dyn SchemaTest>,
}

impl Autocommit<'_> {
    /// Writes what comes of one attempt, under the schema it finds.
    fn write<T>(
        self,
        attempt: impl FnOnce(&AtOnce<'_>, &Catalog) -> Result<Option<(T, Operation)>, Error>,
    ) -> Option<Result<T, Error>> {
        self.store.write_at_once(|at_once| {
            let catalog = Catalog::carried(at_once.version().catalog());
            expect(self.test, catalog)?;
            attempt(at_once, catalog)
        })
    }
}

/// Inserts a row. `None`, and it is not inserted, if that takes more than this; the row may have its key then.
pub(crate) fn insert(
    store: Autocommit<'_>,
    table: TableId,
    new: &mut NewRows,
    context: &Context<'_>,
) -> Option<Result<(), Error>> {
    store.write(|at_once, catalog| {
        let table = catalog.expect_table(table)?;
        new.expect_layout(table)?;
        if !table.computed.is_empty() {
            return Ok(None);
        }
        if let Some(count) = new.keys_needed(table, || at_once.version()) {
            new.number(table, at_once.next_keys(table.id, count)?);
        }
        let ids_given = new.are_keys_given(table);
        let mut change = TableChange { inserted: new.take_all(), ids_given, ..TableChange::default() };
        let version = at_once.version();
        let round = TableRound {
            catalog,
            version,
            earlier: None,
            context,
            unstable: &[],
            more: false,
            is_part: false,
        };
        let mut postponed = Postponed::default();
        let changes = round.test(table, &change, &mut postponed, &mut Locking::off())?;
        if !postponed.is_empty() {
            new.put_back(change.inserted);
            return Ok(None);
        }
        let Some(rows) = change.inserted.pop() else { return Ok(None) };
        if ids_given && let Some(key) = rows.leaf.row_ids().first() {
            at_once.note_key(table.id, *key);
        }
        Ok(Some(((), Operation::Insert { table: table.id, rows, changes })))
    })
}

/// Runs an `UPDATE` or a `DELETE` of one row by its key. `None`, and it is not run, if it is not of that form, or takes
/// more than this. How deep it is nested does not matter here: only its first levels are looked at.
pub(crate) fn execute(
    store: Autocommit<'_>,
    statement: &Statement,
    context: &Context<'_>,
) -> Option<Result<Outcome, Error>> {
    match statement {
        Statement::Update(update) if update.from.is_none() && update.predicate.is_some() => {
            store.write(|at_once, catalog| {
                let patch = self::update(at_once.version(), catalog, update, context)?;
                let outcome = Outcome { affected: 1, ..Outcome::default() };
                Ok(patch.map(|patch| (outcome, Operation::Assign { table: update.table, patch })))
            })
        }
        Statement::Delete(delete)
            if delete.using.is_none() && delete.returning.is_empty() && delete.predicate.is_some() =>
        {
            store.write(|at_once, catalog| self::delete(at_once, catalog, delete, context))
        }
        _ => None,
    }
}

/// What a statement does that is of the form: what it is told, and the operation.
type Done = Option<(Outcome, Operation)>;

/// Takes an `UPDATE` of one row by its key as far as it comes in a transaction without waiting. `None`, and it is not
/// run, if it is not of that form, or takes more than this.
pub(crate) fn execute_in(
    transaction: &mut Transaction,
    test: Option<&dyn SchemaTest>,
    statement: &Statement,
    context: &Context<'_>,
) -> Result<Option<Step<()>>, Error> {
    let Statement::Update(update) = statement else { return Ok(None) };
    if update.from.is_some() || update.predicate.is_none() {
        return Ok(None);
    }
    let step = transaction.write_row(|version, operation| {
        let catalog = Catalog::carried(version.catalog());
        expect(test, catalog)?;
        let Some(patch) = self::update(version, catalog, update, context)? else { return Ok(None) };
        let (table, row) = (update.table, patch.row_ids()[0]);
        *operation = Some(Operation::Assign { table, patch });
        Ok::<_, Error>(Some(RowClaim { table, row, strength: Strength::NoKeyUpdate, how: How::Wait }))
    });
    Ok(step?)
}

/// How an `UPDATE` of the form changes its row.
fn update(
    version: &Version,
    catalog: &Catalog,
    update: &Update,
    context: &Context<'_>,
) -> Result<Option<Patch>, Error> {
    let table = catalog.expect_table(update.table)?;
    let Some(Some(id)) = key_of_one_row(table, update.source, update.predicate.as_ref(), context) else {
        return Ok(None);
    };
    if !patch::suffices(table, update) {
        return Ok(None);
    }
    let Some(row) = version.table(table.id).and_then(|rows| rows.get(id)) else { return Ok(None) };
    patch::of_row(table, update, row, context)
}

fn delete(
    at_once: &AtOnce<'_>,
    catalog: &Catalog,
    delete: &Delete,
    context: &Context<'_>,
) -> Result<Done, Error> {
    let version = at_once.version();
    let table = catalog.expect_table(delete.table)?;
    let found = key_of_one_row(table, delete.source, delete.predicate.as_ref(), context).flatten();
    let row = found.and_then(|id| version.table(table.id)?.get(id));
    let Some(row) = row.filter(|_| !cascade::is_referred_to(catalog, version, table)) else {
        return Ok(None);
    };
    row.touch();
    let changes = entries_of_row(table, row, context)?;
    let outcome = Outcome { affected: 1, per_table: vec![(table.id, 1)], ..Outcome::default() };
    Ok(Some((outcome, Operation::Delete { table: table.id, rows: vec![row.row_id()], changes })))
}
