//! Queries that are held together with the version they are asked of, so that what they yield may outlive the asking.
//!
//! A batch borrows from the version that is read and from the plan that reads it. [`Session::query_each`] holds both
//! for as long as it runs; a [`HeldQuery`] holds them for as long as its owner likes. So a text can be handed out where
//! it lies, as a `&str` that lives as long as the held query does.

use std::sync::Arc;

use nuages_storage::Version;

use crate::algebra::Query;
use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::evaluate::Context;
use crate::limits::Interrupt;
use crate::plan::Plan;
use crate::session::Session;
use crate::{execute, optimize};

/// A query, planned, and the version that it is asked of. See the [module](self).
#[derive(Debug)]
pub struct HeldQuery {
    version: Arc<Version>,
    plan: Plan,
    /// The limits of the statement, which began when the query was held.
    interrupt: Interrupt,
}

impl HeldQuery {
    /// Plans a query without parameters for what `session` sees, and holds that. It is read only: locks that the query
    /// asks for are not acquired.
    ///
    /// # Errors
    /// What a query can be refused for when it is planned.
    pub fn new(session: &dyn Session, query: Query) -> Result<HeldQuery, Error> {
        let (version, interrupt) = (session.version()?, session.interrupt());
        let plan = optimize::plan(query, Catalog::of(&version), &version)?;
        Ok(HeldQuery { version, plan, interrupt })
    }

    /// Runs it and hands out its rows, batch by batch. What a batch borrows lives as long as the held query.
    ///
    /// # Errors
    /// What its expressions refuse, and what `each` returns.
    pub fn each<'h>(&'h self, each: &mut dyn FnMut(&Batch<'h>) -> Result<(), Error>) -> Result<(), Error> {
        execute::run_held(&self.plan, &self.version, &Context::new(&[]).within(&self.interrupt), each)
    }
}
