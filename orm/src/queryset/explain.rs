//! How a queryset is answered.

use nuages_engine::explain::Explanation;

use super::QuerySet;
use crate::compile::Compiler;
use crate::error::Result;
use crate::executor::Executor;
use crate::model::Model;

impl<M: Model, R> QuerySet<M, R> {
    /// The engine's plan for the rows, as a tree for people: access paths, joins, and how many rows each step has,
    /// counted where a tree counts them. Nothing is run.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all), but for what only rows can be wrong in.
    pub fn explain(&self, ex: &dyn Executor) -> Result<Explanation> {
        if let Some(misuse) = self.state().clauses().misuse {
            return Err(misuse.into());
        }
        let compiled = Compiler::new(ex).rows(self.state())?;
        Ok(ex.session()?.explain(&compiled.query)?)
    }
}
