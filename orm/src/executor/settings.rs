//! What an executor adds to a statement: the time it is, and the place it is seen from.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

/// Clock and time zone of an executor.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What time it is.
    pub clock: Clock,
    /// Where dates are seen from; UTC if none.
    pub zone: Option<TimeZone>,
}

impl Settings {
    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
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
}
