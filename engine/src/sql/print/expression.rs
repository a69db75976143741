//! Scalar expressions as SQL.
//!
//! What is compound stands in parentheses wherever it is an operand, so that no table of precedences is needed: neither
//! to write nor to read it.

use nuages_storage::{DataType, Value};

use super::Names;
use super::identifier::Identifier;
use crate::algebra::{
    DatePart, DateUnit, EnumCall, EnumVerb, Expr, Function, SequenceCall, SequenceVerb, TextMatch,
};

/// Prints expressions; what a column and a subquery are called is for [`Names`] to say.
pub(super) fn expression(expr: &Expr, names: &mut dyn Names) -> String {
    let list = |exprs: &[Expr], names: &mut dyn Names| {
        let printed: Vec<String> = exprs.iter().map(|expr| expression(expr, names)).collect();
        printed.join(", ")
    };
    match expr {
        Expr::Literal(value) => literal(value),
        Expr::Parameter(number, data_type) => format!("CAST(${} AS {data_type})", number + 1),
        Expr::Column(column) => names.column(*column),
        Expr::Compare(op, a, b) => binary(a, op.symbol(), b, names),
        Expr::Arithmetic(op, a, b) => binary(a, op.symbol(), b, names),
        Expr::And(parts) if parts.is_empty() => "true".into(),
        Expr::Or(parts) if parts.is_empty() => "false".into(),
        Expr::And(parts) => joined(parts, " AND ", names),
        Expr::Or(parts) => joined(parts, " OR ", names),
        Expr::Not(inner) => match &**inner {
            Expr::IsNull(value) => format!("{} IS NOT NULL", operand(value, names)),
            Expr::InList(value, items) if !items.is_empty() => {
                format!("{} NOT IN ({})", operand(value, names), list(items, names))
            }
            Expr::InQuery(value, query) => {
                format!("{} NOT IN ({})", operand(value, names), names.query(query))
            }
            inner => format!("NOT {}", operand(inner, names)),
        },
        Expr::IsNull(value) => format!("{} IS NULL", operand(value, names)),
        // SQL has no empty list. A NULL among nothing is not among it either.
        Expr::InList(_, items) if items.is_empty() => "false".into(),
        Expr::InList(value, items) => format!("{} IN ({})", operand(value, names), list(items, names)),
        Expr::Negate(value) => format!("- {}", operand(value, names)),
        Expr::Case { branches, otherwise } => {
            let mut text = String::from("CASE");
            for (when, then) in branches {
                let (when, then) = (expression(when, names), expression(then, names));
                text.push_str(&format!(" WHEN {when} THEN {then}"));
            }
            if let Some(otherwise) = otherwise {
                text.push_str(&format!(" ELSE {}", expression(otherwise, names)));
            }
            text + " END"
        }
        Expr::Cast(value, data_type) => format!("CAST({} AS {data_type})", expression(value, names)),
        Expr::Match { kind, ignore_case, text, pattern } => {
            matched(*kind, *ignore_case, text, pattern, names)
        }
        Expr::Call(Function::AddMonths, arguments) => match arguments.as_slice() {
            [at, Expr::Literal(months)] => {
                format!("({} + INTERVAL '{months} months')", operand(at, names))
            }
            arguments => call(&Function::AddMonths, &list(arguments, names)),
        },
        Expr::Call(Function::Builtin(of), arguments) if of.name() == "overlay" => {
            let words = ["", " PLACING ", " FROM ", " FOR "];
            let parts =
                words.iter().zip(arguments).map(|(word, part)| format!("{word}{}", operand(part, names)));
            format!("overlay({})", parts.collect::<String>())
        }
        Expr::Call(Function::Sequence(of), arguments) => sequence_call(of, arguments, names),
        Expr::Call(Function::Enumeration(of), arguments) => enum_call(of, arguments, names),
        Expr::Call(function, arguments) => call(function, &list(arguments, names)),
        Expr::Scalar(query) => format!("({})", names.query(query)),
        Expr::Exists(relation) => format!("EXISTS ({})", names.relation(relation)),
        Expr::InQuery(value, query) => format!("{} IN ({})", operand(value, names), names.query(query)),
    }
}

/// An expression as an operand.
pub(super) fn operand(expr: &Expr, names: &mut dyn Names) -> String {
    let text = expression(expr, names);
    if is_atom(expr) { text } else { format!("({text})") }
}

/// Whether an expression holds together without parentheses.
fn is_atom(expr: &Expr) -> bool {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.is_empty(),
        Expr::InList(_, items) => items.is_empty(),
        Expr::Literal(Value::Int(int)) => *int >= 0,
        Expr::Literal(Value::Decimal(decimal)) => !decimal.is_sign_negative(),
        Expr::Literal(_)
        | Expr::Parameter(..)
        | Expr::Column(_)
        | Expr::Case { .. }
        | Expr::Cast(..)
        | Expr::Call(..)
        | Expr::Scalar(_)
        | Expr::Exists(_) => true,
        _ => false,
    }
}

fn binary(a: &Expr, symbol: &str, b: &Expr, names: &mut dyn Names) -> String {
    let (a, b) = (operand(a, names), operand(b, names));
    format!("{a} {symbol} {b}")
}

fn joined(parts: &[Expr], word: &str, names: &mut dyn Names) -> String {
    let is_alternative =
        |part: &Expr| matches!(part, Expr::And(parts) | Expr::Or(parts) if !parts.is_empty());
    let part = |part: &Expr, names: &mut dyn Names| match is_alternative(part) {
        true => format!("({})", expression(part, names)),
        false => expression(part, names),
    };
    let printed: Vec<String> = parts.iter().map(|expr| part(expr, names)).collect();
    printed.join(word)
}

/// A text search. Where SQL has no operator that searches literally, it is PostgreSQL's or DuckDB's function; without
/// regard to case, a pattern whose wildcards are escaped. It is joined by `||`, which leaves NULL what `concat` would
/// make a pattern that all texts match.
fn matched(kind: TextMatch, ignore_case: bool, text: &Expr, pattern: &Expr, names: &mut dyn Names) -> String {
    let (whole, part) = (expression(text, names), expression(pattern, names));
    let (text, pattern) = (operand(text, names), operand(pattern, names));
    let escaped = || {
        let escaped = format!("replace({part}, '\\', '\\\\')");
        format!("replace(replace({escaped}, '%', '\\%'), '_', '\\_')")
    };
    match (kind, ignore_case) {
        (TextMatch::Like, false) => format!("{text} LIKE {pattern}"),
        (TextMatch::Like, true) => format!("{text} ILIKE {pattern}"),
        (TextMatch::Regex, false) => format!("{text} ~ {pattern}"),
        (TextMatch::Regex, true) => format!("{text} ~* {pattern}"),
        (TextMatch::Exact, false) => format!("{text} = {pattern}"),
        (TextMatch::Exact, true) => format!("{text} ILIKE {}", escaped()),
        (TextMatch::Contains, false) => format!("contains({whole}, {part})"),
        (TextMatch::Contains, true) => format!("{text} ILIKE ('%' || {} || '%')", escaped()),
        (TextMatch::StartsWith, false) => format!("starts_with({whole}, {part})"),
        (TextMatch::StartsWith, true) => format!("{text} ILIKE ({} || '%')", escaped()),
        (TextMatch::EndsWith, false) => format!("ends_with({whole}, {part})"),
        (TextMatch::EndsWith, true) => format!("{text} ILIKE ('%' || {})", escaped()),
    }
}

fn call(function: &Function, arguments: &str) -> String {
    let local =
        |zone: &Option<jiff::tz::TimeZone>| match zone.as_ref().and_then(jiff::tz::TimeZone::iana_name) {
            Some(name) => format!("({arguments}) AT TIME ZONE {}", quoted(name)),
            None => arguments.to_owned(),
        };
    match function {
        // The algebra's second is whole.
        Function::Extract(DatePart::Second, zone) => {
            format!("CAST(trunc(extract(second FROM {})) AS bigint)", local(zone))
        }
        Function::Extract(part, zone) => format!("extract({} FROM {})", part_word(*part), local(zone)),
        Function::Truncate(unit, zone) => {
            let zone = zone.as_ref().and_then(jiff::tz::TimeZone::iana_name);
            let zone = zone.map_or_else(String::new, |name| format!(", {}", quoted(name)));
            format!("date_trunc('{}', {arguments}{zone})", unit_word(*unit))
        }
        Function::DateOf(zone) => format!("CAST({} AS date)", local(zone)),
        Function::TimeOf(zone) => format!("CAST({} AS time)", local(zone)),
        function => format!("{}({arguments})", function.name()),
    }
}

/// A function of a sequence, which it names as a text.
fn sequence_call(of: &SequenceCall, arguments: &[Expr], names: &mut dyn Names) -> String {
    let name = of.numbering.as_ref().map(|numbering| Identifier(&numbering.name).to_string());
    match (of.verb, name) {
        (SequenceVerb::Value | SequenceVerb::IsCalled, Some(name)) => {
            format!("(SELECT {} FROM {name})", of.verb.name())
        }
        (_, name) => {
            let name = name.map(|name| quoted(&name));
            let rest = arguments.iter().map(|argument| expression(argument, names));
            let all: Vec<String> = name.into_iter().chain(rest).collect();
            format!("{}({})", of.verb.name(), all.join(", "))
        }
    }
}

/// A rank is read again where two values are compared, or rows are ordered by one; and a value out of the rank of the
/// greatest.
fn enum_call(of: &EnumCall, arguments: &[Expr], names: &mut dyn Names) -> String {
    let value: Vec<String> = arguments.iter().map(|argument| expression(argument, names)).collect();
    let value = value.join(", ");
    match of.verb {
        EnumVerb::Read | EnumVerb::Rank => format!("CAST({value} AS {})", Identifier(&of.of.name)),
        EnumVerb::Label => value,
        EnumVerb::RankMembers => format!("CAST({value} AS {}[])", Identifier(&of.of.name)),
    }
}

fn part_word(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "year",
        DatePart::IsoYear => "isoyear",
        DatePart::Quarter => "quarter",
        DatePart::Month => "month",
        DatePart::Week => "week",
        DatePart::WeekDay => "weekday",
        DatePart::IsoWeekDay => "isodow",
        DatePart::Day => "day",
        DatePart::DayOfYear => "doy",
        DatePart::Hour => "hour",
        DatePart::Minute => "minute",
        DatePart::Second => "second",
    }
}

fn unit_word(unit: DateUnit) -> &'static str {
    match unit {
        DateUnit::Year => "year",
        DateUnit::Quarter => "quarter",
        DateUnit::Month => "month",
        DateUnit::Week => "week",
        DateUnit::Day => "day",
        DateUnit::Hour => "hour",
        DateUnit::Minute => "minute",
        DateUnit::Second => "second",
    }
}

/// A value as a literal of its own type.
pub fn literal(value: &Value) -> String {
    let typed = |name: DataType| format!("CAST({} AS {name})", quoted(&value.to_string()));
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) => value.to_string(),
        // The digits are kept: 1.50 is a number of two places, and 2 one that is no integer.
        Value::Decimal(decimal) if decimal.scale() > 0 => value.to_string(),
        Value::Decimal(_) => format!("CAST({value} AS numeric)"),
        // A number with digits is a decimal first, and of those none is a negative zero.
        Value::Float(float) if float.is_finite() && float.to_bits() != (-0.0_f64).to_bits() => {
            format!("CAST({value} AS double precision)")
        }
        Value::Float(_) => typed(DataType::Float),
        Value::Text(text) => quoted(text),
        Value::Bytes(_) => typed(DataType::Bytes),
        Value::Date(_) => typed(DataType::Date),
        Value::Time(_) => typed(DataType::Time),
        Value::Timestamp(_) => typed(DataType::Timestamp),
        Value::Duration(_) => typed(DataType::Duration),
        Value::Uuid(_) => typed(DataType::Uuid),
        Value::Json(_) => typed(DataType::Json),
    }
}

/// A text as a literal.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
