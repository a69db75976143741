//! Side-by-side measurements of Nuages and its peers, in one process.
//!
//! A [`workload`] is one thing that programs ask of a database; a [`contestant`] is one way to do it. For every
//! workload the contestants take turns, round after round, so that whatever else the machine is doing falls on all
//! of them alike; a figure is the median of its rounds and is read as a ratio to SQLite's median of the same run.
//! All use the system's allocator. In every round each contestant must return the same checksum, and after workloads
//! that write, the same table, or the run stops: nobody is fast by doing something else.
//!
//! Order of reading: [`data`] (the tables), [`contestant`] (who competes and with which settings), the families in
//! [`workload`] (each with every contestant's way of doing it, side by side), [`harness`] (how it is timed).

mod contestant;
mod data;
mod harness;
mod machine;
mod options;
mod report;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use crate::data::Input;
use crate::harness::Result;
use crate::options::Options;
use crate::report::Report;
use crate::workload::{Tables, Workload};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures what `options` ask for, prints the table and writes the JSON file.
fn run(options: &Options) -> Result<()> {
    let mut report = Report::new(options);
    for (tables, rows) in sizes(options) {
        let chosen =
            workload::all().filter(|w| w.tables == tables && options.wants(w.name)).collect::<Vec<_>>();
        if !chosen.is_empty() {
            measure_all(&chosen, &Input::generate(tables, rows), options, &mut report)?;
        }
    }
    println!("{report}");
    report.save(&options.json)?;
    println!("saved to {}", options.json.display());
    Ok(())
}

/// The data sets to go through: the items in every size asked for, then each fixed size of the library.
fn sizes(options: &Options) -> Vec<(Tables, usize)> {
    let items = options.rows.iter().map(|&rows| (Tables::Items, rows));
    let library = workload::LIBRARY_SIZES.iter().map(|&books| (Tables::Library { books }, books));
    items.chain(library).collect()
}

/// Loads `input` into every contestant and has them meet in each of `workloads`.
fn measure_all(workloads: &[&Workload], input: &Input, options: &Options, report: &mut Report) -> Result<()> {
    let mut contestants = contestant::all()?;
    for contestant in &mut contestants {
        contestant.load(input)?;
    }
    for workload in workloads {
        eprintln!("{} ({} rows)", workload.name, input.rows());
        report.add(harness::measure(workload, &mut contestants, input, options)?);
    }
    Ok(())
}
