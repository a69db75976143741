//! Scalar functions, by the names that PostgreSQL and SQLite have for them.

mod call;

use nuages_storage::{DataType, Value};
use sqlparser::ast::{self, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::typed::{TEXT, Typed, Width, cast};
use super::window::window_kind_of;
use super::{Binder, Bound, last_part, unsupported};
use crate::algebra::{Arithmetic, Comparison, DateUnit, Expr, Function, StringFunction, TextMatch};
use crate::evaluate::Class;
use crate::sql::error::{Problem, SqlError};
use crate::sql::hint;

/// The functions whose arguments go to the algebra as they are.
const PLAIN: [(&str, Function); 44] = [
    ("lower", Function::Lower),
    ("upper", Function::Upper),
    ("length", Function::Length),
    ("char_length", Function::Length),
    ("character_length", Function::Length),
    ("substr", Function::Substring),
    ("substring", Function::Substring),
    ("trim", Function::Trim),
    ("btrim", Function::Trim),
    ("ltrim", Function::TrimLeft),
    ("rtrim", Function::TrimRight),
    ("replace", Function::Replace),
    ("concat", Function::Concat),
    ("left", Function::Left),
    ("right", Function::Right),
    ("lpad", Function::PadLeft),
    ("rpad", Function::PadRight),
    ("repeat", Function::Repeat),
    ("reverse", Function::Reverse),
    ("strpos", Function::Position),
    ("instr", Function::Position),
    ("coalesce", Function::Coalesce),
    ("ifnull", Function::Coalesce),
    ("nullif", Function::NullIf),
    ("greatest", Function::Greatest),
    ("least", Function::Least),
    ("abs", Function::Abs),
    ("ceil", Function::Ceiling),
    ("ceiling", Function::Ceiling),
    ("floor", Function::Floor),
    ("round", Function::Round),
    ("sign", Function::Sign),
    ("sqrt", Function::SquareRoot),
    ("ln", Function::Ln),
    ("exp", Function::Exp),
    ("now", Function::Now),
    ("current_timestamp", Function::Now),
    ("transaction_timestamp", Function::Now),
    ("statement_timestamp", Function::Now),
    ("localtimestamp", Function::Now),
    // What SQLite's conversions are printed as.
    ("leading_number", Function::LeadingNumber),
    ("leading_integer", Function::LeadingInteger),
    ("whole_number", Function::WholeNumber),
    ("add_months", Function::AddMonths),
];

/// The functions that are bound to something else than a function.
const OTHERS: [&str; 29] = [
    "changes",
    "total_changes",
    "last_insert_rowid",
    "iif",
    "if",
    "pow",
    "power",
    "mod",
    "date_trunc",
    "date_part",
    "typeof",
    "date",
    "time",
    "datetime",
    "julianday",
    "unixepoch",
    "age",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "total",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "pg_get_serial_sequence",
    "to_regclass",
];

impl Binder<'_> {
    pub(super) fn function(&mut self, function: &ast::Function, scope: &Scope<'_>) -> Bound<Typed> {
        let name = last_part(&function.name)?;
        let span = name.span;
        let folded;
        let known: &str = if name.value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            folded = name.value.to_ascii_lowercase();
            &folded
        } else {
            &name.value
        };
        if let ("array", ast::FunctionArguments::Subquery(query)) = (known, &function.args) {
            return self.array_of_query(query, span, scope);
        }
        if let ("row_to_json" | "to_json" | "to_jsonb", ast::FunctionArguments::List(list)) =
            (known, &function.args)
            && let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(row)), ..] = list.args.as_slice()
            && let Some(object) = self.row_as_json(row, scope)?
        {
            return Ok(object);
        }
        if let Some(typed) = self.rows_in_list(known, function, span, scope)? {
            return Ok(typed);
        }
        if let Some(typed) = self.aggregate(known, function, span, scope)? {
            return Ok(typed);
        }
        if known == "grouping" {
            return self.grouping_call(function, span, scope);
        }
        if function.over.is_some() || function.filter.is_some() || !function.within_group.is_empty() {
            return Err(SqlError::at(
                unsupported(format!("{known}() with OVER, FILTER or WITHIN GROUP")),
                span,
            ));
        }
        if let Some(interval) = self.make_interval(known, function, span, scope) {
            return interval;
        }
        let mut arguments = Vec::new();
        for argument in plain_arguments(function, known, span)? {
            arguments.push(self.value_of(argument, scope)?);
        }
        self.scalar_function(known, arguments, span)
    }

    pub(super) fn scalar_function(
        &mut self,
        name: &str,
        mut arguments: Vec<Typed>,
        span: Span,
    ) -> Bound<Typed> {
        if self.is_sqlite() && arguments.iter().any(Typed::is_any) {
            match (name, arguments.as_slice()) {
                ("quote", [argument]) => return self.quoted_any(&argument.clone(), span),
                ("abs", [argument]) => {
                    let number = self.any_as_number(argument.clone());
                    let choices = number.mixed.unwrap_or_default().into_iter();
                    let each = choices
                        .map(|(when, choice)| Ok((when, self.call(Function::Abs, vec![choice], span)?)));
                    return Ok(Typed::choice(each.collect::<Bound<_>>()?));
                }
                _ if takes_texts(name) => {
                    arguments = arguments.into_iter().map(Typed::any_as_text).collect();
                }
                _ => {}
            }
        }
        if let Some(call) = self.dialect_call(name, &mut arguments, span) {
            return call;
        }
        if let ("date", false, [_]) = (name, self.is_sqlite(), arguments.as_slice()) {
            let date = ast::DataType::Date;
            return arguments
                .pop()
                .map_or_else(|| Ok(Typed::null()), |moment| self.cast_to(moment, &date, span));
        }
        let beyond = match arguments.as_slice() {
            [number] if self.is_sqlite() => self.beyond_domain(name, number),
            _ => None,
        };
        let call = self.known_function(name, arguments, span)?;
        Ok(match beyond {
            Some(beyond) => {
                let branches = vec![(beyond, Expr::Literal(Value::Null))];
                Typed { expr: Expr::Case { branches, otherwise: Some(Box::new(call.expr)) }, ..call }
            }
            None => call,
        })
    }

    /// Whether a number is none that a function has a result for, which is NULL in SQLite: `sqrt(-1)`.
    fn beyond_domain(&self, name: &str, number: &Typed) -> Option<Expr> {
        let number = cast(self.number(number.clone()).expr, DataType::Float);
        let than = |op, bound: f64| number.clone().compare(op, Expr::Literal(Value::Float(bound)));
        Some(match name {
            "sqrt" => than(Comparison::Less, 0.0),
            "ln" | "log" | "log2" | "log10" => than(Comparison::LessOrEqual, 0.0),
            "acosh" => than(Comparison::Less, 1.0),
            "acos" | "asin" => Expr::Or(vec![than(Comparison::Less, -1.0), than(Comparison::Greater, 1.0)]),
            "atanh" => {
                Expr::Or(vec![than(Comparison::LessOrEqual, -1.0), than(Comparison::GreaterOrEqual, 1.0)])
            }
            _ => return None,
        })
    }

    /// A call that means the same in both dialects, or nearly.
    fn known_function(&mut self, name: &str, mut arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        match (name, arguments.len()) {
            ("min" | "max", 2..) if self.is_sqlite() => return self.extreme(name, arguments, span),
            ("substr" | "substring", 2 | 3) if self.is_sqlite() && !is_from_first(&arguments) => {
                let mut arguments = arguments.into_iter();
                let text = arguments.next().map(|text| self.value(text));
                let places = arguments.map(|place| self.value(place)).collect::<Vec<_>>();
                let arguments = text.into_iter().chain(places).collect();
                return self.call(Function::String(StringFunction::Slice), arguments, span);
            }
            ("hex", 1) if self.is_sqlite() && matches!(arguments[0].class(), None | Some(Class::Text)) => {
                let empty = Expr::Literal(Value::Text(String::new()));
                let text = arguments.pop().map(|text| Expr::Call(Function::Coalesce, vec![text.expr, empty]));
                let text = text.map(|text| Typed::new(text, TEXT)).into_iter().collect();
                return self.call(Function::String(StringFunction::Hex), text, span);
            }
            ("replace", 3) if self.is_sqlite() => {
                let call = self.call(Function::Replace, arguments, span)?;
                return Ok(unless_nothing_is_replaced(call));
            }
            ("unicode", 1) if self.is_sqlite() => {
                let arguments = arguments.into_iter().map(|typed| self.as_text(typed)).collect();
                let point = self.call(Function::String(StringFunction::Ascii), arguments, span)?;
                let none = Expr::Literal(Value::Int(0));
                return Ok(Typed::new(
                    Expr::Call(Function::NullIf, vec![point.expr, none]),
                    DataType::BigInt,
                ));
            }
            ("contains" | "ends_with", 2) => {
                let kind = if name == "contains" { TextMatch::Contains } else { TextMatch::EndsWith };
                let (part, text) = (arguments.pop(), arguments.pop());
                let (Some(part), Some(text)) = (part, text) else {
                    return Err(arity(name, "2 arguments", arguments.len(), span));
                };
                return Ok(self.literal_search(kind, text, part));
            }
            ("iif" | "if", 2) => {
                arguments.push(Typed::null());
                return self.scalar_function(name, arguments, span);
            }
            ("iif" | "if", 3) => {
                let (otherwise, then, condition) = (arguments.pop(), arguments.pop(), arguments.pop());
                let (Some(otherwise), Some(then), Some(condition)) = (otherwise, then, condition) else {
                    return Err(arity(name, "3 arguments", arguments.len(), span));
                };
                let condition = if condition.class() == Some(Class::Bool) {
                    condition.expr
                } else {
                    super::typed::is_not_zero(self.number(condition))
                };
                let results = vec![then, otherwise];
                if self.is_mixed(&results) {
                    return Ok(Typed::choice([Some(condition), None].into_iter().zip(results).collect()));
                }
                let is_any = self.keep_their_types(&results, false);
                let (results, kind) = match is_any {
                    true => (self.each_as_it_is(results), None),
                    false => self.unified(results, name, span)?,
                };
                let mut results = results.into_iter();
                let branches = results.next().map(|then| (condition, then)).into_iter().collect();
                let chosen = Expr::Case { branches, otherwise: results.next().map(Box::new) };
                return Ok(if is_any { Typed::any(chosen) } else { Typed::new(chosen, kind) });
            }
            ("pow" | "power" | "mod", 2) => {
                let op = if name == "mod" { Arithmetic::Modulo } else { Arithmetic::Power };
                if let (Some(right), Some(left)) = (arguments.pop(), arguments.pop()) {
                    return self.arithmetic(op, left, right, span);
                }
            }
            ("date_trunc", 2) => {
                if let (Some(operand), Some(unit)) = (arguments.pop(), arguments.pop()) {
                    return self.truncated(unit, operand, span);
                }
            }
            ("date_trunc", 3) => {
                if let (Some(zone), Some(operand), Some(unit)) =
                    (arguments.pop(), arguments.pop(), arguments.pop())
                    && let (Some(zone), Some(unit)) = (zone.literal_text(), unit.literal_text())
                {
                    let (unit, zone) = (date_unit(unit, span)?, super::zone::zone(zone, span)?);
                    return self.call(Function::Truncate(unit, Some(zone)), vec![operand], span);
                }
                return Err(SqlError::at(unsupported("date_trunc() in a zone that is not a literal"), span));
            }
            ("date_part", 2) => {
                if let (Some(operand), Some(part)) = (arguments.pop(), arguments.pop()) {
                    let Some(name) = part.literal_text() else {
                        let feature = "date_part() of a part that is not a literal";
                        return Err(SqlError::at(unsupported(feature), span));
                    };
                    let part = match self.part_of_months(name, &operand, span) {
                        Some(part) => part?,
                        None => self.part_of(name, operand, span)?,
                    };
                    return Ok(match part.class() {
                        Some(Class::Decimal) => Typed::new(cast(part.expr, DataType::Float), DataType::Float),
                        _ => part.of_width(Width::Double),
                    });
                }
            }
            (_, 0)
                if self.is_sqlite()
                    && let Some(count) = self.parameters.count_named(name) =>
            {
                return Ok(Typed::new(Expr::literal(count), DataType::BigInt));
            }
            ("sign", 1) if !self.is_sqlite() => {
                let is_decimal = arguments[0].class() == Some(Class::Decimal);
                let width = if is_decimal { Width::Numeric } else { Width::Double };
                return Ok(self.call(Function::Sign, arguments, span)?.of_width(width));
            }
            ("age", 1 | 2) if !self.is_sqlite() => return self.age(arguments, span),
            // SQLite knows seconds.
            ("current_timestamp", 0) if self.is_sqlite() => {
                let now = self.call(Function::Now, Vec::new(), span)?;
                return self.call(Function::Truncate(DateUnit::Second, None), vec![now], span);
            }
            ("current_date", 0) => {
                let now = self.call(Function::Now, Vec::new(), span)?;
                return self.call(Function::DateOf(None), vec![now], span);
            }
            ("typeof", 1) if self.is_sqlite() => {
                if let Some(argument) = arguments.pop() {
                    return Ok(type_name(argument));
                }
            }
            _ => {}
        }
        if let Some(call) = self.moment_call(name, &mut arguments, span) {
            return call;
        }
        if let Some(call) = self.family_call(name, &mut arguments, span) {
            return call;
        }
        let plain = PLAIN.iter().find(|(known, _)| *known == name).map(|(_, function)| function.clone());
        match plain.or_else(|| Function::of_family(name)) {
            Some(function) => self.call(function, arguments, span),
            None if OTHERS.contains(&name) => {
                Err(arity(name, "another number of arguments", arguments.len(), span))
            }
            None => {
                if window_kind_of(name) {
                    let problem = Problem::WindowMissing { function: name.to_owned() };
                    return Err(SqlError::at(problem, span));
                }
                let names = PLAIN.iter().map(|(known, _)| *known).chain(OTHERS);
                let (name, nearest) = (name.to_owned(), hint::function(name, names));
                Err(SqlError::at(Problem::UnknownFunction { name, nearest }, span))
            }
        }
    }

    /// SQLite's `quote` of what may be of any type: only a text is put in quotes.
    fn quoted_any(&mut self, argument: &Typed, span: Span) -> Bound<Typed> {
        let text = argument.clone().any_as_text();
        let quoted = self.scalar_function("quote", vec![text.clone()], span)?;
        let is_text = Expr::Or(vec![
            argument.expr.clone().is_null(),
            type_name(argument.clone()).expr.equals(Expr::literal("text")),
        ]);
        let otherwise = Some(Box::new(text.expr));
        Ok(Typed::new(Expr::Case { branches: vec![(is_text, quoted.expr)], otherwise }, TEXT))
    }

    /// A function of syntax trees.
    pub(super) fn simple_call(
        &mut self,
        function: Function,
        arguments: &[&Ast],
        scope: &Scope<'_>,
        span: Span,
    ) -> Bound<Typed> {
        let arguments = arguments.iter().map(|argument| self.value_of(argument, scope));
        let arguments = arguments.collect::<Bound<Vec<_>>>()?;
        self.call(function, arguments, span)
    }
}

/// SQLite's `replace`: where nothing is looked for, the text stays, even if it is nothing that would take its place.
fn unless_nothing_is_replaced(call: Typed) -> Typed {
    let Expr::Call(_, operands) = &call.expr else { return call };
    let [text, part, by] = operands.as_slice() else { return call };
    if matches!(by, Expr::Literal(value) if !value.is_null()) {
        return call;
    }
    let is_empty = part.clone().equals(Expr::Literal(Value::Text(String::new())));
    let branches = vec![(is_empty, text.clone())];
    Typed { expr: Expr::Case { branches, otherwise: Some(Box::new(call.expr)) }, ..call }
}

/// The arguments of a function that takes expressions only.
pub(super) fn plain_arguments<'f>(
    function: &'f ast::Function,
    name: &str,
    span: Span,
) -> Bound<Vec<&'f Ast>> {
    let list = match &function.args {
        ast::FunctionArguments::None => return Ok(Vec::new()),
        ast::FunctionArguments::List(list) => list,
        ast::FunctionArguments::Subquery(_) => {
            return Err(SqlError::at(unsupported(format!("{name}() of a query")), span));
        }
    };
    let plain = |argument: &'f ast::FunctionArg| match argument {
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Ok(expr),
        _ => Err(SqlError::at(unsupported(format!("{name}() with such an argument")), span)),
    };
    list.args.iter().map(plain).collect()
}

pub(super) fn arity(function: &str, expected: &'static str, got: usize, span: Span) -> SqlError {
    SqlError::at(Problem::Arguments { function: function.to_owned(), expected, got }, span)
}

/// Whether the places that SQLite's `substr` is given mean what they do in PostgreSQL.
fn is_from_first(arguments: &[Typed]) -> bool {
    let is_above = |place: usize, least: i64| match arguments.get(place).map(|argument| &argument.expr) {
        Some(Expr::Literal(Value::Int(int))) => *int >= least,
        Some(_) => false,
        None => true,
    };
    is_above(1, 1) && is_above(2, 0)
}

fn date_unit(name: &str, span: Span) -> Bound<DateUnit> {
    let unknown = || SqlError::at(unsupported(format!("date_trunc to '{name}' in a time zone")), span);
    unit_named(name).ok_or_else(unknown)
}

/// The unit of the algebra that has this name.
pub(super) fn unit_named(name: &str) -> Option<DateUnit> {
    Some(match name.to_lowercase().as_str() {
        "year" => DateUnit::Year,
        "quarter" => DateUnit::Quarter,
        "month" => DateUnit::Month,
        "week" => DateUnit::Week,
        "day" => DateUnit::Day,
        "hour" => DateUnit::Hour,
        "minute" => DateUnit::Minute,
        "second" => DateUnit::Second,
        _ => return None,
    })
}

/// Whether a function of SQLite's reads its arguments as texts whatever they are.
fn takes_texts(name: &str) -> bool {
    matches!(
        name,
        "date" | "time" | "datetime" | "julianday" | "unixepoch" | "strftime" | "timediff" | "hex" | "unhex"
    )
}

/// SQLite's `typeof`, which a static type tells but for NULL.
fn type_name(argument: Typed) -> Typed {
    let text = |text: &str| Expr::Literal(Value::Text(text.to_owned()));
    if argument.is_any() {
        return super::json::type_of(argument.expr);
    }
    if let Some(choices) = &argument.mixed {
        let mut branches = Vec::with_capacity(choices.len());
        let mut otherwise = None;
        for (when, choice) in choices {
            let name = type_name(choice.clone()).expr;
            match when {
                Some(when) => branches.push((when.clone(), name)),
                None => otherwise = Some(Box::new(name)),
            }
        }
        return Typed::new(Expr::Case { branches, otherwise }, TEXT);
    }
    let name = match argument.class() {
        None => return Typed::new(text("null"), TEXT),
        Some(Class::Int | Class::Bool) => "integer",
        Some(Class::Float | Class::Decimal) => "real",
        Some(Class::Bytes) => "blob",
        Some(_) => "text",
    };
    let branches = vec![(argument.expr.is_null(), text("null"))];
    Typed::new(Expr::Case { branches, otherwise: Some(Box::new(text(name))) }, TEXT)
}
