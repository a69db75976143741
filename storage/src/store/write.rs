//! Statements that are transactions of their own, and so can do with less than one.

use std::fmt;

use super::{Inner, Store, publish};
use crate::error::Error;
use crate::isolation::Isolation;
use crate::keys::Counters;
use crate::lock::Ticket;
use crate::table::TableId;
use crate::transaction::{Recording, until_granted};
use crate::version::Version;
use crate::write_set::{Operation, WriteSet};
use crate::writer::{Attempts, Ground, Writer};

/// How much a statement reads and writes.
#[derive(Clone, Copy)]
pub enum Reach<'a> {
    /// A few rows, whatever is in the tables: all commits may stand still meanwhile.
    Short,
    /// As little, if this says so of the version that it would be attempted on; else anything. It is asked under the
    /// commit mutex, so it must not look at rows, nor call back into the store.
    ShortIf(&'a dyn Fn(&Version) -> bool),
    /// Anything.
    Long,
}

impl Reach<'_> {
    fn is_short(self, version: &Version) -> bool {
        match self {
            Reach::Short => true,
            Reach::ShortIf(is_short) => is_short(version),
            Reach::Long => false,
        }
    }
}

impl fmt::Debug for Reach<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reach::Short => "Short",
            Reach::ShortIf(_) => "ShortIf",
            Reach::Long => "Long",
        })
    }
}

/// What a statement stands on that is [written at once](Store::write_at_once): it holds up all commits, so it reads and
/// writes a few rows, as one of [`Reach::Short`] does.
#[derive(Debug)]
pub struct AtOnce<'a> {
    version: &'a Version,
    counters: &'a Counters,
}

impl AtOnce<'_> {
    /// The newest version. Nobody commits meanwhile.
    pub fn version(&self) -> &Version {
        self.version
    }

    /// The first of `count` fresh row ids of a table; see [`Writer::next_keys`].
    ///
    /// # Errors
    /// [`Error::KeysExhausted`].
    pub fn next_keys(&self, table: TableId, count: u64) -> Result<i64, Error> {
        self.counters.take(table, count)
    }

    /// An explicit key is used; see [`Writer::note_key`].
    pub fn note_key(&self, table: TableId, key: i64) {
        self.counters.note(table, key);
    }
}

impl Store {
    /// Runs one statement as a transaction of its own: whole, or if it fails not at all.
    ///
    /// While no transaction holds a lock it needs none either: a [short](Reach) one is attempted under the commit
    /// mutex. A long one is attempted, and applied to a version of its own, before the mutex is taken, and stands if
    /// nobody has committed meanwhile. Otherwise it is a transaction like others, and `attempt` may be called again.
    ///
    /// # Errors
    /// What `attempt` returns, and [`Error::Lock`].
    pub fn write<T, E: From<Error>>(
        &self,
        reach: Reach<'_>,
        attempt: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write_waiting(reach, until_granted, attempt)
    }

    /// The same, of which `wait` waits for the locks it needs, and may end it instead.
    ///
    /// # Errors
    /// As [`write`](Store::write); what `wait` returns.
    pub fn write_waiting<T, E: From<Error>>(
        &self,
        reach: Reach<'_>,
        wait: impl FnMut(Ticket) -> Result<(), E>,
        mut attempt: impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let alone = match reach {
            // Until its commit is durable it must keep others from what it wrote, and so needs its locks.
            _ if self.inner.publishes_later() => None,
            Reach::Long => self.write_unless_others_do(&mut attempt),
            reach => {
                self.write_alone(reach, &mut attempt).or_else(|| self.write_unless_others_do(&mut attempt))
            }
        };
        if let Some(outcome) = alone {
            return outcome;
        }
        let mut transaction = self.begin(Isolation::ReadCommitted);
        let value = transaction.write_waiting(wait, &mut attempt)?;
        transaction.commit()?;
        Ok(value)
    }

    /// Runs a statement that is one operation as a transaction of its own: without a write set, and so in half the
    /// time. `None`, and nothing is done, if a transaction holds a lock, if the store has files, or if `attempt`
    /// returns none: then it is a [statement like others](Store::write).
    ///
    /// `attempt` is made under the commit mutex, once. It is [short](Reach::Short), and does not wait.
    ///
    /// # Errors
    /// What `attempt` returns; [`Error::Poisoned`].
    pub fn write_at_once<T, E: From<Error>>(
        &self,
        attempt: impl FnOnce(&AtOnce<'_>) -> Result<Option<(T, Operation)>, E>,
    ) -> Option<Result<T, E>> {
        let Inner { published, committing, locks, counters, durable, .. } = &*self.inner;
        if durable.is_some() {
            return None;
        }
        let committing = committing.lock();
        if locks.lockers() > 0 {
            return None;
        }
        let attempted = {
            // Only who holds the mutex wants the latch exclusively, so holding it shared delays no one.
            let published = published.read();
            match published.checked() {
                Ok(()) => attempt(&AtOnce { version: &published.version, counters }),
                Err(error) => Err(error.into()),
            }
        };
        match attempted {
            Ok(None) => None,
            Err(error) => Some(Err(error)),
            Ok(Some((value, operation))) => {
                let applied = self.inner.apply_operations(std::slice::from_ref(&operation));
                drop(committing);
                if let Operation::Insert { rows, .. } = operation {
                    rows.recycle();
                }
                // What the version before alone held is freed here, when nobody waits for it.
                Some(applied.map(|_| value).map_err(E::from))
            }
        }
    }

    /// Attempts a statement under the commit mutex, if nobody holds a lock and it is short.
    fn write_alone<T, E: From<Error>>(
        &self,
        reach: Reach<'_>,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let committing = self.inner.committing.lock();
        if self.inner.locks.lockers() > 0 {
            return None;
        }
        let mut write_set = WriteSet::new();
        let (outcome, view) = {
            // Only who holds the mutex wants the latch exclusively, so holding it shared delays no one.
            let published = self.inner.published.read();
            if let Err(error) = published.checked() {
                return Some(Err(error.into()));
            }
            let newest = &*published.version;
            if !reach.is_short(newest) {
                return None;
            }
            Recording::new(&mut write_set).run(
                Ground::of(newest, newest),
                &self.inner.counters,
                Attempts::One,
                |writer| attempt(writer),
            )
        };
        Some(outcome.and_then(|value| {
            let record = self.inner.record(&write_set)?;
            self.inner.publish_under(committing, &write_set, view, record)?;
            Ok(value)
        }))
    }

    /// Attempts a statement on a held version, and publishes it if that is still the newest and nobody holds a lock.
    fn write_unless_others_do<T, E: From<Error>>(
        &self,
        attempt: &mut impl FnMut(&mut Writer<'_>) -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        if self.inner.locks.lockers() > 0 {
            return None;
        }
        let base = match self.snapshot() {
            Ok(base) => base,
            Err(error) => return Some(Err(error.into())),
        };
        let mut write_set = WriteSet::new();
        let recording = Recording::new(&mut write_set);
        let (outcome, view) =
            recording.run(Ground::of(&base, &base), &self.inner.counters, Attempts::Unlocked, |writer| {
                attempt(writer)
            });
        let on = base.commit();
        let view = publish::applied_ahead(&write_set, view, &base);
        drop(base);
        let record = match self.inner.record(&write_set) {
            Ok(record) => record,
            Err(error) => return Some(Err(error.into())),
        };
        let committing = self.inner.committing.lock();
        let still_newest = self.read(|newest| newest.commit() == on);
        match still_newest {
            Ok(true) if self.inner.locks.lockers() == 0 => {}
            Ok(_) => return None,
            Err(error) => return Some(Err(error.into())),
        }
        Some(outcome.and_then(|value| {
            self.inner.publish_under(committing, &write_set, view, record)?;
            Ok(value)
        }))
    }
}
