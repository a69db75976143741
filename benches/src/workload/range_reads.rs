//! Part of an index: its first rows, its size, and a page far down.

use std::ops::Range;

use nuages::prelude::{Model, Param, Queryset, prepare};
use nuages_engine::algebra::{Aggregate, Comparison, Expr, Query, Relation};
use nuages_engine::algebra::{SortKey, Source};
use nuages_storage::{DataType, Value};

use super::{Tables, Workload, in_order, repeats};
use crate::contestant::engine::{self, items};
use crate::contestant::orm;
use crate::contestant::sqlite::{ITEM, item};
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::{Input, Item};
use crate::harness::{Result, Sample, timed};

const RANGES: usize = 1_000;
const PAGE: usize = 20;

/// Reads along an order.
pub(crate) trait RangeReads {
    /// For each time, the ten items created from then on, the earliest first.
    fn ten_created_since(&mut self, times: &[i64]) -> Result<Sample>;

    /// For each range of times, how many items were created in it.
    fn count_created_in(&mut self, ranges: &[Range<i64>]) -> Result<Sample>;

    /// The items by key, `offset` of them passed over: the next 20, asked for as often as told.
    fn page_at(&mut self, offset: usize, times: usize) -> Result<Sample>;
}

pub(super) const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "index range, ordered, limit 10",
        unit: "query",
        tables: Tables::Items,
        units: |_| RANGES,
        run: |contestant, input, round| {
            let times = input.draw(RANGES, round).map(|item| item.created).collect::<Vec<_>>();
            contestant.ten_created_since(&times)
        },
    },
    Workload {
        name: "count of an index range",
        unit: "query",
        tables: Tables::Items,
        units: repeats,
        run: |contestant, input, round| contestant.count_created_in(&halves(input, round)),
    },
    Workload {
        name: "page of 20 at offset 90 %",
        unit: "query",
        tables: Tables::Items,
        units: repeats,
        run: |contestant, input, _| contestant.page_at(input.rows() / 10 * 9, repeats(input)),
    },
];

/// Ranges of times that hold half of the items each.
fn halves(input: &Input, round: usize) -> Vec<Range<i64>> {
    let half = input.rows() / 2;
    let range = |first: &Item| {
        let from = first.id as usize % half;
        input.items()[from].created..input.items()[from + half].created
    };
    input.draw(repeats(input), round).map(range).collect()
}

impl RangeReads for Sqlite {
    fn ten_created_since(&mut self, times: &[i64]) -> Result<Sample> {
        let sql = format!("SELECT {ITEM} FROM item WHERE created >= ?1 ORDER BY created LIMIT 10");
        let mut statement = self.connection.prepare(&sql)?;
        timed(|| {
            let mut checksum = 0;
            for time in times {
                let items = statement.query_map([time], item)?.collect::<rusqlite::Result<Vec<_>>>()?;
                checksum = items.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }

    fn count_created_in(&mut self, ranges: &[Range<i64>]) -> Result<Sample> {
        let sql = "SELECT count(*) FROM item WHERE created >= ?1 AND created < ?2";
        let mut statement = self.connection.prepare(sql)?;
        timed(|| {
            let mut checksum = 0;
            for range in ranges {
                let count: i64 = statement.query_row([range.start, range.end], |row| row.get(0))?;
                checksum = in_order(checksum, count as u64);
            }
            Ok(checksum)
        })
    }

    fn page_at(&mut self, offset: usize, times: usize) -> Result<Sample> {
        let mut statement =
            self.connection.prepare(&format!("SELECT {ITEM} FROM item ORDER BY id LIMIT ?1 OFFSET ?2"))?;
        timed(|| {
            let mut checksum = 0;
            for _ in 0..times {
                let page =
                    statement.query_map([PAGE, offset], item)?.collect::<rusqlite::Result<Vec<_>>>()?;
                checksum = page.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }
}

impl RangeReads for Engine {
    fn ten_created_since(&mut self, times: &[i64]) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let created = || Expr::from(item.column(engine::item::CREATED));
        let question = self.question([DataType::BigInt], |[time]| {
            let since = created().compare(Comparison::GreaterOrEqual, time);
            let sorted = Relation::scan(table, item).filter(since).sort(vec![SortKey::ascending(created())]);
            items(sorted.limit(0, Some(10)), item)
        })?;
        timed(|| {
            let mut checksum = 0;
            for time in times {
                let items = question.items([Value::Int(*time)])?;
                checksum = items.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }

    fn count_created_in(&mut self, ranges: &[Range<i64>]) -> Result<Sample> {
        let (table, item, counted) = (self.tables.item, Source::new(0), Source::new(1));
        let created = || Expr::from(item.column(engine::item::CREATED));
        let question = self.question([DataType::BigInt; 2], |[start, end]| {
            let inside = created()
                .compare(Comparison::GreaterOrEqual, start)
                .and(created().compare(Comparison::Less, end));
            let rows = Relation::scan(table, item).filter(inside);
            let count = rows.aggregate(counted, Vec::new(), vec![Aggregate::rows()]);
            Query::new(count, engine::columns(counted, 1))
        })?;
        timed(|| {
            let mut checksum = 0;
            for range in ranges {
                let [count] = question.integers([Value::Int(range.start), Value::Int(range.end)])?;
                checksum = in_order(checksum, count as u64);
            }
            Ok(checksum)
        })
    }

    /// The offset is part of the algebra, so it is given when the question is prepared.
    fn page_at(&mut self, offset: usize, times: usize) -> Result<Sample> {
        let (table, item) = (self.tables.item, Source::new(0));
        let question = self.question([], |[]| {
            let key = SortKey::ascending(item.column(engine::item::ID).into());
            let sorted = Relation::scan(table, item).sort(vec![key]);
            items(sorted.limit(offset as u64, Some(PAGE as u64)), item)
        })?;
        timed(|| {
            let mut checksum = 0;
            for _ in 0..times {
                let page = question.items([])?;
                checksum = page.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }
}

/// The checksum of rows after that of those before.
fn append(checksum: u64, items: &[orm::Item]) -> u64 {
    items.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()))
}

impl RangeReads for Orm {
    fn ten_created_since(&mut self, times: &[i64]) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        if !self.prepares() {
            return timed(|| {
                times.iter().try_fold(0, |checksum, time| {
                    let since = Item::objects().filter(Item::created.gte(time));
                    Ok(append(checksum, &since.order_by(Item::created.asc()).slice(..10).all(db)?))
                })
            });
        }
        let since = |time: Param<i64>| {
            Item::objects().filter(Item::created.gte(time)).order_by(Item::created.asc()).slice(..10)
        };
        let since = prepare(since, db)?;
        timed(|| times.iter().try_fold(0, |checksum, &time| Ok(append(checksum, &since.all(time, db)?))))
    }

    fn count_created_in(&mut self, ranges: &[Range<i64>]) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        if !self.prepares() {
            return timed(|| {
                ranges.iter().try_fold(0, |checksum, range| {
                    let inside = Item::created.gte(range.start) & Item::created.lt(range.end);
                    Ok(in_order(checksum, Item::objects().filter(inside).count(db)?))
                })
            });
        }
        let inside = |(start, end): (Param<i64>, Param<i64>)| {
            Item::objects().filter(Item::created.gte(start) & Item::created.lt(end))
        };
        let inside = prepare(inside, db)?;
        timed(|| {
            ranges.iter().try_fold(0, |checksum, range| {
                Ok(in_order(checksum, inside.count((range.start, range.end), db)?))
            })
        })
    }

    fn page_at(&mut self, offset: usize, times: usize) -> Result<Sample> {
        use orm::Item;
        let db = &self.db;
        let page = || Item::objects().order_by(Item::id.asc()).slice(offset..offset + PAGE);
        if !self.prepares() {
            return timed(|| (0..times).try_fold(0, |checksum, _| Ok(append(checksum, &page().all(db)?))));
        }
        let page = prepare(|()| page(), db)?;
        timed(|| (0..times).try_fold(0, |checksum, _| Ok(append(checksum, &page.all((), db)?))))
    }
}

impl RangeReads for Collections {
    fn ten_created_since(&mut self, times: &[i64]) -> Result<Sample> {
        let items = &self.items;
        timed(|| {
            let mut checksum = 0;
            for time in times {
                let ids = items.by_created.range(time..).take(10);
                let found = ids.map(|(_, id)| items.by_id[id].clone()).collect::<Vec<_>>();
                checksum = found.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }

    fn count_created_in(&mut self, ranges: &[Range<i64>]) -> Result<Sample> {
        let count = |range: &Range<i64>| self.items.by_created.range(range.clone()).count() as u64;
        timed(|| Ok(ranges.iter().fold(0, |checksum, range| in_order(checksum, count(range)))))
    }

    fn page_at(&mut self, offset: usize, times: usize) -> Result<Sample> {
        timed(|| {
            let mut checksum = 0;
            for _ in 0..times {
                let page = self.items.by_id.values().skip(offset).take(PAGE).cloned().collect::<Vec<_>>();
                checksum = page.iter().fold(checksum, |sum, item| in_order(sum, item.checksum()));
            }
            Ok(checksum)
        })
    }
}
