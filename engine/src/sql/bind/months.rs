//! Intervals of months.
//!
//! A month has no fixed length, so an interval that has some is no value of the engine's: it is two, the months and the
//! time beside them, which the binder keeps together as `calendar_interval(months, rest)`. That is a text where nothing
//! is done with it, worded as PostgreSQL does; where it is added, compared or taken apart, it is done with both. A
//! comparison takes a month for 30 days, as PostgreSQL does.

use jiff::SignedDuration;
use nuages_storage::{DataType, Value};
use sqlparser::tokenizer::Span;

use super::called::builtin;
use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound, unsupported};
use crate::algebra::{Arithmetic, Comparison, Expr, Function, TimeFunction};
use crate::evaluate::Class;
use crate::evaluate::interval::{read_interval, read_months};
use crate::sql::error::SqlError;

const HOURS_PER_MONTH: i64 = 30 * 24;

/// The months of an interval, and the time beside them.
#[derive(Clone)]
pub(super) struct Months {
    months: Expr,
    rest: Expr,
}

impl Months {
    pub(super) fn new(months: Expr, rest: Expr) -> Months {
        Months { months, rest }
    }

    /// Those of an interval that is written; none if it has no months.
    pub(super) fn read(text: &str, unit: Option<&str>) -> Option<Months> {
        let (months, rest) = read_months(text, unit)?;
        Some(Months { months: Expr::literal(months), rest: Expr::Literal(Value::Duration(rest)) })
    }

    /// Those of an expression that is an interval of months.
    pub(super) fn of(typed: &Typed) -> Option<Months> {
        match &typed.expr {
            Expr::Call(Function::Builtin(function), parts) if function.name() == "calendar_interval" => {
                let [months, rest] = parts.as_slice() else { return None };
                Some(Months { months: months.clone(), rest: rest.clone() })
            }
            Expr::Call(Function::Time(TimeFunction::Age), moments) => Some(Months {
                months: builtin("age_months", moments.clone()),
                rest: builtin("age_beside_months", moments.clone()),
            }),
            _ => None,
        }
    }

    /// Those of anything that is an interval, of what stands beside one too.
    fn beside(typed: &Typed) -> Option<Months> {
        if let Some(text) = typed.literal_text() {
            let rest = || read_interval(text).map(|rest| (0, rest));
            let (months, rest) = read_months(text, None).or_else(rest)?;
            return Some(Months::new(Expr::literal(months), Expr::Literal(Value::Duration(rest))));
        }
        match typed.class() {
            Some(Class::Duration) => Some(Months::new(Expr::literal(0), typed.expr.clone())),
            _ => Months::of(typed),
        }
    }

    /// The interval as an expression.
    pub(super) fn typed(self) -> Typed {
        Typed::new(builtin("calendar_interval", vec![self.months, self.rest]), TEXT)
    }

    /// Its length where a month has 30 days.
    fn length(self) -> Typed {
        let month = Expr::Literal(Value::Duration(SignedDuration::from_hours(HOURS_PER_MONTH)));
        let months = month.arithmetic(Arithmetic::Multiply, self.months);
        Typed::new(self.rest.arithmetic(Arithmetic::Add, months), DataType::Duration)
    }

    fn negated(self) -> Months {
        Months { months: Expr::Negate(Box::new(self.months)), rest: Expr::Negate(Box::new(self.rest)) }
    }

    /// Each part by a number: what is left of a month is as much of 30 days.
    fn scaled(self, op: Arithmetic, number: Typed) -> Months {
        let rest = self.rest.arithmetic(op, number.expr.clone());
        if op == Arithmetic::Multiply && number.class() == Some(Class::Int) {
            return Months { months: self.months.arithmetic(op, number.expr), rest };
        }
        let exact = cast(self.months, DataType::Float).arithmetic(op, cast(number.expr, DataType::Float));
        let whole = Expr::Call(Function::TruncateNumber, vec![exact.clone()]);
        let left = exact.arithmetic(Arithmetic::Subtract, whole.clone());
        let month = Expr::Literal(Value::Duration(SignedDuration::from_hours(HOURS_PER_MONTH)));
        let left = month.arithmetic(Arithmetic::Multiply, left);
        Months { months: cast(whole, DataType::BigInt), rest: rest.arithmetic(Arithmetic::Add, left) }
    }
}

impl Binder<'_> {
    /// Arithmetic with an interval of months; none if there is none.
    pub(super) fn months_in_arithmetic(
        &self,
        op: Arithmetic,
        left: &Typed,
        right: &Typed,
        span: Span,
    ) -> Option<Bound<Typed>> {
        if self.is_sqlite() {
            return None;
        }
        let (first, second) = (Months::of(left), Months::of(right));
        if first.is_none() && second.is_none() {
            return None;
        }
        let is_number = |typed: &Typed| typed.class().is_some_and(Class::is_number);
        let moment = |typed: &Typed| match typed.kind {
            Some(DataType::Timestamp) => Some(typed.expr.clone()),
            Some(DataType::Date) => Some(cast(typed.expr.clone(), DataType::Timestamp)),
            _ => None,
        };
        let refused = || {
            let feature = format!("an interval of months in this place beside {}", op.symbol());
            Some(Err(SqlError::at(unsupported(feature), span)))
        };
        Some(Ok(match (op, first, second) {
            (Arithmetic::Add | Arithmetic::Subtract, None, Some(interval)) if moment(left).is_some() => {
                let interval = if op == Arithmetic::Subtract { interval.negated() } else { interval };
                later(moment(left)?, interval)
            }
            (Arithmetic::Add, Some(interval), None) if moment(right).is_some() => {
                later(moment(right)?, interval)
            }
            (Arithmetic::Multiply | Arithmetic::Divide, Some(interval), None) if is_number(right) => {
                interval.scaled(op, right.clone()).typed()
            }
            (Arithmetic::Multiply, None, Some(interval)) if is_number(left) => {
                interval.scaled(op, left.clone()).typed()
            }
            (Arithmetic::Add | Arithmetic::Subtract, ..) => {
                let (Some(left), Some(right)) = (Months::beside(left), Months::beside(right)) else {
                    return refused();
                };
                let months = left.months.arithmetic(op, right.months);
                Months::new(months, left.rest.arithmetic(op, right.rest)).typed()
            }
            _ => return refused(),
        }))
    }

    /// `-interval`.
    pub(super) fn months_negated(&self, operand: &Typed) -> Option<Typed> {
        Months::of(operand).map(|interval| interval.negated().typed())
    }

    /// The two sides of a comparison, one of which is an interval of months; none if none is.
    pub(super) fn months_compared(&mut self, op: Comparison, left: &Typed, right: &Typed) -> Option<Typed> {
        if self.is_sqlite() || Months::of(left).is_none() && Months::of(right).is_none() {
            return None;
        }
        let (left, right) = (Months::beside(left)?.length(), Months::beside(right)?.length());
        Some(Typed::bool(left.expr.compare(op, right.expr)))
    }

    /// `extract(part FROM interval)` of an interval of months; none if it is another.
    pub(super) fn part_of_months(&mut self, part: &str, operand: &Typed, span: Span) -> Option<Bound<Typed>> {
        let Months { months, rest } = Months::of(operand)?;
        let part = part.trim_matches('\'').to_lowercase();
        let divided = |by: i64| months.clone().arithmetic(Arithmetic::Divide, Expr::literal(by));
        let modulo = |by: i64| months.clone().arithmetic(Arithmetic::Modulo, Expr::literal(by));
        let number = match part.as_str() {
            "year" | "years" => divided(12),
            "month" | "months" => modulo(12),
            "quarter" => {
                let whole = modulo(12).arithmetic(Arithmetic::Divide, Expr::literal(3));
                whole.arithmetic(Arithmetic::Add, Expr::literal(1))
            }
            "decade" => divided(120),
            "century" => divided(1_200),
            "millennium" => divided(12_000),
            "epoch" => {
                // A year has 365.25 days, and a month 30.
                let hours = |hours: i64| Expr::Literal(Value::Duration(SignedDuration::from_hours(hours)));
                let years = hours(365 * 24 + 6).arithmetic(Arithmetic::Multiply, divided(12));
                let months = hours(HOURS_PER_MONTH).arithmetic(Arithmetic::Multiply, modulo(12));
                let all = rest.arithmetic(Arithmetic::Add, years).arithmetic(Arithmetic::Add, months);
                return Some(self.part_of("epoch", Typed::new(all, DataType::Duration), span));
            }
            _ => return Some(self.part_of(&part, Typed::new(rest, DataType::Duration), span)),
        };
        Some(Ok(Typed::new(number, DataType::BigInt)))
    }

    /// `justify_days` and `justify_interval`: 30 days are a month.
    pub(super) fn justified(&mut self, argument: &Typed, span: Span) -> Bound<Typed> {
        let Some(Months { months, rest }) = Months::beside(argument) else {
            return Err(super::mismatch("justify_days()", "an interval", argument.kind, span));
        };
        let days = self.part_of("day", Typed::new(rest.clone(), DataType::Duration), span)?.expr;
        let more = days.arithmetic(Arithmetic::Divide, Expr::literal(30));
        let month = Expr::Literal(Value::Duration(SignedDuration::from_hours(HOURS_PER_MONTH)));
        let less = month.arithmetic(Arithmetic::Multiply, more.clone());
        let months = months.arithmetic(Arithmetic::Add, more);
        Ok(Months::new(months, rest.arithmetic(Arithmetic::Subtract, less)).typed())
    }

    /// `make_interval` with years or months.
    pub(super) fn made_interval(&mut self, mut arguments: Vec<Typed>, span: Span) -> Bound<Typed> {
        let is_zero = |typed: &Typed| matches!(typed.expr, Expr::Literal(Value::Int(0)));
        arguments.resize_with(arguments.len().max(2), || Typed::literal(Value::Int(0)));
        if arguments.iter().take(2).all(is_zero) {
            return self.table_call("make_interval", arguments, span);
        }
        let zero = || Typed::literal(Value::Int(0));
        let years = std::mem::replace(&mut arguments[0], zero());
        let months = std::mem::replace(&mut arguments[1], zero());
        let twelve = Typed::literal(Value::Int(12));
        let years = self.arithmetic(Arithmetic::Multiply, years, twelve, span)?;
        let months = self.arithmetic(Arithmetic::Add, years, months, span)?;
        let rest = self.table_call("make_interval", arguments, span)?;
        Ok(Months::new(months.expr, rest.expr).typed())
    }
}

/// A point in time that much later: by the months first.
fn later(moment: Expr, interval: Months) -> Typed {
    let moment = Expr::Call(Function::AddMonths, vec![moment, interval.months]);
    Typed::new(moment.arithmetic(Arithmetic::Add, interval.rest), DataType::Timestamp)
}
