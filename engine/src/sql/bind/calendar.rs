//! Dates and timestamps in arithmetic and beside each other.
//!
//! Months and years have no fixed length, so an interval of them is not a value of its own here: it is added to what
//! it stands beside, by [`Function::AddMonths`]. As in PostgreSQL a date plus or minus any interval is a timestamp, and
//! a date compared with a timestamp is the midnight it begins with; where the timestamp is a literal that is a
//! midnight, it becomes a date instead, so that an index of dates serves.

use jiff::SignedDuration;
use nuages_storage::{DataType, Value};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::typed::{TEXT, Typed, cast};
use super::{Binder, Bound};
use crate::algebra::{Arithmetic, Expr, Function, TimeFunction};
use crate::evaluate::interval::read_months;
use crate::evaluate::{Class, cast_value};
use crate::functions::add_months;

impl Binder<'_> {
    /// PostgreSQL's words for days and moments, as a date or a timestamp: `now`, `today`, `tomorrow`, `yesterday` and `epoch`.
    /// None if a text is another.
    pub(super) fn moment_by_word(&mut self, typed: &Typed, to: DataType, span: Span) -> Bound<Option<Typed>> {
        let Some(text) = typed.literal_text() else { return Ok(None) };
        if self.is_sqlite() || !matches!(to, DataType::Date | DataType::Timestamp) {
            return Ok(None);
        }
        let days = match text.trim().to_ascii_lowercase().as_str() {
            "now" | "today" => 0,
            "tomorrow" => 1,
            "yesterday" => -1,
            "epoch" => {
                let epoch = Typed::literal(Value::from("1970-01-01"));
                return Ok(Some(Typed::inclined(cast(epoch.expr, to), to)));
            }
            _ => return Ok(None),
        };
        let now = Typed::new(Expr::Call(Function::Now, Vec::new()), DataType::Timestamp);
        if to == DataType::Timestamp && text.trim().eq_ignore_ascii_case("now") {
            return Ok(Some(now));
        }
        let today = self.call(Function::DateOf(None), vec![now], span)?;
        let day = match days {
            0 => today,
            days => self.arithmetic(Arithmetic::Add, today, Typed::literal(Value::Int(days)), span)?,
        };
        Ok(Some(Typed::inclined(cast(day.expr, to), to)))
    }

    /// A date or timestamp plus or minus an interval that has months; none if it is another. What the interval has
    /// beside them is added after them.
    pub(super) fn shifted(&self, op: Arithmetic, left: &Typed, interval: &ast::Expr) -> Option<Typed> {
        let (months, rest) = months_of(interval)?;
        if !matches!(op, Arithmetic::Add | Arithmetic::Subtract)
            || !matches!(left.kind, Some(DataType::Date | DataType::Timestamp))
        {
            return None;
        }
        let months = if op == Arithmetic::Subtract { months.checked_neg()? } else { months };
        let midnight = match left.kind {
            Some(DataType::Date) => cast(left.expr.clone(), DataType::Timestamp),
            _ => left.expr.clone(),
        };
        let expr = match folded(&midnight) {
            Some(value) => match add_months(&value, months) {
                Ok(value) => Expr::Literal(value),
                Err(_) => Expr::Call(Function::AddMonths, vec![midnight, Expr::literal(months)]),
            },
            None => Expr::Call(Function::AddMonths, vec![midnight, Expr::literal(months)]),
        };
        let expr =
            if rest.is_zero() { expr } else { expr.arithmetic(op, Expr::Literal(Value::Duration(rest))) };
        Some(Typed::new(expr, DataType::Timestamp))
    }
}

/// The two sides of a comparison, a date beside a timestamp made one.
pub(super) fn same_instants(left: Typed, right: Typed) -> (Typed, Typed) {
    match (left.kind, right.kind) {
        (Some(DataType::Date), Some(DataType::Timestamp)) => beside(left, right),
        (Some(DataType::Timestamp), Some(DataType::Date)) => {
            let (right, left) = beside(right, left);
            (left, right)
        }
        _ => (left, right),
    }
}

/// The two sides of a comparison in SQLite's dialect, where a text beside a date or a timestamp is what it is read as.
/// A literal that is read as none stays a text, and is compared with the text of the other.
pub(super) fn read_beside_moments(left: Typed, right: Typed) -> (Typed, Typed) {
    let is_moment = |typed: &Typed| matches!(typed.kind, Some(DataType::Date | DataType::Timestamp));
    match (is_moment(&left), is_moment(&right)) {
        (true, false) if right.class() == Some(Class::Text) => beside_text(left, read(right)),
        (false, true) if left.class() == Some(Class::Text) => {
            let (right, left) = beside_text(right, read(left));
            (left, right)
        }
        _ => same_instants(left, right),
    }
}

fn beside_text(moment: Typed, read: Typed) -> (Typed, Typed) {
    if read.class() == Some(Class::Text) {
        return (Typed::new(cast(moment.expr, TEXT), TEXT), read);
    }
    same_instants(moment, read)
}

fn read(text: Typed) -> Typed {
    let Some(literal) = text.literal_text() else {
        let moment = Expr::Call(Function::Time(TimeFunction::Modified), vec![text.expr]);
        return Typed::new(moment, DataType::Timestamp);
    };
    let literal = Value::Text(literal.to_owned());
    let midnight =
        |_| cast_value(literal.clone(), DataType::Date).and_then(|day| cast_value(day, DataType::Timestamp));
    cast_value(literal.clone(), DataType::Timestamp).or_else(midnight).map_or(text, Typed::literal)
}

fn beside(date: Typed, timestamp: Typed) -> (Typed, Typed) {
    if let Some(day) = folded(&timestamp.expr).as_ref().and_then(midnight_of) {
        return (date, Typed::literal(day));
    }
    (Typed::new(cast(date.expr, DataType::Timestamp), DataType::Timestamp), timestamp)
}

/// The day that a timestamp is the midnight of.
fn midnight_of(timestamp: &Value) -> Option<Value> {
    let day = cast_value(timestamp.clone(), DataType::Date).ok()?;
    let midnight = cast_value(day.clone(), DataType::Timestamp).ok()?;
    (midnight == *timestamp).then_some(day)
}

/// The value of an expression over literals of points in time and spans between them.
fn folded(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Literal(value @ (Value::Date(_) | Value::Timestamp(_))) => Some(value.clone()),
        Expr::Cast(inner, to) => cast_value(folded(inner)?, *to).ok(),
        Expr::Arithmetic(op @ (Arithmetic::Add | Arithmetic::Subtract), left, right) => {
            let Value::Timestamp(start) = cast_value(folded(left)?, DataType::Timestamp).ok()? else {
                return None;
            };
            let Expr::Literal(Value::Duration(span)) = **right else { return None };
            let end = match op {
                Arithmetic::Add => start.checked_add(span),
                _ => start.checked_sub(span),
            };
            end.ok().map(Value::Timestamp)
        }
        _ => None,
    }
}

/// The months of an interval that is written, and the rest of it; none if it has none.
pub(super) fn months_of(interval: &ast::Expr) -> Option<(i64, SignedDuration)> {
    let (value, unit) = match interval {
        ast::Expr::Interval(interval) => (&*interval.value, interval.leading_field.as_ref()),
        ast::Expr::Cast { expr, data_type: ast::DataType::Interval { .. }, .. } => (&**expr, None),
        _ => return None,
    };
    let ast::Expr::Value(value) = value else { return None };
    let text = match &value.value {
        ast::Value::SingleQuotedString(text) | ast::Value::Number(text, _) => text.as_str(),
        _ => return None,
    };
    read_months(text, unit.map(ToString::to_string).as_deref())
}
