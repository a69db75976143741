//! `dates` and `datetimes`: which months, years, .. the rows are of.

use std::sync::Arc;

use nuages_engine::algebra::DateUnit;

use super::QuerySet;
use super::state::{Distinct, OrderNode, Ordering, QueryState, Shape};
use crate::error::Misuse;
use crate::expression::Term;
use crate::expression::class::{Day, Instant};
use crate::field::{Date, DateTime, Field};
use crate::model::Model;
use crate::node::{Lookup, Node, Operator};

/// What has a day: dates, and instants in the executor's time zone.
pub trait HasDay<M>: Term<M, T: Field<Base: Field<Class = Self::Kind>>> {
    /// Days or instants.
    type Kind: DayOf;
}

/// How the day of a class of values is taken.
pub trait DayOf {
    /// The day of a value.
    #[doc(hidden)]
    fn day(node: Node) -> Node;
}

impl DayOf for Day {
    fn day(node: Node) -> Node {
        node
    }
}

impl DayOf for Instant {
    fn day(node: Node) -> Node {
        Node::call(Operator::DateOf, [node])
    }
}

impl<M, E: Term<M>> HasDay<M> for E
where
    <<E::T as Field>::Base as Field>::Class: DayOf,
{
    type Kind = <<E::T as Field>::Base as Field>::Class;
}

impl<M: Model, R> QuerySet<M, R> {
    /// The first days of the years, months, weeks or days that the rows are of, each once and in order; `reverse`
    /// turns it round. NULLs are left out.
    ///
    /// ```
    /// use nuages::prelude::*;
    /// # #[derive(Model, Clone)] pub struct Post { pub id: Auto<i64>, pub published: Option<Date> }
    /// # let db = App::new().models(Post::app()).open_memory()?;
    /// # for day in ["2024-05-31", "2024-05-01", "2023-12-24"] {
    /// #     Post::objects().create(new!(Post { published: day.parse::<Date>()? }), &db)?;
    /// # }
    /// let months = Post::objects().dates(Post::published, DateUnit::Month).all(&db)?;
    /// assert_eq!(months, ["2023-12-01".parse::<Date>()?, "2024-05-01".parse()?]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dates<E: HasDay<M>>(mut self, of: E, unit: DateUnit) -> QuerySet<M, Date> {
        let value = of.into_node();
        let unit_of = |node| Node::call(Operator::Truncate(unit), [node]);
        if matches!(unit, DateUnit::Hour | DateUnit::Minute | DateUnit::Second) {
            self.state_mut().misuse(Misuse::Other(
                "dates are of years, quarters, months, weeks or days; datetimes has hours and less",
            ));
        }
        let day = unit_of(E::Kind::day(value.clone()));
        self.state_mut().distinct_values("dates", value, day);
        QuerySet::from_state(self.into_state())
    }

    /// The beginnings of the years, months, .. seconds that the rows are of, in the executor's time zone, each once
    /// and in order; `reverse` turns it round. NULLs are left out.
    pub fn datetimes<E>(mut self, of: E, unit: DateUnit) -> QuerySet<M, DateTime>
    where
        E: Term<M, T: Field<Base = DateTime>>,
    {
        let value = of.into_node();
        let instant = Node::call(Operator::Truncate(unit), [value.clone()]);
        self.state_mut().distinct_values("datetimes", value, instant);
        QuerySet::from_state(self.into_state())
    }
}

impl QueryState {
    /// Makes the rows the truncated values, each once and in order.
    pub(super) fn distinct_values(&mut self, call: &'static str, value: Node, truncated: Node) {
        self.refuse_after_slice(call);
        self.refuse_after_combination(call);
        self.add_condition(Node::lookup(Lookup::IsNull, value, Node::Value(false.into())));
        let node = Node::Named("datefield".into(), Arc::new(truncated));
        let annotations_before = self.annotation_count();
        let clauses = self.clauses_mut();
        clauses.ordering =
            Ordering::By(vec![OrderNode { node: node.clone(), descending: false, nulls_first: None }]);
        clauses.shape = Shape::Values { columns: vec![node], annotations_before };
        clauses.distinct = Distinct::Rows;
    }
}
