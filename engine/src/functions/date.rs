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
use nuages_storage::DataType;
use nuages_storage::value::temporal::{
    MICROS_PER_DAY, MICROS_PER_SECOND, date_from_days, date_to_days, timestamp_from_micros,
};

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
        _ => Ok(Vector::constant(nuages_storage::Value::Null, call.len)),
    }
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
        return Some(word - local.rem_euclid(period));
    }
    let day = truncate_date(unit, date_from_days(local.div_euclid(MICROS_PER_DAY))?)?;
    match (class, zone) {
        (Class::Date, _) => Some(date_to_days(day)),
        (_, None) => Some(date_to_days(day) * MICROS_PER_DAY),
        (_, Some(zone)) => {
            let midnight = DateTime::from_parts(day, Time::midnight());
            let instant: Timestamp = zone.to_ambiguous_timestamp(midnight).compatible().ok()?;
            Some(instant.as_microsecond())
        }
    }
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
