//! All migrations of a program, and how far a database has come with them.

use std::cmp::Ordering;

use nuages_engine::{Database, Transaction};

use super::applied::{self, Applied};
use super::{Migration, Operation, ProjectState, changes};
use crate::error::{Error, Misuse, Result, UnknownName};
use crate::meta::ModelMeta;
use crate::prelude::DateTime;

/// How often a migration is tried again that others were in the way of, and that nobody has applied meanwhile.
const RETRIES_MAX: u32 = 10;

/// The migrations of a program, in the order in which they follow each other.
///
/// A database records those it has had (see [`Applied`]), each in the transaction that applies it, so a program that is
/// killed goes on where it was. An [`App`](crate::app::App) that is given them opens its databases by them.
///
/// ```
/// use nuages::field::DataType;
/// use nuages::migrate::{FieldState, Migration, Migrations, ModelState, Operation};
/// let text = |name| FieldState::column(name, DataType::Text { max_length: None });
/// let item = ModelState::with_id("shop", "Item").field("name", text("name"));
/// let note = Operation::AddField { model: "shop.Item".into(), name: "note".into(), field: text("note").with_default("") };
/// let migrations = Migrations::new([
///     Migration::new("0001_initial", [Operation::CreateModel(item)]),
///     Migration::new("0002_note", [note]),
/// ]);
///
/// let database = nuages_engine::Database::new();
/// assert_eq!(migrations.migrate(&database.fork()?)?, ["0001_initial", "0002_note"]); // a trial, on a fork
/// assert_eq!(migrations.migrate(&database)?, ["0001_initial", "0002_note"]);
/// assert_eq!(migrations.migrate(&database)?, [""; 0]);
/// assert_eq!(migrations.migrate_to("0001_initial", &database)?, ["0002_note"]); // back
/// let status = migrations.status(&database)?;
/// assert!(status[0].1.is_some() && status[1] == ("0002_note".to_owned(), None));
/// # Ok::<(), nuages::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Migrations {
    list: Vec<Migration>,
}

/// What becomes of the tables when a migration is recorded or forgotten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tables {
    Change,
    /// They are what they should be already.
    Stay,
}

impl Migrations {
    /// These migrations, in this order.
    pub fn new(list: impl IntoIterator<Item = Migration>) -> Migrations {
        Migrations { list: list.into_iter().collect() }
    }

    /// What the models are after all of them.
    ///
    /// # Errors
    /// [`Misuse::NameTaken`] if two have one name; [`Error::Migration`] with what an operation makes no sense for.
    pub fn state(&self) -> Result<ProjectState> {
        Ok(self.states()?.pop().unwrap_or_default())
    }

    /// What a further migration has to do so that these models are reached: Django's `makemigrations --dry-run`. What
    /// models say of themselves and no table holds, as their names for people, counts, too.
    ///
    /// # Errors
    /// As [`state`](Migrations::state).
    pub fn missing(&self, models: impl IntoIterator<Item = &'static ModelMeta>) -> Result<Vec<Operation>> {
        let managed = models.into_iter().filter(|model| model.managed);
        Ok(changes(&self.state()?, &ProjectState::of(managed)?, &[]))
    }

    /// Applies those that a database has not had: Django's `migrate`. Returns their names. Each is a transaction; where
    /// one fails, those before it stay applied.
    ///
    /// # Errors
    /// [`Error::Migration`], which names the migration that failed and says why; [`Misuse::OtherMigrations`] if the
    /// database has had others; as [`state`](Migrations::state).
    pub fn migrate(&self, database: &Database) -> Result<Vec<String>> {
        self.go_to(self.list.len(), Tables::Change, database)
    }

    /// Applies or undoes migrations until this one is the last that is applied: Django's `migrate app 0002`. Returns
    /// the names of those that it applied or undid, in that order.
    ///
    /// # Errors
    /// [`Error::UnknownName`]; as [`migrate`](Migrations::migrate); for code without a way back, [`Misuse::Other`].
    pub fn migrate_to(&self, name: &str, database: &Database) -> Result<Vec<String>> {
        self.go_to(self.place(name)? + 1, Tables::Change, database)
    }

    /// Undoes all that are applied, the last first: Django's `migrate app zero`. Returns their names.
    ///
    /// # Errors
    /// As [`migrate_to`](Migrations::migrate_to).
    pub fn undo_all(&self, database: &Database) -> Result<Vec<String>> {
        self.go_to(0, Tables::Change, database)
    }

    /// Records that a database has come so far, and changes no other table: Django's `migrate --fake`, for databases
    /// whose tables were made otherwise. Returns the names that it added to the record or took from it.
    ///
    /// # Errors
    /// As [`migrate_to`](Migrations::migrate_to).
    pub fn fake_to(&self, name: &str, database: &Database) -> Result<Vec<String>> {
        self.go_to(self.place(name)? + 1, Tables::Stay, database)
    }

    /// Each migration, and when the database had it: Django's `showmigrations`.
    ///
    /// # Errors
    /// [`Misuse::OtherMigrations`].
    pub fn status(&self, database: &Database) -> Result<Vec<(String, Option<DateTime>)>> {
        let (applied, _) = applied::recorded(database, database.begin())?;
        self.expect_beginning(&applied)?;
        let times = applied.iter().map(|one| Some(one.applied)).chain(std::iter::repeat(None));
        Ok(self.list.iter().map(|migration| migration.name.clone()).zip(times).collect())
    }

    /// That the models are what they are after all migrations, as far as tables tell.
    pub(crate) fn expect_models(&self, models: impl IntoIterator<Item = &'static ModelMeta>) -> Result<()> {
        let missing = self.missing(models)?;
        let in_tables = missing.iter().filter(|missing| !matches!(missing, Operation::AlterOptions { .. }));
        let changes: Vec<String> = in_tables.map(ToString::to_string).collect();
        if changes.is_empty() { Ok(()) } else { Err(Misuse::NotMigrated { changes }.into()) }
    }

    /// The states before each migration, and after the last.
    fn states(&self) -> Result<Vec<ProjectState>> {
        let mut states = vec![ProjectState::default()];
        for (place, migration) in self.list.iter().enumerate() {
            if self.list[..place].iter().any(|other| other.name == migration.name) {
                return Err(Misuse::NameTaken { name: migration.name.clone() }.into());
            }
            let mut state = states[place].clone();
            let changed = migration.operations.iter().try_for_each(|operation| operation.change(&mut state));
            changed.map_err(|error| migration.failed(error))?;
            states.push(state);
        }
        Ok(states)
    }

    fn place(&self, name: &str) -> Result<usize> {
        let place = self.list.iter().position(|migration| migration.name == name);
        place.ok_or_else(|| {
            let names = self.list.iter().map(|migration| migration.name.clone()).collect();
            UnknownName::among("the list of migrations".to_owned(), name, names)
        })
    }

    /// Goes on or back until so many are applied. What fails because another program has done it meanwhile is done.
    fn go_to(&self, wanted: usize, tables: Tables, database: &Database) -> Result<Vec<String>> {
        let states = self.states()?;
        let mut names = Vec::new();
        let mut failed: Option<(usize, Error)> = None;
        let mut retries = 0;
        loop {
            let (applied, transaction) = applied::recorded(database, database.begin())?;
            let applied = self.expect_beginning(&applied)?;
            if let Some((at, error)) = failed.take()
                && at == applied
            {
                retries += 1;
                if !error.is_retryable() || retries > RETRIES_MAX {
                    return Err(error);
                }
            }
            let place = match applied.cmp(&wanted) {
                Ordering::Equal => return Ok(names),
                Ordering::Less => applied,
                Ordering::Greater => applied - 1,
            };
            let (migration, before) = (&self.list[place], &states[place]);
            let done = match applied < wanted {
                true => migration.apply(before, tables, transaction, database),
                false => migration.forget(before, tables, transaction, database),
            };
            match done.and_then(|transaction| Ok(transaction.commit()?)) {
                Ok(_) => names.push(migration.name.clone()),
                Err(error) => failed = Some((applied, migration.failed(error))),
            }
        }
    }

    /// How many a database has had, which are the first ones.
    fn expect_beginning(&self, applied: &[Applied]) -> Result<usize> {
        let differs = |place: &usize| {
            self.list.get(*place).is_none_or(|migration| migration.name != applied[*place].name)
        };
        match (0..applied.len()).find(differs) {
            None => Ok(applied.len()),
            Some(place) => Err(Misuse::OtherMigrations {
                found: applied[place].name.clone(),
                expected: self.list.get(place).map(|migration| migration.name.clone()),
            }
            .into()),
        }
    }
}

impl Migration {
    fn apply(
        &self,
        before: &ProjectState,
        tables: Tables,
        transaction: Transaction,
        database: &Database,
    ) -> Result<Transaction> {
        let transaction = match tables {
            Tables::Change => self.forwards(before, transaction, database)?.1,
            Tables::Stay => transaction,
        };
        applied::add(database, transaction, &self.name)
    }

    fn forget(
        &self,
        before: &ProjectState,
        tables: Tables,
        transaction: Transaction,
        database: &Database,
    ) -> Result<Transaction> {
        let transaction = match tables {
            Tables::Change => self.backwards(before, transaction, database)?,
            Tables::Stay => transaction,
        };
        applied::remove(database, transaction, &self.name)
    }

    /// Names the migration beside what it failed for.
    fn failed(&self, error: Error) -> Error {
        Error::Migration { name: self.name.clone(), error: Box::new(error) }
    }
}
