//! The verbs that read rows: `all`, `first`, `last`, `each`, `earliest`, `latest`.

use nuages_storage::Value;

use super::{
    QuerySet,
    cache::{self, Asked},
    complete::{complete_instances, prefetch_into},
    loading::Loading,
    state::{Clauses, OrderNode, Ordering, QueryState, Shape, Slice},
};
use crate::{
    compile::{self, Compiler},
    error::{Error, Misuse, Result},
    executor::{Executor, fetch::with_mode},
    meta::ModelMeta,
    model::{KeyValues, Model},
    node::{FieldPath, Lookup, Node, Operator},
    order::Orderings,
    read,
    row::{Columns, Joined, Row},
};

/// Rows of prefetched relations are read for so many rows at a time when rows are visited one by one.
const EACH_ROWS: usize = 1_000;

impl<M: Model, R: Row> QuerySet<M, R> {
    /// All rows, in order.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a chain of calls that makes no sense, [`Error::Decode`] for a stored value that a field
    /// does not know.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Post { pub id: Auto<i64>, pub title: String, #[field(default = 0)] pub view_count: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # let mut post = Post::objects().create(new!(Post { title: "Nuages" }), &db)?;
    /// for post in Post::objects().filter(Post::view_count.lt(100)).all(&db)? {
    ///     println!("{}", post.title);
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn all(&self, ex: &dyn Executor) -> Result<Vec<R>> {
        rows::<M, R>(&self.state, ex)
    }

    /// All rows, of which there must be one; Django's `get_list_or_404`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if there is none; as [`all`](QuerySet::all).
    pub fn at_least_one(&self, ex: &dyn Executor) -> Result<Vec<R>> {
        let rows = self.all(ex)?;
        if rows.is_empty() { Err(Error::DoesNotExist { model: M::NAME }) } else { Ok(rows) }
    }

    /// The first row; of a queryset without an order, the one with the least key.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all).
    pub fn first(&self, ex: &dyn Executor) -> Result<Option<R>> {
        let mut state = self.state.clone();
        order_by_key(&mut state);
        one_of::<M, R>(state, ex)
    }

    /// The last row; of a queryset without an order, the one with the greatest key.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); [`Misuse::NotAllowed`] after a slice.
    pub fn last(&self, ex: &dyn Executor) -> Result<Option<R>> {
        let mut state = self.state.clone();
        if !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call: "last", after: "a slice" }.into());
        }
        order_by_key(&mut state);
        let clauses = state.clauses_mut();
        clauses.reversed = !clauses.reversed;
        one_of::<M, R>(state, ex)
    }

    /// The row that comes first by `order`, or by the model's `get_latest_by` if it is `()`.
    ///
    /// # Errors
    /// [`Error::DoesNotExist`] if there is no row; [`Misuse::NotAllowed`] after a slice; [`Misuse::NoOrdering`].
    pub fn earliest(&self, order: impl Orderings<M>, ex: &dyn Executor) -> Result<R> {
        self.extreme("earliest", order, false, ex)
    }

    /// The row that comes last by `order`, or by the model's `get_latest_by` if it is `()`.
    ///
    /// # Errors
    /// As [`earliest`](QuerySet::earliest).
    pub fn latest(&self, order: impl Orderings<M>, ex: &dyn Executor) -> Result<R> {
        self.extreme("latest", order, true, ex)
    }

    fn extreme(
        &self,
        call: &'static str,
        order: impl Orderings<M>,
        reversed: bool,
        ex: &dyn Executor,
    ) -> Result<R> {
        let mut state = self.state.clone();
        if !state.clauses().slice.is_all() {
            return Err(Misuse::NotAllowed { call, after: "a slice" }.into());
        }
        let mut keys = Vec::new();
        order.collect(&mut keys);
        if keys.is_empty() {
            for key in state.model.get_latest_by {
                let path = crate::compile::meta_path(state.model, key)?;
                keys.push(OrderNode {
                    node: Node::Path(path),
                    descending: key.descending,
                    nulls_first: None,
                });
            }
        }
        if keys.is_empty() {
            return Err(Misuse::NoOrdering { call }.into());
        }
        let clauses = state.clauses_mut();
        clauses.ordering = Ordering::By(keys);
        clauses.reversed ^= reversed;
        one_of::<M, R>(state, ex)?.ok_or(Error::DoesNotExist { model: M::NAME })
    }

    /// Calls `visit` with each row as it is read, until it fails: nothing is kept in memory. Relations of
    /// `prefetch_related` are read for a thousand rows at a time. Django's `iterator()`.
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); what `visit` returns.
    pub fn each(&self, ex: &dyn Executor, mut visit: impl FnMut(R) -> Result<()>) -> Result<()> {
        let size = if self.state.clauses().prefetch.is_empty() { 1 } else { EACH_ROWS };
        self.chunks(size, ex, &mut |rows| rows.drain(..).try_for_each(&mut visit))
    }

    /// Calls `visit` with so many rows at a time, the last time with what is left, until it fails; Django's
    /// `iterator(chunk_size)`. The rows of a chunk are in memory, and relations of `prefetch_related` are read for each
    /// chunk.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Post { pub id: Auto<i64>, pub views: u32 }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # Post::objects().bulk_create((0..5).map(|views| new!(Post { views })), &db)?;
    /// let mut sizes = Vec::new();
    /// Post::objects().each_chunk(2, &db, |posts| {
    ///     sizes.push(posts.len());
    ///     Ok(())
    /// })?;
    /// assert_eq!(sizes, [2, 2, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`all`](QuerySet::all); what `visit` returns; [`Misuse::Other`] for chunks of no row.
    pub fn each_chunk(
        &self,
        size: usize,
        ex: &dyn Executor,
        mut visit: impl FnMut(Vec<R>) -> Result<()>,
    ) -> Result<()> {
        if size == 0 {
            return Err(Misuse::Other("a chunk has at least one row").into());
        }
        self.chunks(size, ex, &mut |rows| visit(std::mem::take(rows)))
    }

    /// Calls `visit`, which takes the rows away, whenever so many are read, and with what is left.
    fn chunks(
        &self,
        size: usize,
        ex: &dyn Executor,
        visit: &mut dyn FnMut(&mut Vec<R>) -> Result<()>,
    ) -> Result<()> {
        self.state.sound()?;
        lock(&self.state, ex)?;
        if is_empty(&self.state) {
            return Ok(());
        }
        let compiled = Compiler::new(ex).rows(&self.state)?;
        let names = if R::NAMED { self.state.names() } else { Vec::new() };
        let columns = columns_of(&self.state, &names, &compiled.joined);
        let mut waiting: Vec<R> = Vec::new();
        let mut flush = |waiting: &mut Vec<R>| -> Result<()> {
            prefetch_into::<M, R>(&mut [waiting], &self.state, ex)?;
            visit(waiting)
        };
        let read = read::each(ex, self.state.model, &compiled.query, &mut |row| {
            let read = R::read(row, &mut columns.clone());
            let row = read.map_err(|error| read::decode_error_in(M::meta(), &columns, error, Some(row)))?;
            waiting.push(row);
            if waiting.len() >= size { flush(&mut waiting) } else { Ok(()) }
        });
        read.map_err(|error| self.state.explain(error, []))?;
        if waiting.is_empty() { Ok(()) } else { flush(&mut waiting) }
    }
}

/// Whether a row's key is among these.
pub(crate) fn keys_in(values: impl IntoIterator<Item = Value>) -> Node {
    let operands = std::iter::once(Node::Path(FieldPath::new())).chain(values.into_iter().map(Node::Value));
    Node::Call(Operator::Lookup(Lookup::In), operands.collect())
}

/// Whether a row has this key, of one part or more.
pub(crate) fn has_key(meta: &'static ModelMeta, key: &[Value]) -> Node {
    let parts = meta.primary_key.iter().zip(key).map(|(field, part)| {
        Node::lookup(Lookup::Exact, Node::Path(FieldPath::field(*field)), Node::Value(part.clone()))
    });
    parts.fold(Node::all(), Node::and)
}

/// Whether a row has one of these keys.
pub(crate) fn has_key_of(meta: &'static ModelMeta, keys: &[KeyValues]) -> Node {
    if meta.primary_key.len() == 1 || keys.is_empty() {
        return keys_in(keys.iter().flatten().cloned());
    }
    Node::Call(Operator::Or, keys.iter().map(|key| has_key(meta, key)).collect())
}

/// A queryset that locks its rows runs in a transaction, which holds the locks.
///
/// # Errors
/// [`Misuse::Other`] outside of `atomic`.
pub(crate) fn lock(state: &QueryState, ex: &dyn Executor) -> Result<()> {
    if state.clauses().lock.is_none() || ex.in_atomic_block() {
        return Ok(());
    }
    Err(Misuse::Other("select_for_update needs an atomic block, at whose end the lock is given up").into())
}

/// Whether it has no row, whatever the database holds, so that no query is needed.
pub(super) fn is_empty(state: &QueryState) -> bool {
    state.is_never()
}

/// The rows of a queryset, with what is prefetched.
pub(crate) fn rows<M: Model, R: Row>(state: &QueryState, ex: &dyn Executor) -> Result<Vec<R>> {
    let mut rows = unfetched_rows::<R>(state, ex)?;
    prefetch_into::<M, R>(&mut [&mut rows], state, ex)?;
    Ok(rows)
}

/// The rows of a queryset, without what is prefetched.
pub(crate) fn unfetched_rows<R: Row>(state: &QueryState, ex: &dyn Executor) -> Result<Vec<R>> {
    state.sound()?;
    lock(state, ex)?;
    if is_empty(state) {
        return Ok(Vec::new());
    }
    let rows = match cache::find(state, Asked::Rows, ex) {
        Some(found) => found.read().rows(state, found.values(), ex),
        None => rows_of_once(state, ex),
    };
    rows.map_err(|error| state.explain(error, []))
}

/// The rows of a queryset of a shape that is not kept.
fn rows_of_once<R: Row>(state: &QueryState, ex: &dyn Executor) -> Result<Vec<R>> {
    let compile::Rows { query, joined } = Compiler::new(ex).rows(state)?;
    let names = if R::NAMED { state.names() } else { Vec::new() };
    let columns = columns_of(state, &names, &joined);
    read::fetch_rows(ex, state.model, query, columns)
}

/// The first row of a queryset.
fn one_of<M: Model, R: Row>(mut state: QueryState, ex: &dyn Executor) -> Result<Option<R>> {
    let clauses = state.clauses_mut();
    clauses.slice = clauses.slice.then(Slice { offset: 0, count: Some(1) });
    Ok(rows::<M, R>(&state, ex)?.pop())
}

impl<M, R> QuerySet<M, R> {
    /// Whether the rows have an order, their own or the model's. Django's `ordered`.
    pub fn is_ordered(&self) -> bool {
        is_ordered(&self.state)
    }

    /// Whether it has no row whatever the database holds, as after `none()`: its verbs ask nothing.
    pub fn is_never(&self) -> bool {
        self.state.is_never()
    }
}

/// Whether a queryset's rows have an order, its own or the model's; groups have not the model's.
pub(super) fn is_ordered(state: &QueryState) -> bool {
    match &state.clauses().ordering {
        Ordering::Default => {
            (!state.default_ordering().is_empty() || !state.declared_order().is_empty())
                && !has_aggregate(state)
        }
        Ordering::By(keys) => !keys.is_empty(),
    }
}

fn has_aggregate(state: &QueryState) -> bool {
    state.clauses().annotations.iter().any(|annotation| annotation.node.has_aggregate())
}

/// Gives a queryset without an order that of its key.
pub(super) fn order_by_key(state: &mut QueryState) {
    let is_values = matches!(state.clauses().shape, Shape::Values { .. });
    let is_grouped_values = is_values && has_aggregate(state);
    if !is_ordered(state) && !is_grouped_values {
        let keys = state.model.primary_key.iter().map(|field| OrderNode {
            node: Node::Path(FieldPath::field(*field)),
            descending: false,
            nulls_first: None,
        });
        state.clauses_mut().ordering = Ordering::By(keys.collect());
    }
}

/// What is known of the columns of a queryset's rows.
pub(crate) fn columns_of<'q>(
    state: &'q QueryState,
    names: &'q [String],
    joined: &'q [Joined],
) -> Columns<'q> {
    let selected: &[Node] = match &state.clauses().shape {
        Shape::Instances => &[],
        Shape::Values { columns, .. } => columns,
    };
    let read = state.clauses().loading.as_ref().map(Loading::own);
    Columns { next: 0, names, selected, read, joined }
}

/// The first row of a queryset, as an instance.
pub(crate) fn first_row<M: Model>(state: &QueryState, ex: &dyn Executor) -> Result<Option<M>> {
    Ok(fetch_instances::<M>(state, ex)?.into_iter().next())
}

/// The rows of a queryset of instances, with what is prefetched.
pub(crate) fn fetch_instances<M: Model>(state: &QueryState, ex: &dyn Executor) -> Result<Vec<M>> {
    lock(state, ex)?;
    if is_empty(state) {
        return Ok(Vec::new());
    }
    let clauses = state.clauses();
    with_mode(clauses.fetch_mode, ex, |ex| match cache::find(state, Asked::Rows, ex) {
        Some(found) => {
            let rows = found.read().instances::<M>(state, found.values(), ex)?;
            with_prefetched(rows, clauses, ex)
        }
        None => with_prefetched(instances_of(&Compiler::new(ex).rows(state)?, ex)?, clauses, ex),
    })
}

/// The instances that a compiled queryset yields, of which nobody is told yet.
fn instances_of<M: Model>(compiled: &compile::Rows, ex: &dyn Executor) -> Result<Vec<M>> {
    let columns = Columns { joined: &compiled.joined, ..Columns::default() };
    read::fetch_with(ex, M::meta(), &compiled.query, &columns, |row| {
        crate::row::read_instance(row, &mut columns.clone())
    })
}

/// The instances that a compiled queryset without `select_related` and `prefetch_related` yields.
pub(crate) fn plain_instances_of<M: Model>(compiled: &compile::Rows, ex: &dyn Executor) -> Result<Vec<M>> {
    with_prefetched(instances_of(compiled, ex)?, &Clauses::default(), ex)
}

/// The same instances with what is prefetched, and known to whoever wants to see new ones.
fn with_prefetched<M: Model>(mut rows: Vec<M>, clauses: &Clauses, ex: &dyn Executor) -> Result<Vec<M>> {
    complete_instances(&mut rows, clauses, ex)?;
    Ok(rows)
}
