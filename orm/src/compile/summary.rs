//! One row about many: `count`, `exists`, `aggregate`.

use nuages_engine::algebra::{
    Aggregate, AggregateFunction, Column, Expr, OutputColumn, Query, Relation, Source,
};
use nuages_storage::Value;

use super::{Compiler, ScopeId, combine::alone, group::Wanted, joins::Reuse, rewrite};
use crate::{
    error::{Misuse, Result},
    node::Node,
    queryset::state::{Distinct, QueryState, Shape},
};

const ROWS: Aggregate = Aggregate {
    function: AggregateFunction::CountRows,
    argument: None,
    distinct: false,
    filter: None,
    second: None,
    order_by: Vec::new(),
};

impl Compiler<'_> {
    /// How many rows a queryset has; a query of one row and one column.
    pub(crate) fn count(&mut self, state: &QueryState) -> Result<Query> {
        let relation = self.unordered(state)?;
        let source = self.source();
        let relation = relation.aggregate(source, Vec::new(), vec![ROWS]);
        Ok(Query::new(relation, vec![OutputColumn::new("count", Expr::Column(source.column(0)))]))
    }

    /// The first row of a queryset, in no order and without columns.
    pub(crate) fn any(&mut self, state: &QueryState) -> Result<Query> {
        let relation = self.unordered(state)?.limit(0, Some(1));
        Ok(Query::new(relation, vec![OutputColumn::new("any", Expr::Literal(Value::Int(1)))]))
    }

    /// The rows of a queryset where nobody asks for their order.
    fn unordered(&mut self, state: &QueryState) -> Result<Relation> {
        let clauses = state.clauses();
        if !clauses.combined.is_empty() {
            return Ok(self.combination(state, None)?.relation);
        }
        let scope = self.load(state, None)?;
        let on_rows = matches!(clauses.distinct, Distinct::On(_)) && !clauses.slice.is_all();
        let mut bare = state.clone();
        if !clauses.select_related.is_empty() {
            bare.clauses_mut().select_related.clear();
        }
        Ok(self.level(scope, &bare, on_rows || !clauses.slice.is_all())?.query.relation)
    }

    /// One row of aggregates over the rows of a queryset. Rows that are grouped, cut or made distinct are a
    /// subquery, and then an aggregate may be one over an annotation that is itself an aggregate.
    pub(crate) fn aggregate_rows(&mut self, state: &QueryState, values: &[Node]) -> Result<Query> {
        let clauses = state.clauses();
        if !clauses.combined.is_empty() {
            return self.aggregate_combination(state, values);
        }
        let scope = self.load(state, None)?;
        let grouped = !self.scopes[scope].aggregates.is_empty() || !self.scopes[scope].windows.is_empty();
        let whole = clauses.slice.is_all() && matches!(clauses.distinct, Distinct::No) && !grouped;
        if whole {
            let mut outputs = Vec::with_capacity(values.len());
            for node in values {
                outputs.push(self.aggregated(scope, node)?);
            }
            let wanted = Wanted { outputs, keys: Some(Vec::new()), ..Wanted::default() };
            let (relation, outputs) = self.finish(scope, wanted);
            return Ok(named(relation, outputs));
        }
        self.aggregate_subquery(scope, state, values)
    }

    /// An aggregate over all rows, or what is computed from such.
    fn aggregated(&mut self, scope: ScopeId, node: &Node) -> Result<Expr> {
        let expr = self.expression(scope, node, &mut Reuse::All)?;
        if self.is_windowed(scope, &expr) {
            return Err(Misuse::WindowHere { place: "aggregate" }.into());
        }
        Ok(expr)
    }

    /// Aggregates over the rows of a level, which are a subquery: what is computed of them, and they themselves by a
    /// source of their own. The aggregates and windows of the annotations stay with the level.
    fn aggregates_above(
        &mut self,
        scope: ScopeId,
        values: &[Node],
    ) -> Result<(Vec<Expr>, Vec<Aggregate>, Source)> {
        let inner_group = self.scopes[scope].group;
        let inner = std::mem::take(&mut self.scopes[scope].aggregates);
        let outer_group = self.source();
        self.scopes[scope].group = outer_group;
        let inner_window = self.scopes[scope].window;
        let windows = std::mem::take(&mut self.scopes[scope].windows);
        self.scopes[scope].window = self.source();
        let mut above = Vec::with_capacity(values.len());
        for node in values {
            above.push(self.aggregated(scope, node)?);
        }
        let aggregates = std::mem::replace(&mut self.scopes[scope].aggregates, inner);
        self.scopes[scope].group = inner_group;
        self.scopes[scope].windows = windows;
        self.scopes[scope].window = inner_window;
        Ok((above, aggregates, outer_group))
    }

    fn aggregate_subquery(&mut self, scope: ScopeId, state: &QueryState, values: &[Node]) -> Result<Query> {
        let (mut above, mut aggregates, outer_group) = self.aggregates_above(scope, values)?;
        // What the aggregates are computed of becomes the columns of the subquery.
        let mut inputs: Vec<Expr> = Vec::new();
        let column = self.source();
        let take = |expr: &mut Expr, inputs: &mut Vec<Expr>| {
            let place = inputs.iter().position(|known| known == expr).unwrap_or_else(|| {
                inputs.push(expr.clone());
                inputs.len() - 1
            });
            *expr = Expr::Column(column.column(place));
        };
        for aggregate in &mut aggregates {
            aggregate.expressions_mut().for_each(|expr| take(expr, &mut inputs));
        }
        let (rows, outputs) = self.subquery_rows(scope, state, inputs)?;
        let relation = rows.project(column, outputs);
        let source = self.source();
        let relation = relation.aggregate(source, Vec::new(), aggregates);
        let mut computed = Computed { placeholder: outer_group, source };
        above.iter_mut().for_each(|expr| rewrite::expr(expr, &mut computed));
        Ok(named(relation, above))
    }

    /// Aggregates over the rows of a union, intersection or difference, each of its columns.
    fn aggregate_combination(&mut self, state: &QueryState, values: &[Node]) -> Result<Query> {
        let first = alone(state);
        let scope = self.load(&first, None)?;
        let outputs = self.outputs(scope, &first)?;
        let (mut above, mut aggregates, placeholder) = self.aggregates_above(scope, values)?;
        let rows = self.source();
        for aggregate in &mut aggregates {
            aggregate.expressions_mut().try_for_each(|expr| read_from(expr, &outputs, rows))?;
        }
        let Query { relation, columns, .. } = self.combination(state, None)?;
        let relation = relation.project(rows, columns.into_iter().map(|column| column.expr).collect());
        let source = self.source();
        let relation = relation.aggregate(source, Vec::new(), aggregates);
        let mut computed = Computed { placeholder, source };
        above.iter_mut().for_each(|expr| rewrite::expr(expr, &mut computed));
        Ok(named(relation, above))
    }

    /// The rows of a level with other columns than its own; its own still decide which are distinct.
    fn subquery_rows(
        &mut self,
        scope: ScopeId,
        state: &QueryState,
        inputs: Vec<Expr>,
    ) -> Result<(Relation, Vec<Expr>)> {
        let clauses = state.clauses();
        let keys = self.group_keys(scope, clauses)?;
        let own = match clauses.shape {
            Shape::Instances => self.own_key(scope)?,
            Shape::Values { .. } => self.outputs(scope, state)?,
        };
        let distinct = self.distinct(scope, clauses, &own)?;
        // Where the first rows are taken, of all or of those that agree, the order says which they are.
        let ordered = !clauses.slice.is_all() || matches!(clauses.distinct, Distinct::On(_));
        let order = if ordered { self.order(scope, state, keys.is_some())? } else { Vec::new() };
        let wanted =
            Wanted { outputs: inputs, order, distinct, slice: clauses.slice, keys, ..Wanted::default() };
        Ok(self.finish(scope, wanted))
    }
}

/// An expression over the columns of some rows, where it was one over what they are computed of.
fn read_from(expr: &mut Expr, outputs: &[Expr], rows: Source) -> Result<()> {
    if let Some(place) = outputs.iter().position(|output| output == expr) {
        *expr = Expr::Column(rows.column(place));
        return Ok(());
    }
    if matches!(expr, Expr::Column(_) | Expr::Scalar(_) | Expr::Exists(_) | Expr::InQuery(..)) {
        let words = "an aggregate over a union, intersection or difference is one of its columns";
        return Err(Misuse::Other(words).into());
    }
    expr.children_mut().into_iter().try_for_each(|child| read_from(child, outputs, rows))
}

/// Puts the columns of the finished grouping in the place of its placeholders.
struct Computed {
    placeholder: Source,
    source: Source,
}

impl rewrite::Rewrite for Computed {
    fn column(&mut self, column: Column) -> Option<Expr> {
        (column.source() == self.placeholder).then(|| Expr::Column(self.source.column(column.index())))
    }
}

/// The query of a relation's columns that nobody asks the names of.
fn named(relation: Relation, outputs: Vec<Expr>) -> Query {
    Query::new(relation, outputs.into_iter().map(|expr| OutputColumn::new(String::new(), expr)).collect())
}
