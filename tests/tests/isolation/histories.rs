//! Random transactions on threads, whose [histories](super::history) are explained afterwards, or not.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use nuages_engine::catalog::{NewIndex, NewTable};
use nuages_engine::{Database, Error, Isolation, Session};

use super::crowd::{Chance, audit, crowd, is_of_the_moment, rounds};
use super::history::Anomaly::{self, G2, GSingle};
use super::history::{Did, Done, anomalies};
use super::play::LEVELS;
use super::schema::{id, int, key};
use super::sql::{ints, rows, sql};

/// Keys there are: few, so that transactions meet.
const KEYS: u64 = 5;

/// A list is its items, in the order of their places, and a head that has their number; a register is a row.
fn store() -> Database {
    let db = Database::new();
    let item =
        NewTable::new("item").column(id()).column(int("list")).column(int("place")).column(int("value"));
    let in_order = NewIndex::unique("item_in_order", ["list", "place"]);
    let by_value = NewIndex::new("item_value", ["value"]);
    db.create_table(item.primary_key(["id"]).unique(in_order).index(by_value)).unwrap();
    let register = NewTable::new("register").column(key("id")).column(int("value")).column(int("twin"));
    db.create_table(register.primary_key(["id"])).unwrap();
    let head = NewTable::new("head").column(key("id")).column(int("length"));
    db.create_table(head.primary_key(["id"])).unwrap();
    for key in 0..KEYS {
        sql(&db, &format!("insert into head values ({key}, 0)")).unwrap();
    }
    db
}

/// Reads a list: all of its items, in order.
fn read(session: &dyn Session, key: i64) -> Result<Did, Error> {
    let items = rows(session, &format!("select * from item where list = {key} order by place"))?;
    Ok(Did::Read(key, items.iter().filter_map(|item| item[3].as_int()).collect()))
}

/// Appends to a list: a new length, and an item at the place before it.
fn append(session: &dyn Session, key: i64, value: i64) -> Result<Did, Error> {
    sql(session, &format!("update head set length = length + 1 where id = {key}"))?;
    let length = ints(session, &format!("select * from head where id = {key}"), 1)?[0];
    sql(session, &format!("insert into item values (default, {key}, {length}, {value})"))?;
    Ok(Did::Append(key, value))
}

/// Reads a register, by its key or by looking through all of them.
fn get(session: &dyn Session, key: i64, chance: &mut Chance) -> Result<Did, Error> {
    let found = match chance.below(2) {
        0 => ints(session, &format!("select * from register where id = {key}"), 1)?,
        _ => ints(session, &format!("select * from register where twin = {key}"), 1)?,
    };
    Ok(Did::Get(key, found.first().copied()))
}

/// Overwrites a register: updates the row, inserts it if there is none, or deletes it and inserts another.
fn set(session: &dyn Session, key: i64, value: i64, chance: &mut Chance) -> Result<Did, Error> {
    if chance.below(4) == 0 {
        sql(session, &format!("delete from register where id = {key}"))?;
    }
    if sql(session, &format!("update register set value = {value} where id = {key}"))?.count() == 0 {
        sql(session, &format!("insert into register values ({key}, {value}, {key})"))?;
    }
    Ok(Did::Set(key, value))
}

/// Runs transactions of up to five steps at a level, and returns what they did.
fn run(level: Isolation, threads: usize, each: usize) -> Vec<Done> {
    let (db, history, next) = (store(), Mutex::new(Vec::new()), AtomicI64::new(1));
    crowd(threads, each, |chance| {
        let tx = db.begin_with(level);
        let mut did = Vec::new();
        let mut failed = None;
        for _ in 0..1 + chance.below(5) {
            let (key, value) = (chance.below(KEYS), next.fetch_add(1, Ordering::Relaxed));
            let step = match chance.below(5) {
                0 | 1 => read(&tx, key),
                2 => append(&tx, key, value),
                3 => get(&tx, key + KEYS as i64, chance),
                _ => set(&tx, key + KEYS as i64, value, chance),
            };
            match step {
                Ok(done) => did.push(done),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
            std::thread::yield_now();
        }
        let outcome = match failed {
            Some(error) => Err(error),
            None if chance.below(10) == 0 => {
                tx.rollback();
                Ok(false)
            }
            None => tx.commit().map(|_| true),
        };
        let committed = outcome.unwrap_or_else(|error| {
            assert!(is_of_the_moment(&error) || matches!(error, Error::Unique { .. }), "{error}");
            false
        });
        history.lock().unwrap().push(Done { did, committed });
    });
    audit(&db);
    history.into_inner().unwrap()
}

#[test]
fn each_level_admits_no_more_than_it_says() {
    for level in LEVELS {
        let allowed: BTreeSet<Anomaly> = match level {
            Isolation::ReadCommitted => BTreeSet::from([GSingle, G2]),
            Isolation::Snapshot => BTreeSet::from([G2]),
            Isolation::Serializable => BTreeSet::new(),
        };
        for threads in [2, 4, 8].repeat(rounds(1)) {
            let history = run(level, threads, 240 / threads);
            let committed = history.iter().filter(|done| done.committed).count();
            assert!(committed * 4 > history.len(), "{committed} of {} at {level:?}", history.len());
            let found = anomalies(&history);
            assert!(found.is_subset(&allowed), "{found:?} at {level:?} on {threads} threads");
        }
    }
}

/// If nothing was ever found, the crowd might be too orderly to tell.
#[test]
fn weaker_levels_show_what_they_admit() {
    let shows = |level, anomaly| (0..20).any(|_| anomalies(&run(level, 4, 60)).contains(&anomaly));
    assert!(shows(Isolation::ReadCommitted, GSingle));
    assert!(shows(Isolation::Snapshot, G2));
}
