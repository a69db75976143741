//! Expressions: what can be computed from a row, and what can be asked of it.
//!
//! An [`Expr<M, T>`] is a value of type `T` computed from rows of `M`; a [`Q<M>`] is a condition on them. Both are
//! thin: a [`Node`] and a type. Columns are expressions too; a column, an expression and an aggregate have the same
//! lookups (`crate::lookup`), orders (`crate::order`) and operators (`arithmetic`).
//!
//! Verbs take expressions by reference: `let n = User::posts.count()` is written once and then annotated, filtered
//! and ordered by. Reuse is identity of the tree, not a name.
//!
//! Order of reading: this file; [`operand`] (what may stand on the right); [`arithmetic`]; [`aggregate`]; [`condition`]
//! (what may stand where a condition is asked for); [`function`]; [`json`]; [`case`]; [`subquery`]; [`mod@window`];
//! [`class`] (what a value can do).

pub mod aggregate;
pub mod arithmetic;
pub mod case;
pub mod class;
pub mod condition;
pub mod function;
pub mod json;
pub mod operand;
pub mod parameter;
pub mod subquery;
pub mod tuple;
pub mod window;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::field::Field;
use crate::node::Node;
use crate::path::{Col, Hop, Path, Types};

pub use aggregate::Aggregate;
pub use condition::Condition;
pub use operand::{Operand, Term};
pub use parameter::{Arguments, Param, Params};

/// A value of type `T` computed from rows of `M`; `K` is the class of `T`.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub view_count: u32, pub likes: u32 }
/// let score: Expr<Post, i64> = Post::view_count + Post::likes * 10;
/// let _ = Post::objects().annotate(&score).filter(score.gt(100)).order_by(score.desc());
/// ```
pub struct Expr<M, T: Field, K = <T as Field>::Class> {
    node: Node,
    types: Types<(M, T, K)>,
}

impl<M, T: Field, K> Expr<M, T, K> {
    /// The expression that a node is. Whoever calls it vouches for the types.
    pub const fn new(node: Node) -> Self {
        Expr { node, types: PhantomData }
    }

    /// The tree.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// The tree, owned.
    pub fn into_node(self) -> Node {
        self.node
    }

    /// Gives the expression a name: the key it has in the rows of `values()`. A name that it has already gives way.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Expr::new(Node::Named(name.into(), Arc::new(self.node.unnamed().clone())))
    }
}

impl<M, T: Field, K> Clone for Expr<M, T, K> {
    fn clone(&self) -> Self {
        Expr::new(self.node.clone())
    }
}

impl<M, T: Field, K> fmt::Debug for Expr<M, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}

impl<P: Path, H: Hop, T: Field, K> Col<P, H, T, K> {
    /// The column as an expression.
    pub fn expr(self) -> Expr<P::Root, T, K> {
        Expr::new(self.node())
    }

    /// The column under another name: the key it has in the rows of `values()`.
    pub fn named(self, name: &str) -> Expr<P::Root, T, K> {
        self.expr().named(name)
    }
}

/// A condition on rows of `M`. Conditions are joined by `&`, `|` and `!`.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub view_count: u32 }
/// let popular = Post::view_count.gte(1000) | Post::title.icontains("nuages");
/// let _ = Post::objects().filter(popular & !Post::title.eq(""));
/// ```
#[must_use = "a condition does nothing until it is given to `filter` or `exclude`"]
pub struct Q<M> {
    node: Node,
    model: PhantomData<fn() -> M>,
}

impl<M> Q<M> {
    /// The condition that a node is. Whoever calls it vouches for the model.
    pub const fn new(node: Node) -> Self {
        Q { node, model: PhantomData }
    }

    /// The condition that every row meets; Django's empty `Q()`, from which others are built up.
    pub fn all() -> Self {
        Q::new(Node::all())
    }

    /// The tree.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// The tree, owned.
    pub fn into_node(self) -> Node {
        self.node
    }

    /// Whether it is the condition that every row meets because nothing was asked; Django's `not Q()`.
    pub fn is_empty(&self) -> bool {
        self.node.is_all()
    }

    /// The condition as a value, to be selected or annotated.
    pub fn expr(self) -> Expr<M, bool> {
        Expr::new(self.node)
    }
}

impl<M> Clone for Q<M> {
    fn clone(&self) -> Self {
        Q::new(self.node.clone())
    }
}

/// Two conditions are equal if they are written alike. `q!` sorts what it is given by the names, as Django's `Q` does
/// its keyword arguments.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, pub views: u32 }
/// assert_eq!(q!(Post, title = "Nuages", views = 1), q!(Post, views = 1, title = "Nuages"));
/// assert_eq!(Post::title.eq("Nuages") & Post::views.eq(1), q!(Post, title = "Nuages", views = 1));
/// assert_ne!(Post::views.eq(1), Post::views.eq(2));
/// ```
impl<M> PartialEq for Q<M> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

impl<M> Eq for Q<M> {}

impl<M> std::hash::Hash for Q<M> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.node.hash(state);
    }
}

impl<M> fmt::Debug for Q<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.node.fmt(f)
    }
}
