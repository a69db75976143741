//! `CREATE TABLE .. AS`: a table of the columns of a query.

use nuages_storage::{DataType, Value};
use sqlparser::ast;

use super::query::BoundQuery;
use super::typed::{TEXT, Width};
use super::{Binder, Bound};
use crate::algebra::{Expr, Query};
use crate::catalog::{NewColumn, NewTable};
use crate::evaluate::{Class, class_of, keeps_scale};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// The table that has a query's columns, and the query; a column of no type is one of texts.
    pub(in crate::sql) fn table_of_query(
        &mut self,
        name: &ast::Ident,
        columns: &[ast::ColumnDef],
        query: &ast::Query,
    ) -> Bound<(NewTable, Query)> {
        let BoundQuery { mut query, shape } = self.query(query, None)?;
        if columns.len() > shape.len() {
            let problem = Problem::ColumnCount { expected: shape.len(), got: columns.len() };
            return Err(SqlError::at(problem, name.span));
        }
        let mut table = NewTable::new(self.new_name(name));
        for (place, column) in shape.into_iter().enumerate() {
            let given = columns.get(place).map(|given| self.new_name(&given.name));
            if column.is_any() && !self.is_sqlite() {
                let expr = &mut query.columns[place].expr;
                *expr = column.typed(std::mem::replace(expr, Expr::Literal(Value::Null))).any_as_text().expr;
            }
            let any = column.is_any() && self.is_sqlite();
            let kind = column.kind.filter(|_| any || !column.is_any()).unwrap_or(TEXT);
            let kind = if self.is_sqlite() { kind } else { kind_of_computed(kind, column.width) };
            let mut new = NewColumn::new(given.unwrap_or(column.name), kind).nullable(true);
            (new.element, new.any) = (column.element, any);
            new.enumeration = column.enumeration.and_then(|of| self.catalog.enumeration(of)).cloned();
            table.columns.push(new);
        }
        Ok((table, query))
    }
}

/// The type of a column of what is computed: of decimals one that keeps their digits.
fn kind_of_computed(kind: DataType, width: Width) -> DataType {
    match (class_of(kind), width) {
        (Class::Int, Width::Double) => DataType::Float,
        (Class::Int, Width::Numeric) => DataType::NUMERIC,
        _ if keeps_scale(kind) => DataType::NUMERIC,
        _ => kind,
    }
}
