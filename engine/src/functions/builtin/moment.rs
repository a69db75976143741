//! Functions of dates, times, timestamps and intervals.
//!
//! An interval is a length of time here, a day of it 24 hours; months have no fixed length and are none.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use nuages_storage::value::temporal::{
    MICROS_PER_DAY, MICROS_PER_SECOND, date_from_days, timestamp_from_micros,
};
use nuages_storage::{DataType, Value};
use rust_decimal::Decimal;

use super::clock_format::{self, Clock};
use super::number_format;
use super::{
    BOOL, Builtin, DATE, DECIMAL, FLOAT, INT, Overload, SPAN, STAMP, TEXT, TIME, Takes, beyond, refused,
    table,
};
use crate::error::Error;
use crate::functions::Call;
use crate::functions::age::Age;
use crate::vector::Vector;

const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MICROS_PER_MINUTE: i64 = 60 * MICROS_PER_SECOND;

/// A number with a fraction of a second.
const SECONDS: Takes = Some(DataType::Decimal { precision: 28, scale: 6 });

pub(super) const TABLE: &[Builtin] = table! {
    // The parts of `extract` that have a fraction.
    "extract_number" [TEXT, STAMP] => SECONDS, |call| number_parts(call, Operand::Stamp);
                     [TEXT, DATE] => SECONDS, |call| number_parts(call, Operand::Date);
                     [TEXT, TIME] => SECONDS, |call| number_parts(call, Operand::Time);
                     [TEXT, SPAN] => SECONDS, |call| number_parts(call, Operand::Span);
    // Those that are integers, and have no name in the algebra.
    "extract_integer" [TEXT, STAMP] => INT, |call| integer_parts(call, Operand::Stamp);
                      [TEXT, DATE] => INT, |call| integer_parts(call, Operand::Date);
                      [TEXT, TIME] => INT, |call| integer_parts(call, Operand::Time);
                      [TEXT, SPAN] => INT, |call| integer_parts(call, Operand::Span);
    "date_trunc" [TEXT, STAMP] => STAMP, |call| call.words(DataType::Timestamp, |row| {
                     truncate(call.text(0, row), int(call, 1, row))
                 });
                 [TEXT, SPAN] => SPAN, |call| call.words(DataType::Duration, |row| {
                     let (unit, span) = (call.text(0, row), int(call, 1, row));
                     period(unit).map(|period| span - span % period).ok_or_else(|| unknown_unit(unit, "interval"))
                 });
    "date_bin" [SPAN, STAMP, STAMP] => STAMP, |call| call.words(DataType::Timestamp, |row| {
        date_bin([0, 1, 2].map(|place| int(call, place, row)))
    });
    "make_time" [INT, INT, FLOAT] => TIME, |call| call.words(DataType::Time, |row| {
        time_of(int(call, 0, row), int(call, 1, row), call.float(2, row)).ok_or_else(|| beyond("make_time"))
    });
    "make_timestamp" [INT, INT, INT, INT, INT, FLOAT] => STAMP, |call| make_timestamp(call, "make_timestamp");
    "make_timestamptz" [INT, INT, INT, INT, INT, FLOAT | TEXT] => STAMP, |call| {
        make_timestamp(call, "make_timestamptz")
    };
    "make_interval" [ | INT, INT, INT, INT, INT, INT, FLOAT] => SPAN, |call| call.words(DataType::Duration, make_interval(call));
    "isfinite" [DATE] => BOOL, finite;
               [STAMP] => BOOL, finite;
               [SPAN] => BOOL, finite;
    "clock_timestamp" (volatile) [] => STAMP, |call| {
        call.words(DataType::Timestamp, |_| Ok(Timestamp::now().as_microsecond()))
    };
    "timeofday" (volatile) [] => TEXT, |call| call.texts(|_, heap| {
        heap.push_str(&Timestamp::now().to_string());
        Ok(())
    });
    // An interval of months and of what is beside them, as PostgreSQL words it; the binder takes it apart again.
    "calendar_interval" [INT, SPAN] => TEXT, |call| call.texts(|row, heap| {
        Age::of_months(int(call, 0, row), int(call, 1, row)).write(heap);
        Ok(())
    });
    "age_months" [STAMP, STAMP] => INT, |call| call.ints(|row| Ok(age(call, row)?.all_months()));
    "age_beside_months" [STAMP, STAMP] => SPAN, |call| {
        call.words(DataType::Duration, |row| Ok(age(call, row)?.all_micros()))
    };
    // Days are 24 hours as they are.
    "justify_hours" [SPAN] => SPAN, |call| call.words(DataType::Duration, |row| Ok(int(call, 0, row)));
    // `instant AT TIME ZONE zone`: what clocks show there, as the instant at which those in UTC show it.
    "clock_in" [STAMP, TEXT] => STAMP, |call| call.words(DataType::Timestamp, |row| {
        let instant = instant(int(call, 0, row))?;
        let zone = zone(call.text(1, row))?;
        Ok(instant.as_microsecond() + i64::from(zone.to_offset(instant).seconds()) * MICROS_PER_SECOND)
    });
    // `clock AT TIME ZONE zone`: the instant at which clocks there show what those in UTC show at another.
    "instant_in" [STAMP, TEXT] => STAMP, |call| call.words(DataType::Timestamp, |row| {
        let clock = instant(int(call, 0, row))?.to_zoned(TimeZone::UTC).datetime();
        instant_of(clock, &zone(call.text(1, row))?).ok_or_else(|| beyond("instant_in"))
    });
    // PostgreSQL's name for a date minus a date: how many days they are apart.
    "date_mi" [DATE, DATE] => INT, |call| call.ints(|row| Ok(int(call, 0, row) - int(call, 1, row)));
    "to_char" [STAMP, TEXT] => TEXT, |call| call.texts(|row, heap| {
                  let clock = instant(int(call, 0, row))?.to_zoned(TimeZone::UTC).datetime();
                  clock_format::write(&Clock::of(clock), call.text(1, row), heap)
              });
              [TIME, TEXT] => TEXT, |call| call.texts(|row, heap| {
                  clock_format::write(&Clock::of_span(int(call, 0, row)), call.text(1, row), heap)
              });
              [SPAN, TEXT] => TEXT, |call| call.texts(|row, heap| {
                  clock_format::write(&Clock::of_span(int(call, 0, row)), call.text(1, row), heap)
              });
              [DECIMAL, TEXT] => TEXT, |call| call.texts(|row, heap| {
                  number_format::write(call.decimal(0, row), call.text(1, row), heap)
              });
              [FLOAT, TEXT] => TEXT, |call| call.texts(|row, heap| {
                  let float = call.float(0, row);
                  if !float.is_finite() && number_format::write_no_number(call.text(1, row), heap)? {
                      return Ok(());
                  }
                  let number = Decimal::from_f64_retain(float).and(float.to_string().parse().ok());
                  number_format::write(number.ok_or_else(|| beyond("to_char"))?, call.text(1, row), heap)
              });
    "to_number" [TEXT, TEXT] => DECIMAL, |call| call.values(DECIMAL, |row| {
        number_format::read(call.text(0, row), call.text(1, row)).map(|number| Some(Value::Decimal(number)))
    });
    "to_date" [TEXT, TEXT] => DATE, |call| call.values(DATE, |row| {
        clock_format::read("to_date", call.text(0, row), call.text(1, row)).map(|read| Some(Value::Date(read.date())))
    });
    "to_timestamp" [FLOAT] => STAMP, |call| call.words(DataType::Timestamp, |row| {
                       let micros = (call.float(0, row) * 1e6).round();
                       whole(micros).filter(|micros| timestamp_from_micros(*micros).is_some()).ok_or_else(|| beyond("to_timestamp"))
                   });
                   [TEXT, TEXT] => STAMP, |call| call.words(DataType::Timestamp, |row| {
                       let read = clock_format::read("to_timestamp", call.text(0, row), call.text(1, row))?;
                       instant_of(read, &TimeZone::UTC).ok_or_else(|| beyond("to_timestamp"))
                   });
};

fn int(call: &Call<'_>, place: usize, row: usize) -> i64 {
    call.int(place, row).unwrap_or_default()
}

/// The integer that a float is near.
#[expect(clippy::cast_possible_truncation, reason = "it is within the range of integers")]
fn whole(float: f64) -> Option<i64> {
    (float.abs() < 9e18).then_some(float as i64)
}

fn age(call: &Call<'_>, row: usize) -> Result<Age, Error> {
    let at = |place: usize| instant(int(call, place, row)).map(|at| at.to_zoned(TimeZone::UTC).datetime());
    Ok(Age::between(at(0)?, at(1)?))
}

fn instant(micros: i64) -> Result<Timestamp, Error> {
    timestamp_from_micros(micros).ok_or_else(|| beyond("a timestamp"))
}

fn instant_of(clock: DateTime, zone: &TimeZone) -> Option<i64> {
    let instant: Timestamp = zone.to_ambiguous_timestamp(clock).compatible().ok()?;
    Some(instant.as_microsecond())
}

fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::get(name).map_err(|_| refused("AT TIME ZONE", "a time zone", format!("{name:?}")))
}

fn finite(call: &Call<'_>) -> Result<Vector<'static>, Error> {
    Ok(crate::functions::string::truths(call, |_| true))
}

/// What a part is taken of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Stamp,
    Date,
    Time,
    Span,
}

impl Operand {
    fn name(self) -> &'static str {
        match self {
            Operand::Stamp => "timestamp",
            Operand::Date => "date",
            Operand::Time => "time",
            Operand::Span => "interval",
        }
    }

    /// Microseconds since 1970, midnight or nothing.
    fn micros(self, word: i64) -> i64 {
        if self == Operand::Date { word.saturating_mul(MICROS_PER_DAY) } else { word }
    }

    fn has_no(self, part: &str) -> Error {
        refused("extract", format!("a part that a value of type {} has", self.name()), format!("{part:?}"))
    }
}

/// Words that mean the same part.
fn canonical(part: &str) -> String {
    let part = part.to_ascii_lowercase();
    match part.as_str() {
        "sec" | "secs" | "seconds" | "s" => "second".to_owned(),
        "msec" | "msecs" | "ms" | "millisecond" => "milliseconds".to_owned(),
        "usec" | "usecs" | "us" | "microsecond" => "microseconds".to_owned(),
        "min" | "mins" | "minutes" | "m" => "minute".to_owned(),
        "hr" | "hrs" | "hours" | "h" => "hour".to_owned(),
        "days" | "d" => "day".to_owned(),
        "weeks" | "w" => "week".to_owned(),
        "months" | "mon" | "mons" => "month".to_owned(),
        "years" | "y" | "yr" | "yrs" => "year".to_owned(),
        "decades" => "decade".to_owned(),
        "centuries" => "century".to_owned(),
        "millenniums" | "millennia" => "millennium".to_owned(),
        "dayofweek" => "dow".to_owned(),
        "dayofyear" => "doy".to_owned(),
        _ => part,
    }
}

/// The part of an `extract` that is not one of the algebra's, and the function that finds it; none if there is no such
/// part. Those of seconds have a fraction.
pub(crate) fn part_function(part: &str) -> Option<(&'static str, String)> {
    let part = canonical(part);
    match part.as_str() {
        "epoch" | "second" | "milliseconds" | "julian" => Some(("extract_number", part)),
        "microseconds" | "decade" | "century" | "millennium" | "timezone" | "timezone_hour"
        | "timezone_minute" | "day" | "hour" | "minute" | "month" | "year" | "quarter" | "week" => {
            Some(("extract_integer", part))
        }
        _ => None,
    }
}

fn number_parts(call: &Call<'_>, of: Operand) -> Result<Vector<'static>, Error> {
    call.values(SECONDS, |row| {
        let micros = of.micros(int(call, 1, row));
        let within = if of == Operand::Span {
            micros % MICROS_PER_MINUTE
        } else {
            micros.rem_euclid(MICROS_PER_MINUTE)
        };
        let part = canonical(call.text(0, row));
        let number = match (part.as_str(), of) {
            ("epoch", Operand::Date) => Decimal::from(micros / MICROS_PER_SECOND),
            ("epoch", _) => Decimal::new(micros, 6),
            ("second", Operand::Stamp | Operand::Time | Operand::Span) => Decimal::new(within, 6),
            ("milliseconds", Operand::Stamp | Operand::Time | Operand::Span) => Decimal::new(within, 3),
            ("julian", Operand::Date) => Decimal::from(julian_day(micros)),
            ("julian", Operand::Stamp) => {
                let share = Decimal::from(micros.rem_euclid(MICROS_PER_DAY)) / Decimal::from(MICROS_PER_DAY);
                Decimal::from(julian_day(micros)) + share
            }
            _ => return Err(of.has_no(&part)),
        };
        Ok(Some(Value::Decimal(number)))
    })
}

/// Days since 4714-11-24 BC, which PostgreSQL counts from midnight.
fn julian_day(micros: i64) -> i64 {
    const EPOCH: i64 = 2_440_588;
    micros.div_euclid(MICROS_PER_DAY) + EPOCH
}

fn integer_parts(call: &Call<'_>, of: Operand) -> Result<Vector<'static>, Error> {
    call.ints(|row| {
        let part = canonical(call.text(0, row));
        let found = integer_part(&part, of, of.micros(int(call, 1, row)));
        found.ok_or_else(|| of.has_no(&part))
    })
}

fn integer_part(part: &str, of: Operand, micros: i64) -> Option<i64> {
    let has_clock = of != Operand::Date;
    let is_day = matches!(of, Operand::Date | Operand::Stamp);
    let date = || date_from_days(micros.div_euclid(MICROS_PER_DAY)).filter(|_| is_day);
    // Parts of a negative interval are negative.
    let of_day = if of == Operand::Span { micros } else { micros.rem_euclid(MICROS_PER_DAY) };
    Some(match part {
        "microseconds" if has_clock => of_day % MICROS_PER_MINUTE,
        "hour" if of == Operand::Span => of_day % MICROS_PER_DAY / MICROS_PER_HOUR,
        "minute" if has_clock => of_day % MICROS_PER_HOUR / MICROS_PER_MINUTE,
        "hour" if has_clock => of_day / MICROS_PER_HOUR,
        "day" if of == Operand::Span => micros / MICROS_PER_DAY,
        // An interval has no months.
        "decade" => i64::from(date()?.year()).div_euclid(10),
        "century" => era(date()?.year(), 100),
        "millennium" => era(date()?.year(), 1_000),
        "timezone" | "timezone_hour" | "timezone_minute" if of == Operand::Stamp => 0,
        _ => return None,
    })
}

/// Eras of so many years begin with a year 1; that before it is -1, since there is no year 0.
fn era(year: i16, years: i64) -> i64 {
    let year = i64::from(year);
    if year > 0 { (year + years - 1) / years } else { (year - years) / years }
}

/// The microseconds of a unit of a fixed length.
fn period(unit: &str) -> Option<i64> {
    Some(match canonical(unit).as_str() {
        "microseconds" => 1,
        "milliseconds" => 1_000,
        "second" => MICROS_PER_SECOND,
        "minute" => MICROS_PER_MINUTE,
        "hour" => MICROS_PER_HOUR,
        "day" => MICROS_PER_DAY,
        _ => return None,
    })
}

fn unknown_unit(unit: &str, of: &str) -> Error {
    refused("date_trunc", format!("a unit that a value of type {of} is truncated to"), format!("{unit:?}"))
}

fn truncate(unit: &str, micros: i64) -> Result<i64, Error> {
    if let Some(period) = period(unit) {
        return Ok(micros - micros.rem_euclid(period));
    }
    let date = date_from_days(micros.div_euclid(MICROS_PER_DAY)).ok_or_else(|| beyond("date_trunc"))?;
    let year = date.year();
    let first = |year: i16, month: i8| Date::new(year, month, 1).map_err(|_| beyond("date_trunc"));
    let day = match canonical(unit).as_str() {
        "week" => {
            let monday = jiff::Span::new().days(i64::from(date.weekday().to_monday_zero_offset()));
            date.checked_sub(monday).map_err(|_| beyond("date_trunc"))?
        }
        "month" => date.first_of_month(),
        "quarter" => first(year, (date.month() - 1) / 3 * 3 + 1)?,
        "year" => date.first_of_year(),
        "decade" => first(year.div_euclid(10) * 10, 1)?,
        "century" => first((year - 1).div_euclid(100) * 100 + 1, 1)?,
        "millennium" => first((year - 1).div_euclid(1_000) * 1_000 + 1, 1)?,
        _ => return Err(unknown_unit(unit, "timestamp")),
    };
    instant_of(day.to_datetime(Time::midnight()), &TimeZone::UTC).ok_or_else(|| beyond("date_trunc"))
}

fn date_bin([stride, at, origin]: [i64; 3]) -> Result<i64, Error> {
    if stride <= 0 {
        return Err(refused(
            "date_bin",
            "a stride greater than zero",
            format!("{:#}", SignedDuration::from_micros(stride)),
        ));
    }
    let apart = at.checked_sub(origin).ok_or_else(|| beyond("date_bin"))?;
    Ok(at - apart.rem_euclid(stride))
}

/// Microseconds since midnight.
fn time_of(hour: i64, minute: i64, second: f64) -> Option<i64> {
    let is_valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..60.0).contains(&second);
    let micros = whole((second * 1e6).round())?;
    is_valid.then(|| hour * MICROS_PER_HOUR + minute * MICROS_PER_MINUTE + micros)
}

fn make_timestamp(call: &Call<'_>, function: &str) -> Result<Vector<'static>, Error> {
    call.words(DataType::Timestamp, |row| {
        let part = |place| i8::try_from(int(call, place, row)).map_err(|_| beyond(function));
        let year = i16::try_from(int(call, 0, row)).map_err(|_| beyond(function))?;
        let date = Date::new(year, part(1)?, part(2)?).map_err(|_| beyond(function))?;
        let time = time_of(int(call, 3, row), int(call, 4, row), call.float(5, row))
            .ok_or_else(|| beyond(function))?;
        let zone = call.optional_text(6, row).map_or(Ok(TimeZone::UTC), zone)?;
        let clock = date.to_datetime(Time::midnight()).checked_add(SignedDuration::from_micros(time));
        clock.ok().and_then(|clock| instant_of(clock, &zone)).ok_or_else(|| beyond(function))
    })
}

/// Years, months, weeks, days, hours, minutes and seconds.
fn make_interval<'c>(call: &'c Call<'_>) -> impl FnMut(usize) -> Result<i64, Error> + 'c {
    const UNITS: [i64; 4] = [7 * MICROS_PER_DAY, MICROS_PER_DAY, MICROS_PER_HOUR, MICROS_PER_MINUTE];
    move |row| {
        if int(call, 0, row) != 0 || int(call, 1, row) != 0 {
            let expected = "weeks, days, hours, minutes and seconds: months have no fixed length";
            return Err(refused("make_interval", expected, "years or months"));
        }
        let seconds = whole((call.float(6, row) * 1e6).round()).ok_or_else(|| beyond("make_interval"))?;
        let mut parts =
            UNITS.iter().enumerate().map(|(place, unit)| int(call, place + 2, row).checked_mul(*unit));
        let total = parts.try_fold(seconds, |total, part| total.checked_add(part?));
        total.ok_or_else(|| beyond("make_interval"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let clock: DateTime = text.parse().unwrap();
        instant_of(clock, &TimeZone::UTC).unwrap()
    }

    /// The answers are PostgreSQL's.
    #[test]
    fn eras_have_no_year_zero() {
        let eras = |year| (era(year, 100), era(year, 1_000));
        assert_eq!([2000, 2001, 1, 100, 101].map(eras), [(20, 2), (21, 3), (1, 1), (1, 1), (2, 1)]);
        assert_eq!([0, -99, -100].map(eras), [(-1, -1), (-1, -1), (-2, -1)]);
    }

    #[test]
    fn timestamps_are_truncated_to_any_unit() {
        let cases = [
            ("millennium", "2001-01-01T00:00"),
            ("century", "2001-01-01T00:00"),
            ("decade", "2020-01-01T00:00"),
            ("quarter", "2024-04-01T00:00"),
            ("week", "2024-05-06T00:00"),
            ("milliseconds", "2024-05-08T10:11:12.123"),
            ("hours", "2024-05-08T10:00"),
        ];
        for (unit, expected) in cases {
            assert_eq!(truncate(unit, at("2024-05-08T10:11:12.123456")), Ok(at(expected)), "{unit}");
        }
        assert!(truncate("fortnight", 0).is_err());
    }

    #[test]
    fn bins_begin_at_the_origin() {
        let quarter_hour = 15 * MICROS_PER_MINUTE;
        let bin = |at_text| date_bin([quarter_hour, at(at_text), at("2001-01-01T00:02:30")]);
        assert_eq!(bin("2020-02-11T15:44:17"), Ok(at("2020-02-11T15:32:30")));
        assert_eq!(bin("2000-12-31T23:59"), Ok(at("2000-12-31T23:47:30")));
        assert!(date_bin([0, 1, 2]).is_err());
    }
}
