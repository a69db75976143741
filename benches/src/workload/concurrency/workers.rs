//! How each contestant does what several threads ask of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nuages::prelude::{Atomic, Db, Executor, Model, Param, Persist, Queryset, prepare};
use nuages_engine::Session;
use nuages_engine::algebra::{Arithmetic, Comparison, Expr, LockWait};
use nuages_engine::algebra::{Relation, RowLock, Source, Statement, Update};
use nuages_storage::lock::Strength;
use nuages_storage::{DataType, RowId, Value};
use rusqlite::{Connection, Row, Statement as SqliteStatement};

use super::super::scans::sum_of_a;
use super::{Concurrency, Transfer, Worker, added_up, still, still_item};
use crate::contestant::collections::Items;
use crate::contestant::engine::{self, Command, Question, item_in, items};
use crate::contestant::orm;
use crate::contestant::sqlite::item;
use crate::contestant::{Collections, Engine, Orm, Sqlite};
use crate::data::Item;
use crate::harness::{Result, Sample, timed};

const GET: &str = "SELECT id, a, b, e, slug, title, created FROM item WHERE id = ?1";
const DEBIT: &str = "UPDATE item SET a = a - 1 WHERE id = ?1";
const CREDIT: &str = "UPDATE item SET a = a + 1 WHERE id = ?1";

/// A connection behind a mutex. Statements cannot be kept beside it, as they borrow it; it keeps them by their text.
struct SharedConnection<'a>(Mutex<&'a mut Connection>);

impl<'a> SharedConnection<'a> {
    fn lock(&self) -> MutexGuard<'_, &'a mut Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn get_in_sqlite(statement: &mut SqliteStatement<'_>, key: i64) -> Result<Item> {
    Ok(statement.query_row([key], item)?)
}

/// The statements of a transfer, prepared in one way or another.
fn steps<'c, S>(prepare: impl Fn(&'c str) -> rusqlite::Result<S>) -> Result<[S; 5]> {
    let [begin, get, debit, credit, commit] = ["BEGIN", GET, DEBIT, CREDIT, "COMMIT"].map(prepare);
    Ok([begin?, get?, debit?, credit?, commit?])
}

fn transfer_in_sqlite(steps: [&mut SqliteStatement<'_>; 5], transfer: Transfer) -> Result<u64> {
    let [begin, get, debit, credit, commit] = steps;
    begin.execute(())?;
    let from = get_in_sqlite(get, transfer.from)?;
    let to = get_in_sqlite(get, transfer.to)?;
    debit.execute([transfer.from])?;
    credit.execute([transfer.to])?;
    commit.execute(())?;
    Ok(still_item(&from).wrapping_add(still_item(&to)))
}

impl Worker for SharedConnection<'_> {
    fn transfer(&self, transfer: Transfer) -> Result<u64> {
        let connection = self.lock();
        let mut steps = steps(|sql| connection.prepare_cached(sql))?;
        transfer_in_sqlite(steps.each_mut().map(|step| &mut **step), transfer)
    }

    fn increment_read(&self, key: i64) -> Result<u64> {
        let connection = self.lock();
        connection.prepare_cached("BEGIN")?.execute(())?;
        let item = get_in_sqlite(&mut *connection.prepare_cached(GET)?, key)?;
        connection.prepare_cached("UPDATE item SET a = ?2 WHERE id = ?1")?.execute([key, item.a + 1])?;
        connection.prepare_cached("COMMIT")?.execute(())?;
        Ok(still_item(&item))
    }

    fn increment(&self, key: i64) -> Result<u64> {
        Ok(self.lock().prepare_cached(CREDIT)?.execute([key])? as u64)
    }

    fn decrement(&self, key: i64) -> Result<u64> {
        Ok(self.lock().prepare_cached(DEBIT)?.execute([key])? as u64)
    }

    fn get(&self, key: i64) -> Result<u64> {
        let item = get_in_sqlite(&mut *self.lock().prepare_cached(GET)?, key)?;
        Ok(still_item(&item))
    }

    fn sum(&self) -> Result<u64> {
        let sum = |row: &Row<'_>| row.get::<_, i64>(0);
        Ok(self.lock().prepare_cached("SELECT sum(a) FROM item")?.query_row((), sum)? as u64)
    }
}

impl Concurrency for Sqlite {
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>> {
        Ok(Box::new(SharedConnection(Mutex::new(&mut self.connection))))
    }

    fn transfer(&mut self, transfers: &[Transfer]) -> Result<Sample> {
        let mut steps = steps(|sql| self.connection.prepare(sql))?;
        timed(|| added_up(transfers, |transfer| transfer_in_sqlite(steps.each_mut(), transfer)))
    }

    fn update_with_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let mut update = self.connection.prepare(CREDIT)?;
        timed(|| added_up(keys, |key| Ok(update.execute([key])? as u64)))
    }

    fn update_beside_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        self.update_with_snapshot(keys)
    }
}

/// What is asked of the engine.
struct EngineWorker<'a> {
    engine: &'a Engine,
    debit: Command<'a, 1>,
    credit: Command<'a, 1>,
    get_locked: Question<'a, 1>,
    set: Command<'a, 2>,
    sum: Question<'a, 0>,
}

impl<'a> EngineWorker<'a> {
    fn new(engine: &'a Engine) -> Result<Self> {
        let (table, item) = (engine.tables.item, Source::new(0));
        let a = move || Expr::from(item.column(engine::item::A));
        let with_key = move |key| Expr::from(item.column(engine::item::ID)).compare(Comparison::Equal, key);
        let update = move |key, value| {
            let (predicate, assignments) = (Some(with_key(key)), vec![(engine::item::A, value)]);
            Statement::Update(Update {
                table,
                source: item,
                predicate,
                assignments,
                returning: Vec::new(),
                from: None,
            })
        };
        let by = move |op| move |[key]: [Expr; 1]| update(key, a().arithmetic(op, Expr::literal(1)));
        let get_locked = move |[key]: [Expr; 1]| {
            let (sources, strength, wait) = (vec![(table, item)], Strength::Update, LockWait::Wait);
            items(Relation::scan(table, item).filter(with_key(key)), item).locking(RowLock {
                sources,
                strength,
                wait,
            })
        };
        Ok(Self {
            engine,
            debit: engine.command([DataType::BigInt], by(Arithmetic::Subtract)),
            credit: engine.command([DataType::BigInt], by(Arithmetic::Add)),
            get_locked: engine.question([DataType::BigInt], get_locked)?,
            set: engine.command([DataType::BigInt; 2], move |[key, value]| update(key, value)),
            sum: engine.question([], move |[]| sum_of_a(Relation::scan(table, item), item))?,
        })
    }

    fn get_in(&self, session: &dyn Session, key: i64) -> Result<Item> {
        let mut item = None;
        session.get(self.engine.tables.item, RowId::new(key), &mut |row| item = Some(item_in(row)))?;
        item.ok_or_else(|| "an item is missing".into())
    }
}

impl Worker for EngineWorker<'_> {
    fn transfer(&self, Transfer { from, to }: Transfer) -> Result<u64> {
        let transaction = self.engine.db.begin();
        let items = [self.get_in(&transaction, from)?, self.get_in(&transaction, to)?];
        self.debit.run_in(&transaction, [Value::Int(from)])?;
        self.credit.run_in(&transaction, [Value::Int(to)])?;
        transaction.commit()?;
        Ok(items.iter().map(still_item).fold(0, u64::wrapping_add))
    }

    fn increment_read(&self, key: i64) -> Result<u64> {
        let transaction = self.engine.db.begin();
        let items = self.get_locked.items_in(&transaction, [Value::Int(key)])?;
        let item = items.first().ok_or("an item is missing")?;
        self.set.run_in(&transaction, [Value::Int(key), Value::Int(item.a + 1)])?;
        transaction.commit()?;
        Ok(still_item(item))
    }

    fn increment(&self, key: i64) -> Result<u64> {
        self.credit.run([Value::Int(key)])
    }

    fn decrement(&self, key: i64) -> Result<u64> {
        self.debit.run([Value::Int(key)])
    }

    fn get(&self, key: i64) -> Result<u64> {
        Ok(still_item(&self.get_in(&self.engine.db, key)?))
    }

    fn sum(&self) -> Result<u64> {
        let [sum] = self.sum.integers([])?;
        Ok(sum as u64)
    }
}

impl Concurrency for Engine {
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>> {
        Ok(Box::new(EngineWorker::new(self)?))
    }

    fn update_with_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = EngineWorker::new(self)?;
        let mut held = self.db.snapshot()?;
        timed(|| {
            added_up(keys, |key| {
                held = self.db.snapshot()?;
                worker.increment(key)
            })
        })
    }

    fn update_beside_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = EngineWorker::new(self)?;
        let _held = self.db.snapshot()?;
        timed(|| added_up(keys, |key| worker.increment(key)))
    }
}

/// What is asked of the ORM, of one key.
type Verb<'a, T> = Box<dyn Fn(i64, &dyn Executor) -> nuages::Result<T> + Sync + 'a>;

struct OrmWorker<'a> {
    db: &'a Db,
    get: Verb<'a, orm::Item>,
    get_locked: Verb<'a, orm::Item>,
    debit: Verb<'a, u64>,
    credit: Verb<'a, u64>,
    sum: Box<dyn Fn() -> nuages::Result<Option<i64>> + Sync + 'a>,
}

impl<'a> OrmWorker<'a> {
    fn new(orm: &'a Orm) -> nuages::Result<Self> {
        use orm::Item;
        let db = &orm.db;
        if !orm.prepares() {
            let with_key = |key: i64| Item::objects().filter(Item::id.eq(key));
            return Ok(Self {
                db,
                get: Box::new(|key, ex| Item::objects().get(Item::id.eq(key), ex)),
                get_locked: Box::new(|key, ex| Item::objects().select_for_update().get(Item::id.eq(key), ex)),
                debit: Box::new(move |key, ex| with_key(key).update(Item::a.set(Item::a - 1), ex)),
                credit: Box::new(move |key, ex| with_key(key).update(Item::a.set(Item::a + 1), ex)),
                sum: Box::new(|| Item::objects().aggregate(Item::a.sum(), db)),
            });
        }
        let with_key = |key: Param<i64>| Item::objects().filter(Item::id.eq(key));
        let get = prepare(with_key, db)?;
        let get_locked = prepare(|key| with_key(key).select_for_update(), db)?;
        let debit = prepare(|key| with_key(key).updating(Item::a.set(Item::a - 1)), db)?;
        let credit = prepare(|key| with_key(key).updating(Item::a.set(Item::a + 1)), db)?;
        let sum = prepare(|()| Item::objects().aggregating(Item::a.sum()), db)?;
        Ok(Self {
            db,
            get: Box::new(move |key, ex| get.get(key, ex)),
            get_locked: Box::new(move |key, ex| get_locked.get(key, ex)),
            debit: Box::new(move |key, ex| debit.run(key, ex)),
            credit: Box::new(move |key, ex| credit.run(key, ex)),
            sum: Box::new(move || sum.run((), db)),
        })
    }
}

fn still_instance(item: &orm::Item) -> u64 {
    still(item.checksum(), item.a)
}

impl Worker for OrmWorker<'_> {
    fn transfer(&self, Transfer { from, to }: Transfer) -> Result<u64> {
        let moved = self.db.atomic(|tx| {
            let items = [(self.get)(from, tx)?, (self.get)(to, tx)?];
            (self.debit)(from, tx)?;
            (self.credit)(to, tx)?;
            Ok(items.iter().map(still_instance).fold(0, u64::wrapping_add))
        });
        Ok(moved?)
    }

    fn increment_read(&self, key: i64) -> Result<u64> {
        let counted = self.db.atomic(|tx| {
            let mut item = (self.get_locked)(key, tx)?;
            let checksum = still_instance(&item);
            item.a += 1;
            item.save_fields((orm::Item::a,), tx)?;
            Ok(checksum)
        });
        Ok(counted?)
    }

    fn increment(&self, key: i64) -> Result<u64> {
        Ok((self.credit)(key, self.db)?)
    }

    fn decrement(&self, key: i64) -> Result<u64> {
        Ok((self.debit)(key, self.db)?)
    }

    fn get(&self, key: i64) -> Result<u64> {
        Ok(still_instance(&(self.get)(key, self.db)?))
    }

    fn sum(&self) -> Result<u64> {
        Ok((self.sum)()?.unwrap_or_default() as u64)
    }
}

impl Concurrency for Orm {
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>> {
        Ok(Box::new(OrmWorker::new(self)?))
    }

    fn update_with_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = OrmWorker::new(self)?;
        let mut held = self.db.snapshot()?;
        timed(|| {
            added_up(keys, |key| {
                held = self.db.snapshot()?;
                worker.increment(key)
            })
        })
    }

    fn update_beside_snapshot(&mut self, keys: &[i64]) -> Result<Sample> {
        let worker = OrmWorker::new(self)?;
        let _held = self.db.snapshot()?;
        timed(|| added_up(keys, |key| worker.increment(key)))
    }
}

/// A map behind a mutex.
struct SharedItems<'a>(Mutex<&'a mut Items>);

impl SharedItems<'_> {
    /// Changes the item with this key; returns what it was.
    fn change(items: &mut Items, key: i64, change: impl FnOnce(i64) -> i64) -> Result<Item> {
        let item = items.by_id.get_mut(&key).ok_or("an item is missing")?;
        let before = item.clone();
        item.a = change(item.a);
        Ok(before)
    }

    fn with<T>(&self, f: impl FnOnce(&mut Items) -> Result<T>) -> Result<T> {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Worker for SharedItems<'_> {
    fn transfer(&self, transfer: Transfer) -> Result<u64> {
        self.with(|items| {
            let from = Self::change(items, transfer.from, |a| a - 1)?;
            let to = Self::change(items, transfer.to, |a| a + 1)?;
            Ok(still_item(&from).wrapping_add(still_item(&to)))
        })
    }

    fn increment_read(&self, key: i64) -> Result<u64> {
        self.with(|items| Ok(still_item(&Self::change(items, key, |a| a + 1)?)))
    }

    fn increment(&self, key: i64) -> Result<u64> {
        self.with(|items| {
            items.by_id.get_mut(&key).ok_or("an item is missing")?.a += 1;
            Ok(1)
        })
    }

    fn decrement(&self, key: i64) -> Result<u64> {
        self.with(|items| {
            items.by_id.get_mut(&key).ok_or("an item is missing")?.a -= 1;
            Ok(1)
        })
    }

    fn get(&self, key: i64) -> Result<u64> {
        self.with(|items| Ok(still_item(&items.by_id[&key].clone())))
    }

    fn sum(&self) -> Result<u64> {
        self.with(|items| Ok(items.by_id.values().map(|item| item.a).sum::<i64>() as u64))
    }
}

impl Concurrency for Collections {
    fn worker(&mut self) -> Result<Box<dyn Worker + '_>> {
        Ok(Box::new(SharedItems(Mutex::new(&mut self.items))))
    }
}
