//! Timestamps in a time zone: `extract(hour FROM at AT TIME ZONE 'Europe/Paris')`, and dates and times of day there.
//!
//! A timestamp is an instant. `AT TIME ZONE` asks what clocks show there, and is read where that is taken apart at once.

use jiff::tz::TimeZone;
use nuages_storage::DataType;
use sqlparser::ast::{self, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::typed::Typed;
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::{DatePart, Function};
use crate::sql::error::{Problem, SqlError};

/// The zone of a name.
pub(super) fn zone(name: &str, span: Span) -> Bound<TimeZone> {
    let unknown = || SqlError::at(Problem::Unknown { kind: "time zone", name: name.to_owned() }, span);
    TimeZone::get(name).map_err(|_| unknown())
}

impl Binder<'_> {
    /// An instant, and the zone whose clocks are asked, if one is.
    fn zoned(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<(Typed, Option<TimeZone>)> {
        let mut inner = expr;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        let Ast::AtTimeZone { timestamp, time_zone } = inner else {
            return Ok((self.expression(expr, scope)?, None));
        };
        let name = self.expression(time_zone, scope)?;
        let span = begin_of(time_zone);
        let Some(name) = name.literal_text() else {
            return Err(SqlError::at(unsupported("a time zone that is not a literal"), span));
        };
        let mut instant = self.expression(timestamp, scope)?;
        self.settle(&mut instant, Some(DataType::Timestamp));
        Ok((instant, Some(zone(name, span)?)))
    }

    /// `extract(part FROM ..)`, by the clocks of a zone if one is named.
    pub(super) fn extract_from(
        &mut self,
        part: DatePart,
        from: &Ast,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let (operand, zone) = self.zoned(from, scope)?;
        self.extract(part, operand, zone, span)
    }

    /// `CAST(at AT TIME ZONE .. AS date)` or time; none if it is another cast.
    pub(super) fn cast_in_zone(
        &mut self,
        operand: &Ast,
        to: &ast::DataType,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        let mut inner = operand;
        while let Ast::Nested(nested) = inner {
            inner = nested;
        }
        let span = begin_of(operand);
        let kind = match inner {
            Ast::AtTimeZone { .. } => self.data_type(to, span)?,
            _ => return Ok(None),
        };
        let (instant, zone) = self.zoned(operand, scope)?;
        let function = match kind {
            DataType::Date => Function::DateOf(zone),
            DataType::Time => Function::TimeOf(zone),
            _ => {
                return Err(SqlError::at(
                    unsupported("AT TIME ZONE as something else than a date or time"),
                    span,
                ));
            }
        };
        self.call(function, vec![instant], span).map(Some)
    }
}
