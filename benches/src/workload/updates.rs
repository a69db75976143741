//! Changes of rows that are there, and their removal.

use std::hint::black_box;

use nuages::prelude::{Model, Param, Queryset, prepare};
use nuages_engine::algebra::{Arithmetic, Comparison, Delete, Expr, Source, Statement, Update};
use nuages_engine::{RowKeys, Session};
use nuages_storage::{DataType, LeafBuilder, RowId, Value};

use super::{Tables, Workload, repeats};
use crate::contestant::engine::{self, encoded, set_item};
use crate::contestant::orm;
use crate::contestant::{Collections, Engine, Orm, Sqlite};
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

impl Engine {
    /// The update that adds 1 to `a` where this column compares like this.
    fn increment(&self, place: usize, comparison: Comparison) -> engine::Command<'_, 1> {
        let (table, item) = (self.tables.item, Source::new(0));
        self.command([DataType::BigInt], move |[value]| {
            let more = Expr::from(item.column(engine::item::A)).arithmetic(Arithmetic::Add, Expr::literal(1));
            Statement::Update(Update {
                from: None,
                table,
                source: item,
                predicate: Some(Expr::from(item.column(place)).compare(comparison, value)),
                assignments: vec![(engine::item::A, more)],
                returning: Vec::new(),
            })
        })
    }
}

impl Updates for Engine {
    fn update_by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        let update = self.increment(engine::item::ID, Comparison::Equal);
        timed(|| keys.iter().try_fold(0, |count, key| Ok(count + update.run([Value::Int(*key)])?)))
    }

    fn update_where(&mut self, b_below: i64, times: usize) -> Result<Sample> {
        let update = self.increment(engine::item::B, Comparison::Less);
        timed(|| (0..times).try_fold(0, |count, _| Ok(count + update.run([Value::Int(b_below)])?)))
    }

    fn delete_by_key(&mut self, items: &[&Item]) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let delete = self.command([DataType::BigInt], |[key]| {
            Statement::Delete(Delete {
                table,
                source: item,
                predicate: Some(Expr::from(item.column(engine::item::ID)).equals(key)),
                returning: Vec::new(),
                using: None,
            })
        });
        let sample = timed(|| {
            let ids = items.iter().map(|item| item.id);
            ids.into_iter().try_fold(0, |count, id| Ok(count + delete.run([Value::Int(id)])?))
        })?;
        let restored = |builder: &mut LeafBuilder, item: &&Item| {
            set_item(builder, item);
            builder.finish_row(RowId::new(item.id));
        };
        let rows = encoded(&self.db, table, items, restored)?;
        self.db.insert_rows(table, rows, RowKeys::Given)?;
        Ok(sample)
    }
}

impl Updates for Orm {
    fn update_by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let more = || Item::a.set(Item::a + 1);
        if !self.prepares() {
            return timed(|| {
                keys.iter().try_fold(0, |count, &key| {
                    Ok(count + Item::objects().filter(Item::id.eq(key)).update(more(), db)?)
                })
            });
        }
        let update = prepare(|id: Param<i64>| Item::objects().filter(Item::id.eq(id)).updating(more()), db)?;
        timed(|| keys.iter().try_fold(0, |count, &key| Ok(count + update.run(key, db)?)))
    }

    fn update_where(&mut self, b_below: i64, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let more = || Item::a.set(Item::a + 1);
        if !self.prepares() {
            return timed(|| {
                (0..times).try_fold(0, |count, _| {
                    Ok(count + Item::objects().filter(Item::b.lt(b_below)).update(more(), db)?)
                })
            });
        }
        let update = prepare(|b: Param<i64>| Item::objects().filter(Item::b.lt(b)).updating(more()), db)?;
        timed(|| (0..times).try_fold(0, |count, _| Ok(count + update.run(b_below, db)?)))
    }

    fn delete_by_key(&mut self, items: &[&Item]) -> Result<Sample> {
        let db = &self.db;
        let keys = items.iter().map(|item| item.id).collect::<Vec<_>>();
        let with_key = |key: i64| orm::Item::objects().filter(orm::Item::id.eq(key));
        let sample = if self.prepares() {
            let delete = |id: Param<i64>| orm::Item::objects().filter(orm::Item::id.eq(id)).deleting();
            let delete = prepare(delete, db)?;
            timed(|| keys.iter().try_fold(0, |count, &key| Ok(count + delete.run(key, db)?.total)))?
        } else {
            timed(|| keys.iter().try_fold(0, |count, &key| Ok(count + with_key(key).delete(db)?.total)))?
        };
        orm::Item::objects().bulk_create(items.iter().map(|item| orm::Item::keyed(item)), db)?;
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
