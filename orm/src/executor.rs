//! Executors: where a verb runs.
//!
//! A verb takes `ex: &dyn Executor`, always last, and need not know whether it is a [`Db`] (each statement commits by
//! itself) or a [`Tx`] (an open transaction, or a savepoint in one). The trait is object-safe and asks for `Sync`
//! only, so receivers and hooks take the same `&dyn Executor`, and there is one instantiation of every verb.
//!
//! Clock and time zone belong to the executor ([`Settings`]): `auto_now` and the date lookups read them, a test
//! freezes them. Statements can be watched ([`Capture`]), which is how a test asserts their number, warned of
//! ([`Warnings`]) and limited ([`Budget`]).
//!
//! Order of reading: this file, [`atomic`](crate::atomic) (transactions), [`settings`], `statement` (how one is run),
//! [`capture`], [`warnings`], [`budget`], [`fetch`].

pub mod budget;
pub mod capture;
pub mod fetch;
pub mod settings;
pub(crate) mod statement;
pub mod warnings;

use std::{sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use nuages_engine::{Cancel, Database, Isolation, Limits, Session, Snapshot, Under};

pub use self::{
    budget::Budget,
    capture::{Capture, Control, Event, Statement, StatementKind},
    fetch::FetchMode,
    settings::{Clock, Settings},
    warnings::Warnings,
};
use crate::{
    app::App,
    atomic::Tx,
    error::{Error, Result},
    queryset::cache::PlanCache,
    schema::Binding,
};

/// Where a verb runs: a database, a transaction, a savepoint. See the [module](self).
pub trait Executor: Sync {
    /// The engine's session, for one statement; [`Error::Doomed`] in an `atomic` block that is lost already.
    fn session(&self) -> Result<&dyn Session>;

    /// What all executors of one database share.
    fn shared(&self) -> &Shared;

    /// Clock, time zone and the like.
    fn settings(&self) -> &Settings;

    /// A transaction on a database, a savepoint inside a transaction. [`Atomic`](crate::atomic::Atomic) is the
    /// safer way to it.
    fn begin(&self) -> Result<Tx<'_>>;

    /// A block that is no savepoint inside a transaction, and a transaction elsewhere. See
    /// [`Atomic::atomic_joined`](crate::atomic::Atomic::atomic_joined).
    fn begin_joined(&self) -> Result<Tx<'_>> {
        self.begin()
    }

    /// [`begin`](Executor::begin) for a task: where a statement has to wait for a lock, the task is parked and not its
    /// thread. See [`asynchronous`](crate::asynchronous).
    fn begin_async(&self) -> Result<Tx<'_>> {
        self.begin()
    }

    /// Whether this runs inside a transaction.
    fn in_atomic_block(&self) -> bool;

    /// Runs `hook` after the outermost transaction around committed; at once outside of any.
    ///
    /// # Errors
    /// Outside a transaction, what the hook returns.
    fn defer_to_commit(&self, hook: CommitHook) -> Result<()>;

    /// Told by a writing verb that it failed, before it returns `error`: spoils the `atomic` block it ran in, for
    /// the errors that do (a violated constraint, a deadlock).
    fn note_failed_write(&self, error: &Error);
}

/// What runs after a commit.
pub type CommitHook = Box<dyn FnOnce() -> Result<()> + Send>;

/// What the executors of one database have in common.
pub struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) database: Database,
    pub(crate) binding: Arc<Binding>,
    pub(crate) watch: capture::Watch,
    pub(crate) plans: Arc<PlanCache>,
}

impl Shared {
    /// Of an app and a database, whose statements nobody watches yet.
    pub(crate) fn of(app: App, database: Database, binding: Binding) -> Shared {
        Shared {
            app: Arc::new(app),
            database,
            binding: Arc::new(binding),
            watch: capture::Watch::default(),
            plans: Arc::default(),
        }
    }

    /// The models and receivers.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Where each model's rows are.
    pub(crate) fn binding(&self) -> &Binding {
        &self.binding
    }
}

/// An open database and its [`App`]. Cheap to clone; clones are the same database.
#[derive(Clone)]
pub struct Db {
    pub(crate) shared: Arc<Shared>,
    /// The shared one, within the limits of the settings.
    database: Under<Database, Arc<Binding>>,
    pub(crate) settings: Settings,
}

impl Db {
    pub(crate) fn new(app: Arc<App>, database: Database, binding: Arc<Binding>) -> Db {
        let watch = capture::Watch::default();
        let settings = Settings { limits: database.limits().clone(), ..Settings::default() };
        let settings = settings.warning(app.default_warnings());
        Db::of(Shared { app, database, binding, watch, plans: Arc::default() }, settings)
    }

    fn of(shared: Shared, settings: Settings) -> Db {
        let database = shared.database.with_limits(settings.limits.clone());
        let database = Under::new(database, Arc::clone(&shared.binding));
        Db { shared: Arc::new(shared), database, settings }
    }

    /// The same database with other settings.
    fn with(&self, settings: Settings) -> Db {
        let database = self.engine().with_limits(settings.limits.clone());
        let database = Under::new(database, Arc::clone(&self.shared.binding));
        Db { shared: self.shared.clone(), database, settings }
    }

    /// A whole writable copy, in O(1): it shares all data until either side writes. It has the same [`App`], locks
    /// and counters of its own, and is not watched by a [`Capture`] of the original.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// let sandbox = db.fork()?;
    /// Post::objects().delete(&sandbox)?;
    /// assert!(Post::objects().exists(&db)?);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn fork(&self) -> Result<Db> {
        let shared = Shared {
            app: self.shared.app.clone(),
            database: self.shared.database.fork()?,
            binding: self.shared.binding.clone(),
            watch: capture::Watch::default(),
            plans: self.shared.plans.clone(),
        };
        Ok(Db::of(shared, self.settings.clone()))
    }

    /// The engine's database below.
    pub fn engine(&self) -> &Database {
        self.database.session()
    }

    /// The version of the data as it is now: read-only, and the same for as long as it is held.
    ///
    /// # Errors
    /// That the database cannot be used any more.
    pub fn snapshot(&self) -> Result<Frozen> {
        Ok(self.frozen(self.engine().snapshot()?))
    }

    pub(crate) fn frozen(&self, snapshot: Snapshot) -> Frozen {
        let snapshot = snapshot.with_limits(self.settings.limits.clone());
        let snapshot = Under::new(snapshot, Arc::clone(&self.shared.binding));
        Frozen { shared: self.shared.clone(), settings: self.settings.clone(), snapshot }
    }

    /// The same database, seen from a time zone: dates of timestamps, `auto_now` on date fields, truncations.
    pub fn in_zone(&self, zone: TimeZone) -> Db {
        self.with(Settings { zone: Some(zone), ..self.settings.clone() })
    }

    /// [`in_zone`](Db::in_zone) by the zone's IANA name.
    ///
    /// # Errors
    /// [`Error::Custom`] with what the time zone database says of an unknown name.
    pub fn in_time_zone(&self, name: &str) -> Result<Db> {
        TimeZone::get(name).map(|zone| self.in_zone(zone)).map_err(Error::custom)
    }

    /// The same database with another clock.
    pub fn with_clock(&self, clock: Clock) -> Db {
        self.with(Settings { clock, ..self.settings.clone() })
    }

    /// The same database, on which what rows have not brought along is read in this way, where a queryset says nothing
    /// else.
    pub fn with_fetch_mode(&self, mode: FetchMode) -> Db {
        self.with(Settings { fetch_mode: Some(mode), ..self.settings.clone() })
    }

    /// The same database, through which only so many statements may run. Its clones and transactions spend from the
    /// same budget; the database that this was called on, and a second call, do not.
    pub fn with_budget(&self, budget: Budget) -> Db {
        let spending = Some(Arc::new(budget::Spending::new(budget)));
        self.with(Settings { spending, ..self.settings.clone() })
    }

    /// The same database, of which these things are worth a warning: an event of `tracing`. Its clones and transactions
    /// warn of them too.
    pub fn with_warnings(&self, warnings: Warnings) -> Db {
        self.with(self.settings.clone().warning(warnings))
    }

    /// How many statements were run of a [budget](Db::with_budget); none without one.
    pub fn statements_run(&self) -> u64 {
        self.settings.spending.as_ref().map_or(0, |spending| spending.statements())
    }

    /// The same database, whose transactions have this isolation: what they see of others, and when they are refused
    /// with [`Error::SerializationFailure`]. Statements outside of a transaction are each one of their own and need
    /// none.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// let strict = db.with_isolation(Isolation::Serializable);
    /// strict.atomic_retrying(Retry::default(), |tx| {
    ///     let posts = Post::objects().count(tx)?;
    ///     Post::objects().create(new!(Post { title: format!("number {posts}") }), tx)
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_isolation(&self, isolation: Isolation) -> Db {
        self.with(Settings { isolation, ..self.settings.clone() })
    }

    /// The same database, on which a statement, in a transaction or not, waits for a lock for so long at most: then it
    /// is [`Error::Locked`].
    pub fn with_lock_timeout(&self, timeout: Duration) -> Db {
        self.with_limits(Limits { lock_timeout: Some(timeout), ..self.settings.limits.clone() })
    }

    /// The same database, on which a statement takes so long at most, waiting included: then it is
    /// [`Error::StatementTimeout`].
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// let hasty = db.with_statement_timeout(std::time::Duration::ZERO);
    /// assert!(matches!(Post::objects().all(&hasty), Err(Error::StatementTimeout { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_statement_timeout(&self, timeout: Duration) -> Db {
        self.with_limits(Limits { statement_timeout: Some(timeout), ..self.settings.limits.clone() })
    }

    /// The same database, whose statements another thread can end: then they are [`Error::Cancelled`].
    pub fn with_cancel(&self, cancel: &Cancel) -> Db {
        self.with_limits(Limits { cancel: Some(cancel.clone()), ..self.settings.limits.clone() })
    }

    /// The same database with other limits for its statements.
    pub fn with_limits(&self, limits: Limits) -> Db {
        self.with(Settings { limits, ..self.settings.clone() })
    }

    /// The same database, on which each queryset is compiled and planned by itself, and nothing is kept of it. It gives
    /// the same answers and takes longer; tests and measurements compare the two.
    pub fn planning_anew(&self) -> Db {
        self.with(Settings { plans_anew: true, ..self.settings.clone() })
    }

    /// How many shapes of querysets are kept compiled and planned, for this database and its forks. What is asked a
    /// second time with other values costs no planning; there is nothing to turn on.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// for views in 0..100 {
    ///     Post::objects().filter(Post::view_count.gt(views)).count(&db)?;
    /// }
    /// assert_eq!(db.kept_plans(), 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn kept_plans(&self) -> usize {
        self.shared.plans.len()
    }
}

impl Executor for Db {
    fn session(&self) -> Result<&dyn Session> {
        Ok(&self.database)
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn begin(&self) -> Result<Tx<'_>> {
        Ok(Tx::outermost(&self.shared, &self.settings, self.engine().begin_with(self.settings.isolation)))
    }

    fn begin_async(&self) -> Result<Tx<'_>> {
        Ok(Tx::outermost(&self.shared, &self.settings, self.engine().begin_async(self.settings.isolation)))
    }

    fn in_atomic_block(&self) -> bool {
        false
    }

    fn defer_to_commit(&self, hook: CommitHook) -> Result<()> {
        hook()
    }

    fn note_failed_write(&self, _error: &Error) {}
}

/// A [`Db`] as it was when the snapshot was taken. Writing verbs fail with the engine's `ReadOnly`.
pub struct Frozen {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Settings,
    pub(crate) snapshot: Under<Snapshot, Arc<Binding>>,
}

impl Executor for Frozen {
    fn session(&self) -> Result<&dyn Session> {
        Ok(&self.snapshot)
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn begin(&self) -> Result<Tx<'_>> {
        Err(nuages_engine::Error::ReadOnly.into())
    }

    fn in_atomic_block(&self) -> bool {
        false
    }

    fn defer_to_commit(&self, hook: CommitHook) -> Result<()> {
        hook()
    }

    fn note_failed_write(&self, _error: &Error) {}
}

/// Ends a writing verb: tells the executor of a failure, and passes the result on.
pub(crate) fn finish_write<T>(ex: &dyn Executor, result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        ex.note_failed_write(error);
    }
    result
}
