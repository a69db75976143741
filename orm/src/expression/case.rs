//! `CASE WHEN .. THEN .. ELSE .. END`.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Condition, Expr, Operand, Term};
use crate::error::Misuse;
use crate::field::Field;
use crate::node::{CaseNode, Node};

/// Begins a case: the value where a condition is true. The empty condition is an error of the verb.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub view_count: u32 }
/// let popularity: Expr<Post, String> = when(Post::view_count.gte(10_000), "viral")
///     .when(Post::view_count.gte(1_000), "popular")
///     .otherwise("new");
/// ```
pub fn when<M, V: Term<M>>(condition: impl Condition<M>, value: V) -> Case<M, V::T> {
    let branches = vec![(chosen(condition), value.into_node())];
    Case { branches, types: PhantomData }
}

/// The condition of a branch. One that every row meets makes all others pointless, and is a mistake.
fn chosen<M>(condition: impl Condition<M>) -> Node {
    match condition.into_condition().into_node() {
        node if node.is_all() => Node::misuse(Misuse::EmptyCondition { call: "when" }),
        node => node,
    }
}

/// A case that has no `otherwise` yet.
#[must_use = "end it with `otherwise` or `or_null`"]
pub struct Case<M, T> {
    branches: Vec<(Node, Node)>,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M, T: Field> Case<M, T> {
    /// The value where this condition is true and none before it is.
    pub fn when(mut self, condition: impl Condition<M>, value: impl Operand<T::Base, M>) -> Self {
        self.branches.push((chosen(condition), value.into_node()));
        self
    }

    /// The value where no condition is true.
    pub fn otherwise(self, value: impl Operand<T::Base, M>) -> Expr<M, T> {
        self.end(Some(value.into_node()))
    }

    /// NULL where no condition is true.
    pub fn or_null(self) -> Expr<M, Option<T::Base>> {
        self.end(None)
    }

    fn end<U: Field>(self, otherwise: Option<Node>) -> Expr<M, U> {
        Expr::new(Node::Case(Arc::new(CaseNode { branches: self.branches, otherwise })).bounded())
    }
}
