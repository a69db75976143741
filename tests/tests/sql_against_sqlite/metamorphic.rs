//! Checks that need no peer.
//!
//! Ternary logic partitioning and "non-optimising reference engine construction" are Rigger and Su's ("Finding Bugs in
//! Database Systems via Query Partitioning", OOPSLA 2020; "Detecting Optimization Bugs in Database Engines via
//! Non-Optimizing Reference Engine Construction", ESEC/FSE 2020).

use nuages_engine::catalog::Catalog;
use nuages_engine::optimize::{plan_by_indexes, plan_naively};
use nuages_engine::plan::Plan;
use nuages_engine::race::plans;
use nuages_engine::sql::{Connection, Dialect};
use nuages_engine::{Context, Error, Session, execute};
use nuages_storage::{Value, Version};

use super::Databases;
use super::answer::{Rows, same};
use super::query::Partition;

/// Of the plans that other decisions lead to, how many are run of each query.
const ALTERNATIVES: usize = 5;

/// How often a query is printed and read before its text stays the same: as often as tables lie in each other.
const READINGS_MAX: usize = 8;

impl Databases {
    /// Every plan has these rows, and what is printed reads as the same query.
    pub(crate) fn check_plans(&mut self, sql: &str, rows: &Rows) -> Result<(), String> {
        let told = |kind: &str, what: &str| self.told(sql, &format!("{rows:?}"), &format!("{kind}: {what}"));
        let query = self.ours.read(sql).map_err(|error| told("read", &error.to_string()))?;
        let version = self.ours.database().version().map_err(|error| error.to_string())?;
        let catalog = Catalog::of(&version);
        let mut candidates = vec![
            ("the naive plan", plan_naively(query.clone(), catalog, &version)),
            ("the plan by indexes", plan_by_indexes(query.clone(), catalog, &version)),
        ];
        let others = plans(&query, catalog, &version, ALTERNATIVES)
            .map_err(|error| told("plans", &error.to_string()))?;
        candidates.extend(others.iter().skip(1).map(|other| ("another plan", Ok(other.plan().clone()))));
        for (kind, plan) in candidates {
            let plan = plan.map_err(|error| told(kind, &error.to_string()))?;
            match run(&plan, &version) {
                Ok(found) if same(&found, rows, &[]) => {}
                Ok(found) => return Err(told(kind, &format!("{found:?}\n{}", plan.explain(catalog)))),
                Err(error) => return Err(told(kind, &format!("{error}\n{}", plan.explain(catalog)))),
            }
        }
        let printed = query.sql(catalog);
        let mut reader = Connection::with_dialect(self.ours.database().clone(), Dialect::PostgreSql);
        // The conversions that SQLite's dialect wants are read as what PostgreSQL's makes of them, and columns that
        // nobody mentions are not printed, so that those that only they mention are not the next time. That settles.
        let mut texts = vec![printed.clone()];
        while texts.len() < 3 || texts[texts.len() - 1] != texts[texts.len() - 2] {
            if texts.len() > READINGS_MAX {
                return Err(told("printed again and again", &texts.join("\n")));
            }
            let last = &texts[texts.len() - 1];
            let again = reader.read(last).map_err(|error| told("printed", &format!("{last}\n{error}")))?;
            texts.push(again.sql(catalog));
        }
        for text in [&printed, &texts[texts.len() - 1]] {
            match reader.query(text, &[]) {
                Ok(found) if same(&found.rows, rows, &[]) => {}
                Ok(found) => return Err(told("printed", &format!("{text}\n{:?}", found.rows))),
                Err(error) => return Err(told("printed", &format!("{text}\n{error}"))),
            }
        }
        Ok(())
    }

    /// A condition splits rows in three, and counts as many as it is true of.
    pub(crate) fn check_partition(&mut self, partition: &Partition) -> Result<(), String> {
        let Partition { from, columns, condition } = partition;
        let all = format!("SELECT {columns} FROM {from}");
        let Some(whole) = self.query(&all, &[])? else { return Ok(()) };
        let mut parts = Rows::new();
        for part in [condition.to_string(), format!("NOT ({condition})"), format!("({condition}) IS NULL")] {
            parts.extend(self.query(&format!("{all} WHERE {part}"), &[])?.unwrap_or_default());
        }
        if !same(&whole, &parts, &[]) {
            let sql = format!("{all} WHERE {condition}");
            return Err(self.told(&sql, &format!("{whole:?}"), &format!("in three parts: {parts:?}")));
        }
        let count = format!("SELECT count(*) FROM {from} WHERE {condition}");
        let counted = self.query(&count, &[])?.unwrap_or_default();
        let sum = format!("SELECT coalesce(sum(({condition}) IS TRUE), 0) FROM {from}");
        let summed = self.query(&sum, &[])?.unwrap_or_default();
        if !same(&counted, &summed, &[]) {
            return Err(self.told(&sum, &format!("{counted:?}"), &format!("{summed:?}")));
        }
        Ok(())
    }
}

fn run(plan: &Plan, version: &Version) -> Result<Rows, Error> {
    let mut rows = Vec::new();
    let context = Context::at(&[], jiff::Timestamp::UNIX_EPOCH);
    execute::run(plan, version, &context, &mut |batch| {
        rows.extend(batch.selection.iter().map(|row| batch.row(row).to_vec()));
        Ok(())
    })?;
    Ok::<Vec<Vec<Value>>, Error>(rows)
}
