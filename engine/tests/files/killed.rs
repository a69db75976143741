//! A process that commits is killed, at any moment: what it was told is on disk is there, and nothing in between is
//! missing.
//!
//! The process is this test's own program, which runs one ignored test and prints the number of each commit that has
//! returned. `NUAGES_SOAK=1` makes it hundreds of kills.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nuages_engine::catalog::{NewColumn, NewTable};
use nuages_engine::{Database, Durability, Options, RowKeys, Session};
use nuages_storage::{DataType, LeafBuilder};

use crate::scratch::Scratch;

const PATH: &str = "NUAGES_TEST_PATH";
const DURABILITY: &str = "NUAGES_TEST_DURABILITY";
/// Each commit is one row, and its title says which.
const TABLE: &str = "song";

#[test]
#[ignore = "it is run by the tests below, and killed"]
fn commit_until_killed() {
    let Ok(path) = std::env::var(PATH) else { return };
    let is_full = std::env::var(DURABILITY).is_ok_and(|durability| durability == "full");
    let mut options = Options::from(if is_full { Durability::Full } else { Durability::Buffered });
    options.checkpoint_bytes = 4_000;
    let db = Database::open_with(path, options).unwrap();
    if db.catalog().unwrap().table_named(TABLE).is_err() {
        let id = NewColumn::new("id", DataType::BigInt).generated();
        let title = NewColumn::new("title", DataType::Text { max_length: None });
        db.create_table(NewTable::new(TABLE).column(id).column(title).primary_key(["id"])).unwrap();
    }
    let song = db.catalog().unwrap().table_named(TABLE).unwrap().clone();
    let before = db.version().unwrap().table(song.id).unwrap().len();
    for number in before.. {
        let mut builder = LeafBuilder::new(song.layout.clone());
        builder.set_text(1, &number.to_string());
        builder.finish_row_unnumbered();
        db.insert_rows(song.id, vec![builder.finish()], RowKeys::Generated).unwrap();
        println!("committed {number}");
    }
}

/// Lets a process commit for so long and kills it. Returns how many commits it was told of.
fn commits_of_a_killed_process(path: &Path, durability: &str, lifetime: Duration) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::commit_until_killed", "--ignored", "--nocapture"])
        .env(PATH, path)
        .env(DURABILITY, durability)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            // The runner of tests prints on the same line.
            let number = |line: String| line.split("committed ").nth(1)?.parse::<u64>().ok();
            lines.filter_map(number).last()
        });
        std::thread::sleep(lifetime);
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap()
    })
}

fn check_rounds(durability: &str, rounds: u32) {
    let scratch = Scratch::new();
    let path = scratch.join("music");
    let (mut there, mut patience) = (0, 1);
    for round in 0..rounds {
        let lifetime = Duration::from_millis(60 + u64::from(round * 37 % 90));
        let last = loop {
            match commits_of_a_killed_process(&path, durability, lifetime * patience) {
                Some(last) => break last,
                None => patience *= 2, // it was killed before it had begun
            }
        };
        let db = Database::open(&path).unwrap();
        let found = commits(&db);
        assert!(found >= there, "round {round}: nothing that was there is gone");
        if durability == "full" {
            assert!(found > last, "round {round}: {found} rows, and {last} was acknowledged");
        }
        there = found;
    }
}

/// How many commits there are, none of which is missing between the others.
fn commits(db: &Database) -> u64 {
    let Ok(song) = db.catalog().unwrap().table_named(TABLE).map(|table| table.id) else { return 0 };
    let version = db.version().unwrap();
    let rows = version.table(song).unwrap();
    let titles: Vec<String> = rows
        .leaves(..)
        .flat_map(|slice| slice.rows.clone().map(move |row| slice.view.row(row)))
        .map(|row| row.text(1).unwrap().to_owned())
        .collect();
    let expected: Vec<String> = (0..rows.len()).map(|number| number.to_string()).collect();
    assert_eq!(titles, expected, "a prefix");
    rows.len()
}

/// A few kills of one database, or hundreds, of several.
fn check_databases(durability: &str) {
    let databases = if std::env::var_os("NUAGES_SOAK").is_some() { 40 } else { 1 };
    (0..databases).for_each(|_| check_rounds(durability, if databases > 1 { 8 } else { 4 }));
}

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    check_databases("full");
}

#[test]
fn what_is_buffered_is_lost_from_the_end_only() {
    check_databases("buffered");
}
