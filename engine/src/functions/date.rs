//! Functions of dates, times and timestamps.
//!
//! A timestamp in a time zone is an instant and the zone's offset at it. Adding the offset gives the local clock as a
//! number of microseconds, and from there on every part is arithmetic, the same as in UTC. Only what truncation to a
//! day or more gives must be turned back into an instant by the zone's rules, because the offset may be another by
//! then; where a clock change made the local time happen twice or not at all, it is the earlier instant or the later
//! (jiff's "compatible", which is RFC 5545's and PostgreSQL's choice).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use nuages_storage::value::temporal::{
    MICROS_PER_DAY, MICROS_PER_SECOND, date_from_days, date_to_days, timestamp_from_micros,
    timestamp_to_micros,
};
use nuages_storage::{DataType, Value};

use super::{Call, signature};
use crate::algebra::{DatePart, DateUnit, Function};
use crate::error::Error;
use crate::evaluate::Class;
use crate::vector::Vector;

const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;
const MICROS_PER_HOUR: i64 = 60 * MICROS_PER_MINUTE;

pub(super) fn evaluate(function: &Function, call: &Call<'_>) -> Result<Vector<'static>, Error> {
    let class = call.classes.first().copied().flatten().unwrap_or(Class::Timestamp);
    let word = |row| call.int(0, row).unwrap_or_default();
    let beyond = || Error::Overflow { operation: signature::name(function).to_owned() };
    match function {
        Function::Extract(part, zone) => call.words(DataType::BigInt, |row| {
            extract(*part, local_micros(class, word(row), zone.as_ref())).ok_or_else(beyond)
        }),
        Function::Truncate(unit, zone) => call
            .words(type_of(class), |row| truncate(*unit, class, word(row), zone.as_ref()).ok_or_else(beyond)),
        Function::DateOf(zone) => call.words(DataType::Date, |row| {
            Ok(local_micros(class, word(row), zone.as_ref()).div_euclid(MICROS_PER_DAY))
        }),
        Function::TimeOf(zone) => call.words(DataType::Time, |row| {
            Ok(local_micros(class, word(row), zone.as_ref()).rem_euclid(MICROS_PER_DAY))
        }),
        Function::AddMonths => call.words(type_of(class), |row| {
            let micros = local_micros(class, word(row), None);
            let later = add_months_to(micros, call.int(1, row).unwrap_or_default()).ok_or_else(beyond)?;
            Ok(if class == Class::Date { later.div_euclid(MICROS_PER_DAY) } else { later })
        }),
        _ => Ok(Vector::constant(Value::Null, call.len)),
    }
}

/// A timestamp some months later, on the same day of the month or the last that it has.
///
/// # Errors
/// [`Error::Overflow`] beyond the years of a calendar.
pub(crate) fn add_months(timestamp: &Value, months: i64) -> Result<Value, Error> {
    let Value::Timestamp(at) = timestamp else { return Ok(Value::Null) };
    let later = add_months_to(timestamp_to_micros(*at), months);
    let beyond = || Error::Overflow { operation: signature::name(&Function::AddMonths).to_owned() };
    later.map(|micros| timestamp_from_micros(micros).into()).ok_or_else(beyond)
}

/// The microseconds of a point in time that many months later; none beyond the years of a calendar.
pub(crate) fn add_months_to(micros: i64, months: i64) -> Option<i64> {
    let (day, time) = (micros.div_euclid(MICROS_PER_DAY), micros.rem_euclid(MICROS_PER_DAY));
    let span = jiff::Span::new().try_months(months).ok()?;
    let day = date_from_days(day)?.checked_add(span).ok()?;
    date_to_days(day).checked_mul(MICROS_PER_DAY)?.checked_add(time)
}

fn type_of(class: Class) -> DataType {
    match class {
        Class::Date => DataType::Date,
        Class::Time => DataType::Time,
        _ => DataType::Timestamp,
    }
}

/// The local clock: microseconds since 1970-01-01 00:00 there.
fn local_micros(class: Class, word: i64, zone: Option<&TimeZone>) -> i64 {
    match class {
        Class::Date => word * MICROS_PER_DAY,
        Class::Time => word,
        _ => word + offset_micros(word, zone),
    }
}

/// How far the local clock is ahead of UTC at an instant.
fn offset_micros(micros: i64, zone: Option<&TimeZone>) -> i64 {
    match (zone, timestamp_from_micros(micros)) {
        (Some(zone), Some(instant)) => i64::from(zone.to_offset(instant).seconds()) * MICROS_PER_SECOND,
        _ => 0,
    }
}

/// A part of a local clock; `None` beyond the calendar, which only an offset at its very end can reach.
fn extract(part: DatePart, local: i64) -> Option<i64> {
    let time = local.rem_euclid(MICROS_PER_DAY);
    let date = || date_from_days(local.div_euclid(MICROS_PER_DAY));
    Some(match part {
        DatePart::Hour => time / MICROS_PER_HOUR,
        DatePart::Minute => time / MICROS_PER_MINUTE % 60,
        DatePart::Second => time / MICROS_PER_SECOND % 60,
        DatePart::Year => date()?.year().into(),
        DatePart::IsoYear => date()?.iso_week_date().year().into(),
        DatePart::Quarter => i64::from((date()?.month() + 2) / 3),
        DatePart::Month => date()?.month().into(),
        DatePart::Week => date()?.iso_week_date().week().into(),
        DatePart::WeekDay => date()?.weekday().to_sunday_one_offset().into(),
        DatePart::IsoWeekDay => date()?.weekday().to_monday_one_offset().into(),
        DatePart::Day => date()?.day().into(),
        DatePart::DayOfYear => date()?.day_of_year().into(),
    })
}

/// The stored word, truncated; `None` beyond the calendar.
fn truncate(unit: DateUnit, class: Class, word: i64, zone: Option<&TimeZone>) -> Option<i64> {
    let local = local_micros(class, word, zone);
    let period = match unit {
        DateUnit::Hour => Some(MICROS_PER_HOUR),
        DateUnit::Minute => Some(MICROS_PER_MINUTE),
        DateUnit::Second => Some(MICROS_PER_SECOND),
        _ => None,
    };
    // Within a day the offset stays, so that the second hour of two does not become the first.
    if let Some(period) = period {
        return valid(class, word - local.rem_euclid(period));
    }
    let day = truncate_date(unit, date_from_days(local.div_euclid(MICROS_PER_DAY))?)?;
    match (class, zone) {
        (Class::Date, _) => Some(date_to_days(day)),
        (_, None) => valid(class, date_to_days(day) * MICROS_PER_DAY),
        (_, Some(zone)) => {
            let midnight = DateTime::from_parts(day, Time::midnight());
            let instant: Timestamp = zone.to_ambiguous_timestamp(midnight).compatible().ok()?;
            Some(instant.as_microsecond())
        }
    }
}

/// A word that may have left the range of timestamps, which begins within a year, a day and an hour.
fn valid(class: Class, word: i64) -> Option<i64> {
    (class != Class::Timestamp || timestamp_from_micros(word).is_some()).then_some(word)
}

fn truncate_date(unit: DateUnit, date: Date) -> Option<Date> {
    match unit {
        DateUnit::Year => Some(date.first_of_year()),
        DateUnit::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok(),
        DateUnit::Month => Some(date.first_of_month()),
        DateUnit::Week => {
            date_from_days(date_to_days(date) - i64::from(date.weekday().to_monday_zero_offset()))
        }
        _ => Some(date),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use nuages_storage::Value;

    use super::*;
    use crate::algebra::Expr;
    use crate::evaluate::testing::value_of;

    fn at(text: &str) -> Value {
        Value::Timestamp(text.parse().unwrap())
    }

    fn berlin() -> Option<TimeZone> {
        Some(TimeZone::get("Europe/Berlin").unwrap())
    }

    fn call(function: Function, argument: impl Into<Value>) -> Result<Value, Error> {
        value_of(&Expr::Call(function, vec![Expr::Literal(argument.into())]))
    }

    #[test]
    fn every_part_of_a_date_is_found() {
        let cases = [
            (DatePart::Year, 2021),
            (DatePart::IsoYear, 2020),
            (DatePart::Quarter, 1),
            (DatePart::Month, 1),
            (DatePart::Week, 53),
            (DatePart::WeekDay, 1),
            (DatePart::IsoWeekDay, 7),
            (DatePart::Day, 3),
            (DatePart::DayOfYear, 3),
        ];
        for (part, expected) in cases {
            // A Sunday that belongs to the last ISO week of the year before.
            assert_eq!(
                call(Function::Extract(part, None), date(2021, 1, 3)),
                Ok(expected.into()),
                "{part:?}"
            );
            assert_eq!(
                call(Function::Extract(part, None), at("2021-01-03T23:59:59.5Z")),
                Ok(expected.into()),
                "{part:?}"
            );
        }
        for (part, expected) in [(DatePart::Hour, 13), (DatePart::Minute, 5), (DatePart::Second, 59)] {
            assert_eq!(
                call(Function::Extract(part, None), time(13, 5, 59, 999_000_000)),
                Ok(expected.into())
            );
            assert_eq!(
                call(Function::Extract(part, None), at("1960-02-29T13:05:59.999Z")),
                Ok(expected.into())
            );
        }
        assert!(matches!(
            call(Function::Extract(DatePart::Hour, None), date(2021, 1, 3)),
            Err(Error::Type { .. })
        ));
        assert!(matches!(
            call(Function::Extract(DatePart::Year, None), time(1, 0, 0, 0)),
            Err(Error::Type { .. })
        ));
    }

    #[test]
    fn a_timestamp_is_seen_in_its_time_zone() {
        let new_year = at("2023-12-31T23:30:00Z");
        assert_eq!(call(Function::Extract(DatePart::Year, None), new_year.clone()), Ok(2023.into()));
        assert_eq!(call(Function::Extract(DatePart::Year, berlin()), new_year.clone()), Ok(2024.into()));
        assert_eq!(call(Function::Extract(DatePart::Hour, berlin()), new_year.clone()), Ok(0.into()));
        assert_eq!(call(Function::DateOf(berlin()), new_year.clone()), Ok(date(2024, 1, 1).into()));
        assert_eq!(call(Function::TimeOf(berlin()), new_year.clone()), Ok(time(0, 30, 0, 0).into()));
        assert_eq!(call(Function::DateOf(None), new_year.clone()), Ok(date(2023, 12, 31).into()));
        assert_eq!(
            call(Function::Truncate(DateUnit::Year, berlin()), new_year),
            Ok(at("2023-12-31T23:00:00Z"))
        );
    }

    #[test]
    fn truncation_finds_the_beginning() {
        let cases = [
            (DateUnit::Year, "1969-01-01T00:00:00Z"),
            (DateUnit::Quarter, "1969-10-01T00:00:00Z"),
            (DateUnit::Month, "1969-12-01T00:00:00Z"),
            (DateUnit::Week, "1969-12-15T00:00:00Z"),
            (DateUnit::Day, "1969-12-17T00:00:00Z"),
            (DateUnit::Hour, "1969-12-17T13:00:00Z"),
            (DateUnit::Minute, "1969-12-17T13:45:00Z"),
            (DateUnit::Second, "1969-12-17T13:45:30Z"),
        ];
        for (unit, expected) in cases {
            let result = call(Function::Truncate(unit, None), at("1969-12-17T13:45:30.75Z"));
            assert_eq!(result, Ok(at(expected)), "{unit:?}");
        }
        assert_eq!(
            call(Function::Truncate(DateUnit::Week, None), date(2024, 3, 3)),
            Ok(date(2024, 2, 26).into())
        );
        assert_eq!(
            call(Function::Truncate(DateUnit::Minute, None), time(9, 8, 7, 6)),
            Ok(time(9, 8, 0, 0).into())
        );
    }

    #[test]
    fn a_day_of_a_clock_change_begins_at_its_own_midnight() {
        // On 2024-03-31 at 02:00 clocks in Berlin went from +01 to +02, on 2024-10-27 at 03:00 back.
        let day = |text| call(Function::Truncate(DateUnit::Day, berlin()), at(text));
        assert_eq!(day("2024-03-31T12:00:00Z"), Ok(at("2024-03-30T23:00:00Z")));
        assert_eq!(day("2024-10-27T12:00:00Z"), Ok(at("2024-10-26T22:00:00Z")));
        // The hour from two to three comes twice; each stays itself.
        let hour = |text| call(Function::Truncate(DateUnit::Hour, berlin()), at(text));
        assert_eq!(hour("2024-10-27T00:30:00Z"), Ok(at("2024-10-27T00:00:00Z")));
        assert_eq!(hour("2024-10-27T01:30:00Z"), Ok(at("2024-10-27T01:00:00Z")));
        let clock = |text| call(Function::Extract(DatePart::Hour, berlin()), at(text));
        assert_eq!(
            (clock("2024-10-27T00:30:00Z"), clock("2024-10-27T01:30:00Z")),
            (Ok(2.into()), Ok(2.into()))
        );
    }

    #[test]
    fn a_midnight_that_does_not_exist_is_the_first_moment_after() {
        // In Sao Paulo clocks went forward at midnight, from 00:00 to 01:00, on 2018-11-04.
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let day = call(Function::Truncate(DateUnit::Day, Some(zone)), at("2018-11-04T12:00:00Z"));
        assert_eq!(day, Ok(at("2018-11-04T03:00:00Z")));
    }

    #[test]
    fn the_ends_of_the_calendar_are_refused_and_not_wrong() {
        let ahead = Some(TimeZone::fixed(jiff::tz::offset(25)));
        assert_eq!(call(Function::Extract(DatePart::Year, ahead), Timestamp::MAX), Ok(9999.into()));
        let behind = Some(TimeZone::fixed(jiff::tz::offset(-25)));
        assert_eq!(call(Function::Extract(DatePart::Day, behind), Timestamp::MIN), Ok(1.into()));
        let refused = Err(Error::Overflow { operation: "date_trunc()".into() });
        for unit in [DateUnit::Year, DateUnit::Week, DateUnit::Day, DateUnit::Hour] {
            assert_eq!(call(Function::Truncate(unit, None), Timestamp::MIN), refused, "{unit:?}");
        }
    }
}
