//! Timestamps in a time zone: `extract(hour FROM at AT TIME ZONE 'Europe/Paris')`, and dates and times of day there.
//!
//! A timestamp is an instant. `AT TIME ZONE` asks what clocks show there, and is read where that is taken apart at
//! once.

use jiff::tz::TimeZone;
use nuages_storage::DataType;
use sqlparser::ast::{self, Expr as Ast};
use sqlparser::tokenizer::Span;

use super::scope::Scope;
use super::typed::Typed;
use super::{Binder, Bound, begin_of, unsupported};
use crate::algebra::Function;
use crate::sql::error::{Problem, SqlError};

/// The zone of a name.
pub(super) fn zone(name: &str, span: Span) -> Bound<TimeZone> {
    let unknown = || SqlError::at(Problem::Unknown { kind: "time zone", name: name.to_owned() }, span);
    TimeZone::get(name).map_err(|_| unknown())
}

/// An expression without the parentheses around it.
fn inner(expr: &Ast) -> &Ast {
    let mut inner = expr;
    while let Ast::Nested(nested) = inner {
        inner = nested;
    }
    inner
}

/// Whether an expression is a timestamp that says it has no time zone: a literal, a cast, or what `AT TIME ZONE` gives
/// of an instant.
fn is_local(expr: &Ast) -> bool {
    let is_timestamp = |kind: &ast::DataType| {
        use ast::TimezoneInfo::{None, WithoutTimeZone};
        matches!(kind, ast::DataType::Timestamp(_, None | WithoutTimeZone))
    };
    match expr {
        Ast::TypedString(typed) => is_timestamp(&typed.data_type),
        Ast::Cast { data_type, .. } => is_timestamp(data_type),
        Ast::AtTimeZone { timestamp, .. } => !is_local(inner(timestamp)),
        _ => false,
    }
}

impl Binder<'_> {
    /// An instant, and the zone whose clocks are asked, if one is.
    fn zoned(&mut self, expr: &Ast, scope: &Scope<'_>) -> Bound<(Typed, Option<TimeZone>)> {
        let Ast::AtTimeZone { timestamp, time_zone } = inner(expr) else {
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
        part: &str,
        from: &Ast,
        span: Span,
        scope: &Scope<'_>,
    ) -> Bound<Typed> {
        let is_whole = !part.eq_ignore_ascii_case("second");
        match (inner(from), self.date_part(part, span)) {
            (Ast::AtTimeZone { timestamp, .. }, Ok(part)) if is_whole && !is_local(inner(timestamp)) => {
                let (operand, zone) = self.zoned(from, scope)?;
                self.extract(part, operand, zone, span)
            }
            _ => {
                let operand = self.expression(from, scope)?;
                match self.part_of_months(part, &operand, span) {
                    Some(part) => part,
                    None => self.part_of(part, operand, span),
                }
            }
        }
    }

    /// `AT TIME ZONE`, by itself: of a timestamp with a time zone what clocks show there, which is one without; of one
    /// without, the instant at which clocks there show it.
    ///
    /// There is but one type of timestamps. One is without a zone if it says so: a literal or a cast as `timestamp`, or
    /// what `AT TIME ZONE` gave. Columns are instants.
    pub(super) fn at_time_zone(&mut self, timestamp: &Ast, zone: &Ast, scope: &Scope<'_>) -> Bound<Typed> {
        let span = begin_of(timestamp);
        let name = if is_local(inner(timestamp)) { "instant_in" } else { "clock_in" };
        let (mut operand, zone) = (self.expression(timestamp, scope)?, self.expression(zone, scope)?);
        self.settle(&mut operand, Some(DataType::Timestamp));
        self.table_call(name, vec![operand, zone], span)
    }

    /// `CAST(at AT TIME ZONE .. AS date)` or time; none if it is another cast.
    pub(super) fn cast_in_zone(
        &mut self,
        operand: &Ast,
        to: &ast::DataType,
        scope: &Scope<'_>,
    ) -> Bound<Option<Typed>> {
        let span = begin_of(operand);
        let kind = match inner(operand) {
            Ast::AtTimeZone { timestamp, .. } if !is_local(inner(timestamp)) => self.data_type(to, span)?,
            _ => return Ok(None),
        };
        if !matches!(kind, DataType::Date | DataType::Time) {
            return Ok(None);
        }
        let (instant, zone) = self.zoned(operand, scope)?;
        let function = match kind {
            DataType::Date => Function::DateOf(zone),
            _ => Function::TimeOf(zone),
        };
        self.call(function, vec![instant], span).map(Some)
    }
}
