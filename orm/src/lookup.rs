//! Lookups: the questions that can be asked of a column, a relation or an expression.
//!
//! They are Django's, under Rust's names; `q!` takes them under Django's. `eq(None)` is `IS NULL`, and NULLs in the
//! list of `is_in` are left out. A relation is compared with an instance, with a key, or with a bare value of a key.
//!
//! Every lookup is an inherent method: rustc then finds it before anything that iterators or `PartialOrd` have under
//! the same name, and its errors speak of columns.

use nuages_engine::algebra::AggregateFunction;
use nuages_storage::Value;

use crate::expression::aggregate::Summable;
use crate::expression::subquery::Among;
use crate::expression::{Aggregate, Expr, Operand, Q, class};
use crate::field::Field;
use crate::model::Model;
use crate::node::{Lookup, Node, Operator};
use crate::order::Order;
use crate::path::{Col, Hop, Path, Rel};
use crate::relation::ForeignKey;

/// What lookups are made of: something that is a tree.
trait Tree {
    fn tree(&self) -> Node;
}

impl<P: Path, H: Hop, T, K> Tree for Col<P, H, T, K> {
    fn tree(&self) -> Node {
        self.node()
    }
}

impl<P: Path, H: Hop, M: Model> Tree for Rel<P, H, M> {
    fn tree(&self) -> Node {
        self.node()
    }
}

impl<M, T: Field, K> Tree for Expr<M, T, K> {
    fn tree(&self) -> Node {
        self.node().clone()
    }
}

/// The condition of a lookup.
fn lookup<M>(lookup: Lookup, left: &impl Tree, right: Node) -> Q<M> {
    Q::new(Node::lookup(lookup, left.tree(), right))
}

/// The lookups of everything. `$left` is the type that decides what may stand on the right.
macro_rules! comparisons {
    ([$($generics:tt)*] $type:ty, $left:ty, $root:ty) => {
        impl<$($generics)*> $type {
            /// Equal; of `None`, NULL.
            pub fn eq(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                lookup(Lookup::Exact, self, right.into_node())
            }

            /// Not equal; of `None`, not NULL.
            pub fn ne(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                !self.eq(right)
            }

            /// Greater.
            pub fn gt(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                lookup(Lookup::Gt, self, right.into_node())
            }

            /// Greater or equal.
            pub fn gte(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                lookup(Lookup::Gte, self, right.into_node())
            }

            /// Less.
            pub fn lt(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                lookup(Lookup::Lt, self, right.into_node())
            }

            /// Less or equal.
            pub fn lte(&self, right: impl Operand<$left, $root>) -> Q<$root> {
                lookup(Lookup::Lte, self, right.into_node())
            }

            /// Among some values, or the rows of a queryset: of one column, or of instances, which are meant by their
            /// keys.
            pub fn is_in(&self, list: impl Among<$left, $root>) -> Q<$root> {
                let mut operands = vec![self.tree()];
                operands.extend(list.into_operands());
                Q::new(Node::Call(Operator::Lookup(Lookup::In), operands.into()))
            }

            /// From one value to another, both included.
            pub fn range(&self, from: impl Operand<$left, $root>, to: impl Operand<$left, $root>) -> Q<$root> {
                let operands = [self.tree(), from.into_node(), to.into_node()];
                Q::new(Node::call(Operator::Lookup(Lookup::Range), operands))
            }

            /// NULL, or not NULL.
            pub fn is_null(&self, is_null: bool) -> Q<$root> {
                lookup(Lookup::IsNull, self, Node::Value(Value::Bool(is_null)))
            }

            /// How many values there are that are not NULL; of a relation, how many rows.
            pub fn count(&self) -> Aggregate<$root, i64> {
                Aggregate::new(AggregateFunction::Count, Some(self.tree()))
            }

            /// From the least to the greatest, NULLs last.
            pub fn asc(&self) -> Order<$root> {
                Order::new(self.tree(), false)
            }

            /// From the greatest to the least, NULLs first.
            pub fn desc(&self) -> Order<$root> {
                Order::new(self.tree(), true)
            }
        }
    };
}

comparisons!([P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, T::Base, P::Root);
comparisons!([M, T: Field, K] Expr<M, T, K>, T::Base, M);
comparisons!([P: Path, H: Hop, R: Model] Rel<P, H, R>, ForeignKey<R>, P::Root);

/// The aggregates of values.
macro_rules! aggregates {
    ([$($generics:tt)*] $type:ty, $root:ty) => {
        impl<$($generics)*> $type {
            /// The least value; NULL of none.
            pub fn min(&self) -> Aggregate<$root, Option<T::Base>, K> {
                Aggregate::new(AggregateFunction::Min, Some(self.tree()))
            }

            /// The greatest value; NULL of none.
            pub fn max(&self) -> Aggregate<$root, Option<T::Base>, K> {
                Aggregate::new(AggregateFunction::Max, Some(self.tree()))
            }

            /// One of the values that are not NULL, whichever; NULL of none.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub album: i64, pub artist: String }
            /// let by_album = Track::objects().values_list((Track::album,)).annotate(Track::artist.any_value());
            /// ```
            pub fn any_value(&self) -> Aggregate<$root, Option<T::Base>, K> {
                Aggregate::new(AggregateFunction::AnyValue, Some(self.tree()))
            }

            /// A JSON array of the values, with `null` for NULL; NULL of no row. Their order is that of
            /// [`order_by`](Aggregate::order_by).
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub title: String }
            /// let titles: Aggregate<Track, Option<Json>> = Track::title.json_agg().order_by(Track::title);
            /// ```
            pub fn json_agg(&self) -> Aggregate<$root, Option<crate::field::Json>> {
                Aggregate::new(AggregateFunction::JsonAgg, Some(self.tree()))
            }

            /// The sum; NULL of none. Of integers it is an `i64`, and an error if it does not fit.
            pub fn sum(&self) -> Aggregate<$root, Option<<T::Base as Summable>::Sum>>
            where
                T::Base: Summable,
            {
                Aggregate::new(AggregateFunction::Sum, Some(self.tree()))
            }

            /// The mean; NULL of none. Of decimals it is a decimal, of other numbers a double.
            pub fn avg(&self) -> Aggregate<$root, Option<<T::Base as Summable>::Mean>>
            where
                T::Base: Summable,
            {
                Aggregate::new(AggregateFunction::Avg, Some(self.tree()))
            }
        }
    };
}

/// The aggregates of values of one class.
macro_rules! aggregates_of {
    ([$($generics:tt)*] $type:ident<$($parameter:ty),*>, $root:ty) => {
        impl<$($generics)*> $type<$($parameter,)* class::Number> {
            /// The standard deviation of the values, NULL of none; with [`sample`](Aggregate::sample) as that of a
            /// sample.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub minutes: i64 }
            /// let spread: Aggregate<Track, Option<f64>> = Track::minutes.stddev();
            /// ```
            pub fn stddev(&self) -> Aggregate<$root, Option<f64>> {
                Aggregate::new(AggregateFunction::StddevPop, Some(self.tree()))
            }

            /// The variance of the values, NULL of none; with [`sample`](Aggregate::sample) as that of a sample.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub minutes: i64 }
            /// let spread: Aggregate<Track, Option<f64>> = Track::minutes.variance();
            /// ```
            pub fn variance(&self) -> Aggregate<$root, Option<f64>> {
                Aggregate::new(AggregateFunction::VarPop, Some(self.tree()))
            }
        }

        impl<$($generics)*> $type<$($parameter,)* class::Boolean> {
            /// Whether all values that are not NULL are true; NULL of none.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Task { pub id: Auto<i64>, pub done: bool }
            /// let finished: Aggregate<Task, Option<bool>> = Task::done.bool_and();
            /// ```
            pub fn bool_and(&self) -> Aggregate<$root, Option<bool>> {
                Aggregate::new(AggregateFunction::BoolAnd, Some(self.tree()))
            }

            /// Whether a value is true; NULL of none.
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Task { pub id: Auto<i64>, pub done: bool }
            /// let begun: Aggregate<Task, Option<bool>> = Task::done.bool_or();
            /// ```
            pub fn bool_or(&self) -> Aggregate<$root, Option<bool>> {
                Aggregate::new(AggregateFunction::BoolOr, Some(self.tree()))
            }
        }

        impl<$($generics)*> $type<$($parameter,)* class::Text> {
            /// The texts that are not NULL, one after the other with `separator` between them; NULL of none. Their
            /// order is that of [`order_by`](Aggregate::order_by).
            ///
            /// ```
            /// use nuages::prelude::*;
            /// # #[derive(Model, Clone)] pub struct Track { pub id: Auto<i64>, pub title: String }
            /// let titles = Track::title.string_agg(", ").distinct().order_by(Track::title).default("none");
            /// ```
            pub fn string_agg(&self, separator: impl Operand<String, $root>) -> Aggregate<$root, Option<String>> {
                let aggregate = Aggregate::new(AggregateFunction::StringAgg, Some(self.tree()));
                aggregate.with_second(separator.into_node())
            }
        }
    };
}

aggregates_of!([P: Path, H: Hop, T: Field] Col<P, H, T>, P::Root);
aggregates_of!([M, T: Field] Expr<M, T>, M);

aggregates!([P: Path, H: Hop, T: Field, K] Col<P, H, T, K>, P::Root);
aggregates!([M, T: Field, K] Expr<M, T, K>, M);

/// The lookups that search in a text, which `$node` is for `$this`; `$of` says whose text.
macro_rules! searches {
    ($root:ty, |$this:ident| $node:expr, $of:literal) => {
        $crate::lookup::searches! { @each $root, |$this| $node, $of;
            iexact = IExact, "Equal", ", ignoring case; of `None`, NULL";
            icontains = IContains, "Has the other in it", ", ignoring case";
            starts_with = StartsWith, "Begins with the other", "";
            istarts_with = IStartsWith, "Begins with the other", ", ignoring case";
            ends_with = EndsWith, "Ends with the other", "";
            iends_with = IEndsWith, "Ends with the other", ", ignoring case";
            regex = Regex, "A regular expression matches somewhere", "";
            iregex = IRegex, "A regular expression matches somewhere", ", ignoring case";
        }
    };
    (@each $root:ty, |$this:ident| $node:expr, $of:literal;
        $($name:ident = $lookup:ident, $what:literal, $how:literal;)*) => {$(
        #[doc = concat!($what, $of, $how, ".")]
        pub fn $name(&self, text: impl Operand<String, $root>) -> Q<$root> {
            let $this = self;
            Q::new(Node::lookup(Lookup::$lookup, $node, text.into_node()))
        }
    )*};
}
pub(crate) use searches;

/// The lookups of text.
macro_rules! texts {
    ([$($generics:tt)*] $type:ty, $root:ty) => {
        impl<$($generics)*> $type {
            /// Has the other in it.
            pub fn contains(&self, text: impl Operand<String, $root>) -> Q<$root> {
                lookup(Lookup::Contains, self, text.into_node())
            }

            searches!($root, |this| this.tree(), "");
        }
    };
}

texts!([P: Path, H: Hop, T: Field] Col<P, H, T, class::Text>, P::Root);
texts!([M, T: Field] Expr<M, T, class::Text>, M);
