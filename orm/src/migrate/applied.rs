//! The record that a database keeps of the migrations it has had.

use std::sync::Arc;

use nuages_engine::{Database, Session as _, Transaction};

use crate::app::App;
use crate::atomic::Tx;
use crate::error::Result;
use crate::executor::{Settings, Shared};
use crate::prelude::{Auto, DateTime, Model, Queryset as _};
use crate::schema::{Binding, create_missing};

/// A migration that a database has had: a row of the table `nuages_migrations`, as Django has `django_migrations`.
///
/// [`Migrations`](super::Migrations) writes them. A program that adds the model to its [`App`] can ask for them as for
/// other rows.
#[derive(Model, Clone, Debug)]
#[model(app = "nuages", db_table = "nuages_migrations", ordering = [id])]
pub struct Applied {
    /// In the order in which they were applied.
    pub id: Auto<i64>,
    /// The name of the migration.
    #[field(unique, max_length = 255)]
    pub name: String,
    /// When it was applied.
    #[field(auto_now_add)]
    pub applied: DateTime,
}

/// What is recorded in a database, the oldest first; nothing where there is no record yet.
pub(super) fn recorded(database: &Database, transaction: Transaction) -> Result<(Vec<Applied>, Transaction)> {
    match has_record(&transaction)? {
        true => recording(database, transaction, |tx| Applied::objects().all(tx)),
        false => Ok((Vec::new(), transaction)),
    }
}

/// Records that a migration was applied.
pub(super) fn add(database: &Database, transaction: Transaction, name: &str) -> Result<Transaction> {
    if !has_record(&transaction)? {
        create_missing(&transaction, &[Applied::meta()])?;
    }
    let added = |tx: &Tx<'_>| Applied::objects().create(crate::new!(Applied { name }), tx).map(drop);
    recording(database, transaction, added).map(|((), transaction)| transaction)
}

/// Forgets that a migration was applied.
pub(super) fn remove(database: &Database, transaction: Transaction, name: &str) -> Result<Transaction> {
    let removed = |tx: &Tx<'_>| Applied::objects().filter(Applied::name.eq(name)).delete(tx).map(drop);
    recording(database, transaction, removed).map(|((), transaction)| transaction)
}

fn has_record(transaction: &Transaction) -> Result<bool> {
    Ok(transaction.catalog()?.find_table(Applied::meta().table).is_some())
}

/// Runs code over the record inside a transaction, which comes back if nothing failed.
fn recording<T>(
    database: &Database,
    transaction: Transaction,
    code: impl FnOnce(&Tx<'_>) -> Result<T>,
) -> Result<(T, Transaction)> {
    let binding = Binding::new(&[Applied::meta()], &*transaction.catalog()?)?;
    let shared = Arc::new(Shared::of(App::new().model::<Applied>(), database.clone(), binding));
    let settings = Settings::default();
    let tx = Tx::outermost(&shared, &settings, transaction);
    let value = code(&tx)?;
    Ok((value, tx.into_transaction()?))
}
