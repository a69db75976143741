//! The whole table: as structs, and boiled down to a few numbers.

use std::hint::black_box;

use nuages::prelude::{Model, Param, QuerySet, Queryset, count, prepare};
use nuages_engine::algebra::{Aggregate, AggregateFunction, Comparison, Expr, Query, Relation};
use nuages_engine::algebra::{SortKey, Source};
use nuages_storage::{DataType, Value};

use super::{Tables, Workload, in_order, repeats};
use crate::contestant::engine::{self, items};
use crate::contestant::orm;
use crate::contestant::sqlite::{ITEM, item};
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::{CATEGORIES, item_checksum};
use crate::harness::{Result, Sample, timed};

/// Reads of every row. Each is done as often as told, and the checksums are added up.
pub(crate) trait Scans {
    /// All items as structs in a vector.
    fn all(&mut self, times: usize) -> Result<Sample>;

    /// All items, read where they lie: nothing is copied but numbers.
    fn visit(&mut self, times: usize) -> Result<Sample>;

    /// The sum of `a`.
    fn sum(&mut self, times: usize) -> Result<Sample>;

    /// The sum of `a` where `b` is 5 and `e` is more than 1.
    fn filtered_sum(&mut self, times: usize) -> Result<Sample>;

    /// For each `b`, in order: how many items, and the sum of their `a`.
    fn group_by(&mut self, times: usize) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "all rows into structs",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.all(repeats(input)),
    },
    Workload {
        name: "all rows, texts not copied",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.visit(repeats(input)),
    },
    Workload {
        name: "sum",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.sum(repeats(input)),
    },
    Workload {
        name: "filtered sum",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.filtered_sum(repeats(input)),
    },
    Workload {
        name: "group by, count and sum",
        unit: "row",
        tables: Tables::Items,
        units: |input| input.rows() * repeats(input),
        run: |contestant, input, _| contestant.group_by(repeats(input)),
    },
];

/// Times `scan`, done `times` times.
fn repeated(times: usize, mut scan: impl FnMut() -> Result<u64>) -> Result<Sample> {
    timed(|| (0..times).try_fold(0_u64, |sum, _| Ok(sum.wrapping_add(scan()?))))
}

/// The checksum of one group.
fn group(b: i64, count: i64, sum: i64) -> u64 {
    (b as u64).wrapping_add((count as u64) << 8).wrapping_add((sum as u64).rotate_left(32))
}

impl Scans for Sqlite {
    fn all(&mut self, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare(&format!("SELECT {ITEM} FROM item"))?;
        repeated(times, || {
            let items = statement.query_map((), item)?.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(items.iter().fold(0, |sum, item| sum.wrapping_add(item.checksum())))
        })
    }

    fn visit(&mut self, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare(&format!("SELECT {ITEM} FROM item"))?;
        repeated(times, || {
            let mut rows = statement.query(())?;
            let mut sum = 0_u64;
            while let Some(row) = rows.next()? {
                let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
                let (slug, title): (&str, &str) = (text(4)?, text(5)?);
                let (a, b, e) = (row.get(1)?, row.get(2)?, row.get(3)?);
                sum = sum.wrapping_add(item_checksum(row.get(0)?, a, b, e, slug, title, row.get(6)?));
            }
            Ok(sum)
        })
    }

    fn sum(&mut self, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare("SELECT sum(a) FROM item")?;
        repeated(times, || Ok(statement.query_row((), |row| row.get::<_, i64>(0))? as u64))
    }

    fn filtered_sum(&mut self, times: usize) -> Result<Sample> {
        let mut statement = self.connection.prepare("SELECT sum(a) FROM item WHERE b = ?1 AND e > ?2")?;
        repeated(times, || Ok(statement.query_row((5, 1.0), |row| row.get::<_, i64>(0))? as u64))
    }

    fn group_by(&mut self, times: usize) -> Result<Sample> {
        let sql = "SELECT b, count(*), sum(a) FROM item GROUP BY b ORDER BY b";
        let mut statement = self.connection.prepare(sql)?;
        repeated(times, || {
            let mut rows = statement.query(())?;
            let mut checksum = 0;
            while let Some(row) = rows.next()? {
                checksum = in_order(checksum, group(row.get(0)?, row.get(1)?, row.get(2)?));
            }
            Ok(checksum)
        })
    }
}

/// The sum of `a` over rows of `item`.
pub(in crate::workload) fn sum_of_a(rows: Relation, item: Source) -> Query {
    let total = Source::new(1);
    let sum = Aggregate::of(AggregateFunction::Sum, item.column(engine::item::A));
    Query::new(rows.aggregate(total, Vec::new(), vec![sum]), engine::columns(total, 1))
}

impl Scans for Engine {
    fn all(&mut self, times: usize) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let question = self.question([], |[]| items(Relation::scan(table, item), item))?;
        repeated(times, || {
            let items = question.items([])?;
            Ok(items.iter().fold(0, |sum, item| sum.wrapping_add(item.checksum())))
        })
    }

    fn visit(&mut self, times: usize) -> Result<Sample> {
        use engine::item::{A, B, CREATED, E, ID, SLUG, TITLE};
        let (table, item) = (self.tables.item, Source::new(0));
        let question = self.question([], |[]| items(Relation::scan(table, item), item))?;
        repeated(times, || {
            let mut sum = 0_u64;
            question.ask([], |batch| {
                let int = |column, row| batch.column(column).int(row).unwrap_or_default();
                let text = |column, row| batch.column(column).text(row).unwrap_or_default();
                for row in &batch.selection {
                    let (id, a, b) = (int(ID, row), int(A, row), int(B, row));
                    let e = batch.column(E).float(row).unwrap_or_default();
                    let (slug, title) = (text(SLUG, row), text(TITLE, row));
                    sum = sum.wrapping_add(item_checksum(id, a, b, e, slug, title, int(CREATED, row)));
                }
            })?;
            Ok(sum)
        })
    }

    fn sum(&mut self, times: usize) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let question = self.question([], |[]| sum_of_a(Relation::scan(table, item), item))?;
        repeated(times, || {
            let [sum] = question.integers([])?;
            Ok(sum as u64)
        })
    }

    fn filtered_sum(&mut self, times: usize) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let column = |place| Expr::from(item.column(place));
        let question = self.question([DataType::BigInt, DataType::Float], |[b, e]| {
            let chosen = column(engine::item::B)
                .equals(b)
                .and(column(engine::item::E).compare(Comparison::Greater, e));
            sum_of_a(Relation::scan(table, item).filter(chosen), item)
        })?;
        repeated(times, || {
            let [sum] = question.integers([Value::Int(5), Value::Float(1.0)])?;
            Ok(sum as u64)
        })
    }

    fn group_by(&mut self, times: usize) -> Result<Sample> {
        let (table, item, groups) = (self.tables.item, Source::new(0), Source::new(1));
        let question = self.question([], |[]| {
            let sum = Aggregate::of(AggregateFunction::Sum, item.column(engine::item::A));
            let keys = vec![item.column(engine::item::B).into()];
            let grouped = Relation::scan(table, item).aggregate(groups, keys, vec![Aggregate::rows(), sum]);
            let sorted = grouped.sort(vec![SortKey::ascending(groups.column(0).into())]);
            Query::new(sorted, engine::columns(groups, 3))
        })?;
        repeated(times, || {
            let mut checksum = 0;
            question.ask([], |batch| {
                let int = |column, row| batch.column(column).int(row).unwrap_or_default();
                for row in &batch.selection {
                    checksum = in_order(checksum, group(int(0, row), int(1, row), int(2, row)));
                }
            })?;
            Ok(checksum)
        })
    }
}

impl Scans for Orm {
    fn all(&mut self, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let sum = |items: Vec<Item>| items.iter().fold(0_u64, |sum, item| sum.wrapping_add(item.checksum()));
        if !self.prepares() {
            return repeated(times, || Ok(sum(Item::objects().all(db)?)));
        }
        let all = prepare(|()| Item::objects(), db)?;
        repeated(times, || Ok(sum(all.all((), db)?)))
    }

    /// What is held is planned anew each time, also where the others are prepared.
    fn visit(&mut self, times: usize) -> Result<Sample> {
        use orm::Item;
        type Lent<'h> = (i64, i64, i64, f64, &'h str, &'h str, i64);
        repeated(times, || {
            let columns = (Item::id, Item::a, Item::b, Item::e, Item::slug, Item::title, Item::created);
            let (items, mut sum) = (Item::objects().values_list(columns).hold(&self.db)?, 0_u64);
            items.each(|(id, a, b, e, slug, title, created): Lent<'_>| {
                sum = sum.wrapping_add(item_checksum(id, a, b, e, slug, title, created));
                Ok(())
            })?;
            Ok(sum)
        })
    }

    fn sum(&mut self, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let value = |sum: Option<i64>| sum.unwrap_or_default() as u64;
        if !self.prepares() {
            return repeated(times, || Ok(value(Item::objects().aggregate(Item::a.sum(), db)?)));
        }
        let sum = prepare(|()| Item::objects().aggregating(Item::a.sum()), db)?;
        repeated(times, || Ok(value(sum.run((), db)?)))
    }

    fn filtered_sum(&mut self, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let value = |sum: Option<i64>| sum.unwrap_or_default() as u64;
        if !self.prepares() {
            return repeated(times, || {
                let chosen = Item::objects().filter(Item::b.eq(5) & Item::e.gt(1.0));
                Ok(value(chosen.aggregate(Item::a.sum(), db)?))
            });
        }
        let chosen = |(b, e): (Param<i64>, Param<f64>)| {
            Item::objects().filter(Item::b.eq(b) & Item::e.gt(e)).aggregating(Item::a.sum())
        };
        let chosen = prepare(chosen, db)?;
        repeated(times, || Ok(value(chosen.run((5, 1.0), db)?)))
    }

    fn group_by(&mut self, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let checksum = |groups: Vec<(i64, i64, Option<i64>)>| {
            let one = |sum, (b, count, total): (i64, i64, Option<i64>)| {
                in_order(sum, group(b, count, total.unwrap_or_default()))
            };
            groups.into_iter().fold(0, one)
        };
        let groups = || -> QuerySet<Item, (i64, i64, Option<i64>)> {
            let grouped = Item::objects().values_list((Item::b,)).annotate(count()).annotate(Item::a.sum());
            grouped.order_by(Item::b.asc())
        };
        if !self.prepares() {
            return repeated(times, || Ok(checksum(groups().all(db)?)));
        }
        let groups = prepare(|()| groups(), db)?;
        repeated(times, || Ok(checksum(groups.all((), db)?)))
    }
}

impl Scans for Collections {
    fn all(&mut self, times: usize) -> Result<Sample> {
        repeated(times, || {
            let items = self.items.by_id.values().cloned().collect::<Vec<_>>();
            Ok(items.iter().fold(0, |sum, item| sum.wrapping_add(item.checksum())))
        })
    }

    fn visit(&mut self, times: usize) -> Result<Sample> {
        repeated(times, || {
            let items = black_box(&self.items.by_id).values();
            Ok(items.fold(0, |sum, item| sum.wrapping_add(item.checksum())))
        })
    }

    fn sum(&mut self, times: usize) -> Result<Sample> {
        repeated(times, || Ok(black_box(&self.items.by_id).values().map(|item| item.a).sum::<i64>() as u64))
    }

    fn filtered_sum(&mut self, times: usize) -> Result<Sample> {
        let (b, e) = black_box((5, 1.0));
        repeated(times, || {
            let chosen = black_box(&self.items.by_id).values().filter(|item| item.b == b && item.e > e);
            Ok(chosen.map(|item| item.a).sum::<i64>() as u64)
        })
    }

    fn group_by(&mut self, times: usize) -> Result<Sample> {
        repeated(times, || {
            let mut groups = [(0_i64, 0_i64); CATEGORIES as usize];
            for item in black_box(&self.items.by_id).values() {
                let (count, sum) = &mut groups[item.b as usize];
                *count += 1;
                *sum += item.a;
            }
            let groups = (0..).zip(groups).filter(|(_, (count, _))| *count > 0);
            Ok(groups.fold(0, |checksum, (b, (count, sum))| in_order(checksum, group(b, count, sum))))
        })
    }
}
