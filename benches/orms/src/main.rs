//! Nuages beside the ORMs that Rust programs use with SQLite, on the workloads of Diesel's own benchmark.
//!
//! Users have posts, posts have comments. Each contestant does the same four things, each in the way its own guide
//! shows: load a table into structs, load a filtered join in an order, insert a batch, load three levels of rows and
//! put the children to their parents. SQLite is in memory on every side. The contestants take turns, round after round;
//! in its turn each does the thing as often as it takes to come to some hundred users, as Diesel's benchmark repeats
//! it; a figure is the median of its rounds; all must always return the same checksum, or the run stops.
//!
//! ```sh
//! cargo run --release -p nuages-orm-benches -- --rounds 15
//! cargo run --release -p nuages-orm-benches -- --rounds 100000 --rows 10 --only trivial --alone
//! ```

mod by_hand;
mod contestant;
mod diesel_orm;
mod nuages_orm;
mod sea;

use std::time::{Duration, Instant};

use clap::Parser;
use comfy_table::{Table, presets::ASCII_MARKDOWN};

use crate::contestant::{Contestant, Input, Result};

/// What is measured, and how often.
#[derive(Parser)]
struct Options {
    /// How many times each contestant does each thing.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// How many users there are, one run for each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100, 1_000, 10_000])]
    rows: Vec<usize>,
    /// Only workloads whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// Nuages alone, for who looks with a profiler at where its time goes.
    #[arg(long)]
    alone: bool,
}

/// To how many users a turn comes, at least: one of a few microseconds would measure the caches that the contestant
/// before has left behind.
const TURN_USERS: usize = 500;

/// Something that all contestants do, and for how many users at most.
struct Workload {
    name: &'static str,
    rows_max: usize,
    run: fn(&mut dyn Contestant, &Input) -> Result<u64>,
    /// What is undone after each round, without being timed.
    after: fn(&mut dyn Contestant) -> Result<()>,
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "trivial query", rows_max: usize::MAX, run: |c, _| c.all_users(), after: |_| Ok(()) },
    Workload {
        name: "medium complex query",
        rows_max: usize::MAX,
        run: |c, _| c.black_haired(),
        after: |_| Ok(()),
    },
    Workload {
        name: "insert",
        rows_max: usize::MAX,
        run: |c, input| c.insert(&input.fresh),
        after: |c| c.uninsert(),
    },
    Workload { name: "associations", rows_max: 1_000, run: |c, _| c.associations(), after: |_| Ok(()) },
];

fn main() -> Result<()> {
    let options = Options::parse();
    let names: Vec<&str> = contestants(&options)?.iter().map(|contestant| contestant.name()).collect();
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header([&["workload", "users"][..], &names].concat());
    let mut ratios = vec![Vec::new(); names.len()];
    for &rows in &options.rows {
        let input = Input::generate(rows);
        let mut contestants = contestants(&options)?;
        for contestant in &mut contestants {
            contestant.load(&input)?;
        }
        let is_wanted = |workload: &&Workload| {
            rows <= workload.rows_max && options.only.as_ref().is_none_or(|part| workload.name.contains(part))
        };
        for workload in WORKLOADS.iter().filter(is_wanted) {
            eprintln!("{} ({rows} users)", workload.name);
            let medians = measure(workload, &mut contestants, &input, options.rounds)?;
            let mut line = vec![workload.name.to_owned(), rows.to_string()];
            for (median, ratios) in medians.iter().zip(&mut ratios) {
                let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
                line.push(format!("{median:.1?} ({ratio:.2}x)"));
                ratios.push(ratio);
            }
            table.add_row(line);
        }
    }
    println!("{table}\n");
    for (name, ratios) in names.iter().zip(&ratios).skip(1) {
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{name} takes {mean:.2} times as long as {} in the geometric mean, {least:.2} at least",
            names[0]
        );
    }
    Ok(())
}

/// Who takes part; the others are compared with the first.
fn contestants(options: &Options) -> Result<Vec<Box<dyn Contestant>>> {
    let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(nuages_orm::Nuages::new()?)];
    if !options.alone {
        contestants.push(Box::new(diesel_orm::Diesel::new()?));
        contestants.push(Box::new(sea::SeaOrm::new()?));
        contestants.push(Box::new(by_hand::ByHand::new()?));
    }
    Ok(contestants)
}

/// The median of each contestant's rounds, after one that does not count.
fn measure(
    workload: &Workload,
    contestants: &mut [Box<dyn Contestant>],
    input: &Input,
    rounds: usize,
) -> Result<Vec<Duration>> {
    let mut times = vec![Vec::with_capacity(rounds); contestants.len()];
    let repeats = TURN_USERS.div_ceil(input.users.len());
    for round in 0..=rounds {
        let mut sums = Vec::new();
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let mut time = Duration::ZERO;
            for _ in 0..repeats {
                let begin = Instant::now();
                let sum = (workload.run)(contestant.as_mut(), input)?;
                time += begin.elapsed();
                (workload.after)(contestant.as_mut())?;
                sums.push((contestant.name(), sum));
            }
            if round > 0 {
                times.push(time / u32::try_from(repeats)?);
            }
        }
        if sums.iter().any(|(_, sum)| *sum != sums[0].1) {
            return Err(format!("{}: they answer differently: {sums:?}", workload.name).into());
        }
    }
    for times in &mut times {
        times.sort_unstable();
    }
    Ok(times.iter().map(|times| times[times.len() / 2]).collect())
}
