//! Common table expressions: queries that a WITH gives names.
//!
//! Each is bound once, where it stands, and mentioned as a work table. When all that may mention it is bound, it is
//! known how often that was: what is mentioned once takes the place of its mention, so that the optimiser sees through
//! it; what is mentioned more often, or is `MATERIALIZED`, is computed once and read by all. So a chain of common
//! tables that each read the one before it twice is as long as it is written, and not two to the power of that.
//!
//! A recursive one is a union of where it begins and of what follows from the rows so far, which it calls by its own
//! name: within that, the name means the rows of the round before.

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, CteAsMaterialized, SetExpr, SetOperator, SetQuantifier};

use super::from::renamed;
use super::query::{BoundQuery, Tail};
use super::scope::{Columns, Scope, Shape};
use super::typed::{TEXT, cast, has_parameter};
use super::{Binder, Bound, SOURCES_MAX, last_part, mismatch};
use crate::algebra::renumber::renumber;
use crate::algebra::walk::{each_relation_mut, each_relation_of_change_mut, has_subquery, is_volatile};
use crate::algebra::{Expr, OutputColumn, Query, Relation, Statement, WorkTable};
use crate::evaluate::{among, class_of, keeps_scale, unify};
use crate::sql::error::{Problem, SqlError};

/// A common table expression in scope.
#[derive(Debug)]
pub(super) struct CommonTable {
    name: String,
    table: WorkTable,
    shape: Vec<Shape>,
    types: Vec<DataType>,
    /// What it is; none of the rows of the round before, within what is recursive.
    rows: Option<Query>,
    mentions: usize,
    /// Whether it is computed for itself, however often it is mentioned.
    is_materialized: bool,
}

/// The rows that a common table is known to have, and which of those of its WITH it is.
#[derive(Debug)]
pub(in crate::sql) struct GivenTable {
    pub(in crate::sql) place: usize,
    pub(in crate::sql) shape: Vec<Shape>,
    pub(in crate::sql) rows: Vec<Vec<Value>>,
}

impl Binder<'_> {
    /// A query that stands among common tables, of which some have been computed.
    pub(in crate::sql) fn query_among(
        &mut self,
        tables: &[ast::Cte],
        recursive: bool,
        given: &[GivenTable],
        query: &ast::Query,
    ) -> Bound<Query> {
        self.add_common_tables(tables, recursive, given)?;
        let bound = self.query(query, None)?;
        let query = self.result(bound);
        Ok(self.with_tables(query, 0))
    }

    /// The same for a change of rows.
    pub(in crate::sql) fn change_among(
        &mut self,
        tables: &[ast::Cte],
        recursive: bool,
        given: &[GivenTable],
        change: &ast::Statement,
    ) -> Bound<Statement> {
        self.add_common_tables(tables, recursive, given)?;
        self.change_with_tables(change)
    }

    fn add_common_tables(&mut self, tables: &[ast::Cte], recursive: bool, given: &[GivenTable]) -> Bound<()> {
        for (place, table) in tables.iter().enumerate() {
            match given.iter().find(|given| given.place == place) {
                // What returns nothing cannot be mentioned.
                Some(given) if given.shape.is_empty() => {}
                Some(given) => self.add_given_table(table, given)?,
                None => self.add_common_table(table, recursive, None)?,
            }
        }
        Ok(())
    }

    /// Brings a common table into scope whose rows are known.
    fn add_given_table(&mut self, cte: &ast::Cte, given: &GivenTable) -> Bound<()> {
        let shape = renamed(given.shape.clone(), Some(&cte.alias))?;
        let types = types_of(&shape);
        let literals = |row: &Vec<Value>| row.iter().cloned().map(Expr::Literal).collect();
        let rows = given.rows.iter().map(literals).collect();
        let source = self.source();
        let columns = shape.iter().enumerate();
        let columns = columns.map(|(at, column)| OutputColumn::new(column.name.clone(), source.column(at)));
        let columns = columns.collect();
        let rows = Some(Query::new(Relation::Values { source, types: types.clone(), rows }, columns));
        let (name, table) = (self.new_name(&cte.alias.name), self.work_table());
        self.common.push(CommonTable {
            name,
            table,
            shape,
            types,
            rows,
            mentions: 0,
            is_materialized: false,
        });
        Ok(())
    }

    /// Binds a common table expression, which may mention what the queries around its own have in sight, and brings it
    /// into scope.
    pub(super) fn add_common_table(
        &mut self,
        cte: &ast::Cte,
        recursive: bool,
        outer: Option<&Scope<'_>>,
    ) -> Bound<()> {
        let name = self.new_name(&cte.alias.name);
        let mut bound = match recursion(&cte.query) {
            Some(parts) if recursive => self.recursive(&name, &cte.alias, &parts, &cte.query, outer)?,
            _ => self.query(&cte.query, outer)?,
        };
        let shape = renamed(self.settled(&mut bound), Some(&cte.alias))?;
        let table = self.work_table();
        self.common.push(CommonTable {
            name,
            table,
            types: types_of(&shape),
            shape,
            rows: Some(bound.query),
            mentions: 0,
            is_materialized: matches!(cte.materialized, Some(CteAsMaterialized::Materialized)),
        });
        Ok(())
    }

    /// A common table expression, in the FROM clause that mentions it.
    pub(super) fn common_table(
        &mut self,
        name: &ast::ObjectName,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<Relation>> {
        let ident = last_part(name)?;
        let found = self.common.iter().rposition(|table| name.0.len() == 1 && self.means(ident, &table.name));
        let Some(at) = found else { return Ok(None) };
        let source = self.source();
        let CommonTable { table, shape, types, mentions, .. } = &mut self.common[at];
        *mentions += 1;
        let relation = Relation::WorkTable { table: *table, source, types: types.clone() };
        let columns = Columns::Query(renamed(shape.clone(), alias)?.into());
        self.add_table(alias.map_or(ident, |alias| &alias.name), source, columns, scope)?;
        Ok(Some(relation))
    }

    /// A query whose tables, from the one at `from` on, go out of scope: they are put where they belong.
    pub(super) fn with_tables(&mut self, mut query: Query, from: usize) -> Query {
        for CommonTable { table, types, rows, mentions, is_materialized, .. } in
            self.common.split_off(from).into_iter().rev()
        {
            let Some(rows) = rows.filter(|_| mentions > 0) else { continue };
            if mentions == 1 && !is_materialized && !is_volatile(&rows) {
                put_in_place(&mut query, table, &rows);
                continue;
            }
            // The work table is there for the relation, and not for the columns over it.
            if query.columns.iter().any(|column| has_subquery(&column.expr)) {
                let source = self.source();
                let columns = query.columns.iter_mut().enumerate().map(|(place, column)| {
                    std::mem::replace(&mut column.expr, Expr::Column(source.column(place)))
                });
                query.relation =
                    std::mem::replace(&mut query.relation, Relation::Unit).project(source, columns.collect());
            }
            debug_assert_eq!(rows.columns.len(), types.len(), "a work table has the columns of its rows");
            let input = Box::new(std::mem::replace(&mut query.relation, Relation::Unit));
            query.relation = Relation::With { table, rows: Box::new(rows), input };
        }
        query
    }

    /// Puts all tables where an UPDATE or DELETE mentions them, which has no place for what is computed once.
    pub(super) fn put_tables_in_place(&mut self, statement: &mut Statement) -> Bound<()> {
        for CommonTable { table: wanted, rows, .. } in std::mem::take(&mut self.common).into_iter().rev() {
            let Some(rows) = rows else { continue };
            let mut mentions = 0;
            each_relation_of_change_mut(statement, &mut |relation| {
                if let Relation::WorkTable { table, source, .. } = relation
                    && *table == wanted
                {
                    mentions += 1;
                    let copy = if mentions == 1 || self.next_source >= SOURCES_MAX {
                        rows.clone()
                    } else {
                        self.copy_of(&rows)
                    };
                    let columns = copy.columns.into_iter().map(|column| column.expr).collect();
                    *relation = copy.relation.project(*source, columns);
                }
            });
            if self.next_source >= SOURCES_MAX {
                return Err(Problem::TooLarge { max: SOURCES_MAX as usize }.into());
            }
        }
        Ok(())
    }

    /// A copy of a query whose tables are not those of the query, so that both may stand beside each other.
    fn copy_of(&mut self, query: &Query) -> Query {
        let mut copy = query.clone();
        let (mut source, mut table) = (self.next_source, self.next_work_table);
        renumber(&mut copy, &mut source, &mut table);
        (self.next_source, self.next_work_table) = (source, table);
        copy
    }

    /// The columns of a query under a name. What has no type is NULL, unless it hangs on a parameter, which is taken
    /// for a text then; as a column it is of some type.
    fn settled(&self, bound: &mut BoundQuery) -> Vec<Shape> {
        for (column, shape) in bound.query.columns.iter_mut().zip(&mut bound.shape) {
            if shape.kind.is_none() {
                shape.kind = has_parameter(&column.expr).then_some(TEXT);
                let expr = std::mem::replace(&mut column.expr, Expr::And(Vec::new()));
                column.expr = Expr::Cast(Box::new(expr), TEXT);
            }
        }
        std::mem::take(&mut bound.shape)
    }

    pub(super) fn work_table(&mut self) -> WorkTable {
        let table = WorkTable::new(self.next_work_table);
        self.next_work_table += 1;
        table
    }

    /// What a recursive one begins with, and what follows from that.
    fn recursive(
        &mut self,
        name: &str,
        alias: &ast::TableAlias,
        (base, step, all): &(&SetExpr, &SetExpr, bool),
        whole: &ast::Query,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        let mut base = self.set_expression(base, &Tail::NONE, outer)?;
        base.shape = renamed(base.shape, Some(alias))?;
        let own_kinds: Vec<_> = base.shape.iter().map(|column| column.kind).collect();
        let table = self.work_table();
        // What has no type is a text to PostgreSQL, unless it is a parameter.
        for place in 0..base.shape.len() {
            if !self.is_sqlite() && !has_parameter(&base.query.columns[place].expr) {
                base.shape[place].kind.get_or_insert(TEXT);
            }
        }
        let mark = self.parameters.mark();
        let mut step = loop {
            let bound = self.step_of(name, table, &base.shape, step, outer)?;
            if bound.shape.len() != base.shape.len() {
                let problem = Problem::ColumnCount { expected: base.shape.len(), got: bound.shape.len() };
                return Err(SqlError::at(problem, alias.name.span));
            }
            let kinds = (0..base.shape.len()).map(|at| self.recursive_kind(name, &base, &bound, at, alias));
            let kinds = kinds.collect::<Bound<Vec<DataType>>>()?;
            let shapes = base.shape.iter_mut().zip(kinds);
            let widened = shapes.filter(|(shape, kind)| shape.kind.map(class_of) != Some(class_of(*kind)));
            // What the step means may hang on the types of what it goes on from.
            if widened.map(|(shape, kind)| shape.kind = Some(kind)).count() == 0 {
                break bound;
            }
            self.parameters.return_to(mark);
        };
        let types = types_of(&base.shape);
        for (column, (own, kind)) in base.query.columns.iter_mut().zip(own_kinds.into_iter().zip(&types)) {
            convert(&mut column.expr, own, *kind);
        }
        for (column, (shape, kind)) in step.query.columns.iter_mut().zip(step.shape.iter().zip(&types)) {
            convert(&mut column.expr, shape.kind, *kind);
        }
        let source = self.source();
        let names = base.shape.iter().enumerate();
        let columns =
            names.map(|(place, column)| OutputColumn::new(&*column.name, source.column(place))).collect();
        let (base_query, step_query) = (Box::new(base.query), Box::new(step.query));
        let relation = Relation::Recursive { table, base: base_query, step: step_query, all: *all, source };
        // The rows come round by round, so a limit ends a recursion that would not end by itself.
        let tail = Tail { limit: whole.limit_clause.as_ref(), ..Tail::NONE };
        let relation = self.limited(relation, &tail)?;
        Ok(BoundQuery { query: Query::new(relation, columns), shape: base.shape })
    }

    /// What follows from the rows so far, which have a shape.
    fn step_of(
        &mut self,
        name: &str,
        table: WorkTable,
        shape: &[Shape],
        step: &SetExpr,
        outer: Option<&Scope<'_>>,
    ) -> Bound<BoundQuery> {
        let sees = self.common.len();
        self.common.push(CommonTable {
            name: name.to_owned(),
            table,
            shape: shape.to_vec(),
            types: types_of(shape),
            rows: None,
            mentions: 0,
            is_materialized: false,
        });
        let step = self.set_expression(step, &Tail::NONE, outer);
        self.common.truncate(sees);
        step
    }

    /// The type of a column of a recursive table. PostgreSQL wants what follows to be of the type of what it begins with;
    /// in SQLite, where each row has a type of its own, it is the one in which both fit.
    fn recursive_kind(
        &self,
        name: &str,
        base: &BoundQuery,
        step: &BoundQuery,
        place: usize,
        alias: &ast::TableAlias,
    ) -> Bound<DataType> {
        let (Some(first), Some(next)) = (base.shape[place].kind, step.shape[place].kind) else {
            return Ok(base.shape[place].kind.or(step.shape[place].kind).unwrap_or(TEXT));
        };
        let is_any = base.shape[place].is_any() || step.shape[place].is_any();
        let is_open = |expr: &Expr| matches!(expr, Expr::Literal(Value::Text(_)));
        let common = match unify(first, next) {
            _ if is_any || !self.is_sqlite() && is_open(&step.query.columns[place].expr) => Some(first),
            common if self.is_sqlite() => common,
            Some(common) if class_of(common) == class_of(first) && (first == next || !is_limited(first)) => {
                Some(first)
            }
            _ => None,
        };
        common.ok_or_else(|| {
            let column = format!("column \"{}\" of the recursive \"{name}\"", base.shape[place].name);
            mismatch(&column, first, Some(next), alias.name.span)
        })
    }
}

/// Whether a type keeps less than others of its class.
fn is_limited(kind: DataType) -> bool {
    match kind {
        DataType::Text { max_length } => max_length.is_some(),
        DataType::Decimal { .. } => !keeps_scale(kind),
        _ => false,
    }
}

/// Makes an expression of a type one of another class, if it is not of that; one of no type is of the other.
fn convert(expr: &mut Expr, own: Option<DataType>, kind: DataType) {
    if own.is_none_or(|own| class_of(own) != class_of(kind)) {
        let whole = std::mem::replace(expr, Expr::And(Vec::new()));
        *expr = match own {
            None => Expr::Cast(Box::new(whole), kind),
            Some(own) => cast(whole, among(own, kind)),
        };
    }
}

fn types_of(shape: &[Shape]) -> Vec<DataType> {
    shape.iter().map(|column| column.kind.unwrap_or(TEXT)).collect()
}

/// Puts the rows of a work table where it is mentioned.
fn put_in_place(query: &mut Query, wanted: WorkTable, rows: &Query) {
    each_relation_mut(query, &mut |relation| {
        if let Relation::WorkTable { table, source, .. } = relation
            && *table == wanted
        {
            let columns = rows.columns.iter().map(|column| column.expr.clone()).collect();
            *relation = rows.relation.clone().project(*source, columns);
        }
    });
}

/// The parts of a query that may be recursive: a union, and nothing around it but a limit.
fn recursion(query: &ast::Query) -> Option<(&SetExpr, &SetExpr, bool)> {
    let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } = &*query.body else {
        return None;
    };
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.fetch.is_none();
    is_plain.then(|| (&**left, &**right, *set_quantifier == SetQuantifier::All))
}
