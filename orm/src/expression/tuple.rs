//! Row values: several expressions compared together, as composite keys are. Django's tuple lookups.
//!
//! `tuple((a, b)).gt((1, 2))` is SQL's `(a, b) > (1, 2)`: greater in the first part, or equal in it and greater in the
//! second.
//!
//! ```
//! use nuages::prelude::*;
//! # #[derive(Model, Clone, Debug)] #[model(primary_key(tenant, number))]
//! # pub struct Ticket { pub tenant: i64, pub number: i64, pub title: String }
//! # let db = App::new().models(Ticket::app()).open_memory()?;
//! for (tenant, number, title) in [(1, 1, "a"), (1, 2, "b"), (2, 1, "c")] {
//!     Ticket::objects().create(new!(Ticket { tenant, number, title }), &db)?;
//! }
//! let titles = |found: Q<Ticket>| Ticket::objects().filter(found).order_by(Ticket::pk).values_list(Ticket::title).all(&db);
//! let key = || tuple(Ticket::pk);
//! assert_eq!(titles(key().eq((1, 2)))?, ["b"]);
//! assert_eq!(titles(key().is_in([(1, 1), (2, 1)]))?, ["a", "c"]);
//! assert_eq!(titles(key().gt((1, 1)))?, ["b", "c"]);
//! assert_eq!(titles(key().range((1, 2), (2, 9)))?, ["b", "c"]);
//! # Ok::<(), Error>(())
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use super::operand::Comparable;
use super::{Operand, Q, Term};
use crate::error::Misuse;
use crate::field::Field;
use crate::meta::ModelMeta;
use crate::model::Model;
use crate::node::{Lookup, Node, Operator};
use crate::order::Order;
use crate::path::{Col, Hop, Path, Rel, Types};
use crate::queryset::state::Shape;
use crate::queryset::{QuerySet, QueryState};

/// Several expressions over `M` as one value; `T` is the tuple of their types. [`tuple()`] makes it.
#[derive(Clone, Debug)]
pub struct TupleExpr<M, T> {
    parts: Vec<Node>,
    types: Types<(M, T)>,
}

/// Several expressions as one value.
pub fn tuple<M, P: TupleParts<M>>(parts: P) -> TupleExpr<M, P::Types> {
    TupleExpr { parts: parts.into_parts(), types: PhantomData }
}

/// A tuple of expressions over `M`.
pub trait TupleParts<M> {
    /// The types of the parts.
    type Types;
    /// The trees.
    fn into_parts(self) -> Vec<Node>;
}

/// A tuple that can be compared with one of the types `T`, part by part.
pub trait TupleOperand<T, M> {
    /// The trees.
    fn into_parts(self) -> Vec<Node>;
}

macro_rules! tuples {
    ($($($part:ident $type:ident)*;)*) => {$(
        impl<M, $($part: Term<M>),*> TupleParts<M> for ($($part,)*) {
            type Types = ($($part::T,)*);
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_parts(self) -> Vec<Node> {
                let ($($part,)*) = self;
                vec![$($part.into_node()),*]
            }
        }

        impl<M, $($type: Field, $part: Operand<$type::Base, M>),*> TupleOperand<($($type,)*), M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn into_parts(self) -> Vec<Node> {
                let ($($part,)*) = self;
                vec![$($part.into_node()),*]
            }
        }
    )*};
}
tuples! {
    A T B U;
    A T B U C V;
    A T B U C V D W;
}

impl<M, T> TupleExpr<M, T> {
    /// Equal in all parts.
    pub fn eq(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        Q::new(equal(&self.parts, &right.into_parts()))
    }

    /// Not equal in some part.
    pub fn ne(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        !self.eq(right)
    }

    /// Greater in the first part in which they differ.
    pub fn gt(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        Q::new(beyond(&self.parts, &right.into_parts(), Lookup::Gt, Lookup::Gt))
    }

    /// Greater, or equal.
    pub fn gte(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        Q::new(beyond(&self.parts, &right.into_parts(), Lookup::Gt, Lookup::Gte))
    }

    /// Less in the first part in which they differ.
    pub fn lt(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        Q::new(beyond(&self.parts, &right.into_parts(), Lookup::Lt, Lookup::Lt))
    }

    /// Less, or equal.
    pub fn lte(&self, right: impl TupleOperand<T, M>) -> Q<M> {
        Q::new(beyond(&self.parts, &right.into_parts(), Lookup::Lt, Lookup::Lte))
    }

    /// From one tuple to another, both included.
    pub fn range(&self, from: impl TupleOperand<T, M>, to: impl TupleOperand<T, M>) -> Q<M> {
        self.gte(from) & self.lte(to)
    }

    /// Equal to one of some tuples, or to a row of a queryset of as many columns; of none, never.
    ///
    /// ```
    /// # use nuages::prelude::*;
    /// # #[derive(Model, Clone, Debug)] pub struct Song { pub id: Auto<i64>, pub title: String, pub year: i64 }
    /// # #[derive(Model, Clone, Debug)] pub struct Cover { pub id: Auto<i64>, pub of: String, pub year: i64 }
    /// # let db = App::new().models((Song::app(), Cover::app())).open_memory()?;
    /// # Song::objects().create(new!(Song { title: "Nuages", year: 1940 }), &db)?;
    /// # Song::objects().create(new!(Song { title: "Nuages", year: 1946 }), &db)?;
    /// # Cover::objects().create(new!(Cover { of: "Nuages", year: 1946 }), &db)?;
    /// let covers = Cover::objects().values_list((Cover::of, Cover::year));
    /// let in_their_year = Song::objects().filter(tuple((Song::title, Song::year)).is_in(&covers));
    /// assert_eq!(in_their_year.one(&db)?.year, 1946);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_in(&self, tuples: impl TupleAmong<T, M>) -> Q<M> {
        Q::new(tuples.among(&self.parts))
    }

    /// By the first part, then by the second and so on.
    pub fn asc(&self) -> Vec<Order<M>> {
        self.parts.iter().map(|part| Order::new(part.clone(), false)).collect()
    }

    /// The same from the greatest to the least.
    pub fn desc(&self) -> Vec<Order<M>> {
        self.parts.iter().map(|part| Order::new(part.clone(), true)).collect()
    }
}

/// What a tuple may be among: tuples, or the rows of a queryset of as many columns.
pub trait TupleAmong<T, M> {
    /// The condition that a tuple of these parts is among them.
    fn among(self, parts: &[Node]) -> Node;
}

#[diagnostic::do_not_recommend]
impl<T, M, I: IntoIterator<Item: TupleOperand<T, M>>> TupleAmong<T, M> for I {
    fn among(self, parts: &[Node]) -> Node {
        let any: Vec<Node> = self.into_iter().map(|right| equal(parts, &right.into_parts())).collect();
        match <[Node; 1]>::try_from(any) {
            Ok([only]) => only,
            Err(any) if any.is_empty() => Node::Value(false.into()),
            Err(any) => Node::Call(Operator::Or, any.into()),
        }
    }
}

/// Whether there is a row in which every column is equal to its part of the tuple.
fn among_rows(mut rows: QueryState, model: &'static ModelMeta, parts: &[Node]) -> Node {
    let clauses = rows.clauses();
    let misuse = |after| Node::misuse(Misuse::NotAllowed { call: "is_in of a tuple", after });
    let after = match &clauses.shape {
        _ if !clauses.slice.is_all() => Some("a slice"),
        _ if !clauses.combined.is_empty() => Some("a union, intersection or difference"),
        Shape::Values { columns, .. } if columns.len() == parts.len() => None,
        _ => Some("rows that are no tuples of columns"),
    };
    if let Some(after) = after {
        return misuse(after);
    }
    let Shape::Values { columns, .. } = clauses.shape.clone() else { return misuse("rows of no columns") };
    for (column, part) in columns.into_iter().zip(parts) {
        let outside = Node::Outer { model, node: Arc::new(part.clone()) };
        rows.add_condition(Node::lookup(Lookup::Exact, column, outside));
    }
    Node::Exists(Arc::new(rows)).bounded()
}

macro_rules! among_rows {
    ($($($column:ident $type:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M: Model, C: Model, $($type: Field, $column: Field<Class: Comparable<$type::Class>>),*>
            TupleAmong<($($type,)*), M> for &QuerySet<C, ($($column,)*)>
        {
            fn among(self, parts: &[Node]) -> Node {
                among_rows(self.state().clone(), M::meta(), parts)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<M: Model, C: Model, $($type: Field, $column: Field<Class: Comparable<$type::Class>>),*>
            TupleAmong<($($type,)*), M> for QuerySet<C, ($($column,)*)>
        {
            fn among(self, parts: &[Node]) -> Node {
                among_rows(self.into_state(), M::meta(), parts)
            }
        }
    )*};
}
among_rows! {
    A T B U;
    A T B U D V;
    A T B U D V E W;
}

/// A column or a key: what a composite key is made of.
pub trait KeyPart: Term<Self::Root> {
    /// The model that a path to it begins with.
    type Root;
}

impl<P: Path, H: Hop, T: Field, K> KeyPart for Col<P, H, T, K> {
    type Root = P::Root;
}

impl<P: Path, H: Hop, R: Model<Pk: Field>> KeyPart for Rel<P, H, R> {
    type Root = P::Root;
}

/// The comparisons of [`TupleExpr`] on a tuple of columns as it is: on `Invoice::pk` where the key is composite.
///
/// ```
/// use nuages::prelude::*;
/// #[derive(Model, Clone)]
/// #[model(primary_key(tenant, number))]
/// pub struct Invoice {
///     pub tenant: i64,
///     pub number: i64,
/// }
/// # let db = App::new().models(Invoice::app()).open_memory()?;
/// Invoice::objects().bulk_create([(1, 1), (1, 2), (2, 1)].map(|(tenant, number)| new!(Invoice { tenant, number })), &db)?;
/// assert_eq!(Invoice::objects().get(Invoice::pk.eq((1, 2)), &db)?.number, 2);
/// let later = Invoice::objects().filter(Invoice::pk.gt((1, 1))).order_by(Invoice::pk.desc());
/// assert_eq!(later.values_list(Invoice::pk).all(&db)?, [(2, 1), (1, 2)]);
/// # Ok::<(), Error>(())
/// ```
pub trait TupleLookups: Sized {
    /// The model.
    type Root;
    /// The types of the parts.
    type Types;

    /// The columns as one value.
    fn into_one(self) -> TupleExpr<Self::Root, Self::Types>;

    /// [`TupleExpr::eq`].
    fn eq(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().eq(right)
    }

    /// [`TupleExpr::ne`].
    fn ne(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().ne(right)
    }

    /// [`TupleExpr::gt`].
    fn gt(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().gt(right)
    }

    /// [`TupleExpr::gte`].
    fn gte(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().gte(right)
    }

    /// [`TupleExpr::lt`].
    fn lt(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().lt(right)
    }

    /// [`TupleExpr::lte`].
    fn lte(self, right: impl TupleOperand<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().lte(right)
    }

    /// [`TupleExpr::is_in`].
    #[expect(clippy::wrong_self_convention, reason = "columns are copied")]
    fn is_in(self, tuples: impl TupleAmong<Self::Types, Self::Root>) -> Q<Self::Root> {
        self.into_one().is_in(tuples)
    }

    /// [`TupleExpr::asc`].
    fn asc(self) -> Vec<Order<Self::Root>> {
        self.into_one().asc()
    }

    /// [`TupleExpr::desc`].
    fn desc(self) -> Vec<Order<Self::Root>> {
        self.into_one().desc()
    }
}

macro_rules! keys {
    ($($first:ident $($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$first: KeyPart, $($part: KeyPart<Root = $first::Root>),*> TupleLookups for ($first, $($part,)*) {
            type Root = $first::Root;
            type Types = ($first::T, $($part::T,)*);

            fn into_one(self) -> TupleExpr<$first::Root, Self::Types> {
                tuple(self)
            }
        }
    )*};
}
keys! {
    A B;
    A B C;
    A B C D;
}

fn equal(left: &[Node], right: &[Node]) -> Node {
    let parts = left.iter().zip(right);
    let parts = parts.map(|(left, right)| Node::lookup(Lookup::Exact, left.clone(), right.clone()));
    parts.fold(Node::all(), Node::and)
}

/// `a > x OR (a = x AND (b > y OR ..))`; the last part is compared by a lookup of its own.
fn beyond(left: &[Node], right: &[Node], strict: Lookup, last: Lookup) -> Node {
    match (left, right) {
        ([left], [right]) => Node::lookup(last, left.clone(), right.clone()),
        ([left, lefts @ ..], [right, rights @ ..]) => {
            let differs = Node::lookup(strict, left.clone(), right.clone());
            let same = Node::lookup(Lookup::Exact, left.clone(), right.clone());
            differs.or(same.and(beyond(lefts, rights, strict, last)))
        }
        _ => Node::Value(false.into()),
    }
}
