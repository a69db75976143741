//! Type names.

use jiff::SignedDuration;
use nuages_storage::DataType;
use nuages_storage::value::DECIMAL_PRECISION_MAX;
use sqlparser::ast::{CharacterLength, DataType as Ast, ExactNumberInfo};
use sqlparser::tokenizer::Span;

use super::typed::TEXT;
use super::{Binder, Bound};
use crate::evaluate::{Class, class_of};
use crate::sql::error::{Problem, SqlError};

/// The precision and scale of a decimal column that gives none.
const DECIMAL_SCALE: u8 = 10;

/// A type without its limits, as a value that is compared or computed with has it.
pub(super) fn without_limit(kind: DataType) -> DataType {
    match class_of(kind) {
        Class::Int => DataType::BigInt,
        Class::Text => TEXT,
        Class::Decimal => kind,
        _ => kind,
    }
}

impl Binder<'_> {
    /// The type that a name means.
    ///
    /// PostgreSQL's names are its own, and those of the serial types. SQLite takes any name and finds in it what the
    /// column is inclined to: `INT` an integer; `CHAR`, `CLOB` or `TEXT` a text; `BLOB` bytes; `REAL`, `FLOA` or `DOUB`
    /// a real; else a number.
    pub(in crate::sql) fn data_type(&self, name: &Ast, span: Span) -> Bound<DataType> {
        if self.is_sqlite()
            && let Some(kind) = sqlite_type(name)
        {
            return Ok(kind);
        }
        let known = self.known_type(name);
        known.ok_or_else(|| SqlError::at(Problem::UnknownType { name: name.to_string() }, span))
    }

    fn known_type(&self, name: &Ast) -> Option<DataType> {
        Some(match name {
            Ast::Bool | Ast::Boolean => DataType::Bool,
            Ast::SmallInt(_) | Ast::Int2(_) | Ast::TinyInt(_) => DataType::SmallInt,
            Ast::Int(_) | Ast::Integer(_) | Ast::Int4(_) | Ast::MediumInt(_) => DataType::Integer,
            Ast::BigInt(_) | Ast::Int8(_) => DataType::BigInt,
            Ast::Real | Ast::Float(_) | Ast::Float4 | Ast::Float8 | Ast::Double(_) | Ast::DoublePrecision => {
                DataType::Float
            }
            Ast::Numeric(digits) | Ast::Decimal(digits) | Ast::Dec(digits) => decimal(digits)?,
            Ast::Text => TEXT,
            Ast::Varchar(length)
            | Ast::CharacterVarying(length)
            | Ast::CharVarying(length)
            | Ast::Char(length)
            | Ast::Character(length)
            | Ast::Nvarchar(length) => DataType::Text { max_length: max_length(length.as_ref())? },
            Ast::Bytea | Ast::Blob(_) => DataType::Bytes,
            Ast::Date => DataType::Date,
            Ast::Time(..) => DataType::Time,
            Ast::Timestamp(..) | Ast::Datetime(_) => DataType::Timestamp,
            Ast::Interval { .. } => DataType::Duration,
            Ast::Uuid => DataType::Uuid,
            Ast::JSON | Ast::JSONB => DataType::Json,
            Ast::Custom(name, _) => {
                let name = name.0.last()?.as_ident()?.value.to_lowercase();
                match name.as_str() {
                    "serial" | "serial4" => DataType::Integer,
                    "bigserial" | "serial8" => DataType::BigInt,
                    "smallserial" | "serial2" => DataType::SmallInt,
                    "timestamptz" => DataType::Timestamp,
                    "name" => TEXT,
                    _ => return None,
                }
            }
            _ => return None,
        })
    }
}

/// Whether a name is that of a type whose columns number themselves.
pub(super) fn is_serial(name: &Ast) -> bool {
    let Ast::Custom(name, _) = name else { return false };
    let name = name.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase());
    name.is_some_and(|name| name.contains("serial"))
}

/// What SQLite finds in a name, if it is not one of a type that SQLite does not have.
fn sqlite_type(name: &Ast) -> Option<DataType> {
    match name {
        Ast::Boolean
        | Ast::Bool
        | Ast::Date
        | Ast::Time(..)
        | Ast::Timestamp(..)
        | Ast::Datetime(_)
        | Ast::Uuid
        | Ast::JSON
        | Ast::JSONB
        | Ast::Interval { .. } => return None,
        Ast::Numeric(digits @ ExactNumberInfo::PrecisionAndScale(..))
        | Ast::Decimal(digits @ ExactNumberInfo::PrecisionAndScale(..)) => return decimal(digits),
        _ => {}
    }
    let name = name.to_string().to_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    Some(if has(&["INT"]) {
        DataType::BigInt
    } else if name.is_empty() || has(&["CHAR", "CLOB", "TEXT", "STRING"]) {
        TEXT
    } else if has(&["BLOB", "BYTEA", "BINARY"]) {
        DataType::Bytes
    } else {
        DataType::Float
    })
}

fn decimal(digits: &ExactNumberInfo) -> Option<DataType> {
    let (precision, scale) = match digits {
        ExactNumberInfo::None => (DECIMAL_PRECISION_MAX, DECIMAL_SCALE),
        ExactNumberInfo::Precision(precision) => (u8::try_from(*precision).ok()?, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => {
            (u8::try_from(*precision).ok()?, u8::try_from(*scale).ok()?)
        }
    };
    (1..=DECIMAL_PRECISION_MAX).contains(&precision).then_some(DataType::Decimal { precision, scale })
}

fn max_length(length: Option<&CharacterLength>) -> Option<Option<u32>> {
    match length {
        None | Some(CharacterLength::Max) => Some(None),
        Some(CharacterLength::IntegerLength { length, .. }) => u32::try_from(*length).ok().map(Some),
    }
}

/// An interval as PostgreSQL writes it: `1 day 2 hours`, `01:30:00`, `2 weeks ago`. Months and years have no fixed
/// length and are none.
pub(super) fn read_interval(text: &str) -> Option<SignedDuration> {
    const DAY: i64 = 86_400;
    let mut total = SignedDuration::ZERO;
    let mut words = text.split_whitespace().peekable();
    let mut sign = 1;
    words.peek()?;
    let mut parts: Vec<SignedDuration> = Vec::new();
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("ago") && words.peek().is_none() {
            sign = -1;
            continue;
        }
        if word.contains(':') {
            parts.push(clock(word)?);
            continue;
        }
        let split = word.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(word.len());
        let (amount, unit) = word.split_at(split);
        let amount: f64 = amount.parse().ok()?;
        let unit = if unit.is_empty() { words.next().unwrap_or("second") } else { unit };
        let seconds = match unit.to_lowercase().as_str() {
            "microsecond" | "microseconds" | "us" => 1e-6,
            "millisecond" | "milliseconds" | "ms" => 1e-3,
            "second" | "seconds" | "sec" | "secs" | "s" => 1.0,
            "minute" | "minutes" | "min" | "mins" | "m" => 60.0,
            "hour" | "hours" | "hr" | "hrs" | "h" => 3_600.0,
            "day" | "days" | "d" => DAY as f64,
            "week" | "weeks" | "w" => (7 * DAY) as f64,
            _ => return None,
        };
        parts.push(SignedDuration::try_from_secs_f64(amount * seconds).ok()?);
    }
    for part in parts {
        total = total.checked_add(part)?;
    }
    if sign < 0 { total.checked_neg() } else { Some(total) }
}

/// `-12:30:00.5`.
fn clock(text: &str) -> Option<SignedDuration> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let mut parts = text.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next().map_or(Some(0.0), |seconds| seconds.parse().ok())?;
    let whole = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    let total =
        SignedDuration::from_secs(whole).checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?)?;
    if negative { total.checked_neg() } else { Some(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read() {
        let seconds = |text: &str| read_interval(text).map(|interval| interval.as_secs());
        assert_eq!(seconds("1 day 2 hours"), Some(93_600));
        assert_eq!(seconds("01:30"), Some(5_400));
        assert_eq!(seconds("-00:00:05"), Some(-5));
        assert_eq!(seconds("2 weeks ago"), Some(-1_209_600));
        assert_eq!(seconds("90 min"), Some(5_400));
        assert_eq!((seconds("2m 30s"), seconds("2000ms"), seconds("1h")), (Some(150), Some(2), Some(3_600)));
        assert_eq!((seconds("1 month"), seconds(""), seconds("x")), (None, None, None));
    }
}
