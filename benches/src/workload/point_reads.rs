//! One row by what identifies it, as a struct.

use nuages::prelude::*;
use nuages_engine::{Error as EngineError, Session};
use nuages_storage::{RowId, RowRef, Value};

use super::{Tables, Workload};
use crate::contestant::engine::item_in;
use crate::contestant::orm;
use crate::contestant::sqlite::{ITEM, item};
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::Item;
use crate::harness::{Result, Sample, timed};

const READS: usize = 10_000;

/// Reads that find one row.
pub(crate) trait PointReads {
    /// Each item by its primary key.
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample>;

    /// Each item by its unique text.
    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "get by primary key",
        unit: "get",
        tables: Tables::Items,
        units: |_| READS,
        run: |contestant, input, round| {
            let keys = input.draw(READS, round).map(|item| item.id).collect::<Vec<_>>();
            contestant.by_key(&keys)
        },
    },
    Workload {
        name: "get by unique text",
        unit: "get",
        tables: Tables::Items,
        units: |_| READS,
        run: |contestant, input, round| {
            let slugs = input.draw(READS, round).map(|item| item.slug.as_str()).collect::<Vec<_>>();
            contestant.by_slug(&slugs)
        },
    },
];

/// Adds up the checksums of what `get` finds for each of `questions`.
fn each<Q: Copy>(questions: &[Q], mut get: impl FnMut(Q) -> Result<Item>) -> Result<u64> {
    questions.iter().try_fold(0_u64, |sum, &question| Ok(sum.wrapping_add(get(question)?.checksum())))
}

impl PointReads for Sqlite {
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        let mut statement = self.connection.prepare(&format!("SELECT {ITEM} FROM item WHERE id = ?1"))?;
        timed(|| each(keys, |key| Ok(statement.query_row([key], item)?)))
    }

    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample> {
        let mut statement = self.connection.prepare(&format!("SELECT {ITEM} FROM item WHERE slug = ?1"))?;
        timed(|| each(slugs, |slug| Ok(statement.query_row([slug], item)?)))
    }
}

/// The item that `read` hands to the closure it is given.
fn found(
    read: impl FnOnce(&mut dyn FnMut(RowRef<'_>)) -> std::result::Result<bool, EngineError>,
) -> Result<Item> {
    let mut item = None;
    read(&mut |row| item = Some(item_in(row)))?;
    item.ok_or_else(|| "an item is missing".into())
}

impl PointReads for Engine {
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        let table = self.tables.item;
        timed(|| each(keys, |key| found(|f| self.db.get(table, RowId::new(key), f))))
    }

    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample> {
        let (table, index) = (self.tables.item, self.tables.item_slug);
        timed(|| each(slugs, |slug| found(|f| self.db.get_by_key(table, index, &[Value::from(slug)], f))))
    }
}

impl PointReads for Orm {
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        if !self.prepares() {
            return timed(|| sum_of(keys, |key| Item::objects().get(Item::id.eq(key), db)));
        }
        let by_key = prepare(|id: Param<i64>| Item::objects().filter(Item::id.eq(id)), db)?;
        timed(|| sum_of(keys, |key| by_key.get(key, db)))
    }

    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        if !self.prepares() {
            return timed(|| sum_of(slugs, |slug| Item::objects().get(Item::slug.eq(slug), db)));
        }
        let by_slug = prepare(|slug: Param<String>| Item::objects().filter(Item::slug.eq(slug)), db)?;
        timed(|| sum_of(slugs, |slug| by_slug.get(slug, db)))
    }
}

/// [`each`] of the ORM's instances.
fn sum_of<Q: Copy>(questions: &[Q], get: impl Fn(Q) -> nuages::Result<orm::Item>) -> Result<u64> {
    questions.iter().try_fold(0_u64, |sum, &question| Ok(sum.wrapping_add(get(question)?.checksum())))
}

impl PointReads for Collections {
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        timed(|| each(keys, |key| Ok(self.items.by_id[&key].clone())))
    }

    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample> {
        timed(|| each(slugs, |slug| Ok(self.items.by_id[&self.items.by_slug[slug]].clone())))
    }
}
