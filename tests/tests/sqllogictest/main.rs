//! Scripts of SQL and its answers: our own in the default run, and any folder that is named.
//!
//! ```text
//! cargo test -p nuages-tests --test sqllogictest
//! NUAGES_SLT_DIR=path cargo test -p nuages-tests --release --test sqllogictest
//! NUAGES_SLT_DIR=path NUAGES_SLT_DIALECT=postgresql cargo test -p nuages-tests --release --test sqllogictest
//! NUAGES_SLT_DIR=path NUAGES_SLT_DIALECT=sqlite3 cargo test -p nuages-tests --release --test sqllogictest
//! ```
//!
//! The folder's files (`.test`, `.slt`) are run in SQLite's dialect under the label `sqlite`, or in PostgreSQL's under
//! the label `postgresql`, or by SQLite itself, to see what time it takes. What fails is told by file, the first few of
//! each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod contestant;
mod expected;
mod run;
mod script;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contestant::Contestant;
use mimalloc::MiMalloc;
use nuages_engine::sql::Dialect;
use run::{Report, run_file};

/// Short statements are some hundred small trees, made and dropped within microseconds, and wait for the allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How many failures of a file are told.
const FAILURES_SHOWN: usize = 5;

/// The scripts below a folder.
fn scripts(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "test" || extension == "slt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Runs scripts on all processors, and panics if one fails.
fn run_all(scripts: &[PathBuf], contestant: Contestant) {
    let begin = Instant::now();
    let next = AtomicUsize::new(0);
    let reports = std::sync::Mutex::new(Vec::with_capacity(scripts.len()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = run_file(path, contestant);
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by(|left, right| left.path.cmp(&right.path));
    show(&reports, begin.elapsed());
    let failures: usize = reports.iter().map(|report| report.failures.len()).sum();
    assert_eq!(failures, 0, "records that did not give the answer they should");
}

fn show(reports: &[Report], elapsed: Duration) {
    for report in reports {
        let (failed, all) = (report.failures.len(), report.records);
        if failed > 0 || reports.len() > 1 {
            println!("{}: {}/{all} in {:.2?}", report.path.display(), all - failed, report.engine);
        }
        for failure in report.failures.iter().take(FAILURES_SHOWN) {
            println!("  {failure}");
        }
    }
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let engine: Duration = reports.iter().map(|report| report.engine).sum();
    let (records, failures) = (sum(|report| report.records), sum(|report| report.failures.len()));
    println!(
        "{} files, {} of {records} records passed; {engine:.2?} in the engine, {elapsed:.2?} in all",
        reports.len(),
        records - failures,
    );
}

fn own(folder: &str, contestant: Contestant) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt").join(folder);
    let scripts = scripts(&folder);
    assert!(!scripts.is_empty());
    run_all(&scripts, contestant);
}

#[test]
fn what_both_dialects_mean() {
    own("common", Contestant::Nuages(Dialect::PostgreSql));
    own("common", Contestant::Nuages(Dialect::Sqlite));
}

#[test]
fn what_postgresql_means() {
    own("postgresql", Contestant::Nuages(Dialect::PostgreSql));
}

#[test]
fn what_sqlite_means() {
    own("sqlite", Contestant::Nuages(Dialect::Sqlite));
}

/// What our scripts expect in SQLite's dialect is what SQLite answers, but for the records that say `skipif sqlite3`.
#[test]
fn what_sqlite_means_is_what_it_says_itself() {
    own("common", Contestant::Sqlite);
    own("sqlite", Contestant::Sqlite);
}

#[test]
fn the_folder_that_is_named() {
    let Ok(folder) = std::env::var("NUAGES_SLT_DIR") else { return };
    let contestant = match std::env::var("NUAGES_SLT_DIALECT").as_deref() {
        Ok("postgresql") => Contestant::Nuages(Dialect::PostgreSql),
        Ok("sqlite3") => Contestant::Sqlite,
        _ => Contestant::Nuages(Dialect::Sqlite),
    };
    run_all(&scripts(Path::new(&folder)), contestant);
}
