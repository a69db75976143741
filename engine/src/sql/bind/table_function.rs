//! Functions that make rows, in FROM: `generate_series`, and the members of JSON.
//!
//! The algebra needs nothing for them that it does not have. The numbers from 1 on are a recursion whose rounds double:
//! from the number n of a round of w numbers follow n + w and n + 2w, so that the next round has twice as many, and all
//! rounds together have every number once and in order. A series, and the places of an array, are computed from that.

use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::calendar::months_of;
use super::function::arity;
use super::query::BoundQuery;
use super::scope::{Scope, Shape};
use super::typed::{TEXT, Typed};
use super::{Binder, Bound, last_part, mismatch, unsupported};
use crate::algebra::{
    Arithmetic, Comparison, Expr, Function, JoinKind, JsonFunction, OutputColumn, Query, Relation, SetKind,
};
use crate::evaluate::Class;
use crate::evaluate::interval::read_interval;
use crate::sql::error::SqlError;

/// What the members of JSON are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Members {
    /// `json_each`: keys and values.
    Each { as_text: bool },
    /// `json_array_elements`: values.
    Elements { as_text: bool },
    /// `json_object_keys`.
    Keys,
}

impl Members {
    fn named(name: &str) -> Option<Members> {
        Some(match name.strip_prefix("jsonb_").or_else(|| name.strip_prefix("json_"))? {
            "each" => Members::Each { as_text: false },
            "each_text" => Members::Each { as_text: true },
            "array_elements" => Members::Elements { as_text: false },
            "array_elements_text" => Members::Elements { as_text: true },
            "object_keys" => Members::Keys,
            _ => return None,
        })
    }
}

impl Binder<'_> {
    /// The rows that a function makes, under its name or another. Its arguments may mention what stands before it.
    pub(super) fn table_function(
        &mut self,
        name: &ast::ObjectName,
        arguments: &[ast::FunctionArg],
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        let ident = last_part(name)?;
        let known = ident.value.to_ascii_lowercase();
        scope.clause = "FROM";
        let mut bound = Vec::with_capacity(arguments.len());
        let mut months = None;
        for argument in arguments {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = argument else {
                return Err(SqlError::at(
                    unsupported(format!("{known}() with such an argument")),
                    ident.span,
                ));
            };
            match months_of(expr) {
                Some((count, rest)) if rest.is_zero() => {
                    months = Some(count);
                    bound.push(Typed::null());
                }
                _ => bound.push(self.value_of(expr, scope)?),
            }
        }
        let mut rows = match (known.as_str(), Members::named(&known)) {
            ("generate_series", _) => self.series(bound, months, ident.span)?,
            (_, Some(members)) => self.members_of_json(members, &known, bound, ident.span)?,
            _ => return Err(SqlError::at(unsupported(format!("{known}() in FROM")), ident.span)),
        };
        let named = ast::TableAlias { name: ident.clone(), columns: Vec::new(), explicit: true, at: None };
        // PostgreSQL calls the one column of a function as it calls the table.
        if let ([column], false) = (rows.shape.as_mut_slice(), self.is_sqlite())
            && let Some(name) = alias.map(|alias| &alias.name)
            && column.name == known
        {
            column.name = self.new_name(name);
        }
        self.derived(rows, Some(alias.unwrap_or(&named)), scope)
    }

    /// `generate_series(first, last, step?)`, of integers, or of points in time.
    fn series(&mut self, arguments: Vec<Typed>, months: Option<i64>, span: Span) -> Bound<BoundQuery> {
        let given = arguments.len();
        let mut arguments = arguments.into_iter();
        let (Some(first), Some(last), step, None) =
            (arguments.next(), arguments.next(), arguments.next(), arguments.next())
        else {
            return Err(arity("generate_series", "2 or 3 arguments", given, span));
        };
        let step = step.unwrap_or_else(|| Typed::literal(Value::Int(1)));
        let is_of = |typed: &Typed, classes: &[Class]| typed.class().is_none_or(|own| classes.contains(&own));
        let ends = [&first, &last];
        if months.is_none() && ends.iter().chain(&[&step]).all(|typed| is_of(typed, &[Class::Int])) {
            return Ok(self.integers(&first.expr, &last.expr, &step.expr));
        }
        if let Some(end) = ends.iter().find(|end| !is_of(end, &[Class::Timestamp, Class::Date])) {
            return Err(mismatch("generate_series()", "integers or points in time", end.kind, span));
        }
        let timestamp = |expr: Expr| Expr::Cast(Box::new(expr), DataType::Timestamp);
        let (first, last) = (timestamp(first.expr), timestamp(last.expr));
        let times = |number: Expr, amount: Expr| amount.arithmetic(Arithmetic::Multiply, number);
        if let Some(months) = months {
            let nth = |number: Expr| {
                let later = times(number, Expr::literal(months));
                Expr::Call(Function::AddMonths, vec![first.clone(), later])
            };
            return Ok(self.moments(&nth, &last, &Expr::literal(months > 0)));
        }
        let step = match step.literal_text().map(read_interval) {
            Some(Some(span)) => Typed::literal(Value::Duration(span)),
            _ => step,
        };
        if step.class() != Some(Class::Duration) {
            return Err(mismatch("generate_series()", "an interval as its step", step.kind, span));
        }
        let nothing = Expr::Literal(Value::Duration(jiff::SignedDuration::ZERO));
        let is_upward = step.expr.clone().compare(Comparison::Greater, nothing);
        let nth = |number: Expr| first.clone().arithmetic(Arithmetic::Add, times(number, step.expr.clone()));
        Ok(self.moments(&nth, &last, &is_upward))
    }

    fn integers(&mut self, first: &Expr, last: &Expr, step: &Expr) -> BoundQuery {
        let zero = || Expr::literal(0);
        let below = |left: &Expr, right: &Expr| left.clone().compare(Comparison::Less, right.clone());
        let none = Expr::Or(vec![
            Expr::And(vec![below(&zero(), step), below(last, first)]),
            Expr::And(vec![below(step, &zero()), below(first, last)]),
        ]);
        let span = last.clone().arithmetic(Arithmetic::Subtract, first.clone());
        let count =
            span.arithmetic(Arithmetic::Divide, step.clone()).arithmetic(Arithmetic::Add, Expr::literal(1));
        let count = Expr::Case { branches: vec![(none, zero())], otherwise: Some(Box::new(count)) };
        let nth = |number: &Expr| {
            let before = number.clone().arithmetic(Arithmetic::Subtract, Expr::literal(1));
            first.clone().arithmetic(Arithmetic::Add, before.arithmetic(Arithmetic::Multiply, step.clone()))
        };
        let (relation, number) =
            self.numbers(&|number| number.compare(Comparison::LessOrEqual, count.clone()));
        one_column("generate_series", relation, nth(&number), DataType::BigInt)
    }

    /// Points in time up to a last one, of which `nth` is so many steps behind the first.
    fn moments(&mut self, nth: &dyn Fn(Expr) -> Expr, last: &Expr, is_upward: &Expr) -> BoundQuery {
        let nth = |number: Expr| nth(number.arithmetic(Arithmetic::Subtract, Expr::literal(1)));
        let (relation, number) = self.numbers(&|number| {
            let at = nth(number);
            let is_before = at.clone().compare(Comparison::LessOrEqual, last.clone());
            let is_behind = at.compare(Comparison::GreaterOrEqual, last.clone());
            let branches = vec![(is_upward.clone(), is_before)];
            Expr::Case { branches, otherwise: Some(Box::new(is_behind)) }
        });
        one_column("generate_series", relation, nth(number), DataType::Timestamp)
    }

    /// The numbers from 1 on, as long as something holds of them; what holds of a number holds of all before it.
    fn numbers(&mut self, holds: &dyn Fn(Expr) -> Expr) -> (Relation, Expr) {
        let table = self.work_table();
        let columns = |number: Expr, width: Expr| {
            vec![OutputColumn::new("number", number), OutputColumn::new("width", width)]
        };
        let base = Query::new(
            Relation::Unit.filter(holds(Expr::literal(1))),
            columns(Expr::literal(1), Expr::literal(1)),
        );
        let mut side = |times: i64| {
            let source = self.source();
            let before =
                Relation::WorkTable { table, source, types: vec![DataType::BigInt, DataType::BigInt] };
            let (number, width) = (Expr::from(source.column(0)), Expr::from(source.column(1)));
            let multiple = |times: i64| width.clone().arithmetic(Arithmetic::Multiply, Expr::literal(times));
            let next = number.arithmetic(Arithmetic::Add, multiple(times));
            Query::new(before, columns(next, multiple(2)))
        };
        let (left, right) = (Box::new(side(1)), Box::new(side(2)));
        let source = self.source();
        let (number, width) = (Expr::from(source.column(0)), Expr::from(source.column(1)));
        let both = Relation::Set { kind: SetKind::Union, all: true, source, left, right };
        let step = Query::new(both.filter(holds(number.clone())), columns(number, width));
        let source = self.source();
        let (base, step) = (Box::new(base), Box::new(step));
        let rows = Relation::Recursive { table, base, step, all: true, source };
        (rows, Expr::from(source.column(0)))
    }

    /// The members of a JSON value, one a row.
    fn members_of_json(
        &mut self,
        members: Members,
        name: &str,
        arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<BoundQuery> {
        let given = arguments.len();
        let Ok([document]) = <[Typed; 1]>::try_from(arguments) else {
            return Err(arity(name, "1 argument", given, span));
        };
        let json = match document.class() {
            None | Some(Class::Json) => document.expr,
            Some(Class::Text) => Expr::Cast(Box::new(document.expr), DataType::Json),
            Some(_) => return Err(mismatch(&format!("{name}()"), DataType::Json, document.kind, span)),
        };
        let call = |of: JsonFunction, arguments: Vec<Expr>| Expr::Call(Function::Json(of), arguments);
        let is_of_keys = !matches!(members, Members::Elements { .. });
        // Taken apart once, beside as many rows as it has members.
        let (whole, source) = (self.source(), self.source());
        let parts = if is_of_keys { call(JsonFunction::Pairs, vec![json]) } else { json };
        let parts = Relation::Unit.project(whole, vec![Expr::Cast(Box::new(parts), DataType::Json)]);
        let parts = parts.project(
            source,
            vec![
                Expr::from(whole.column(0)),
                call(JsonFunction::ArrayLength, vec![Expr::from(whole.column(0))]),
            ],
        );
        let count = Expr::from(source.column(1));
        let (numbers, number) =
            self.numbers(&|number| number.compare(Comparison::LessOrEqual, count.clone()));
        let relation = parts.join(JoinKind::Inner, numbers, Expr::And(Vec::new()));
        let place = number.arithmetic(Arithmetic::Subtract, Expr::literal(1));
        let member = |of: JsonFunction| call(of, vec![Expr::from(source.column(0)), place.clone()]);
        let part =
            |of: JsonFunction, place: i64| call(of, vec![member(JsonFunction::Get), Expr::literal(place)]);
        let value = |as_text: bool| {
            let (of, kind) =
                if as_text { (JsonFunction::GetText, TEXT) } else { (JsonFunction::Get, DataType::Json) };
            (if is_of_keys { part(of, 1) } else { member(of) }, kind)
        };
        let key = || (part(JsonFunction::GetText, 0), TEXT);
        let columns: Vec<(&str, (Expr, DataType))> = match members {
            // SQLite's values are what they are as SQL, which a column of one type has as text.
            Members::Each { as_text } => vec![("key", key()), ("value", value(as_text || self.is_sqlite()))],
            Members::Elements { as_text } => vec![("value", value(as_text))],
            Members::Keys => vec![(name, key())],
        };
        let shape =
            columns.iter().map(|(name, (expr, kind))| Shape::of(*name, &Typed::new(expr.clone(), *kind)));
        let shape = shape.collect();
        let columns = columns.into_iter().map(|(name, (expr, _))| OutputColumn::new(name, expr)).collect();
        Ok(BoundQuery { query: Query::new(relation, columns), shape })
    }
}

fn one_column(name: &str, relation: Relation, expr: Expr, kind: DataType) -> BoundQuery {
    let shape = vec![Shape::of(name, &Typed::new(expr.clone(), kind))];
    BoundQuery { query: Query::new(relation, vec![OutputColumn::new(name, expr)]), shape }
}
