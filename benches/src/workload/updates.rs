//! Changes of rows that are there, and their removal.

use std::hint::black_box;

use super::{Tables, Workload, repeats};
use crate::contestant::{Collections, Sqlite};
use crate::data::{CATEGORIES, Input, Item};
use crate::harness::{Result, Sample, timed};

const UPDATES: usize = 10_000;
const DELETES_MAX: usize = 1_000;

/// Changes and removals. The checksum is the number of rows concerned.
pub(crate) trait Updates {
    /// Adds 1 to `a` of the item with each of these keys, each its own commit.
    fn update_by_key(&mut self, keys: &[i64]) -> Result<Sample>;

    /// Adds 1 to `a` of every item whose `b` is less than this, in one statement; as often as told.
    fn update_where(&mut self, b_below: i64, times: usize) -> Result<Sample>;

    /// Removes each of these items by its key, each its own commit. They are back afterwards, as they are given here.
    fn delete_by_key(&mut self, items: &[&Item]) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 3] = [
    // First, because it puts rows back as they were loaded.
    Workload {
        name: "delete by key, each its own commit",
        unit: "row",
        tables: Tables::Items,
        units: deletes,
        run: |contestant, input, round| contestant.delete_by_key(&input.draw_distinct(deletes(input), round)),
    },
    Workload {
        name: "update by key, each its own commit",
        unit: "row",
        tables: Tables::Items,
        units: |_| UPDATES,
        run: |contestant, input, round| {
            let keys = input.draw(UPDATES, round).map(|item| item.id).collect::<Vec<_>>();
            contestant.update_by_key(&keys)
        },
    },
    Workload {
        name: "bulk update of half the rows",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() / 2 * repeats(input),
        run: |contestant, input, _| contestant.update_where(CATEGORIES / 2, repeats(input)),
    },
];

fn deletes(input: &Input) -> usize {
    (input.rows() / 2).min(DELETES_MAX)
}

impl Updates for Sqlite {
    fn update_by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        let mut statement = self.connection.prepare("UPDATE item SET a = a + 1 WHERE id = ?1")?;
        timed(|| keys.iter().try_fold(0, |count, key| Ok(count + statement.execute([key])? as u64)))
    }

    fn update_where(&mut self, b_below: i64, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare("UPDATE item SET a = a + 1 WHERE b < ?1")?;
        timed(|| (0..times).try_fold(0, |count, _| Ok(count + statement.execute([b_below])? as u64)))
    }

    fn delete_by_key(&mut self, items: &[&Item]) -> Result<Sample> {
        let mut statement = self.connection.prepare("DELETE FROM item WHERE id = ?1")?;
        let sample = timed(|| {
            let ids = items.iter().map(|item| item.id);
            ids.into_iter().try_fold(0, |count, id| Ok(count + statement.execute([id])? as u64))
        })?;
        let mut restore = self.connection.prepare("INSERT INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        self.connection.execute_batch("BEGIN")?;
        for Item { id, a, b, e, slug, title, created } in items {
            restore.execute((id, a, b, e, slug, title, created))?;
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(sample)
    }
}

impl Updates for Collections {
    fn update_by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        timed(|| {
            let mut count = 0;
            for key in keys {
                if let Some(item) = self.items.by_id.get_mut(key) {
                    item.a += 1;
                    count += 1;
                }
            }
            Ok(count)
        })
    }

    fn update_where(&mut self, b_below: i64, times: usize) -> Result<Sample> {
        timed(|| {
            let mut count = 0;
            for _ in 0..times {
                for item in black_box(&mut self.items.by_id).values_mut().filter(|item| item.b < b_below) {
                    item.a += 1;
                    count += 1;
                }
            }
            Ok(count)
        })
    }

    fn delete_by_key(&mut self, items: &[&Item]) -> Result<Sample> {
        let sample = timed(|| Ok(items.iter().filter_map(|item| self.items.remove(item.id)).count() as u64))?;
        items.iter().for_each(|item| self.items.restore(item));
        Ok(sample)
    }
}
