//! `COMMENT ON`.

use nuages_storage::TableId;
use sqlparser::ast::{self, CommentObject};

use super::bind::last_part;
use super::connection::Connection;
use super::error::{Problem, SqlError};
use crate::Outcome;
use crate::catalog::{Commented, SchemaId};

impl Connection {
    /// Keeps a comment; an empty one, or NULL, takes away the one that was there.
    pub(super) fn comment_on(
        &self,
        kind: CommentObject,
        name: &ast::ObjectName,
        text: Option<&str>,
        schema: SchemaId,
    ) -> Result<Outcome, SqlError> {
        let of = self.commented(kind, name)?;
        if of.table().is_some_and(TableId::is_temporary) {
            let feature = "a comment on a temporary table".to_owned();
            return Err(Problem::Unsupported { feature }.into());
        }
        let text = text.filter(|text| !text.is_empty());
        self.change_schema(schema, &mut |writing| writing.comment_on(&of, text))?;
        Ok(Outcome::default())
    }

    fn commented(&self, kind: CommentObject, name: &ast::ObjectName) -> Result<Commented, SqlError> {
        let catalog = self.catalog()?;
        let ident = name.0.last().and_then(|part| part.as_ident());
        let span = ident.map_or(sqlparser::tokenizer::Span::empty(), |ident| ident.span);
        Ok(match kind {
            CommentObject::Table => Commented::Table(self.table_of(name)?.id),
            CommentObject::Column => {
                let path = ast::ObjectName(name.0[..name.0.len().saturating_sub(1)].to_vec());
                let (Some(ident), false) = (ident, path.0.is_empty()) else {
                    let message = format!("expected table.column, found {name}");
                    return Err(SqlError::at(Problem::Syntax { message }, span));
                };
                let table = self.table_of(&path)?;
                let place = self.bound(|binder| binder.place_of(ident, &table))?;
                Commented::Column(table.id, table.columns[place].id)
            }
            CommentObject::Index => {
                let (table, index) = self.index_of(&catalog, last_part(name)?)?;
                let table = catalog.table_named(&table)?;
                Commented::Index(table.id, table.index_named(&index)?.id)
            }
            CommentObject::View => Commented::View(self.view_of(name)?),
            CommentObject::Sequence => Commented::Sequence(self.sequence_of(last_part(name)?)?.id),
            CommentObject::Type => Commented::Enum(self.enum_of(name)?.id),
            CommentObject::Schema if ident.is_some_and(|name| name.value.eq_ignore_ascii_case("public")) => {
                Commented::Schema
            }
            CommentObject::Schema => {
                let name = ident.map_or_else(String::new, |ident| ident.value.clone());
                return Err(SqlError::at(Problem::UnknownSchema { name }, span));
            }
            other => {
                let feature = format!("COMMENT ON {other}");
                return Err(SqlError::at(Problem::Unsupported { feature }, span));
            }
        })
    }
}
