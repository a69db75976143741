//! `a & b`, `a | b`, `a ^ b`: querysets of one model joined to one query, as conditions are. Unlike `union` they make
//! no second SELECT, and what comes of them can be filtered further.

use std::ops::{BitAnd, BitOr, BitXor};
use std::sync::Arc;

use nuages_engine::algebra::SetKind;

use super::state::{Distinct, Ordering, Shape};
use super::{QuerySet, QueryState};
use crate::error::Misuse;
use crate::node::{FieldPath, Lookup, Node, Operator};

/// Rows of both.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone, Debug)] pub struct Post { pub id: Auto<i64>, pub views: u32, pub live: bool }
/// # let db = App::new().models(Post::app()).open_memory()?;
/// # Post::objects().bulk_create([(1, true), (50, true), (90, false)].map(|(views, live)| new!(Post { views, live })), &db)?;
/// let live = Post::objects().filter(Post::live);
/// let popular = Post::objects().filter(Post::views.gt(20));
/// assert_eq!((live.clone() & popular.clone()).count(&db)?, 1);
/// assert_eq!((live.clone() | popular.clone()).count(&db)?, 3);
/// assert_eq!((live ^ popular).count(&db)?, 2);
/// # Ok::<(), Error>(())
/// ```
impl<M, R> BitAnd for QuerySet<M, R> {
    type Output = QuerySet<M, R>;
    fn bitand(mut self, other: QuerySet<M, R>) -> QuerySet<M, R> {
        self.state.meet(&other.state);
        self
    }
}

/// Rows of either.
impl<M, R> BitOr for QuerySet<M, R> {
    type Output = QuerySet<M, R>;
    fn bitor(mut self, other: QuerySet<M, R>) -> QuerySet<M, R> {
        self.state.join(other.state, Node::or);
        self
    }
}

/// Rows of one of them, not of both.
impl<M, R> BitXor for QuerySet<M, R> {
    type Output = QuerySet<M, R>;
    fn bitxor(mut self, other: QuerySet<M, R>) -> QuerySet<M, R> {
        self.state.join(other.state, Node::xor);
        self
    }
}

impl QueryState {
    /// The combination that stands before, by its name.
    pub(crate) fn combination_name(&self) -> Option<&'static str> {
        Some(match self.clauses().combined.last()?.kind {
            SetKind::Union => "a union",
            SetKind::Intersect => "an intersection",
            SetKind::Except => "a difference",
        })
    }

    /// Narrows it by the conditions of another.
    fn meet(&mut self, other: &QueryState) {
        self.refuse_combining(other);
        if other.clauses().empty {
            self.clauses_mut().empty = true;
        }
        let annotations = self.annotation_count();
        for mut condition in other.conditions.iter().cloned() {
            condition.annotations_before = condition.annotations_before.min(annotations);
            self.conditions.push(condition);
        }
        self.order_as(other);
    }

    /// Joins its conditions with those of another.
    fn join(&mut self, other: QueryState, joined: fn(Node, Node) -> Node) {
        self.refuse_combining(&other);
        if other.clauses().empty {
            return;
        }
        if self.clauses().empty {
            let misuse = self.clauses().misuse.clone();
            *self = other;
            if let Some(misuse) = misuse {
                self.misuse(*misuse);
            }
            return;
        }
        // Joined with all rows: all rows, or all but its own.
        let node = match (self.whole_condition(), other.whole_condition()) {
            (Some(own), Some(others)) => joined(own, others),
            (own, others) => {
                let everything = || Node::Value(true.into());
                joined(own.unwrap_or_else(everything), others.unwrap_or_else(everything))
            }
        };
        self.order_as(&other);
        self.conditions.clear();
        self.push_condition(node, false);
    }

    /// Its conditions as one; none if it has none. Several calls may speak of several related rows, and in one
    /// condition they would speak of one: then it is a question of keys.
    fn whole_condition(&self) -> Option<Node> {
        match &self.conditions[..] {
            [] => None,
            [only] if only.exclude => Some(only.node.clone().negated()),
            [only] => Some(only.node.clone()),
            calls => {
                let mut keys = QueryState::new(self.model);
                calls.iter().for_each(|call| keys.conditions.push(call.clone()));
                let own_key = match self.model.primary_key {
                    [key] => FieldPath::field(*key),
                    _ => FieldPath::new(),
                };
                let rows = Node::Subquery(Arc::new(keys)).bounded();
                Some(Node::call(Operator::Lookup(Lookup::In), [Node::Path(own_key), rows]))
            }
        }
    }

    /// The right side's order, where it has one of its own, is the order of both; Django's rule.
    fn order_as(&mut self, other: &QueryState) {
        if let Ordering::By(keys) = &other.clauses().ordering
            && !keys.is_empty()
        {
            let (ordering, reversed) = (other.clauses().ordering.clone(), other.clauses().reversed);
            let clauses = self.clauses_mut();
            clauses.ordering = ordering;
            clauses.reversed = reversed;
        }
    }

    fn refuse_combining(&mut self, other: &QueryState) {
        if let Some(after) = self.combination_name().or(other.combination_name()) {
            self.misuse(Misuse::NotAllowed { call: "&, | or ^", after });
            return;
        }
        let is_cut = |state: &QueryState| !state.clauses().slice.is_all();
        let is_distinct = |state: &QueryState| state.clauses().distinct != Distinct::No;
        let computes = |state: &QueryState| {
            !state.clauses().annotations.is_empty() || state.clauses().grouping.is_some()
        };
        let is_values = |state: &QueryState| matches!(state.clauses().shape, Shape::Values { .. });
        if is_cut(self) || is_cut(other) {
            self.misuse(Misuse::NotAllowed { call: "&, | or ^", after: "a slice" });
        } else if is_distinct(self) != is_distinct(other) {
            self.misuse(Misuse::Other("a queryset with distinct is combined only with one that has it too"));
        } else if self.clauses().annotations != other.clauses().annotations && computes(other) {
            self.misuse(Misuse::Other("the right side of &, | or ^ has annotations that the left has not"));
        } else if is_values(self) != is_values(other) || self.clauses().shape != other.clauses().shape {
            self.misuse(Misuse::Other("both sides of &, | or ^ must choose the same values"));
        }
    }
}
