//! Transactions, savepoints, isolation levels and EXPLAIN.
//!
//! A statement that fails has done nothing, and a [`Transaction`] goes on. So does one of SQLite's dialect. In
//! PostgreSQL's, where scripts and programs count on it that a later COMMIT keeps nothing of what is not whole, the
//! transaction is *failed* from then on: every statement is refused until it is rolled back, which a COMMIT then does
//! too, or returns to a savepoint (`docs/decisions/0010`).

use nuages_storage::Value;
use sqlparser::ast::{self, TransactionAccessMode, TransactionIsolationLevel, TransactionMode};

use super::bind::Binder;
use super::connection::{Connection, Open, is_into};
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::running::while_bound;
use crate::limits::Limits;
use crate::{Isolation, Outcome, ResultSet, Session, Transaction};

impl Connection {
    /// Runs a statement that is none of the algebra; only EXECUTE makes something of the values.
    pub(super) fn control(
        &mut self,
        statement: &ast::Statement,
        values: &[Value],
    ) -> Result<Outcome, SqlError> {
        match statement {
            ast::Statement::StartTransaction { modes, .. } => self.begin(modes)?,
            ast::Statement::Commit { chain, .. } => self.end(*chain, Connection::commit)?,
            ast::Statement::Rollback { savepoint: None, chain } => self.end(*chain, Connection::rollback)?,
            ast::Statement::Rollback { savepoint: Some(name), .. } => self.rollback_to(name)?,
            ast::Statement::Savepoint { name } => self.savepoint(name)?,
            ast::Statement::ReleaseSavepoint { name } => self.release(name)?,
            ast::Statement::Set(ast::Set::SetTransaction { modes, session, .. }) => {
                self.set_isolation(modes, *session)?;
            }
            ast::Statement::Set(ast::Set::SingleAssignment { scope, variable, values, .. })
                if !self.dialect.is_sqlite() =>
            {
                self.set_setting(*scope, variable, values)?;
            }
            ast::Statement::Set(ast::Set::SetTimeZone { value, local: false }) => self.set_zone(value)?,
            ast::Statement::Reset(reset) => self.reset_setting(&reset.reset)?,
            ast::Statement::ShowVariable { variable } => return self.show(variable),
            ast::Statement::Prepare { name, data_types, statement } => {
                self.prepare_named(name, data_types, statement)?;
            }
            ast::Statement::Execute { name: Some(name), parameters, immediate: false, .. } => {
                return self.execute_named(name, parameters, values);
            }
            ast::Statement::Deallocate { name, .. } => self.deallocate(name)?,
            ast::Statement::Explain { statement, analyze, .. } => return self.explain(statement, *analyze),
            ast::Statement::Query(query) if is_into(query) && !self.dialect.is_sqlite() => {
                return self.select_into(query);
            }
            ast::Statement::Query(query) => return self.run_changing(query, values),
            ast::Statement::Merge(merge) => return self.merge(merge, values),
            ast::Statement::Vacuum(_) => self.vacuum()?,
            ast::Statement::Discard { object_type: ast::DiscardObject::TEMP }
                if !self.dialect.is_sqlite() =>
            {
                self.bound_once(|schema| self.drop_temporary_tables(schema))?;
            }
            ast::Statement::Analyze(analyze) => self.analyze(analyze)?,
            other => return self.define(other),
        }
        Ok(Outcome::default())
    }

    pub(super) fn begin(&mut self, modes: &[TransactionMode]) -> Result<(), SqlError> {
        if self.open.is_some() {
            return Err(Problem::TransactionOpen.into());
        }
        let isolation = isolation_of(modes).or(self.isolation).unwrap_or_else(|| self.dialect.isolation());
        let transaction = self.transaction(isolation);
        transaction.set_only_reads(only_reads_of(modes).unwrap_or_default());
        self.open = Some(Open::new(transaction));
        Ok(())
    }

    /// A transaction; PostgreSQL's statements go by the time at which it began.
    fn transaction(&self, isolation: Isolation) -> Transaction {
        let transaction = self.database.begin_with(isolation);
        if !self.dialect.is_sqlite() {
            transaction.stop_clock();
        }
        transaction
    }

    /// Ends the open transaction; if another is chained to it, that is of its isolation, and only reads if it did.
    fn end(
        &mut self,
        is_chained: bool,
        end: impl FnOnce(&mut Connection) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let of = |open: &Open| (open.transaction.isolation(), open.transaction.only_reads());
        let chained = self.open.as_ref().filter(|_| is_chained).map(of);
        end(self)?;
        if let Some((isolation, only_reads)) = chained {
            let transaction = self.transaction(isolation);
            transaction.set_only_reads(only_reads);
            self.open = Some(Open::new(transaction));
        }
        Ok(())
    }

    /// Commits the open transaction. If that fails, it is rolled back, as it is if a statement has failed in it.
    pub(super) fn commit(&mut self) -> Result<(), SqlError> {
        let is_failed = self.open.as_ref().is_none_or(|open| open.is_failed);
        let cleared = if is_failed { Ok(()) } else { self.clear_for_commit() };
        let open = self.take_open()?;
        if open.is_failed {
            open.transaction.rollback();
            return Ok(());
        }
        cleared?;
        open.transaction.commit()?;
        Ok(())
    }

    /// Takes the open transaction, which ends. Statements have the time limits again that they had before it.
    fn take_open(&mut self) -> Result<Open, SqlError> {
        let mut open = self.open.take().ok_or(Problem::NoTransaction)?;
        if let Some([statement_timeout, lock_timeout]) = open.timeouts_after.take() {
            let limits = self.database.limits().clone();
            self.set_limits(Limits { statement_timeout, lock_timeout, ..limits });
        }
        Ok(open)
    }

    pub(super) fn rollback(&mut self) -> Result<(), SqlError> {
        let open = self.take_open()?;
        open.transaction.rollback();
        Ok(())
    }

    /// Makes a point to return to. SQLite begins a transaction with the first.
    fn savepoint(&mut self, name: &ast::Ident) -> Result<(), SqlError> {
        if self.open.is_none() && self.dialect.is_sqlite() {
            self.begin(&[])?;
        }
        let open = self.open.as_mut().ok_or(Problem::NoTransaction)?;
        open.savepoints.push((name.value.to_lowercase(), open.transaction.savepoint()));
        Ok(())
    }

    /// The open transaction, and the place of the last savepoint of a name in it.
    fn point(&mut self, name: &ast::Ident) -> Result<(&mut Open, usize), SqlError> {
        let open = self.open.as_mut().ok_or(Problem::NoTransaction)?;
        let wanted = name.value.to_lowercase();
        let place = open.savepoints.iter().rposition(|(name, _)| *name == wanted);
        let unknown =
            || SqlError::at(Problem::Unknown { kind: "savepoint", name: wanted.clone() }, name.span);
        Ok((open, place.ok_or_else(unknown)?))
    }

    fn rollback_to(&mut self, name: &ast::Ident) -> Result<(), SqlError> {
        let (open, place) = self.point(name)?;
        open.transaction.rollback_to(open.savepoints[place].1)?;
        open.savepoints.truncate(place + 1);
        open.is_failed = false;
        Ok(())
    }

    fn release(&mut self, name: &ast::Ident) -> Result<(), SqlError> {
        let (open, place) = self.point(name)?;
        open.transaction.release(open.savepoints[place].1)?;
        open.savepoints.truncate(place);
        Ok(())
    }

    /// The isolation of the open transaction, before anything has run in it, or of those to come; and whether it only
    /// reads.
    fn set_isolation(&mut self, modes: &[TransactionMode], session: bool) -> Result<(), SqlError> {
        match (only_reads_of(modes), &self.open) {
            (Some(_), _) if session => {
                let feature = "READ ONLY or READ WRITE of all transactions".to_owned();
                return Err(Problem::Unsupported { feature }.into());
            }
            (Some(_), None) => return Err(Problem::NoTransaction.into()),
            (Some(false), Some(open)) if open.is_used && open.transaction.only_reads() => {
                let feature = "READ WRITE after the first statement of a transaction".to_owned();
                return Err(Problem::Unsupported { feature }.into());
            }
            (Some(only_reads), Some(open)) => open.transaction.set_only_reads(only_reads),
            (None, _) => {}
        }
        let Some(isolation) = isolation_of(modes) else { return Ok(()) };
        if session {
            self.isolation = Some(isolation);
            return Ok(());
        }
        match &mut self.open {
            None => return Err(Problem::NoTransaction.into()),
            Some(open) if open.is_used || !open.savepoints.is_empty() => {
                let feature = "SET TRANSACTION after the first statement of a transaction".to_owned();
                return Err(Problem::Unsupported { feature }.into());
            }
            Some(_) => {
                let transaction = self.transaction(isolation);
                if let Some(open) = &mut self.open {
                    transaction.set_only_reads(open.transaction.only_reads());
                    open.transaction = transaction;
                }
            }
        }
        Ok(())
    }

    /// Writes a checkpoint, if there are files; what was deleted takes no room in memory.
    fn vacuum(&self) -> Result<(), SqlError> {
        if self.open.is_some() {
            return Err(Problem::TransactionOpen.into());
        }
        self.database.compact()?;
        Ok(())
    }

    /// Samples a table, or all, anew. Plans do that themselves where a table has changed, so nobody has to.
    fn analyze(&self, analyze: &ast::Analyze) -> Result<(), SqlError> {
        let tables = match &analyze.table_name {
            Some(name) => vec![self.table_of(name)?],
            None => self.catalog()?.tables().cloned().collect(),
        };
        for table in tables {
            self.session().analyze(&table.name)?;
        }
        Ok(())
    }

    /// The plan of a query, a line a row; if it is analyzed, it is run, and each line says what its operator did.
    fn explain(&self, statement: &ast::Statement, analyze: bool) -> Result<Outcome, SqlError> {
        let ast::Statement::Query(query) = statement else {
            return Err(Problem::Unsupported {
                feature: "EXPLAIN of something else than a query".to_owned(),
            }
            .into());
        };
        let plan = while_bound(|| {
            let catalog = self.catalog()?;
            let mut parameters = Parameters::default();
            let bound = Binder::new(&catalog, self.dialect, &mut parameters).query(query, None)?;
            let session = self.under(catalog.schema_id());
            Ok(match analyze {
                true => session.explain_analyze(&bound.query, &[])?,
                false => session.explain(&bound.query)?,
            })
        })?;
        let text = plan.to_string();
        let rows: Vec<Vec<Value>> = text.lines().map(|line| vec![Value::from(line)]).collect();
        let rows = ResultSet { columns: vec!["QUERY PLAN".to_owned()].into(), rows };
        Ok(Outcome { affected: rows.rows.len() as u64, rows, ..Outcome::default() })
    }
}

/// Whether the modes of a transaction say that it only reads.
fn only_reads_of(modes: &[TransactionMode]) -> Option<bool> {
    modes.iter().rev().find_map(|mode| match mode {
        TransactionMode::AccessMode(mode) => Some(*mode == TransactionAccessMode::ReadOnly),
        TransactionMode::IsolationLevel(_) => None,
    })
}

/// The isolation level among the modes of a transaction.
fn isolation_of(modes: &[TransactionMode]) -> Option<Isolation> {
    modes.iter().rev().find_map(|mode| match mode {
        TransactionMode::AccessMode(_) => None,
        TransactionMode::IsolationLevel(level) => Some(match level {
            TransactionIsolationLevel::ReadUncommitted | TransactionIsolationLevel::ReadCommitted => {
                Isolation::ReadCommitted
            }
            TransactionIsolationLevel::RepeatableRead | TransactionIsolationLevel::Snapshot => {
                Isolation::Snapshot
            }
            TransactionIsolationLevel::Serializable => Isolation::Serializable,
        }),
    })
}
