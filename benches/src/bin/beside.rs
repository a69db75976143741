//! What readers lose beside a writer: `cargo run --release -p nuages-benches --bin beside -- [ROWS] [SLICES] [READS]`.
//! Of the reads those are measured whose name contains the last argument.
//!
//! Gets by key beside 50,000 commits a second, and sums of a whole table beside commits without a pause. Two threads of one
//! machine also meet where no database has a part in it: in what the cores share, and in whom else the machine serves. So
//! each is measured in three states, slice by slice in turn: while the other thread rests, while it commits to *another*
//! database of the same rows, and while it commits to the one that is read. What the last loses to the second is what the
//! database itself takes from its readers, and so is told for each commit, too. Each figure is the median of the slices; what is lost is the median over turns of the
//! ratio within the turn.

use std::error::Error;
use std::hint::{black_box, spin_loop};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
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
const COMMITS: usize = Beside::Commits as usize;

/// A number that one thread counts up, with its cache lines for itself.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// What the other thread is told to do, and how often it has committed.
struct Told {
    beside: AtomicU8,
    commits: Counter,
}

impl Told {
    fn new() -> Told {
        Told { beside: AtomicU8::new(Beside::Rests as u8), commits: Counter::default() }
    }

    fn tell(&self, beside: Beside) {
        self.beside.store(beside as u8, Ordering::Relaxed);
    }

    fn told(&self) -> Beside {
        let told = self.beside.load(Ordering::Relaxed);
        STATES.into_iter().find(|beside| *beside as u8 == told).unwrap_or(Beside::Ends)
    }

    /// How often the other thread has committed so far.
    fn commits(&self) -> u64 {
        self.commits.0.load(Ordering::Relaxed)
    }
}

/// What a slice of each state has measured.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// Nanoseconds per read.
    times: [f64; STATES.len()],
    /// Commits per read.
    commits: [f64; STATES.len()],
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
        told.commits.0.store(told.commits() + 1, Ordering::Relaxed);
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

/// What each slice has measured, turn by turn.
fn slices(
    (here, elsewhere): (&Items, &Items),
    turns: usize,
    paced: bool,
    read: &mut dyn FnMut() -> Result<u64>,
) -> Result<Vec<Turn>> {
    let told = Told::new();
    thread::scope(|threads| {
        let writer = threads.spawn(|| write(&told, here, elsewhere, paced));
        let _ending = Ending(&told);
        let mut measured = Vec::new();
        for number in 0..turns {
            let mut turn = Turn::default();
            // Each state is the first as often as any.
            for place in 0..STATES.len() {
                let state = (number + place) % STATES.len();
                told.tell(STATES[state]);
                read_for(SLICE / 10, read)?; // until the writer has heard of it
                let before = told.commits();
                let (time, reads) = read_for(SLICE, read)?;
                turn.times[state] = time / reads;
                turn.commits[state] = (told.commits() - before) as f64 / reads;
            }
            measured.push(turn);
        }
        told.tell(Beside::Ends);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok(measured)
    })
}

/// Reads for about so long: nanoseconds, and reads.
fn read_for(time: Duration, read: &mut dyn FnMut() -> Result<u64>) -> Result<(f64, f64)> {
    let (begin, mut reads) = (Instant::now(), 0);
    while begin.elapsed() < time {
        reads += read()?;
    }
    Ok((begin.elapsed().as_nanos() as f64, reads as f64))
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What is lost beside commits to what is lost in another state.
fn lost(measured: &[Turn], to: Beside) -> String {
    let ratio = median(measured.iter().map(|Turn { times, .. }| times[COMMITS] / times[to as usize]));
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

/// Nanoseconds that a commit takes from the reader, compared with commits to another database.
fn taken(measured: &[Turn]) -> f64 {
    const ELSEWHERE: usize = Beside::CommitsElsewhere as usize;
    median(
        measured.iter().map(|Turn { times, commits }| (times[COMMITS] - times[ELSEWHERE]) / commits[COMMITS]),
    )
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(Ok(100_000), |rows| rows.parse())?;
    let turns: usize = arguments.next().map_or(Ok(200), |turns| turns.parse())?;
    let only = arguments.next().unwrap_or_default();
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
        "ns, a commit",
        "ns, taken by each",
    ]);
    let both = (&here, &elsewhere);
    for (name, paced, sums_up) in [
        ("gets, 50,000 commits a second", true, false),
        ("sums, 50,000 commits a second", true, true),
        ("sums, commits without a pause", false, true),
    ] {
        if !name.contains(&only) {
            continue;
        }
        let measured = slices(both, turns, paced, if sums_up { &mut sums } else { &mut gets })?;
        let figure =
            |state: Beside| format!("{:.2}", median(measured.iter().map(|turn| turn.times[state as usize])));
        let commit = median(measured.iter().map(|turn| turn.times[COMMITS] / turn.commits[COMMITS]));
        table.add_row([
            name.to_owned(),
            figure(Beside::Rests),
            figure(Beside::CommitsElsewhere),
            figure(Beside::Commits),
            lost(&measured, Beside::Rests),
            lost(&measured, Beside::CommitsElsewhere),
            format!("{commit:.0}"),
            format!("{:.0}", taken(&measured)),
        ]);
    }
    println!("{rows} rows, {turns} turns\n{table}");
    Ok(())
}
