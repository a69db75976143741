//! How what a row has not brought along is read: a followed key, the other side of a `OneToOne`, a deferred field.
//!
//! ```
//! use nuages::executor::FetchMode;
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub name: String }
//! # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
//! # let db = App::new().models((User::app(), Post::app())).open_memory()?;
//! # for name in ["Django", "Stéphane"] {
//! #     let author = User::objects().create(new!(User { name }), &db)?;
//! #     Post::objects().create(new!(Post { author: &author }), &db)?;
//! # }
//! let watch = db.capture();
//! for post in Post::objects().fetch_mode(FetchMode::Peers).all(&db)? {
//!     post.author.get(&db)?; // the first reads the authors of all posts
//! }
//! assert_eq!(watch.len(), 2);
//!
//! let strict = db.with_fetch_mode(FetchMode::Raise);
//! let post = Post::objects().get(Post::id.eq(1), &strict)?;
//! assert_eq!(post.author.get(&strict).map(drop), Err(Error::FetchBlocked { model: "Post", field: "author" }));
//! # Ok::<(), Error>(())
//! ```

use nuages_engine::Session;

use super::{CommitHook, Executor, Settings, Shared};
use crate::atomic::Tx;
use crate::error::{Error, Result};

/// How what a row has not brought along is read. Django's fetch modes.
///
/// It is said of a queryset, or of an executor for all that is read through it; a queryset's word is stronger. Rows
/// that are fetched later follow the mode of the row they were fetched for. To-many relations are asked for by a verb
/// of their own each time and know no mode; a [`Budget`](super::Budget) counts them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FetchMode {
    /// For the one row that asks.
    #[default]
    One,
    /// For all rows of the result that the row came with, at once.
    Peers,
    /// Not at all: [`Error::FetchBlocked`].
    Raise,
}

/// An executor with other settings.
pub(crate) struct Adjusted<'x> {
    ex: &'x dyn Executor,
    settings: Settings,
}

impl<'x> Adjusted<'x> {
    /// The executor with another fetch mode.
    pub(crate) fn fetching(ex: &'x dyn Executor, mode: FetchMode) -> Adjusted<'x> {
        Adjusted { ex, settings: Settings { fetch_mode: Some(mode), ..ex.settings().clone() } }
    }
}

/// Runs with the executor, or with one of this fetch mode if a queryset says so.
pub(crate) fn with_mode<T>(
    mode: Option<FetchMode>,
    ex: &dyn Executor,
    run: impl FnOnce(&dyn Executor) -> Result<T>,
) -> Result<T> {
    match mode {
        Some(mode) => run(&Adjusted::fetching(ex, mode)),
        None => run(ex),
    }
}

impl Executor for Adjusted<'_> {
    fn session(&self) -> Result<&dyn Session> {
        self.ex.session()
    }

    fn shared(&self) -> &Shared {
        self.ex.shared()
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn begin(&self) -> Result<Tx<'_>> {
        self.ex.begin()
    }

    fn in_atomic_block(&self) -> bool {
        self.ex.in_atomic_block()
    }

    fn defer_to_commit(&self, hook: CommitHook) -> Result<()> {
        self.ex.defer_to_commit(hook)
    }

    fn note_failed_write(&self, error: &Error) {
        self.ex.note_failed_write(error);
    }
}
