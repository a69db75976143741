//! `get`: exactly one row.
//!
//! A `get` by a key alone is not compiled: see [`key`].

use super::{
    QuerySet,
    build::Queryset,
    key::{self, By, Found},
    run::rows,
    state::{Ordering, QueryState, Slice},
};
use crate::{
    error::{Error, GET_ROWS_MAX, Result},
    executor::Executor,
    expression::Condition,
    model::Model,
    node::Node,
    row::Row,
    schema::Bound,
};

impl<M: Model, R: Row> QuerySet<M, R> {
    /// The only row that meets a condition.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`], [`Error::MultipleObjectsReturned`]; as [`all`](QuerySet::all).
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Post { pub id: Auto<i64>, pub title: String }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// Post::objects().create(new!(Post { title: "Hello" }), &db)?;
    /// assert_eq!(Post::objects().get(Post::title.eq("Hello"), &db)?.id, 1);
    /// assert!(matches!(Post::objects().get(Post::id.eq(2), &db), Err(Error::DoesNotExist { model: "Post" })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get(&self, condition: impl Condition<M>, ex: &dyn Executor) -> Result<R> {
        let condition = condition.into_condition();
        // A get by a key of all rows needs no queryset.
        if self.state.is_all()
            && let Some(row) = by_key::<M, R>(|bound| By::named_in(condition.node(), bound), ex)?
        {
            return row.ok_or_else(|| Error::DoesNotExist { model: M::NAME });
        }
        self.clone().filter(condition).one(ex)
    }

    /// The row of a queryset that has exactly one.
    ///
    /// # Errors
    /// As [`get`](QuerySet::get).
    pub fn one(self, ex: &dyn Executor) -> Result<R> {
        let mut state = self.into_state();
        if let Some(row) = by_key::<M, R>(|bound| By::of(&state, bound), ex)? {
            return row.ok_or_else(|| Error::DoesNotExist { model: M::NAME });
        }
        unordered(&mut state);
        let clauses = state.clauses_mut();
        clauses.slice = clauses.slice.then(Slice { offset: 0, count: Some(GET_ROWS_MAX + 1) });
        only_row::<M, R>(rows::<M, R>(&state, ex)?)
    }
}

/// The row that is named by a key; none if it is not.
fn by_key<'s, M: Model, R: Row>(
    named: impl FnOnce(&Bound) -> Option<(By, &'s Node)>,
    ex: &dyn Executor,
) -> Result<Option<Option<R>>> {
    let bound = ex.shared().binding().model(M::meta())?;
    let Some((by, Node::Value(value))) = named(bound) else { return Ok(None) };
    match key::row_of::<M, R>(by, value, bound, ex)? {
        Found::Row(row) => Ok(Some(row)),
        Found::Ask => Ok(None),
    }
}

/// Forgets the order, where it does not decide which rows there are.
pub(super) fn unordered(state: &mut QueryState) {
    if state.clauses().slice.is_all() && !state.is_distinct_on() {
        state.clauses_mut().ordering = Ordering::By(Vec::new());
    }
}

/// The row that is to be the only one.
pub(super) fn only_row<M: Model, R>(found: Vec<R>) -> Result<R> {
    only_row_of(M::NAME, found)
}

/// The same, of a model by its name.
pub(super) fn only_row_of<R>(model: &'static str, mut found: Vec<R>) -> Result<R> {
    match (found.pop(), found.len() as u64) {
        (Some(row), 0) => Ok(row),
        (Some(_), others) => Err(Error::MultipleObjectsReturned { model, count: others + 1 }),
        (None, _) => Err(Error::DoesNotExist { model }),
    }
}
