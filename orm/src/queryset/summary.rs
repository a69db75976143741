//! The verbs that ask for one thing about many rows: `count`, `exists`, `contains`, `aggregate`, `explain`.

use nuages_storage::Value;

use super::{
    QuerySet, QueryState,
    cache::{self, Asked},
    empty::over_nothing,
    run::has_key,
    state::{Distinct, Shape},
};
use crate::{
    compile::Compiler,
    error::{Error, Misuse, Result},
    executor::Executor,
    model::{Key, Model},
    node::Node,
    read,
    row::{Columns, Row, Select, Selection, ValuesRow},
};

impl<M: Model, R: Row> QuerySet<M, R> {
    /// How many rows there are, in O(1) for a whole table.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all).
    pub fn count(&self, ex: &dyn Executor) -> Result<u64> {
        count(&self.state, ex)
    }

    /// Whether there is a row.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all).
    pub fn exists(&self, ex: &dyn Executor) -> Result<bool> {
        exists(&self.state, ex)
    }

    /// Whether an instance's row is among the rows.
    ///
    /// # Errors
    /// [`Error::Unsaved`] if the instance has no key; [`Misuse::NotAllowed`] where rows are not instances.
    pub fn contains(&self, instance: &M, ex: &dyn Executor) -> Result<bool> {
        if !matches!(self.state.clauses().shape, Shape::Instances) {
            return Err(Misuse::NotAllowed { call: "contains", after: "values" }.into());
        }
        let key = instance.pk().ok_or(Error::Unsaved { model: M::NAME, wanted: "contains" })?;
        if is_known_empty(&self.state)? {
            return Ok(false);
        }
        if let Some(after) = self.state.combination_name() {
            return Err(Misuse::NotAllowed { call: "contains", after }.into());
        }
        let values = key.values();
        if !self.state.clauses().slice.is_all() {
            let mut found = false;
            let mut state = self.state.clone();
            state.clauses_mut().select_related.clear();
            state.clauses_mut().loading = None;
            let query = Compiler::new(ex).rows(&state)?.query;
            let places: Vec<usize> =
                M::meta().primary_key.iter().map(|field| M::meta().position(*field)).collect();
            read::each(ex, self.state.model, &query, &mut |row| {
                use crate::field::RowReader;
                found |= places.iter().zip(&values).all(|(place, value)| row.value(*place) == *value);
                Ok(())
            })?;
            return Ok(found);
        }
        let mut state = self.state.clone();
        state.add_condition(has_key(M::meta(), &values));
        QuerySet::<M, R>::from_state(state).exists(ex)
    }

    /// Aggregates over all rows: one of them gives a bare value, a tuple gives a tuple.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NestedAggregate`].
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// let (n, total) = Post::objects().aggregate((Post::id.count(), Post::view_count.sum()), &db)?;
    /// assert_eq!((n, total), (1, Some(0)));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn aggregate<S: Select<M>>(&self, selection: S, ex: &dyn Executor) -> Result<S::Out> {
        let (nodes, values) = self.aggregated(selection, ex)?;
        let columns = Columns { selected: &nodes, ..Columns::default() };
        S::Out::read(&values[..], &mut Columns::default())
            .map_err(|error| read::decode_error_in(self.state.model, &columns, error, None))
    }

    /// The same as a map from Django's names (`total__sum`) to values.
    ///
    /// # Errors
    /// As [`aggregate`](QuerySet::aggregate).
    pub fn aggregate_values<S: Selection<M>>(&self, selection: S, ex: &dyn Executor) -> Result<ValuesRow> {
        let (nodes, values) = self.aggregated(selection, ex)?;
        Ok(self.state.named(&nodes, values))
    }

    fn aggregated<S: Selection<M>>(
        &self,
        selection: S,
        ex: &dyn Executor,
    ) -> Result<(Vec<Node>, Vec<Value>)> {
        let mut nodes = Vec::new();
        selection.collect(&mut nodes);
        let values = aggregate(&self.state, &nodes, ex)?;
        Ok((nodes, values))
    }
}

/// Aggregates over the rows of a queryset.
pub(crate) fn aggregate(state: &QueryState, nodes: &[Node], ex: &dyn Executor) -> Result<Vec<Value>> {
    state.sound()?;
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let resolved: Vec<Node> = nodes.iter().map(|node| state.resolve(node)).collect();
    if state.is_never() && state.clauses().annotations.is_empty() {
        // What makes no sense makes none over no row either.
        Compiler::new(ex).aggregate_rows(state, &resolved)?;
        return resolved.iter().map(|node| over_nothing(state, node, ex)).collect();
    }
    let values = match cache::find(state, Asked::Aggregate(&resolved), ex) {
        Some(found) => found.read().row(state, found.values(), ex),
        None => aggregate_once(state, &resolved, ex),
    };
    values.map_err(|error| state.explain(error, &resolved))
}

/// Aggregates over the rows of a queryset of a shape that is not kept.
fn aggregate_once(state: &QueryState, nodes: &[Node], ex: &dyn Executor) -> Result<Vec<Value>> {
    let query = Compiler::new(ex).aggregate_rows(state, nodes)?;
    let mut values = Vec::new();
    read::each(ex, state.model, &query, &mut |row| {
        use crate::field::RowReader;
        values = (0..nodes.len()).map(|column| row.value(column)).collect();
        Ok(())
    })?;
    Ok(values)
}

/// How many rows a queryset has.
pub(crate) fn count(state: &QueryState, ex: &dyn Executor) -> Result<u64> {
    if is_known_empty(state)? {
        return Ok(0);
    }
    let count = match cache::find(state, Asked::Count, ex) {
        Some(found) => found.read().scalar(state, found.values(), ex),
        None => read::scalar(ex, state.model, Compiler::new(ex).count(state)?),
    };
    let count = count.map_err(|error| state.explain(error, []))?;
    Ok(count.as_int().and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

/// Whether a queryset has a row.
pub(super) fn exists(state: &QueryState, ex: &dyn Executor) -> Result<bool> {
    if is_known_empty(state)? {
        return Ok(false);
    }
    let any = match cache::find(state, Asked::Exists, ex) {
        Some(found) => found.read().scalar(state, found.values(), ex),
        None => read::scalar(ex, state.model, Compiler::new(ex).any(state)?),
    };
    let any = any.map_err(|error| state.explain(error, []))?;
    Ok(!any.is_null())
}

/// Whether no query is needed to know that there is no row.
fn is_known_empty(state: &QueryState) -> Result<bool> {
    state.sound()?;
    Ok(state.is_never() || state.clauses().slice.count == Some(0))
}

impl QueryState {
    /// Values under Django's names of what they are of.
    fn named(&self, nodes: &[Node], values: Vec<Value>) -> ValuesRow {
        nodes.iter().map(|node| self.name_of(node)).zip(values).collect()
    }

    /// Whether its rows are distinct by columns of their own choice.
    pub(crate) fn is_distinct_on(&self) -> bool {
        matches!(self.clauses().distinct, Distinct::On(_))
    }
}
