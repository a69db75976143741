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
use crate::{dump, import, script};

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
    output: Option<BufWriter<File>>,
    /// A `COPY` whose rows the next lines are.
    copying: Option<Copy>,
    /// A statement that is not complete yet.
    pending: String,
    /// How many lines of the input stand before it.
    lines_before: u64,
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
            pending: String::new(),
            lines_before: 0,
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
        self.pending.is_empty() && self.copying.is_none()
    }

    /// Gives up a statement that was begun.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
        if let Some(copy) = self.copying.take() {
            copy.give_up(&mut self.connection);
        }
    }

    /// Takes a line: runs a command, or the statements that it completes. Breaks when the shell is to end.
    pub(crate) fn line(&mut self, line: &str) -> ControlFlow<()> {
        self.lines += 1;
        if let Some(copy) = &mut self.copying {
            let is_last = copy.line(line, &mut self.connection);
            return if is_last { self.end_copy() } else { ControlFlow::Continue(()) };
        }
        if self.is_at_start() {
            self.lines_before = self.lines - 1;
        }
        // psql's, which PostgreSQL's dumps are between.
        if self.is_at_start() && (line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ")) {
            return ControlFlow::Continue(());
        }
        if self.is_at_start() && line.trim_start().starts_with('.') {
            let done = Command::parse(line.trim()).and_then(|command| self.command(command));
            return done.unwrap_or_else(|failure| self.fail(&failure));
        }
        // A line without a semicolon completes nothing, so that a long statement is not looked through at each line.
        let may_complete = self.is_at_start() || line.contains(';');
        self.pending.push_str(line);
        self.pending.push('\n');
        if !may_complete {
            return ControlFlow::Continue(());
        }
        let text = std::mem::take(&mut self.pending);
        let script::Split { complete, rest } = script::split(&text);
        self.pending = if rest.is_empty() { String::new() } else { format!("{rest}\n") };
        let before = self.lines_before;
        self.lines_before += script::Place::of(rest, &text).lines;
        complete.into_iter().try_for_each(|statement| {
            let place = script::Place::of(statement, &text);
            self.statement(statement, script::Place { lines: before + place.lines, ..place })
        })
    }

    /// Runs what is there although no semicolon ends it: the end of the input does.
    pub(crate) fn end(&mut self) -> ControlFlow<()> {
        self.end_copy()?;
        let rest = std::mem::take(&mut self.pending);
        if rest.trim().is_empty() {
            return ControlFlow::Continue(());
        }
        self.statement(rest.trim(), script::Place { lines: self.lines_before, characters: 0 })
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

    fn each_line(&mut self, input: impl BufRead) -> io::Result<ControlFlow<()>> {
        for line in input.lines() {
            if self.line(&line?).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(self.end())
    }

    /// Runs a statement that stands at a place of the input, which is where its errors are told to be. Somebody who
    /// types sees nothing but the statement.
    fn statement(&mut self, sql: &str, at: script::Place) -> ControlFlow<()> {
        let begin = Instant::now();
        match self.run(sql) {
            Ok(()) => {
                if self.shows_time {
                    eprintln!("{:.3} ms", begin.elapsed().as_secs_f64() * 1e3);
                }
                ControlFlow::Continue(())
            }
            Err(Failure::Sql(error)) if !self.is_interactive => {
                self.fail(&Failure::Sql(error.behind(at.lines, at.characters)))
            }
            Err(failure) => self.fail(&failure),
        }
    }

    fn run(&mut self, sql: &str) -> Result<(), Failure> {
        if let Some(target) = copy::target(sql).filter(|_| self.dialect == Dialect::PostgreSql) {
            self.copying = Some(Copy::begin(target, &mut self.connection)?);
            return Ok(());
        }
        if self.shows_plan && is_query(sql) {
            let plan = self.connection.query(&format!("EXPLAIN {sql}"), &[])?;
            let mut out = out(&mut self.output);
            for row in plan.rows {
                row.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
        }
        let cancel = Cancel::new();
        let memory_bytes_max = self.memory_bytes_max;
        self.connection.set_limits(Limits {
            cancel: Some(cancel.clone()),
            memory_bytes_max,
            ..Limits::default()
        });
        let Shell { connection, interrupt, .. } = self;
        let outcome = interrupt.during(cancel, || connection.execute(sql, &[]))?;
        self.format.print(&outcome.rows, &mut out(&mut self.output))?;
        if self.is_interactive && outcome.rows.columns.is_empty() && outcome.affected > 0 {
            println!("({} row{})", outcome.affected, if outcome.affected == 1 { "" } else { "s" });
        }
        Ok(())
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
            Command::Dump(table) => {
                dump::dump(self.connection.session(), table.as_deref(), &mut out(&mut self.output))?;
            }
            Command::Import { file, table } => {
                let count = self.import(&file, &table)?;
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
                let create = |path: PathBuf| File::create(&path).map_err(|error| Failure::file(&path, error));
                self.output = path.map(create).transpose()?.map(BufWriter::new);
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

    /// Imports in the open transaction, or in one of its own.
    fn import(&mut self, file: &Path, table: &str) -> Result<u64, Failure> {
        if self.connection.in_transaction() {
            return import::import(self.connection.session(), file, table);
        }
        let transaction = self.database.begin();
        let count = import::import(&transaction, file, table)?;
        transaction.commit()?;
        Ok(count)
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

/// Where rows go.
fn out(output: &mut Option<BufWriter<File>>) -> Box<dyn Write + '_> {
    match output {
        Some(file) => Box::new(file),
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
