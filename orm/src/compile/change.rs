//! Statements that change rows: the rows of a queryset, and what is written into them.

use nuages_engine::algebra::{Delete, Expr, Query, Source, Update};

use super::{Compiler, ScopeId, joins::Reuse};
use crate::{
    assignment::AssignmentNode,
    error::{Misuse, Result},
    queryset::state::QueryState,
    save::own_field,
};

impl Compiler<'_> {
    /// Which rows of its model's own table a queryset has, as a predicate over them. If other tables are asked, it
    /// is whether the row's key is among those of a subquery.
    pub(crate) fn single_table(&mut self, state: &QueryState) -> Result<(Source, Option<Expr>)> {
        let (scope, predicate) = self.rows_of(state)?;
        Ok((self.scopes[scope].joins.get(0).source, predicate))
    }

    /// An update of a queryset's rows.
    pub(crate) fn update(&mut self, state: &QueryState, list: &[AssignmentNode]) -> Result<Update> {
        let (scope, predicate) = self.rows_of(state)?;
        let tables = self.scopes[scope].joins.len();
        let mut assignments = Vec::with_capacity(list.len());
        for one in list {
            let field = own_field(one.step).ok_or(Misuse::JoinHere { place: "update" })?;
            let column = self.binding.column(state.model, field)?;
            let value = self.expression(scope, &one.value, &mut Reuse::All)?;
            if self.is_aggregate(scope, &value) {
                return Err(Misuse::AggregateHere { place: "update" }.into());
            }
            assignments.push((column, value));
        }
        if self.scopes[scope].joins.len() > tables {
            return Err(Misuse::JoinHere { place: "update" }.into());
        }
        let table = self.binding.model(state.model)?.table;
        let source = self.scopes[scope].joins.get(0).source;
        Ok(Update { table, source, predicate, assignments, returning: Vec::new() })
    }

    /// A deletion of a queryset's rows.
    pub(crate) fn delete(&mut self, state: &QueryState) -> Result<Delete> {
        let (source, predicate) = self.single_table(state)?;
        Ok(Delete { table: self.binding.model(state.model)?.table, source, predicate, returning: Vec::new() })
    }

    fn rows_of(&mut self, state: &QueryState) -> Result<(ScopeId, Option<Expr>)> {
        let clauses = state.clauses();
        let scope = self.load(state, None)?;
        let plain = clauses.slice.is_all() && clauses.combined.is_empty() && !state.is_distinct_on();
        if plain && self.scopes[scope].joins.len() == 1 && self.scopes[scope].aggregates.is_empty() {
            let mut predicate = std::mem::take(&mut self.scopes[scope].predicate);
            let predicate = match predicate.len() {
                0 => None,
                1 => predicate.pop(),
                _ => Some(predicate.into_iter().fold(Expr::And(Vec::new()), Expr::and)),
            };
            return Ok((scope, predicate));
        }
        let annotations = std::mem::take(&mut self.scopes[scope].annotations);
        let outer = self.open(state.model, None)?;
        self.scopes[outer].annotations = annotations;
        let keys = self.keys(state)?;
        let key =
            self.own_key(outer)?.into_iter().next().ok_or(Misuse::NotAColumn { model: state.model.name })?;
        Ok((outer, Some(Expr::InQuery(Box::new(key), Box::new(keys)))))
    }

    /// The keys of a queryset's rows; a query of one column.
    pub(crate) fn keys(&mut self, state: &QueryState) -> Result<Query> {
        let mut bare = state.clone();
        if !bare.is_plain() {
            let clauses = bare.clauses_mut();
            clauses.shape = Default::default();
            clauses.select_related.clear();
        }
        self.subquery_of(&bare, None)
    }
}
