//! Functions that make rows in the list of a SELECT: `SELECT unnest(tags) FROM post`.
//!
//! As PostgreSQL has it, each row of the query is repeated for each row that they make; several of them go side by
//! side, and those that end before others go on as NULL. What they are given is computed beside the row, in columns of
//! its own, so that it may be made of groups and windows like anything else in the list; and then they are joined.
//! Those that rows are grouped by are joined before the groups are made.

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::function::plain_arguments;
use super::scope::Scope;
use super::table_function::Rows;
use super::typed::Typed;
use super::{Binder, Bound, unsupported};
use crate::algebra::{Expr, JoinKind, Relation, Source};
use crate::sql::error::{Problem, SqlError};

/// The functions of a list that make rows, as they are found.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// What the columns are named by that they are given, if they are given any.
    given: Option<Source>,
    pub(super) arguments: Vec<Expr>,
    rows: Vec<Rows>,
    /// The calls that were met, which are the same rows when they are met again.
    known: Vec<(ast::Function, Typed)>,
    /// Whether the arguments of one are being bound, within which there is no other.
    within: bool,
}

/// Whether a function makes rows.
fn makes_rows(name: &str) -> bool {
    matches!(
        name,
        "generate_series"
            | "unnest"
            | "string_to_table"
            | "regexp_split_to_table"
            | "regexp_matches"
            | "jsonb_path_query"
    ) || name.starts_with("json")
        && matches!(
            name.trim_start_matches("jsonb_").trim_start_matches("json_"),
            "array_elements" | "array_elements_text" | "object_keys"
        )
}

impl Binder<'_> {
    /// A column of the rows that a function makes, where it stands in a list; none if it makes no rows.
    pub(super) fn rows_in_list(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        if self.is_sqlite() || call.over.is_some() || !makes_rows(name) {
            return Ok(None);
        }
        let within_aggregate = scope.grouping.as_ref().is_some_and(|grouping| grouping.borrow().within);
        let misplaced = |clause| {
            let function = name.to_owned();
            Err(SqlError::at(Problem::AggregateHere { function, clause }, span))
        };
        let Some(series) = scope.series.as_ref().filter(|_| scope.takes_series) else {
            return misplaced(scope.clause);
        };
        if within_aggregate {
            return misplaced("an aggregate");
        }
        if let Some((_, known)) = series.borrow().known.iter().find(|(known, _)| known == call) {
            return Ok(Some(known.clone()));
        }
        if std::mem::replace(&mut series.borrow_mut().within, true) {
            return Err(SqlError::at(
                unsupported(format!("{name}() of what {name}() or its kin make")),
                span,
            ));
        }
        let arguments = plain_arguments(call, name, span)?;
        let arguments = self.arguments_of_rows(&arguments, scope);
        series.borrow_mut().within = false;
        let (mut arguments, months) = arguments?;
        for argument in arguments.iter_mut().filter(|typed| !matches!(typed.expr, Expr::Literal(_))) {
            let mut series = series.borrow_mut();
            let given = *series.given.get_or_insert_with(|| self.source());
            let column = Expr::from(given.column(series.arguments.len()));
            series.arguments.push(std::mem::replace(&mut argument.expr, column));
        }
        let Some(rows) = self.rows_of(name, (arguments, months), span)? else { return Ok(None) };
        let rows = self.numbered(rows);
        let typed = match rows.columns.as_slice() {
            [(_, typed)] => typed.clone(),
            _ => {
                return Err(SqlError::at(
                    unsupported(format!("{name}() in a list; it has columns, so write it in FROM")),
                    span,
                ));
            }
        };
        let mut series = series.borrow_mut();
        series.rows.push(rows);
        series.known.push((call.clone(), typed.clone()));
        Ok(Some(typed))
    }

    /// Rows joined with those that functions make of them.
    pub(super) fn joined_with_series(&mut self, relation: Relation, series: &mut Series) -> Bound<Relation> {
        if series.rows.is_empty() {
            return Ok(relation);
        }
        let rows = self.side_by_side(std::mem::take(&mut series.rows))?;
        let always = || Expr::And(Vec::new());
        let relation = match series.given.take() {
            None => relation,
            Some(given) => {
                let arguments = Relation::Unit.project(given, std::mem::take(&mut series.arguments));
                relation.join(JoinKind::Inner, arguments, always())
            }
        };
        Ok(relation.join(JoinKind::Inner, rows.relation, always()))
    }
}
