//! The clauses of a SELECT, bound, put together to a query: groups, windows, DISTINCT, ORDER BY and LIMIT over the rows.

use std::cell::RefCell;

use sqlparser::tokenizer::Span;

use super::query::{BoundQuery, Tail};
use super::scope::{Scope, Shape};
use super::typed::Typed;
use super::{Binder, Bound};
use crate::algebra::{Expr, OutputColumn, Query, Relation, SortKey};
use crate::sql::error::Problem;

/// A column of the result.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) typed: Typed,
    /// Where it stands.
    pub(super) span: Span,
}

/// What the clauses of a SELECT mean over the rows of its tables.
pub(super) struct Clauses {
    /// The rows that WHERE leaves.
    pub(super) relation: Relation,
    /// Whether there is a GROUP BY or a HAVING.
    pub(super) is_grouped: bool,
    pub(super) items: Vec<Item>,
    pub(super) having: Option<Expr>,
    pub(super) order: Vec<SortKey>,
    pub(super) is_distinct: bool,
    pub(super) distinct_on: Option<Vec<Expr>>,
}

impl Binder<'_> {
    /// Hands out as it is in each row what is an integer in one and real in another, as SQLite does.
    pub(super) fn hand_out_as_they_are(&self, items: &mut [Item], is_distinct: bool) {
        if !self.is_sqlite() || is_distinct {
            return;
        }
        for item in items.iter_mut().filter(|item| item.typed.mixed.is_some()) {
            item.typed = std::mem::replace(&mut item.typed, Typed::null()).into_any_as_is();
        }
    }

    /// The query of clauses that were bound in a scope, which has found its aggregates and window functions meanwhile.
    pub(super) fn assembled(
        &mut self,
        clauses: Clauses,
        mut scope: Scope<'_>,
        tail: &Tail<'_>,
    ) -> Bound<BoundQuery> {
        let Clauses { mut relation, is_grouped, mut items, mut having, mut order, .. } = clauses;
        let Clauses { is_distinct, mut distinct_on, .. } = clauses;
        let (Some(grouping), Some(windows)) = (scope.grouping.take(), scope.windows.take()) else {
            unreachable!("who has bound the list has put both there")
        };
        let (mut grouping, mut windows) = (grouping.into_inner(), windows.into_inner());
        let mut series = scope.series.take().map(RefCell::into_inner);
        if is_grouped || !grouping.aggregates.is_empty() {
            for item in &mut items {
                let regrouped = self.regroup(&mut item.typed.expr, &mut grouping, &scope);
                regrouped.map_err(|error| error.or_at(item.span.start))?;
            }
            let keys = order.iter_mut().map(|key| &mut key.expr);
            for expr in having.iter_mut().chain(keys).chain(distinct_on.iter_mut().flatten()) {
                self.regroup(expr, &mut grouping, &scope)?;
            }
            self.regroup_windows(&mut windows, &mut grouping, &scope)?;
            for argument in series.iter_mut().flat_map(|series| &mut series.arguments) {
                self.regroup(argument, &mut grouping, &scope)?;
            }
            relation = self.groups(relation, grouping, &scope);
            if let Some(having) = having {
                relation = relation.filter(having);
            }
        }
        if !windows.functions.is_empty() {
            relation = relation.window(windows.source, windows.functions);
        }
        if let Some(series) = &mut series {
            relation = self.joined_with_series(relation, series)?;
        }
        if let Some(on) = distinct_on {
            // The first of the rows that agree is the first in this order.
            relation = if order.is_empty() { relation } else { relation.sort(std::mem::take(&mut order)) };
            relation = relation.distinct(on);
        }
        self.finish(relation, items, is_distinct, order, tail)
    }

    /// DISTINCT, ORDER BY and LIMIT over the rows whose columns are bound.
    fn finish(
        &mut self,
        mut relation: Relation,
        mut items: Vec<Item>,
        is_distinct: bool,
        mut order: Vec<SortKey>,
        tail: &Tail<'_>,
    ) -> Bound<BoundQuery> {
        if is_distinct {
            let source = self.source();
            for key in &mut order {
                let of_item = |item: &Item| self.ordered(item.typed.clone());
                let place = items.iter().position(|item| of_item(item) == key.expr);
                let place = place.ok_or(Problem::OrderNotInResult)?;
                let column = Typed { expr: Expr::Column(source.column(place)), ..items[place].typed.clone() };
                key.expr = self.ordered(column);
            }
            let columns = items.iter_mut().enumerate().map(|(place, item)| {
                std::mem::replace(&mut item.typed.expr, Expr::Column(source.column(place)))
            });
            let columns = columns.collect();
            let on = items.iter().map(|item| item.typed.clone().distinguished()).collect();
            relation = relation.project(source, columns).distinct(on);
        }
        if !order.is_empty() {
            relation = relation.sort(order);
        }
        relation = self.limited(relation, tail)?;
        let mut columns = Vec::with_capacity(items.len());
        let mut shape = Vec::with_capacity(items.len());
        for Item { name, typed, .. } in items {
            shape.push(Shape::of(name.clone(), &typed));
            columns.push(OutputColumn { name, expr: typed.expr });
        }
        Ok(BoundQuery { query: Query::new(relation, columns), shape })
    }
}
