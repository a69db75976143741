//! Crowds: many threads that write to one database, and the audit of what they leave behind.

use std::ops::Bound;
use std::thread;

use nuages_engine::catalog::{Catalog, IndexExpr, IndexPart, NewIndex, NewPart, TableDefinition};
use nuages_engine::{Database, Error, Isolation, LockError, Session, Transaction};
use nuages_storage::{RowId, RowRef, Table, Value};

use super::play::LEVELS;

/// How many rounds a test does: `NUAGES_SOAK=20` in the environment makes it twenty times as many.
pub(crate) fn rounds(count: usize) -> usize {
    let factor = std::env::var("NUAGES_SOAK").ok().and_then(|factor| factor.parse().ok());
    count * factor.unwrap_or(1)
}

/// Runs `work` on several threads at once, `rounds` times on each. It is given a source of chance of its own.
pub(crate) fn crowd(threads: usize, rounds: usize, work: impl Fn(&mut Chance) + Sync) {
    thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || {
                let mut chance = Chance::new(thread);
                for _ in 0..rounds {
                    work(&mut chance);
                }
            });
        }
    });
}

/// A small generator of numbers (SplitMix64), so that each thread does the same at each run.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: usize) -> Chance {
        Chance(seed as u64)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % end) as i64
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub(crate) fn level(&mut self) -> Isolation {
        self.one_of(&LEVELS)
    }
}

/// Runs a transaction, again and again while it is refused for what others did at the same time.
pub(crate) fn retrying<T>(
    db: &Database,
    level: Isolation,
    work: impl Fn(&Transaction) -> Result<T, Error>,
) -> Result<T, Error> {
    loop {
        let tx = db.begin_with(level);
        let outcome = work(&tx).and_then(|value| tx.commit().map(|_| value));
        match outcome {
            Err(error) if is_of_the_moment(&error) => {}
            outcome => return outcome,
        }
    }
}

/// Whether to try again would help.
pub(crate) fn is_of_the_moment(error: &Error) -> bool {
    match error {
        Error::SerializationFailure { .. } => true,
        Error::Lock(error) => matches!(**error, LockError::Deadlock { .. } | LockError::NotAvailable { .. }),
        _ => false,
    }
}

/// Whether a constraint was in the way, as it may be when others write the same keys.
pub(crate) fn is_of_a_constraint(error: &Error) -> bool {
    matches!(error, Error::Unique { .. } | Error::ForeignKey { .. } | Error::Referenced { .. })
}

/// Lets pass what a statement may be refused for in a crowd.
#[track_caller]
pub(crate) fn unless_refused<T>(outcome: Result<T, Error>) -> Option<T> {
    match outcome {
        Ok(value) => Some(value),
        Err(error) if is_of_the_moment(&error) || is_of_a_constraint(&error) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Every index holds exactly what one that is built anew would; no unique key is there twice; every foreign key finds
/// its row; nobody waits.
#[track_caller]
pub(crate) fn audit(db: &Database) {
    assert_eq!(db.waiting(), 0);
    let copy = db.fork().unwrap();
    for table in db.catalog().unwrap().tables() {
        for index in &table.indexes {
            let part = |part: &IndexPart| NewPart::column(&table.columns[place_of(part)].name);
            let anew = format!("{} anew", index.name);
            copy.add_index(&table.name, NewIndex::new(&anew, index.parts.iter().map(part))).unwrap();
            let version = copy.version().unwrap();
            let catalog = Catalog::of(&version);
            let built = catalog.table(table.id).unwrap().index_named(&anew).unwrap().id;
            let rows = version.table(table.id).unwrap();
            let entries = |index| rows.index(index).unwrap().range(Bound::Unbounded, Bound::Unbounded);
            let (kept, built): (Vec<_>, Vec<_>) = (entries(index.id).collect(), entries(built).collect());
            assert!(kept == built, "index {} does not hold its rows", index.name);
            if index.unique.is_some() {
                let places: Vec<usize> = index.parts.iter().map(place_of).collect();
                let has_null = |row| values(table, rows.get(row).unwrap(), &places).contains(&Value::Null);
                let twice = kept.windows(2).find(|pair| pair[0].0 == pair[1].0 && !has_null(pair[0].1));
                assert!(twice.is_none(), "a key of {} is there twice", index.name);
            }
        }
    }
    let version = db.version().unwrap();
    let catalog = Catalog::of(&version);
    for table in catalog.tables() {
        let rows = version.table(table.id).unwrap();
        let ids: Vec<RowId> = each_row(rows).map(RowRef::row_id).collect();
        assert_eq!(ids.len() as u64, rows.len(), "the count of {} is another", table.name);
        assert!(ids.is_sorted_by(|left, right| left < right), "a row of {} is there twice", table.name);
        for key in &table.foreign_keys {
            let (target, parents) = (catalog.table(key.target).unwrap(), version.table(key.target).unwrap());
            let parents: Vec<_> =
                each_row(parents).map(|row| values(target, row, &key.target_columns)).collect();
            for child in each_row(rows).map(|row| values(table, row, &key.columns)) {
                assert!(
                    child.contains(&Value::Null) || parents.contains(&child),
                    "{child:?} of {} has no parent",
                    table.name
                );
            }
        }
    }
}

/// The column that a part of an index is.
fn place_of(part: &IndexPart) -> usize {
    match part.expr {
        IndexExpr::Column(place) => place,
        IndexExpr::Expression(_) => unreachable!("the tests index columns"),
    }
}

fn each_row(table: &Table) -> impl Iterator<Item = RowRef<'_>> {
    table.leaves(..).flat_map(|slice| slice.rows.clone().map(move |row| slice.view.row(row)))
}

/// The values of some columns of a row.
fn values(table: &TableDefinition, row: RowRef<'_>, places: &[usize]) -> Vec<Value> {
    let value = |place: &usize| {
        let column = &table.columns[*place];
        row.value(column.slot, &column.data_type)
    };
    places.iter().map(value).collect()
}
