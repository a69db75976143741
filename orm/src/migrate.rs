//! Migrations: how the tables of yesterday's models become those of today's.
//!
//! A [`ProjectState`] is what models are at a point of a history, as data: of the program's own models, or built step
//! by step. [`changes`] compares two and gives the [`Operation`]s that lead from one to the other, in Django's words
//! and order. A [`Migration`] is a list of them; it runs forwards and backwards, each way in one transaction, on the
//! tables of any database. What a migration does to rows is code over [`Historical`] models: rows by name, as they were
//! then.
//!
//! ```
//! use nuages::field::DataType;
//! use nuages::migrate::{FieldState, Migration, ModelState, Operation, ProjectState};
//! let item = ModelState::with_id("app", "Item")
//!     .field("name", FieldState::column("name", DataType::Text { max_length: Some(10) }));
//! let loud = FieldState::column("loud", DataType::Text { max_length: None }).with_default("-");
//! let first = Migration::new("0001", [Operation::CreateModel(item)]);
//! let second = Migration::new("0002", [
//!     Operation::AddField { model: "app.Item".into(), name: "loud".into(), field: loud },
//!     Operation::run_both(
//!         |models| {
//!             let item = models.model("app.Item")?;
//!             let upper = item.column::<String>("name")?.upper();
//!             item.update_set(&item.objects(), "loud", &upper, models.ex()).map(drop)
//!         },
//!         |_| Ok(()),
//!     ),
//! ]);
//!
//! let database = nuages_engine::Database::new();
//! let before = first.run(&ProjectState::default(), &database)?;
//! before.with(&database, |models| models.model("app.Item")?.create([("name", "abc")], models.ex()).map(drop))?;
//! let after = second.run(&before, &database)?;
//! let loud = after.with(&database, |models| models.objects("app.Item")?.get(("name", "abc"), models.ex())?.get("loud").cloned())?;
//! assert_eq!(loud.as_text(), Some("ABC"));
//! second.undo(&before, &database)?;
//! # Ok::<(), nuages::Error>(())
//! ```
//!
//! [`Migrations`] are all of a program's; a database keeps a record of those that it has had.
//!
//! Order of reading: `state`, `operation`, `detect`, `editor` (operations as changes of tables), `rules` (its
//! indexes and constraints), `remake` (tables made anew), `historical`, `migrations` and `applied`
//! (how far a database has come).

mod applied;
mod detect;
mod editor;
mod historical;
mod migrations;
mod operation;
mod remake;
mod rules;
mod state;

use nuages_engine::{Database, Transaction};

use self::editor::Editor;
use crate::error::Result;

pub use self::{
    applied::Applied,
    detect::{RenamedField, changes},
    historical::{Historical, HistoricalModel},
    migrations::Migrations,
    operation::{Code, Operation},
    state::{
        ConstraintState, DatabaseAction, FieldState, FieldStateKind, IndexPart, IndexState, ModelState,
        ProjectState, RowExpr,
    },
};

/// Operations that belong together, under a name.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Its name: `0002_loud`.
    pub name: String,
    /// What it does, in order.
    pub operations: Vec<Operation>,
}

impl Migration {
    /// A migration of these operations.
    pub fn new(name: &str, operations: impl IntoIterator<Item = Operation>) -> Migration {
        Migration { name: name.into(), operations: operations.into_iter().collect() }
    }

    /// Changes a database whose models are in this state, all of it or nothing, and says what they are then.
    ///
    /// # Errors
    /// [`Error::UnknownName`](crate::Error::UnknownName) for a model or field that is not there; what the engine
    /// refuses: a column without a default where there are rows, a constraint that rows do not meet; what code returns.
    pub fn run(&self, before: &ProjectState, database: &Database) -> Result<ProjectState> {
        let (state, transaction) = self.forwards(before, database.begin(), database)?;
        transaction.commit()?;
        Ok(state)
    }

    fn forwards(
        &self,
        before: &ProjectState,
        mut transaction: Transaction,
        database: &Database,
    ) -> Result<(ProjectState, Transaction)> {
        let mut state = before.clone();
        for operation in &self.operations {
            (state, transaction) = step(operation, &state, transaction, database)?;
        }
        Ok((state, transaction))
    }

    /// Undoes what [`run`](Migration::run) did to a database whose models were in this state before, all of it or
    /// nothing.
    ///
    /// # Errors
    /// As [`run`](Migration::run); [`Misuse::Other`](crate::error::Misuse::Other) for code without a way back.
    pub fn undo(&self, before: &ProjectState, database: &Database) -> Result<()> {
        self.backwards(before, database.begin(), database)?.commit()?;
        Ok(())
    }

    fn backwards(
        &self,
        before: &ProjectState,
        mut transaction: Transaction,
        database: &Database,
    ) -> Result<Transaction> {
        let mut states = vec![before.clone()];
        for operation in &self.operations {
            let mut state = states[states.len() - 1].clone();
            operation.change(&mut state)?;
            states.push(state);
        }
        for (operation, states) in self.operations.iter().zip(states.windows(2)).rev() {
            let back = operation.reversed(&states[0])?;
            (_, transaction) = step(&back, &states[1], transaction, database)?;
        }
        Ok(transaction)
    }
}

impl ProjectState {
    /// Runs code over the models of this state in a transaction of its own.
    ///
    /// # Errors
    /// What the code returns, and then nothing of what it wrote is kept; that a model has no table.
    pub fn with<T>(&self, database: &Database, code: impl FnOnce(&Historical<'_>) -> Result<T>) -> Result<T> {
        let (value, transaction) = historical::with_models(self, database.begin(), database, code)?;
        transaction.commit()?;
        Ok(value)
    }
}

/// One operation, and the state after it.
fn step(
    operation: &Operation,
    before: &ProjectState,
    transaction: Transaction,
    database: &Database,
) -> Result<(ProjectState, Transaction)> {
    let mut after = before.clone();
    operation.change(&mut after)?;
    if let Operation::Run(code) = operation {
        let ((), transaction) =
            historical::with_models(before, transaction, database, |models| (code.forwards)(models))?;
        return Ok((after, transaction));
    }
    Editor { session: &transaction, before, after: &after }.apply(operation)?;
    Ok((after, transaction))
}
