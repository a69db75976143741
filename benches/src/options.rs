//! What the command line may say.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

/// Measures Nuages and its peers side by side.
#[derive(Parser, Debug)]
#[command(about, version)]
pub(crate) struct Options {
    /// Sizes of the item table, in rows
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000],
          value_parser = RangedU64ValueParser::<usize>::new().range(1_000..=10_000_000))]
    pub(crate) rows: Vec<usize>,

    /// Rounds that count; one more before them warms up
    #[arg(long, default_value_t = 9, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) rounds: usize,

    /// A workload that has taken this long ends early, after no fewer than three rounds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    pub(crate) patience: u64,

    /// Only workloads whose name contains one of these words
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Where a folder is made for what is measured in files, and removed in the end: on a disk, not in memory
    #[arg(long, value_name = "PATH", default_value = "target")]
    pub(crate) files: PathBuf,

    /// Where the results are written as JSON
    #[arg(long, value_name = "PATH", default_value = "target/benches.json")]
    pub(crate) json: PathBuf,
}

impl Options {
    /// Whether the workload of this name is to be measured.
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| workload.contains(word.as_str()))
    }

    /// How long one workload may take before it ends early.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}
