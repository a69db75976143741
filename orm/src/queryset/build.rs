//! The calls that keep the row: which rows, in which order, how many.

use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use nuages_engine::algebra::SetKind;

use super::QuerySet;
use super::lock::Lock;
use super::relations::{Joinable, Relations};
use super::state::{Combination, Distinct, OrderNode, Ordering, Prefetch, QueryState, Shape, Slice};
use crate::error::Misuse;
use crate::executor::FetchMode;
use crate::expression::Condition;
use crate::model::Model;
use crate::node::{DEPTH_MAX, Node, too_deep};
use crate::order::Orderings;
use crate::path::{Hop, Path, Rel};
use crate::row::Selection;

/// A queryset over rows of `Model` that yields `Row`. Custom querysets are traits over this one.
pub trait Queryset: Sized {
    /// Whose rows.
    type Model: Model;
    /// What it yields.
    type Row;

    /// What it asks for.
    fn state(&self) -> &QueryState;

    /// What it asks for, to be changed. A change must not alter the row.
    fn state_mut(&mut self) -> &mut QueryState;

    /// Only rows that meet the condition: a [`Q`](crate::expression::Q), or a boolean column as it is. Over a to-many
    /// relation, everything in one call speaks of one related row; two calls may speak of two.
    #[must_use]
    fn filter(mut self, condition: impl Condition<Self::Model>) -> Self {
        self.state_mut().condition("filter", condition.into_condition().into_node(), false);
        self
    }

    /// Only rows that do not meet the condition.
    #[must_use]
    fn exclude(mut self, condition: impl Condition<Self::Model>) -> Self {
        self.state_mut().condition("exclude", condition.into_condition().into_node(), true);
        self
    }

    /// In this order, whatever the order was; `()` is no order at all. A [`reverse`](Queryset::reverse) before it
    /// still holds, as in Django.
    #[must_use]
    fn order_by(mut self, order: impl Orderings<Self::Model>) -> Self {
        let mut keys = Vec::new();
        order.collect(&mut keys);
        self.state_mut().order(keys);
        self
    }

    /// In the opposite order.
    #[must_use]
    fn reverse(mut self) -> Self {
        let state = self.state_mut();
        state.refuse_after_slice("reverse");
        let clauses = state.clauses_mut();
        clauses.reversed = !clauses.reversed;
        self
    }

    /// Each row once.
    #[must_use]
    fn distinct(mut self) -> Self {
        let state = self.state_mut();
        state.refuse_after_slice("distinct");
        state.refuse_after_combination("distinct");
        state.clauses_mut().distinct = Distinct::Rows;
        self
    }

    /// The first row, by the order, of those that agree in some expressions. PostgreSQL wants the order to begin with
    /// them; here it may be any, and is that of the result, too.
    #[must_use]
    fn distinct_on(mut self, on: impl Selection<Self::Model>) -> Self {
        let mut nodes = Vec::new();
        on.collect(&mut nodes);
        let state = self.state_mut();
        state.refuse_after_slice("distinct_on");
        let nodes = nodes.iter().map(|node| state.resolve(node)).collect();
        state.clauses_mut().distinct = Distinct::On(nodes);
        self
    }

    /// A run of the rows: `slice(..5)`, `slice(5..10)`. A slice of a slice counts from its first row.
    #[must_use]
    fn slice(mut self, range: impl RangeBounds<usize>) -> Self {
        let clauses = self.state_mut().clauses_mut();
        clauses.slice = clauses.slice.then(slice_of(&range));
        self
    }

    /// No row, and no query.
    #[must_use]
    fn none(mut self) -> Self {
        self.state_mut().clauses_mut().empty = true;
        self
    }

    /// Reads to-one relations in the same query. `select_related((Post::author, Post::author.profile))`.
    #[must_use]
    fn select_related(mut self, relations: impl Relations<Self::Model, Kinds: Joinable>) -> Self {
        let state = self.state_mut();
        state.refuse_after_combination("select_related");
        if !matches!(state.clauses().shape, Shape::Instances) {
            state.misuse(Misuse::NotAllowed { call: "select_related", after: "values" });
        }
        relations.collect(&mut state.clauses_mut().select_related);
        self
    }

    /// Reads relations by one query each, for all rows together. `prefetch_related((Post::tags, Post::comments))`.
    #[must_use]
    fn prefetch_related(mut self, relations: impl Relations<Self::Model>) -> Self {
        let mut paths = Vec::new();
        relations.collect(&mut paths);
        self.state_mut().refuse_after_combination("prefetch_related");
        let prefetch = paths.into_iter().map(|path| Prefetch { path, queryset: None, pushed: None });
        self.state_mut().clauses_mut().prefetch.extend(prefetch);
        self
    }

    /// Reads no relation beforehand: Django's `prefetch_related(None)`. Rows that go to extras by `prefetch_to` stay,
    /// for they are part of the row's type.
    #[must_use]
    fn prefetch_none(mut self) -> Self {
        self.state_mut().clauses_mut().prefetch.retain(|prefetch| prefetch.pushed.is_some());
        self
    }

    /// Joins no relation: Django's `select_related(None)`.
    #[must_use]
    fn select_related_none(mut self) -> Self {
        self.state_mut().clauses_mut().select_related.clear();
        self
    }

    /// Reads a relation by one query for all rows together, but only the related rows of a queryset: Django's
    /// `Prefetch("posts", queryset=..)`. They lie where the relation is.
    #[must_use]
    fn prefetch_with<P, H, C>(mut self, relation: Rel<P, H, C>, rows: QuerySet<C>) -> Self
    where
        P: Path<Root = Self::Model>,
        H: Hop,
        C: Model,
    {
        let rows = rows.into_state();
        let refused = if rows.depth() >= DEPTH_MAX { Err(too_deep()) } else { rows.sound() };
        if let Err(why) = refused {
            self.state_mut().misuse(why);
            return self;
        }
        let prefetch = Prefetch { path: relation.path(), queryset: Some(Arc::new(rows)), pushed: None };
        self.state_mut().clauses_mut().prefetch.push(prefetch);
        self
    }

    /// How what the rows have not brought along is read later: followed keys, the other side of a `OneToOne`, deferred
    /// fields. See [`FetchMode`].
    #[must_use]
    fn fetch_mode(mut self, mode: FetchMode) -> Self {
        self.state_mut().clauses_mut().fetch_mode = Some(mode);
        self
    }

    /// Locks the rows until the transaction ends, those of `select_related` included: waits for who has changed or
    /// locked them, and reads them as they are then.
    ///
    /// The verb fails with [`Misuse::Other`] outside of an `atomic` block, and with
    /// [`Misuse::NotAllowed`] where its rows are no rows of tables, after `distinct`
    /// or of groups.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Account { pub id: Auto<i64>, pub balance: i64 }
    /// # let db = App::new().models(Account::app()).open_memory()?;
    /// # Account::objects().create(new!(Account { balance: 7 }), &db)?;
    /// db.atomic(|tx| {
    ///     let mut account = Account::objects().select_for_update().get(Account::id.eq(1), tx)?;
    ///     account.balance += 10; // nobody else has changed it since it was read
    ///     account.save(tx)
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    fn select_for_update(self) -> Self {
        self.select_for_update_with(Lock::default())
    }

    /// [`select_for_update`](Queryset::select_for_update) in another strength, without waiting, or of some of the
    /// models only.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)]
    /// # pub struct Job { pub id: Auto<i64>, pub done: bool }
    /// # let db = App::new().models(Job::app()).open_memory()?;
    /// # Job::objects().create(new!(Job { done: false }), &db)?;
    /// let free = Job::objects().filter(Job::done.eq(false)).select_for_update_with(Lock::new().skip_locked());
    /// db.atomic(|tx| {
    ///     let Some(mut job) = free.first(tx)? else { return Ok(()) }; // one that no other worker has
    ///     job.done = true;
    ///     job.save(tx)
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    fn select_for_update_with(mut self, lock: Lock) -> Self {
        self.state_mut().clauses_mut().lock = Some(lock);
        self
    }

    /// Rows of either, each once. The other may be over another model if its rows are equal in type.
    #[must_use]
    fn union<M: Model>(mut self, other: QuerySet<M, Self::Row>) -> Self {
        self.state_mut().combine(SetKind::Union, false, other.into_state());
        self
    }

    /// Rows of both, one after the other.
    #[must_use]
    fn union_all<M: Model>(mut self, other: QuerySet<M, Self::Row>) -> Self {
        self.state_mut().combine(SetKind::Union, true, other.into_state());
        self
    }

    /// Rows that both have.
    #[must_use]
    fn intersection<M: Model>(mut self, other: QuerySet<M, Self::Row>) -> Self {
        self.state_mut().combine(SetKind::Intersect, false, other.into_state());
        self
    }

    /// Rows that the other has not.
    #[must_use]
    fn difference<M: Model>(mut self, other: QuerySet<M, Self::Row>) -> Self {
        self.state_mut().combine(SetKind::Except, false, other.into_state());
        self
    }
}

impl<M: Model, R> Queryset for QuerySet<M, R> {
    type Model = M;
    type Row = R;

    fn state(&self) -> &QueryState {
        &self.state
    }

    fn state_mut(&mut self) -> &mut QueryState {
        &mut self.state
    }
}

pub(super) fn slice_of(range: &impl RangeBounds<usize>) -> Slice {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let offset = match range.start_bound() {
        Bound::Included(first) => number(*first),
        Bound::Excluded(before) => number(*before).saturating_add(1),
        Bound::Unbounded => 0,
    };
    let count = match range.end_bound() {
        Bound::Included(last) => Some(number(*last).saturating_add(1).saturating_sub(offset)),
        Bound::Excluded(end) => Some(number(*end).saturating_sub(offset)),
        Bound::Unbounded => None,
    };
    Slice { offset, count }
}

impl QueryState {
    /// Orders the rows by these keys.
    fn order(&mut self, mut keys: Vec<OrderNode>) {
        self.refuse_after_slice("order_by");
        for key in &mut keys {
            key.node = self.resolve(&key.node);
        }
        self.clauses_mut().ordering = Ordering::By(keys);
    }

    /// Keeps a mistake if a slice stands before `call`.
    pub(super) fn refuse_after_slice(&mut self, call: &'static str) {
        if !self.clauses().slice.is_all() {
            self.misuse(Misuse::NotAllowed { call, after: "a slice" });
        }
    }

    /// Keeps a mistake if a combination stands before `call`, which would reach its first member alone.
    pub(crate) fn refuse_after_combination(&mut self, call: &'static str) {
        if let Some(after) = self.combination_name() {
            self.misuse(Misuse::NotAllowed { call, after });
        }
    }

    pub(crate) fn condition(&mut self, call: &'static str, condition: Node, exclude: bool) {
        if !self.is_plain() {
            self.refuse_after_slice(call);
            self.refuse_after_combination(call);
        }
        let node = self.resolve_owned(condition);
        self.push_condition(node, exclude);
    }

    /// A sliced queryset becomes a member with its own slice and order; the order and slice to come are the whole's.
    fn combine(&mut self, kind: SetKind, all: bool, other: QueryState) {
        let is_sliced = !self.clauses().slice.is_all();
        if other.depth() >= DEPTH_MAX || is_sliced && self.depth() >= DEPTH_MAX {
            return self.misuse(too_deep());
        }
        if is_sliced {
            let first = Arc::new(self.clone());
            let clauses = self.clauses_mut();
            clauses.first = Some(first);
            clauses.combined.clear();
            clauses.slice = Slice::default();
            clauses.ordering = Ordering::By(Vec::new());
            clauses.reversed = false;
        }
        self.clauses_mut().combined.push(Combination { kind, all, other: Arc::new(other) });
    }
}
