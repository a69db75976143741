//! `get`: exactly one row.
//!
//! A `get` by primary key alone, of a table keyed by it, is not compiled: the row is looked up in the tree under the
//! latch and read into the struct where it lies.

use nuages_storage::{RowId, Value};

use super::{QuerySet, QueryState, build::Queryset, run::rows, state::Slice};
use crate::{
    error::{Error, GET_ROWS_MAX, Result},
    executor::{Executor, StatementKind},
    expression::Q,
    field::DecodeError,
    meta::ModelMeta,
    model::Model,
    node::{Lookup, Node, Operator, Step},
    read::{self, StoredRow},
    row::{Columns, Row},
};

impl<M: Model, R: Row> QuerySet<M, R> {
    /// The only row that meets a condition.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`], [`Error::MultipleObjectsReturned`]; as [`all`](QuerySet::all).
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// let post = Post::objects().get(Post::title.eq("Nuages"), &db)?;
    /// assert_eq!(post.view_count, 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn get(&self, condition: Q<M>, ex: &dyn Executor) -> Result<R> {
        let queryset = self.clone().filter(condition);
        queryset.one(ex)
    }

    /// The row of a queryset that has exactly one.
    ///
    /// # Errors
    /// As [`get`](QuerySet::get).
    pub fn one(self, ex: &dyn Executor) -> Result<R> {
        let mut state = self.into_state();
        if let Some(key) = row_key(&state, ex)? {
            return by_key::<M, R>(state.model, key, ex)?.ok_or(Error::DoesNotExist { model: M::NAME });
        }
        let clauses = state.clauses_mut();
        clauses.slice = clauses.slice.then(Slice { offset: 0, count: Some(GET_ROWS_MAX + 1) });
        let mut found = rows::<M, R>(&state, ex)?;
        match (found.pop(), found.len() as u64) {
            (Some(row), 0) => Ok(row),
            (Some(_), others) => Err(Error::MultipleObjectsReturned { model: M::NAME, count: others + 1 }),
            (None, _) => Err(Error::DoesNotExist { model: M::NAME }),
        }
    }
}

/// The row id that a queryset asks for, if it asks for nothing else.
fn row_key(state: &QueryState, ex: &dyn Executor) -> Result<Option<RowId>> {
    let [condition] = &state.conditions[..] else { return Ok(None) };
    if !state.is_plain() || condition.exclude {
        return Ok(None);
    }
    let Node::Call(Operator::Lookup(Lookup::Exact), operands) = &condition.node else { return Ok(None) };
    let [Node::Path(path), Node::Value(Value::Int(key))] = &operands[..] else { return Ok(None) };
    let [field] = state.model.primary_key else { return Ok(None) };
    let by_key = matches!(path.steps(), [Step::Field(step)] if step == field);
    let keyed = by_key && ex.shared().binding().model(state.model)?.row_id.is_some();
    Ok(keyed.then_some(RowId::new(*key)))
}

/// The row with a key, as a row of a queryset.
fn by_key<M: Model, R: Row>(meta: &'static ModelMeta, key: RowId, ex: &dyn Executor) -> Result<Option<R>> {
    let mut row = read_by_key(meta, key, ex, |row| R::read(row, &mut Columns::default()))?;
    let signals = ex.shared().app().signals();
    if signals.hears_init::<M>()
        && let Some(instance) = row.as_mut().and_then(Row::instance).and_then(|any| any.downcast_mut::<M>())
    {
        signals.init(instance);
    }
    Ok(row)
}

/// The row with a key, read under the latch.
fn read_by_key<T>(
    meta: &'static ModelMeta,
    key: RowId,
    ex: &dyn Executor,
    read: impl Fn(&StoredRow<'_, '_>) -> Result<T, DecodeError>,
) -> Result<Option<T>> {
    let bound = ex.shared().binding().model(meta)?;
    ex.shared().watch.record(StatementKind::Select, meta.table);
    let mut found = None;
    ex.session()?.read(&mut |version| {
        let row = version.table(bound.table).and_then(|table| table.get(key));
        found = row.map(|row| read(&StoredRow { row, bound }));
        Ok(())
    })?;
    found.transpose().map_err(|error| read::decode_error(meta, error))
}

/// The row of a model with a key, whatever its default manager leaves out.
pub(crate) fn fetch_by_key<M: Model>(key: &Value, ex: &dyn Executor) -> Result<Option<M>> {
    let meta = M::meta();
    let bound = ex.shared().binding().model(meta)?;
    let (Some(_), Value::Int(row_id)) = (bound.row_id, key) else {
        let mut state = QueryState::new(meta);
        state.add_condition(super::run::keys_in([key.clone()]));
        return super::run::first_row(&state, ex);
    };
    read_by_key(meta, RowId::new(*row_id), ex, |row| crate::row::read_instance(row, &mut Columns::default()))
}
