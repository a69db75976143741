//! Groups: what is computed over them, and how an expression over rows becomes one over groups.
//!
//! Expressions are bound over the rows, and the aggregates in them are collected as they come. Then whatever is a key
//! of the groups is put in place of its expression, and what is left of the rows' own columns is a column that the
//! groups do not agree in.

use hashbrown::HashMap;

use super::grouping_sets::Sets;
use super::scope::Scope;
use super::{Binder, Bound};
use crate::algebra::renumber::normal;
use crate::algebra::walk::{free_columns, has_subquery, substitute_query, substitute_relation};
use crate::algebra::{
    Aggregate, AggregateFunction, Column, Expr, OutputColumn, Query, Relation, SortKey, Source,
};
use crate::sql::error::Problem;

/// The aggregates of a query, as they are found.
#[derive(Debug)]
pub(super) struct Grouping {
    pub(super) source: Source,
    /// What rows of a group agree in.
    pub(super) keys: Vec<Expr>,
    /// What they agree in but for case, of which any will do.
    pub(super) folded: Vec<Expr>,
    pub(super) aggregates: Vec<Aggregate>,
    /// In which order the rows of each MIN and MAX among them come first.
    extremes: Vec<Vec<SortKey>>,
    /// The groupings, where there are several.
    pub(super) sets: Option<Sets>,
    /// Whether an aggregate's own arguments are being bound, within which there is no other.
    pub(super) within: bool,
}

impl Grouping {
    pub(super) fn new(source: Source) -> Grouping {
        Grouping {
            source,
            keys: Vec::new(),
            folded: Vec::new(),
            aggregates: Vec::new(),
            extremes: Vec::new(),
            sets: None,
            within: false,
        }
    }

    /// The column of an aggregate; one that is there already is not computed twice.
    pub(super) fn add(&mut self, aggregate: Aggregate) -> Column {
        let place = self.aggregates.iter().position(|known| *known == aggregate).unwrap_or_else(|| {
            self.aggregates.push(aggregate);
            self.aggregates.len() - 1
        });
        self.source.column(self.keys.len() + place)
    }

    /// Notes an aggregate that is MIN or MAX.
    pub(super) fn add_extreme(&mut self, aggregate: &Aggregate) {
        let key = |expr: &Expr, descending| SortKey { expr: expr.clone(), descending, nulls_first: false };
        let of_argument = aggregate.argument.iter().flat_map(|argument| match aggregate.function {
            AggregateFunction::First => aggregate.order_by.clone(),
            function => vec![key(argument, function == AggregateFunction::Max)],
        });
        // None but the rows that its filter lets through are its own; where it lets none through, any will do.
        let filter = aggregate.filter.iter().map(|filter| key(filter, true));
        let order: Vec<SortKey> = filter.chain(of_argument).collect();
        if !self.extremes.contains(&order) {
            self.extremes.push(order);
        }
    }

    /// The order in which the row of the one MIN or MAX comes first, if there is just one: SQLite takes other columns
    /// from that row.
    fn extreme(&self) -> Option<&[SortKey]> {
        match self.extremes.as_slice() {
            [order] => Some(order),
            _ => None,
        }
    }
}

impl Binder<'_> {
    /// The expression over the groups.
    pub(super) fn regroup(&self, expr: &mut Expr, grouping: &mut Grouping, scope: &Scope<'_>) -> Bound<()> {
        // A constant is what it is, though rows be grouped by it; but for those of a grouping that lacks it.
        let is_constant = matches!(expr, Expr::Literal(_)) && grouping.sets.is_none();
        if let Some(key) = grouping.keys.iter().position(|key| alike(key, expr) && !is_constant) {
            *expr = Expr::Column(grouping.source.column(key));
            return Ok(());
        }
        if grouping.folded.contains(expr) {
            let any = Aggregate::of(AggregateFunction::AnyValue, expr.clone());
            *expr = Expr::Column(grouping.add(any));
            return Ok(());
        }
        match expr {
            Expr::Column(column) if scope.has(column.source()) => {
                *expr = self.bare(*column, grouping, scope)?;
                return Ok(());
            }
            Expr::Scalar(query) => self.regroup_query(query, grouping, scope)?,
            Expr::InQuery(_, query) => self.regroup_query(query, grouping, scope)?,
            Expr::Exists(relation) => self.regroup_relation(relation, grouping, scope)?,
            _ => {}
        }
        let mut regrouped = Ok(());
        expr.each_child_mut(&mut |child| {
            if regrouped.is_ok() {
                regrouped = self.regroup(child, grouping, scope);
            }
        });
        regrouped
    }

    fn regroup_query(&self, query: &mut Query, grouping: &mut Grouping, scope: &Scope<'_>) -> Bound<()> {
        let by = self.grouped(&free_columns(query), grouping, scope)?;
        if !by.is_empty() {
            substitute_query(query, &by);
        }
        Ok(())
    }

    fn regroup_relation(
        &self,
        relation: &mut Relation,
        grouping: &mut Grouping,
        scope: &Scope<'_>,
    ) -> Bound<()> {
        let unit = Query::new(std::mem::replace(relation, Relation::Unit), Vec::new());
        let by = self.grouped(&free_columns(&unit), grouping, scope);
        *relation = unit.relation;
        let by = by?;
        if !by.is_empty() {
            substitute_relation(relation, &by);
        }
        Ok(())
    }

    /// What columns of the rows, mentioned in a subquery, are over the groups.
    fn grouped(
        &self,
        columns: &[Column],
        grouping: &mut Grouping,
        scope: &Scope<'_>,
    ) -> Bound<HashMap<Column, Expr>> {
        let own = columns.iter().filter(|column| scope.has(column.source()));
        own.map(|column| {
            let mut expr = Expr::Column(*column);
            self.regroup(&mut expr, grouping, scope)?;
            Ok((*column, expr))
        })
        .collect()
    }

    /// A column beside aggregates that the groups do not agree in.
    fn bare(&self, column: Column, grouping: &mut Grouping, scope: &Scope<'_>) -> Bound<Expr> {
        if is_of_keyed_table(column, grouping, scope) {
            let any = Aggregate::of(AggregateFunction::AnyValue, column);
            return Ok(Expr::Column(grouping.add(any)));
        }
        if !self.is_sqlite() {
            let table = scope.tables.iter().find(|table| table.source == column.source());
            let name = table
                .filter(|_| !column.is_row_id())
                .map_or("rowid", |table| table.column_name(column.index()));
            return Err(Problem::Ungrouped { name: name.to_owned() }.into());
        }
        let order_by = grouping.extreme().unwrap_or_default().to_vec();
        let aggregate = Aggregate { order_by, ..Aggregate::of(AggregateFunction::First, column) };
        Ok(Expr::Column(grouping.add(aggregate)))
    }
}

/// Whether two expressions are the same, but for how the tables of their subqueries are numbered.
fn alike(key: &Expr, expr: &Expr) -> bool {
    if key == expr {
        return true;
    }
    if std::mem::discriminant(key) != std::mem::discriminant(expr) || !has_subquery(key) {
        return false;
    }
    let as_query = |expr: &Expr| Query::new(Relation::Unit, vec![OutputColumn::new("", expr.clone())]);
    normal(as_query(key)) == normal(as_query(expr))
}

/// Whether the groups agree in a column because they agree in the primary key of its table.
fn is_of_keyed_table(column: Column, grouping: &Grouping, scope: &Scope<'_>) -> bool {
    let table = scope.tables.iter().find(|table| table.source == column.source());
    let Some(super::scope::Columns::Table(definition)) = table.map(|table| &table.columns) else {
        return false;
    };
    let key = definition.primary_key_columns();
    let is_grouped = |place: &usize| {
        let of_key = Expr::Column(column.source().column(*place));
        let found = grouping.keys.iter().position(|key| *key == of_key);
        found.is_some_and(|key| grouping.sets.as_ref().is_none_or(|sets| sets.all_have(key)))
    };
    !key.is_empty() && key.iter().all(is_grouped)
}
