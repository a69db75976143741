//! What readers lose beside a writer: `cargo run --release -p nuages-benches --bin beside -- [ROWS] [SLICES]`.
//!
//! Gets by key beside 50,000 commits a second, and sums of a whole table beside commits without a pause. Two threads of one
//! machine also meet where no database has a part in it: in what the cores share, and in whom else the machine serves. So
//! each is measured in three states, slice by slice in turn: while the other thread rests, while it commits to *another*
//! database of the same rows, and while it commits to the one that is read. What the last loses to the second is what the
//! database itself takes from its readers. Each figure is the median of the slices; what is lost is the median over turns of the
//! ratio within the turn.

use std::error::Error;
use std::hint::{black_box, spin_loop};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use nuages_engine::sql::Connection;
use nuages_engine::{Database, Prepared, Session};
use nuages_storage::{RowId, TableId, Value};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long a slice takes.
const SLICE: Duration = Duration::from_millis(10);
/// How often a writer commits that keeps a pace.
const PACE: Duration = Duration::from_micros(20);
/// Reads between two looks at the clock.
const READS: u64 = 100;

/// What the other thread does.
#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
enum Beside {
    Rests,
    CommitsElsewhere,
    Commits,
    Ends,
}

const STATES: [Beside; 3] = [Beside::Rests, Beside::CommitsElsewhere, Beside::Commits];

/// What the other thread is told to do.
struct Told(AtomicU8);

impl Told {
    fn tell(&self, beside: Beside) {
        self.0.store(beside as u8, Ordering::Relaxed);
    }

    fn told(&self) -> Beside {
        let told = self.0.load(Ordering::Relaxed);
        STATES.into_iter().find(|beside| *beside as u8 == told).unwrap_or(Beside::Ends)
    }
}

/// A database of as many rows, of which each commit changes one.
struct Items {
    db: Database,
    item: TableId,
    rows: u64,
}

impl Items {
    fn new(rows: u64) -> Result<Items> {
        let mut connection = Connection::new(Database::new());
        connection.execute(
            "CREATE TABLE item (id BIGINT PRIMARY KEY, a BIGINT NOT NULL, title TEXT NOT NULL)",
            &[],
        )?;
        let insert =
            "INSERT INTO item SELECT n, n % 1000, 'title ' || n FROM generate_series(1, $1::bigint) AS t(n)";
        connection.execute(insert, &[Value::Int(rows.cast_signed())])?;
        let db = connection.database().clone();
        let item = db.catalog()?.table_named("item")?.id;
        Ok(Items { db, item, rows })
    }

    /// A row by its key, and its text.
    fn get(&self, number: u64) -> Result<i64> {
        let (key, mut sum) = (self.key(number), 0);
        self.db.get(self.item, RowId::new(key), &mut |row| {
            sum = row.int(1) + row.text(2).map_or(0, |title| title.to_owned().len() as i64);
        })?;
        Ok(sum)
    }

    /// Keys that come in no order.
    fn key(&self, number: u64) -> i64 {
        (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % self.rows).cast_signed() + 1
    }
}

/// Commits as told until it is told to end; without a pause, or in [`PACE`].
fn write(told: &Told, here: &Items, elsewhere: &Items, paced: bool) -> Result<()> {
    let mut writers = [elsewhere, here].map(|items| Connection::new(items.db.clone()));
    let mut updates = Vec::new();
    for writer in &mut writers {
        updates.push(writer.prepare("UPDATE item SET a = a + 1 WHERE id = $1")?);
    }
    let (mut number, mut due) = (0, Instant::now());
    loop {
        number += 1;
        let at = match told.told() {
            Beside::Ends => return Ok(()),
            Beside::Rests => {
                thread::sleep(Duration::from_micros(100));
                due = Instant::now();
                continue;
            }
            Beside::CommitsElsewhere => 0,
            Beside::Commits => 1,
        };
        writers[at].run_prepared(&mut updates[at], &[Value::Int(here.key(number))])?;
        due += PACE;
        while paced && Instant::now() < due {
            spin_loop();
        }
    }
}

/// Tells the writer to end, whatever comes of the reading.
struct Ending<'t>(&'t Told);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.tell(Beside::Ends);
    }
}

/// Nanoseconds per read of each slice, turn by turn.
fn slices(
    (here, elsewhere): (&Items, &Items),
    turns: usize,
    paced: bool,
    read: &mut dyn FnMut() -> Result<u64>,
) -> Result<Vec<[f64; 3]>> {
    let told = Told(AtomicU8::new(Beside::Rests as u8));
    thread::scope(|threads| {
        let writer = threads.spawn(|| write(&told, here, elsewhere, paced));
        let _ending = Ending(&told);
        let mut measured = Vec::new();
        for turn in 0..turns {
            let mut times = [0.0; 3];
            // Each state is the first as often as any.
            for place in 0..STATES.len() {
                let state = (turn + place) % STATES.len();
                told.tell(STATES[state]);
                read_for(SLICE / 10, read)?; // until the writer has heard of it
                times[state] = read_for(SLICE, read)?;
            }
            measured.push(times);
        }
        told.tell(Beside::Ends);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(measured)
    })
}

/// Nanoseconds per read of about so long.
fn read_for(time: Duration, read: &mut dyn FnMut() -> Result<u64>) -> Result<f64> {
    let (begin, mut reads) = (Instant::now(), 0);
    while begin.elapsed() < time {
        reads += read()?;
    }
    Ok(begin.elapsed().as_nanos() as f64 / reads as f64)
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn lost(measured: &[[f64; 3]], beside: Beside, to: Beside) -> String {
    let ratio = median(measured.iter().map(|times| times[beside as usize] / times[to as usize]));
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(100_000), |rows| rows.parse())?;
    let turns: usize = arguments.next().map_or(Ok(200), |turns| turns.parse())?;
    let (here, elsewhere) = (Items::new(rows)?, Items::new(rows)?);
    let sum = Prepared::new(&here.db, Connection::new(here.db.clone()).read("SELECT sum(a) FROM item")?)?;
    let mut number = 0;
    let mut gets = || -> Result<u64> {
        for _ in 0..READS {
            number += 1;
            black_box(here.get(number)?);
        }
        Ok(READS)
    };
    let is_summed = AtomicBool::new(false);
    let mut sums = || -> Result<u64> {
        here.db.run(&sum, &[], &mut |batch| {
            is_summed.store(batch.selection.count() == 1, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(rows)
    };
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header([
        "reads",
        "ns, alone",
        "ns, commits elsewhere",
        "ns, commits",
        "lost to alone",
        "lost to commits elsewhere",
    ]);
    let both = (&here, &elsewhere);
    for (name, measured) in [
        ("gets, 50,000 commits a second", slices(both, turns, true, &mut gets)?),
        ("sums, 50,000 commits a second", slices(both, turns, true, &mut sums)?),
        ("sums, commits without a pause", slices(both, turns, false, &mut sums)?),
    ] {
        let figure =
            |state: Beside| format!("{:.2}", median(measured.iter().map(|times| times[state as usize])));
        table.add_row([
            name.to_owned(),
            figure(Beside::Rests),
            figure(Beside::CommitsElsewhere),
            figure(Beside::Commits),
            lost(&measured, Beside::Commits, Beside::Rests),
            lost(&measured, Beside::Commits, Beside::CommitsElsewhere),
        ]);
    }
    println!("{rows} rows, {turns} turns\n{table}");
    Ok(())
}
