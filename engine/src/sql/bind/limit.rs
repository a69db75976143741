//! LIMIT, OFFSET and FETCH: the run of rows of a query that is wanted.

use nuages_storage::DataType;
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::query::Tail;
use super::scope::Scope;
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::walk;
use crate::algebra::{Arithmetic, Comparison, Expr, Frame, Relation, RowCount, WindowFunction, WindowKind};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// The run of rows that LIMIT, OFFSET and FETCH leave.
    pub(super) fn limited(&mut self, relation: Relation, tail: &Tail<'_>) -> Bound<Relation> {
        if tail.limit.is_none() && tail.fetch.is_none() {
            return Ok(relation);
        }
        let (limit, offset) = match tail.limit {
            None => (None, None),
            Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(ast::LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        };
        let one = ast::Expr::value(ast::Value::Number("1".to_owned(), false));
        let fetch = tail.fetch.map(|fetch| fetch.quantity.as_ref().unwrap_or(&one));
        let count = limit.or(fetch).map(|limit| self.row_count(limit, "LIMIT")).transpose()?.flatten();
        let offset = offset.map(|offset| self.row_count(offset, "OFFSET")).transpose()?.flatten();
        match (tail.fetch, count) {
            (Some(ast::Fetch { percent: true, .. }), _) => Err(unsupported("FETCH .. PERCENT").into()),
            (Some(ast::Fetch { with_ties: true, .. }), Some(count)) => {
                self.with_ties(relation, offset, &count)
            }
            (_, None) if offset.is_none() => Ok(relation),
            (_, count) => Ok(relation.limit_by(offset.unwrap_or(RowCount::Fixed(0)), count)),
        }
    }

    /// The first rows in an order, and those that no key tells apart from the last of them: the rows whose rank is not
    /// beyond the number of rows that are passed over and taken.
    fn with_ties(
        &mut self,
        relation: Relation,
        offset: Option<RowCount>,
        count: &RowCount,
    ) -> Bound<Relation> {
        let Relation::Sort { input, keys } = relation else {
            return Err(unsupported("WITH TIES without ORDER BY, or beside DISTINCT ON").into());
        };
        let expr = |rows: &RowCount| match rows {
            RowCount::Fixed(rows) => Expr::literal(i64::try_from(*rows).unwrap_or(i64::MAX)),
            RowCount::Computed(expr) => (**expr).clone(),
        };
        let last = match &offset {
            Some(offset) => expr(count).arithmetic(Arithmetic::Add, expr(offset)),
            None => expr(count),
        };
        let source = self.source();
        let rank = WindowFunction {
            function: WindowKind::Rank,
            arguments: Vec::new(),
            filter: None,
            partition_by: Vec::new(),
            order_by: keys.clone(),
            frame: Frame::default(),
        };
        let rank_of_row = Expr::from(source.column(0));
        let is_taken = rank_of_row.compare(Comparison::LessOrEqual, last.clone()).or(last.is_null());
        let taken = input.window(source, vec![rank]).filter(is_taken).sort(keys);
        Ok(match offset {
            Some(offset) => taken.limit_by(offset, None),
            None => taken,
        })
    }

    /// A number of rows; none where there is no limit.
    fn row_count(&mut self, expr: &ast::Expr, clause: &'static str) -> Bound<Option<RowCount>> {
        let span = begin_of(expr);
        if let ast::Expr::Identifier(name) = expr
            && name.value.eq_ignore_ascii_case("all")
        {
            return Ok(None);
        }
        let mut typed = self.expression(expr, &Scope::within(None))?;
        self.settle(&mut typed, Some(DataType::BigInt));
        let known = match &typed.expr {
            Expr::Literal(value) => Some(value.clone()),
            Expr::Parameter(place, _) => self.parameters.tell(*place).cloned(),
            _ => None,
        };
        let Some(value) = known else { return self.computed_row_count(typed.expr, clause, span).map(Some) };
        let value = if value.as_text().is_some() {
            DataType::BigInt.accepts(value.clone()).unwrap_or(value)
        } else {
            value
        };
        match value.as_int() {
            Some(count) if count >= 0 => Ok(Some(RowCount::Fixed(count.unsigned_abs()))),
            Some(_) if self.is_sqlite() => Ok(None),
            None if value.is_null() => Ok(None),
            _ => Err(SqlError::at(Problem::RowCount { clause, got: value.to_string() }, span)),
        }
    }

    /// A number of rows that is known when the statement runs. A negative one is an error in PostgreSQL, and no limit
    /// in SQLite.
    fn computed_row_count(&self, expr: Expr, clause: &'static str, span: Span) -> Bound<RowCount> {
        if walk::has_subquery(&expr) {
            return Err(SqlError::at(unsupported(format!("a subquery in {clause}")), span));
        }
        let rows = match expr {
            parameter @ Expr::Parameter(..) => parameter,
            other => Expr::Cast(Box::new(other), DataType::BigInt),
        };
        if !self.is_sqlite() {
            return Ok(RowCount::Computed(Box::new(rows)));
        }
        let counts = rows.clone().compare(Comparison::GreaterOrEqual, Expr::literal(0));
        Ok(RowCount::Computed(Box::new(Expr::Case { branches: vec![(counts, rows)], otherwise: None })))
    }
}
