//! The order of rows: `order_by((Post::view_count.desc(), Post::title))`.

mod places;

use std::marker::PhantomData;

use nuages_engine::algebra::{Function, MathFunction};

use crate::expression::{Aggregate, Expr, Term};
use crate::field::Field;
use crate::model::Model;
use crate::node::{Node, Operator};
use crate::path::{Col, Hop, Path, Rel};
use crate::queryset::state::OrderNode;

pub(crate) use places::take_places;
pub use places::{InOrder, Places};

/// A sort key over rows of `M`.
#[derive(Debug)]
pub struct Order<M> {
    node: OrderNode,
    model: PhantomData<fn() -> M>,
}

impl<M> Order<M> {
    /// By an expression. Whoever calls it vouches for the model.
    pub const fn new(node: Node, descending: bool) -> Order<M> {
        Order { node: OrderNode { node, descending, nulls_first: None }, model: PhantomData }
    }

    /// The sort key that a node is. Whoever calls it vouches for the model.
    pub(crate) const fn from_node(node: OrderNode) -> Order<M> {
        Order { node, model: PhantomData }
    }

    /// By lot: another order each time. Django's `order_by("?")`.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// use nuages::order::Order;
    /// # #[derive(Model, Clone, Debug)] pub struct Song { pub id: Auto<i64>, pub title: String }
    /// # let db = App::new().models(Song::app()).open_memory()?;
    /// # Song::objects().bulk_create(["Nuages", "Daphne"].map(|title| new!(Song { title })), &db)?;
    /// let lucky = Song::objects().order_by(Order::random()).first(&db)?;
    /// assert!(lucky.is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn random() -> Order<M> {
        Order::from_node(OrderNode::random())
    }

    /// NULLs before everything else.
    #[must_use]
    pub fn nulls_first(mut self) -> Order<M> {
        self.node.nulls_first = Some(true);
        self
    }

    /// NULLs after everything else.
    #[must_use]
    pub fn nulls_last(mut self) -> Order<M> {
        self.node.nulls_first = Some(false);
        self
    }
}

impl<M> Clone for Order<M> {
    fn clone(&self) -> Self {
        Order { node: self.node.clone(), model: PhantomData }
    }
}

impl OrderNode {
    /// By lot.
    pub(crate) fn random() -> OrderNode {
        let random = Function::Math(MathFunction::Random);
        let node = Node::call(Operator::Function(random), []);
        OrderNode { node, descending: false, nulls_first: None }
    }
}

/// The sort keys that a model declares; the derive calls it.
pub fn into_nodes<M>(orders: impl Orderings<M>) -> Vec<OrderNode> {
    let mut nodes = Vec::new();
    orders.collect(&mut nodes);
    nodes
}

/// What `order_by` takes: sort keys, bare columns and expressions (ascending), tuples and lists of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not order rows of `{M}`",
    label = "not a column, expression or sort key of `{M}`"
)]
pub trait Orderings<M> {
    /// Adds the sort keys.
    fn collect(self, keys: &mut Vec<OrderNode>);
}

#[diagnostic::do_not_recommend]
impl<M> Orderings<M> for Order<M> {
    fn collect(self, keys: &mut Vec<OrderNode>) {
        keys.push(self.node);
    }
}

#[diagnostic::do_not_recommend]
impl<M> Orderings<M> for &Order<M> {
    fn collect(self, keys: &mut Vec<OrderNode>) {
        keys.push(self.node.clone());
    }
}

#[diagnostic::do_not_recommend]
impl<M, O: Orderings<M>> Orderings<M> for Vec<O> {
    fn collect(self, keys: &mut Vec<OrderNode>) {
        self.into_iter().for_each(|order| order.collect(keys));
    }
}

#[diagnostic::do_not_recommend]
impl<M, O: Orderings<M>, const N: usize> Orderings<M> for [O; N] {
    fn collect(self, keys: &mut Vec<OrderNode>) {
        self.into_iter().for_each(|order| order.collect(keys));
    }
}

/// No order at all.
#[diagnostic::do_not_recommend]
impl<M> Orderings<M> for () {
    fn collect(self, _: &mut Vec<OrderNode>) {}
}

/// Bare columns and expressions are ascending.
macro_rules! ascending {
    ($([$($generics:tt)*] $type:ty, $root:ty;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> Orderings<$root> for $type {
            fn collect(self, keys: &mut Vec<OrderNode>) {
                let node = Term::<$root>::into_node(self);
                keys.push(OrderNode { node, descending: false, nulls_first: None });
            }
        }
    )*};
}

ascending! {
    [P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, P::Root;
    [P: Path, H: Hop, R: Model<Pk: Field>] Rel<P, H, R>, P::Root;
    [M, T: Field, K] Expr<M, T, K>, M;
    [M, T: Field, K] &Expr<M, T, K>, M;
    [M, T: Field, K] Aggregate<M, T, K>, M;
    [M, T: Field, K] &Aggregate<M, T, K>, M;
}

macro_rules! tuples {
    ($($($part:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<M, $($part: Orderings<M>),*> Orderings<M> for ($($part,)*) {
            #[expect(non_snake_case, reason = "a tuple's places are named like their types")]
            fn collect(self, keys: &mut Vec<OrderNode>) {
                let ($($part,)*) = self;
                $($part.collect(keys);)*
            }
        }
    )*};
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}
