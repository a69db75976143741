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
use crate::order::Orderings;

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
        let node = AggregateNode {
            function,
            argument,
            second: None,
            distinct: false,
            filter: None,
            order_by: Vec::new(),
            default: None,
        };
        Aggregate(Expr::new(Node::Aggregate(Arc::new(node)).bounded()))
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
        Aggregate(Expr::new(node.bounded()))
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

    /// Takes the rows in by an order, where that makes a difference: in [`string_agg`](Expr::string_agg) and
    /// [`json_agg`](Expr::json_agg).
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub title: String, pub minutes: i64 }
    /// let titles = Track::title.string_agg(", ").order_by((Track::minutes.desc(), Track::title));
    /// let _ = Track::objects().values_list((Track::minutes,)).annotate(&titles);
    /// ```
    #[must_use]
    pub fn order_by(self, order: impl Orderings<M>) -> Self {
        self.change(|aggregate| {
            aggregate.order_by.clear();
            order.collect(&mut aggregate.order_by);
        })
    }

    /// Of a standard deviation or variance: that of the population the rows are a sample of. It is NULL of one row.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub minutes: i64 }
    /// let spread: Aggregate<Track, Option<f64>> = Track::minutes.stddev().sample();
    /// ```
    #[must_use]
    pub fn sample(self) -> Self {
        self.change(|aggregate| {
            aggregate.function = match aggregate.function {
                AggregateFunction::StddevPop => AggregateFunction::StddevSamp,
                AggregateFunction::VarPop => AggregateFunction::VarSamp,
                other => other,
            };
        })
    }

    /// Gives the aggregate its second argument.
    pub(crate) fn with_second(self, second: Node) -> Self {
        self.change(|aggregate| aggregate.second = Some(second))
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
