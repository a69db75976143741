//! Texts that are run: as what is kept of them, straight, or by way of their trees; and bound anew where the schema has
//! become another meanwhile.

use nuages_storage::Value;
use sqlparser::tokenizer::TokenWithSpan;

use super::bind::Binder;
use super::connection::{Connection, Ready};
use super::error::{Problem, SqlError};
use super::kept::{KeptStatement, TextHash};
use super::parameters::Parameters;
use crate::algebra::Statement;
use crate::catalog::SchemaId;
use crate::{Error, Outcome};

/// How often a statement is bound, where others change the schema each time before it has run.
const BOUND_MAX: usize = 100;

/// What is known of a statement that is to be run next.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack for one statement, and the large one is the usual one"
)]
pub(super) enum Next {
    Ready(Ready),
    Tokens(Vec<TokenWithSpan>),
}

impl Connection {
    /// Runs the statement that is kept of a text, if one is that means the same now.
    pub(super) fn run_kept(
        &mut self,
        hash: TextHash,
        sql: &str,
        values: &[Value],
    ) -> Option<Result<Outcome, SqlError>> {
        let kept = self.kept.take(hash, sql, self.dialect, values)?;
        let outcome = self.run_as_bound(&kept.statement, values);
        if is_outdated(&outcome) {
            return None;
        }
        self.kept.put(kept);
        Some(outcome)
    }

    /// Runs a statement of the algebra, and keeps it for the next time.
    fn run_and_keep(
        &mut self,
        hash: TextHash,
        sql: &str,
        statement: (Statement, SchemaId),
        parameters: Parameters,
        values: &[Value],
    ) -> Result<Outcome, SqlError> {
        let statement = self.prepared_for(statement, sql.to_owned(), parameters, values)?;
        let outcome = self.run_as_bound(&statement, values);
        self.kept.put(KeptStatement::new(hash, self.dialect, values, statement));
        outcome
    }

    /// Runs the n-th statement of a text, of which something is known; bound anew as often as the schema has become
    /// another meanwhile.
    pub(super) fn run_bound(
        &mut self,
        (sql, place): (&str, usize),
        known: Next,
        hash: Option<TextHash>,
        parameters: &[Value],
    ) -> Result<Outcome, SqlError> {
        let mut next = Some(known);
        while_bound(|| {
            let ready = match next.take() {
                Some(Next::Ready(ready)) => ready,
                Some(Next::Tokens(tokens)) => {
                    self.ready((sql, place), tokens, &|| Parameters::of(parameters))?
                }
                None => {
                    let tokens = self.tokens_of(sql, place)?;
                    self.ready((sql, place), tokens, &|| Parameters::of(parameters))?
                }
            };
            match (ready, hash) {
                (Ready::Algebra(statement, known, schema), Some(hash)) if !known.tells_counts() => {
                    self.run_and_keep(hash, sql, (statement, schema), known, parameters)
                }
                (ready, _) => self.run(ready, parameters),
            }
        })
    }

    /// The query that a text is, if it is one that needs no tree.
    pub(super) fn straight(&self, sql: &str, values: &[Value]) -> Option<Ready> {
        if !self.dialect.is_sqlite() {
            return None;
        }
        let catalog = self.catalog().ok()?;
        let mut parameters = Parameters::of(values);
        let query = Binder::new(&catalog, self.dialect, &mut parameters).read_straight(sql)?;
        Some(Ready::Algebra(Statement::Query(query), parameters, catalog.schema_id()))
    }
}

/// Binds and runs a statement; and again while somebody changes the schema between the one and the other.
pub(super) fn while_bound<T>(mut run: impl FnMut() -> Result<T, SqlError>) -> Result<T, SqlError> {
    let mut outcome = run();
    for _ in 1..BOUND_MAX {
        if !is_outdated(&outcome) {
            break;
        }
        outcome = run();
    }
    outcome
}

/// Whether a statement did not run because the schema is another than the one it was bound to.
fn is_outdated<T>(outcome: &Result<T, SqlError>) -> bool {
    let problem = outcome.as_ref().err().map(SqlError::problem);
    matches!(problem, Some(Problem::Engine(Error::SchemaChanged)))
}
