//! Prepared statements: read and bound once, run often.

use nuages_storage::{DataType, Value};

use super::bind::json::{handed_out, scalars};
use super::connection::{Connection, Ready};
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::parse::{Parsed, SHALLOW_NESTING_MAX, split};
use super::running::while_bound;
use crate::algebra::Statement;
use crate::catalog::temporary::Owner;
use crate::catalog::{Catalog, SchemaId};
use crate::explain::Explanation;
use crate::memory::ResultRows;
use crate::{ColumnNames, Error, Outcome, ResultSet, Session};

/// A statement that is read and bound, and a query that is planned too. Where the schema has changed since, it is bound
/// anew.
#[derive(Debug)]
pub struct PreparedStatement {
    sql: String,
    schema: SchemaId,
    /// Whose temporary tables its names meant before others.
    owner: Option<Owner>,
    /// The types that PREPARE gives its parameters.
    declared: Vec<DataType>,
    parameters: Parameters,
    kind: Kind,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in each statement that is kept")]
enum Kind {
    Query(PreparedQuery),
    Change(Statement),
    /// What is not bound before it is run.
    Text,
}

#[derive(Debug)]
struct PreparedQuery {
    query: crate::Prepared,
    columns: ColumnNames,
    /// The places of the columns that hand out what is in their JSON.
    handed_out: Vec<usize>,
}

impl PreparedQuery {
    /// A query that was prepared, with the places of its columns that hand out what is in their JSON.
    fn new(query: crate::Prepared, handed_out: Vec<usize>) -> PreparedQuery {
        let columns = query.column_names().map(str::to_owned).collect();
        PreparedQuery { query, columns, handed_out }
    }
}

impl PreparedStatement {
    /// Its text.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Its first plan as a tree for people, if it is a query.
    pub fn explain(&self, catalog: &Catalog) -> Option<Explanation> {
        match &self.kind {
            Kind::Query(prepared) => Some(prepared.query.plan().explain(catalog)),
            Kind::Change(_) | Kind::Text => None,
        }
    }

    /// Whether it means the same with these values.
    pub(super) fn is_for(&self, values: &[Value]) -> bool {
        self.parameters.tells_same(values)
    }

    /// How many parameters it has.
    pub fn parameter_count(&self) -> usize {
        self.parameters.count()
    }
}

impl Connection {
    /// Prepares one statement.
    ///
    /// ```
    /// # use nuages_engine::Database;
    /// # use nuages_engine::sql::Connection;
    /// let mut connection = Connection::new(Database::new());
    /// connection.execute("CREATE TABLE song (id INTEGER PRIMARY KEY, title TEXT)", &[])?;
    /// let mut insert = connection.prepare("INSERT INTO song VALUES ($1, $2)")?;
    /// connection.run_prepared(&mut insert, &[1.into(), "Nuages".into()])?;
    /// let mut title = connection.prepare("SELECT title FROM song WHERE id = ?")?;
    /// assert_eq!(connection.run_prepared(&mut title, &[1.into()])?.rows.rows, [["Nuages".into()]]);
    /// # Ok::<(), nuages_engine::sql::SqlError>(())
    /// ```
    ///
    /// # Errors
    /// What it would be refused for before it runs; [`Problem::NotOneStatement`].
    pub fn prepare(&self, sql: &str) -> Result<PreparedStatement, SqlError> {
        self.prepared(sql).map_err(|error| error.in_text(sql))
    }

    fn prepared(&self, sql: &str) -> Result<PreparedStatement, SqlError> {
        let mut statements = split(sql, self.dialect)?;
        let count = statements.len();
        let Some(tokens) = statements.pop().filter(|_| count == 1) else {
            return Err(Problem::NotOneStatement { count }.into());
        };
        let mut tokens = Some(tokens);
        while_bound(|| {
            let tokens = match tokens.take() {
                Some(tokens) => tokens,
                None => self.tokens_of(sql, 0)?,
            };
            let ready = self.ready((sql, 0), tokens, &Parameters::default)?;
            self.prepared_as(ready, sql.to_owned(), Vec::new())
        })
    }

    /// Prepares a statement that is parsed, whose text is bound anew if the schema changes.
    pub(super) fn prepared_of(
        &self,
        parsed: Parsed,
        sql: String,
        parameters: Parameters,
    ) -> Result<PreparedStatement, SqlError> {
        let declared = parameters.declared_kinds();
        self.prepared_as(self.bind(parsed, parameters, SHALLOW_NESTING_MAX)?, sql, declared)
    }

    /// Prepares a statement that is bound, for parameters of the types that were declared.
    fn prepared_as(
        &self,
        ready: Ready,
        sql: String,
        declared: Vec<DataType>,
    ) -> Result<PreparedStatement, SqlError> {
        let (kind, parameters, schema) = match ready {
            Ready::Algebra(Statement::Query(query), parameters, schema) => {
                let handed_out = handed_out(&query.columns);
                let prepared = crate::Prepared::new(&self.under(schema), query)?;
                (Kind::Query(PreparedQuery::new(prepared, handed_out)), parameters, schema)
            }
            Ready::Algebra(change, parameters, schema) => (Kind::Change(change), parameters, schema),
            Ready::Other(_)
            | Ready::View(..)
            | Ready::Reindex(_)
            | Ready::Pragma(_)
            | Ready::Sequence(_)
            | Ready::TypeOwner(_) => (Kind::Text, Parameters::default(), self.catalog()?.schema_id()),
        };
        Ok(PreparedStatement { sql, schema, owner: self.owner().cloned(), declared, parameters, kind })
    }

    fn prepared_anew(&self, statement: &PreparedStatement) -> Result<PreparedStatement, SqlError> {
        let tokens = self.tokens_of(&statement.sql, 0)?;
        let declared = || Parameters::declared(&statement.declared);
        let ready = self.ready((&statement.sql, 0), tokens, &declared)?;
        self.prepared_as(ready, statement.sql.clone(), statement.declared.clone())
    }

    /// Runs a prepared statement.
    ///
    /// # Errors
    /// [`Problem::ParameterCount`] if there are too few values or too many; what the statement is refused for.
    pub fn run_prepared(
        &mut self,
        statement: &mut PreparedStatement,
        values: &[Value],
    ) -> Result<Outcome, SqlError> {
        let wanted = statement.parameters.count();
        if values.len() != wanted && !matches!(statement.kind, Kind::Text) {
            return Err(Problem::ParameterCount { expected: wanted, given: values.len() }.into());
        }
        let mut is_outdated = statement.parameters.tells_counts();
        let outcome = while_bound(|| {
            if is_outdated {
                *statement = self.prepared_anew(statement).map_err(|error| error.in_text(&statement.sql))?;
            }
            is_outdated = true;
            self.run_as_bound(statement, values)
        });
        self.told(outcome)
    }

    /// A statement that was bound for values like these, to be run now and later.
    pub(super) fn prepared_for(
        &self,
        (statement, schema): (Statement, SchemaId),
        sql: String,
        parameters: Parameters,
        values: &[Value],
    ) -> Result<PreparedStatement, SqlError> {
        let kind = match statement {
            Statement::Query(query) => {
                let handed_out = handed_out(&query.columns);
                let values = parameters.converted(values)?;
                let prepared = crate::Prepared::for_values(&self.under(schema), query, &values)?;
                Kind::Query(PreparedQuery::new(prepared, handed_out))
            }
            change => Kind::Change(change),
        };
        let (owner, declared) = (self.owner().cloned(), Vec::new());
        Ok(PreparedStatement { sql, schema, owner, declared, parameters, kind })
    }

    /// Runs a statement on the schema that it was bound to.
    ///
    /// # Errors
    /// [`Error::SchemaChanged`](crate::Error::SchemaChanged) if that is no longer what is seen.
    pub(super) fn run_as_bound(
        &mut self,
        statement: &PreparedStatement,
        values: &[Value],
    ) -> Result<Outcome, SqlError> {
        if !matches!(statement.kind, Kind::Text) {
            self.expect_sound()?;
        }
        if statement.owner.as_ref() != self.owner() && !matches!(statement.kind, Kind::Text) {
            return Err(Error::SchemaChanged.into());
        }
        let converted = statement.parameters.converted(values)?;
        if let Some(open) = &mut self.open {
            open.is_used = true;
        }
        match &statement.kind {
            Kind::Query(PreparedQuery { query, columns, handed_out }) => {
                let session = self.under(statement.schema);
                let mut rows = ResultRows::new(session.interrupt().memory_bytes_max());
                if query.finds_one() {
                    session.run_rows(query, &converted, &mut |row| rows.add_row(row))?;
                } else {
                    session.run(query, &converted, &mut |batch| rows.add(batch))?;
                }
                self.database.reserve_drawn()?;
                let rows = scalars(rows.finish(), handed_out);
                let rows = ResultSet { columns: columns.clone(), rows };
                Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() })
            }
            Kind::Change(change) => self.change(change, &converted, statement.schema),
            Kind::Text => self.execute(&statement.sql, values),
        }
    }
}
