//! A limit on statements: how a page proves that it needs five queries, and how a test finds what reads row by row.
//!
//! ```
//! use nuages::executor::Budget;
//! use nuages::prelude::*;
//! # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64>, pub name: String }
//! # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
//! # let db = App::new().models((User::app(), Post::app())).open_memory()?;
//! # for name in ["Django", "Stéphane", "Joseph"] {
//! #     let author = User::objects().create(new!(User { name }), &db)?;
//! #     Post::objects().create(new!(Post { author: &author }), &db)?;
//! # }
//! let request = db.with_budget(Budget { follows_max: Some(2), ..Budget::default() });
//! let mut read_row_by_row = Ok(());
//! for post in Post::objects().all(&request)? {
//!     read_row_by_row = post.author.get(&request).map(drop);
//! }
//! assert_eq!(read_row_by_row, Err(Error::FollowedTooOften { model: "Post", field: "author", follows_max: 2 }));
//! assert_eq!(request.statements_run(), 3);
//! # Ok::<(), Error>(())
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::meta::ModelMeta;

/// How many statements may run through an executor; see [`Db::with_budget`](super::Db::with_budget).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// So many statements of any kind.
    pub statements_max: Option<u64>,
    /// So often may one relation or deferred field be read for a single row. Reading it for each row of a result is
    /// the N+1 problem.
    pub follows_max: Option<u32>,
}

/// A budget and what was spent of it.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    budget: Budget,
    statements: AtomicU64,
    /// How often each field, by the address of its model, was read for a single row.
    follows: Mutex<HashMap<(usize, u16), u32>>,
}

impl Spending {
    pub(crate) fn new(budget: Budget) -> Spending {
        Spending { budget, ..Spending::default() }
    }

    pub(crate) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Whether rows must remember which field brought them along, for an error to name it.
    pub(crate) fn limits_follows(&self) -> bool {
        self.budget.follows_max.is_some()
    }

    pub(super) fn statement(&self, table: &'static str) -> Result<()> {
        let before = self.statements.fetch_add(1, Ordering::Relaxed);
        match self.budget.statements_max {
            Some(statements_max) if before >= statements_max => {
                self.statements.fetch_sub(1, Ordering::Relaxed);
                Err(Error::OverBudget { table, statements_max })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn follow(&self, model: &'static ModelMeta, field: u16) -> Result<()> {
        let Some(follows_max) = self.budget.follows_max else { return Ok(()) };
        let mut follows = self.follows.lock();
        let count = follows.entry((std::ptr::from_ref(model).addr(), field)).or_default();
        if *count >= follows_max {
            let field = model.field(field).map_or("", |field| field.name);
            return Err(Error::FollowedTooOften { model: model.name, field, follows_max });
        }
        *count += 1;
        Ok(())
    }
}
