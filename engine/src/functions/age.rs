//! PostgreSQL's `age`: the years, months and days between two points in time, and the time of day that is left.
//!
//! An interval of months has no fixed length, so it is no value here but a text, worded as PostgreSQL does; what else
//! is done with it is done with its months and with what is beside them.

use std::fmt::Write;

use jiff::civil::DateTime;

/// The parts of an age; all are negative, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::functions) struct Age {
    years: i64,
    months: i64,
    days: i64,
    /// What is left, in microseconds.
    micros: i64,
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

impl Age {
    /// How old what began at `begin` is at `at`.
    pub(in crate::functions) fn between(at: DateTime, begin: DateTime) -> Age {
        if at < begin {
            let Age { years, months, days, micros } = Age::between(begin, at);
            return Age { years: -years, months: -months, days: -days, micros: -micros };
        }
        let time = |moment: DateTime| {
            let seconds = (i64::from(moment.hour()) * 60 + i64::from(moment.minute())) * 60
                + i64::from(moment.second());
            seconds * MICROS_PER_SECOND + i64::from(moment.subsec_nanosecond() / 1_000)
        };
        let mut micros = time(at) - time(begin);
        let mut days = i64::from(at.day()) - i64::from(begin.day());
        if micros < 0 {
            (micros, days) = (micros + MICROS_PER_DAY, days - 1);
        }
        let mut months = (i64::from(at.year()) - i64::from(begin.year())) * 12 + i64::from(at.month())
            - i64::from(begin.month());
        // A month that is taken apart has the days of the one that it began in.
        if days < 0 {
            (days, months) = (days + i64::from(begin.date().days_in_month()), months - 1);
        }
        Age { years: months / 12, months: months % 12, days, micros }
    }

    /// So many months, and what is beside them: days of 24 hours, and the rest.
    pub(in crate::functions) fn of_months(months: i64, micros: i64) -> Age {
        let (years, months) = (months / 12, months % 12);
        Age { years, months, days: micros / MICROS_PER_DAY, micros: micros % MICROS_PER_DAY }
    }

    /// All its months, those of its years too.
    pub(in crate::functions) fn all_months(self) -> i64 {
        self.years * 12 + self.months
    }

    /// What it has beside its months, in microseconds.
    pub(in crate::functions) fn all_micros(self) -> i64 {
        self.days * MICROS_PER_DAY + self.micros
    }

    /// `1 year 2 mons 3 days 04:05:06.5`.
    pub(in crate::functions) fn write(self, heap: &mut String) {
        let begin = heap.len();
        for (amount, unit) in [(self.years, "year"), (self.months, "mon"), (self.days, "day")] {
            if amount != 0 {
                let space = if heap.len() > begin { " " } else { "" };
                let plural = if amount == 1 { "" } else { "s" };
                // Writing to a String does not fail.
                let _ = write!(heap, "{space}{amount} {unit}{plural}");
            }
        }
        if self.micros != 0 || heap.len() == begin {
            let space = if heap.len() > begin { " " } else { "" };
            let sign = if self.micros < 0 { "-" } else { "" };
            let (seconds, rest) =
                (self.micros.abs() / MICROS_PER_SECOND, self.micros.abs() % MICROS_PER_SECOND);
            let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
            let _ = write!(heap, "{space}{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60);
            if rest != 0 {
                let _ = write!(heap, ".{}", format!("{rest:06}").trim_end_matches('0'));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(at: &str, begin: &str) -> String {
        let mut text = String::new();
        Age::between(at.parse().unwrap(), begin.parse().unwrap()).write(&mut text);
        text
    }

    #[test]
    fn ages_are_those_of_postgresqls_manual() {
        assert_eq!(age("2001-04-10T00:00", "1957-06-13T00:00"), "43 years 9 mons 27 days");
        assert_eq!(age("1957-06-13T00:00", "2001-04-10T00:00"), "-43 years -9 mons -27 days");
        assert_eq!(age("2024-03-01T00:00", "2024-01-31T00:00"), "1 mon 1 day");
        assert_eq!(age("2024-03-01T00:00", "2024-02-29T12:00:00.5"), "11:59:59.5");
        assert_eq!(age("2024-03-01T00:00", "2024-03-01T00:00"), "00:00:00");
        assert_eq!(age("2025-03-02T01:00", "2024-03-01T00:00"), "1 year 1 day 01:00:00");
    }
}
