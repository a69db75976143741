//! What the figures were measured on.

use std::fs;
use std::process::Command;
use std::thread;

use serde::Serialize;

/// The machine and the versions; `None` where the system does not tell.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's model name.
    pub(crate) cpu: Option<String>,
    /// Threads that can run at once.
    pub(crate) cores: Option<usize>,
    /// Main memory in MiB.
    pub(crate) memory_mib: Option<u64>,
    /// Name of the operating system and its kernel's version.
    pub(crate) os: String,
    /// The compiler on the path.
    pub(crate) rustc: Option<String>,
    /// Version of this workspace.
    pub(crate) nuages: &'static str,
    /// Version of the SQLite that is linked in.
    pub(crate) sqlite: &'static str,
}

impl Machine {
    /// Asks the system.
    pub(crate) fn detect() -> Self {
        Self {
            cpu: field("/proc/cpuinfo", "model name", ':'),
            cores: thread::available_parallelism().ok().map(Into::into),
            memory_mib: field("/proc/meminfo", "MemTotal", ':').and_then(|text| {
                let kib: u64 = text.strip_suffix("kB")?.trim().parse().ok()?;
                Some(kib / 1024)
            }),
            os: operating_system(),
            rustc: rustc_version(),
            nuages: env!("CARGO_PKG_VERSION"),
            sqlite: rusqlite::version(),
        }
    }

    /// The machine in one line.
    pub(crate) fn summary(&self) -> String {
        let mut parts = Vec::new();
        parts.push(self.cpu.clone().unwrap_or_else(|| std::env::consts::ARCH.to_owned()));
        parts.extend(self.cores.map(|cores| format!("{cores} cores")));
        parts.extend(self.memory_mib.map(|mib| format!("{} GiB", (mib + 512) / 1024)));
        parts.push(self.os.clone());
        parts.extend(self.rustc.clone());
        parts.push(format!("SQLite {}", self.sqlite));
        parts.join(", ")
    }
}

/// The value after `name` and `separator` in the first line of a file that begins with `name`.
fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let (_, value) = line.split_once(separator)?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn operating_system() -> String {
    let name =
        field("/etc/os-release", "PRETTY_NAME", '=').unwrap_or_else(|| std::env::consts::OS.to_owned());
    match fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(kernel) => format!("{name} (kernel {})", kernel.trim()),
        Err(_) => name,
    }
}

fn rustc_version() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split('(').next().map(|version| version.trim().to_owned())
}
