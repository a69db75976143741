//! Statements about enumerations: `CREATE TYPE .. AS ENUM`, `ALTER TYPE`, `DROP TYPE`.

use sqlparser::ast::{self, AlterTypeAddValue, AlterTypeAddValuePosition, AlterTypeOperation};
use sqlparser::tokenizer::Span;

use super::bind::last_part;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::catalog::names::nearest;
use crate::catalog::{EnumDefinition, EnumId, EnumPlace, SchemaId};
use crate::{Error, Outcome};

/// The longest value of an enumeration, in bytes, as in PostgreSQL.
const LABEL_BYTES_MAX: usize = 63;

impl Connection {
    /// `CREATE TYPE`.
    pub(super) fn create_type(
        &self,
        name: &ast::ObjectName,
        representation: Option<&ast::UserDefinedTypeRepresentation>,
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let name = last_part(name)?;
        let Some(ast::UserDefinedTypeRepresentation::Enum { labels }) = representation else {
            let feature = "CREATE TYPE of anything but an ENUM".to_owned();
            return Err(SqlError::at(Problem::Unsupported { feature }, name.span));
        };
        let own = self.new_type_name(name)?;
        let mut names: Vec<String> = Vec::with_capacity(labels.len());
        for label in labels {
            // The parser keeps no places of values.
            check_label(label, name.span)?;
            if names.contains(&label.value) {
                return Err(SqlError::at(Problem::Duplicate { name: label.value.clone() }, name.span));
            }
            names.push(label.value.clone());
        }
        self.change_schema(schema, &mut |writing| writing.create_enum(&own, &names))?;
        Ok(Outcome::default())
    }

    /// The name of a type that is not there yet. Tables are types to PostgreSQL, and so their names are taken.
    fn new_type_name(&self, name: &ast::Ident) -> Result<String, SqlError> {
        let catalog = self.catalog()?;
        let is_known = self.bound(|binder| Ok(binder.is_type_name(name)))?;
        let own = self.bound(|binder| Ok(binder.new_name(name)))?;
        if is_known || catalog.enum_named(&own).is_some() || catalog.has_relation(&own) {
            return Err(SqlError::at(Problem::Duplicate { name: own }, name.span));
        }
        Ok(own)
    }

    /// The enumeration that a name means.
    ///
    /// # Errors
    /// [`Problem::UnknownType`].
    pub(super) fn enum_of(&self, name: &ast::ObjectName) -> Result<EnumDefinition, SqlError> {
        let ident = last_part(name)?;
        let found = self.bound(|binder| Ok(binder.enum_called(ident).map(|of| EnumDefinition::clone(of))))?;
        match found {
            Some(found) => Ok(found),
            None => {
                let catalog = self.catalog()?;
                let nearest = nearest(&ident.value, catalog.enums().map(|of| of.name.as_str()));
                Err(SqlError::at(Problem::UnknownType { name: ident.value.clone(), nearest }, ident.span))
            }
        }
    }

    /// `ALTER TYPE`.
    pub(super) fn alter_type(&self, alter: &ast::AlterType, schema: SchemaId) -> Result<Outcome, SqlError> {
        let of = self.enum_of(&alter.name)?;
        // The parser keeps no places of values.
        let span = last_part(&alter.name)?.span;
        match &alter.operation {
            AlterTypeOperation::Rename(rename) => {
                let to = self.new_type_name(&rename.new_name)?;
                if let Some(view) = self.views_naming_enum(of.id)?.into_iter().next() {
                    return Err(Error::EnumViewed { name: of.name, view }.into());
                }
                self.change_schema(schema, &mut |writing| writing.rename_enum(&of.name, &to))?;
            }
            AlterTypeOperation::AddValue(add) => self.add_value(&of, add, span, schema)?,
            AlterTypeOperation::RenameValue(_) => {
                let feature = "ALTER TYPE .. RENAME VALUE, which would change rows,".to_owned();
                return Err(SqlError::at(Problem::Unsupported { feature }, span));
            }
        }
        Ok(Outcome::default())
    }

    fn add_value(
        &self,
        of: &EnumDefinition,
        add: &AlterTypeAddValue,
        span: Span,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        check_label(&add.value, span)?;
        if of.rank(&add.value.value).is_some() {
            return match add.if_not_exists {
                true => Ok(()),
                false => Err(SqlError::at(Problem::Duplicate { name: add.value.value.clone() }, span)),
            };
        }
        let neighbour = |label: &ast::Ident| match of.rank(&label.value) {
            Some(_) => Ok(label.value.clone()),
            None => {
                let problem = crate::functions::enumeration::no_value(of, &label.value);
                Err(SqlError::at(Problem::Engine(problem), span))
            }
        };
        let place = match &add.position {
            None => EnumPlace::Last,
            Some(AlterTypeAddValuePosition::Before(label)) => EnumPlace::Before(neighbour(label)?),
            Some(AlterTypeAddValuePosition::After(label)) => EnumPlace::After(neighbour(label)?),
        };
        self.change_schema(schema, &mut |writing| writing.add_enum_label(&of.name, &add.value.value, &place))
    }

    /// `DROP TYPE`, of all names or none. With CASCADE the columns that are of them go, and the views that read those or
    /// name the types.
    pub(super) fn drop_types(
        &self,
        types: &[EnumDefinition],
        is_cascading: bool,
        schema: SchemaId,
    ) -> Result<(), SqlError> {
        let catalog = self.catalog()?;
        let (mut views, mut columns) = (Vec::new(), Vec::new());
        for of in types {
            let naming = self.views_naming_enum(of.id)?;
            if let Some(view) = naming.first().filter(|_| !is_cascading) {
                return Err(Error::EnumViewed { name: of.name.clone(), view: view.clone() }.into());
            }
            views.extend(naming);
            for (table, place) in catalog.columns_of_enum(of.id).filter(|_| is_cascading) {
                views.extend(self.views_over(table, Some(place))?);
                columns.push((table.name.clone(), table.columns[place].name.clone()));
            }
        }
        views.sort();
        views.dedup();
        let ids: Vec<EnumId> = types.iter().map(|of| of.id).collect();
        self.change_schema(schema, &mut |writing| {
            views.iter().try_for_each(|view| writing.drop_view(view))?;
            for (table, column) in &columns {
                writing.drop_column(table, column)?;
                // The next finds the rows as this one has left them.
                writing.writer().advance();
            }
            writing.drop_enums(&ids)
        })
    }
}

fn check_label(label: &ast::Ident, span: Span) -> Result<(), SqlError> {
    if label.quote_style != Some('\'') {
        let message = format!("expected a text in single quotes, found {label}");
        return Err(SqlError::at(Problem::Syntax { message }, span));
    }
    if label.value.is_empty() || label.value.len() > LABEL_BYTES_MAX {
        let problem = Problem::Type {
            expression: "a value of an enumeration".to_owned(),
            expected: format!("1 to {LABEL_BYTES_MAX} bytes"),
            got: label.value.len().to_string(),
        };
        return Err(SqlError::at(problem, span));
    }
    Ok(())
}
