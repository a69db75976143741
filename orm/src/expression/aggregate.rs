//! Aggregates: values over the rows of a group.
//!
//! `User::posts.count()` counts the posts of each user when it annotates users, and all posts of all users when it
//! is given to `aggregate`. A filter and `distinct` are part of the aggregate.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use nuages_engine::algebra::AggregateFunction;
use rust_decimal::Decimal;

use super::{Condition, Expr, Operand};
use crate::field::{Duration, Field};
use crate::node::{AggregateNode, Node};

/// An aggregate: an expression over the rows of a group. It derefs to [`Expr`], so it is compared, ordered by and
/// computed with like one.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Order { pub id: Auto<i64>, pub total: i64, pub paid: bool }
/// let paid = Order::total.sum().filter(Order::paid.eq(true)).default(0);
/// let _ = Order::objects().annotate(&paid).order_by(paid.desc());
/// ```
pub struct Aggregate<M, T: Field, K = <T as Field>::Class>(Expr<M, T, K>);

impl<M, T: Field, K> Aggregate<M, T, K> {
    /// An aggregate over `argument`; without one it counts rows.
    pub fn new(function: AggregateFunction, argument: Option<Node>) -> Self {
        let node = AggregateNode { function, argument, distinct: false, filter: None, default: None };
        Aggregate(Expr::new(Node::Aggregate(Arc::new(node))))
    }

    /// The tree, owned.
    pub fn into_node(self) -> Node {
        self.0.into_node()
    }

    fn change<U: Field, L>(self, change: impl FnOnce(&mut AggregateNode)) -> Aggregate<M, U, L> {
        let mut node = self.into_node();
        if let Node::Aggregate(aggregate) = &mut node {
            change(Arc::make_mut(aggregate));
        }
        Aggregate(Expr::new(node))
    }

    /// Only over rows that meet a condition; a second filter narrows the first.
    #[must_use]
    pub fn filter(self, condition: impl Condition<M>) -> Self {
        self.change(|aggregate| {
            let condition = condition.into_condition().into_node();
            aggregate.filter = Some(match aggregate.filter.take() {
                Some(first) => first.and(condition),
                None => condition,
            });
        })
    }

    /// Over each value once.
    #[must_use]
    pub fn distinct(self) -> Self {
        self.change(|aggregate| aggregate.distinct = true)
    }

    /// The value over no row, which otherwise is NULL.
    #[must_use]
    pub fn default(self, value: impl Operand<T::Base, M>) -> Aggregate<M, T::Base, K> {
        self.change(|aggregate| aggregate.default = Some(value.into_node()))
    }
}

impl<M, T: Field, K> Deref for Aggregate<M, T, K> {
    type Target = Expr<M, T, K>;
    fn deref(&self) -> &Expr<M, T, K> {
        &self.0
    }
}

impl<M, T: Field, K> Clone for Aggregate<M, T, K> {
    fn clone(&self) -> Self {
        Aggregate(self.0.clone())
    }
}

impl<M, T: Field, K> fmt::Debug for Aggregate<M, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What can be summed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be summed",
    label = "neither a number nor a duration"
)]
pub trait Summable: Field {
    /// The type of a sum.
    type Sum: Field;
    /// The type of a mean.
    type Mean: Field;
}

macro_rules! summable {
    ($($type:ty => $sum:ty, $mean:ty;)*) => {$(
        impl Summable for $type {
            type Sum = $sum;
            type Mean = $mean;
        }
    )*};
}

summable! {
    i16 => i64, f64;
    i32 => i64, f64;
    i64 => i64, f64;
    u8 => i64, f64;
    u16 => i64, f64;
    u32 => i64, f64;
    u64 => i64, f64;
    f32 => f64, f64;
    f64 => f64, f64;
    Decimal => Decimal, Decimal;
    Duration => Duration, Duration;
}

/// The number of rows of the queryset, or of each group.
///
/// ```
/// use nuages::prelude::*;
/// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub year: i32 }
/// let _ = Post::objects().values_list((Post::year,)).annotate(count());
/// ```
pub fn count<M>() -> Aggregate<M, i64> {
    Aggregate::new(AggregateFunction::CountRows, None)
}
