//! The results as one table to read and one JSON file to compare.

use std::fmt;
use std::fs;
use std::path::Path;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Table};
use serde::Serialize;

use crate::harness::{Line, Measurement, Result};
use crate::machine::Machine;
use crate::options::Options;

/// Everything measured so far.
pub(crate) struct Report {
    machine: Machine,
    rounds: usize,
    measurements: Vec<Measurement>,
}

impl Report {
    /// An empty report of this machine.
    pub(crate) fn new(options: &Options) -> Self {
        Self { machine: Machine::detect(), rounds: options.rounds, measurements: Vec::new() }
    }

    /// Adds what was measured of one workload.
    pub(crate) fn add(&mut self, measurement: Measurement) {
        self.measurements.push(measurement);
    }

    /// Writes everything, single samples included, to `path`.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let results = self.measurements.iter().map(ResultJson::new).collect();
        let json = ReportJson { machine: &self.machine, rounds_max: self.rounds, results };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, serde_json::to_string_pretty(&json)? + "\n")?;
        Ok(())
    }
}

/// One line a workload and size, one column a competitor: the median, and how many times as fast as SQLite it is. Where
/// others compete, another table begins.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |measurement: &Measurement| {
            measurement.lines.iter().map(|line| line.contestant).collect::<Vec<_>>()
        };
        for measurements in self.measurements.chunk_by(|one, next| names(one) == names(next)) {
            let mut table = Table::new();
            table.load_preset(UTF8_FULL_CONDENSED);
            table.set_header(["workload", "rows", "time per"].into_iter().chain(names(&measurements[0])));
            for measurement in measurements {
                table.add_row(row(measurement));
            }
            writeln!(f, "{table}")?;
        }
        writeln!(f, "Medians; in brackets, how many times as fast as SQLite in the same run.")?;
        write!(f, "{}", self.machine.summary())
    }
}

fn row(measurement: &Measurement) -> Vec<Cell> {
    let reference = measurement.lines[0].median_ns();
    let mut cells = vec![
        Cell::new(measurement.workload),
        Cell::new(thousands(measurement.rows)).set_alignment(CellAlignment::Right),
        Cell::new(measurement.unit),
    ];
    cells.extend(measurement.lines.iter().enumerate().map(|(index, line)| {
        let median = line.median_ns();
        let mut text = duration(median);
        if let Some(bytes) = line.bytes_per_second() {
            text += &format!(", {} MB/s", three_digits(bytes / 1e6));
        }
        if index > 0 {
            text += &format!(" ({})", ratio(reference / median));
        }
        Cell::new(text).set_alignment(CellAlignment::Right)
    }));
    cells
}

/// A duration to three digits, in the unit that suits it.
fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        _ if ns < 1e3 => (ns, "ns"),
        _ if ns < 1e6 => (ns / 1e3, "µs"),
        _ if ns < 1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value))
}

/// How many times as fast, to three digits, or whole where that is more.
fn ratio(value: f64) -> String {
    format!("{}x", three_digits(value))
}

fn three_digits(value: f64) -> String {
    match value {
        _ if value < 9.995 => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A whole number with its thousands set apart.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Serialize)]
struct ReportJson<'r> {
    machine: &'r Machine,
    rounds_max: usize,
    results: Vec<ResultJson<'r>>,
}

#[derive(Serialize)]
struct ResultJson<'r> {
    workload: &'static str,
    rows: usize,
    unit: &'static str,
    units_per_sample: usize,
    contestants: Vec<LineJson<'r>>,
}

#[derive(Serialize)]
struct LineJson<'r> {
    name: &'static str,
    median_ns: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_per_second: Option<f64>,
    times_as_fast_as_sqlite: f64,
    samples_ns: &'r [f64],
}

impl<'r> ResultJson<'r> {
    fn new(measurement: &'r Measurement) -> Self {
        let reference = measurement.lines[0].median_ns();
        let line = |line: &'r Line| LineJson {
            name: line.contestant,
            median_ns: line.median_ns(),
            bytes_per_second: line.bytes_per_second(),
            times_as_fast_as_sqlite: reference / line.median_ns(),
            samples_ns: &line.samples_ns,
        };
        Self {
            workload: measurement.workload,
            rows: measurement.rows,
            unit: measurement.unit,
            units_per_sample: measurement.units,
            contestants: measurement.lines.iter().map(line).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_at_a_glance() {
        let shown = [1.54, 690.4, 12_345.0, 45_600_000.0].map(duration);
        assert_eq!(shown, ["1.54 ns", "690 ns", "12.3 µs", "45.6 ms"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([7, 1_000, 100_000, 1_000_000].map(thousands), ["7", "1,000", "100,000", "1,000,000"]);
    }
}
