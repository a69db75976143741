//! Functions that make rows: `generate_series`, the members of arrays and of JSON.
//!
//! The algebra needs nothing for them that it does not have. The numbers from 1 on are a recursion whose rounds double:
//! from the number n of a round of w numbers follow n + w and n + 2w, so that the next round has twice as many, and all
//! rounds together have every number once and in order. A series, and the places of an array, are computed from that.
//!
//! They stand in FROM, and in PostgreSQL in the list of a SELECT too, where they are joined to its rows (`series`).

use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::array::member;
use super::calendar::months_of;
use super::collation::lower;
use super::function::arity;
use super::query::BoundQuery;
use super::scope::{Scope, Shape};
use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound, begin_of, last_part, mismatch, unsupported};
use crate::algebra::{
    Arithmetic, Comparison, Expr, Function, JoinKind, JsonFunction, OutputColumn, Query, Relation, SetKind,
};
use crate::evaluate::Class;
use crate::evaluate::interval::read_interval;
use crate::sql::error::SqlError;
use crate::sql::pragma::{About, Asked, QUESTIONS};

/// What the members of JSON are made into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Members {
    /// `json_each`: keys and values.
    Each { as_text: bool },
    /// `json_array_elements`: values.
    Elements { as_text: bool },
    /// `json_object_keys`.
    Keys,
    /// SQLite's `json_each`, and `json_tree` if it goes deep: what there is to know of each.
    Nodes { deep: bool },
}

impl Members {
    fn named(name: &str, is_sqlite: bool) -> Option<Members> {
        let rest = name.strip_prefix("jsonb_").or_else(|| name.strip_prefix("json_"))?;
        Some(match rest {
            "each" if is_sqlite => Members::Nodes { deep: false },
            "tree" if is_sqlite => Members::Nodes { deep: true },
            "each" => Members::Each { as_text: false },
            "each_text" => Members::Each { as_text: true },
            "array_elements" => Members::Elements { as_text: false },
            "array_elements_text" => Members::Elements { as_text: true },
            "object_keys" => Members::Keys,
            _ => return None,
        })
    }
}

/// The columns of SQLite's `json_each` and `json_tree`, in their order in what `json_nodes` gives.
const NODE_COLUMNS: [&str; 8] = ["key", "value", "type", "atom", "id", "parent", "fullkey", "path"];

/// Rows that a function makes.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) relation: Relation,
    /// Which of them a row is, from 1.
    pub(super) number: Expr,
    pub(super) columns: Vec<(String, Typed)>,
}

impl Rows {
    fn one_column(name: &str, relation: Relation, number: Expr, column: Typed) -> Rows {
        Rows { relation, number, columns: vec![(name.to_owned(), column)] }
    }

    pub(super) fn into_query(self) -> BoundQuery {
        let shape = self.columns.iter().map(|(name, typed)| Shape::of(name, typed)).collect();
        let columns = self.columns.into_iter();
        let columns = columns.map(|(name, typed)| OutputColumn::new(name, typed.expr)).collect();
        BoundQuery { query: Query::new(self.relation, columns), shape }
    }
}

impl Binder<'_> {
    /// The rows that a function makes, under its name or another. Its arguments may mention what stands before it.
    pub(super) fn table_function(
        &mut self,
        name: &ast::ObjectName,
        arguments: &[ast::FunctionArg],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        let ident = last_part(name)?;
        let known = ident.value.to_ascii_lowercase();
        scope.clause = "FROM";
        let mut exprs = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) = argument else {
                return Err(SqlError::at(
                    unsupported(format!("{known}() with such an argument")),
                    ident.span,
                ));
            };
            exprs.push(expr);
        }
        let arguments = self.arguments_of_rows(&exprs, scope)?;
        if let Some(rows) = self.records(&known, &arguments.0, alias, ident.span)? {
            return self.table_of_rows(rows, ident, with_ordinality, alias, scope);
        }
        if let Some(rows) = self.pragma_rows(&known, &arguments.0, ident.span)? {
            return self.table_of_rows(rows, ident, with_ordinality, alias, scope);
        }
        let rows = match self.rows_of(&known, arguments, ident.span)? {
            Some(rows) => rows,
            None => return Err(SqlError::at(unsupported(format!("{known}() in FROM")), ident.span)),
        };
        self.table_of_rows(rows, ident, with_ordinality, alias, scope)
    }

    /// SQLite's `pragma_table_info(name)` and its like: the answers for every name there is, of which those for one are
    /// taken, so that the name can be a column's.
    fn pragma_rows(&mut self, name: &str, arguments: &[Typed], span: Span) -> Bound<Option<Rows>> {
        let asked = if self.is_sqlite() { name.strip_prefix("pragma_") } else { None };
        let question = asked.and_then(|asked| QUESTIONS.iter().find(|question| question.name == asked));
        let Some(question) = question else { return Ok(None) };
        let catalog = self.catalog;
        let names: Vec<&str> = match question.about {
            About::Everything => Vec::new(),
            About::Table => catalog.tables().map(|table| table.name.as_str()).collect(),
            About::Index => {
                let indexes = catalog.tables().flat_map(|table| &table.indexes);
                indexes.map(|index| index.name.as_str()).collect()
            }
        };
        let of = |argument: Option<&str>| {
            let rows = (question.answer)(&Asked { catalog, argument });
            let of = argument.map_or(Value::Null, |name| Value::from(name.to_lowercase()));
            rows.into_iter().map(move |row| std::iter::once(of.clone()).chain(row).collect::<Vec<Value>>())
        };
        let rows: Vec<Vec<Value>> = match question.about {
            About::Everything => of(None).collect(),
            _ => names.iter().flat_map(|name| of(Some(name))).collect(),
        };
        let rows = rows.into_iter().enumerate().map(|(at, row)| {
            let number = Value::from(i64::try_from(at).unwrap_or(i64::MAX));
            row.into_iter().chain([number]).map(Expr::Literal).collect()
        });
        let source = self.source();
        let types = question.columns.iter().map(|(_, kind)| *kind);
        let types: Vec<DataType> = std::iter::once(TEXT).chain(types).chain([DataType::BigInt]).collect();
        let relation = Relation::Values { source, types, rows: rows.collect() };
        let relation = match (question.about, arguments) {
            (About::Everything, _) => relation,
            (_, [argument]) => {
                let wanted = self.as_text(argument.clone()).expr;
                relation.filter(Expr::from(source.column(0)).equals(lower(wanted)))
            }
            (_, other) => return Err(arity(name, "1 argument", other.len(), span)),
        };
        let columns = question.columns.iter().enumerate().map(|(place, (name, kind))| {
            ((*name).to_owned(), Typed::inclined(source.column(place + 1).into(), *kind))
        });
        let number = source.column(question.columns.len() + 1).into();
        Ok(Some(Rows { relation, number, columns: columns.collect() }))
    }

    /// `unnest(array, ..)`: the members of arrays side by side, and NULLs behind those of the shorter ones.
    pub(super) fn unnest(
        &mut self,
        arrays: &[ast::Expr],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        scope.clause = "FROM";
        let ident = ast::Ident::new("unnest");
        let mut all = Vec::with_capacity(arrays.len());
        for array in arrays {
            let array_of = self.value_of(array, scope)?;
            let rows = self.unnested(array_of, begin_of(array))?;
            all.push(self.numbered(rows));
        }
        let rows = self.side_by_side(all)?;
        self.table_of_rows(rows, &ident, with_ordinality, alias, scope)
    }

    /// Rows under a name.
    fn table_of_rows(
        &mut self,
        mut rows: Rows,
        ident: &ast::Ident,
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        scope: &mut Scope<'_>,
    ) -> Bound<Relation> {
        // PostgreSQL calls the one column of a function as it calls the table.
        if let ([(name, _)], false) = (rows.columns.as_mut_slice(), self.is_sqlite())
            && let Some(alias) = alias.map(|alias| &alias.name)
            && name.eq_ignore_ascii_case(&ident.value)
        {
            *name = self.new_name(alias);
        }
        if with_ordinality {
            let ordinality = Typed::new(rows.number.clone(), DataType::BigInt);
            rows.columns.push(("ordinality".to_owned(), ordinality));
        }
        let named = ast::TableAlias { name: ident.clone(), columns: Vec::new(), explicit: true, at: None };
        self.derived(rows.into_query(), Some(alias.unwrap_or(&named)), scope)
    }

    /// The arguments of a function that makes rows; a step of months has no value.
    pub(super) fn arguments_of_rows(
        &mut self,
        exprs: &[&ast::Expr],
        scope: &Scope<'_>,
    ) -> Bound<(Vec<Typed>, Option<i64>)> {
        let (mut bound, mut months) = (Vec::with_capacity(exprs.len()), None);
        for expr in exprs {
            match months_of(expr) {
                Some((count, rest)) if rest.is_zero() => {
                    months = Some(count);
                    bound.push(Typed::null());
                }
                _ => bound.push(self.value_of(expr, scope)?),
            }
        }
        Ok((bound, months))
    }

    /// The rows that a function makes; none if it makes none.
    pub(super) fn rows_of(
        &mut self,
        name: &str,
        (mut arguments, months): (Vec<Typed>, Option<i64>),
        span: Span,
    ) -> Bound<Option<Rows>> {
        if let Some(members) = Members::named(name, self.is_sqlite()) {
            return self.members_of_json(members, name, arguments, span).map(Some);
        }
        let as_array = match name {
            "generate_series" => return self.series(arguments, months, span).map(Some),
            "unnest" => None,
            "string_to_table" => Some("string_to_array"),
            "regexp_split_to_table" => Some("regexp_split_to_array"),
            "regexp_matches" => Some("regexp_matches"),
            "jsonb_path_query" => Some("jsonb_path_query_array"),
            _ => return Ok(None),
        };
        if self.is_sqlite() {
            return Ok(None);
        }
        let array = match as_array {
            Some(function) => match self.array_call(function, &mut arguments, span) {
                Some(array) => array?,
                None => return Ok(None),
            },
            None => match <[Typed; 1]>::try_from(arguments) {
                Ok([array]) => array,
                Err(arguments) => return Err(arity(name, "1 argument", arguments.len(), span)),
            },
        };
        let mut rows = self.unnested(array, span)?;
        for (column, typed) in &mut rows.columns {
            name.clone_into(column);
            if name == "regexp_matches" {
                // Each match is an array itself.
                let whole = Expr::Cast(Box::new(typed.expr.clone()), DataType::Json);
                *typed = Typed::array(whole, Some(TEXT));
            }
        }
        Ok(Some(rows))
    }

    /// Rows of [numbered](Binder::numbered) columns beside each other.
    pub(super) fn side_by_side(&self, all: Vec<Rows>) -> Bound<Rows> {
        let mut all = all.into_iter();
        let Some(mut left) = all.next() else { return Err(unsupported("unnest() of nothing").into()) };
        for right in all {
            let on = left.number.clone().equals(right.number.clone());
            let number = Expr::Call(Function::Coalesce, vec![left.number, right.number]);
            let columns = left.columns.into_iter().chain(right.columns).collect();
            let relation = left.relation.join(JoinKind::Full, right.relation, on);
            left = Rows { relation, number, columns };
        }
        Ok(left)
    }

    /// Rows whose columns are columns of a source.
    pub(super) fn numbered(&mut self, rows: Rows) -> Rows {
        let source = self.source();
        let mut exprs = vec![rows.number];
        let columns = rows.columns.into_iter().enumerate().map(|(place, (name, typed))| {
            let column = Expr::from(source.column(place + 1));
            exprs.push(typed.expr);
            (name, Typed { expr: column, ..typed })
        });
        let columns = columns.collect();
        Rows { relation: rows.relation.project(source, exprs), number: source.column(0).into(), columns }
    }

    /// `generate_series(first, last, step?)`, of integers, or of points in time.
    fn series(&mut self, arguments: Vec<Typed>, months: Option<i64>, span: Span) -> Bound<Rows> {
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
            return Ok(self.months_in_a_row(first, &last, months));
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

    fn integers(&mut self, first: &Expr, last: &Expr, step: &Expr) -> Rows {
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
        let column = Typed::new(nth(&number), DataType::BigInt);
        Rows::one_column("generate_series", relation, number, column)
    }

    /// Points in time up to a last one, of which `nth` is so many steps behind the first.
    fn moments(&mut self, nth: &dyn Fn(Expr) -> Expr, last: &Expr, is_upward: &Expr) -> Rows {
        let nth = |number: Expr| nth(number.arithmetic(Arithmetic::Subtract, Expr::literal(1)));
        let (relation, number) = self.numbers(&|number| {
            let at = nth(number);
            let is_before = at.clone().compare(Comparison::LessOrEqual, last.clone());
            let is_behind = at.compare(Comparison::GreaterOrEqual, last.clone());
            let branches = vec![(is_upward.clone(), is_before)];
            Expr::Case { branches, otherwise: Some(Box::new(is_behind)) }
        });
        let column = Typed::new(nth(number.clone()), DataType::Timestamp);
        Rows::one_column("generate_series", relation, number, column)
    }

    /// Points in time so many months apart, each of the one before it: behind the end of a short month come the same days
    /// of the long ones.
    fn months_in_a_row(&mut self, first: Expr, last: &Expr, months: i64) -> Rows {
        let up_to = if months > 0 { Comparison::LessOrEqual } else { Comparison::GreaterOrEqual };
        let holds = |at: &Expr| at.clone().compare(up_to, last.clone());
        let columns =
            |at: Expr, number: Expr| vec![OutputColumn::new("at", at), OutputColumn::new("number", number)];
        let table = self.work_table();
        let base = Query::new(Relation::Unit.filter(holds(&first)), columns(first, Expr::literal(1)));
        let source = self.source();
        let types = vec![DataType::Timestamp, DataType::BigInt];
        let before = Relation::WorkTable { table, source, types };
        let at = vec![source.column(0).into(), Expr::literal(months)];
        let at = Expr::Call(Function::AddMonths, at);
        let number = Expr::from(source.column(1)).arithmetic(Arithmetic::Add, Expr::literal(1));
        let step = Query::new(before.filter(holds(&at)), columns(at, number));
        let source = self.source();
        let (base, step) = (Box::new(base), Box::new(step));
        let relation = Relation::Recursive { table, base, step, all: true, source };
        let column = Typed::new(source.column(0).into(), DataType::Timestamp);
        Rows::one_column("generate_series", relation, source.column(1).into(), column)
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
    ) -> Bound<Rows> {
        let given = arguments.len();
        let mut arguments = arguments.into_iter();
        let (Some(document), path, None) = (arguments.next(), arguments.next(), arguments.next()) else {
            return Err(arity(name, "1 argument", given, span));
        };
        if path.is_some() && !matches!(members, Members::Nodes { .. }) {
            return Err(arity(name, "1 argument", given, span));
        }
        let json = match document.class() {
            _ if document.is_any() => cast(document.any_as_text().expr, DataType::Json),
            None | Some(Class::Json) => document.expr,
            Some(Class::Text) => Expr::Cast(Box::new(document.expr), DataType::Json),
            Some(_) => return Err(mismatch(&format!("{name}()"), DataType::Json, document.kind, span)),
        };
        let call = |of: JsonFunction, arguments: Vec<Expr>| Expr::Call(Function::Json(of), arguments);
        let parts = match members {
            Members::Elements { .. } => json,
            Members::Each { .. } | Members::Keys => call(JsonFunction::Pairs, vec![json]),
            Members::Nodes { deep } => {
                let root = path.map_or_else(|| Expr::literal("$"), |path| self.as_text(path).expr);
                super::called::builtin("json_nodes", vec![json, Expr::literal(deep), root])
            }
        };
        let (relation, found, number) = self.members_of_document(parts);
        let part = |of: JsonFunction, place: i64| call(of, vec![found.clone(), Expr::literal(place)]);
        let value = |as_text: bool| match as_text {
            true => Typed::new(part(JsonFunction::GetText, 1), TEXT),
            false => Typed::new(part(JsonFunction::Get, 1), DataType::Json),
        };
        let key = || Typed::new(part(JsonFunction::GetText, 0), TEXT);
        let columns: Vec<(&str, Typed)> = match members {
            Members::Each { as_text } => vec![("key", key()), ("value", value(as_text))],
            Members::Elements { as_text: true } => {
                let text = call(JsonFunction::ExtractPathText, vec![found]);
                vec![("value", Typed::new(text, TEXT))]
            }
            Members::Elements { as_text: false } => vec![("value", Typed::new(found, DataType::Json))],
            Members::Keys => vec![(name, key())],
            Members::Nodes { .. } => {
                let column = |(place, name): (i64, &'static str)| {
                    let column = match name {
                        "key" | "value" | "atom" => member(part(JsonFunction::Get, place), None),
                        "id" | "parent" => member(part(JsonFunction::Get, place), Some(DataType::BigInt)),
                        _ => Typed::new(part(JsonFunction::GetText, place), TEXT),
                    };
                    (name, column)
                };
                (0..).zip(NODE_COLUMNS).map(column).collect()
            }
        };
        let columns = columns.into_iter().map(|(name, typed)| (name.to_owned(), typed)).collect();
        Ok(Rows { relation, number, columns })
    }

    /// The members of an array in JSON, one a row: the rows, a member, and which one it is. The array is made once,
    /// beside as many rows as it has members.
    pub(super) fn members_of_document(&mut self, array: Expr) -> (Relation, Expr, Expr) {
        let call = |of: JsonFunction, arguments: Vec<Expr>| Expr::Call(Function::Json(of), arguments);
        let (whole, source) = (self.source(), self.source());
        let array = Relation::Unit.project(whole, vec![Expr::Cast(Box::new(array), DataType::Json)]);
        let length = call(JsonFunction::ArrayLength, vec![Expr::from(whole.column(0))]);
        let array = array.project(source, vec![Expr::from(whole.column(0)), length]);
        let count = Expr::from(source.column(1));
        let (numbers, number) =
            self.numbers(&|number| number.compare(Comparison::LessOrEqual, count.clone()));
        let relation = array.join(JoinKind::Inner, numbers, Expr::And(Vec::new()));
        let place = number.clone().arithmetic(Arithmetic::Subtract, Expr::literal(1));
        (relation, call(JsonFunction::Get, vec![Expr::from(source.column(0)), place]), number)
    }
}
