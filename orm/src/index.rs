//! Indexes that are more than a list of fields: over expressions, of some rows, in a descending order.

use std::marker::PhantomData;

use crate::expression::Condition;
use crate::node::Node;
use crate::order::Orderings;
use crate::queryset::state::OrderNode;

/// An index of a model, without its type.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexNode {
    /// Its name; without one it is named after the table and its parts.
    pub name: String,
    /// What it is sorted by.
    pub parts: Vec<OrderNode>,
    /// Only rows for which this is true.
    pub condition: Option<Node>,
}

/// An index of `M`, given in `#[model(indexes = Self::indexes)]`.
///
/// ```
/// use nuages::index::{Index, index};
/// use nuages::prelude::*;
/// #[derive(Model, Clone)]
/// #[model(table = "post", indexes = Self::indexes)]
/// pub struct Post {
///     pub id: Auto<i64>,
///     pub title: String,
///     pub views: i64,
///     pub draft: bool,
/// }
/// impl Post {
///     fn indexes() -> Vec<Index<Post>> {
///         vec![
///             index((Post::views.desc(), Post::title)).name("popular"),
///             index(Post::title.lower()).when(Post::draft.eq(false)).name("title_ci"),
///         ]
///     }
/// }
/// let db = App::new().models(Post::app()).open_memory()?;
/// let catalog = nuages_engine::Session::catalog(db.engine())?;
/// let post = catalog.table_named("post")?;
/// assert!(post.index_named("popular").is_ok() && post.index_named("title_ci").is_ok());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Index<M> {
    node: IndexNode,
    model: PhantomData<fn() -> M>,
}

/// An index over columns or expressions, each ascending unless it says [`desc`](crate::expression::Expr::desc).
pub fn index<M>(parts: impl Orderings<M>) -> Index<M> {
    let mut node = IndexNode { name: String::new(), parts: Vec::new(), condition: None };
    parts.collect(&mut node.parts);
    Index { node, model: PhantomData }
}

impl<M> Index<M> {
    /// Names it.
    #[must_use]
    pub fn name(mut self, name: &str) -> Index<M> {
        self.node.name = name.into();
        self
    }

    /// Only rows that meet a condition are in it; a query that asks for no others can use it.
    #[must_use]
    pub fn when(mut self, condition: impl Condition<M>) -> Index<M> {
        self.node.condition = Some(condition.into_condition().into_node());
        self
    }
}

/// The indexes without their type; the derive calls it.
pub fn into_metas<M>(indexes: Vec<Index<M>>) -> Vec<IndexNode> {
    indexes.into_iter().map(|index| index.node).collect()
}
