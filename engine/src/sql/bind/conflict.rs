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
use crate::catalog::{Collation, IndexExpr, KeyConflict, TableDefinition};
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
        if insert.ignore || insert.overwrite {
            return Err(SqlError::at(unsupported("INSERT IGNORE or OVERWRITE"), span));
        }
        let further = std::mem::take(&mut self.beyond.conflicts);
        let first = match &insert.on {
            None => None,
            Some(OnInsert::OnConflict(clause)) => Some(clause),
            Some(_) => return Err(SqlError::at(unsupported("ON DUPLICATE KEY UPDATE"), span)),
        };
        let clauses = first.into_iter().chain(&further);
        let mut rules = clauses
            .map(|clause| self.conflict_clause(clause, definition, scope))
            .collect::<Bound<Vec<OnConflict>>>()?;
        match &insert.or {
            Some(SqliteOnConflict::Ignore) => rules.push(OnConflict::new(None, ConflictAction::PassOver)),
            Some(SqliteOnConflict::Replace) => rules.push(OnConflict::new(None, ConflictAction::Replace)),
            Some(SqliteOnConflict::Abort) => {}
            None => rules.extend(rules_of_keys(definition)),
            Some(other) => return Err(SqlError::at(unsupported(format!("INSERT {other}")), span)),
        }
        Ok(rules
            .into_iter()
            .rev()
            .reduce(|then, rule| OnConflict { otherwise: Some(Box::new(then)), ..rule }))
    }

    /// What an `ON CONFLICT` says.
    fn conflict_clause(
        &mut self,
        clause: &ast::OnConflict,
        definition: &Arc<TableDefinition>,
        scope: &mut Scope<'_>,
    ) -> Bound<OnConflict> {
        let target = clause.conflict_target.as_ref();
        let target = target.map(|target| self.conflict_target(target, definition, scope)).transpose()?;
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
                ConflictAction::DoUpdate { excluded, assignments, predicate, one_by_one: self.is_sqlite() }
            }
        };
        Ok(OnConflict::new(target, action))
    }

    fn conflict_target(
        &self,
        target: &Target,
        definition: &TableDefinition,
        scope: &Scope<'_>,
    ) -> Bound<ConflictTarget> {
        match target {
            Target::Columns(names) => {
                let places = names.iter().map(|name| self.place_set(name, definition, scope));
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

/// What the keys of a table say of themselves: first those that keep the row that is there, then those that replace it.
fn rules_of_keys(definition: &TableDefinition) -> Vec<OnConflict> {
    let row_id = definition.row_id_column();
    let row_id = row_id.map(|place| (ConflictTarget::Columns(vec![place]), definition.row_id_conflict));
    let unique = definition.indexes.iter().filter_map(|index| Some((index.id, index.unique.as_ref()?)));
    let unique = unique.map(|(id, unique)| (ConflictTarget::Index(id), unique.on_conflict));
    let keys: Vec<_> = row_id.into_iter().chain(unique).collect();
    let rules = |wanted: KeyConflict, action: ConflictAction| {
        let of = keys.iter().filter(move |(_, rule)| *rule == wanted);
        of.map(move |(target, _)| OnConflict::new(Some(target.clone()), action.clone()))
    };
    let kept = rules(KeyConflict::Ignore, ConflictAction::DoNothing);
    kept.chain(rules(KeyConflict::Replace, ConflictAction::Replace)).collect()
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
