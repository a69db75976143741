//! PREPARE, EXECUTE and DEALLOCATE: prepared statements that a connection keeps by name.
//!
//! They outlive transactions, also one that is rolled back, and see a changed schema when they are run.

use nuages_storage::{DataType, Value};
use sqlparser::ast;

use super::bind::{Binder, last_part};
use super::connection::Connection;
use super::error::{Problem, SqlError};
use super::parameters::Parameters;
use super::parse::Parsed;
use super::running::while_bound;
use crate::algebra::{OutputColumn, Query, Relation};
use crate::{Outcome, Session};

impl Connection {
    /// `PREPARE name (types) AS statement`.
    pub(super) fn prepare_named(
        &mut self,
        name: &ast::Ident,
        types: &[ast::DataType],
        statement: &ast::Statement,
    ) -> Result<(), SqlError> {
        use ast::Statement::{Delete, Insert, Query, Update};
        if !matches!(statement, Query(_) | Insert(_) | Update(_) | Delete(_)) {
            let feature = "PREPARE of what is neither a query nor a change of rows".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        }
        let key = self.bound(|binder| Ok(binder.new_name(name)))?;
        if self.named.contains_key(&key) {
            return Err(SqlError::at(Problem::Duplicate { name: key }, name.span));
        }
        let types = types.iter().map(|kind| self.bound(|binder| binder.data_type(kind, name.span)));
        let types = types.collect::<Result<Vec<DataType>, _>>()?;
        let parsed = Parsed::Statement(Box::new(statement.clone()));
        let prepared = self.prepared_of(parsed, statement.to_string(), Parameters::declared(&types))?;
        self.named.insert(key, prepared);
        Ok(())
    }

    /// `EXECUTE name (values)`.
    pub(super) fn execute_named(
        &mut self,
        name: &ast::ObjectName,
        arguments: &[ast::Expr],
        given: &[Value],
    ) -> Result<Outcome, SqlError> {
        let name = last_part(name)?;
        let key = self.named_key(name)?;
        let values = self.constants(arguments, given)?;
        // It is put back whatever comes of it.
        let Some(mut prepared) = self.named.remove(&key) else { return Ok(Outcome::default()) };
        let outcome = self.run_prepared(&mut prepared, &values);
        self.named.insert(key, prepared);
        outcome.map_err(|error| error.without_place().or_at(name.span.start))
    }

    /// `DEALLOCATE name`, or `ALL` of them.
    pub(super) fn deallocate(&mut self, name: &ast::Ident) -> Result<(), SqlError> {
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all") {
            self.named.clear();
            return Ok(());
        }
        let key = self.named_key(name)?;
        self.named.remove(&key);
        Ok(())
    }

    /// What a prepared statement is kept by.
    fn named_key(&self, name: &ast::Ident) -> Result<String, SqlError> {
        let key = self.bound(|binder| Ok(binder.new_name(name)))?;
        if self.named.contains_key(&key) {
            return Ok(key);
        }
        Err(SqlError::at(Problem::Unknown { kind: "prepared statement", name: key }, name.span))
    }

    /// The values of expressions without columns.
    fn constants(&self, exprs: &[ast::Expr], given: &[Value]) -> Result<Vec<Value>, SqlError> {
        if exprs.is_empty() {
            return Ok(Vec::new());
        }
        while_bound(|| {
            let catalog = self.catalog()?;
            let mut parameters = Parameters::of(given);
            let values = Binder::new(&catalog, self.dialect, &mut parameters).constants(exprs)?;
            let columns = values.into_iter().map(|expr| OutputColumn::new("value", expr)).collect();
            let values = parameters.converted(given)?;
            let session = self.under(catalog.schema_id());
            let row = session.query(&Query::new(Relation::Unit, columns), &values)?;
            Ok(row.rows.into_iter().next().unwrap_or_default())
        })
    }
}
