//! What an INSERT does with a row whose key another row has: PostgreSQL's `ON CONFLICT`, SQLite's `OR IGNORE` and `OR
//! REPLACE`.

use std::sync::Arc;

use nuages_storage::IndexId;
use smallvec::SmallVec;
use sqlparser::ast::{self, ConflictTarget as Target, OnConflictAction, OnInsert, SqliteOnConflict};

use super::collation::lower;
use super::scope::{Columns, Scope, ScopeTable};
use super::{Binder, Bound, last_part, unsupported};
use crate::algebra::{ConflictAction, ConflictTarget, OnConflict, Source};
use crate::catalog::{Collation, IndexExpr, TableDefinition};
use crate::sql::error::{Problem, SqlError};

impl Binder<'_> {
    /// What a statement says; `scope` has the row that is there.
    pub(super) fn conflict(
        &mut self,
        insert: &ast::Insert,
        definition: &Arc<TableDefinition>,
        scope: &mut Scope<'_>,
    ) -> Bound<Option<OnConflict>> {
        let span = insert.insert_token.0.span;
        if !insert.assignments.is_empty() {
            return Err(SqlError::at(unsupported("INSERT with SET"), span));
        }
        let any = |action| Some(OnConflict { target: None, action });
        let by_verb = match &insert.or {
            Some(SqliteOnConflict::Ignore) => any(ConflictAction::PassOver),
            Some(SqliteOnConflict::Replace) => any(ConflictAction::Replace),
            Some(SqliteOnConflict::Abort) | None => None,
            Some(other) => return Err(SqlError::at(unsupported(format!("INSERT {other}")), span)),
        };
        let clause = match &insert.on {
            None => return Ok(by_verb),
            Some(OnInsert::OnConflict(clause)) => clause,
            Some(_) => return Err(SqlError::at(unsupported("ON DUPLICATE KEY UPDATE"), span)),
        };
        let target = clause.conflict_target.as_ref();
        let target = target.map(|target| self.conflict_target(target, definition)).transpose()?;
        let action = match &clause.action {
            OnConflictAction::DoNothing => ConflictAction::DoNothing,
            OnConflictAction::DoUpdate(update) => {
                let excluded = self.source();
                scope.tables.push(ScopeTable {
                    name: "excluded".to_owned(),
                    source: excluded,
                    columns: Columns::Table(Arc::clone(definition)),
                    // Without a table a column is that of the row that is there.
                    merged: (0..definition.columns.len()).collect::<SmallVec<_>>(),
                });
                let assignments = self.assignments(&update.assignments, definition, scope)?;
                scope.clause = "WHERE";
                let predicate = update.selection.as_ref();
                let predicate = predicate.map(|predicate| self.condition(predicate, scope)).transpose()?;
                scope.tables.pop();
                ConflictAction::DoUpdate { excluded, assignments, predicate }
            }
        };
        Ok(Some(OnConflict { target, action }))
    }

    fn conflict_target(&self, target: &Target, definition: &TableDefinition) -> Bound<ConflictTarget> {
        match target {
            Target::Columns(names) => {
                let places = names.iter().map(|name| self.place_of(name, definition));
                let places = places.collect::<Bound<Vec<_>>>()?;
                let folded =
                    places.iter().any(|place| definition.columns[*place].collation == Collation::IgnoreCase);
                let index = folded.then(|| index_over(&places, definition)).flatten();
                Ok(index.map_or(ConflictTarget::Columns(places), ConflictTarget::Index))
            }
            Target::OnConstraint(name) => {
                let name = last_part(name)?;
                if definition.row_id_column().is_some() && self.means(name, &definition.primary_key_name()) {
                    return Ok(ConflictTarget::Columns(definition.primary_key_columns().to_vec()));
                }
                let index = definition.indexes.iter().find(|index| self.means(name, &index.name));
                index.map(|index| ConflictTarget::Index(index.id)).ok_or_else(|| {
                    let problem = Problem::Unknown { kind: "constraint", name: name.value.clone() };
                    SqlError::at(problem, name.span)
                })
            }
        }
    }
}

/// The unique index over columns as their collations compare them.
fn index_over(places: &[usize], definition: &TableDefinition) -> Option<IndexId> {
    let parts = places.iter().map(|place| match definition.columns[*place].collation {
        Collation::Binary => IndexExpr::Column(*place),
        Collation::IgnoreCase => IndexExpr::Expression(lower(Source::SELF.column(*place).into())),
    });
    let parts: Vec<IndexExpr> = parts.collect();
    let unique =
        definition.indexes.iter().filter(|index| index.unique.is_some() && index.condition.is_none());
    let mut over = unique.filter(|index| index.parts.iter().map(|part| &part.expr).eq(parts.iter()));
    over.next().map(|index| index.id)
}
