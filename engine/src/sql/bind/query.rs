//! Queries: set operations, VALUES, common table expressions, and what stands around a SELECT.

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};
use sqlparser::tokenizer::Span;

use super::array::common_element;
use super::from::own_source;
use super::scope::{Columns, Scope, Shape};
use super::typed::{Affinity, TEXT, Typed, Width, cast};
use super::{Binder, Bound, QUERY_DEPTH_MAX, SOURCES_MAX, begin_of, unsupported};
use crate::algebra::{Comparison, Expr, JoinKind, OutputColumn, Query, Relation, SetKind, SortKey, Source};
use crate::evaluate::{among, class_of};
use crate::sql::error::{Problem, SqlError};

/// A query, and what its columns are.
#[derive(Clone, Debug)]
pub(in crate::sql) struct BoundQuery {
    pub(in crate::sql) query: Query,
    pub(in crate::sql) shape: Vec<Shape>,
}

/// How the rows of a query are ordered and cut.
pub(super) struct Tail<'q> {
    pub(super) order: &'q [ast::OrderByExpr],
    pub(super) limit: Option<&'q ast::LimitClause>,
    pub(super) fetch: Option<&'q ast::Fetch>,
}

impl Tail<'_> {
    pub(super) const NONE: Tail<'static> = Tail { order: &[], limit: None, fetch: None };

    fn is_none(&self) -> bool {
        self.order.is_empty() && self.limit.is_none() && self.fetch.is_none()
    }
}

impl Binder<'_> {
    /// Binds a query.
    pub(in crate::sql) fn query(
        &mut self,
        query: &ast::Query,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        if self.depth >= QUERY_DEPTH_MAX {
            return Err(Problem::TooDeep { max: QUERY_DEPTH_MAX }.into());
        }
        if self.next_source >= SOURCES_MAX {
            return Err(Problem::TooLarge { max: SOURCES_MAX as usize }.into());
        }
        self.depth += 1;
        let known = self.common.len();
        let bound = self.with_common(query, outer).map(|mut bound| {
            bound.query = self.with_tables(bound.query, known);
            bound
        });
        self.common.truncate(known);
        self.depth -= 1;
        bound
    }

    fn with_common(&mut self, query: &ast::Query, outer: Option<&Scope<'_>>) -> Bound<BoundQuery> {
        if let Some(with) = &query.with {
            for table in &with.cte_tables {
                self.add_common_table(table, with.recursive, outer)?;
            }
        }
        let order = match &query.order_by {
            None => &[][..],
            Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(keys), .. }) => keys,
            Some(_) => return Err(unsupported("ORDER BY ALL").into()),
        };
        let tail = Tail { order, limit: query.limit_clause.as_ref(), fetch: query.fetch.as_ref() };
        let mut bound = self.set_expression(&query.body, &tail, outer)?;
        if !query.locks.is_empty() {
            bound.query.lock = Some(self.row_lock(&query.locks, &bound.query)?);
        }
        Ok(bound)
    }

    pub(super) fn set_expression(
        &mut self,
        body: &SetExpr,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        match body {
            SetExpr::Select(select) => self.select(select, tail, outer),
            SetExpr::Query(inner) => {
                let bound = self.query(inner, outer)?;
                if tail.is_none() { Ok(bound) } else { self.with_tail(bound, tail, outer) }
            }
            SetExpr::SetOperation { .. } => {
                let bound = self.set_operation(body, outer)?;
                self.with_tail(bound, tail, outer)
            }
            SetExpr::Values(values) => {
                let bound = self.values(values, outer)?;
                if tail.is_none() { Ok(bound) } else { self.with_tail(bound, tail, outer) }
            }
            SetExpr::Table(table) => {
                let name = ast::Ident::new(table.table_name.clone().unwrap_or_default());
                let schema = table.schema_name.clone().map(ast::Ident::new);
                let name = ast::ObjectName::from(schema.into_iter().chain([name]).collect::<Vec<_>>());
                let bound = self.whole_table(&name, outer)?;
                if tail.is_none() { Ok(bound) } else { self.with_tail(bound, tail, outer) }
            }
            _ => Err(unsupported("INSERT, UPDATE or DELETE within a query").into()),
        }
    }

    /// A query, and what its columns are.
    pub(in crate::sql) fn query_with_shape(&mut self, query: &ast::Query) -> Bound<(Query, Vec<Shape>)> {
        let BoundQuery { query, shape } = self.query(query, None)?;
        Ok((query, shape))
    }

    /// Every column of a table.
    fn whole_table(&mut self, name: &ast::ObjectName, outer: Option<&Scope<'_>>) -> Bound<BoundQuery> {
        let mut scope = Scope::within(outer);
        let factor = ast::TableFactor::Table {
            name: name.clone(),
            alias: None,
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
        let from = [ast::TableWithJoins { relation: factor, joins: Vec::new() }];
        let relation = self.from(&from, &mut scope)?;
        let mut columns = Vec::new();
        let mut shape = Vec::new();
        for table in &scope.tables {
            for place in 0..table.len() {
                let typed = table.column(place);
                let name = table.column_name(place).to_owned();
                shape.push(Shape::of(name.clone(), &typed));
                columns.push(OutputColumn { name, expr: typed.expr });
            }
        }
        Ok(BoundQuery { query: Query::new(relation, columns), shape })
    }

    /// A union, intersection or difference; those in a row are a tree as deep as it is long.
    fn set_operation(&mut self, body: &SetExpr, outer: Option<&Scope<'_>>) -> Bound<BoundQuery> {
        let mut rest = Vec::new();
        let mut first = body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first {
            // INTERSECT binds tighter than the others, but not in SQLite.
            let mut right = &**right;
            while let SetExpr::SetOperation { left: inner, op, set_quantifier, right: last } = right
                && self.is_sqlite()
            {
                rest.push((*op, *set_quantifier, &**last));
                right = inner;
            }
            rest.push((*op, *set_quantifier, right));
            first = left;
        }
        let mut result = self.set_expression(first, &Tail::NONE, outer)?;
        while let Some((op, quantifier, right)) = rest.pop() {
            let right = self.set_expression(right, &Tail::NONE, outer)?;
            result = self.combined(result, op, quantifier, right)?;
        }
        Ok(result)
    }

    fn combined(
        &mut self,
        mut left: BoundQuery,
        op: SetOperator,
        quantifier: SetQuantifier,
        mut right: BoundQuery,
    ) -> Bound<BoundQuery> {
        if left.shape.len() != right.shape.len() {
            let problem = Problem::ColumnCount { expected: left.shape.len(), got: right.shape.len() };
            return Err(problem.into());
        }
        let kind = match op {
            SetOperator::Union => SetKind::Union,
            SetOperator::Intersect => SetKind::Intersect,
            SetOperator::Except | SetOperator::Minus => SetKind::Except,
        };
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            _ => return Err(unsupported("a set operation BY NAME").into()),
        };
        for place in 0..left.shape.len() {
            let (a, b) = (&left.shape[place], &right.shape[place]);
            if a.is_any() || b.is_any() || self.keeps_each_type(a.kind, b.kind) {
                for side in [&mut left, &mut right] {
                    let expr = &mut side.query.columns[place].expr;
                    let typed = side.shape[place].typed(std::mem::replace(expr, Expr::Literal(Value::Null)));
                    let any = self.value(typed).into_any();
                    let name = std::mem::take(&mut side.shape[place].name);
                    side.shape[place] = Shape::of(name, &any);
                    *expr = any.expr;
                }
            }
            let common = match (left.shape[place].kind, right.shape[place].kind) {
                (Some(a), Some(b)) => match self.common_type(a, b) {
                    Some(common) => Some(common),
                    None => {
                        let of = op.to_string();
                        return Err(super::mismatch(&of, a, Some(b), Span::empty()));
                    }
                },
                (a, b) => a.or(b),
            };
            for side in [&mut left, &mut right] {
                let expr = &mut side.query.columns[place].expr;
                let Some(common) = common else { continue };
                match side.shape[place].kind {
                    Some(kind) if class_of(kind) == class_of(common) => {}
                    Some(kind) => {
                        let to = among(kind, common);
                        *expr = cast(std::mem::replace(expr, Expr::Literal(Value::Null)), to);
                    }
                    None => {
                        let untyped = std::mem::replace(expr, Expr::Literal(Value::Null));
                        *expr = Expr::Cast(Box::new(untyped), common);
                    }
                }
            }
            left.shape[place].kind = common;
            left.shape[place].width = left.shape[place].width.max(right.shape[place].width);
            // A NULL or a literal is of what the other side is of.
            let sides =
                [&left, &right].map(|side| side.shape[place].typed(side.query.columns[place].expr.clone()));
            left.shape[place].enumeration = self.common_enum(&sides, &op.to_string(), Span::empty())?;
        }
        if (kind, all) != (SetKind::Union, true) && left.shape.iter().any(ignores_case) {
            return self.combined_ignoring_case(left, kind, all, right);
        }
        let source = self.source();
        let columns = left.shape.iter().enumerate();
        let columns = columns.map(|(place, column)| OutputColumn::new(&*column.name, source.column(place)));
        let columns = columns.collect();
        let (left_query, right_query) = (Box::new(left.query), Box::new(right.query));
        let relation = Relation::Set { kind, all, source, left: left_query, right: right_query };
        Ok(BoundQuery { query: Query::new(relation, columns), shape: left.shape })
    }

    /// A set operation of rows that are told apart without regard to case in some columns: as the left ones have it.
    fn combined_ignoring_case(
        &mut self,
        left: BoundQuery,
        kind: SetKind,
        all: bool,
        right: BoundQuery,
    ) -> Bound<BoundQuery> {
        if all {
            return Err(unsupported(format!("{kind:?} ALL without regard to case")).into());
        }
        let shape = left.shape;
        let keys = |source: Source| -> Vec<Expr> {
            let column = |(place, shape): (usize, &Shape)| {
                shape.typed(Expr::Column(source.column(place))).distinguished()
            };
            shape.iter().enumerate().map(column).collect()
        };
        let source = self.source();
        let relation = match kind {
            SetKind::Union => {
                let (left, right) = (Box::new(left.query), Box::new(right.query));
                Relation::Set { kind, all: true, source, left, right }.distinct(keys(source))
            }
            SetKind::Intersect | SetKind::Except => {
                let exprs = |query: Query| query.columns.into_iter().map(|column| column.expr).collect();
                let named = |mut query: Query, source: Source| {
                    let relation = std::mem::replace(&mut query.relation, Relation::Unit);
                    relation.project(source, exprs(query))
                };
                let other = self.source();
                let same = keys(source).into_iter().zip(keys(other));
                let same = same.map(|(left, right)| left.compare(Comparison::Same, right)).collect();
                let kind = if kind == SetKind::Intersect { JoinKind::Semi } else { JoinKind::Anti };
                let left = named(left.query, source).distinct(keys(source));
                left.join(kind, named(right.query, other), Expr::And(same))
            }
        };
        let columns = shape.iter().enumerate();
        let columns = columns.map(|(place, column)| OutputColumn::new(&*column.name, source.column(place)));
        let columns = columns.collect();
        Ok(BoundQuery { query: Query::new(relation, columns), shape })
    }

    /// Literal rows.
    fn values(&mut self, values: &ast::Values, outer: Option<&Scope<'_>>) -> Bound<BoundQuery> {
        let mut scope = Scope::within(outer);
        scope.clause = "VALUES";
        let width = values.rows.first().map_or(0, |row| row.content.len());
        let mut rows: Vec<Vec<Typed>> = Vec::with_capacity(values.rows.len());
        for row in &values.rows {
            if row.content.len() != width {
                let at = row.content.first().map_or(Span::empty(), begin_of);
                return Err(SqlError::at(
                    Problem::ColumnCount { expected: width, got: row.content.len() },
                    at,
                ));
            }
            rows.push(row.content.iter().map(|expr| self.value_of(expr, &scope)).collect::<Bound<_>>()?);
        }
        let (mut types, mut elements) = (Vec::with_capacity(width), Vec::with_capacity(width));
        let mut enums = Vec::with_capacity(width);
        let (mut widths, mut affinities) = (Vec::with_capacity(width), Vec::with_capacity(width));
        let mut columns: Vec<Vec<Expr>> = rows.iter().map(|_| Vec::with_capacity(width)).collect();
        for place in 0..width {
            let column: Vec<Typed> =
                rows.iter_mut().map(|row| std::mem::replace(&mut row[place], Typed::null())).collect();
            elements.push(common_element(&column));
            enums.push(self.common_enum(&column, "VALUES", Span::empty())?);
            widths.push(Width::widest(&column));
            let is_any = self.keep_their_types(&column, true);
            affinities.push(if is_any { Affinity::Any } else { Affinity::None });
            let (exprs, kind) = match is_any {
                true => (self.each_as_it_is(column), Some(DataType::Json)),
                false => self.unified(column, "VALUES", Span::empty())?,
            };
            types.push(kind.unwrap_or(TEXT));
            columns.iter_mut().zip(exprs).for_each(|(row, expr)| row.push(expr));
        }
        let source = self.source();
        let name = |place: usize| format!("column{}", place + 1);
        let outputs = (0..width).map(|place| OutputColumn::new(name(place), source.column(place))).collect();
        let shape = types.iter().zip(elements.into_iter().zip(widths)).zip(affinities).enumerate();
        let shape = shape.map(|(place, ((kind, (element, width)), affinity))| Shape {
            element,
            enumeration: enums[place],
            width,
            affinity,
            ..Shape::of_type(name(place), *kind)
        });
        let shape = shape.collect();
        Ok(BoundQuery {
            query: Query::new(Relation::Values { source, types, rows: columns }, outputs),
            shape,
        })
    }

    /// A query whose rows are ordered and cut by its columns.
    fn with_tail(
        &mut self,
        mut bound: BoundQuery,
        tail: &Tail<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        if !tail.order.is_empty() {
            let own = own_source(&bound.query);
            let source = own.unwrap_or_else(|| self.source());
            let mut relation = std::mem::replace(&mut bound.query.relation, Relation::Unit);
            if own.is_none() {
                let exprs = bound.query.columns.iter_mut().enumerate().map(|(place, column)| {
                    std::mem::replace(&mut column.expr, Expr::Column(source.column(place)))
                });
                relation = relation.project(source, exprs.collect());
            }
            let mut scope = Scope::within(outer);
            scope.clause = "ORDER BY";
            let shape = Columns::Query(bound.shape.clone().into());
            self.add_table(&ast::Ident::new(""), source, shape, &mut scope)?;
            let mut keys = Vec::with_capacity(tail.order.len());
            for key in tail.order {
                let typed = match self.ordinal(&key.expr, bound.shape.len())? {
                    Some(place) => scope.tables[0].column(place),
                    None => self.value_of(&key.expr, &scope)?,
                };
                keys.push(self.sort_key(self.ordered(typed), &key.options));
            }
            bound.query.relation = relation.sort(keys);
        }
        bound.query.relation = self.limited(bound.query.relation, tail)?;
        Ok(bound)
    }

    /// The place of a column that is meant by its number.
    pub(super) fn ordinal(&self, expr: &ast::Expr, columns: usize) -> Bound<Option<usize>> {
        let ast::Expr::Value(value) = expr else { return Ok(None) };
        let ast::Value::Number(digits, _) = &value.value else { return Ok(None) };
        let place = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match place.filter(|place| *place < columns) {
            Some(place) => Ok(Some(place)),
            None => Err(SqlError::at(Problem::Ordinal { number: digits.clone(), columns }, value.span)),
        }
    }

    /// A sort key; NULLs are the greatest values in PostgreSQL and the least in SQLite.
    pub(super) fn sort_key(&self, expr: Expr, options: &ast::OrderByOptions) -> SortKey {
        let descending = matches!(options.sort, Some(ast::OrderBySort::Desc));
        let nulls_first = options.nulls_first.unwrap_or(descending != self.is_sqlite());
        SortKey { expr, descending, nulls_first }
    }
}

/// Whether a column is told apart without regard to case.
fn ignores_case(shape: &Shape) -> bool {
    shape.typed(Expr::And(Vec::new())).ignores_case()
}
