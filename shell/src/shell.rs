//! The shell itself: it takes lines, and does what is complete.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nuages_engine::sql::{Connection, Dialect};
use nuages_engine::{Cancel, Database, Limits};

use crate::command::{COMMANDS, Command};
use crate::copy::{self, Copy};
use crate::failure::Failure;
use crate::format::Format;
use crate::interrupt::Interrupt;
use crate::script::{Complete, Script};
use crate::{dump, import};

/// How deep files that `.read` each other may lie: one that reads itself would do so without end.
const READ_DEPTH_MAX: usize = 16;

/// A connection and how its answers are shown.
pub(crate) struct Shell {
    connection: Connection,
    database: Database,
    dialect: Dialect,
    format: Format,
    shows_time: bool,
    shows_plan: bool,
    /// Whether a person looks on, who wants to know what became of a statement without rows.
    is_interactive: bool,
    keeps_going: bool,
    memory_bytes_max: Option<u64>,
    interrupt: Interrupt,
    output: Option<Output>,
    /// A `COPY` whose rows the next lines are.
    copying: Option<Copy>,
    /// A statement that is not complete yet.
    pending: Script,
    /// How many lines of the input were taken.
    lines: u64,
    read_depth: usize,
    has_failed: bool,
}

/// How a shell behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Whose meaning SQL has.
    pub(crate) dialect: Dialect,
    /// How rows are printed.
    pub(crate) format: Format,
    /// Whether a person looks on.
    pub(crate) is_interactive: bool,
    /// Whether it goes on after a failure.
    pub(crate) keeps_going: bool,
    /// How much a statement may keep in memory.
    pub(crate) memory_bytes_max: Option<u64>,
}

impl Shell {
    /// A shell on the database of a directory, or on one in memory.
    ///
    /// # Errors
    /// A directory that holds no database, or is not to be opened.
    pub(crate) fn open(
        path: Option<&Path>,
        manners: Manners,
        interrupt: Interrupt,
    ) -> Result<Shell, Failure> {
        let database = open(path)?;
        let Manners { dialect, format, is_interactive, keeps_going, memory_bytes_max } = manners;
        Ok(Shell {
            connection: Connection::with_dialect(database.clone(), dialect),
            database,
            dialect,
            format,
            shows_time: false,
            shows_plan: false,
            is_interactive,
            keeps_going,
            memory_bytes_max,
            interrupt,
            output: None,
            copying: None,
            pending: Script::default(),
            lines: 0,
            read_depth: 0,
            has_failed: false,
        })
    }

    /// Whether anything has failed so far.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// What completion knows names from.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether the next line begins something new.
    pub(crate) fn is_at_start(&self) -> bool {
        self.pending.is_at_start() && self.copying.is_none()
    }

    /// Gives up a statement that was begun.
    pub(crate) fn forget(&mut self) {
        self.pending = Script::default();
        if let Some(copy) = self.copying.take() {
            copy.give_up(&mut self.connection);
        }
    }

    /// Takes a line, without its end: runs a command, or the statements that it completes. Breaks when the shell is to
    /// end.
    pub(crate) fn line(&mut self, line: &str) -> ControlFlow<()> {
        self.lines += 1;
        if let Some(copy) = &mut self.copying {
            // Here a carriage return is part of a line's end.
            let line = line.strip_suffix('\r').unwrap_or(line);
            let is_last = copy.line(line, &mut self.connection);
            return if is_last { self.end_copy() } else { ControlFlow::Continue(()) };
        }
        // psql's, which PostgreSQL's dumps are between.
        if self.is_at_start() && (line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ")) {
            return ControlFlow::Continue(());
        }
        if self.is_at_start() && line.trim_start().starts_with('.') {
            let done = Command::parse(line.trim()).and_then(|command| self.command(command));
            return done.unwrap_or_else(|failure| self.fail(&failure));
        }
        self.pending.push(line, self.lines - 1);
        while let Some(statement) = self.pending.next() {
            self.statement(&statement)?;
        }
        ControlFlow::Continue(())
    }

    /// Runs what is there although no semicolon ends it: the end of the input does.
    pub(crate) fn end(&mut self) -> ControlFlow<()> {
        self.end_copy()?;
        self.pending.end().map_or(ControlFlow::Continue(()), |statement| self.statement(&statement))
    }

    /// Writes what is printed into a file to its end: what has found no place there is told, and counts as a failure.
    pub(crate) fn finish(&mut self) {
        if let Err(failure) = self.close_output() {
            let _ = self.fail(&failure);
        }
    }

    /// Ends a `COPY`, if one has begun.
    fn end_copy(&mut self) -> ControlFlow<()> {
        let Some(copy) = self.copying.take() else { return ControlFlow::Continue(()) };
        match copy.end(&mut self.connection) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => self.fail(&Failure::Sql(error)),
        }
    }

    /// Takes every line of an input.
    ///
    /// # Errors
    /// What reading fails with; also a line that is not UTF-8.
    pub(crate) fn lines(&mut self, input: impl BufRead) -> io::Result<ControlFlow<()>> {
        let outer = std::mem::take(&mut self.lines);
        let done = self.each_line(input);
        self.lines = outer;
        done
    }

    fn each_line(&mut self, mut input: impl BufRead) -> io::Result<ControlFlow<()>> {
        // A carriage return before a line's end may be part of a text.
        let mut line = String::new();
        while input.read_line(&mut line)? > 0 {
            if self.line(line.strip_suffix('\n').unwrap_or(&line)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            line.clear();
        }
        Ok(self.end())
    }

    /// Runs a statement. Its errors are told to be where the input has it; somebody who types sees nothing but the
    /// statement.
    fn statement(&mut self, Complete { sql, place }: &Complete) -> ControlFlow<()> {
        let begin = Instant::now();
        match self.run(sql) {
            Ok(()) => {
                if self.shows_time {
                    eprintln!("{:.3} ms", begin.elapsed().as_secs_f64() * 1e3);
                }
                ControlFlow::Continue(())
            }
            Err(Failure::Sql(error)) if !self.is_interactive => {
                self.fail(&Failure::Sql(error.behind(place.lines, place.characters)))
            }
            Err(failure) => self.fail(&failure),
        }
    }

    fn run(&mut self, sql: &str) -> Result<(), Failure> {
        if let Some(target) = copy::target(sql).filter(|_| self.dialect == Dialect::PostgreSql) {
            self.copying = Some(Copy::begin(target, &mut self.connection));
            return Ok(());
        }
        if self.shows_plan && is_query(sql) {
            let plan = self.connection.query(&format!("EXPLAIN {sql}"), &[])?;
            let mut out = out(&mut self.output);
            for row in plan.rows {
                row.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
        }
        let outcome = self.interruptible(|shell| shell.connection.execute(sql, &[]))?;
        self.format.print(&outcome.rows, &mut out(&mut self.output))?;
        if self.is_interactive && outcome.rows.columns.is_empty() && outcome.affected > 0 {
            println!("({} row{})", outcome.affected, if outcome.affected == 1 { "" } else { "s" });
        }
        Ok(())
    }

    /// Runs something within the limits, which Ctrl-C stops.
    fn interruptible<T>(&mut self, run: impl FnOnce(&mut Shell) -> T) -> T {
        let cancel = Cancel::new();
        let memory_bytes_max = self.memory_bytes_max;
        self.connection.set_limits(Limits {
            cancel: Some(cancel.clone()),
            memory_bytes_max,
            // Those that SET has given statements.
            ..self.connection.database().limits().clone()
        });
        let interrupt = self.interrupt.clone();
        interrupt.during(cancel, || run(self))
    }

    fn fail(&mut self, failure: &Failure) -> ControlFlow<()> {
        eprintln!("error: {failure}");
        self.has_failed = true;
        if self.is_interactive || self.keeps_going {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn command(&mut self, command: Command) -> Result<ControlFlow<()>, Failure> {
        match command {
            Command::Quit => return Ok(ControlFlow::Break(())),
            Command::Help => {
                let width = COMMANDS.iter().map(|(usage, _)| usage.len()).max().unwrap_or_default();
                let mut out = out(&mut self.output);
                for (usage, meaning) in COMMANDS {
                    writeln!(out, "{usage:width$}  {meaning}")?;
                }
            }
            Command::Tables(part) => {
                let catalog = self.connection.session().catalog()?;
                let tables = catalog.tables().map(|table| table.name.as_str());
                let mut names: Vec<&str> =
                    tables.chain(catalog.views().map(|view| view.name.as_str())).collect();
                names.sort_unstable();
                let mut out = out(&mut self.output);
                for name in names.iter().filter(|name| part.as_ref().is_none_or(|part| name.contains(part))) {
                    writeln!(out, "{name}")?;
                }
            }
            Command::Schema(table) => {
                let catalog = self.connection.session().catalog()?;
                dump::schema(&catalog, table.as_deref(), &mut out(&mut self.output))?;
            }
            Command::Dump(table) => self.interruptible(|shell| {
                let Shell { connection, output, .. } = shell;
                dump::dump(connection.session(), table.as_deref(), &mut out(output))
            })?,
            Command::Import { file, table } => {
                let count = self.interruptible(|shell| shell.import(&file, &table))?;
                if self.is_interactive {
                    println!("({count} row{})", if count == 1 { "" } else { "s" });
                }
            }
            Command::Read(path) => return self.read(&path),
            Command::Timer(is_on) => self.shows_time = is_on,
            Command::Plan(is_on) => self.shows_plan = is_on,
            Command::Format(format) => self.format = format,
            Command::Dialect(dialect) => {
                self.dialect = dialect;
                self.connection.set_dialect(dialect);
            }
            Command::Output(path) => {
                self.close_output()?;
                self.output = path.map(Output::create).transpose()?;
            }
            Command::Open(path) => {
                // The old one goes first, so that a directory can be opened again.
                (self.database, self.connection) = in_memory(self.dialect);
                self.database = open(path.as_deref())?;
                self.connection = Connection::with_dialect(self.database.clone(), self.dialect);
            }
            Command::Backup(path) => {
                self.database.backup(path)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Imports a file whole or not at all, in the open transaction or in one of its own.
    fn import(&mut self, file: &Path, table: &str) -> Result<u64, Failure> {
        let (begin, commit, undo) = match self.connection.in_transaction() {
            true => (
                "SAVEPOINT import",
                "RELEASE SAVEPOINT import",
                "ROLLBACK TO SAVEPOINT import; RELEASE SAVEPOINT import",
            ),
            false => ("BEGIN", "COMMIT", "ROLLBACK"),
        };
        self.connection.execute(begin, &[])?;
        let imported = import::import(self.connection.session(), file, table);
        self.connection.execute(if imported.is_ok() { commit } else { undo }, &[])?;
        imported
    }

    /// Ends the file that rows are printed into, if there is one.
    fn close_output(&mut self) -> Result<(), Failure> {
        self.output.take().map_or(Ok(()), Output::close)
    }

    fn read(&mut self, path: &Path) -> Result<ControlFlow<()>, Failure> {
        if self.read_depth == READ_DEPTH_MAX {
            let error = format!("files that read each other lie deeper than {READ_DEPTH_MAX}");
            return Err(Failure::file(path, io::Error::other(error)));
        }
        let file = File::open(path).map_err(|error| Failure::file(path, error))?;
        self.read_depth += 1;
        let done = self.lines(BufReader::new(file));
        self.read_depth -= 1;
        done.map_err(|error| Failure::file(path, error))
    }
}

/// A file that rows are printed into.
struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(path: PathBuf) -> Result<Output, Failure> {
        let file = File::create(&path).map_err(|error| Failure::file(&path, error))?;
        Ok(Output { path, file: BufWriter::new(file) })
    }

    /// Writes what is still held of it.
    fn close(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|error| Failure::file(&self.path, error))
    }
}

/// Where rows go.
fn out(output: &mut Option<Output>) -> Box<dyn Write + '_> {
    match output {
        Some(Output { file, .. }) => Box::new(file),
        None => Box::new(io::stdout().lock()),
    }
}

fn open(path: Option<&Path>) -> Result<Database, Failure> {
    Ok(match path {
        Some(path) => Database::open(path)?,
        None => Database::new(),
    })
}

fn in_memory(dialect: Dialect) -> (Database, Connection) {
    let database = Database::new();
    (database.clone(), Connection::with_dialect(database, dialect))
}

/// Whether a statement asks for rows, and so has a plan to show.
fn is_query(sql: &str) -> bool {
    let word: String = sql.trim_start_matches('(').chars().take_while(|c| c.is_alphabetic()).collect();
    ["SELECT", "WITH", "VALUES"].iter().any(|known| word.eq_ignore_ascii_case(known))
}
