//! Views that depend on tables and sequences. A view is kept as text and bound anew in each statement that names it, so what it calls by
//! name must not go by another, nor go.

use nuages_storage::{SequenceId, TableId};

use super::bind::Binder;
use super::connection::Connection;
use super::error::SqlError;
use super::parameters::Parameters;
use super::parse::{Parsed, SHALLOW_NESTING_MAX, parse, split};
use super::print::Identifier;
use crate::Error;
use crate::algebra::walk::{each_relation_mut, walk_query};
use crate::algebra::{Expr, Query, Relation};
use crate::catalog::sequence::is_call_of;
use crate::catalog::{Catalog, EnumId, SequenceDefinition, TableDefinition};
use crate::error::SchemaObject;

impl Connection {
    /// The views that read a table, itself or through other views; of a column, those that read that. What is no view any
    /// more, because something of it is gone, reads nothing.
    pub(super) fn views_over(
        &self,
        table: &TableDefinition,
        column: Option<usize>,
    ) -> Result<Vec<String>, SqlError> {
        let catalog = self.catalog()?;
        let is_over = |name: &str| {
            let query = self.read(&format!("SELECT * FROM public.{}", Identifier(name)));
            query.is_ok_and(|mut query| reads(&mut query, table.id, column))
        };
        let names = catalog.views().map(|view| view.name.clone());
        Ok(names.filter(|name| is_over(name)).collect())
    }

    /// The views that read a sequence or draw from it, themselves or through other views.
    pub(super) fn views_of_sequence(&self, id: SequenceId) -> Result<Vec<String>, SqlError> {
        let catalog = self.catalog()?;
        let is_of = |name: &str| {
            let query = self.read(&format!("SELECT * FROM public.{}", Identifier(name)));
            query.is_ok_and(|query| {
                let mut found = false;
                walk_query(&query, &mut |expr| found |= is_call_of(expr, id));
                found
            })
        };
        let names = catalog.views().map(|view| view.name.clone());
        Ok(names.filter(|name| is_of(name)).collect())
    }

    /// The views that name an enumeration, as a cast does: what is no view any more without it.
    pub(super) fn views_naming_enum(&self, id: EnumId) -> Result<Vec<String>, SqlError> {
        let catalog = self.catalog()?;
        let others = catalog.enums().filter(|of| of.id != id).cloned();
        let without = catalog.with_enums(others.collect());
        let is_view = |catalog: &Catalog, name: &str| {
            let text = format!("SELECT * FROM public.{}", Identifier(name));
            let tokens =
                split(&text, self.dialect).map(|mut statements| statements.pop().unwrap_or_default());
            let parsed = tokens.and_then(|tokens| parse(tokens, self.dialect, SHALLOW_NESTING_MAX));
            let Ok(Parsed::Query(query)) = parsed else { return false };
            Binder::new(catalog, self.dialect, &mut Parameters::default()).query(&query, None).is_ok()
        };
        let names = catalog.views().map(|view| view.name.clone());
        Ok(names.filter(|name| is_view(&catalog, name) && !is_view(&without, name)).collect())
    }

    /// That no view reads a sequence or draws from it.
    ///
    /// # Errors
    /// [`Error::SequenceViewed`].
    pub(super) fn expect_no_view_of_sequence(&self, sequence: &SequenceDefinition) -> Result<(), SqlError> {
        match self.views_of_sequence(sequence.id)?.into_iter().next() {
            Some(view) => Err(Error::SequenceViewed { name: sequence.name.clone(), view }.into()),
            None => Ok(()),
        }
    }

    /// That no view reads a table, or a column of it.
    ///
    /// # Errors
    /// [`Error::Depended`].
    pub(super) fn expect_no_view(
        &self,
        table: &TableDefinition,
        column: Option<usize>,
    ) -> Result<(), SqlError> {
        let Some(view) = self.views_over(table, column)?.into_iter().next() else { return Ok(()) };
        let column = column.and_then(|place| table.columns.get(place));
        let object = column.map_or(SchemaObject::Table, |column| SchemaObject::Column(column.name.clone()));
        let dependent = SchemaObject::View(view);
        Err(Error::Depended { table: table.name.clone(), object, dependent }.into())
    }
}

/// Whether a query reads a table, or a column of it.
fn reads(query: &mut Query, table: TableId, column: Option<usize>) -> bool {
    let mut sources = Vec::new();
    each_relation_mut(query, &mut |relation| match relation {
        Relation::Scan { table: of, source } if *of == table => sources.push(*source),
        _ => {}
    });
    let Some(place) = column else { return !sources.is_empty() };
    let mut found = false;
    walk_query(query, &mut |expr| {
        if let Expr::Column(column) = expr {
            found |= !column.is_row_id() && column.index() == place && sources.contains(&column.source());
        }
    });
    found
}
