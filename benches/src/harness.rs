//! How a workload is timed: rounds, turns, and the agreement of the answers.

use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use crate::contestant::Competitor;
use crate::data::Input;
use crate::options::Options;
use crate::workload::Workload;

/// The result of anything here: whatever goes wrong ends the run.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A workload that runs out of patience still has this many rounds.
const ROUNDS_MIN: usize = 3;

/// What one contestant's turn came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Time on the clock; what happened outside [`timed`] is not in it.
    pub(crate) elapsed: Duration,
    /// What was read or written, in short. Equal work has equal checksums.
    pub(crate) checksum: u64,
    /// How many bytes were written, where that is what it is about; else 0.
    pub(crate) bytes: u64,
}

impl AddAssign for Sample {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.checksum = self.checksum.wrapping_add(other.checksum);
        self.bytes += other.bytes;
    }
}

/// Runs `work`, which returns its checksum, under the clock.
pub(crate) fn timed(work: impl FnOnce() -> Result<u64>) -> Result<Sample> {
    let start = Instant::now();
    let checksum = black_box(work()?);
    Ok(Sample { elapsed: start.elapsed(), checksum, bytes: 0 })
}

/// All that was measured of one workload at one size.
pub(crate) struct Measurement {
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// What one figure is the time of: a row, a query, ..
    pub(crate) unit: &'static str,
    /// Rows in the table.
    pub(crate) rows: usize,
    /// How many units one turn consists of.
    pub(crate) units: usize,
    /// A line for each contestant, SQLite first.
    pub(crate) lines: Vec<Line>,
}

/// One contestant's figures in a [`Measurement`].
pub(crate) struct Line {
    /// The contestant's name.
    pub(crate) contestant: &'static str,
    /// Nanoseconds per unit, one figure a round, in the order measured.
    pub(crate) samples_ns: Vec<f64>,
    /// How many bytes a unit wrote, in the last round; 0 where nobody asked.
    pub(crate) bytes_per_unit: f64,
}

impl Line {
    /// How many bytes were written in a second, if that was asked.
    pub(crate) fn bytes_per_second(&self) -> Option<f64> {
        (self.bytes_per_unit > 0.0).then(|| self.bytes_per_unit / self.median_ns() * 1e9)
    }

    /// The median of the rounds, in nanoseconds per unit.
    pub(crate) fn median_ns(&self) -> f64 {
        let mut sorted = self.samples_ns.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len().is_multiple_of(2) {
            (sorted[middle - 1] + sorted[middle]) / 2.0
        } else {
            sorted[middle]
        }
    }
}

/// Has the contestants take turns at `workload`, in rounds.
///
/// Who begins moves on by one each round, so that nobody always runs in the caches that the same neighbour left. The
/// first round warms up and does not count.
pub(crate) fn measure<C: Competitor + ?Sized>(
    workload: &Workload<C>,
    contestants: &mut [Box<C>],
    input: &Input,
    options: &Options,
) -> Result<Measurement> {
    let units = (workload.units)(input);
    let mut lines = contestants
        .iter()
        .map(|contestant| Line {
            contestant: contestant.name(),
            samples_ns: Vec::with_capacity(options.rounds),
            bytes_per_unit: 0.0,
        })
        .collect::<Vec<_>>();
    let start = Instant::now();
    for round in 0..=options.rounds {
        let mut answers = Agreement::new(workload.name);
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let sample = (workload.run)(contestants[index].as_mut(), input, round)?;
            answers.hear(contestants[index].name(), sample.checksum)?;
            if round > 0 {
                lines[index].samples_ns.push(sample.elapsed.as_nanos() as f64 / units as f64);
                lines[index].bytes_per_unit = sample.bytes as f64 / units as f64;
            }
        }
        if round >= ROUNDS_MIN && start.elapsed() > options.patience() {
            break;
        }
    }
    let mut tables = Agreement::new(workload.name);
    for contestant in contestants {
        let checksum = contestant.checksum()?;
        tables.hear(contestant.name(), checksum)?;
    }
    Ok(Measurement { workload: workload.name, unit: workload.unit, rows: input.rows(), units, lines })
}

/// Checks that everybody says the same as the first who spoke.
struct Agreement {
    workload: &'static str,
    first: Option<(&'static str, u64)>,
}

impl Agreement {
    fn new(workload: &'static str) -> Self {
        Self { workload, first: None }
    }

    /// # Errors
    /// [`Disagreement`] if another contestant's checksum was different.
    fn hear(&mut self, contestant: &'static str, checksum: u64) -> Result<()> {
        match *self.first.get_or_insert((contestant, checksum)) {
            (_, expected) if expected == checksum => Ok(()),
            (other, expected) => Err(Box::new(Disagreement {
                workload: self.workload,
                contestants: [other, contestant],
                checksums: [expected, checksum],
            })),
        }
    }
}

/// Two contestants did different work, so comparing their times would mean nothing.
#[derive(Debug)]
struct Disagreement {
    workload: &'static str,
    contestants: [&'static str; 2],
    checksums: [u64; 2],
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([first, second], [expected, got]) = (self.contestants, self.checksums);
        write!(f, "{}: {first} has checksum {expected:016x}, {second} has {got:016x}", self.workload)
    }
}

impl Error for Disagreement {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_rounds_is_between_the_middle_two() {
        let line = |samples_ns: &[f64]| Line {
            contestant: "",
            samples_ns: samples_ns.to_vec(),
            bytes_per_unit: 0.0,
        };
        assert_eq!(line(&[9.0, 1.0, 5.0]).median_ns(), 5.0);
        assert_eq!(line(&[9.0, 1.0, 4.0, 6.0]).median_ns(), 5.0);
    }

    #[test]
    fn different_answers_end_the_run_and_name_both_contestants() {
        let mut answers = Agreement::new("sum");
        assert!(answers.hear("SQLite", 1).is_ok());
        assert!(answers.hear("std", 1).is_ok());
        let error = answers.hear("other", 2).expect_err("2 is not 1").to_string();
        assert!(error.contains("sum") && error.contains("SQLite") && error.contains("other"), "{error}");
    }
}
