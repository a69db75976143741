//! Common table expressions: queries that a WITH gives names.
//!
//! One is bound anew wherever it is mentioned. A recursive one is a union of where it begins and of what follows from
//! the rows so far, which it calls by its own name: within that, the name means a work table.

use nuages_storage::DataType;
use sqlparser::ast::{self, SetExpr, SetOperator, SetQuantifier};

use super::from::renamed;
use super::query::{BoundQuery, Tail};
use super::scope::{Columns, Scope, Shape};
use super::typed::{TEXT, cast};
use super::{Binder, Bound, last_part};
use crate::algebra::{Expr, OutputColumn, Query, Relation, WorkTable};
use crate::evaluate::class_of;
use crate::sql::error::{Problem, SqlError};

/// A common table expression in scope.
#[derive(Clone, Debug)]
pub(super) struct CommonTable {
    name: String,
    alias: ast::TableAlias,
    meaning: Meaning,
    /// How many of the common tables before it it sees.
    sees: usize,
}

#[derive(Clone, Debug)]
enum Meaning {
    Query {
        query: Box<ast::Query>,
        recursive: bool,
    },
    /// The rows of the round before, within what is recursive.
    Round {
        table: WorkTable,
        shape: Vec<Shape>,
        types: Vec<DataType>,
    },
}

impl Binder<'_> {
    pub(super) fn add_common_table(&mut self, table: &ast::Cte, recursive: bool) {
        self.common.push(CommonTable {
            name: self.new_name(&table.alias.name),
            alias: table.alias.clone(),
            meaning: Meaning::Query { query: table.query.clone(), recursive },
            sees: self.common.len(),
        });
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
        let CommonTable { alias: own_alias, meaning, sees, name } = self.common[at].clone();
        let (query, recursive) = match meaning {
            Meaning::Query { query, recursive } => (query, recursive),
            Meaning::Round { table, shape, types } => {
                let source = self.source();
                let columns = Columns::Query(renamed(shape, alias)?.into());
                self.add_table(alias.map_or(ident, |alias| &alias.name), source, columns, scope)?;
                return Ok(Some(Relation::WorkTable { table, source, types }));
            }
        };
        // It sees what was there before it.
        let later = self.common.split_off(sees);
        let bound = match recursion(&query) {
            Some(parts) if recursive => self.recursive(&name, &own_alias, &parts),
            _ => self.query(&query, None),
        };
        self.common.truncate(sees);
        self.common.extend(later);
        let mut bound = bound?;
        bound.shape = renamed(bound.shape, Some(&own_alias))?;
        let named = ast::TableAlias { name: own_alias.name, columns: Vec::new(), explicit: true, at: None };
        self.derived(bound, Some(alias.unwrap_or(&named)), scope).map(Some)
    }

    /// What a recursive one begins with, and what follows from that.
    fn recursive(
        &mut self,
        name: &str,
        alias: &ast::TableAlias,
        (base, step, all): &(&SetExpr, &SetExpr, bool),
    ) -> Bound<BoundQuery> {
        let mut base = self.set_expression(base, &Tail::NONE, None)?;
        base.shape = renamed(base.shape, Some(alias))?;
        let types: Vec<DataType> = base.shape.iter().map(|column| column.kind.unwrap_or(TEXT)).collect();
        for (column, kind) in base.query.columns.iter_mut().zip(&types) {
            if let Expr::Literal(value) = &column.expr
                && value.is_null()
            {
                column.expr = Expr::Cast(Box::new(column.expr.clone()), *kind);
            }
        }
        let table = WorkTable::new(self.next_work_table);
        self.next_work_table += 1;
        let meaning = Meaning::Round { table, shape: base.shape.clone(), types: types.clone() };
        let sees = self.common.len();
        self.common.push(CommonTable { name: name.to_owned(), alias: alias.clone(), meaning, sees });
        let step = self.set_expression(step, &Tail::NONE, None);
        self.common.truncate(sees);
        let mut step = step?;
        if step.shape.len() != types.len() {
            let problem = Problem::ColumnCount { expected: types.len(), got: step.shape.len() };
            return Err(SqlError::at(problem, alias.name.span));
        }
        for ((column, shape), kind) in step.query.columns.iter_mut().zip(&step.shape).zip(&types) {
            if shape.kind.is_none_or(|own| class_of(own) != class_of(*kind)) {
                let expr = std::mem::replace(&mut column.expr, Expr::And(Vec::new()));
                column.expr =
                    if shape.kind.is_none() { Expr::Cast(Box::new(expr), *kind) } else { cast(expr, *kind) };
            }
        }
        let source = self.source();
        let names = base.shape.iter().enumerate();
        let columns =
            names.map(|(place, column)| OutputColumn::new(&*column.name, source.column(place))).collect();
        let (base_query, step_query) = (Box::new(base.query), Box::new(step.query));
        let relation = Relation::Recursive { table, base: base_query, step: step_query, all: *all, source };
        Ok(BoundQuery { query: Query::new(relation, columns), shape: base.shape })
    }
}

/// The parts of a query that may be recursive: a union, and nothing around it.
fn recursion(query: &ast::Query) -> Option<(&SetExpr, &SetExpr, bool)> {
    let SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } = &*query.body else {
        return None;
    };
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    is_plain.then(|| (&**left, &**right, *set_quantifier == SetQuantifier::All))
}
