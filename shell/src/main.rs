//! `nuages [PATH]`: SQL from the terminal, a file or a pipe.
//!
//! Order of reading: `options`, `shell` (what a line does), `script` (where a statement ends), `command` (lines with a
//! dot), `format` (rows as text), `import`, `copy` and `dump` (files in and out), `prompt` and `interrupt` (the terminal).

mod command;
mod copy;
mod dump;
mod failure;
mod format;
mod import;
mod interrupt;
mod options;
mod prompt;
mod script;
mod shell;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;

use crate::interrupt::Interrupt;
use crate::options::Options;
use crate::prompt::{Line, Prompt};
use crate::shell::{Manners, Shell};

fn main() -> ExitCode {
    let options = Options::parse();
    let is_interactive = options.commands.is_empty() && io::stdin().is_terminal();
    let manners = Manners {
        dialect: options.dialect.into(),
        format: options.format,
        is_interactive,
        keeps_going: options.keep_going,
        memory_bytes_max: options.memory_bytes_max(),
    };
    let mut shell = match Shell::open(options.path.as_deref(), manners, Interrupt::install(is_interactive)) {
        Ok(shell) => shell,
        Err(failure) => {
            eprintln!("error: {failure}");
            return ExitCode::FAILURE;
        }
    };
    let done = if is_interactive {
        talk(&mut shell)
    } else if options.commands.is_empty() {
        shell.lines(io::stdin().lock()).map(drop).map_err(|error| error.to_string())
    } else {
        run(&mut shell, &options.commands);
        Ok(())
    };
    if let Err(error) = &done {
        eprintln!("error: {error}");
    }
    shell.finish();
    if done.is_err() || shell.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(shell: &mut Shell, commands: &[String]) {
    for text in commands {
        if text.split('\n').try_for_each(|line| shell.line(line)).is_break() || shell.end().is_break() {
            return;
        }
    }
}

/// A person's lines, until they leave.
fn talk(shell: &mut Shell) -> Result<(), String> {
    let mut prompt = Prompt::new().map_err(|error| error.to_string())?;
    println!(
        "Nuages {}. `.help` lists the commands; statements end with a semicolon.",
        env!("CARGO_PKG_VERSION")
    );
    let mut entry = String::new();
    loop {
        let catalog = shell.connection().session().catalog().unwrap_or_default();
        match prompt.line(shell.is_at_start(), catalog).map_err(|error| error.to_string())? {
            Line::End => return Ok(()),
            Line::Interrupted => {
                shell.forget();
                entry.clear();
            }
            Line::Text(line) => {
                entry.push_str(&line);
                let done = shell.line(&line);
                if shell.is_at_start() {
                    prompt.remember(entry.trim());
                    entry.clear();
                } else {
                    entry.push('\n');
                }
                if done.is_break() {
                    return Ok(());
                }
            }
        }
    }
}
