//! What an executor adds to a statement: the time it is, and the place it is seen from.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

use nuages_engine::{Isolation, Limits};

use super::{
    budget::Spending,
    fetch::FetchMode,
    warnings::{RowByRow, Warnings},
};

/// Clock, time zone, fetch mode, isolation and limits of an executor.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What time it is.
    pub clock: Clock,
    /// Where dates are seen from; UTC if none.
    pub zone: Option<TimeZone>,
    /// How what rows have not brought along is read; one row at a time if none.
    pub fetch_mode: Option<FetchMode>,
    /// What a transaction that begins here sees of the others.
    pub isolation: Isolation,
    /// How long statements may take and wait, and who may end them.
    pub limits: Limits,
    /// Whether every queryset is compiled and planned by itself.
    pub plans_anew: bool,
    /// What is worth a warning.
    pub(crate) warnings: Warnings,
    /// What is read row by row, if that is worth a warning.
    pub(crate) row_by_row: Option<Arc<RowByRow>>,
    /// What limits the statements that run, and how many did.
    pub(crate) spending: Option<Arc<Spending>>,
}

impl Settings {
    /// The same with these warnings.
    pub(crate) fn warning(self, warnings: Warnings) -> Settings {
        let row_by_row = warnings.row_by_row.map(|_| Arc::default());
        Settings { warnings, row_by_row, ..self }
    }

    /// The time, in whole microseconds: what a column keeps of it.
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// The time zone.
    pub fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }
}

/// Where the time comes from: the system, unless a test gives its own.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> Timestamp + Send + Sync>>);

impl Clock {
    /// The system's clock.
    pub const SYSTEM: Clock = Clock(None);

    /// A clock that stands.
    pub fn fixed(at: Timestamp) -> Clock {
        Clock::new(move || at)
    }

    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Some(Arc::new(now)))
    }

    /// The time it shows.
    pub fn now(&self) -> Timestamp {
        self.0.as_ref().map_or_else(Timestamp::now, |now| now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(own)" } else { "Clock(system)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_stands() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        assert_eq!((clock.now(), clock.now()), (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn what_is_stamped_is_what_is_stored() {
        let at = Timestamp::from_nanosecond(1_234_567_891).unwrap();
        let settings = Settings { clock: Clock::fixed(at), ..Settings::default() };
        assert_eq!(settings.now().as_nanosecond(), 1_234_567_000);
    }
}
