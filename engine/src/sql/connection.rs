//! Connections: SQL in, rows out.

use std::time::Duration;

use hashbrown::HashMap;
use nuages_storage::Value;
use sqlparser::ast;
use sqlparser::tokenizer::TokenWithSpan;

use super::Dialect;
use super::bind::Binder;
use super::bind::json::{handed_out, scalars};
use super::changing::changes_within;
use super::counts::Counts;
use super::define::NewView;
use super::error::{Problem, SqlError};
use super::kept::Kept;
use super::parameters::Parameters;
use super::parse::{NESTING_MAX, Parsed, SHALLOW_NESTING_MAX, parse, split, with_deep_stack};
use super::pragma::Pragma;
use super::prepared::PreparedStatement;
use super::running::Next;
use super::sequence::SequenceStatement;
use super::temporary::{BoundTo, OwnTables};
use crate::algebra::{Query, Statement};
use crate::catalog::SchemaId;
use crate::limits::Limits;
use crate::memory::ResultRows;
use crate::optimize::constant_row;
use crate::{Database, Error, Isolation, Outcome, ResultSet, Savepoint, Session, Transaction, Under};

/// A database, the SQL it is spoken to in, and a transaction if one is open.
///
/// ```
/// use nuages_engine::Database;
/// use nuages_engine::sql::Connection;
/// let mut connection = Connection::new(Database::new());
/// connection.execute("CREATE TABLE song (id BIGSERIAL PRIMARY KEY, title TEXT, plays INTEGER)", &[])?;
/// connection.execute("INSERT INTO song (title, plays) VALUES ('Nuages', 40), ('Djangology', 2)", &[])?;
/// let often = connection.query("SELECT title FROM song WHERE plays > $1 ORDER BY 1", &[10.into()])?;
/// assert_eq!(often.rows, [["Nuages".into()]]);
/// # Ok::<(), nuages_engine::sql::SqlError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(super) database: Database,
    pub(super) dialect: Dialect,
    /// That of transactions that do not say theirs, if it was set; else it is the dialect's.
    pub(super) isolation: Option<Isolation>,
    pub(super) open: Option<Open>,
    /// The statements that PREPARE has given names.
    pub(super) named: HashMap<String, PreparedStatement>,
    /// The statements that are kept by their texts.
    pub(super) kept: Kept,
    /// What was changed in it so far.
    counts: Counts,
    /// Its temporary tables, once it has made one. The last to go, behind the transaction that may be open.
    pub(super) temporary: Option<OwnTables>,
}

/// An open transaction.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) transaction: Transaction,
    /// The savepoints by name, the oldest first.
    pub(super) savepoints: Vec<(String, Savepoint)>,
    /// Whether a statement has run in it.
    pub(super) is_used: bool,
    /// The time limits of statements and of locks that are again when it ends, if it has its own (`SET LOCAL`).
    pub(super) timeouts_after: Option<[Option<Duration>; 2]>,
    /// Whether a statement has failed in it, where nothing is done then until it ends or returns to a savepoint.
    pub(super) is_failed: bool,
}

impl Open {
    /// One in which nothing was done.
    pub(super) fn new(transaction: Transaction) -> Open {
        Open { transaction, savepoints: Vec::new(), is_used: false, timeouts_after: None, is_failed: false }
    }
}

/// A statement that is ready to be run.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one statement, and the large one is the usual one"
)]
pub(super) enum Ready {
    /// What the algebra says, its parameters, and the schema that it was bound to.
    Algebra(Statement, Parameters, SchemaId),
    /// About the schema, a transaction, or a plan.
    Other(Box<ast::Statement>),
    /// A `CREATE VIEW` that is nested too deep for the thread of the caller, and the schema that it was bound to.
    View(Box<NewView>, SchemaId),
    /// SQLite's `REINDEX`.
    Reindex(Option<ast::Ident>),
    /// SQLite's `PRAGMA`.
    Pragma(Pragma),
    /// `CREATE` or `ALTER SEQUENCE`.
    Sequence(Box<SequenceStatement>),
    /// `ALTER TYPE .. OWNER TO ..`.
    TypeOwner(ast::ObjectName),
}

impl Connection {
    /// A connection that speaks PostgreSQL's SQL.
    pub fn new(database: Database) -> Connection {
        Connection::with_dialect(database, Dialect::default())
    }

    /// A connection that speaks a dialect.
    pub fn with_dialect(database: Database, dialect: Dialect) -> Connection {
        Connection {
            database: database.with_current_numbers(),
            dialect,
            isolation: None,
            open: None,
            named: HashMap::new(),
            kept: Kept::default(),
            counts: Counts::default(),
            temporary: None,
        }
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The SQL it speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Speaks another dialect from the next statement on.
    pub fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Gives the statements to come other limits, those in the open transaction too.
    pub fn set_limits(&mut self, limits: Limits) {
        if let Some(open) = &self.open {
            open.transaction.set_limits(limits.clone());
        }
        self.database = self.database.with_limits(limits);
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// What statements run in: the open transaction, or the database.
    pub fn session(&self) -> &dyn Session {
        match &self.open {
            Some(open) => &open.transaction,
            None => &self.database,
        }
    }

    /// The same for statements that are bound to a schema.
    pub(super) fn under(&self, schema: SchemaId) -> Under<&dyn Session, BoundTo> {
        Under::new(self.session(), self.bound_to(schema))
    }

    /// Runs a statement, or several with semicolons between them, and returns what the last of them did. Each is given
    /// all parameters.
    ///
    /// # Errors
    /// What the first statement is refused for that is; those before it have happened.
    pub fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<Outcome, SqlError> {
        let mut last = Outcome::default();
        self.execute_each(sql, parameters, &mut |outcome| {
            last = outcome;
            Ok(())
        })?;
        Ok(last)
    }

    /// Runs statements and hands out what each of them did.
    ///
    /// # Errors
    /// As [`execute`](Connection::execute), and what `each` returns.
    pub fn execute_each(
        &mut self,
        sql: &str,
        parameters: &[Value],
        each: &mut dyn FnMut(Outcome) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let hash = self.kept.hash(sql);
        if let Some(outcome) = hash.and_then(|hash| self.run_kept(hash, sql, parameters)) {
            return each(self.told(outcome).map_err(|error| error.in_text(sql))?);
        }
        if let Some(ready) = self.straight(sql, parameters) {
            let hash = hash.filter(|hash| self.kept.was_asked(*hash));
            let outcome = self.run_bound((sql, 0), Next::Ready(ready), hash, parameters);
            return each(self.told(outcome).map_err(|error| error.in_text(sql))?);
        }
        let statements = split(sql, self.dialect);
        let statements = self.told(statements).map_err(|error| error.in_text(sql))?;
        let hash = hash.filter(|hash| statements.len() == 1 && self.kept.was_asked(*hash));
        for (place, tokens) in statements.into_iter().enumerate() {
            let outcome = self.run_bound((sql, place), Next::Tokens(tokens), hash, parameters);
            each(self.told(outcome).map_err(|error| error.in_text(sql))?)?;
        }
        Ok(())
    }

    /// What a statement came to. In PostgreSQL's dialect one that fails in a transaction is the last that is done there.
    pub(super) fn told<T>(&mut self, outcome: Result<T, SqlError>) -> Result<T, SqlError> {
        if let (Err(error), Some(open)) = (&outcome, &mut self.open) {
            // Where PostgreSQL only warns, nothing has failed.
            open.is_failed |=
                !self.dialect.is_sqlite() && !matches!(error.problem(), Problem::TransactionOpen);
        }
        outcome
    }

    /// That no statement has failed in the open transaction.
    ///
    /// # Errors
    /// [`Problem::TransactionFailed`].
    pub(super) fn expect_sound(&self) -> Result<(), SqlError> {
        match &self.open {
            Some(open) if open.is_failed => Err(Problem::TransactionFailed.into()),
            _ => Ok(()),
        }
    }

    /// The n-th statement of a text, which has been split before.
    pub(super) fn tokens_of(&self, sql: &str, place: usize) -> Result<Vec<TokenWithSpan>, SqlError> {
        Ok(split(sql, self.dialect)?.into_iter().nth(place).unwrap_or_default())
    }

    /// Runs statements and returns the rows of the last.
    ///
    /// # Errors
    /// As [`execute`](Connection::execute).
    pub fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<ResultSet, SqlError> {
        Ok(self.execute(sql, parameters)?.rows)
    }

    /// The algebra of a query: what [`plans`](crate::race::plans) and [`race`](crate::race::race) want of it.
    ///
    /// ```
    /// # use nuages_engine::Database;
    /// # use nuages_engine::sql::Connection;
    /// let mut connection = Connection::new(Database::new());
    /// connection.execute("CREATE TABLE song (title TEXT, plays INTEGER)", &[])?;
    /// let query = connection.read("select title from song where plays > 10")?;
    /// assert_eq!(query.sql(&*connection.session().catalog()?), "SELECT song.title FROM song WHERE song.plays > 10");
    /// # Ok::<(), nuages_engine::sql::SqlError>(())
    /// ```
    ///
    /// # Errors
    /// What it would be refused for before it runs; [`Problem::NotOneStatement`].
    pub fn read(&self, sql: &str) -> Result<Query, SqlError> {
        let read = || {
            let mut statements = split(sql, self.dialect)?;
            let count = statements.len();
            let Some(tokens) = statements.pop().filter(|_| count == 1) else {
                return Err(Problem::NotOneStatement { count }.into());
            };
            match self.ready((sql, 0), tokens, &Parameters::default)? {
                Ready::Algebra(Statement::Query(query), ..) => Ok(query),
                _ => {
                    Err(Problem::Unsupported { feature: "the algebra of what is no query".to_owned() }.into())
                }
            }
        };
        read().map_err(|error: SqlError| error.in_text(sql))
    }

    /// The algebra of a statement, also of one that writes.
    #[cfg(test)]
    pub(crate) fn statement(&self, sql: &str) -> Statement {
        let tokens = split(sql, self.dialect).expect("a statement").remove(0);
        let parsed = parse(tokens, self.dialect, SHALLOW_NESTING_MAX).expect("a statement");
        match self.bind(parsed, Parameters::default(), SHALLOW_NESTING_MAX).expect("it is bound") {
            Ready::Algebra(statement, ..) => statement,
            _ => unreachable!("a statement about the schema"),
        }
    }

    /// The n-th statement of a text, whose tokens are given, parsed and bound: on a thread of its own if it, or a view
    /// in it, is nested too deep for this one.
    #[inline]
    pub(super) fn ready(
        &self,
        (sql, place): (&str, usize),
        tokens: Vec<TokenWithSpan>,
        parameters: &dyn Fn() -> Parameters,
    ) -> Result<Ready, SqlError> {
        let bound = |parsed| self.bind(parsed, parameters(), SHALLOW_NESTING_MAX);
        match parse(tokens, self.dialect, SHALLOW_NESTING_MAX).and_then(bound) {
            Err(error) if error.is_too_deep() => self.bind_deep(sql, place, parameters()),
            ready => ready,
        }
    }

    /// What a statement means, as far as that can be said before it runs.
    pub(super) fn bind(
        &self,
        parsed: Parsed,
        parameters: Parameters,
        nesting_max: usize,
    ) -> Result<Ready, SqlError> {
        if !matches!(&parsed, Parsed::Statement(statement) if leads_out(statement)) {
            self.expect_sound()?;
        }
        match parsed {
            Parsed::Reindex(name) => Ok(Ready::Reindex(name)),
            Parsed::Pragma(pragma) => Ok(Ready::Pragma(pragma)),
            Parsed::Sequence(statement) => Ok(Ready::Sequence(statement)),
            Parsed::TypeOwner(name) => Ok(Ready::TypeOwner(name)),
            Parsed::Query(query) => match changes_within(&query) || is_into(&query) {
                true => Ok(Ready::Other(Box::new(ast::Statement::Query(query)))),
                false => self.bind_by((parameters, nesting_max), |binder| binder.read(&query)),
            },
            Parsed::Insert(statement, beyond) => {
                let bind = |binder: &mut Binder<'_>| binder.beside(beyond).statement(&statement);
                self.bind_by((parameters, nesting_max), bind)
            }
            Parsed::Statement(statement) => match &*statement {
                ast::Statement::Query(query) if changes_within(query) || is_into(query) => {
                    Ok(Ready::Other(statement))
                }
                ast::Statement::Query(_)
                | ast::Statement::Insert(_)
                | ast::Statement::Update(_)
                | ast::Statement::Delete(_) => {
                    self.bind_by((parameters, nesting_max), |binder| binder.statement(&statement))
                }
                _ => Ok(Ready::Other(statement)),
            },
        }
    }

    /// The algebra that `bind` makes, and what it is to be run with.
    fn bind_by(
        &self,
        (mut parameters, nesting_max): (Parameters, usize),
        bind: impl FnOnce(&mut Binder<'_>) -> Result<Statement, SqlError>,
    ) -> Result<Ready, SqlError> {
        let catalog = self.catalog()?;
        parameters.know(self.counts);
        let bound = bind(&mut Binder::new(&catalog, self.dialect, &mut parameters).nesting(nesting_max))?;
        Ok(Ready::Algebra(bound, parameters, catalog.schema_id()))
    }

    /// The same of the n-th statement of a text, with room for what is nested deep. Statements about the schema keep
    /// what they are given, and so may not be, but for views, which keep a text.
    fn bind_deep(&self, sql: &str, place: usize, parameters: Parameters) -> Result<Ready, SqlError> {
        let tokens = self.tokens_of(sql, place)?;
        with_deep_stack(|| {
            let parsed = parse(tokens, self.dialect, NESTING_MAX)?;
            match self.bind(parsed, parameters, NESTING_MAX)? {
                Ready::Other(statement) => match &*statement {
                    ast::Statement::CreateView(create) => {
                        let schema = self.catalog()?.schema_id();
                        Ok(Ready::View(Box::new(self.new_view(create, NESTING_MAX)?), schema))
                    }
                    _ => Err(Problem::TooDeep { max: SHALLOW_NESTING_MAX }.into()),
                },
                ready => Ok(ready),
            }
        })
    }

    /// Runs a query that is not asked again.
    fn ask(&self, mut query: Query, values: &[Value], schema: SchemaId) -> Result<Outcome, Error> {
        let session = self.under(schema);
        let columns = query.columns.iter_mut().map(|column| std::mem::take(&mut column.name)).collect();
        let handed_out = handed_out(&query.columns);
        let rows = match constant_row(&query) {
            Some(row) => vec![row],
            None => {
                let mut rows = ResultRows::new(session.interrupt().memory_bytes_max());
                session.query_once(query, values, &mut |batch| rows.add(batch))?;
                self.database.reserve_drawn()?;
                rows.finish()
            }
        };
        let rows = ResultSet { columns, rows: scalars(rows, &handed_out) };
        Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() })
    }

    /// Changes rows, and counts them.
    pub(super) fn change(
        &mut self,
        change: &Statement,
        values: &[Value],
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let outcome = self.under(schema).execute(change, values);
        // That is not what came of it: it is bound anew.
        if !matches!(outcome, Err(Error::SchemaChanged)) {
            self.counts.add(outcome.as_ref().ok());
        }
        let mut outcome = outcome?;
        self.note_keys(change, &outcome);
        let returning = match change {
            Statement::Query(_) => &[],
            Statement::Insert(insert) => insert.returning.as_slice(),
            Statement::Update(update) => &update.returning,
            Statement::Delete(delete) => &delete.returning,
        };
        outcome.rows.rows = scalars(std::mem::take(&mut outcome.rows.rows), &handed_out(returning));
        self.clear_behind_statement()?;
        Ok(outcome)
    }

    pub(super) fn run(&mut self, ready: Ready, values: &[Value]) -> Result<Outcome, SqlError> {
        match ready {
            Ready::Algebra(statement, parameters, schema) => {
                let values = parameters.converted(values)?;
                if let Some(open) = &mut self.open {
                    open.is_used = true;
                }
                match statement {
                    Statement::Query(query) => Ok(self.ask(query, &values, schema)?),
                    change => self.change(&change, &values, schema),
                }
            }
            Ready::Other(statement) => self.control(&statement, values),
            Ready::View(view, schema) => self.make_view(&view, schema),
            Ready::Reindex(name) => self.reindex(name.as_ref()),
            Ready::Pragma(pragma) => self.pragma(&pragma),
            Ready::Sequence(statement) => self.define_sequence(&statement),
            // There are no users, so it only has to be there.
            Ready::TypeOwner(name) => self.enum_of(&name).map(|_| Outcome::default()),
        }
    }
}

/// Whether a statement is one that is done in a transaction in which another has failed.
fn leads_out(statement: &ast::Statement) -> bool {
    matches!(statement, ast::Statement::Commit { .. } | ast::Statement::Rollback { .. })
}

/// Whether a query is `SELECT .. INTO table`, which makes one.
pub(super) fn is_into(query: &ast::Query) -> bool {
    matches!(&*query.body, ast::SetExpr::Select(select) if select.into.is_some())
}
