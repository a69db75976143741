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

use crate::contestant::Competitor;
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
        let chosen = chosen(workload::all(), tables, options);
        if !chosen.is_empty() {
            let input = Input::generate(tables, rows);
            measure_all(&chosen, contestant::all()?, &input, options, &mut report)?;
        }
    }
    for items in workload::FILE_SIZES {
        let tables = Tables::Files { items };
        let chosen = chosen(&workload::DURABLE, tables, options);
        if !chosen.is_empty() {
            let input = Input::generate(tables, items);
            measure_all(&chosen, workload::in_files(options)?, &input, options, &mut report)?;
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

/// The workloads on these tables that the options ask for.
fn chosen<'w, C: ?Sized>(
    workloads: impl IntoIterator<Item = &'w Workload<C>>,
    tables: Tables,
    options: &Options,
) -> Vec<&'w Workload<C>> {
    workloads.into_iter().filter(|w| w.tables == tables && options.wants(w.name)).collect()
}

/// Loads `input` into every competitor and has them meet in each of `workloads`.
fn measure_all<C: Competitor + ?Sized>(
    workloads: &[&Workload<C>],
    mut competitors: Vec<Box<C>>,
    input: &Input,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    for competitor in &mut competitors {
        competitor.load(input)?;
    }
    for workload in workloads {
        eprintln!("{} ({} rows)", workload.name, input.rows());
        report.add(harness::measure(workload, &mut competitors, input, options)?);
    }
    Ok(())
}
