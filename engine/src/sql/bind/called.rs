//! Calls whose meaning the binder knows: the dialect's, what is known of the session, and what depends on types.
//!
//! What a function is at all is the table's of [`functions::builtin`](crate::functions::builtin); here stands only what
//! a line of it cannot say.

use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::function::arity;
use super::months::Months;
use super::scope::Scope;
use super::typed::{TEXT, Typed, Width, cast};
use super::{Binder, Bound, unsupported};
use crate::algebra::{Builtin, Comparison, Expr, Function, StringFunction, TextMatch};
use crate::evaluate::{Class, class_of};
use crate::functions::builtin::{part_function, regex_of_glob};
use crate::sql::error::{Problem, SqlError};
use crate::sql::print::Identifier;
use crate::sql::setting::is_so;

/// The version of SQLite whose functions these are.
const SQLITE_VERSION: &str = "3.50.0";

/// Who asks, since there are no users.
const USER: &str = "nuages";

/// The arguments of `make_interval` by name, in their order.
const INTERVAL_PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];

/// A call of a function of the table, whose arguments are of the types it takes.
pub(super) fn builtin(name: &str, arguments: Vec<Expr>) -> Expr {
    let function = Function::of_family(name).expect("the table has what the binder calls by name");
    Expr::Call(function, arguments)
}

fn text(text: impl Into<String>) -> Typed {
    Typed::literal(Value::Text(text.into()))
}

impl Binder<'_> {
    /// A call that means something of its own in this dialect; none if it is another.
    pub(super) fn dialect_call(
        &mut self,
        name: &str,
        arguments: &mut Vec<Typed>,
        span: Span,
    ) -> Option<Bound<Typed>> {
        if self.is_sqlite() {
            return self.sqlite_call(name, arguments, span);
        }
        if let Some(call) = self.sequence_call(name, arguments, span) {
            return Some(call);
        }
        if let Some(call) = self.enum_call(name, arguments, span) {
            return Some(call);
        }
        let is_text = |typed: &Typed| typed.class() == Some(Class::Text);
        let is_bytes = arguments.first().is_some_and(|argument| argument.class() == Some(Class::Bytes));
        Some(match (name, arguments.as_slice()) {
            ("pg_typeof", [argument]) => Ok(text(match self.enumeration(argument) {
                Some(of) => Identifier(&of.name).to_string(),
                None => type_name(argument),
            })),
            ("obj_description", [of] | [of, _]) => self.comment_on_relation(of, span),
            ("col_description", [of, place]) => self.comment_on_column(of, place, span),
            ("current_user" | "session_user" | "user" | "current_role", []) => Ok(text(USER)),
            ("current_schema", []) => Ok(text("public")),
            ("current_database" | "current_catalog", []) => Ok(text(USER)),
            // PostgreSQL's dumps begin with `set_config('search_path', '', false)`.
            ("set_config", [setting, value, _]) => match (setting.literal_text(), value.literal_text()) {
                (Some(setting), Some(value)) if is_so(setting, value) => Ok(text(value)),
                (setting, _) => {
                    let feature = format!("set_config() of {}", setting.unwrap_or("what is no literal"));
                    Err(SqlError::at(unsupported(feature), span))
                }
            },
            ("version", []) => Ok(text(concat!("Nuages ", env!("CARGO_PKG_VERSION")))),
            ("localtime" | "current_time", []) => {
                let now = Typed::new(Expr::Call(Function::Now, Vec::new()), DataType::Timestamp);
                self.call(Function::TimeOf(None), vec![now], span)
            }
            ("substr" | "substring", [_, _, Typed { expr: Expr::Literal(Value::Int(..0)), .. }]) => {
                let (expression, expected) =
                    (format!("{name}()"), "a length that is not negative".to_owned());
                Err(SqlError::at(
                    Problem::Type { expression, expected, got: "a negative one".to_owned() },
                    span,
                ))
            }
            ("regexp_replace", [_, _, _, from, ..]) if from.class() == Some(Class::Int) => {
                self.table_call("regexp_replace_from", std::mem::take(arguments), span)
            }
            ("substr" | "substring", [_, pattern]) if is_text(pattern) && !is_bytes => {
                self.table_call("regexp_substring", std::mem::take(arguments), span)
            }
            ("substr" | "substring", [_, _] | [_, _, _]) if is_bytes => {
                self.table_call("substring_bytes", std::mem::take(arguments), span)
            }
            ("round", [number]) if number.class() == Some(Class::Float) => {
                self.table_call("rint", std::mem::take(arguments), span)
            }
            ("justify_days" | "justify_interval", [interval]) => self.justified(interval, span),
            ("justify_hours", [interval]) if Months::of(interval).is_some() => Ok(interval.clone()),
            ("make_interval", _) => self.made_interval(std::mem::take(arguments), span),
            _ => return None,
        })
    }

    fn sqlite_call(&mut self, name: &str, arguments: &mut Vec<Typed>, span: Span) -> Option<Bound<Typed>> {
        let count = arguments.len();
        let class = arguments.first().and_then(Typed::class);
        let mut taken = std::mem::take(arguments).into_iter();
        let mut next = || taken.next().unwrap_or_else(Typed::null);
        Some(match (name, count) {
            ("likely" | "unlikely", 1) | ("likelihood", 2) => Ok(next()),
            ("sqlite_version", 0) => Ok(text(SQLITE_VERSION)),
            ("current_time", 0) => return self.moment_call("time", &mut Vec::new(), span),
            ("like", 2 | 3) => {
                let (pattern, value, escape) = (next(), next(), (count == 3).then(next));
                let escape = escape.map(|escape| escape.literal_text().and_then(|text| text.chars().next()));
                self.like(value, pattern, escape, true, span)
            }
            ("glob", 2) => {
                let (pattern, value) = (next(), next());
                self.glob(value, &pattern, span)
            }
            ("abs", 1) if class == Some(Class::Text) => {
                let number = self.number(next());
                let number = Typed::new(cast(number.expr, DataType::Float), DataType::Float);
                self.call(Function::Abs, vec![number], span)
            }
            ("round", 1 | 2) => {
                let (number, digits) = (next(), (count == 2).then(next));
                self.round_real(number, digits, span)
            }
            ("hex", 1) if !matches!(class, Some(Class::Text | Class::Bytes)) => {
                let digits = text_or_empty(next());
                self.call(Function::String(StringFunction::Hex), vec![digits], span)
            }
            ("substr" | "substring", 2 | 3) if class == Some(Class::Bytes) => {
                let bytes = std::iter::once(next()).chain(taken).collect();
                self.table_call("slice_bytes", bytes, span)
            }
            _ => {
                arguments.extend(taken);
                return None;
            }
        })
    }

    /// A call of a function of the table.
    pub(super) fn table_call(&mut self, name: &str, arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let function = Builtin::named(name).map(Function::Builtin);
        let unknown =
            || SqlError::at(Problem::UnknownFunction { name: name.to_owned(), nearest: None }, span);
        self.call(function.ok_or_else(unknown)?, arguments, span)
    }

    /// SQLite's `round`: a float of anything, with no digits before the point rounded away.
    fn round_real(&mut self, number: Typed, digits: Option<Typed>, span: Span) -> Bound<Typed> {
        let number = self.number(number);
        let number = Typed::new(cast(number.expr, DataType::Float), DataType::Float);
        let mut arguments = vec![number];
        if let Some(digits) = digits {
            let digits = match self.number(digits) {
                digits if digits.class() == Some(Class::Float) => cast(digits.expr, DataType::BigInt),
                digits => digits.expr,
            };
            let zero = Expr::literal(0);
            let digits = match digits {
                Expr::Literal(Value::Int(digits)) => Expr::literal(digits.max(0)),
                Expr::Literal(Value::Null) => return Ok(Typed::null()),
                digits => {
                    let is_negative = digits.clone().compare(Comparison::Less, zero.clone());
                    Expr::Case { branches: vec![(is_negative, zero)], otherwise: Some(Box::new(digits)) }
                }
            };
            arguments.push(Typed::new(digits, DataType::BigInt));
        }
        self.call(Function::Round, arguments, span)
    }

    /// `extract(part FROM operand)`: a part of the algebra, or one that the table finds.
    pub(super) fn part_of(&mut self, name: &str, operand: Typed, span: Span) -> Bound<Typed> {
        let name = name.trim_matches('\'');
        let is_fine = name.eq_ignore_ascii_case("second") || operand.class() == Some(Class::Duration);
        if !is_fine && let Ok(part) = self.date_part(name, span) {
            return self.extract(part, operand, None, span);
        }
        let Some((function, part)) = part_function(name) else {
            return Err(SqlError::at(unsupported(format!("the date part {}", name.to_lowercase())), span));
        };
        self.table_call(function, vec![text(part), operand], span)
    }

    /// `date_trunc(unit, operand)`, which is a timestamp of a date too.
    pub(super) fn truncated(&mut self, unit: Typed, mut operand: Typed, span: Span) -> Bound<Typed> {
        if operand.class() == Some(Class::Date) && !self.is_sqlite() {
            operand = Typed::new(cast(operand.expr, DataType::Timestamp), DataType::Timestamp);
        }
        match unit.literal_text().and_then(super::function::unit_named) {
            Some(known) if operand.class() != Some(Class::Duration) => {
                self.call(Function::Truncate(known, None), vec![operand], span)
            }
            _ => self.table_call("date_trunc", vec![unit, operand], span),
        }
    }

    /// `make_interval(days => 3)`: the arguments by name, or in their order; none if it is another function.
    pub(super) fn make_interval(
        &mut self,
        name: &str,
        call: &ast::Function,
        span: Span,
        scope: &Scope<'_>,
    ) -> Option<Bound<Typed>> {
        let ast::FunctionArguments::List(list) = &call.args else { return None };
        let is_named = |argument: &ast::FunctionArg| !matches!(argument, ast::FunctionArg::Unnamed(_));
        if name != "make_interval" || self.is_sqlite() || !list.args.iter().any(is_named) {
            return None;
        }
        let zero = |place: usize| match place {
            6 => Typed::literal(Value::Float(0.0)),
            _ => Typed::literal(Value::Int(0)),
        };
        let refused = || SqlError::at(unsupported("make_interval() with such an argument"), span);
        let mut arguments: Vec<Typed> = (0..INTERVAL_PARTS.len()).map(zero).collect();
        for (place, argument) in list.args.iter().enumerate() {
            let (name, value) = match argument {
                ast::FunctionArg::Named { name, arg, .. }
                | ast::FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg, .. } => {
                    (Some(name), arg)
                }
                ast::FunctionArg::Unnamed(arg) => (None, arg),
                ast::FunctionArg::ExprNamed { .. } => return Some(Err(refused())),
            };
            let ast::FunctionArgExpr::Expr(expr) = value else { return Some(Err(refused())) };
            let is = |name: &ast::Ident, part: &&str| name.value.eq_ignore_ascii_case(part);
            let part = match name {
                Some(name) => INTERVAL_PARTS.iter().position(|part| is(name, part)),
                None => Some(place),
            };
            let Some(slot) = part.and_then(|part| arguments.get_mut(part)) else {
                let expected = "years, months, weeks, days, hours, mins and secs";
                return Some(Err(arity("make_interval", expected, list.args.len(), span)));
            };
            *slot = match self.value_of(expr, scope) {
                Ok(typed) => typed,
                Err(error) => return Some(Err(error)),
            };
        }
        Some(self.made_interval(arguments, span))
    }

    /// `text SIMILAR TO pattern`.
    pub(super) fn similar_to(
        &mut self,
        value: Typed,
        pattern: Typed,
        escape: Option<Typed>,
        negated: bool,
        span: Span,
    ) -> Bound<Typed> {
        let arguments = std::iter::once(pattern).chain(escape).collect();
        let pattern = self.table_call("similar_to_escape", arguments, span)?;
        self.regex(value, pattern, false, negated)
    }

    /// `GLOB`, as a regular expression.
    pub(super) fn glob(&mut self, value: Typed, pattern: &Typed, span: Span) -> Bound<Typed> {
        let value = self.value(value).any_as_text();
        let pattern = match pattern.literal_text() {
            Some(glob) => Expr::Literal(Value::Text(regex_of_glob(glob))),
            None => self.table_call("glob_pattern", vec![pattern.clone()], span)?.expr,
        };
        Ok(Typed::bool(Expr::Match {
            kind: TextMatch::Regex,
            ignore_case: false,
            text: Box::new(value.expr),
            pattern: Box::new(pattern),
        }))
    }

    /// `(a, b) OVERLAPS (c, d)`: whether two stretches of time have a moment in common. Either end may come first, or
    /// be how long it lasts; one without a length is its beginning.
    pub(super) fn overlaps(&mut self, pairs: Vec<(Typed, Typed)>, span: Span) -> Bound<Typed> {
        let Ok([(first, second), (first_end, second_end)]) = <[_; 2]>::try_from(pairs) else {
            return Err(SqlError::at(unsupported("OVERLAPS of anything but two pairs"), span));
        };
        let (first, first_end) = self.stretch(first, first_end, span)?;
        let (second, second_end) = self.stretch(second, second_end, span)?;
        let mut less = |left: &Typed, right: &Typed| -> Bound<Expr> {
            Ok(self.compare(Comparison::Less, left.clone(), right.clone(), span)?.expr)
        };
        let meets = less(&first, &second_end)?.and(less(&second, &first_end)?);
        let same = self.compare(Comparison::Equal, first, second, span)?.expr;
        Ok(Typed::bool(same.or(meets)))
    }

    fn stretch(&mut self, begin: Typed, end: Typed, span: Span) -> Bound<(Typed, Typed)> {
        let begin = match (begin.class(), end.class()) {
            (Some(Class::Date), Some(Class::Duration)) => {
                Typed::new(cast(begin.expr, DataType::Timestamp), DataType::Timestamp)
            }
            _ => begin,
        };
        let end = match end.class() {
            Some(Class::Duration) => {
                self.arithmetic(crate::algebra::Arithmetic::Add, begin.clone(), end, span)?
            }
            _ => end,
        };
        let (least, kind) = self.unified(vec![begin, end], "OVERLAPS", span)?;
        let greatest = least.clone();
        Ok((
            Typed::new(Expr::Call(Function::Least, least), kind),
            Typed::new(Expr::Call(Function::Greatest, greatest), kind),
        ))
    }
}

fn text_or_empty(typed: Typed) -> Typed {
    let digits = cast(typed.expr, TEXT);
    Typed::new(Expr::Call(Function::Coalesce, vec![digits, Expr::Literal(Value::from(""))]), TEXT)
}

/// A type as `pg_typeof` names it; integers and texts that were written are what PostgreSQL takes them for.
fn type_name(typed: &Typed) -> String {
    match (&typed.expr, typed.kind) {
        _ if Months::of(typed).is_some() => "interval".to_owned(),
        _ if typed.element.is_some() => {
            format!("{}[]", typed.element.map_or_else(String::new, |kind| kind.to_string()))
        }
        (Expr::Literal(Value::Int(int)), _) if i32::try_from(*int).is_ok() => "integer".to_owned(),
        (Expr::Literal(Value::Text(_)), _) | (_, None) => "unknown".to_owned(),
        (_, Some(DataType::Decimal { .. })) => "numeric".to_owned(),
        (_, Some(kind)) if typed.width >= Width::Numeric && class_of(kind) == Class::Int => {
            if typed.width == Width::Double { "double precision" } else { "numeric" }.to_owned()
        }
        (_, Some(DataType::Text { .. })) => "text".to_owned(),
        (_, Some(DataType::Time)) => "time without time zone".to_owned(),
        (_, Some(kind)) => kind.to_string(),
    }
}
