//! New rows: many at once into an empty table, and one after the other, each its own commit.

use std::collections::BTreeMap;

use nuages::prelude::*;
use nuages_engine::algebra::{self, Comparison, Delete, Source, Statement};
use nuages_engine::{RowKeys, Session};
use nuages_storage::{DataType, TableId, Value};

use super::{Tables, Workload};
use crate::contestant::collections::{Items, next_key};
use crate::contestant::engine::{encoded, new_item};
use crate::contestant::orm;
use crate::contestant::sqlite::insert;
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::{Input, Item};
use crate::harness::{Result, Sample, timed};

/// The smaller batches are inserted so often that a sample has this many rows.
const BATCHED_MIN: usize = 10_000;

/// Writes of new rows. The database chooses the keys. A row's checksum is the number of rows inserted.
pub(crate) trait Inserts {
    /// All of `items` as one transaction into a fresh database's `item`.
    fn batch(&mut self, items: &[Item]) -> Result<Sample>;

    /// The same into `plain`, which has no further index.
    fn batch_plain(&mut self, items: &[Item]) -> Result<Sample>;

    /// Each of `items` as its own commit into `item`, which is as it was afterwards.
    fn commits(&mut self, items: &[Item]) -> Result<Sample>;

    /// The same into `plain`, which is empty before and after.
    fn commits_plain(&mut self, items: &[Item]) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "insert, one batch",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * batches(input),
        run: |contestant, input, _| several(batches(input), || contestant.batch(input.items())),
    },
    Workload {
        name: "insert, one batch, no further index",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * batches(input),
        run: |contestant, input, _| several(batches(input), || contestant.batch_plain(input.items())),
    },
    Workload {
        name: "insert, each its own commit",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.new_items().len(),
        run: |contestant, input, _| contestant.commits(input.new_items()),
    },
    Workload {
        name: "insert, each its own commit, no further index",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * batches(input),
        run: |contestant, input, _| several(batches(input), || contestant.commits_plain(input.items())),
    },
];

fn batches(input: &Input) -> usize {
    (BATCHED_MIN / input.rows()).max(1)
}

/// `times` samples as one.
fn several(times: usize, mut sample: impl FnMut() -> Result<Sample>) -> Result<Sample> {
    let mut total = Sample::default();
    for _ in 0..times {
        total += sample()?;
    }
    Ok(total)
}

impl Sqlite {
    /// Times the insertion of `items` into `table`, each its own commit unless told.
    fn insert_timed(&self, table: &str, items: &[Item], one_transaction: bool) -> Result<Sample> {
        let mut begin = self.connection.prepare("BEGIN")?;
        let mut commit = self.connection.prepare("COMMIT")?;
        let mut statement = self.insert_into(table)?;
        timed(|| {
            if one_transaction {
                begin.execute(())?;
            }
            let mut count = 0;
            for item in items {
                count += insert(&mut statement, item)?;
            }
            if one_transaction {
                commit.execute(())?;
            }
            Ok(count as u64)
        })
    }
}

impl Inserts for Sqlite {
    fn batch(&mut self, items: &[Item]) -> Result<Sample> {
        Self::new()?.insert_timed("item", items, true)
    }

    fn batch_plain(&mut self, items: &[Item]) -> Result<Sample> {
        Self::new()?.insert_timed("plain", items, true)
    }

    fn commits(&mut self, items: &[Item]) -> Result<Sample> {
        let last: i64 = self.connection.query_row("SELECT max(id) FROM item", (), |row| row.get(0))?;
        let sample = self.insert_timed("item", items, false)?;
        self.connection.execute("DELETE FROM item WHERE id > ?1", [last])?;
        Ok(sample)
    }

    fn commits_plain(&mut self, items: &[Item]) -> Result<Sample> {
        Self::new()?.insert_timed("plain", items, false)
    }
}

impl Engine {
    /// Times the insertion of `items` into `table`, as one statement or each by itself.
    fn insert_timed(&self, table: TableId, items: &[Item], one_statement: bool) -> Result<Sample> {
        let per_statement = if one_statement { items.len() } else { 1 };
        timed(|| {
            for items in items.chunks(per_statement) {
                let rows = encoded(&self.db, table, items, new_item)?;
                self.db.insert_rows(table, rows, RowKeys::Generated)?;
            }
            Ok(items.len() as u64)
        })
    }
}

impl Inserts for Engine {
    fn batch(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        fresh.insert_timed(fresh.tables.item, items, true)
    }

    fn batch_plain(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        fresh.insert_timed(fresh.tables.plain, items, true)
    }

    fn commits(&mut self, items: &[Item]) -> Result<Sample> {
        let first_new = self.count()?;
        let sample = self.insert_timed(self.tables.item, items, false)?;
        let new = Source::new(0);
        let delete = self.command([DataType::BigInt], |[last]| {
            Statement::Delete(Delete {
                table: self.tables.item,
                source: new,
                predicate: Some(algebra::Expr::from(new.column(0)).compare(Comparison::Greater, last)),
                returning: Vec::new(),
                using: None,
            })
        });
        delete.run([Value::Int(first_new as i64)])?;
        Ok(sample)
    }

    fn commits_plain(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        fresh.insert_timed(fresh.tables.plain, items, false)
    }
}

impl Inserts for Orm {
    fn batch(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        let instances = items.iter().map(orm::Item::new).collect::<Vec<_>>();
        let mut stored = Vec::new();
        timed(|| {
            stored = orm::Item::objects().bulk_create(instances, &fresh.db)?;
            Ok(stored.len() as u64)
        })
    }

    fn batch_plain(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        let instances = items.iter().map(orm::Plain::new).collect::<Vec<_>>();
        let mut stored = Vec::new();
        timed(|| {
            stored = orm::Plain::objects().bulk_create(instances, &fresh.db)?;
            Ok(stored.len() as u64)
        })
    }

    fn commits(&mut self, items: &[Item]) -> Result<Sample> {
        let db = &self.db;
        let first_new = orm::Item::objects().count(db)?;
        let instances = items.iter().map(orm::Item::new).collect::<Vec<_>>();
        let mut stored = Vec::with_capacity(instances.len());
        let sample = timed(|| {
            for instance in instances {
                stored.push(orm::Item::objects().create(instance, db)?);
            }
            Ok(stored.len() as u64)
        })?;
        orm::Item::objects().filter(orm::Item::id.gt(first_new)).delete(db)?;
        Ok(sample)
    }

    fn commits_plain(&mut self, items: &[Item]) -> Result<Sample> {
        let fresh = self.fresh()?;
        let instances = items.iter().map(orm::Plain::new).collect::<Vec<_>>();
        let mut stored = Vec::with_capacity(instances.len());
        timed(|| {
            for instance in instances {
                stored.push(orm::Plain::objects().create(instance, &fresh.db)?);
            }
            Ok(stored.len() as u64)
        })
    }
}

impl Inserts for Collections {
    fn batch(&mut self, items: &[Item]) -> Result<Sample> {
        let mut table = Items::default();
        timed(|| {
            items.iter().for_each(|item| table.insert(item));
            Ok(table.by_id.len() as u64)
        })
    }

    fn batch_plain(&mut self, items: &[Item]) -> Result<Sample> {
        let mut table = BTreeMap::new();
        timed(|| {
            for item in items {
                let id = next_key(&table);
                table.insert(id, Item { id, ..item.clone() });
            }
            Ok(table.len() as u64)
        })
    }

    fn commits(&mut self, items: &[Item]) -> Result<Sample> {
        let first = next_key(&self.items.by_id);
        let sample = timed(|| {
            items.iter().for_each(|item| self.items.insert(item));
            Ok(items.len() as u64)
        })?;
        for id in first..next_key(&self.items.by_id) {
            self.items.remove(id);
        }
        Ok(sample)
    }

    fn commits_plain(&mut self, items: &[Item]) -> Result<Sample> {
        self.batch_plain(items)
    }
}
