//! Changes that are thrown away: what a test does that wants a database of its own.

use nuages::prelude::{Atomic, Executor, Model};
use nuages_engine::{RowKeys, Session};
use rusqlite::backup::Backup;

use super::{Tables, Workload};
use crate::contestant::collections::next_key;
use crate::contestant::engine::{self, encoded, new_item};
use crate::contestant::orm;
use crate::contestant::sqlite::{insert, open};
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::{Input, Item};
use crate::harness::{Result, Sample, timed};

const INSERTS: usize = 100;

/// Writes that leave no trace. The checksum is the number of items while the new ones are there.
pub(crate) trait Forks {
    /// Makes a second database with all of the first one's rows, both of them alive, and inserts `items` into it; then
    /// drops it.
    fn fork(&mut self, items: &[Item]) -> Result<Sample>;

    /// Inserts `items`, then has the database be as it was.
    fn undo(&mut self, items: &[Item]) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "fork, 100 inserts, drop",
        unit: "fork",
        tables: Tables::Items,
        units: |_| 1,
        run: |contestant, input, _| contestant.fork(new_items(input)),
    },
    Workload {
        name: "100 inserts, undone",
        unit: "undo",
        tables: Tables::Items,
        units: |_| 1,
        run: |contestant, input, _| contestant.undo(new_items(input)),
    },
];

fn new_items(input: &Input) -> &[Item] {
    &input.new_items()[..INSERTS]
}

/// The number of items, counted off the clock.
fn count(sqlite: &Sqlite) -> Result<u64> {
    let count: i64 = sqlite.connection.query_row("SELECT count(*) FROM item", (), |row| row.get(0))?;
    Ok(count as u64)
}

impl Forks for Sqlite {
    /// A copy by the backup interface: SQLite has no fork.
    fn fork(&mut self, items: &[Item]) -> Result<Sample> {
        let rows = count(self)?;
        timed(|| {
            let mut connection = open()?;
            Backup::new(&self.connection, &mut connection)?.step(-1)?;
            let fork = Self { connection };
            let mut statement = fork.insert_into("item")?;
            fork.connection.execute_batch("BEGIN")?;
            let mut inserted = 0;
            for item in items {
                inserted += insert(&mut statement, item)?;
            }
            fork.connection.execute_batch("COMMIT")?;
            Ok(rows + inserted as u64)
        })
    }

    /// A transaction that is rolled back, for which the rollback journal must be on.
    fn undo(&mut self, items: &[Item]) -> Result<Sample> {
        let rows = count(self)?;
        self.connection.execute_batch("PRAGMA journal_mode = MEMORY")?;
        let mut begin = self.connection.prepare("BEGIN")?;
        let mut rollback = self.connection.prepare("ROLLBACK")?;
        let mut statement = self.insert_into("item")?;
        let sample = timed(|| {
            begin.execute(())?;
            let mut inserted = 0;
            for item in items {
                inserted += insert(&mut statement, item)?;
            }
            rollback.execute(())?;
            Ok(rows + inserted as u64)
        })?;
        self.connection.execute_batch("PRAGMA journal_mode = OFF")?;
        Ok(sample)
    }
}

/// Inserts `items` one by one, and counts what there is then.
fn insert_each(session: &dyn Session, engine: &Engine, items: &[Item]) -> Result<u64> {
    let table = engine.tables.item;
    for item in items {
        let rows = encoded(session, table, std::slice::from_ref(item), new_item)?;
        session.insert_rows(table, rows, RowKeys::Generated)?;
    }
    engine::count(session, table)
}

impl Forks for Engine {
    /// Each insert is its own commit, as nobody else would see a transaction in the fork anyway.
    fn fork(&mut self, items: &[Item]) -> Result<Sample> {
        timed(|| {
            let fork = self.db.fork()?;
            insert_each(&fork, self, items)
        })
    }

    /// A transaction that is rolled back.
    fn undo(&mut self, items: &[Item]) -> Result<Sample> {
        timed(|| {
            let transaction = self.db.begin();
            let count = insert_each(&transaction, self, items)?;
            transaction.rollback();
            Ok(count)
        })
    }
}

/// Creates instances one by one, and counts what there is then.
fn create_each(instances: Vec<orm::Item>, ex: &dyn Executor) -> nuages::Result<u64> {
    for instance in instances {
        orm::Item::objects().create(instance, ex)?;
    }
    orm::Item::objects().count(ex)
}

impl Forks for Orm {
    /// Each is its own commit, as nobody else would see a transaction in the fork anyway.
    fn fork(&mut self, items: &[Item]) -> Result<Sample> {
        let instances = items.iter().map(orm::Item::new).collect::<Vec<_>>();
        timed(|| {
            let fork = self.db.fork()?;
            Ok(create_each(instances, &fork)?)
        })
    }

    /// A transaction that is rolled back.
    fn undo(&mut self, items: &[Item]) -> Result<Sample> {
        let instances = items.iter().map(orm::Item::new).collect::<Vec<_>>();
        timed(|| {
            let undone = |tx: &nuages::prelude::Tx<'_>| {
                tx.set_rollback(true);
                create_each(instances, tx)
            };
            Ok(self.db.atomic(undone)?)
        })
    }
}

impl Forks for Collections {
    fn fork(&mut self, items: &[Item]) -> Result<Sample> {
        timed(|| {
            let mut fork = self.clone();
            items.iter().for_each(|item| fork.items.insert(item));
            Ok(fork.items.by_id.len() as u64)
        })
    }

    fn undo(&mut self, items: &[Item]) -> Result<Sample> {
        let first = next_key(&self.items.by_id);
        timed(|| {
            items.iter().for_each(|item| self.items.insert(item));
            let rows = self.items.by_id.len();
            for id in first..first + items.len() as i64 {
                self.items.remove(id);
            }
            Ok(rows as u64)
        })
    }
}
