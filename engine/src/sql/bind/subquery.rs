//! Subqueries within expressions.

use sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::array::quantifiable;
use super::collation::lower;
use super::query::BoundQuery;
use super::row::written_parts;
use super::scope::Scope;
use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::{Comparison, Expr, OutputColumn, Query, Relation, RowCount};
use crate::evaluate::{Class, class_of, unify};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    pub(super) fn exists(&mut self, query: &ast::Query, negated: bool, scope: &Scope<'_>) -> Bound<Typed> {
        let bound = self.query(query, Some(scope))?;
        let exists = Expr::Exists(Box::new(bound.query.relation));
        Ok(Typed::bool(if negated { exists.not() } else { exists }))
    }

    /// A subquery as a value. SQLite takes the first of several rows.
    pub(super) fn scalar_query(&mut self, query: &ast::Query, span: Span, scope: &Scope<'_>) -> Bound<Typed> {
        let mut bound = self.one_column(query, span, scope)?;
        if self.is_sqlite() && !has_one_row(&bound.query.relation) {
            let relation = std::mem::replace(&mut bound.query.relation, Relation::Unit);
            bound.query.relation = relation.limit(0, Some(1));
        }
        let shape = bound.shape.swap_remove(0);
        Ok(shape.typed(Expr::Scalar(Box::new(bound.query))))
    }

    /// One column of a query of several in the place of a value. The query is bound anew for each of them, so that each
    /// has sources of its own.
    pub(super) fn column_of_query(
        &mut self,
        query: &ast::Query,
        (place, width): (usize, usize),
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let mut bound = self.query(query, Some(scope))?;
        if bound.shape.len() != width {
            return Err(SqlError::at(Problem::ColumnCount { expected: width, got: bound.shape.len() }, span));
        }
        if self.is_sqlite() && !has_one_row(&bound.query.relation) {
            let relation = std::mem::replace(&mut bound.query.relation, Relation::Unit);
            bound.query.relation = relation.limit(0, Some(1));
        }
        let shape = bound.shape.swap_remove(place);
        let column = bound.query.columns.swap_remove(place);
        bound.query.columns = vec![column];
        Ok(shape.typed(Expr::Scalar(Box::new(bound.query))))
    }

    pub(super) fn one_column(
        &mut self,
        query: &ast::Query,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<BoundQuery> {
        let bound = self.query(query, Some(scope))?;
        if bound.shape.len() != 1 {
            return Err(SqlError::at(Problem::ColumnCount { expected: 1, got: bound.shape.len() }, span));
        }
        Ok(bound)
    }

    pub(super) fn in_query(
        &mut self,
        needle: &Ast,
        query: &ast::Query,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let span = begin_of(needle);
        let found = if let Some(row) = written_parts(needle) {
            self.row_in_query(&row, query, span, scope)?
        } else {
            let needle = self.value_of(needle, scope)?;
            let bound = self.one_column(query, span, scope)?;
            self.in_bound(needle, bound, span)?
        };
        Ok(Typed::bool(if negated { found.not() } else { found }))
    }

    fn in_bound(&mut self, mut needle: Typed, mut bound: BoundQuery, span: Span) -> Bound<Expr> {
        let kind = bound.shape[0].kind;
        self.settle(&mut needle, kind);
        let column = &mut bound.query.columns[0];
        // A NULL of no type is one of what it is compared with.
        let of_none = needle.kind.or(kind).unwrap_or(TEXT);
        for (side, expr) in [(needle.kind, &mut needle.expr), (kind, &mut column.expr)] {
            if side.is_none() {
                let untyped = std::mem::replace(expr, Expr::And(Vec::new()));
                *expr = Expr::Cast(Box::new(untyped), of_none);
            }
        }
        if let (Some(a), Some(b)) = (needle.kind, kind)
            && class_of(a) != class_of(b)
        {
            let mut value = Typed::new(std::mem::replace(&mut column.expr, Expr::And(Vec::new())), b);
            value.affinity = bound.shape[0].affinity;
            match unify(a, b) {
                Some(common) => {
                    column.expr =
                        if class_of(b) == class_of(common) { value.expr } else { cast(value.expr, common) };
                    if class_of(a) != class_of(common) {
                        needle = Typed::new(cast(needle.expr, common), common);
                    }
                }
                None if needle.literal_text().is_some() && !self.is_sqlite() => {
                    column.expr = value.expr;
                    needle = Typed::new(cast(needle.expr, b), b);
                }
                None if self.is_sqlite() => return self.in_by_equality(needle, value, bound, span),
                None => return Err(super::mismatch("IN", a, Some(b), span)),
            }
        }
        let is_text = needle.class() == Some(Class::Text);
        if is_text && needle.collation.beside(bound.shape[0].collation) {
            needle.expr = lower(needle.expr);
            let column = &mut bound.query.columns[0];
            column.expr = lower(std::mem::replace(&mut column.expr, Expr::And(Vec::new())));
        }
        Ok(Expr::InQuery(Box::new(needle.expr), Box::new(bound.query)))
    }

    /// Of classes that SQLite compares by rules of its own: whether a row has TRUE among the equalities.
    fn in_by_equality(
        &mut self,
        needle: Typed,
        value: Typed,
        mut bound: BoundQuery,
        span: Span,
    ) -> Bound<Expr> {
        let source = self.source();
        let relation = std::mem::replace(&mut bound.query.relation, Relation::Unit);
        let relation = relation.project(source, vec![value.expr]);
        let column = Typed { expr: Expr::Column(source.column(0)), ..value };
        let equal = self.compare(Comparison::Equal, needle, column, span)?.expr;
        let query = Query::new(relation, vec![OutputColumn::new("", equal)]);
        Ok(Expr::InQuery(Box::new(Expr::Literal(nuages_storage::Value::Bool(true))), Box::new(query)))
    }

    /// A row among the rows of a query: TRUE among the comparisons with each of them.
    fn row_in_query(
        &mut self,
        row: &[Ast],
        query: &ast::Query,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Expr> {
        let row = row.iter().map(|item| self.value_of(item, scope)).collect::<Bound<Vec<_>>>()?;
        let bound = self.query(query, Some(scope))?;
        if bound.shape.len() != row.len() {
            let problem = Problem::ColumnCount { expected: row.len(), got: bound.shape.len() };
            return Err(SqlError::at(problem, span));
        }
        let source = self.source();
        let columns = bound.query.columns.into_iter().map(|column| column.expr).collect();
        let relation = bound.query.relation.project(source, columns);
        let columns = bound.shape.into_iter().enumerate();
        let columns = columns.map(|(place, shape)| shape.typed(Expr::Column(source.column(place))));
        let equal = self.compare_pairs(Comparison::Equal, row.into_iter().zip(columns).collect(), span)?;
        let query = Query::new(relation, vec![OutputColumn::new("", equal)]);
        Ok(Expr::InQuery(Box::new(Expr::Literal(nuages_storage::Value::Bool(true))), Box::new(query)))
    }

    /// `x > ANY (SELECT ..)` and `x > ALL (SELECT ..)`: whether TRUE, or not FALSE, is among the comparisons.
    pub(super) fn quantified(
        &mut self,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        is_all: bool,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let span = begin_of(left);
        let comparison = quantifiable(op, span)?;
        if let (Some(row), Ast::Subquery(query)) = (written_parts(left), right) {
            let found = match (comparison, is_all) {
                (Comparison::Equal, false) => self.row_in_query(&row, query, span, scope)?,
                (Comparison::NotEqual, true) => self.row_in_query(&row, query, span, scope)?.not(),
                _ => {
                    return Err(SqlError::at(unsupported(format!("a row {op} ANY or ALL of a query")), span));
                }
            };
            return Ok(Typed::bool(found));
        }
        let needle = self.value_of(left, scope)?;
        let Ast::Subquery(query) = right else {
            return self.quantified_over_array(needle, comparison, right, is_all, span, scope);
        };
        let bound = self.one_column(query, span, scope)?;
        self.quantified_over_rows(needle, comparison, bound, is_all, span)
    }

    /// The same of the only column of a query that is bound.
    pub(super) fn quantified_over_rows(
        &mut self,
        needle: Typed,
        comparison: Comparison,
        bound: BoundQuery,
        is_all: bool,
        span: Span,
    ) -> Bound<Typed> {
        if comparison == Comparison::Equal && !is_all && !bound.shape[0].is_any() {
            return self.in_bound(needle, bound, span).map(Typed::bool);
        }
        let source = self.source();
        let columns = bound.query.columns.into_iter().map(|column| column.expr).collect();
        let relation = bound.query.relation.project(source, columns);
        let mut column = bound.shape[0].typed(Expr::Column(source.column(0)));
        column.kind = column.kind.or(Some(TEXT));
        let compared = self.compare(comparison, needle, column, span)?.expr;
        let query = Query::new(relation, vec![OutputColumn::new("", compared)]);
        let wanted = Expr::Literal(nuages_storage::Value::Bool(!is_all));
        let among = Expr::InQuery(Box::new(wanted), Box::new(query));
        Ok(Typed::bool(if is_all { among.not() } else { among }))
    }
}

/// Whether a relation has one row at most, so that it need not be cut.
fn has_one_row(relation: &Relation) -> bool {
    match relation {
        Relation::Unit => true,
        Relation::Aggregate { keys, .. } => keys.is_empty(),
        Relation::Limit { count, .. } => {
            count.as_ref().and_then(RowCount::fixed).is_some_and(|count| count <= 1)
        }
        Relation::Filter { input, .. } | Relation::Project { input, .. } => has_one_row(input),
        _ => false,
    }
}
