//! Querysets inside expressions.

use std::marker::PhantomData;
use std::sync::Arc;

use super::operand::Comparable;
use super::{Expr, Operand, Q, Term};
use crate::field::Field;
use crate::model::Model;
use crate::node::Node;
use crate::queryset::{QuerySet, Queryset};
use crate::row::Annotated;

/// An expression of the query outside, to be used inside a subquery: Django's `OuterRef`.
///
/// That the query outside is one over `O` is checked when the subquery is placed, by the verb: the one thing the
/// compiler does not see.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct User { pub id: Auto<i64> }
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub title: String, #[field(on_delete = Cascade)] pub author: ForeignKey<User> }
/// let latest = Post::objects()
///     .filter(Post::author.eq(outer(User::pk)))
///     .order_by(Post::id.desc())
///     .values_list(Post::title)
///     .slice(..1);
/// let _ = User::objects().annotate(subquery(&latest));
/// ```
pub fn outer<O: Model, E: Term<O>>(expression: E) -> Outer<E::T> {
    let node = Arc::new(expression.into_node());
    Outer { node: Node::Outer { model: O::meta(), node }, value: PhantomData }
}

/// An expression of the query outside.
#[derive(Clone, Debug)]
pub struct Outer<T> {
    node: Node,
    value: PhantomData<fn() -> T>,
}

#[diagnostic::do_not_recommend]
impl<M, T: Field, U: Field<Class: Comparable<T::Class>>> Operand<T, M> for Outer<U> {
    fn into_node(self) -> Node {
        self.node
    }
}

#[diagnostic::do_not_recommend]
impl<M, R: Model<Pk: Field>, U: Field<Class: Comparable<<R::Pk as Field>::Class>>>
    Operand<crate::relation::ForeignKey<R>, M> for Outer<U>
{
    fn into_node(self) -> Node {
        self.node
    }
}

#[diagnostic::do_not_recommend]
impl<M, T: Field> Term<M> for Outer<T> {
    type T = T;
    fn into_node(self) -> Node {
        self.node
    }
}

/// The only column of the only row of a queryset, as a value; NULL if there is no row. More than one row is an
/// error of the verb: end the queryset with `.slice(..1)`.
pub fn subquery<M, Q: Queryset<Row: Field>>(queryset: &Q) -> Expr<M, Option<<Q::Row as Field>::Base>> {
    Expr::new(Node::Subquery(Arc::new(queryset.state().clone())).bounded())
}

/// Whether a queryset has a row.
pub fn exists<M, Q: Queryset>(queryset: &Q) -> self::Q<M> {
    self::Q::new(Node::Exists(Arc::new(queryset.state().clone())).bounded())
}

/// What a value may be among: a list of values, or the rows of a queryset of one column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of values comparable with `{T}`, nor a queryset of one such column"
)]
pub trait Among<T, M> {
    /// The operands of `in` after the first.
    fn into_operands(self) -> Vec<Node>;
}

#[diagnostic::do_not_recommend]
impl<T, M, V: Operand<T, M>> Among<T, M> for Vec<V> {
    fn into_operands(self) -> Vec<Node> {
        self.into_iter().map(V::into_node).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<T, M, V: Operand<T, M>, const N: usize> Among<T, M> for [V; N] {
    fn into_operands(self) -> Vec<Node> {
        self.into_iter().map(V::into_node).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<'v, T, M, V> Among<T, M> for &'v [V]
where
    &'v V: Operand<T, M>,
{
    fn into_operands(self) -> Vec<Node> {
        self.iter().map(Operand::into_node).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<'v, T, M, V> Among<T, M> for &'v Vec<V>
where
    &'v V: Operand<T, M>,
{
    fn into_operands(self) -> Vec<Node> {
        self.iter().map(Operand::into_node).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field, M, C: Model, R: Listed<Class: Comparable<T::Class>>> Among<T, M> for QuerySet<C, R> {
    fn into_operands(self) -> Vec<Node> {
        vec![Node::Subquery(Arc::new(self.into_state())).bounded()]
    }
}

#[diagnostic::do_not_recommend]
impl<T: Field, M, C: Model, R: Listed<Class: Comparable<T::Class>>> Among<T, M> for &QuerySet<C, R> {
    fn into_operands(self) -> Vec<Node> {
        vec![Node::Subquery(Arc::new(self.state().clone())).bounded()]
    }
}

/// What rows of a queryset are when a value is looked for among them: a column's value, or of an instance its key.
pub trait Listed {
    /// The class of the values.
    type Class;
}

#[diagnostic::do_not_recommend]
impl<T: Field> Listed for T {
    type Class = T::Class;
}

#[diagnostic::do_not_recommend]
impl<M: Listed, A> Listed for Annotated<M, A> {
    type Class = M::Class;
}

/// The same of a queryset that is used again.
#[diagnostic::do_not_recommend]
impl<M, C: Model> Among<crate::relation::ForeignKey<C>, M> for &QuerySet<C, C> {
    fn into_operands(self) -> Vec<Node> {
        vec![Node::Subquery(Arc::new(self.state().clone())).bounded()]
    }
}

/// Rows of the other model themselves: Django's `author__in=User.objects.filter(..)`.
#[diagnostic::do_not_recommend]
impl<M, C: Model> Among<crate::relation::ForeignKey<C>, M> for QuerySet<C, C> {
    fn into_operands(self) -> Vec<Node> {
        vec![Node::Subquery(Arc::new(self.into_state())).bounded()]
    }
}
