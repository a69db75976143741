//! How a queryset is answered: its plan, what that does, and the plans it might be answered by instead.

use nuages_engine::algebra::Query;
use nuages_engine::explain::Explanation;
use nuages_engine::race::{Alternative, Race};

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
        Ok(ex.session()?.explain(&self.engine_query(ex)?)?)
    }

    /// Runs the query, throws its rows away, and returns the plan with what each operator did: rows, batches, nodes of
    /// trees, time.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all).
    pub fn explain_analyze(&self, ex: &dyn Executor) -> Result<Explanation> {
        Ok(ex.session()?.explain_analyze(&self.engine_query(ex)?, &[])?)
    }

    /// The plans that the queryset might be answered by, the one that it is answered by first: other access paths,
    /// other orders and methods of joins. Nothing is run.
    ///
    /// # Errors
    /// As [`explain`](QuerySet::explain).
    pub fn plans(&self, ex: &dyn Executor) -> Result<Vec<Alternative>> {
        Ok(ex.session()?.plans(&self.engine_query(ex)?)?)
    }

    /// Runs all of these plans `runs` times each on what `ex` sees now, and ranks them by their times. Its
    /// [`to_html`](Race::to_html) is a page that draws them.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); that two plans return different rows, which is a fault of the engine.
    pub fn race(&self, ex: &dyn Executor, runs: usize) -> Result<Race> {
        Ok(ex.session()?.race(&self.engine_query(ex)?, &[], runs)?)
    }

    /// The query as SQL, for people and logs: what PostgreSQL would be asked. Values stand in it as literals, but it is
    /// not what runs.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] #[model(app = "blog")] pub struct Post { pub id: Auto<i64>, pub title: String }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// let sql = Post::objects().filter(Post::title.icontains("nua")).values_list(Post::id).sql(&db)?;
    /// assert!(sql.starts_with("SELECT blog_post.id") && sql.contains("'nua'"), "{sql}");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`explain`](QuerySet::explain).
    pub fn sql(&self, ex: &dyn Executor) -> Result<String> {
        let query = self.engine_query(ex)?;
        Ok(query.sql(&*ex.session()?.catalog()?))
    }

    fn engine_query(&self, ex: &dyn Executor) -> Result<Query> {
        self.state().sound()?;
        Ok(Compiler::new(ex).rows(self.state())?.query)
    }
}
