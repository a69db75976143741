//! One row by what identifies it, as a struct.

use super::{Tables, Workload};
use crate::contestant::sqlite::{ITEM, item};
use crate::contestant::{Collections, Sqlite};
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

impl PointReads for Collections {
    fn by_key(&mut self, keys: &[i64]) -> Result<Sample> {
        timed(|| each(keys, |key| Ok(self.items.by_id[&key].clone())))
    }

    fn by_slug(&mut self, slugs: &[&str]) -> Result<Sample> {
        timed(|| each(slugs, |slug| Ok(self.items.by_id[&self.items.by_slug[slug]].clone())))
    }
}
