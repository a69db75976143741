//! Rows of values: `ROW(a, b)`, `(a, b)`, and a table's name where it means the row of it.
//!
//! The algebra has no values of rows. What is compared with a row is compared with it part by part; JSON that is made
//! of one is made of its parts; and a result column that is one shows it as PostgreSQL writes it, `(1,"a b",)`.

use std::borrow::Cow;

use nuages_storage::Value;
use sqlparser::ast::{self, AccessExpr, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::called::builtin;
use super::scope::{Scope, ScopeTable};
use super::typed::{TEXT, Typed};
use super::{Binder, Bound, begin_of, last_part, unsupported};
use crate::algebra::{Comparison, Expr, Function, JsonFunction};
use crate::sql::error::{Problem, SqlError};

/// The parts of a row, and what they are called where it becomes an object of JSON.
struct Row {
    parts: Vec<(String, Typed)>,
    /// Whether it is the row of a table, which is NULL where the table has none.
    of_table: bool,
}

/// The parts of a row that is written out.
pub(super) fn written_parts(expr: &Ast) -> Option<Cow<'_, [Ast]>> {
    match expr {
        Ast::Tuple(parts) => Some(Cow::Borrowed(parts)),
        Ast::Nested(inner) => written_parts(inner),
        Ast::Function(call)
            if last_part(&call.name).is_ok_and(|name| name.value.eq_ignore_ascii_case("row")) =>
        {
            let ast::FunctionArguments::List(list) = &call.args else { return None };
            let part = |argument: &ast::FunctionArg| match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            };
            list.args.iter().map(part).collect::<Option<Vec<Ast>>>().map(Cow::Owned)
        }
        _ => None,
    }
}

impl Binder<'_> {
    /// The table whose row a name means: it is that of a table, and of no column.
    fn table_of_row<'s>(&self, name: &ast::Ident, scope: &'s Scope<'_>) -> Option<&'s ScopeTable> {
        let found = scope
            .chain()
            .find_map(|level| level.visible().iter().find(|table| self.means(name, &table.name)))?;
        let is_column =
            |table: &ScopeTable| (0..table.len()).any(|place| self.means(name, table.column_name(place)));
        let is_value = scope.chain().any(|level| level.visible().iter().any(is_column));
        (!is_value).then_some(found)
    }

    /// The row that an expression is; none if it is a value.
    fn row(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Option<Row>> {
        if self.is_sqlite() {
            return Ok(None);
        }
        if let Some(parts) = written_parts(expr) {
            let parts = parts.iter().enumerate();
            let parts =
                parts.map(|(place, part)| Ok((format!("f{}", place + 1), self.value_of(part, scope)?)));
            return Ok(Some(Row { parts: parts.collect::<Bound<_>>()?, of_table: false }));
        }
        let Ast::Identifier(name) = expr else { return Ok(None) };
        let Some(table) = self.table_of_row(name, scope) else { return Ok(None) };
        // A column without a name is a MERGE's own.
        let named = (0..table.len()).filter(|place| !table.column_name(*place).is_empty());
        let parts = named.map(|place| (table.column_name(place).to_owned(), table.column(place)));
        Ok(Some(Row { parts: parts.collect(), of_table: true }))
    }

    /// The row that a result column is, as a text.
    pub(super) fn row_as_text(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Option<Typed>> {
        let Some(Row { parts, of_table }) = self.row(expr, scope)? else { return Ok(None) };
        let parts: Vec<Expr> = parts.into_iter().map(|(_, part)| part.any_as_text().expr).collect();
        let text = builtin("row_as_text", parts.clone());
        Ok(Some(Typed::new(if of_table { unless_all_null(parts, text) } else { text }, TEXT)))
    }

    /// The row that is made into JSON, as an object.
    pub(super) fn row_as_json(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<Option<Typed>> {
        let Some(Row { parts, of_table }) = self.row(expr, scope)? else { return Ok(None) };
        let values: Vec<Expr> = parts.iter().map(|(_, part)| part.expr.clone()).collect();
        let pairs = parts.into_iter().flat_map(|(name, part)| [Expr::Literal(Value::Text(name)), part.expr]);
        let object = Expr::Call(Function::Json(JsonFunction::BuildObject), pairs.collect());
        let object = if of_table { unless_all_null(values, object) } else { object };
        Ok(Some(Typed::new(object, nuages_storage::DataType::Json)))
    }

    /// `row IS NULL` is true if all its parts are, and `row IS NOT NULL` if none is; none if it is no row.
    pub(super) fn row_is_null(
        &mut self,
        expr: &Ast,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        let is_written = written_parts(expr).is_some();
        if !is_written && !matches!(expr, Ast::Identifier(_)) {
            return Ok(None);
        }
        let Some(Row { parts, .. }) = self.row(expr, scope)? else { return Ok(None) };
        let nulls = parts.into_iter().map(|(_, part)| part.expr.is_null());
        let tests = nulls.map(|is_null| if negated { is_null.not() } else { is_null });
        Ok(Some(Typed::bool(Expr::And(tests.collect()))))
    }

    /// A row compared with another, or with the only row of a query; none if neither is a row.
    pub(super) fn compared_rows(
        &mut self,
        left: &Ast,
        right: &Ast,
        scope: &Scope<'_>,
    ) -> Bound<Option<Vec<(Typed, Typed)>>> {
        let (rows, other) = match (written_parts(left), written_parts(right)) {
            (None, None) => return Ok(None),
            (Some(left), right_parts) => (left, (right, right_parts, false)),
            (None, Some(right)) => (right, (left, None, true)),
        };
        let width = rows.len();
        let (expr, parts, swapped) = other;
        let one = rows.iter().map(|part| self.expression(part, scope)).collect::<Bound<Vec<Typed>>>()?;
        let two = match (parts, expr) {
            (Some(parts), _) => {
                parts.iter().map(|part| self.expression(part, scope)).collect::<Bound<Vec<Typed>>>()?
            }
            (None, Ast::Subquery(query)) => {
                let span = begin_of(expr);
                let column = |place| self.column_of_query(query, (place, width), span, scope);
                (0..width).map(column).collect::<Bound<_>>()?
            }
            (None, _) => match self.row(expr, scope)? {
                Some(row) => row.parts.into_iter().map(|(_, part)| part).collect(),
                None => return Err(SqlError::at(unsupported("a row compared with a value"), begin_of(expr))),
            },
        };
        if one.len() != two.len() {
            let problem = Problem::ColumnCount { expected: one.len(), got: two.len() };
            return Err(SqlError::at(problem, begin_of(right)));
        }
        let (left, right) = if swapped { (two, one) } else { (one, two) };
        Ok(Some(left.into_iter().zip(right).collect()))
    }

    /// `row IS DISTINCT FROM row`.
    pub(super) fn distinct_rows(
        &mut self,
        left: &Ast,
        right: &Ast,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Option<Expr>> {
        let Some(pairs) = self.compared_rows(left, right, scope)? else { return Ok(None) };
        self.compare_pairs(Comparison::Same, pairs, span).map(Some)
    }

    /// `root[1]`, `(table).column` and what follows.
    pub(super) fn accessed(&mut self, root: &Ast, chain: &[AccessExpr], scope: &Scope<'_>) -> Bound<Typed> {
        let inner = match root {
            Ast::Nested(inner) => inner,
            root => root,
        };
        let (mut typed, chain) = match (inner, chain) {
            (Ast::Identifier(table), [AccessExpr::Dot(Ast::Identifier(column)), rest @ ..]) => {
                (self.qualified(&[table.clone(), column.clone()], scope)?, rest)
            }
            _ => (self.expression(root, scope)?, chain),
        };
        for (place, access) in chain.iter().enumerate() {
            typed = match access {
                AccessExpr::Subscript(subscript) => {
                    self.subscripted(typed, subscript, place + 1 == chain.len(), scope)?
                }
                AccessExpr::Dot(name) => {
                    let feature = format!("the part {name} of a value");
                    return Err(SqlError::at(unsupported(feature), begin_of(name)));
                }
            };
        }
        Ok(typed)
    }
}

/// NULL where all parts are.
fn unless_all_null(parts: Vec<Expr>, otherwise: Expr) -> Expr {
    let all = Expr::And(parts.into_iter().map(Expr::is_null).collect());
    Expr::Case { branches: vec![(all, Expr::Literal(Value::Null))], otherwise: Some(Box::new(otherwise)) }
}
