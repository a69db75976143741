//! Dates and times as the integers they are stored, indexed and computed as.
//!
//! Days since 1970-01-01 for a date, microseconds for everything else: since midnight, since the epoch in
//! UTC, or of a duration. All four maps keep the order of what they map. What is finer than a microsecond
//! is cut off, toward zero; [`DataType::accepts`](super::DataType::accepts) cuts it when a value is
//! assigned, so that what is read back equals what was stored.

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::{Date, Time};

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds in a day of 24 hours.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

const NANOS_PER_MICRO: i64 = 1_000;
/// Howard Hinnant's era: the Gregorian calendar repeats itself every 400 years.
const DAYS_PER_ERA: i64 = 146_097;
/// Days from 0000-03-01, where eras begin, to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;

/// Days from 1970-01-01 to `date`; negative before it.
///
/// The arithmetic is Howard Hinnant's `days_from_civil` ("chrono-compatible low-level date algorithms"):
/// years begin in March, so that the leap day is the last of its year.
///
/// ```
/// use jiff::civil::date;
/// use nuages_storage::value::temporal::{date_from_days, date_to_days};
/// assert_eq!(date_to_days(date(1970, 1, 2)), 1);
/// assert_eq!(date_from_days(-1), Some(date(1969, 12, 31)));
/// ```
#[must_use]
pub fn date_to_days(date: Date) -> i64 {
    let month = i64::from(date.month());
    let year = i64::from(date.year()) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(date.day()) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS
}

/// The date `days` after 1970-01-01, or `None` beyond the years -9999 to 9999.
#[must_use]
pub fn date_from_days(days: i64) -> Option<Date> {
    let days = days.checked_add(EPOCH_DAYS)?;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Microseconds from midnight to `time`.
#[must_use]
pub fn time_to_micros(time: Time) -> i64 {
    let minutes = i64::from(time.hour()) * 60 + i64::from(time.minute());
    let seconds = minutes * 60 + i64::from(time.second());
    seconds * MICROS_PER_SECOND + i64::from(time.subsec_nanosecond()) / NANOS_PER_MICRO
}

/// The time `micros` microseconds after midnight, or `None` outside one day.
#[must_use]
pub fn time_from_micros(micros: i64) -> Option<Time> {
    if !(0..MICROS_PER_DAY).contains(&micros) {
        return None;
    }
    let seconds = micros / MICROS_PER_SECOND;
    let nanos = micros % MICROS_PER_SECOND * NANOS_PER_MICRO;
    let part = |number: i64| i8::try_from(number).ok();
    let (hour, minute, second) = (part(seconds / 3_600)?, part(seconds / 60 % 60)?, part(seconds % 60)?);
    Time::new(hour, minute, second, i32::try_from(nanos).ok()?).ok()
}

/// Microseconds from the epoch, 1970-01-01 00:00 UTC, to `timestamp`; negative before it.
#[must_use]
pub fn timestamp_to_micros(timestamp: Timestamp) -> i64 {
    timestamp.as_microsecond()
}

/// The instant `micros` microseconds after the epoch, or `None` beyond the years -9999 to 9999.
#[must_use]
pub fn timestamp_from_micros(micros: i64) -> Option<Timestamp> {
    // Not `from_microsecond`: that of jiff 0.2 refuses the last second of the year 9999.
    let nanos = micros % MICROS_PER_SECOND * NANOS_PER_MICRO;
    Timestamp::new(micros / MICROS_PER_SECOND, i32::try_from(nanos).ok()?).ok()
}

/// The length of `duration` in microseconds. Beyond 292,000 years, which no column accepts, the nearest
/// length there is.
#[must_use]
pub fn duration_to_micros(duration: SignedDuration) -> i64 {
    let micros = i64::from(duration.subsec_micros());
    let saturated = if duration.is_negative() { i64::MIN } else { i64::MAX };
    duration
        .as_secs()
        .checked_mul(MICROS_PER_SECOND)
        .and_then(|whole| whole.checked_add(micros))
        .unwrap_or(saturated)
}

/// The duration of `micros` microseconds.
#[must_use]
pub fn duration_from_micros(micros: i64) -> SignedDuration {
    SignedDuration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_day_of_the_calendar_maps_to_its_number_and_back() {
        let mut day = Date::MIN;
        let mut number = date_to_days(day);
        assert_eq!(date_from_days(number - 1), None);
        loop {
            assert_eq!(date_to_days(day), number);
            assert_eq!(date_from_days(number), Some(day));
            let Ok(next) = day.tomorrow() else { break };
            (day, number) = (next, number + 1);
        }
        assert_eq!(day, Date::MAX);
        assert_eq!(date_from_days(number + 1), None);
        assert_eq!(date_to_days(date(1970, 1, 1)), 0);
        assert_eq!(date_from_days(i64::MAX), None);
    }

    #[test]
    fn a_time_is_cut_to_microseconds_and_kept_within_its_day() {
        let time = Time::new(23, 59, 59, 999_999_999).unwrap();
        assert_eq!(time_to_micros(time), MICROS_PER_DAY - 1);
        assert_eq!(time_from_micros(MICROS_PER_DAY - 1), Time::new(23, 59, 59, 999_999_000).ok());
        assert_eq!(time_from_micros(MICROS_PER_DAY), None);
        assert_eq!(time_from_micros(-1), None);
    }

    #[test]
    fn the_extreme_instants_map_both_ways() {
        let last = Timestamp::MAX - SignedDuration::from_nanos(999);
        for timestamp in [Timestamp::MIN, Timestamp::UNIX_EPOCH, last] {
            assert_eq!(timestamp_from_micros(timestamp_to_micros(timestamp)), Some(timestamp));
        }
        assert_eq!(timestamp_from_micros(timestamp_to_micros(Timestamp::MIN) - 1), None);
        assert_eq!(timestamp_from_micros(timestamp_to_micros(last) + 1), None);
    }

    #[test]
    fn a_duration_beyond_the_range_is_the_nearest_in_it() {
        assert_eq!(duration_to_micros(SignedDuration::MAX), i64::MAX);
        assert_eq!(duration_to_micros(SignedDuration::MIN), i64::MIN);
        for micros in [i64::MIN, -1_500_000, -1, 0, 1, i64::MAX] {
            assert_eq!(duration_to_micros(duration_from_micros(micros)), micros);
        }
    }
}
